// Sessions in the shared memory: ScalekitSessionStore cache.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertFailure, cookiesOf, ourLines } from './support/answers.mjs';
import { configtest, freePorts } from './support/httpd.mjs';
import { unlike } from './support/permissions.mjs';
import { expiredVisitors, inParallel, isLogin, refreshes, tally } from './support/refreshing.mjs';
import { parseEnvironment, scalekitHost, signIn, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const ID = /^[A-Za-z0-9_-]{22}$/;
const cache = { ScalekitSessionStore: 'cache' };
let site;

const idOf = (visitor) => visitor.jar.get('session')?.value;
const withId = (id, path = '/') => site.get(path, { headers: { Cookie: `session=${id}` } });
const longPermissions = (count) => Array.from({ length: count }, (_, i) => `${i}:`.padEnd(64, 'x'));

async function loggedIn(options) {
  const visitor = await signIn(site, options);
  assert.equal(visitor.arrival.status, 200, ourLines(site.log()).at(-1));
  return visitor;
}

describe('a session in the shared memory', () => {
  before(async () => {
    site = await startSite({
      processes: 3,
      config: (server) => [
        scalekitHost(server, { settings: cache }),
        scalekitHost(server, { serverName: 'other.localhost', settings: cache }),
        scalekitHost(server, { serverName: 'sliding.localhost', settings: { ...cache, SessionMaxAge: 600 } }),
        scalekitHost(server, { serverName: 'crypto.localhost', settings: { ...cache, SessionCryptoPassphrase: 'test_made-up-passphrase-0123456789' } }),
        scalekitHost(server, { serverName: 'idle.localhost', settings: { ...cache, ScalekitSessionIdleTimeout: 3 } }),
      ].join('\n'),
    });
    const hosts = ['other', 'sliding', 'crypto', 'idle'].map((name) => `http://${name}.localhost:${site.port}`);
    const { knobs } = site.scalekit.state();
    redirects = [...knobs.redirectUris, ...hosts.map((host) => `${host}/auth/callback`)];
    await prepare();
  });
  let redirects;
  const prepare = () => site.scalekit.control({ reset: true, forget: true, redirectUris: redirects });
  after(() => site?.stop());
  beforeEach(() => prepare());

  async function loggedInAt(name) {
    const visitor = site.visitor();
    visitor.base = `http://${name}.localhost:${site.port}/`;
    assert.equal((await visitor.get('/', { follow: true })).status, 200);
    return visitor;
  }

  it('is a random id for the browser, in the cookie that SessionCookieName describes', async () => {
    const visitor = site.visitor();
    const { hops } = await visitor.get('/', { follow: true });
    const [line] = hops.flatMap((answer) => answer.all('set-cookie')).filter((one) => one.startsWith('session='));
    assert.match(line, /^session=[A-Za-z0-9_-]{22};path=\/;HttpOnly;SameSite=Lax$/);
    const ids = new Set([idOf(visitor)]);
    for (let i = 0; i < 5; i += 1) ids.add(idOf(await loggedIn()));
    assert.equal(ids.size, 6);
    for (let i = 0; i < 6; i += 1) {
      const answer = await visitor.get('/cgi-bin/env');
      const environment = parseEnvironment(answer.text);
      assert.equal(environment.REMOTE_USER, 'usr_17500000000000001', 'in every process');
      assert.equal(environment.HTTP_COOKIE, undefined);
      assert.deepEqual(answer.all('set-cookie'), []);
    }
  });

  it('has a new id after each login, and the old one is worth nothing', async () => {
    const visitor = await loggedIn();
    const old = idOf(visitor);
    await visitor.get('/login?prompt=login', { follow: true });
    assert.match(idOf(visitor), ID);
    assert.notEqual(idOf(visitor), old);
    assert.equal((await visitor.get('/')).status, 200);
    assert.ok(isLogin(await withId(old)));
  });

  it('is never given an id that the browser made up', async () => {
    for (const made of ['AAAAAAAAAAAAAAAAAAAAAA', '', 'x', 'A'.repeat(5000), '%00', '../../etc', '"AAAAAAAAAAAAAAAAAAAAAA"']) {
      assert.ok(isLogin(await withId(made)), made);
      const visitor = site.visitor();
      visitor.jar.set(site.url, `session=${made}; Path=/`);
      assert.equal((await visitor.get('/', { follow: true })).status, 200, made);
      assert.match(idOf(visitor), ID);
      assert.notEqual(idOf(visitor), made);
    }
  });

  it('keeps its id through a refresh, without another cookie', async () => {
    const [visitor] = await expiredVisitors(site, 1);
    const id = idOf(visitor);
    const answer = await visitor.get('/');
    assert.equal(answer.status, 200);
    assert.equal(refreshes(site.scalekit), 1);
    assert.deepEqual(answer.all('set-cookie'), []);
    assert.equal((await withId(id)).status, 200);
    assert.equal(refreshes(site.scalekit), 1);
  });

  it('is gone after a logout, and its cookie with it', async () => {
    const visitor = await loggedIn();
    const id = idOf(visitor);
    const answer = await visitor.get('/logout');
    assert.match(answer.location, /\/oidc\/logout\?id_token_hint=/);
    assert.match(cookiesOf(answer).session.line, /^session=;path=\/;HttpOnly;SameSite=Lax;Max-Age=0$/);
    assert.equal(answer.all('set-cookie').filter((line) => line.startsWith('session=')).length, 1);
    assert.equal(idOf(visitor), undefined);
    assert.ok(isLogin(await withId(id)));
  });

  it('ends by a back-channel logout', async () => {
    const visitor = await loggedIn();
    await site.scalekit.control({ endSession: site.scalekit.state().sessions.at(-1).sid });
    assert.ok(isLogin(await visitor.get('/')));
  });

  it('lives through reloads, graceful and not, and through the death of a process', async () => {
    const visitor = await loggedIn();
    await site.reload({ graceful: true });
    assert.equal((await visitor.get('/')).status, 200);
    await site.reload({ graceful: false });
    assert.equal((await visitor.get('/')).status, 200);
    process.kill(site.children().at(-1), 'SIGKILL');
    await sleep(1500);
    for (let i = 0; i < 6; i += 1) assert.equal((await visitor.get('/')).status, 200);
  });

  it('is none for another virtual host', async () => {
    const visitor = await loggedIn();
    const answer = await site.get(`http://other.localhost:${site.port}/`, { headers: { Cookie: `session=${idOf(visitor)}` } });
    assert.ok(isLogin(answer));
  });

  it('holds 200 permissions of the longest names, and their ID token', async () => {
    await site.scalekit.control({ users: { 'ada@acme.test': { permissions: longPermissions(200) } } });
    const visitor = await loggedIn();
    const environment = parseEnvironment((await visitor.get('/cgi-bin/env')).text);
    assert.equal(environment.SCALEKIT_PERMISSIONS.split(',').length, 200);
    assert.match((await visitor.get('/logout')).location, /id_token_hint=/);
  });

  it('that is larger than a value can be ends on a page and one line of the log', async () => {
    await site.scalekit.control({ users: { 'ada@acme.test': { permissions: unlike(1200) } } });
    const mark = site.mark();
    const answer = await site.visitor().get('/', { follow: true });
    assertFailure(site, mark, answer, 500, /takes \d+ bytes.*fewer roles and permissions/);
  });

  it('is refreshed once, and for all who come at a time, however large it is', async () => {
    await site.scalekit.control({ users: { 'ada@acme.test': { permissions: longPermissions(600) } } });
    const [visitor] = await expiredVisitors(site, 1);
    assert.deepEqual(tally(await inParallel(visitor, 20)), { 200: 20 });
    assert.equal(refreshes(site.scalekit), 1);
  });

  it('slides with SessionMaxAge, and a stranger is given none', async () => {
    const visitor = await loggedInAt('sliding');
    const id = idOf(visitor);
    const { session } = cookiesOf(await visitor.get('/'));
    assert.equal(session.value, id);
    assert.match(session.line, /;Max-Age=600$/);
    const stranger = await site.get(`http://sliding.localhost:${site.port}/public/`);
    assert.equal(stranger.status, 200);
    assert.deepEqual(stranger.all('set-cookie'), []);
  });

  it('works with mod_session_crypto on it', async () => {
    const visitor = await loggedInAt('crypto');
    assert.match(idOf(visitor), ID);
    assert.equal((await visitor.get('/')).status, 200);
    assert.ok((await visitor.get('/logout')).location.includes('id_token_hint='));
  });

  it('ends when it was not used for its idle time, and not while it is used', async () => {
    const visitor = await loggedInAt('idle');
    for (let i = 0; i < 4; i += 1) {
      await sleep(1000);
      assert.equal((await visitor.get('/')).status, 200);
    }
    await sleep(4100);
    assert.ok(isLogin(await visitor.get('/')));
  });
});

describe('the cookie of the store', () => {
  before(async () => {
    site = await startSite({
      config: (server) => ['SessionCookieName main path=/;HttpOnly;SameSite=Lax', scalekitHost(server, {
        settings: cache, locations: { '/public/': ['AuthType None', 'Require all granted', 'SessionCookieName theirs path=/public/;HttpOnly'] },
      })].join('\n'),
    });
  });
  after(() => site?.stop());

  it('is that of the virtual host, whatever is written elsewhere', async () => {
    const visitor = await loggedIn();
    assert.match(idOf(visitor), ID);
    assert.deepEqual(visitor.jar.list().map(({ name }) => name).filter((name) => /^(session|main|theirs)$/.test(name)), ['session']);
  });
});

describe('virtual hosts of one file that is included twice', () => {
  before(async () => {
    const host = (server) => scalekitHost({ ...server, host: 'x' }, {
      serverName: '${HOST}.localhost', settings: { ...cache, SessionCookieName: '${HOST}_session path=/;HttpOnly;SameSite=Lax' },
    });
    const [port] = await freePorts(1);
    site = await startSite({
      ports: [port],
      scalekit: { redirectUris: ['one', 'two'].map((name) => `http://${name}.localhost:${port}/auth/callback`) },
      config: (server) => {
        fs.writeFileSync(`${server.root}/host.conf`, host(server));
        return ['one', 'two'].map((name) => `Define HOST ${name}\nInclude "${server.root}/host.conf"`).join('\n');
      },
    });
  });
  after(() => site?.stop());

  for (const name of ['one', 'two']) {
    it(`have cookies of their own: ${name}`, async () => {
      const visitor = new Visitor(`http://${name}.localhost:${site.port}`);
      assert.equal((await visitor.get('/', { follow: true })).status, 200);
      assert.deepEqual(visitor.jar.list().map((cookie) => cookie.name).filter((one) => /^(?:one|two)_/.test(one)), [`${name}_session`]);
    });
  }
});

describe('shared memory that is too small for its sessions', () => {
  before(async () => {
    site = await startSite({ site: { settings: { ...cache, ScalekitSharedMemory: '64K' } }, scalekit: { backChannelLogoutUris: [] } });
  });
  after(() => site?.stop());

  it('loses those written longest ago, and the log says so once', async () => {
    const mark = site.mark();
    const visitors = [];
    while (visitors.length < 40) visitors.push(await loggedIn());
    assert.equal((await visitors.at(-1).get('/')).status, 200);
    assert.ok(isLogin(await visitors[0].get('/')));
    const lines = ourLines(site.log(mark)).filter((line) => line.includes('ScalekitSharedMemory'));
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], /auth_scalekit:warn/);
    assert.equal((await visitors[0].get('/', { follow: true })).status, 200, 'and a login helps');
  });
});

describe('ScalekitSessionStore', () => {
  for (const [name, settings, reason] of [
    ['something else', { ScalekitSessionStore: 'redis' }, /neither session nor cache/],
    ['a store without a cookie', { ...cache, SessionCookieName: null }, /add "SessionCookieName/],
  ]) {
    it(`is refused at start: ${name}`, async () => {
      const { status, output } = await configtest((server) => scalekitHost(server, { settings }));
      assert.notEqual(status, 0);
      assert.match(output, reason);
    });
  }
});
