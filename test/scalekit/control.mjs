// The other side of the stand-in: what a test tells it, and what it tells a test.

import { turn } from './knobs.mjs';
import { rotate } from './keys.mjs';
import { endSessions } from './logout.mjs';

// Besides knobs a patch may hold actions, carried out in this order:
//   reset: true               knobs and people as at the start; sessions, codes and keys stay
//   forget: true              recorded requests, deliveries and counters go
//   users: { key: {...} }     changes people (roles, permissions, organization, email, ...)
//   rotateKeys: keep or drop  a new signing key; the old one stays published, or not
//   endSession: sid, user or all   ends sessions from Scalekit's side; waits for the back-channel calls
export async function control(env, { reset, forget, users = {}, rotateKeys, endSession, ...knobs }) {
  if (reset) env.reset();
  if (forget) env.forgetRequests();
  turn(env.knobs, knobs);
  for (const [key, change] of Object.entries(users)) env.people.change(key, change);
  if (rotateKeys) rotate(env.keys, rotateKeys === 'keep');
  if (endSession) {
    const user = env.people.find(endSession);
    await endSessions(env, (session) => endSession === 'all' || session.user === user || session.sid === endSession);
  }
}

export const state = (env) => structuredClone({
  issuer: env.issuer,
  clientId: env.clientId,
  knobs: env.knobs,
  users: env.people.users,
  organizations: env.people.organizations,
  keys: { current: env.keys.current.kid, published: env.keys.published.map(({ kid }) => kid) },
  sessions: env.sessions.map(({ sid, user, organizationId, ended }) => ({ sid, user: user.id, organizationId, ended })),
  counters: env.counters,
  reusedRefreshTokens: [...env.refreshTokens]
    .filter(([, { presented }]) => presented > 1)
    .map(([token, { presented, accepted }]) => ({ token, presented, accepted })),
  deliveries: env.deliveries,
  requests: env.requests,
});
