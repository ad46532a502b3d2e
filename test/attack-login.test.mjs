// Attacks on the login: somebody else's code, state or answer; our pages in frames, in caches and in a Referer.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertFailure, cookiesOf, linksOf, ourLines } from './support/answers.mjs';
import { isLogin } from './support/refreshing.mjs';
import { parseEnvironment, signIn, startSite } from './support/sites.mjs';

const ADA = 'usr_17500000000000001';
const MAX = 'max@acme.test';

let site;
before(async () => {
  site = await startSite({
    scalekit: { backChannelLogoutUris: [] },
    site: { locations: { '/admin/': ['Require scalekit-role nobody'], '/globex/': ['Require scalekit-organization org_17500000000000002'], '/off/': ['Session Off'] } },
  });
});
after(() => site?.stop());
beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

/** A login of this visitor up to the callback, which is not asked for: its URL. */
async function callbackOf(visitor, path = '/login?prompt=login', as = undefined) {
  if (as) await site.scalekit.control({ autoLogin: as });
  const { location } = await visitor.get(path);
  return new URL((await visitor.get(location)).location);
}
const changed = (url, change) => {
  const copy = new URL(url);
  change(copy.searchParams);
  return copy.href;
};
const userOf = async (visitor) => parseEnvironment((await visitor.clone().get('/cgi-bin/env')).text).REMOTE_USER;
const exchanges = () => site.scalekit.state().requests.filter(({ endpoint }) => endpoint === 'token').length;

describe('somebody else\'s', () => {
  it('code is not exchanged for a session: its challenge was another', async () => {
    const [victim, attacker] = [site.visitor(), site.visitor()];
    const theirs = await callbackOf(victim, '/secret.html');
    const stolen = (await callbackOf(attacker, '/', MAX)).searchParams.get('code');
    const from = site.mark();
    assertFailure(site, from, await victim.get(changed(theirs, (query) => query.set('code', stolen))), 502, /failed: .*invalid_grant/);
    assert.equal(victim.jar.get('session'), undefined);
    // Nor the victim's for one of the attacker's.
    const mine = await callbackOf(attacker, '/', MAX);
    assert.equal((await attacker.get(changed(mine, (query) => query.set('code', theirs.searchParams.get('code'))))).status, 502);
    assert.equal(attacker.jar.get('session'), undefined);
  });

  it('answer of Scalekit logs nobody in, and takes nobody\'s session', async () => {
    const attacker = await callbackOf(site.visitor(), '/', MAX);
    const before = exchanges();
    const ada = await signIn(site, { as: 'ada@acme.test' });
    assert.equal((await ada.get(attacker.href, { from: 'https://evil.test/' })).headers.location, `${site.url}/`, 'as if it had been a Back');
    assert.equal(await userOf(ada), ADA);
    const stranger = site.visitor();
    assert.equal((await stranger.get(attacker.href, { from: 'https://evil.test/' })).status, 400);
    assert.equal(stranger.jar.get('session'), undefined);
    assert.equal(exchanges(), before + 1, 'Ada\'s alone: the code was never shown to Scalekit');
  });

  it('session that the browser was made to bring ends with the login', async () => {
    const attacker = await signIn(site, { as: MAX });
    const planted = attacker.jar.get('session').value;
    const victim = site.visitor();
    victim.jar.set(site.url, `session=${planted}; Path=/`);
    await victim.get('/login?prompt=login', { follow: true });
    assert.notEqual(victim.jar.get('session').value, planted);
    assert.ok(isLogin(await attacker.get('/')));
  });
});

