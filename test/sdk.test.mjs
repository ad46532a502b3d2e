// Scalekit's own SDK against the stand-in: what it accepts and refuses shows that the stand-in is faithful.
// The SDK does not check everything, so jose has a second look at what a strict client would.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach, test as nodeTest } from 'node:test';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { startScalekit } from './scalekit/index.mjs';

// The SDK is CommonJS and requires an ES module, which Node does from 20.19 on, whatever its engines field says.
const runs = process.features.require_module;
const test = runs ? nodeTest : nodeTest.skip;
const { ScalekitClient } = runs ? await import('@scalekit-sdk/node') : {};

const redirectUri = 'http://127.0.0.1:8080/auth/callback';
const afterLogout = 'http://127.0.0.1:8080/';
const scopes = ['openid', 'profile', 'email', 'offline_access'];

let scalekit;
let client;
const newClient = () => new ScalekitClient(scalekit.url, scalekit.clientId, scalekit.clientSecret);

before(async () => {
  scalekit = await startScalekit({ redirectUris: [redirectUri], postLogoutRedirectUris: [afterLogout] });
});
after(() => scalekit.close());
beforeEach(async () => {
  if (!runs) return;
  await scalekit.control({ reset: true, forget: true, autoLogin: 'ada@acme.test' });
  client = newClient();
});

const base64url = (bytes) => bytes.toString('base64url');
const sha256 = (text) => createHash('sha256').update(text).digest();

function pkce() {
  const verifier = base64url(randomBytes(48));
  return { verifier, codeChallenge: base64url(sha256(verifier)), codeChallengeMethod: 'S256' };
}

// Follows the SDK's URL as a browser would, up to the redirect back; returns where it leads.
async function visit(url, cookie = '') {
  const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
  assert.equal(response.status, 302, await response.text());
  const [newCookie] = (response.headers.get('set-cookie') ?? '').split(';');
  return { location: new URL(response.headers.get('location')), cookie: newCookie || cookie };
}

async function logIn(options = {}) {
  const { verifier, ...challenge } = pkce();
  const { location, cookie } = await visit(client.getAuthorizationUrl(redirectUri, { scopes, ...challenge, ...options }));
  const code = location.searchParams.get('code');
  const tokens = await client.authenticateWithCode(code, redirectUri, { codeVerifier: verifier });
  return { code, verifier, location, cookie, ...tokens };
}

test('authorization URL: every parameter is accepted, state comes back', async () => {
  const ada = scalekit.state().users.find(({ email }) => email === 'ada@acme.test');
  const { location } = await visit(client.getAuthorizationUrl(redirectUri, {
    scopes,
    state: 'a b+c/=&?é',
    nonce: 'n-1',
    loginHint: 'ada@acme.test',
    domainHint: 'acme.test',
    connectionId: ada.connectionId,
    organizationId: ada.memberships[0].organizationId,
    provider: 'google',
    prompt: 'login',
    codeChallenge: base64url(sha256('x')),
    codeChallengeMethod: 'S256',
  }));
  assert.equal(location.origin + location.pathname, redirectUri);
  assert.equal(location.searchParams.get('state'), 'a b+c/=&?é');
  assert.ok(location.searchParams.get('code'));
  const { query } = scalekit.state().requests.at(-1);
  assert.equal(query.scope, scopes.join(' '));
  assert.equal(query.domain, query.domain_hint);
  assert.equal(query.organization_id, ada.memberships[0].organizationId);
});

test('authorization URL: an unknown redirect URI is no redirect', async () => {
  const url = client.getAuthorizationUrl(`${redirectUri}/`, { scopes });
  const response = await fetch(url, { redirect: 'manual' });
  assert.equal(response.status, 400);
  assert.equal(response.headers.get('location'), null);
});

test('authorization URL: errors come back to the application', async () => {
  const refused = async (options) => {
    const { location } = await visit(client.getAuthorizationUrl(redirectUri, { state: 's', ...options }));
    return location.searchParams;
  };
  assert.equal((await refused({ scopes: ['email'] })).get('error'), 'invalid_scope');
  assert.equal((await refused({ organizationId: 'org_1' })).get('error'), 'invalid_organization_id');
  assert.equal((await refused({ connectionId: 'conn_1' })).get('error'), 'invalid_connection_id');
  assert.equal((await refused({ codeChallenge: 'x', codeChallengeMethod: 'plain' })).get('error'), 'invalid_request');
  await scalekit.control({ denyLogin: { error: 'access_denied', error_description: 'No' } });
  const answer = await refused();
  assert.deepEqual(Object.fromEntries(answer), { error: 'access_denied', error_description: 'No', state: 's' });
});

