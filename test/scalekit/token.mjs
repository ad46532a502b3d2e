// POST /oauth/token: code, refresh token or client credentials in, tokens out.

import { mayRefresh, newRefreshToken, redeem } from './codes.mjs';
import { json, repeated } from './http.mjs';
import { sha256 } from './keys.mjs';
import { issue, machineClaims, tokenSet } from './tokens.mjs';

const noStore = { 'Cache-Control': 'no-store', Pragma: 'no-cache' };
// Only the error names are documented; the texts are assumed.
const fault = (error, text, status = 400, headers = {}) =>
  json(status, { error, error_description: text }, { ...noStore, ...headers });
const invalidGrant = (text) => fault('invalid_grant', text);

const grants = { authorization_code: exchangeCode, refresh_token: refresh, client_credentials: machine };

export function token(env, request) {
  const { form, type } = request;
  if (type !== 'application/x-www-form-urlencoded') return fault('invalid_request', 'The body must be a form');
  const twice = repeated(form);
  if (twice) return fault('invalid_request', `${twice} is there more than once`);

  const client = authenticate(env, request);
  if (!client) {
    const challenge = isBasic(request) ? { 'WWW-Authenticate': 'Basic realm="Scalekit"' } : {};
    return fault('invalid_client', 'Client authentication failed', 401, challenge);
  }
  const name = form.get('grant_type');
  const grant = Object.hasOwn(grants, name) ? grants[name] : null;
  if (!grant) return fault('unsupported_grant_type', `No such grant: ${name}`);
  const answer = grant(env, form, client);
  if (answer.status === 200) env.count('grants', name);
  return answer;
}

const isBasic = ({ headers }) => /^basic /i.test(headers.authorization ?? '');

// The secret in the body is what the SDKs send. Basic is assumed to work too; a Bearer header is ignored,
// because some SDKs attach their management token. A client without a secret is public and relies on PKCE.
function authenticate(env, request) {
  let [id, secret] = [request.form.get('client_id'), request.form.get('client_secret') ?? ''];
  if (isBasic(request)) {
    const pair = Buffer.from(request.headers.authorization.slice(6), 'base64').toString();
    const colon = pair.indexOf(':');
    [id, secret] = [pair.slice(0, colon), pair.slice(colon + 1)].map((part) => decode(part));
  }
  const client = env.clients.find((candidate) => candidate.id === id);
  // Two secrets may be active while one replaces the other.
  return client && [client.secret ?? ''].flat().includes(secret) ? client : null;
}

// Basic credentials are form-encoded before they are joined (RFC 6749, 2.3.1).
const decode = (text) => new URLSearchParams(`x=${text.replaceAll('&', '%26')}`).get('x');

function exchangeCode(env, form, client) {
  const entry = client.id === env.clientId ? env.codes.get(form.get('code')) : null;
  if (!entry) return invalidGrant('Unknown code');
  if (entry.used) return invalidGrant('The code was used before');
  if (entry.expires <= env.now()) return invalidGrant('The code has expired');
  if (entry.redirectUri !== form.get('redirect_uri')) return invalidGrant('redirect_uri differs');
  if (!verifies(entry.challenge, form.get('code_verifier'))) return invalidGrant('code_verifier does not match');
  if (!entry.challenge && !client.secret) return invalidGrant('A public client needs PKCE');
  if (entry.session.ended) return invalidGrant('The session has ended');
  entry.used = true;

  const answer = tokenSet(env, env.login(entry), { grant: 'authorization_code', code: form.get('code'), nonce: entry.nonce });
  if (mayRefresh(env, entry)) answer.refresh_token = newRefreshToken(env, entry);
  return json(200, answer, noStore);
}

// A verifier without a challenge is refused too: somebody took the challenge away on the way.
function verifies(challenge, verifier) {
  if (!challenge || !verifier) return !challenge && !verifier;
  return sha256(verifier).toString('base64url') === challenge;
}

function refresh(env, form, client) {
  const entry = client.id === env.clientId ? redeem(env, form.get('refresh_token')) : null;
  // Assumed: one error for a token that was used, was revoked or belongs to an ended session.
  if (!entry) return invalidGrant('The refresh token is not valid');
  const answer = tokenSet(env, env.login(entry.grant), { grant: 'refresh_token' });
  answer.refresh_token = env.knobs.refreshRotation === 'off'
    ? form.get('refresh_token')
    : newRefreshToken(env, entry.grant, entry.family);
  return json(200, answer, noStore);
}

function machine(env, form, client) {
  const allowed = client.scopes ?? [];
  const asked = form.get('scope')?.split(' ').filter(Boolean);
  if (asked?.some((scope) => !allowed.includes(scope))) return fault('invalid_scope', 'Scope is not allowed');
  const scopes = asked ?? allowed;
  return json(200, {
    access_token: issue(env, 'machine', machineClaims(env, client, scopes), 'client_credentials'),
    expires_in: env.knobs.machineTokenLife - 1,
    token_type: 'Bearer',
    scope: scopes.join(' '),
  }, noStore);
}
