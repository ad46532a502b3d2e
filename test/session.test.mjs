// A session: where it lives, when it ends, and what is none.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertFailure, cookiesOf, ourLines } from './support/answers.mjs';
import { startBackend } from './support/backend.mjs';
import { freePorts, isSlow } from './support/httpd.mjs';
import { unlike } from './support/permissions.mjs';
import { parseEnvironment, scalekitHost, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const CRYPTO = { SessionCryptoPassphrase: 'test_made-up-passphrase-0123456789' };
const LAST = 110;
const OVER = isSlow ? 10 : 1; // seconds; a login must not take that long
const SHARED = { ScalekitSessionScope: 'shared' };

// Virtual hosts by name, all in one server.
const hosts = {
  plain: {},
  maxage: { SessionMaxAge: 3600 },
  crypto: CRYPTO,
  cryptomaxage: { ...CRYPTO, SessionMaxAge: 3600 },
  remove: { SessionCookieRemove: 'On' },
  removemaxage: { SessionCookieRemove: 'On', SessionMaxAge: 3600 },
  removecrypto: { ...CRYPTO, SessionCookieRemove: 'On', SessionMaxAge: 3600 },
  edited: { SessionMaxAge: 3600, Header: 'always edit Set-Cookie ^(.*)$ "$1;SameSite=None;Priority=High"' }, // as some harden a server
  short: { SessionMaxAge: 2 },
  over: { SessionMaxAge: OVER },
  overcrypto: { ...CRYPTO, SessionMaxAge: OVER },
  idle: { ScalekitSessionIdleTimeout: 3 },
  absolute: { ScalekitSessionMaxAge: 3 },
  frozen: { ScalekitScopes: 'openid profile email' },
  one: SHARED,
  two: SHARED,
  otherscope: { ScalekitSessionScope: 'other' },
  otherclient: { ...SHARED, ScalekitClientID: 'skc_99999999999999999' },
  otherenvironment: { ...SHARED, ScalekitEnvURL: 'http://127.0.0.1:9' },
  othersecret: { ...SHARED, ScalekitClientSecret: 'test_made-up-other-secret' },
  otherkey: { ...SHARED, ScalekitSessionKey: '0123456789abcdef0123456789abcdef' },
};

let site;
let port;
let backend;

const visitorOf = (host) => new Visitor(`http://${host}.localhost:${port}`);
const isLogin = (answer) => /\/oauth\/authorize\?/.test(answer.location ?? '');
const exchanges = () => site.scalekit.state().requests.filter(({ endpoint }) => endpoint === 'token').length;

async function signInTo(host, where = '/') {
  const visitor = visitorOf(host);
  visitor.arrival = await visitor.get(where, { follow: true });
  assert.equal(visitor.arrival.status, 200, visitor.arrival.text);
  return visitor;
}

/** What somebody gets who sends this value as the session cookie, or this whole header. */
function withCookie(host, value) {
  const Cookie = value.startsWith('session=') ? value : `session=${value}`;
  return visitorOf(host).get('/', { headers: { Cookie } });
}

async function assertNoSession(host, value) {
  const answer = await withCookie(host, value);
  assert.equal(answer.status, 302, `${value.slice(0, 60)}: ${answer.status}`);
  assert.ok(isLogin(answer), answer.location);
}

before(async () => {
  [port] = await freePorts(1);
  backend = await startBackend();
  const names = [...Object.keys(hosts), 'tokens', 'headers', 'legacy'];
  site = await startSite({
    ports: [port],
    scalekit: {
      redirectUris: names.map((name) => `http://${name}.localhost:${port}/auth/callback`),
      backChannelLogoutUris: [],
    },
    config: (server) => [
      'LimitRequestFieldSize 65536\n<Location "/legacy/">\nSessionCookieName legacy path=/legacy;HttpOnly\n</Location>',
      ...Object.entries(hosts)
        .map(([name, settings]) => scalekitHost(server, { serverName: `${name}.localhost`, settings })),
      scalekitHost(server, {
        serverName: 'tokens.localhost',
        backend,
        locations: {
          '/proxied/': ['ScalekitPassAccessToken On'],
          '/last/': [`Require scalekit-permission ${unlike(LAST).at(-1)}`],
        },
        extra: `Alias "/last/" "${server.docroot}/"`,
      }),
      scalekitHost(server, {
        serverName: 'headers.localhost',
        backend,
        locations: {
          '/proxied/': ['SessionHeader X-Replace-Session'],
          '/proxied/open': ['AuthType None', 'Require all granted'],
        },
      }),
      scalekitHost(server, {
        serverName: 'legacy.localhost',
        locations: { '/other/': ['SessionCookieName other path=/other;HttpOnly'] },
      }),
    ].join('\n'),
  });
});
after(async () => {
  await site?.stop();
  await backend?.stop();
});
beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

describe('a login that finds a session cookie', () => {
  const expired = {};
  before(async () => {
    for (const host of ['over', 'overcrypto']) expired[host] = (await signInTo(host)).jar.get('session').value;
    await sleep(OVER * 1000 + 100);
  });

  const cookies = {
    'that says nothing': () => ['garbage'],
    'that is empty': () => [''],
    'whose seal is none': () => ['scalekit=AAAA'],
    'that has expired': () => [expired.over],
    'that has expired, encrypted': () => [expired.overcrypto],
    'twice, both of no use': () => ['garbage', 'scalekit=AAAA'],
    'twice, one of them expired': () => [expired.over, expired.overcrypto],
  };
  for (const host of ['plain', 'maxage', 'crypto', 'cryptomaxage', 'remove', 'removemaxage', 'removecrypto', 'edited']) {
    for (const [name, values] of Object.entries(cookies)) {
      it(`${name} (${host}) succeeds at the first try, and lasts`, async () => {
        const visitor = visitorOf(host);
        const [wide, narrow] = values();
        visitor.jar.set(visitor.base, `session=${wide}; Path=/`);
        if (narrow) visitor.jar.set(visitor.base, `session=${narrow}; Path=/secret.html`);
        const answer = await visitor.get('/secret.html', { follow: true });
        assert.equal(answer.status, 200);
        assert.equal(exchanges(), 1, 'one login');
        for (const where of ['/secret.html', '/', '/secret.html']) {
          assert.equal((await visitor.get(where)).status, 200, where);
        }
        assert.equal(exchanges(), 1, 'still logged in');
      });
    }
  }
});

describe('two cookies of one name', () => {
  for (const host of ['plain', 'maxage', 'crypto', 'removecrypto']) {
    it(`give the session that one of them holds, in both orders (${host})`, async () => {
      const visitor = await signInTo(host);
      const { value } = visitor.jar.get('session');
      for (const other of ['garbage', '', 'scalekit=AAAA']) {
        for (const header of [`session=${value}; session=${other}`, `session=${other}; x=1; session=${value}`]) {
          assert.equal((await withCookie(host, header)).status, 200, header.replace(value, 'VALID'));
        }
      }
      const newer = (await signInTo(host)).jar.get('session').value;
      assert.equal((await withCookie(host, `session=${value}; session=${newer}`)).status, 200);
    });
  }

  it('are said in the log', async () => {
    const { value } = (await signInTo('plain')).jar.get('session');
    const from = site.mark();
    await withCookie('plain', `session=garbage; session=${value}`);
    assert.match(ourLines(site.log(from)).join('\n'), /several cookies "session"/);
  });
});

describe('many cookies', () => {
  it('of names that other locations use do not hide the session', async () => {
    const { value } = (await signInTo('legacy')).jar.get('session');
    const valid = `session=${value}`;
    for (const parts of [[valid, 'legacy=1', 'legacy=2'], ['legacy=1', valid, 'legacy=2'], ['legacy=1', 'legacy=2', valid],
      ['legacy=1', 'legacy=2', 'session=x', valid, 'other=1', 'other=2'], ['other=2', valid, 'legacy=2', 'session=x', 'other=1', 'legacy=1']]) {
      const Cookie = parts.join('; ');
      assert.equal((await visitorOf('legacy').get('/', { headers: { Cookie } })).status, 200, Cookie.replace(value, 'VALID'));
    }
  });

  for (const host of ['plain', 'cryptomaxage']) {
    it(`of one name cost little, and the last eight are looked at (${host})`, async () => {
      const { value } = (await signInTo(host)).jar.get('session');
      // The encrypted ones must be real, so that there is something to decrypt.
      const others = await Promise.all(Array.from({ length: 60 }, async (_, i) => {
        if (host === 'plain') return `entry=${i}`;
        return cookiesOf(await visitorOf(host).get('/public/')).session.value;
      }));
      assert.equal(new Set(others).size, 60);
      for (const place of [60, 53, 30]) {
        const header = [...others.slice(0, place), value, ...others.slice(place)].map((one) => `session=${one}`).join('; ');
        const start = Date.now();
        const answer = await withCookie(host, header);
        assert.ok(isSlow || Date.now() - start < 1000, `${Date.now() - start} ms`);
        assert.equal(answer.status, place > 52 ? 200 : 302, `the valid one is number ${place + 1} of 61`);
      }
    });
  }
});

describe('the end of a session', () => {
  it('comes when it is not used, when it is old, and when mod_session says so', async () => {
    const [idle, used, old, short] = await Promise.all(['idle', 'idle', 'absolute', 'short'].map((host) => signInTo(host)));
    for (let second = 1; second <= 4; second += 1) {
      await sleep(1050);
      assert.equal((await used.get('/')).status, 200, `in use for ${second} s`);
      if (second < 2) assert.equal((await old.get('/')).status, 200);
      if (second >= 4) assert.ok(isLogin(await old.clone().get('/')), 'ScalekitSessionMaxAge, though it was used');
      if (second >= 4) assert.ok(isLogin(await idle.clone().get('/')), 'ScalekitSessionIdleTimeout');
      if (second >= 3) assert.ok(isLogin(await short.clone().get('/')), 'SessionMaxAge');
    }
    for (const visitor of [idle, old, short]) {
      assert.equal((await visitor.get('/', { follow: true })).status, 200, 'a login follows');
      assert.equal((await visitor.get('/')).status, 200);
    }
  });

  it('does not come with its access token, with or without a refresh token', async () => {
    await site.scalekit.control({ accessTokenLife: 2 });
    const visitor = await signInTo('plain');
    const frozen = await signInTo('frozen');
    await sleep(2100);
    assert.equal((await visitor.script('/')).status, 200);
    assert.equal((await frozen.get('/')).status, 200, 'without offline_access');
    assert.equal((await frozen.script('/')).status, 200);
  });
});

describe('no session', () => {
  for (const host of ['plain', 'crypto']) {
    it(`is in a cookie with any damage (${host})`, async () => {
      // Padding, and what follows it, mod_session_crypto does not look at.
      const value = (await signInTo(host)).jar.get('session').value.replace(/=+$/, '');
      const step = value.length / 40;
      const damaged = Array.from({ length: 40 }, (_, i) => {
        const at = Math.floor(i * step);
        return value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
      });
      damaged.push(value.slice(0, -1), value.slice(0, -4), value.slice(0, value.length / 2),
        value.slice(0, 12), value.slice(1), `${value}AAAA`, `A${value}`, '', '=', '&', '%', 'scalekit=', 'scalekit',
        'x'.repeat(4000));
      const anonymous = await withCookie(host, 'other=1');
      for (const one of damaged) {
        const answer = await withCookie(host, one);
        assert.equal(answer.status, anonymous.status, `${one.length} bytes`);
        assert.ok(isLogin(answer));
        assert.deepEqual(answer.fields.map(([name]) => name), anonymous.fields.map(([name]) => name));
      }
      assert.equal((await withCookie(host, value)).status, 200, 'the true one');
    });
  }

  it('is in what anybody could write', async () => {
    const { value } = (await signInTo('plain')).jar.get('session');
    for (const forged of ['scalekit=usr_17500000000000001', 'user=ada', 'sub=usr_17500000000000001&user=ada&pw=x',
      'scalekit={"sub":"usr_17500000000000001"}', 'private-user=ada', `scalekit2=${value.split('=')[1]}`, `expiry=99999999999999999&scalekit=AQAA`]) {
      await assertNoSession('plain', forged);
    }
  });

  it('is in the cookie of a login', async () => {
    const visitor = visitorOf('plain');
    await visitor.get('/');
    await assertNoSession('plain', `scalekit=${visitor.jar.get(/^sk_login_/).value}`);
  });

  it('is in the cookie of another site, client, environment or key', async () => {
    const { value } = (await signInTo('one')).jar.get('session');
    assert.equal((await withCookie('two', value)).status, 200, 'the same scope on two virtual hosts');
    for (const host of ['plain', 'otherscope', 'otherclient', 'otherenvironment', 'othersecret', 'otherkey']) {
      await assertNoSession(host, value);
    }
    const alone = (await signInTo('plain')).jar.get('session').value;
    for (const host of ['maxage', 'one']) await assertNoSession(host, alone);
  });

  it('can be made or ended by a backend with SessionHeader', async () => {
    const ada = await signInTo('headers');
    await site.scalekit.control({ autoLogin: 'max@acme.test' });
    const planted = (await signInTo('headers')).jar.get('session').value;
    assert.match(planted, /^scalekit=/);
    for (const forged of [planted, `a=b&${planted}`, 'scalekit=usr_17500000000000002', 'user=root', 'scalekit=AQAA&user=root', 'scalekit=', 'scalekit', '']) {
      const visitor = ada.clone();
      const nobody = visitorOf('headers');
      for (const path of ['/page', '/open']) backend.answer(path, { headers: { 'X-Replace-Session': forged }, body: 'page' });
      for (const path of ['/proxied/page', '/proxied/open']) assert.equal((await visitor.get(path)).status, 200);
      const answer = await visitor.get('/cgi-bin/env');
      assert.equal(answer.status, 200, forged);
      const { REMOTE_USER: user, SCALEKIT_SUB: sub } = parseEnvironment(answer.text);
      assert.deepEqual([user, sub], ['usr_17500000000000001', 'usr_17500000000000001'], forged);
      assert.equal((await nobody.get('/proxied/open')).status, 200);
      assert.ok(isLogin(await nobody.get('/')), `a stranger, with ${forged}`);
    }
  });

  it('takes an application\'s own cookies out of its answer, though they begin as it does, and lets it send none of its name', async () => {
    const nobody = visitorOf('headers');
    const cookies = ['count=n=25; Path=/', 'session=n=3; Path=/', 'session=; Max-Age=0; Path=/'];
    for (const [content, sent] of [['n=2', 'session=n=2'], ['n=', 'session=']]) {
      backend.answer('/open', { headers: { 'X-Replace-Session': content, 'Set-Cookie': cookies }, body: 'page' });
      const answer = await nobody.get('/proxied/open');
      assert.deepEqual(answer.all('set-cookie').map((line) => line.split(';')[0]).sort(), ['count=n=25', sent], content);
    }
  });

  it('is what a script sets when each answer writes the session', async () => {
    const lines = ['session=scalekit=x; Path=/', 'session=; Max-Age=0; Path=/', 'count=1'].map((line) => `Set-Cookie: ${line}\n`).join('');
    site.writeFiles({ 'cgi-bin/plants': { text: `#!/bin/sh\ncat <<'END'\n${lines}Content-Type: text/plain\n\npage\nEND\n`, mode: 0o755 } });
    const ada = await signInTo('maxage');
    const sent = (await ada.get('/cgi-bin/plants')).all('set-cookie');
    assert.deepEqual(sent.map((line) => line.split('=')[0]).sort(), ['count', 'session'], sent.join('\n'));
    assert.equal((await ada.get('/')).status, 200);
  });

  it('is what somebody had set before the login', async () => {
    const attacker = await signInTo('plain');
    const planted = attacker.jar.get('session').value;
    const victim = visitorOf('plain');
    victim.jar.set(victim.base, `session=${planted}; Path=/`);
    await site.scalekit.control({ autoLogin: 'max@acme.test' });
    await victim.get('/login?prompt=login', { follow: true });
    assert.notEqual(victim.jar.get('session').value, planted);
    assert.equal(parseEnvironment((await victim.get('/cgi-bin/env')).text).REMOTE_USER, 'usr_17500000000000002');
    assert.ok(isLogin(await attacker.get('/cgi-bin/env')), 'what a login replaces is over');
  });
});

describe('a session that is too large for a cookie', () => {
  const cookieSize = (visitor) => 'session'.length + visitor.jar.get('session').value.length;

  it('takes the access token along while there is room', async () => {
    const visitor = await signInTo('tokens');
    await visitor.get('/proxied/');
    assert.match(backend.last.headers.authorization, /^Bearer ey/);
    assert.deepEqual(visitor.jar.refused, []);
  });

  for (const count of [80, LAST]) {
    it(`goes without the access token rather than without rights (${count} permissions)`, async () => {
      await site.scalekit.control({ users: { 'ada@acme.test': { permissions: unlike(count) } } });
      const visitor = await signInTo('tokens');
      assert.deepEqual(visitor.jar.refused, []);
      assert.ok(cookieSize(visitor) <= 4096);
      const environment = parseEnvironment((await visitor.get('/cgi-bin/env')).text);
      assert.equal(environment.SCALEKIT_PERMISSIONS.split(',').length, count);
      assert.equal((await visitor.get('/last/')).status, count >= LAST ? 200 : 403);
      assert.equal((await visitor.get('/proxied/', { headers: { Authorization: 'Bearer of-a-stranger' } })).status, 200);
      assert.equal(backend.last.headers.authorization, undefined);
      assert.equal(exchanges(), 1);
      const { searchParams } = new URL((await visitor.get('/logout')).location);
      assert.ok(searchParams.has('id_token_hint'), 'the ID token is in a cookie of its own');
      assert.ok(searchParams.has('post_logout_redirect_uri'));
    });
  }

  for (const permissionCount of [12, 50, 400]) {
    it(`fits with ${permissionCount} permissions`, async () => {
      await site.scalekit.control({ permissionCount });
      const visitor = await signInTo('plain');
      assert.deepEqual(visitor.jar.refused, []);
      assert.ok(cookieSize(visitor) <= 4096);
      const environment = parseEnvironment((await visitor.get('/cgi-bin/env')).text);
      assert.equal(environment.SCALEKIT_PERMISSIONS.split(',').length, permissionCount);
      assert.equal(exchanges(), 1);
    });
  }

  for (const [name, permissions] of Object.entries({
    'five hundred different permissions': unlike(500),
    'thousands of long permissions': Array.from({ length: 3000 }, (_, i) => `${i}:${'x'.repeat(60)}`),
  })) {
    it(`ends on a page and a line of the log, not in a loop: ${name}`, async () => {
      await site.scalekit.control({ users: { 'ada@acme.test': { permissions } } });
      const visitor = visitorOf('tokens');
      for (let round = 1; round <= 2; round += 1) {
        const from = site.mark();
        const answer = await visitor.get('/', { follow: true });
        assertFailure(site, from, answer, answer.status, /takes a cookie of \d+ bytes.*mod_session_dbd|too long|larger than/);
        assert.ok([500, 502].includes(answer.status));
        assert.equal(visitor.jar.get('session'), undefined);
        assert.deepEqual(visitor.jar.refused, []);
      }
    });
  }
});

describe('ScalekitSessionKey', () => {
  const OLD = 'b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=';
  const NEW = 'bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=';
  const configOf = (keys) => (server) => scalekitHost(server, { settings: { ScalekitSessionKey: keys } });
  let own;
  after(() => own?.stop());

  it('can be replaced without logging anybody out', async () => {
    own = await startSite({ config: configOf(OLD), scalekit: { backChannelLogoutUris: [] } });
    const early = own.visitor();
    await early.get('/', { follow: true });
    const isIn = async (visitor) => (await visitor.clone().get('/')).status === 200;
    assert.equal(await isIn(early), true);

    await own.reload({ config: configOf(`${NEW} ${OLD}`) });
    assert.equal(await isIn(early), true, 'sealed with the old key');
    const late = own.visitor();
    await late.get('/', { follow: true });

    await own.reload({ config: configOf(NEW) });
    assert.equal(await isIn(late), true, 'sealed with the new key');
    assert.equal(await isIn(early), false, 'the old key is gone');
    assert.equal((await early.get('/', { follow: true })).status, 200, 'and a login helps');
  });

  it('outlives a reload when it is derived from the client secret', async () => {
    await own.reload({ config: (server) => scalekitHost(server) });
    const visitor = own.visitor();
    await visitor.get('/', { follow: true });
    await own.reload();
    assert.equal((await visitor.get('/')).status, 200);
  });
});
