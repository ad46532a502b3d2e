// One Scalekit environment: its people, keys, clients, sessions, codes and refresh tokens.

import { setMaxListeners } from 'node:events';
import { defaultKnobs, turn } from './knobs.mjs';
import { newId, newKeyRing, random } from './keys.mjs';
import { createPeople, defaultOrganizations, defaultUsers } from './people.mjs';

export const sessionCookie = 'scalekit_session';
const keptRequests = 1000;

export function createEnvironment(options) {
  const {
    clientId = 'skc_58300000000000001',
    clientSecret = 'test_made-up-secret-of-the-stand-in',
    machineClients = [],
    users = defaultUsers,
    organizations = defaultOrganizations,
    issuer,
    key,
    ...knobPatch
  } = options;

  const firstKnobs = defaultKnobs();
  turn(firstKnobs, knobPatch);

  const env = {
    issuer, // set to the URL when the port is known, unless given
    clientId,
    clientSecret,
    clients: [
      { id: clientId, secret: clientSecret },
      {
        id: 'm2morg_17500000000000001',
        secret: 'test_made-up-secret-of-a-machine',
        organizationId: organizations[0]?.id,
        scopes: ['projects:read', 'projects:create'],
      },
      ...machineClients,
    ],
    keys: newKeyRing(key),
    people: createPeople(users, organizations),
    knobs: structuredClone(firstKnobs),
    sessions: [],
    codes: new Map(),
    refreshTokens: new Map(),
    requests: [],
    counters: { endpoints: {}, grants: {} },
    deliveries: [], // back-channel logouts sent
    closing: new AbortController(),

    now: () => Math.floor(Date.now() / 1000) + env.knobs.clockSkew,

    reset() {
      env.knobs = structuredClone(firstKnobs);
      env.people.reset();
    },

    forgetRequests() {
      env.requests.length = 0;
      env.deliveries.length = 0;
      env.counters = { endpoints: {}, grants: {} };
    },

    record(entry) {
      env.requests.push(entry);
      if (env.requests.length > keptRequests) env.requests.shift();
    },

    count(group, name) {
      env.counters[group][name] = (env.counters[group][name] ?? 0) + 1;
    },

    // The live session of this browser.
    sessionOf(request) {
      const cookie = request.cookies[sessionCookie];
      return env.sessions.find((session) => session.cookie === cookie && !session.ended);
    },

    openSession(user) {
      const session = { sid: newId('ses'), cookie: random(32), user, ended: false };
      env.sessions.push(session);
      return session;
    },

    // What the tokens of a login are made of. Looked up anew at each refresh, so that changed
    // roles and permissions show.
    login({ session, organizationId, connectionId, scope }) {
      const { user } = session;
      const membership = env.people.membership(user, organizationId);
      return { session, user, membership, organization: env.people.organization(organizationId), connectionId, scope };
    },
  };
  setMaxListeners(0, env.closing.signal); // every slow answer listens to it
  return env;
}
