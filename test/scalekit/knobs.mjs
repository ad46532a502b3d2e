// Everything a test may turn, with its normal position. README.md explains each.

import { endlessNames } from './http.mjs';
import { mutationNames } from './mutations.mjs';

export const defaultKnobs = () => ({
  // what is registered with Scalekit
  redirectUris: [],
  postLogoutRedirectUris: [],
  backChannelLogoutUris: [],
  mode: 'fsa',
  requirePkce: false,

  // who logs in
  autoLogin: null,
  honourLoginHint: false,
  denyLogin: null,
  ignoreOrganization: false,

  // tokens
  codeLife: 600,
  accessTokenLife: 300,
  idTokenLife: 1800,
  machineTokenLife: 86400,
  clockSkew: 0,
  echoNonce: true,
  audience: 'array',
  accessAudience: null,
  permissionClaim: 'permissions',
  emptyPermissionClaims: [],
  permissionCount: 0,

  // refresh
  refreshRotation: 'strict',
  refreshGrace: 30,
  refreshIdToken: true,

  // the key set
  keys: { empty: false, encryptionKey: false, extraKeys: 0 },

  // what goes wrong: one entry each, see fail and mutate in README.md
  fail: { authorize: null, token: null, keys: null, discovery: null, logout: null },
  mutate: { id: null, access: null, machine: null, idp: null, logout: null },
});

const choices = {
  mode: ['fsa', 'modular'],
  audience: ['array', 'string'],
  refreshRotation: ['strict', 'grace', 'family', 'off'],
};

const failModes = ['status', 'slow', 'hang', 'disconnect', 'html', 'truncated', 'edit', 'swap', 'gzip', 'moved', 'endless'];

const refuse = (text) => { throw new TypeError(text); };
const check = (name, allowed, value) => {
  if (!allowed.includes(value)) refuse(`${name}: ${JSON.stringify(value)} is none of ${allowed.join(', ')}`);
};

// Sets knobs. Groups (keys, fail, mutate) are merged one level deep; anything else is replaced.
// A name or value that does not exist is an error: a test with a typing mistake must not pass.
export function turn(knobs, patch) {
  for (const [name, value] of Object.entries(patch)) {
    check('knob', Object.keys(knobs), name);
    if (choices[name]) check(name, choices[name], value);
    if (!['keys', 'fail', 'mutate'].includes(name)) {
      knobs[name] = value;
      continue;
    }
    for (const [part, setting] of Object.entries(value)) {
      check(name, Object.keys(knobs[name]), part);
      knobs[name][part] = prepare(name, setting);
    }
  }
}

function prepare(group, setting) {
  if (group === 'keys' || setting === null) return setting;
  if (group === 'fail') {
    check('fail mode', failModes, setting.mode);
    if (setting.mode === 'endless') check('endless', endlessNames, setting.what);
    return { ...setting };
  }
  const mutation = typeof setting === 'string' ? { apply: [setting] }
    : Array.isArray(setting) ? { apply: setting } : { ...setting };
  for (const name of mutation.apply ?? []) check('mutation', mutationNames, name);
  return mutation;
}

// The entry of `fail` or `mutate` that holds now, counting down its `times`.
export function take(group, name, grant) {
  const entry = group[name];
  if (!entry || entry.times === 0 || (entry.grant && entry.grant !== grant)) return null;
  if (entry.times) entry.times -= 1;
  return entry;
}
