// The end of a session, here and at Scalekit, and who may bring it about.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertPage, cookiesOf, formOf, linksOf, ourLines } from './support/answers.mjs';
import { freePorts } from './support/httpd.mjs';
import { unlike } from './support/permissions.mjs';
import { scalekitHost, signIn, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const EVIL = 'https://evil.example/page';
const OLD_BROWSER = { 'Sec-Fetch-Site': null }; // as on plain http
let site;
let port;

const others = {
  crypto: { SessionCryptoPassphrase: 'test_made-up-passphrase-0123456789' },
  attributes: { SessionCookieName: '__Secure-here Domain=attributes.localhost; path=/;HttpOnly; Secure;SameSite=Lax' },
  maxage: { SessionMaxAge: 600 },
  short: { ScalekitSessionMaxAge: 2 },
  nologout: { ScalekitLogoutPath: 'none' },
};

const on = (host) => `http://${host}.localhost:${port}`;
const isAuthorize = (answer) => answer.location?.startsWith(`${site.scalekit.url}/oauth/authorize?`);
const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const isEnded = (sid) => site.scalekit.state().sessions.find((session) => session.sid === sid).ended;

function hintOf(answer) {
  const url = new URL(answer.location);
  assert.equal(url.origin + url.pathname, `${site.scalekit.url}/oidc/logout`);
  return claimsOf(url.searchParams.get('id_token_hint'));
}

async function assertLoggedIn(visitor) {
  assert.equal((await visitor.get('/')).status, 200);
}

async function assertLoggedOut(visitor, path = '/') {
  assert.ok(isAuthorize(await visitor.clone().get(path)), 'still logged in');
}

before(async () => {
  [port] = await freePorts(1);
  site = await startSite({
    ports: [port],
    scalekit: {
      redirectUris: [`http://localhost:${port}`, on('path'), on('absolute'), on('other'), ...Object.keys(others).map(on)].map((origin) => `${origin}/auth/callback`),
      postLogoutRedirectUris: [`http://localhost:${port}/`, `${on('path')}/public/?bye=1`, 'https://www.example.test/bye'],
      backChannelLogoutUris: [],
    },
    config: (server) => [
      scalekitHost(server),
      scalekitHost(server, { serverName: 'path.localhost', settings: { ScalekitAfterLogoutURL: '/public/?bye=1' } }),
      scalekitHost(server, {
        serverName: 'absolute.localhost',
        settings: { ScalekitAfterLogoutURL: 'https://www.example.test/bye' },
      }),
      scalekitHost(server, {
        serverName: 'other.localhost',
        settings: { ScalekitLoginPath: 'none', ScalekitLogoutPath: '/session/end/' },
      }),
      ...Object.entries(others).map(([name, settings]) => scalekitHost(server, { serverName: `${name}.localhost`, settings })),
    ].join('\n'),
  });
});
after(() => site?.stop());
beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

describe('a logout', () => {
  for (const [name, send] of Object.entries({
    'by a link': (visitor) => visitor.get('/logout', { from: `${site.url}/` }),
    'by an address typed in': (visitor) => visitor.get('/logout'),
    'by a form': (visitor) => visitor.post('/logout'),
    'with a slash at the end': (visitor) => visitor.get('/logout/'),
    'from a browser that sends no Sec-Fetch-*': (visitor) => visitor.post('/logout', {}, { headers: OLD_BROWSER }),
  })) {
    it(`${name} ends the session here and at Scalekit, and comes back`, async () => {
      const visitor = await signIn(site);
      const answer = await send(visitor);
      assert.equal(answer.status, 302);
      assert.equal(answer.headers['cache-control'], 'no-store');
      const { sid, sub } = hintOf(answer);
      assert.equal(sub, 'usr_17500000000000001');
      assert.equal(new URL(answer.location).searchParams.get('post_logout_redirect_uri'), `${site.url}/`);
      assert.match(cookiesOf(answer).session.line, /^session=;.*Max-Age=0/);
      assert.equal(visitor.jar.header(`${site.url}/`), '');
      await assertLoggedOut(visitor);

      const back = await visitor.get(answer.location);
      assert.equal(back.headers.location, `${site.url}/`);
      assert.equal(isEnded(sid), true);
    });
  }

  it('ends single sign-on, so that the next visitor is asked who they are', async () => {
    const visitor = await signIn(site);
    await site.scalekit.control({ autoLogin: null });
    visitor.jar.remove('session');
    assert.match((await visitor.get('/', { follow: true })).text, /the home page/, 'Scalekit knows the browser');
    await visitor.get('/logout', { follow: true });
    const answer = await visitor.get('/', { follow: true });
    assert.equal(new URL(answer.url).origin, site.scalekit.url);
    assert.match(answer.text, /Choose who you are/);
  });

  it('says in the log who it was', async () => {
    const visitor = await signIn(site);
    const from = site.mark();
    await visitor.get('/logout');
    const lines = ourLines(site.log(from));
    assert.equal(lines.length, 1);
    assert.match(lines[0], /:info\].*user usr_17500000000000001 logs out/);
  });

  it('after the access token has expired still ends the session at Scalekit', async () => {
    await site.scalekit.control({ accessTokenLife: 1, idTokenLife: 1 });
    const visitor = await signIn(site);
    await sleep(1500);
    const answer = await visitor.get('/logout');
    const { sid } = hintOf(answer);
    await visitor.get(answer.location);
    assert.equal(isEnded(sid), true);
    assert.equal(visitor.jar.get('session'), undefined);
  });

  it('leaves the session of another browser alone', async () => {
    const one = await signIn(site);
    const other = await signIn(site);
    await one.get('/logout', { follow: true });
    await assertLoggedIn(other);
  });

  it('allows a login afterwards, as often as one likes', async () => {
    const visitor = site.visitor();
    for (let round = 1; round <= 6; round += 1) {
      assert.equal((await visitor.get('/', { follow: true })).status, 200, `round ${round}`);
      await visitor.get('/logout', { follow: (url) => url.origin !== site.url });
    }
  });

  for (const [host, target] of [['path', '/public/?bye=1'], ['absolute', 'https://www.example.test/bye']]) {
    it(`comes back to ScalekitAfterLogoutURL ${target}`, async () => {
      const visitor = new Visitor(on(host));
      assert.equal((await visitor.get('/', { follow: true })).status, 200);
      const answer = await visitor.get('/logout');
      const uri = new URL(target, on(host)).href;
      assert.equal(new URL(answer.location).searchParams.get('post_logout_redirect_uri'), uri);
      assert.equal((await visitor.get(answer.location)).headers.location, uri);
    });
  }

  it('is where ScalekitLogoutPath says, and the page after it offers no login path that is none', async () => {
    const visitor = new Visitor(on('other'));
    assert.equal((await visitor.get('/', { follow: true })).status, 200);
    assert.equal((await visitor.get('/logout')).status, 404);
    assert.equal(new URL((await visitor.get('/session/end')).location).pathname, '/oidc/logout');
    const answer = await visitor.get('/session/end');
    assertPage(answer, 200);
    assert.deepEqual(linksOf(answer), []);
  });
});