test('code exchange with PKCE: tokens and user', async () => {
  const { user, accessToken, idToken, refreshToken, expiresIn } = await logIn();
  assert.equal(user.email, 'ada@acme.test');
  assert.equal(user.name, 'Ada Admin');
  assert.equal(user.givenName, 'Ada');
  assert.equal(user.emailVerified, true);
  assert.match(user.id, /^usr_\d+$/);
  assert.match(refreshToken, /^rt_/);
  assert.equal(expiresIn, 299);
  assert.deepEqual(decodeJwt(accessToken).permissions, ['organization:settings', 'projects:read', 'projects:create']);
  assert.notEqual(idToken, accessToken);
});

test('code exchange: without offline_access there is no refresh token', async () => {
  const { refreshToken } = await logIn({ scopes: ['openid', 'email'] });
  assert.equal(refreshToken, undefined);
});

test('code exchange: wrong verifier, missing verifier, other redirect URI and reuse are refused', async () => {
  const { codeChallenge, codeChallengeMethod, verifier } = pkce();
  const { location } = await visit(client.getAuthorizationUrl(redirectUri, { scopes, codeChallenge, codeChallengeMethod }));
  const code = location.searchParams.get('code');
  const exchange = (uri, codeVerifier) => client.authenticateWithCode(code, uri, { codeVerifier });
  await assert.rejects(exchange(redirectUri, pkce().verifier), /400|invalid_grant/i);
  await assert.rejects(exchange(redirectUri), /400|invalid_grant/i);
  await assert.rejects(exchange(afterLogout, verifier), /400|invalid_grant/i);
  await exchange(redirectUri, verifier);
  await assert.rejects(exchange(redirectUri, verifier), /400|invalid_grant/i);
});

test('code exchange: a wrong client secret is refused', async () => {
  client = new ScalekitClient(scalekit.url, scalekit.clientId, 'wrong');
  await assert.rejects(logIn(), /401|invalid_client/i);
});

test('validateToken: issuer, audience and scopes', async () => {
  const { accessToken } = await logIn();
  const issuer = scalekit.url;
  const audience = [scalekit.clientId];
  assert.equal((await client.validateToken(accessToken, { issuer, audience })).iss, issuer);
  assert.equal(await client.validateAccessToken(accessToken, { issuer, audience }), true);
  assert.equal(await client.validateAccessToken(accessToken, { issuer: 'https://other.test' }), false);
  assert.equal(await client.validateAccessToken(accessToken, { audience: ['skc_1'] }), false);
  // A user's token has `scope`, a string; the SDK looks at `scopes`, a list.
  assert.equal(await client.validateAccessToken(accessToken, { requiredScopes: ['openid'] }), false);
});

test('validateToken: an array or a string is a good audience', async () => {
  await scalekit.control({ audience: 'string' });
  const { accessToken } = await logIn();
  assert.equal(decodeJwt(accessToken).aud, scalekit.clientId);
  assert.equal(await client.validateAccessToken(accessToken, { audience: [scalekit.clientId] }), true);
});

const refused = [
  'algNone', 'hs256', 'wrongKid', 'crit', 'otherKey', 'badSignature', 'wrongIssuer', 'wrongAudience',
  'expired', 'stringExp', 'futureNbf',
];
for (const mutation of refused) {
  test(`validateToken refuses a token with ${mutation}`, async () => {
    await scalekit.control({ mutate: { access: mutation } });
    const { accessToken } = await logIn();
    const rules = { issuer: scalekit.url, audience: [scalekit.clientId] };
    assert.equal(await client.validateAccessToken(accessToken, rules), false);
  });
}

test('validateToken refuses a token that was changed on the way', async () => {
  const { accessToken } = await logIn();
  const [header, payload, signature] = accessToken.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  const forged = base64url(Buffer.from(JSON.stringify({ ...claims, roles: ['owner'] })));
  assert.equal(await client.validateAccessToken(`${header}.${forged}.${signature}`), false);
});

test('a token of a stand-in whose clock is behind has expired', async () => {
  await scalekit.control({ clockSkew: -3600 });
  const { accessToken } = await logIn();
  assert.equal(await client.validateAccessToken(accessToken), false);
});

test('refresh: rotates, new rights show, the old token is refused', async () => {
  const { refreshToken, user, accessToken } = await logIn();
  await scalekit.control({ users: { [user.email]: { roles: ['member'], permissions: ['projects:read'] } } });
  const next = await client.refreshAccessToken(refreshToken);
  assert.notEqual(next.refreshToken, refreshToken);
  const [first, second] = [accessToken, next.accessToken].map((token) => decodeJwt(token));
  assert.deepEqual(second.roles, ['member']);
  assert.deepEqual(second.permissions, ['projects:read']);
  assert.equal(second.sid, first.sid);
  assert.equal(second.sub, first.sub);
  assert.notEqual(second.jti, first.jti);
  await assert.rejects(client.refreshAccessToken(refreshToken), /Failed to refresh/);
  await client.refreshAccessToken(next.refreshToken);
  assert.deepEqual(scalekit.state().reusedRefreshTokens, [{ token: refreshToken, presented: 2, accepted: 1 }]);
});

