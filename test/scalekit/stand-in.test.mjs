// Does the stand-in misbehave the way it is told to, and does it leave nothing behind?

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { after, before, beforeEach, test } from 'node:test';
import { startScalekit } from './index.mjs';
import { defaultUsers } from './people.mjs';

const redirectUri = 'http://127.0.0.1:8080/auth/callback';
const twoOrganizations = {
  email: 'tess@acme.test',
  name: 'Tess Twice',
  memberships: [{ organization: 'Acme', roles: ['member'] }, { organization: 'Globex', roles: ['admin'] }],
};

let scalekit;
before(async () => {
  scalekit = await startScalekit({ redirectUris: [redirectUri], users: [...defaultUsers, twoOrganizations] });
});
after(() => scalekit.close());
beforeEach(() => scalekit.control({ reset: true, forget: true }));

const command = fileURLToPath(new URL('server.mjs', import.meta.url));
const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

function exchange(code, { headers = {}, signal, ...fields } = {}) {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    client_id: scalekit.clientId,
    client_secret: scalekit.clientSecret,
    ...fields,
  });
  return fetch(`${scalekit.url}/oauth/token`, { method: 'POST', body, headers, signal });
}

function authorize(parameters = {}, cookie = '') {
  const query = new URLSearchParams({
    response_type: 'code', client_id: scalekit.clientId, redirect_uri: redirectUri, scope: 'openid', ...parameters,
  });
  return fetch(`${scalekit.url}/oauth/authorize?${query}`, { redirect: 'manual', headers: { cookie } });
}

const fail = (token) => scalekit.control({ fail: { token } });
const code = () => scalekit.issueCodeFor('ada@acme.test');

test('a failure is counted down', async () => {
  await fail({ mode: 'status', status: 503, times: 2, headers: { 'Retry-After': '7' } });
  const answers = [await exchange(code()), await exchange(code()), await exchange(code())];
  assert.deepEqual(answers.map(({ status }) => status), [503, 503, 200]);
  assert.equal(answers[0].headers.get('retry-after'), '7');
  assert.deepEqual(scalekit.state().counters, {
    endpoints: { token: 3, 'token authorization_code': 3 },
    grants: { authorization_code: 1 },
  });
});

test('a failure of another grant does not matter here', async () => {
  await fail({ mode: 'status', status: 429, grant: 'refresh_token' });
  assert.equal((await exchange(code())).status, 200);
});

test('without `after` nothing was used up, with it the code is gone', async () => {
  for (const [after, expected] of [[false, 200], [true, 400]]) {
    const oneCode = code();
    await fail({ mode: 'disconnect', after, times: 1 });
    await assert.rejects(exchange(oneCode));
    assert.equal((await exchange(oneCode)).status, expected);
  }
});