describe('the ID token of a session in a cookie', () => {
  const hintCookie = ({ jar }) => jar.list().find(({ name }) => name === 'sk_logout_session');
  const parametersOf = ({ location }) => new URL(location).searchParams;

  it('is in a cookie of its own, which comes to the logout alone', async () => {
    const visitor = await signIn(site);
    const { path, attributes } = hintCookie(visitor);
    assert.equal(path, '/logout');
    const { path: everywhere, ...others } = visitor.jar.get('session').attributes;
    const { path: own, ...same } = attributes;
    assert.deepEqual(same, others, 'the attributes of the session');
    assert.match(visitor.jar.header(`${site.url}/`), /^session=[^;]{300,700}(?:; sk_steps=[^;]*)?$/, 'pages get the session alone');
    assert.match(visitor.jar.header(`${site.url}/logout`), /session=.*sk_logout_session=|sk_logout_session=.*session=/);
  });

  it('is dropped with the session', async () => {
    for (const path of ['/logout', '/logout/']) {
      const visitor = await signIn(site);
      const answer = await visitor.get(path);
      hintOf(answer);
      assert.equal(cookiesOf(answer).sk_logout_session.line.match(/path=/gi).length, 1, 'front servers may rewrite the first of several');
      assert.deepEqual([hintCookie(visitor), visitor.jar.get('session')], [undefined, undefined]);
    }
  });

  it('comes to ScalekitLogoutPath, with and without a slash at its end', async () => {
    for (const path of ['/session/end', '/session/end/']) {
      const visitor = new Visitor(on('other'));
      await visitor.get('/', { follow: true });
      hintOf(await visitor.get(path));
    }
  });

  it('is the newest one', async () => {
    await site.scalekit.control({ accessTokenLife: 1 });
    const begun = Math.floor(Date.now() / 1000);
    const visitor = await signIn(site);
    const { value } = hintCookie(visitor);
    await sleep(1100);
    await site.scalekit.control({ accessTokenLife: 300 });
    assert.equal((await visitor.get('/')).status, 200);
    assert.notEqual(hintCookie(visitor).value, value);
    const { iat } = hintOf(await visitor.get('/logout'));
    assert.ok(iat >= begun + 1, 'its token was issued with the refresh');
  });

  it('stays, if a refresh brings none', async () => {
    await site.scalekit.control({ accessTokenLife: 1, refreshIdToken: false });
    const visitor = await signIn(site);
    await sleep(1100);
    assert.equal((await visitor.get('/')).status, 200);
    assert.equal(hintOf(await visitor.get('/logout')).sub, 'usr_17500000000000001');
  });

  it('counts for its own session only, and as it was written', async () => {
    const other = hintCookie(await signIn(site)).value;
    for (const [name, forge] of Object.entries({
      'of another session': () => other,
      'of nothing': () => 'x',
      changed: (own) => own.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A')),
      'the session itself': (own, visitor) => visitor.jar.get('session').value.replace('scalekit=', ''),
    })) {
      const visitor = await signIn(site);
      const value = forge(hintCookie(visitor).value, visitor);
      visitor.jar.set(`${site.url}/`, `sk_logout_session=${value}; Path=/logout`);
      const parameters = parametersOf(await visitor.get('/logout'));
      assert.equal(parameters.get('id_token_hint'), null, name);
      assert.match(parameters.get('client_id'), /^skc_/, name);
      await assertLoggedOut(visitor);
    }
  });

  it('is found behind others of its name', async () => {
    const visitor = await signIn(site);
    visitor.jar.set(`${site.url}/`, 'sk_logout_session=x; Path=/');
    visitor.jar.set(`${site.url}/`, 'sk_logout_=x; Path=/');
    hintOf(await visitor.get('/logout'));
  });

  it('opens as no session', async () => {
    const visitor = await signIn(site);
    const { value } = hintCookie(visitor);
    assert.ok(isAuthorize(await site.visitor({ headers: { Cookie: `session=scalekit=${value}` } }).get('/')));
  });

  for (const [name, host, of] of [
    ['with mod_session_crypto', 'crypto', /^sk_logout_session$/],
    ['with attributes of its own', 'attributes', /^sk_logout___Secure-here$/],
    ['with SessionMaxAge', 'maxage', /^sk_logout_session$/],
  ]) {
    it(`comes to the logout ${name}`, async () => {
      const visitor = new Visitor(on(host));
      assert.equal((await visitor.get('/', { follow: true })).status, 200);
      const cookie = visitor.jar.list().find((one) => of.test(one.name));
      const session = visitor.jar.get(cookie.name.replace('sk_logout_', ''));
      const rest = ({ path, 'max-age': life, ...others }) => others;
      assert.deepEqual(rest(cookie.attributes), rest(session.attributes));
      assert.deepEqual(visitor.jar.refused, []);
      hintOf(await visitor.get('/logout'));
      assert.deepEqual(visitor.jar.list().filter((one) => [cookie.name, session.name].includes(one.name)), []);
    });
  }

  it('lives as long as a session that is renewed', async () => {
    const visitor = new Visitor(on('maxage'));
    await visitor.get('/', { follow: true });
    assert.equal(hintCookie(visitor).attributes['max-age'], String(600 + 43200));
  });

  it('is known to a logout after the session has ended by time', async () => {
    const visitor = new Visitor(on('short'));
    await visitor.get('/', { follow: true });
    await sleep(2100);
    assert.ok(isAuthorize(await visitor.clone().get('/')));
    hintOf(await visitor.get('/logout'));
  });

  it('is not missed where there is no logout', async () => {
    const visitor = new Visitor(on('nologout'));
    assert.equal((await visitor.get('/', { follow: true })).status, 200);
    assert.deepEqual(visitor.jar.list().map(({ name }) => name).filter((name) => name.startsWith('sk_logout')), []);
  });

  it('says in the log when it did not come', async () => {
    const visitor = await signIn(site);
    visitor.jar.cookies = visitor.jar.cookies.filter(({ name }) => name !== 'sk_logout_session');
    const from = site.mark();
    assert.equal(parametersOf(await visitor.get('/logout')).get('id_token_hint'), null);
    assert.match(ourLines(site.log(from))[0], /:info\].*logs out, without the ID token: .*ScalekitLogoutPath/);
  });

  // It must not be that pages work and the logout alone is refused, for a Cookie header that is too long.
  for (const [name, bytes, count, has] of [
    ['has its place beside a large session', 100, 105, true],
    ['goes without where both are too large together, and says so', 2800, 100, false],
    ['goes without where it is too large by itself, and says so', 3300, 3, false],
  ]) {
    it(name, async () => {
      await site.scalekit.control({
        users: { 'ada@acme.test': { permissions: unlike(count) } },
        mutate: { id: { claims: { acr: randomBytes(bytes).toString('base64url') } } }, // which we do not export
      });
      const from = site.mark();
      const visitor = await signIn(site);
      assert.equal(hintCookie(visitor) !== undefined, has);
      assert.deepEqual(visitor.jar.refused, []);
      assert.equal(ourLines(site.log(from)).filter((line) => /:info\].*kept without its ID token/.test(line)).length, has ? 0 : 1);
      await assertLoggedIn(visitor);
      const answer = await visitor.get('/logout', { headers: { Cookie: `${visitor.jar.header(`${site.url}/logout`)}; logins=${'x'.repeat(2560)}` } });
      assert.equal(answer.status, 302, answer.text);
      assert.equal(parametersOf(answer).has('id_token_hint'), has);
      await assertLoggedOut(visitor);
    });
  }

  it('is not asked for again in a session that has no room for it', async () => {
    await site.scalekit.control({ accessTokenLife: 1, mutate: { id: { claims: { acr: randomBytes(4000).toString('base64url') } } } });
    const visitor = await signIn(site);
    await sleep(1100);
    await site.scalekit.control({ accessTokenLife: 300 });
    const from = site.mark();
    await assertLoggedIn(visitor);
    assert.deepEqual(ourLines(site.log(from)).filter((line) => /without/.test(line)), []);
  });
});

