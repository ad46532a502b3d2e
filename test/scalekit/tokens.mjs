// What each kind of token says, and how it is issued.
// Scalekit's tokens share keys, typ, iss and mostly aud; only their claims tell them apart.

import { mutate } from './mutations.mjs';
import { compact, newId, random, sha256 } from './keys.mjs';
import { take } from './knobs.mjs';

const halfHash = (text) => sha256(text).subarray(0, 16).toString('base64url');

// Drops what is undefined, so that optional claims can be written in place.
const present = (claims) => Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));

const audience = (env, value) => (env.knobs.audience === 'string' ? value : [value]);

// In modular SSO the subject is the connection and the user's id at the identity provider.
export const subjectOf = (env, { user, connectionId }) =>
  (env.knobs.mode === 'modular' ? `${connectionId};${user.email}` : user.id);

function external({ user, organization }) {
  return { xoid: organization.externalId, xuid: user.externalId };
}

export function accessClaims(env, login) {
  const { knobs, issuer, clientId } = env;
  const now = env.now();
  const claims = {
    iss: issuer,
    sub: subjectOf(env, login),
    aud: knobs.accessAudience ?? audience(env, clientId),
    client_id: clientId,
    iat: now,
    nbf: now,
    exp: now + knobs.accessTokenLife,
    jti: newId('tkn'),
    ...external(login),
    ...login.user.accessClaims,
  };
  // A modular access token says nothing of session, organization or rights.
  if (knobs.mode === 'modular') return present(claims);
  return present({
    ...claims,
    oid: login.organization.id,
    sid: login.session.sid,
    roles: login.membership.roles,
    ...permissionClaims(knobs, login.membership.permissions),
    scope: login.scope,
  });
}

function permissionClaims({ permissionClaim, emptyPermissionClaims, permissionCount }, permissions) {
  const padded = [...permissions];
  for (let n = padded.length + 1; n <= permissionCount; n += 1) {
    padded.push(`resource_${String(n).padStart(4, '0')}:operation`);
  }
  const empty = emptyPermissionClaims.map((name) => [name, []]);
  return { ...Object.fromEntries(empty), [permissionClaim]: padded };
}

export function idClaims(env, login, { accessToken, code, nonce }) {
  const { knobs, issuer, clientId } = env;
  const now = env.now();
  const { user } = login;
  const claims = {
    iss: issuer,
    sub: subjectOf(env, login),
    aud: audience(env, clientId),
    azp: clientId,
    client_id: clientId,
    iat: now,
    exp: now + knobs.idTokenLife,
    amr: [login.connectionId],
    at_hash: halfHash(accessToken),
    c_hash: code && halfHash(code),
    nonce: knobs.echoNonce ? nonce : undefined, // assumed: no documented sample has a nonce
    email: user.email,
    email_verified: user.emailVerified,
    name: user.name,
    given_name: user.givenName,
    family_name: user.familyName,
    ...external(login),
    ...user.idClaims,
  };
  if (knobs.mode === 'modular') return present(claims);
  return present({ ...claims, oid: login.organization.id, sid: login.session.sid });
}

export function machineClaims(env, client, scopes) {
  const now = env.now();
  return present({
    iss: env.issuer,
    sub: client.id,
    client_id: client.id,
    aud: client.audience, // absent unless the client was registered with one
    oid: client.organizationId,
    scopes,
    iat: now,
    nbf: now,
    exp: now + env.knobs.machineTokenLife,
    jti: newId('tkn'),
  });
}

// No aud, sub, jti or nonce: that is how Scalekit sends it.
export function idpInitiatedClaims(env, { organizationId, connectionId, loginHint, relayState }) {
  const now = env.now();
  return present({
    iss: env.issuer,
    organization_id: organizationId,
    connection_id: connectionId,
    login_hint: loginHint,
    relay_state: relayState,
    iat: now,
    nbf: now,
    exp: now + 300,
  });
}

// Assumed: Scalekit's payload is not documented; this is OpenID Connect Back-Channel Logout 1.0.
export function logoutClaims(env, { sub, sid }) {
  const now = env.now();
  return present({
    iss: env.issuer,
    aud: audience(env, env.clientId),
    sub,
    sid,
    iat: now,
    exp: now + 120,
    jti: random(16),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  });
}

// Signs one token, spoilt first if a knob says so. `kind` is id, access, machine, idp or logout.
export function issue(env, kind, claims, grant) {
  const draft = { header: { alg: 'RS256', kid: env.keys.current.kid, typ: 'JWT' }, claims, key: env.keys.current };
  const mutation = take(env.knobs.mutate, kind, grant);
  if (mutation) mutate(draft, mutation);
  const token = compact(draft.header, draft.claims, draft.key);
  return draft.breakSignature ? breakSignature(token) : token;
}

function breakSignature(token) {
  const at = token.lastIndexOf('.') + 10;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

// The tokens of one login, as the token endpoint hands them out.
export function tokenSet(env, login, { grant, code, nonce }) {
  const accessToken = issue(env, 'access', accessClaims(env, login), grant);
  const answer = { access_token: accessToken };
  if (grant !== 'refresh_token' || env.knobs.refreshIdToken) {
    answer.id_token = issue(env, 'id', idClaims(env, login, { accessToken, code, nonce }), grant);
  }
  // Scalekit's samples say 299 for a token of 300 seconds.
  return { ...answer, expires_in: env.knobs.accessTokenLife - 1, token_type: 'Bearer', scope: login.scope };
}