describe('an answer of another server', () => {
  it('is refused, however it names its issuer', async () => {
    const other = encodeURIComponent('https://evil.test');
    const own = encodeURIComponent(site.scalekit.url);
    for (const iss of [`iss=${other}`, `iss=${other}&iss=${other}`, `iss=${own}&iss=${other}`, `iss=${own}&iss=${own}`, 'iss=', 'iss=%zz', 'iss=%00', `iss=${own}%00`, `iss=${own}%2f`]) {
      const visitor = site.visitor();
      const callback = await callbackOf(visitor, '/');
      const from = site.mark();
      assertFailure(site, from, await visitor.get(`${callback}&${iss}`), 400, /another issuer/);
      assert.equal(exchanges(), 0, iss);
    }
  });

  it('that is an error as well as a code is an error', async () => {
    for (const [error, status] of [['error=server_error', 502], ['error=a&error=b', 400], ['error=', 400], ['error=%zz', 400]]) {
      const visitor = site.visitor();
      assert.equal((await visitor.get(`${await callbackOf(visitor, '/')}&${error}`)).status, status, error);
      assert.equal(exchanges(), 0, error);
      assert.equal(visitor.jar.get('session'), undefined);
    }
  });

  it('that nobody asked for has us say nothing in its words', async () => {
    const words = 'Call 0900 123 to unlock your account';
    for (const query of [{ error: words }, { error: 'x', error_description: words }, { error: 'x', error_description: words, state: 'x'.repeat(43) }]) {
      for (const script of [false, true]) {
        const answer = await site.visitor().request('GET', `/auth/callback?${new URLSearchParams(query)}`, { script, from: 'https://evil.test/' });
        assert.equal(answer.status, 400);
        assert.doesNotMatch(answer.text, /0900/);
      }
    }
  });
});

describe('a state', () => {
  it('is good for one callback, whatever comes of it', async () => {
    const spoilt = {
      'without a code': (query) => query.delete('code'),
      'with two codes': (query) => query.append('code', 'x'),
      'with an error': (query) => query.set('error', 'x'),
      'of another issuer': (query) => query.set('iss', 'https://evil.test'),
      'with a code of nobody': (query) => query.set('code', 'x'.repeat(40)),
    };
    for (const [name, change] of Object.entries(spoilt)) {
      const visitor = site.visitor();
      const callback = await callbackOf(visitor, '/');
      assert.ok((await visitor.get(changed(callback, change))).status >= 400, name);
      assert.equal((await visitor.get(callback.href)).status, 400, `afterwards, ${name}`);
      assert.equal(visitor.jar.get('session'), undefined, name);
    }
  });

  it('differs each time, and its cookie tells neither it nor the verifier', async () => {
    const seen = new Set();
    const visitor = site.visitor();
    for (let i = 0; i < 50; i += 1) {
      const answer = await visitor.get('/login');
      const { state, nonce, code_challenge: challenge } = Object.fromEntries(new URL(answer.location).searchParams);
      [state, nonce, challenge].forEach((one) => seen.add(one));
      for (const { value } of Object.values(cookiesOf(answer))) {
        const plain = Buffer.from(value, 'base64url').toString('latin1');
        assert.ok(![value, plain].some((text) => text.includes(state) || text.includes(nonce) || text.includes('/public')));
      }
    }
    assert.equal(seen.size, 150);
  });
});

