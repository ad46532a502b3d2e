// Authorization codes and refresh tokens: made, used once, found again.

import { random } from './keys.mjs';

// `grant` is { redirectUri, scope, nonce, challenge, session, organizationId, connectionId }.
export function newCode(env, grant) {
  const code = random(32);
  env.codes.set(code, { ...grant, used: false, expires: env.now() + env.knobs.codeLife });
  return code;
}

export function newRefreshToken(env, grant, family) {
  const token = `rt_${random(32)}`;
  env.refreshTokens.set(token, { grant, family: family ?? { revoked: false }, usedAt: null, presented: 0, accepted: 0 });
  return token;
}

// Modular SSO has no session that could be refreshed (assumed), and apps without offline_access get none.
export function mayRefresh(env, { scope }) {
  return env.knobs.mode === 'fsa' && scope.split(' ').includes('offline_access');
}

// Whether a refresh token that was presented is good, by the rotation that is set. Strict is what Scalekit
// documents; grace, family revocation and no rotation are assumptions a client should survive.
export function redeem(env, token) {
  const entry = env.refreshTokens.get(token);
  if (!entry) return null;
  entry.presented += 1;
  const { refreshRotation, refreshGrace } = env.knobs;
  const now = env.now();
  const reused = entry.usedAt !== null && refreshRotation !== 'off'
    && !(refreshRotation === 'grace' && now - entry.usedAt <= refreshGrace);
  if (reused && refreshRotation === 'family') entry.family.revoked = true;
  if (reused || entry.family.revoked || entry.grant.session.ended) return null;
  entry.usedAt ??= now;
  entry.accepted += 1;
  return entry;
}