test('refresh: grace forgives a second use, family revokes all that came of it', async () => {
  await scalekit.control({ refreshRotation: 'grace' });
  const forgiven = (await logIn()).refreshToken;
  await client.refreshAccessToken(forgiven);
  await client.refreshAccessToken(forgiven);

  await scalekit.control({ refreshRotation: 'family' });
  const stolen = (await logIn()).refreshToken;
  const next = await client.refreshAccessToken(stolen);
  await assert.rejects(client.refreshAccessToken(stolen));
  await assert.rejects(client.refreshAccessToken(next.refreshToken));
});

test('refresh: fails once the session was ended on the Scalekit side', async () => {
  const { refreshToken, accessToken } = await logIn();
  await scalekit.control({ endSession: decodeJwt(accessToken).sid });
  await assert.rejects(client.refreshAccessToken(refreshToken), /Failed to refresh/);
  assert.equal(await client.validateAccessToken(accessToken), true, 'the access token lives on');
});

test('refresh: a lost answer costs the token', async () => {
  await scalekit.control({ fail: { token: { mode: 'disconnect', after: true, times: 1, grant: 'refresh_token' } } });
  const { refreshToken } = await logIn();
  await assert.rejects(client.refreshAccessToken(refreshToken));
  await assert.rejects(client.refreshAccessToken(refreshToken), /Failed to refresh/);

  await scalekit.control({ fail: { token: { mode: 'disconnect', times: 1, grant: 'refresh_token' } } });
  const kept = (await logIn()).refreshToken;
  await assert.rejects(client.refreshAccessToken(kept));
  await client.refreshAccessToken(kept);
});

test('single sign-on: with a session prompt=none succeeds, without one or after logout it fails', async () => {
  await scalekit.control({ autoLogin: null });
  const silent = () => client.getAuthorizationUrl(redirectUri, { scopes, prompt: 'none' });
  assert.equal((await visit(silent())).location.searchParams.get('error'), 'login_required');

  await scalekit.control({ autoLogin: 'max@acme.test' });
  const { cookie, idToken } = await logIn();
  await scalekit.control({ autoLogin: null });
  assert.ok((await visit(silent(), cookie)).location.searchParams.get('code'));

  await visit(client.getLogoutUrl({ idTokenHint: idToken, postLogoutRedirectUri: afterLogout }));
  assert.equal((await visit(silent(), cookie)).location.searchParams.get('error'), 'login_required');
});

test('logout URL: goes where it is allowed to, with state, even with an expired hint', async () => {
  await scalekit.control({ mutate: { id: 'expired' } });
  const { idToken, refreshToken } = await logIn();
  const { location } = await visit(client.getLogoutUrl({
    idTokenHint: idToken, postLogoutRedirectUri: afterLogout, state: 'bye',
  }));
  assert.equal(location.href, `${afterLogout}?state=bye`);
  await assert.rejects(client.refreshAccessToken(refreshToken), /Failed to refresh/);
});

test('logout URL: a strange target or a forged hint is refused and ends nothing', async () => {
  const { idToken, refreshToken } = await logIn();
  for (const options of [
    { idTokenHint: idToken, postLogoutRedirectUri: 'https://evil.test/' },
    { idTokenHint: `${idToken}x`, postLogoutRedirectUri: afterLogout },
  ]) {
    assert.equal((await fetch(client.getLogoutUrl(options), { redirect: 'manual' })).status, 400);
  }
  await client.refreshAccessToken(refreshToken);
});

test('client credentials: for the application and for a machine', async () => {
  assert.equal(await client.validateAccessToken(await client.getClientAccessToken()), true);

  const machine = 'm2morg_17500000000000001';
  const token = await client.generateClientToken(machine, 'test_made-up-secret-of-a-machine');
  const claims = await client.validateToken(token, { requiredScopes: ['projects:read'] });
  assert.equal(claims.sub, machine);
  assert.match(claims.oid, /^org_/);
  assert.equal(await client.validateAccessToken(token, { requiredScopes: ['projects:delete'] }), false);
  await assert.rejects(client.generateClientToken(machine, 'wrong'));
});