describe('a logout from another site', () => {
  for (const [name, send] of Object.entries({
    'by a link': (visitor) => visitor.get('/logout', { from: EVIL }),
    'by a form': (visitor) => visitor.post('/logout', {}, { from: EVIL }),
    'by a form of a page that hides where it is': (visitor) => visitor.post('/logout', {}, {
      from: EVIL, headers: { ...OLD_BROWSER, Origin: 'null' },
    }),
    'by a form, from a browser that sends no Sec-Fetch-*': (visitor) => visitor.post('/logout', {}, { from: EVIL, headers: OLD_BROWSER }),
    'by a hidden image': (visitor) => visitor.get('/logout', {
      from: EVIL, headers: { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
    }),
  })) {
    it(`${name} must be confirmed`, async () => {
      const visitor = await signIn(site);
      const answer = await send(visitor);
      assert.equal(answer.status, 200);
      assert.match(answer.headers['cache-control'], /no-store/);
      assert.deepEqual(Object.keys(cookiesOf(answer)).filter((cookie) => cookie === 'session'), []);
      await assertLoggedIn(visitor);
    });
  }

  // Browsers send "Origin: null" with a form of a page without a referrer, and those on plain http no Sec-Fetch-*.
  for (const headers of [{}, OLD_BROWSER]) {
    it(`is confirmed by the form of our page ${headers === OLD_BROWSER ? 'without' : 'with'} Sec-Fetch-*`, async () => {
      const visitor = await signIn(site);
      const page = await visitor.get('/logout', { from: EVIL });
      assertPage(page, 200);
      assert.match(page.text, /Do you want to sign out\?/);
      // Chromium would hold the redirects up that follow, to Scalekit and on to whatever identity provider.
      assert.doesNotMatch(page.headers['content-security-policy'], /form-action/);
      const origin = page.headers['referrer-policy'] === 'no-referrer' ? { Origin: 'null' } : {};
      const answer = await visitor.post(formOf(page), {}, { from: page.url, headers: { ...headers, ...origin } });
      assert.equal(answer.status, 302);
      hintOf(answer);
      await assertLoggedOut(visitor);
    });
  }

  it('by a form, with which browsers send no cookie, must be confirmed as well', async () => {
    const visitor = await signIn(site);
    const page = await site.visitor().post('/logout', {}, { from: EVIL });
    assertPage(page, 200);
    assert.match(page.text, /Do you want to sign out\?/);
    assert.equal((await visitor.post(formOf(page), {}, { from: page.url })).status, 302);
    await assertLoggedOut(visitor);
  });

  it('is none when it comes from another host of the same site', async () => {
    const visitor = await signIn(site);
    assert.equal((await visitor.get('/logout', { headers: { 'Sec-Fetch-Site': 'same-site' } })).status, 302);
  });
});

describe('a browser that fetches ahead of its user', () => {
  for (const headers of [{ 'Sec-Purpose': 'prefetch' }, { 'Sec-Purpose': 'prefetch;prerender' }, { Purpose: 'prefetch' }]) {
    it(`signs nobody out, nor in: ${JSON.stringify(headers)}`, async () => {
      const visitor = await signIn(site);
      assert.equal((await visitor.get('/logout', { headers })).status, 503);
      assert.equal((await visitor.get('/login?prompt=login', { headers })).status, 503);
      await assertLoggedIn(visitor);
      const nobody = site.visitor();
      assert.equal((await nobody.get('/', { headers })).status, 401);
      assert.deepEqual(nobody.jar.list(), []);
    });
  }
});

describe('without a session', () => {
  for (const [name, headers] of Object.entries({
    'a visitor without cookies': {},
    'a visitor with a session that cannot be read': { Cookie: 'session=scalekit=AAAA' },
    'another site, by a link': { 'Sec-Fetch-Site': 'cross-site' },
  })) {
    it(`${name} is told so`, async () => {
      for (const method of headers['Sec-Fetch-Site'] ? ['GET'] : ['GET', 'POST']) {
        const answer = await site.request(method, '/logout', { headers });
        assertPage(answer, 200);
        assert.match(answer.text, /You are signed out/);
        assert.deepEqual(linksOf(answer), ['/login']);
        assert.doesNotMatch(answer.text, /Reference/);
      }
    });
  }
});

describe('other methods', () => {
  for (const method of ['HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    it(`${method} is not allowed and ends nothing`, async () => {
      const visitor = await signIn(site);
      const answer = await visitor.request(method, '/logout');
      assert.equal(answer.status, 405);
      assert.match(answer.headers.allow, /GET/);
      assert.match(answer.headers.allow, /POST/);
      assert.doesNotMatch(answer.headers.allow, /PUT|DELETE|OPTIONS|PATCH/);
      await assertLoggedIn(visitor);
    });
  }
});