describe('all that we answer around a login', () => {
  const known = () => signIn(site);
  const answers = {
    'the way to Scalekit': () => site.get('/secret.html'),
    '/login': () => site.get('/login?next=/secret.html'),
    '/login with a session': async () => (await known()).get('/login?next=/secret.html'),
    'the callback': async () => { const visitor = site.visitor(); return visitor.get((await callbackOf(visitor, '/')).href); },
    'a callback again': async () => { const visitor = await known(); return visitor.get('/auth/callback?code=a&state=b'); },
    'a callback of nobody': () => site.get('/auth/callback?code=a&state=b'),
    'a callback without cookies': () => site.get('/auth/callback?code=a&state=b', { headers: { Cookie: 'a=b' } }),
    'a callback with an error': async () => { const visitor = site.visitor(); return visitor.get(`${await callbackOf(visitor, '/')}&error=x`); },
    'a failed exchange': async () => {
      const visitor = site.visitor();
      const callback = await callbackOf(visitor, '/');
      await site.scalekit.control({ fail: { token: { mode: 'status', status: 500 } } });
      return visitor.get(callback.href);
    },
    'a POST to the callback': () => site.request('POST', '/auth/callback?code=a&state=b'),
    'too much': () => site.request('POST', '/login', { body: 'x'.repeat(1 << 21) }),
    'a bad request of an identity provider': () => site.get('/login?idp_initiated_login=a.b.c'),
    'a logout': async () => (await known()).get('/logout'),
    'a logout to confirm': async () => (await known()).get('/logout', { from: 'https://evil.test/' }),
    'a logout of nobody': () => site.get('/logout'),
    '401 of a script': () => site.visitor().script('/'),
    '401 of a form': () => site.visitor().post('/', { a: 'b' }),
    'another organization': async () => (await known()).get('/globex/'),
    'who am I': async () => (await known()).script('/sessions'),
    'nobody': () => site.visitor().script('/sessions'),
    'a site that is not ready': () => site.get('/off/'),
  };
  for (const [name, ask] of Object.entries(answers)) {
    it(`${name}: is kept by no cache, shown in no frame, and tells no other site where it was`, async () => {
      const { status, headers, text, url } = await ask();
      assert.match(headers['cache-control'], /\bno-store\b/);
      assert.doesNotMatch(headers['cache-control'], /public|max-age=[1-9]/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.match(headers['referrer-policy'], /code=|state=/.test(url) ? /^no-referrer$/ : /^(?:no-referrer|same-origin)$/);
      assert.equal(headers['access-control-allow-origin'], undefined);
      if (status !== 302 && /html/.test(headers['content-type'])) {
        assert.equal(headers['x-frame-options'], 'DENY');
        assert.match(headers['content-security-policy'], /default-src 'none';.*frame-ancestors 'none'/);
        assert.doesNotMatch(text, /<script|<iframe|<img|\son\w+=|javascript:|https?:\/\/(?!localhost)/i);
      }
    });
  }

  it('an own ErrorDocument at the callback inherits it', async () => {
    const own = await startSite({ site: { extra: 'ErrorDocument 400 /public/index.html' } });
    try {
      const answer = await own.get('/auth/callback?code=a&state=b', { headers: { Cookie: 'a=b' } });
      assert.match(answer.text, /the public page/);
      assert.equal(answer.headers['referrer-policy'], 'no-referrer');
      assert.match(answer.headers['cache-control'], /no-store/);
    } finally {
      await own.stop();
    }
  });
});

describe('a claim', () => {
  it('does not break a line of the log, whatever is in it', async () => {
    const sub = 'usr_\u202e\u2028" [error] \u{1f600}%n%s';
    const from = site.mark();
    await site.scalekit.control({ mutate: { id: { claims: { sub } }, access: { claims: { sub } } } });
    const visitor = await signIn(site);
    await visitor.get('/logout');
    const lines = ourLines(site.log(from));
    assert.ok(lines.some((line) => /: user usr_/.test(line)), site.log(from));
    for (const line of site.log(from).split('\n').filter(Boolean)) assert.match(line, /^\[\w{3} \w{3} \d\d [\d:.]+ \d{4}\] \[\w+:\w+\] [\x20-\x7e]*$/);
  });

  it('does not break the answer to a script', async () => {
    const name = '</script><!--\u2028"\\\u{1f600}';
    await site.scalekit.control({ users: { 'ada@acme.test': { idClaims: { name }, accessClaims: {} } } });
    const visitor = await signIn(site, { as: 'ada@acme.test' });
    const answer = await visitor.script('/sessions');
    assert.equal(answer.json().name, name);
    assert.match(answer.headers['content-type'], /^application\/json/);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.deepEqual(linksOf(answer), []);
  });
});