test('hang, slow', async () => {
  await fail({ mode: 'hang', times: 1 });
  await assert.rejects(exchange(code(), { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' });
  await fail({ mode: 'slow', delay: 150, times: 1 });
  const start = Date.now();
  assert.equal((await exchange(code())).status, 200);
  assert.ok(Date.now() - start >= 145);
});

test('html, truncated, edit, swap', async () => {
  await fail({ mode: 'html' });
  const page = await exchange(code());
  assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html']);
  await fail({ mode: 'truncated' });
  await assert.rejects((await exchange(code())).json(), SyntaxError);
  await fail({ mode: 'edit', set: { expires_in: '-1' }, omit: ['id_token'] });
  const edited = await (await exchange(code())).json();
  assert.deepEqual([edited.expires_in, edited.id_token], ['-1', undefined]);
  await fail({ mode: 'swap' });
  const swapped = await (await exchange(code())).json();
  assert.ok(claimsOf(swapped.access_token).at_hash);
  assert.ok(claimsOf(swapped.id_token).jti);
});

test('token endpoint: Basic works, Bearer is ignored, JSON and repeated fields are refused', async () => {
  const basic = Buffer.from(`${scalekit.clientId}:${encodeURIComponent(scalekit.clientSecret)}`).toString('base64');
  const headers = { authorization: `Basic ${basic}` };
  assert.equal((await exchange(code(), { client_id: '', client_secret: '', headers })).status, 200);
  assert.equal((await exchange(code(), { headers: { authorization: 'Bearer x' } })).status, 200);
  const post = (body, type) =>
    fetch(`${scalekit.url}/oauth/token`, { method: 'POST', body, headers: { 'Content-Type': type } });
  assert.equal((await post('{}', 'application/json')).status, 400);
  assert.equal((await post('code=1&code=2', 'application/x-www-form-urlencoded')).status, 400);
});

test('permissions: many of them, and under another name', async () => {
  await scalekit.control({
    permissionCount: 200,
    permissionClaim: 'scalekit:permissions',
    emptyPermissionClaims: ['permissions'],
  });
  const { access_token: token } = scalekit.tokensFor('ada@acme.test');
  assert.deepEqual(claimsOf(token).permissions, []);
  assert.equal(claimsOf(token)['scalekit:permissions'].length, 200);
  assert.ok(token.length > 7000, `${token.length} bytes`);
});

test('claims can be changed at will', async () => {
  const changes = { claims: { picture: 'x' }, omit: ['nonce'], header: { typ: 'at+jwt' }, times: 1 };
  await scalekit.control({ mutate: { id: changes } });
  const [changed, usual] = [1, 2].map(() => claimsOf(scalekit.tokensFor('ada@acme.test', { nonce: 'n' }).id_token));
  assert.deepEqual([changed.picture, changed.nonce], ['x', undefined]);
  assert.deepEqual([usual.picture, usual.nonce], [undefined, 'n']);
});

test('organizations: choosing, switching, and not being a member', async () => {
  const [acme, globex] = scalekit.state().organizations.map(({ id }) => id);
  await scalekit.control({ autoLogin: 'tess@acme.test' });
  const first = await authorize();
  const [cookie] = first.headers.get('set-cookie').split(';');
  const oidOf = async (response) => {
    const tokens = await (await exchange(new URL(response.headers.get('location')).searchParams.get('code'))).json();
    return claimsOf(tokens.access_token).oid;
  };
  assert.equal(await oidOf(first), acme);

  await scalekit.control({ autoLogin: null });
  const chooser = await authorize({ prompt: 'select_account' }, cookie);
  assert.match(await chooser.text(), /Tess Twice[^]*Acme[^]*Tess Twice[^]*Globex/);
  assert.equal(await oidOf(await authorize({ prompt: 'select_account', organization_id: globex }, cookie)), globex);

  await scalekit.control({ autoLogin: 'max@acme.test' });
  assert.match((await authorize({ organization_id: globex })).headers.get('location'), /error=access_denied/);
  await scalekit.control({ ignoreOrganization: true });
  assert.equal(await oidOf(await authorize({ organization_id: globex })), acme);
});

test('the login page says who is there, escapes what it echoes, and can be cancelled', async () => {
  const page = await (await authorize({ state: '"><script>' })).text();
  assert.match(page, /Ada Admin/);
  assert.doesNotMatch(page, /<script/);
  const request = new URLSearchParams({ client_id: scalekit.clientId, redirect_uri: redirectUri, state: 's' });
  const body = new URLSearchParams({ request, cancel: 'yes' });
  const answer = await fetch(`${scalekit.url}/_login`, { method: 'POST', body, redirect: 'manual' });
  assert.match(answer.headers.get('location'), /error=access_denied.*state=s/);
});

test('the end of a session is told to the application', async () => {
  const received = [];
  const application = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push(new URLSearchParams(body).get('logout_token'));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(application, 'listening');
  const uri = `http://127.0.0.1:${application.address().port}/auth/backchannel-logout`;
  await scalekit.control({ backChannelLogoutUris: [uri, 'http://127.0.0.1:1/'] });

  const { sid, sub } = claimsOf(scalekit.tokensFor('ada@acme.test').access_token);
  await scalekit.control({ endSession: sid });
  await new Promise((resolve) => { application.close(resolve); });

  assert.equal(received.length, 1);
  const claims = claimsOf(received[0]);
  assert.deepEqual([claims.sid, claims.sub, claims.aud, claims.nonce], [sid, sub, [scalekit.clientId], undefined]);
  assert.deepEqual(claims.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
  const deliveries = scalekit.state().deliveries.map(({ status, error }) => [status, Boolean(error)]);
  assert.deepEqual(deliveries, [[200, false], [null, true]]);
});

test('the control interface over HTTP', async () => {
  const control = (body) => fetch(`${scalekit.url}/_control`, { method: 'POST', body: JSON.stringify(body) });
  assert.equal((await control({ autoLogin: 'max@acme.test' })).status, 200);
  assert.equal((await control({ autoLogon: 'max@acme.test' })).status, 400);
  await authorize({ prompt: 'login' });
  const state = await (await fetch(`${scalekit.url}/_control`)).json();
  assert.equal(state.knobs.autoLogin, 'max@acme.test');
  const requests = state.requests.map(({ endpoint, query, status }) => [endpoint, query.prompt, status]);
  assert.deepEqual(requests, [['authorize', 'login', 302]]);
});

test('close() ends calls that hang', async () => {
  const other = await startScalekit({ fail: { keys: { mode: 'hang' }, discovery: { mode: 'slow', delay: 60000 } } });
  const calls = ['/keys', '/.well-known/openid-configuration'].map((path) => fetch(other.url + path));
  const ends = Promise.allSettled(calls);
  while (other.state().requests.length < 2) await new Promise((resolve) => { setTimeout(resolve, 10); });
  await other.close();
  assert.deepEqual((await ends).map(({ status }) => status), ['rejected', 'rejected']);
});

test('as a command: one line when ready, a clean end', async () => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    const server = spawn(process.execPath, [command, '--port', '0', '--set', '{"mode":"modular"}']);
    const [line] = await once(server.stdout, 'data');
    const [, url] = /^Scalekit stand-in: (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(line);
    const { knobs } = await (await fetch(`${url}/_control`)).json();
    assert.equal(knobs.mode, 'modular');
    server.kill(signal);
    assert.deepEqual(await once(server, 'exit'), [0, null]);
  }
});
