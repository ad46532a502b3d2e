// GET /oidc/logout, and the back-channel calls that follow the end of a session.

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { sessionCookie } from './environment.mjs';
import { html, redirect, repeated } from './http.mjs';
import { readOwn } from './keys.mjs';
import { errorPage, page } from './pages.mjs';
import { issue, logoutClaims, subjectOf } from './tokens.mjs';

const deliveryTimeout = 5000;
const clearCookie = { 'Set-Cookie': `${sessionCookie}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0` };

// Assumed: an expired hint is accepted, a request without hint goes by the cookie, `state` comes back, and
// what cannot be honoured gets an error page and ends nothing.
export function logout(env, request) {
  const { query } = request;
  const twice = repeated(query);
  if (twice) return errorPage(400, 'Invalid request', `The parameter ${twice} is there more than once.`);

  const hint = query.get('id_token_hint');
  const claims = hint ? readOwn(env.keys, hint) : null;
  if (hint && ![claims?.aud].flat().includes(env.clientId)) return errorPage(400, 'Invalid id_token_hint', '');
  const target = query.get('post_logout_redirect_uri');
  if (target && !env.knobs.postLogoutRedirectUris.includes(target)) {
    return errorPage(400, 'Post-logout redirect URI is not registered', target);
  }

  const own = env.sessionOf(request);
  endSessions(env, (session) => session === own || (claims?.sid && session.sid === claims.sid));
  return target
    ? redirect(target, { state: query.get('state') }, clearCookie)
    : html(200, page('Signed out', '<h1>You are signed out</h1>'), clearCookie);
}

// Ends sessions and tells the applications. Resolves when every call was answered or given up.
export function endSessions(env, matches) {
  const ended = env.sessions.filter((session) => !session.ended && matches(session));
  for (const session of ended) session.ended = true;
  return Promise.all(ended.flatMap((session) => env.knobs.backChannelLogoutUris.map((uri) => notify(env, uri, session))));
}

async function notify(env, uri, session) {
  const sub = subjectOf(env, { user: session.user, connectionId: session.user.connectionId });
  const claims = logoutClaims(env, { sub, sid: env.knobs.mode === 'fsa' ? session.sid : undefined });
  const delivery = { uri, sid: session.sid, sub, status: null, error: null };
  env.deliveries.push(delivery);
  try {
    delivery.status = await post(uri, { logout_token: issue(env, 'logout', claims) }, env.closing.signal);
  } catch (error) {
    delivery.error = error.message;
  }
}

function post(uri, fields, signal) {
  const body = new URLSearchParams(fields).toString();
  const open = uri.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const call = open(uri, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) },
      agent: false, // no connection outlives its call
      rejectUnauthorized: false, // a test server signs its own certificate
      timeout: deliveryTimeout,
      signal,
    }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', reject);
    call.end(body);
  });
}
