// What scripts may ask about the session: who am I, is it valid, refresh it. Only of the site's own pages, and never a token.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, beforeEach, describe, it } from 'node:test';
import { cookiesOf, ourLines } from './support/answers.mjs';
import { startBackend } from './support/backend.mjs';
import { freePorts } from './support/httpd.mjs';
import { scalekitHost, signIn, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const SUB = 'usr_17500000000000001';
const SHOW = '/sessions';
const VALIDATE = '/sessions/validate-token';
const REFRESH = '/sessions/refresh-token';
const HOSTS = ['elsewhere', 'none', 'proxied', 'passing', 'short', 'offline'];
const NO_FETCH = { 'Sec-Fetch-Site': null }; // an old browser, or plain http
let site;
let backend;
let port;

const on = (host) => `http://${host}.localhost:${port}`;
const now = () => Math.floor(Date.now() / 1000);
const refreshes = () => site.scalekit.state().counters.endpoints['token refresh_token'] ?? 0;
const sidOf = async (visitor) => (await visitor.script(SHOW)).json().sid;
const post = (visitor, path, options) => visitor.script(path, { method: 'POST', ...options });

async function signInOn(host) {
  const visitor = new Visitor(on(host));
  assert.equal((await visitor.get('/secret.html', { follow: true })).status, 200);
  return visitor;
}

/** Nothing that could be used in a visitor's place, and nothing that another origin could read. */
function assertGuarded(answer) {
  assert.match(answer.headers['cache-control'], /no-store/);
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.doesNotMatch(answer.text, /eyJ|rt_|[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}|_token"/);
  assert.deepEqual(Object.keys(answer.headers).filter((name) => name.startsWith('access-control')), []);
}

function assertJson(answer) {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json');
  assertGuarded(answer);
  return answer.json();
}

function assertProblem(answer, status) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assertGuarded(answer);
  const problem = answer.json();
  assert.equal(problem.status, status);
  return problem;
}

before(async () => {
  backend = await startBackend();
  [port] = await freePorts(1);
  const toBackend = `ProxyPass "/" "${backend.url}/"`;
  site = await startSite({
    ports: [port],
    threads: 25,
    scalekit: { redirectUris: [`http://localhost:${port}`, ...HOSTS.map(on)].map((origin) => `${origin}/auth/callback`) },
    config: (server) => [
      scalekitHost(server),
      scalekitHost(server, { serverName: 'elsewhere.localhost', settings: { ScalekitSessionsPath: '/api/me/', ScalekitLoginPath: 'none' } }),
      scalekitHost(server, { serverName: 'none.localhost', settings: { ScalekitSessionsPath: 'none' }, extra: toBackend }),
      scalekitHost(server, { serverName: 'proxied.localhost', extra: toBackend }),
      scalekitHost(server, { serverName: 'passing.localhost', locations: { '/x': ['ScalekitPassAccessToken On'] } }),
      scalekitHost(server, { serverName: 'short.localhost', settings: { ScalekitSessionMaxAge: 600, ScalekitSessionIdleTimeout: 3 } }),
      scalekitHost(server, { serverName: 'offline.localhost', settings: { ScalekitScopes: 'openid profile email' } }),
    ].join('\n'),
  });
});
after(async () => {
  await site?.stop();
  await backend?.stop();
});
beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

describe('GET /sessions', () => {
  it('says who is signed in, and until when', async () => {
    const visitor = await signIn(site);
    const user = site.scalekit.state().users.find(({ id }) => id === SUB);
    const me = assertJson(await visitor.script(SHOW));
    assert.equal(me.authenticated, true);
    assert.equal(me.sub, SUB);
    assert.equal(me.email, user.email);
    assert.equal(me.email_verified, true);
    assert.equal(me.name, user.name);
    assert.match(me.sid, /^ses_/);
    assert.match(me.oid, /^org_/);
    for (const list of ['roles', 'permissions', 'scopes']) assert.ok(Array.isArray(me[list]), list);
    assert.ok(me.permissions.includes('organization:settings'), me.permissions);
    assert.ok(Math.abs(me.expires_at - now() - 300) < 5, me.expires_at);
    assert.ok(Math.abs(me.session_expires_at - now() - 43200) < 5, me.session_expires_at);
  });

  for (const [name, ask] of Object.entries({
    'with a slash behind': (visitor) => visitor.script('/sessions/'),
    'typed in': (visitor) => visitor.get(SHOW),
    'of a browser without Sec-Fetch-Site': (visitor) => visitor.script(SHOW, { headers: NO_FETCH }),
  })) it(`${name} says the same`, async () => assert.equal(assertJson(await ask(await signIn(site))).sub, SUB));

  it('answers HEAD without a body', async () => {
    const answer = await (await signIn(site)).script(SHOW, { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '');
  });

  it('escapes what a user is called', async () => {
    const name = '"},</script><b>\\ ö';
    await site.scalekit.control({ users: { 'ada@acme.test': { name } } });
    const answer = await (await signIn(site)).script(SHOW);
    assert.equal(assertJson(answer).name, name);
  });

  for (const [name, headers] of Object.entries({ 'a script': {}, 'a page': { Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'none' } })) {
    it(`answers ${name} without a session 401, in JSON`, async () => {
      const answer = await site.visitor().script(SHOW, { headers });
      const problem = assertProblem(answer, 401);
      assert.equal(problem.error, 'Authentication required');
      assert.equal(problem.login_url, `${site.url}/login`);
      assert.match(answer.headers['www-authenticate'], /^Scalekit /);
    });
  }

  it('refreshes tokens that are due, as a page does', async () => {
    await site.scalekit.control({ accessTokenLife: 2 });
    const visitor = await signIn(site);
    await sleep(2100);
    assert.ok(assertJson(await visitor.script(SHOW)).expires_at > now());
    assert.equal(refreshes(), 1);
  });

  it('is 503 while Scalekit does not answer and the access token has expired', async () => {
    await site.scalekit.control({ accessTokenLife: 1 });
    const visitor = await signIn(site);
    await sleep(1100);
    await site.scalekit.control({ fail: { token: { mode: 'status', status: 503 } } });
    for (const ask of [visitor.script(SHOW), post(visitor, VALIDATE)]) {
      const answer = await ask;
      assertProblem(answer, 503);
      assert.match(answer.headers['retry-after'], /^\d+$/);
    }
    await site.scalekit.control({ fail: { token: null } });
    assertJson(await visitor.script(SHOW));
  });

  it('counts as use', async () => {
    const visitor = await signInOn('short');
    assert.ok((await visitor.script(SHOW)).json().session_expires_at <= now() + 600);
    for (let second = 0; second < 5; second += 1) {
      await sleep(1000);
      assertJson(await visitor.script(SHOW));
    }
    await sleep(4100);
    assertProblem(await visitor.script(SHOW), 401);
  });
});

describe('POST /sessions/validate-token', () => {
  it('says what the session knows', async () => {
    const visitor = await signIn(site);
    const answer = assertJson(await post(visitor, VALIDATE));
    assert.deepEqual(Object.keys(answer), ['valid', 'claims', 'sub', 'email', 'name', 'expires_at']);
    assert.equal(answer.valid, true);
    assert.equal(answer.sub, SUB);
    assert.equal(answer.claims.sub, SUB);
    assert.equal(answer.claims.email, answer.email);
    assert.ok(answer.claims.permissions.includes('organization:settings'));
    assert.equal(answer.claims.iss, undefined);
    assert.ok(answer.expires_at > now());
  });

  it('says what the access token says, where the session keeps it', async () => {
    const visitor = await signInOn('passing');
    const { claims, expires_at: expires } = assertJson(await post(visitor, VALIDATE));
    assert.equal(claims.iss, site.scalekit.url);
    assert.equal(claims.exp, expires);
    assert.equal(claims.sub, SUB);
    assert.equal(claims.email_verified, true);
  });

  for (const [name, headers] of Object.entries({ 'without a session': {}, 'with a session that is none': { Cookie: 'session=scalekit=AAAA' } })) {
    it(`${name} is not valid`, async () => {
      assert.deepEqual(assertJson(await post(site.visitor(), VALIDATE, { headers })), { valid: false, error: 'Authentication required' });
    });
  }

  it('is not valid any more after a logout', async () => {
    const visitor = await signIn(site);
    await visitor.get('/logout');
    assert.equal(assertJson(await post(visitor, VALIDATE)).valid, false);
  });
});

describe('POST /sessions/refresh-token', () => {
  it('brings new rights at once, and a new cookie', async () => {
    const visitor = await signIn(site);
    const old = visitor.clone();
    await site.scalekit.control({ users: { 'ada@acme.test': { name: 'Ada King' } } });
    await sleep(1100);
    const answer = await post(visitor, REFRESH);
    const { success, expires_at: expires, ...rest } = assertJson(answer);
    assert.deepEqual([success, rest], [true, {}]);
    assert.ok(Math.abs(expires - now() - 300) < 5);
    assert.ok(cookiesOf(answer).session.value, 'a cookie');
    assert.equal(refreshes(), 1);
    const me = assertJson(await visitor.script(SHOW));
    assert.equal(me.name, 'Ada King');
    assert.equal(me.expires_at, expires);
    assert.equal((await old.script(SHOW)).status, 200, 'the cookie from before still opens the session');
  });

  it('again within the second asks nobody, later it does, with the token that follows', async () => {
    const visitor = await signIn(site);
    for (let i = 0; i < 3; i += 1) assertJson(await post(visitor, REFRESH, { json: {} }));
    assert.equal(refreshes(), 1);
    for (let round = 2; round <= 3; round += 1) {
      await sleep(1100);
      assertJson(await post(visitor, `${REFRESH}/`));
      assert.equal(refreshes(), round);
    }
    assert.deepEqual(site.scalekit.state().reusedRefreshTokens, []);
  });

  it('with an old cookie goes on from the newest token', async () => {
    const visitor = await signIn(site);
    const old = visitor.clone();
    for (let i = 0; i < 3; i += 1) {
      assertJson(await post(old.clone(), REFRESH));
      await sleep(1100);
    }
    assert.equal(refreshes(), 3);
    assert.deepEqual(site.scalekit.state().reusedRefreshTokens, []);
  });

  for (const [name, knobs] of Object.entries({
    'at once': {}, 'while Scalekit is slow': { fail: { token: { mode: 'slow', delay: 700 } } }, 'without rotation': { refreshRotation: 'off' },
  })) {
    it(`by twenty in parallel, ${name}: few refreshes, and no token twice`, async () => {
      const visitor = await signIn(site);
      await site.scalekit.control(knobs);
      const copies = Array.from({ length: 20 }, () => visitor.clone());
      const answers = await Promise.all(copies.map((copy) => post(copy, REFRESH)));
      const refused = answers.filter(({ status }) => status !== 200);
      // Of those who wait for a slow Scalekit only a tenth of the workers may.
      if (!name.includes('slow')) assert.deepEqual(refused.map(({ status }) => status), []);
      refused.forEach((answer) => assertProblem(answer, 503));
      assert.ok(answers.some(({ status }) => status === 200));
      assert.ok(refreshes() >= 1 && refreshes() <= 3, `${refreshes()} refreshes`);
      if (!knobs.refreshRotation) assert.deepEqual(site.scalekit.state().reusedRefreshTokens, []);
      await site.scalekit.control({ reset: true });
      for (const copy of copies) assert.equal((await copy.get('/')).status, 200, 'still signed in');
    });
  }

  it('among pages: nobody loses the session when tokens live shorter from now on', async () => {
    const visitor = await signIn(site);
    const old = visitor.clone();
    await site.scalekit.control({ accessTokenLife: 100 });
    assertJson(await post(visitor, REFRESH));
    await sleep(1100);
    assertJson(await post(old, REFRESH));
    assert.deepEqual(site.scalekit.state().reusedRefreshTokens, []);
  });

  it('is 401 when Scalekit has ended the session, which is over then', async () => {
    const visitor = await signIn(site);
    await site.scalekit.control({ backChannelLogoutUris: [], endSession: await sidOf(visitor) });
    const answer = await post(visitor, REFRESH);
    assert.equal(assertProblem(answer, 401).login_url, `${site.url}/login`);
    assert.match(cookiesOf(answer).session.line, /^session=;.*Max-Age=0/);
    assertProblem(await visitor.script(SHOW), 401);
    assert.equal((await visitor.get('/')).status, 302);
  });

  for (const [name, life] of [['is still valid', 300], ['has expired', 1]]) {
    it(`is 503 when Scalekit does not answer and the access token ${name}; the session is kept`, async () => {
      await site.scalekit.control({ accessTokenLife: life });
      const visitor = await signIn(site);
      if (life === 1) await sleep(1100);
      await site.scalekit.control({ fail: { token: { mode: 'status', status: 503 } } });
      const answer = await post(visitor, REFRESH);
      assertProblem(answer, 503);
      assert.match(answer.headers['retry-after'], /^\d+$/);
      assert.equal(refreshes(), 1, 'asked once');
      await site.scalekit.control({ fail: { token: null }, accessTokenLife: 300 });
      assertJson(await post(visitor, REFRESH));
      assert.equal((await visitor.get('/')).status, 200);
    });
  }

  it('is 409 for a session without a refresh token, which goes on', async () => {
    const visitor = await signInOn('offline');
    assertProblem(await post(visitor, REFRESH), 409);
    assertJson(await visitor.script(SHOW));
  });

  it('is 401 without a session', async () => {
    assertProblem(await post(site.visitor(), REFRESH), 401);
    assert.equal(refreshes(), 0);
  });
});

describe('strangers', () => {
  const evil = 'https://evil.example/page';
  const cases = {
    'another site': { from: evil },
    'another host of the same site': { headers: { 'Sec-Fetch-Site': 'same-site' } },
    'a site that claims our Origin': { headers: { 'Sec-Fetch-Site': 'cross-site' } },
    'another origin, without Sec-Fetch-Site': { headers: { ...NO_FETCH, Origin: 'https://evil.example' } },
    'an origin that begins like ours': { headers: { ...NO_FETCH, Origin: 'http://localhost.evil.example' } },
    'Origin: null': { headers: { ...NO_FETCH, Origin: 'null' } },
  };
  for (const [name, options] of Object.entries(cases)) {
    it(`${name}: 403, and nothing happens`, async () => {
      const visitor = await signIn(site);
      for (const [method, path] of [['GET', SHOW], ['POST', VALIDATE], ['POST', REFRESH]]) {
        const from = site.mark();
        const answer = await visitor.script(path, { method, ...options });
        const { reference } = assertProblem(answer, 403);
        assert.deepEqual(answer.all('set-cookie'), []);
        assert.equal(ourLines(site.log(from)).filter((line) => line.includes(reference)).length, 1);
        assert.doesNotMatch(answer.text, /evil|usr_/);
      }
      assert.equal(refreshes(), 0);
    });
  }

  for (const [name, headers] of Object.entries({
    'without Sec-Fetch-Site and Origin': { ...NO_FETCH, Origin: null }, 'that is typed in': { 'Sec-Fetch-Site': 'none' },
  })) {
    it(`a POST ${name}: 403`, async () => {
      const visitor = await signIn(site);
      for (const path of [VALIDATE, REFRESH]) assertProblem(await post(visitor, path, { headers }), 403);
      assert.equal(refreshes(), 0);
    });
  }

  it('a POST with our Origin alone is ours', async () => {
    const visitor = await signIn(site);
    for (const path of [VALIDATE, REFRESH]) assertJson(await post(visitor, path, { headers: NO_FETCH }));
  });
});

describe('other methods', () => {
  for (const [path, allowed, methods] of [[SHOW, 'GET', ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']],
    [VALIDATE, 'POST', ['GET', 'HEAD', 'PUT', 'OPTIONS']], [REFRESH, 'POST', ['GET', 'HEAD', 'DELETE', 'OPTIONS']]]) {
    for (const method of methods) {
      it(`${method} ${path} is not allowed`, async () => {
        const answer = await (await signIn(site)).script(path, { method });
        if (method === 'HEAD') assert.equal(answer.status, 405);
        else assertProblem(answer, 405);
        assert.match(answer.headers.allow, new RegExp(`\\b${allowed}\\b`));
        assert.doesNotMatch(answer.headers.allow, /PUT|DELETE|OPTIONS|PATCH/);
        assert.equal(refreshes(), 0);
      });
    }
  }
});

describe('ScalekitSessionsPath', () => {
  it('puts all three elsewhere, slash or not', async () => {
    const visitor = await signInOn('elsewhere');
    for (const path of ['/api/me', '/api/me/']) assert.equal(assertJson(await visitor.script(path)).sub, SUB);
    assert.equal(assertJson(await post(visitor, '/api/me/validate-token')).valid, true);
    assert.equal(assertJson(await post(visitor, '/api/me/refresh-token')).success, true);
    for (const path of [SHOW, VALIDATE, REFRESH]) assert.equal((await visitor.script(path)).status, 404, path);
    assert.equal(assertProblem(await new Visitor(on('elsewhere')).script('/api/me'), 401).login_url, undefined);
  });

  it('none gives their paths to the application', async () => {
    const visitor = await signInOn('none');
    for (const path of [SHOW, VALIDATE, REFRESH]) assert.equal((await visitor.script(path)).json().url, path);
    assert.equal((await new Visitor(on('none')).script(SHOW)).status, 401, 'a page like others');
  });

  it('wins over ProxyPass, and leaves what only looks like it to the application', async () => {
    const visitor = await signInOn('proxied');
    const seen = backend.requests.length;
    assert.equal(assertJson(await visitor.script(SHOW)).sub, SUB);
    assert.equal(assertJson(await post(visitor, VALIDATE)).valid, true);
    assert.equal(assertJson(await post(visitor, REFRESH, { body: 'x'.repeat(100000) })).success, true);
    assert.equal(backend.requests.length, seen);
    for (const path of ['/sessionsx', '/sessions/x', '/sessions/validate-token/x', '/SESSIONS', '/sessions.json']) {
      assert.equal((await visitor.script(path)).json().url, path);
    }
  });
});