test('IdP-initiated login: claims, and an application that follows', async () => {
  const start = async () => {
    const trigger = new URLSearchParams({
      login_url: 'http://127.0.0.1:8080/login', user: 'max@acme.test', relay_state: '/reports',
    });
    const { location } = await visit(`${scalekit.url}/initiate-login?${trigger}`);
    return location.searchParams.get('idp_initiated_login');
  };
  const token = await start();
  const claims = await client.getIdpInitiatedLoginClaims(token, { issuer: scalekit.url });
  assert.equal(claims.login_hint, 'max@acme.test');
  assert.equal(claims.relay_state, '/reports');
  assert.equal(claims.exp - claims.iat, 300);
  for (const absent of ['aud', 'sub', 'jti', 'nonce']) assert.equal(claims[absent], undefined);
  await assert.rejects(client.getIdpInitiatedLoginClaims(token, { audience: [scalekit.clientId] }));

  await scalekit.control({ autoLogin: null, honourLoginHint: true });
  const { user } = await logIn({
    connectionId: claims.connection_id, organizationId: claims.organization_id, loginHint: claims.login_hint,
  });
  assert.equal(user.email, 'max@acme.test');

  await scalekit.control({ mutate: { idp: 'expired' } });
  await assert.rejects(client.getIdpInitiatedLoginClaims(await start()));
});

test('key rotation: with the old key kept both tokens pass, without it only the new one', async () => {
  const first = (await logIn()).accessToken;
  assert.equal(await client.validateAccessToken(first), true);

  await scalekit.control({ rotateKeys: 'keep' });
  const second = (await logIn()).accessToken;
  assert.notEqual(decodeProtectedHeader(second).kid, decodeProtectedHeader(first).kid);
  assert.equal(await client.validateAccessToken(second), false, 'this client keeps the keys it has seen');
  client = newClient();
  assert.equal(await client.validateAccessToken(first), true);
  assert.equal(await client.validateAccessToken(second), true);

  await scalekit.control({ rotateKeys: 'drop' });
  const third = (await logIn()).accessToken;
  client = newClient();
  assert.equal(await client.validateAccessToken(second), false);
  assert.equal(await client.validateAccessToken(third), true);
});

test('key set: other keys beside ours do no harm, an empty set or an error does', async () => {
  const { accessToken } = await logIn();
  await scalekit.control({ keys: { encryptionKey: true, extraKeys: 20 } });
  assert.equal(await newClient().validateAccessToken(accessToken), true);
  await scalekit.control({ keys: { empty: true } });
  assert.equal(await newClient().validateAccessToken(accessToken), false);
  await scalekit.control({ fail: { keys: { mode: 'status', status: 500 } } });
  assert.equal(await newClient().validateAccessToken(accessToken), false);
});

test('modular SSO: a selector is needed, and the tokens say less', async () => {
  await scalekit.control({ mode: 'modular' });
  const { location } = await visit(client.getAuthorizationUrl(redirectUri, { scopes }));
  assert.equal(location.searchParams.get('error'), 'invalid_connection_selector');

  const { accessToken, idToken, refreshToken } = await logIn({ domainHint: 'acme.test' });
  assert.deepEqual(Object.keys(decodeJwt(accessToken)).sort(),
    ['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub', 'xoid', 'xuid']);
  assert.match(decodeJwt(idToken).sub, /^conn_\d+;ada@acme\.test$/);
  assert.equal(refreshToken, undefined);
  assert.equal(await client.validateAccessToken(accessToken, { audience: [scalekit.clientId] }), true);
});

test('a strict OpenID Connect client finds its way and its hashes', async () => {
  const { code, accessToken, idToken } = await logIn({ nonce: 'n-2' });
  const metadata = await (await fetch(`${scalekit.url}/.well-known/openid-configuration`)).json();
  const { payload, protectedHeader } = await jwtVerify(idToken, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
    issuer: metadata.issuer,
    audience: scalekit.clientId,
    algorithms: metadata.id_token_signing_alg_values_supported,
    typ: 'JWT',
    requiredClaims: ['sub', 'exp', 'iat', 'azp', 'oid', 'sid', 'amr', 'email', 'client_id'],
  });
  assert.match(protectedHeader.kid, /^snk_\d{17,18}$/);
  assert.equal(payload.nonce, 'n-2');
  assert.equal(payload.azp, scalekit.clientId);
  assert.equal(payload.at_hash, base64url(sha256(accessToken).subarray(0, 16)));
  assert.equal(payload.c_hash, base64url(sha256(code).subarray(0, 16)));
  for (const absent of ['jti', 'nbf']) assert.equal(payload[absent], undefined);
  for (const absent of ['azp', 'at_hash', 'email']) assert.equal(decodeJwt(accessToken)[absent], undefined);
});

test('a knob with a typing mistake is an error', async () => {
  for (const patch of [{ autologin: 'x' }, { mutate: { id: 'exipred' } }, { fail: { token: { mode: 'explode' } } },
    { users: { 'nobody@acme.test': {} } }]) {
    await assert.rejects(scalekit.control(patch), TypeError);
  }
});
