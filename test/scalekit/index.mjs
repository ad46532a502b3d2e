// The stand-in as a library: const sk = await startScalekit({ redirectUris: [...] }).

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { authorize, pickedOnPage } from './authorize.mjs';
import { newCode } from './codes.mjs';
import { control, state } from './control.mjs';
import { discovery, keys } from './discovery.mjs';
import { createEnvironment } from './environment.mjs';
import { withFault } from './faults.mjs';
import { html, json, readRequest, send } from './http.mjs';
import { idpInitiatedToken, initiateLogin } from './idp.mjs';
import { compact } from './keys.mjs';
import { take } from './knobs.mjs';
import { endSessions, logout } from './logout.mjs';
import { errorPage, welcomePage } from './pages.mjs';
import { token } from './token.mjs';
import { issue, logoutClaims, tokenSet } from './tokens.mjs';

// method and path -> name for counters and faults, handler
const endpoints = {
  'GET /.well-known/openid-configuration': ['discovery', discovery],
  'GET /.well-known/oauth-authorization-server': ['discovery', discovery],
  'GET /keys': ['keys', keys],
  'GET /oauth/authorize': ['authorize', authorize],
  'POST /oauth/token': ['token', token],
  'GET /oidc/logout': ['logout', logout],
  'GET /initiate-login': ['initiateLogin', initiateLogin],
  'POST /_login': ['login', pickedOnPage],
  'GET /': ['welcome', (env) => html(200, welcomePage(env))],
};

async function answerTo(env, request) {
  if (request.path === '/_control') return answerControl(env, request);
  const [name, handler] = endpoints[`${request.method} ${request.path}`] ?? ['unknown', notFound];
  const grant = request.form.get('grant_type');
  const entry = {
    at: new Date().toISOString(),
    endpoint: name,
    method: request.method,
    path: request.path,
    query: Object.fromEntries(request.query),
    form: Object.fromEntries(request.form),
    headers: request.headers,
    status: null, // until it is answered
  };
  env.record(entry);
  env.count('endpoints', name);
  if (name === 'token') env.count('endpoints', `token ${grant}`);
  const answer = await withFault(take(env.knobs.fail, name, grant), () => handler(env, request), env.closing.signal);
  entry.status = answer.status ?? Object.keys(answer)[0];
  return answer;
}

const notFound = (env, { method, path }) => errorPage(404, 'Not found', `${method} ${path}`);

async function answerControl(env, { method, body }) {
  if (method === 'POST') {
    try {
      await control(env, JSON.parse(body));
    } catch (error) {
      return json(400, { error: error.message });
    }
  }
  return json(200, state(env), { 'Cache-Control': 'no-store' });
}

const loopback = ['127.0.0.1', '::1', 'localhost'];

// `tls` is { key, cert } for https; every other option is described in README.md.
export async function startScalekit({ port = 0, host = '127.0.0.1', tls, ...options } = {}) {
  if (!loopback.includes(host)) throw new TypeError(`the stand-in listens on loopback only, not on ${host}`);
  const env = createEnvironment(options);

  const serve = async (message, response) => {
    try {
      await send(response, await answerTo(env, await readRequest(message)));
    } catch (error) {
      if (env.closing.signal.aborted || response.headersSent) response.destroy();
      else await send(response, json(500, { error: 'stand-in', error_description: error.message }));
    }
  };
  const server = tls ? createHttpsServer(tls, serve) : createHttpServer(serve);
  server.listen(port, host);
  await once(server, 'listening');

  const authority = host === '::1' ? '[::1]' : host;
  const url = `${tls ? 'https' : 'http'}://${authority}:${server.address().port}`;
  env.issuer ??= url;

  async function close() {
    env.closing.abort();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  return {
    url,
    clientId: env.clientId,
    clientSecret: env.clientSecret,
    control: (patch) => control(env, patch),
    state: () => state(env),
    ...shortcuts(env),
    close,
  };
}

// What a test may have without a browser or a request.
function shortcuts(env) {
  function grantFor(key, { organizationId, connectionId, redirectUri, ...rest } = {}) {
    const user = env.people.find(key);
    if (!user) throw new TypeError(`no such user: ${key}`);
    const session = env.openSession(user);
    session.organizationId = organizationId ?? user.memberships[0].organizationId;
    return {
      redirectUri: redirectUri ?? env.knobs.redirectUris[0],
      scope: 'openid profile email offline_access',
      ...rest, // scope, nonce, challenge
      session,
      organizationId: session.organizationId,
      connectionId: connectionId ?? user.connectionId,
    };
  }

  return {
    issueCodeFor: (user, options) => newCode(env, grantFor(user, options)),
    tokensFor: (user, options) => tokenSet(env, env.login(grantFor(user, options)), { nonce: options?.nonce }),
    idpInitiatedToken: (content) => idpInitiatedToken(env, content),
    logoutToken: (content) => issue(env, 'logout', logoutClaims(env, content)),
    sign: (claims, header = {}) =>
      compact({ alg: 'RS256', kid: env.keys.current.kid, typ: 'JWT', ...header }, claims, env.keys.current),
  };
}
