// From a page to Scalekit and back, and everything that can go wrong on the way.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertFailure, assertPage, cookiesOf, linksOf, localTarget, ourLines } from './support/answers.mjs';
import { strangersKey } from './scalekit/mutations.mjs';
import { freePorts, until } from './support/httpd.mjs';
import { scalekitHost, signIn, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const DEFAULT_PAGE = '/secret.html'; // not /, so that it is recognised
const sha256 = (text) => createHash('sha256').update(text).digest('base64url');

let site;
let port;
const authorizeOf = (answer) => Object.fromEntries(new URL(answer.location).searchParams);
const lastRequest = (endpoint) => site.scalekit.state().requests.filter((one) => one.endpoint === endpoint).at(-1);
const isAuthorize = (answer) => answer.location?.startsWith(`${site.scalekit.url}/oauth/authorize?`);
const loginCookies = (visitor) => visitor.jar.list().filter(({ name }) => /^(?:__Host-)?sk_login_/.test(name));

/** The way to Scalekit and back, up to the callback, which is not asked for: its URL. */
async function callbackOf(visitor, path) {
  const first = await visitor.get(path);
  assert.ok(isAuthorize(first), `${first.status} ${first.location}`);
  return (await visitor.get(first.location)).location;
}

async function assertNobody(visitor) {
  assert.ok(isAuthorize(await visitor.clone().get('/')), 'somebody is logged in');
}

async function assertSomebody(visitor) {
  assert.equal((await visitor.get('/')).status, 200);
}

before(async () => {
  [port] = await freePorts(1);
  const on = (host) => `http://${host}.localhost:${port}`;
  site = await startSite({
    ports: [port],
    scalekit: {
      redirectUris: [`http://localhost:${port}`, on('alias'), on('canonical'), 'https://offload.localhost', 'https://mismatch.localhost']
        .map((origin) => `${origin}/auth/callback`),
    },
    config: (server) => [
      scalekitHost(server, {
        settings: { ServerAlias: 'alias.localhost', ScalekitTimeout: '1 2', ScalekitAfterLoginURL: DEFAULT_PAGE },
        locations: { '/no-session/': ['Session Off'] },
      }),
      scalekitHost(server, {
        serverName: 'canonical.localhost',
        settings: { ServerAlias: 'other.localhost', ScalekitRedirectURI: `${on('canonical')}/auth/callback` },
      }),
      scalekitHost(server, {
        serverName: 'mismatch.localhost',
        settings: { ScalekitRedirectURI: 'https://mismatch.localhost/auth/callback' },
      }),
      scalekitHost(server, {
        serverName: 'offload.localhost',
        settings: {
          ScalekitBaseURL: 'https://offload.localhost',
          SessionCookieName: '__Host-session path=/;HttpOnly;Secure;SameSite=Lax',
        },
      }),
    ].join('\n'),
  });
});
after(() => site?.stop());
beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

describe('a login', () => {
  it('asks Scalekit as its SDKs do, with state, nonce and PKCE', async () => {
    const first = await site.get('/secret.html?a=1');
    assert.equal(first.status, 302);
    assert.equal(first.headers['cache-control'], 'no-store');
    const { state, nonce, code_challenge: challenge, ...rest } = authorizeOf(first);
    assert.deepEqual(rest, {
      response_type: 'code',
      client_id: site.scalekit.clientId,
      redirect_uri: `${site.url}/auth/callback`,
      scope: 'openid profile email offline_access',
      code_challenge_method: 'S256',
    });
    for (const value of [state, nonce, challenge]) assert.match(value, /^[\w-]{43}$/);
    const again = authorizeOf(await site.get('/secret.html?a=1'));
    assert.equal(new Set([state, nonce, challenge, again.state, again.nonce, again.code_challenge]).size, 6);
  });

  it('exchanges the code with the verifier of its challenge', async () => {
    await site.scalekit.control({ requirePkce: true });
    const visitor = await signIn(site, { path: '/' });
    assert.equal(visitor.arrival.status, 200);
    const { form } = lastRequest('token');
    assert.equal(sha256(form.code_verifier), lastRequest('authorize').query.code_challenge);
    assert.equal(form.client_secret, site.scalekit.clientSecret);
    assert.equal(form.redirect_uri, `${site.url}/auth/callback`);
  });

  it('keeps each attempt in an HttpOnly cookie of its own, and deletes it', async () => {
    const visitor = site.visitor();
    const callback = await callbackOf(visitor, '/');
    const [cookie] = loginCookies(visitor);
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.path, '/');
    assert.equal(cookie.attributes.samesite, 'Lax');
    assert.equal(cookie.attributes['max-age'], '3600'); // it dies after 600, but is known as late then
    const answer = await visitor.get(callback);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(answer.headers['referrer-policy'], 'no-referrer');
    assert.deepEqual(loginCookies(visitor), []);
    assert.deepEqual(visitor.jar.refused, []);
  });

  it('says in the log who logged in', async () => {
    const from = site.mark();
    await signIn(site);
    assert.match(ourLines(site.log(from)).at(-1), /:info\].*user usr_17500000000000001, organization org_17500000000000001/);
  });

  it('lets hints through to Scalekit', async () => {
    const hints = { organization_id: 'org_17500000000000001', connection_id: 'conn_1', login_hint: 'a+b@acme.test',
      domain_hint: 'acme.test', provider: 'google', prompt: 'select_account' };
    const asked = authorizeOf(await site.get(`/login?${new URLSearchParams(hints)}`));
    for (const [name, value] of Object.entries(hints)) assert.equal(asked[name], value, name);
    const odd = authorizeOf(await site.get(`/login?login_hint=${'x'.repeat(257)}&provider=a%0Ab&client_id=evil&scope=all`));
    assert.equal(odd.login_hint, undefined);
    assert.equal(odd.provider, undefined);
    assert.equal(odd.client_id, site.scalekit.clientId);
    assert.equal(odd.scope, 'openid profile email offline_access');
  });

  it('in five tabs at once brings each to its own page', async () => {
    const visitor = site.visitor();
    const paths = [1, 2, 3, 4, 5].map((tab) => `/secret.html?tab=${tab}`);
    const callbacks = await Promise.all(paths.map((path) => callbackOf(visitor, path)));
    assert.equal(loginCookies(visitor).length, 5);
    const answers = await Promise.all(callbacks.reverse().map((url) => visitor.get(url)));
    assert.deepEqual(answers.map(localTarget), [...paths].reverse());
    assert.deepEqual(loginCookies(visitor), []);
    await assertSomebody(visitor);
  });

  it('in twelve tabs, one after the other, is no circle', async () => {
    const visitor = site.visitor();
    const paths = Array.from({ length: 12 }, (_, tab) => `/secret.html?tab=${tab}`);
    const callbacks = [];
    for (const path of paths) callbacks.push(await callbackOf(visitor, path));
    for (const [i, url] of callbacks.entries()) assert.equal(localTarget(await visitor.get(url)), paths[i]);
    await assertSomebody(visitor);
  });

  it('in a thirteenth tab pushes out the oldest', async () => {
    const visitor = site.visitor();
    const callbacks = [];
    for (let tab = 1; tab <= 13; tab += 1) callbacks.push(await callbackOf(visitor, `/secret.html?tab=${tab}`));
    assert.equal(loginCookies(visitor).length, 12);
    const [oldest, ...others] = callbacks;
    const from = site.mark();
    assertFailure(site, from, await visitor.get(oldest), 400, /the state belongs to no login of this browser/);
    for (const [index, url] of others.entries()) {
      assert.equal(localTarget(await visitor.get(url)), `/secret.html?tab=${index + 2}`);
    }
  });

  it('leaves the attempts of another application on this host alone', async () => {
    const visitor = site.visitor();
    const theirs = 'sk_login_01234567=c29tZXRoaW5nIHRoYXQgaXMgbm90IG91cnM';
    visitor.jar.set(site.url, `${theirs}; Path=/`);
    const callback = await callbackOf(visitor, '/');
    assert.equal((await visitor.get(callback)).status, 302);
    assert.ok(visitor.jar.header(`${site.url}/`).includes(theirs));
  });

  it('keeps the cookies of attempts with long targets small in all', async () => {
    const visitor = site.visitor();
    for (let tab = 1; tab <= 6; tab += 1) await callbackOf(visitor, `/secret.html?${'x'.repeat(490)}${tab}`);
    const size = loginCookies(visitor).reduce((sum, { name, value }) => sum + name.length + value.length + 3, 0);
    assert.ok(size <= 2560, `${size} bytes`);
    assert.ok(loginCookies(visitor).length >= 2);
  });

  it('gives a session of another value each time', async () => {
    const visitor = await signIn(site);
    const { value } = visitor.jar.get('session');
    await visitor.get('/login?prompt=login', { follow: true });
    assert.notEqual(visitor.jar.get('session').value, value);
  });

  it('may be repeated at will by somebody who is logged in', async () => {
    const visitor = await signIn(site);
    for (let round = 1; round <= 8; round += 1) {
      const answer = await visitor.get('/login?prompt=login&next=/public/', { follow: true });
      assert.equal(answer.status, 200, `round ${round}`);
    }
  });
});

describe('the way back', () => {
  for (const target of [
    '/', '/secret.html', '/secret.html?', '/secret.html?a=1&b=2', '/secret.html?a=b=c&&d',
    '/secret.html?u=https://x.y/z?q=1', '/secret.html?next=//evil.example', '/secret.html?q=%2F%2Fevil.example&r=%5C',
    '/secret.html?a=%0d%0aSet-Cookie:x', '/secret.html?a+b=%20+%2B',
    '/secret.html?%C3%A4=%c3%a4', '/secret.html?a=\'();:@$,!*~-._', '/secret.html?code=1&state=2&error=3',
    '/secret.html?a=%00b', '/secret.html?a[]=1&a[]=2', '/a%20b/c;d=e?f', '/not//there/%2e%2e?x', '/%C3%A4/%E4',
  ]) {
    it(`leads to ${target} byte for byte`, async () => {
      const visitor = site.visitor();
      const first = await visitor.get('/', { target });
      assert.ok(isAuthorize(first), `${first.status} ${first.location}`);
      const back = await visitor.get((await visitor.get(first.location)).location);
      assert.equal(back.headers.location, site.url + target);
    });
  }

  it('knows the path of a request in absolute form', async () => {
    const paths = [['/secret.html?q=%41'], ['/a%20b/%2e?q'], ['/%41%0a', DEFAULT_PAGE], ['?q=1', '/?q=1'], ['', '/']];
    for (const [path, lands = path] of paths) {
      const visitor = site.visitor();
      const first = await visitor.get('/', { target: site.url + path });
      const back = await visitor.get((await visitor.get(first.location)).location);
      assert.equal(back.headers.location, site.url + lands);
    }
  });

  for (const name of ['next', 'returnTo']) {
    it(`leads where /login?${name}= says`, async () => {
      const target = '/search?u=https://x.y/&q=a%20b';
      const visitor = site.visitor();
      const answer = await visitor.get(await callbackOf(visitor, `/login?${name}=${encodeURIComponent(target)}`));
      assert.equal(answer.headers.location, site.url + target);
    });
  }

  const long = `/${'x'.repeat(511)}`;
  const foreign = [
    '//evil.example', '///evil.example', '/\\evil.example', '\\\\evil.example', '/%2f%2fevil.example', '/%2Fevil.example',
    '/%5cevil.example', '/%5C/evil.example', 'https://evil.example', 'https:evil.example', 'HTTP://evil.example/',
    'javascript:alert(1)', 'evil.example', '@evil.example', '.evil.example', ' //evil.example', '\t//evil.example',
    '/\t/evil.example', '/\n/evil.example', '/\r\nSet-Cookie: a=b', '/a\r\nb', '/\x00/evil', '/a?\x7f',
    '/%09/evil.example', '/%0d%0aSet-Cookie:a=b', '', `${long}x`,
  ];
  const local = [long, '/a//evil.example', '/search?u=https://x.y/', '/a#b', '/.//evil.example', '/../../evil.example'];
  for (const [next, lands] of [...foreign.map((one) => [one, DEFAULT_PAGE]), ...local.map((one) => [one, one])]) {
    it(`of /login?next=${JSON.stringify(next).slice(0, 40)} stays on this host`, async () => {
      const visitor = site.visitor();
      const first = await visitor.get(`/login?next=${encodeURIComponent(next)}`);
      const back = await visitor.get((await visitor.get(first.location)).location);
      assert.equal(back.status, 302);
      assert.equal(new URL(back.location).origin, site.url);
      assert.equal(back.headers.location, site.url + lands);
      const direct = await visitor.get(`/login?next=${encodeURIComponent(next)}`);
      assert.equal(direct.headers.location, back.headers.location, 'with a session');
    });
  }
});

describe('/login with a session', () => {
  let visitor;
  before(async () => { visitor = await signIn(site); });

  it('goes straight to the target', async () => {
    assert.equal((await visitor.get('/login')).headers.location, site.url + DEFAULT_PAGE);
    assert.equal((await visitor.get('/login/?next=/public/')).headers.location, `${site.url}/public/`);
    assert.equal((await visitor.get('/login?next=/public/&login_hint=max@acme.test')).headers.location, `${site.url}/public/`);
  });

  for (const hint of ['prompt=login', 'organization_id=org_17500000000000001', 'connection_id=conn_1', 'provider=google']) {
    it(`goes to Scalekit when it says ${hint}`, async () => {
      assert.ok(isAuthorize(await visitor.get(`/login?next=/public/&${hint}`)));
    });
  }

  it('takes no other method', async () => {
    const answer = await visitor.post('/login', { next: '/' });
    assert.equal(answer.status, 405);
    assert.match(answer.headers.allow, /GET/);
    assert.match(answer.headers.allow, /HEAD/);
    assert.doesNotMatch(answer.headers.allow, /POST/);
    assert.equal((await visitor.request('HEAD', '/login')).status, 302);
  });
});

describe('the callback', () => {
  const UNKNOWN = /the state belongs to no login of this browser/;
  const at = (callback, change) => {
    const url = new URL(callback);
    change(url.searchParams);
    return url.href;
  };

  it('refuses a state of its own making', async () => {
    const visitor = site.visitor();
    const callback = await callbackOf(visitor, '/');
    const states = ['x', '', 'A'.repeat(43), '../../etc', 'x'.repeat(5000), '"><script>alert(1)</script>', 'a\r\n[error] forged'];
    for (const state of states) {
      const from = site.mark();
      assertFailure(site, from, await visitor.get(at(callback, (query) => query.set('state', state))), 400, UNKNOWN);
    }
    const from = site.mark();
    assertFailure(site, from, await visitor.get(at(callback, (query) => query.delete('state'))), 400, UNKNOWN);
    await assertNobody(visitor);
    assert.equal(localTarget(await visitor.get(callback)), '/', 'the true one still works');
  });

  it('refuses a second use', async () => {
    const visitor = site.visitor();
    const callback = await callbackOf(visitor, '/');
    const thief = visitor.clone();
    assert.equal((await visitor.get(callback)).status, 302);
    const back = await visitor.get(callback);
    assert.equal(back.headers.location, site.url + DEFAULT_PAGE, 'Back, of somebody who is logged in');
    visitor.jar.remove('session');
    const from = site.mark();
    const refused = await visitor.get(callback, { headers: { Cookie: 'other=1' } });
    assertFailure(site, from, refused, 400, UNKNOWN);
    assert.deepEqual(linksOf(refused), ['/login']);
    const second = site.mark();
    assertFailure(site, second, await thief.get(callback), 502, /failed: .*400 invalid_grant/);
  });

  it('refuses another browser', async () => {
    const victim = site.visitor();
    await callbackOf(victim, '/');
    const from = site.mark();
    assertFailure(site, from, await victim.get(await callbackOf(site.visitor(), '/')), 400, UNKNOWN);
    await assertNobody(victim);
  });

  it('refuses the cookie of one attempt under the name of another', async () => {
    const visitor = site.visitor();
    const callback = await callbackOf(visitor, '/');
    await callbackOf(visitor, '/');
    const [one, other] = loginCookies(visitor);
    const from = site.mark();
    const headers = { Cookie: `${one.name}=${other.value}; ${other.name}=${one.value}` };
    assertFailure(site, from, await visitor.get(callback, { headers }), 400, UNKNOWN);
  });

  it('refuses a damaged cookie', async () => {
    const visitor = site.visitor();
    const callback = await callbackOf(visitor, '/');
    const [{ name, value }] = loginCookies(visitor);
    const flipped = (value[0] === 'A' ? 'B' : 'A') + value.slice(1);
    for (const damaged of ['', value.slice(0, -1), `${value}A`, value.slice(10), flipped, 'x'.repeat(4000)]) {
      const from = site.mark();
      assertFailure(site, from, await site.get(callback, { headers: { Cookie: `${name}=${damaged}` } }), 400, UNKNOWN);
    }
  });

  it('explains that cookies are needed', async () => {
    const visitor = site.visitor({ cookies: false });
    const from = site.mark();
    const answer = await visitor.get('/', { follow: true });
    assertFailure(site, from, answer, 400, /without any cookie/);
    assert.match(answer.text, /cookies/);
  });

  it('refuses a callback without a code, or with several of anything', async () => {
    const changes = [
      [/brought no code/, (query) => query.delete('code')],
      [/brought no code/, (query) => query.append('code', 'second')],
      [/brought no code/, (query) => query.set('code', '')],
      [/brought no code/, (query) => query.set('code', 'x'.repeat(2049))],
      [UNKNOWN, (query) => query.append('state', query.get('state'))],
    ];
    for (const [reason, change] of changes) {
      const visitor = site.visitor();
      const callback = await callbackOf(visitor, '/');
      const from = site.mark();
      assertFailure(site, from, await visitor.get(at(callback, change)), 400, reason);
      await assertNobody(visitor);
    }
  });

  it('believes only its own issuer, if one is named (RFC 9207)', async () => {
    const visitor = site.visitor();
    const callback = await callbackOf(visitor, '/');
    assert.equal((await visitor.get(at(callback, (query) => query.set('iss', site.scalekit.url)))).status, 302);
    for (const iss of ['https://evil.example', `${site.scalekit.url}/`]) {
      const other = await callbackOf(visitor, '/login?prompt=login');
      const from = site.mark();
      const answer = await visitor.get(at(other, (query) => query.set('iss', iss)));
      assertFailure(site, from, answer, 400, /another issuer than ScalekitIssuer/);
    }
  });

  it('escapes what an error says, which strangers write', async () => {
    const hostile = '"><script>alert(1)</script><img src=x>\r\nSet-Cookie: evil=1\r\n\r\n<b>';
    const state = new URL(await callbackOf(site.visitor(), '/')).searchParams.get('state');
    for (const query of [{ error: 'server_error', error_description: hostile }, { error: hostile, error_description: 'x' },
      { error: hostile, error_description: hostile, state }, { error: 'x'.repeat(3000), error_description: 'y'.repeat(3000) }]) {
      const from = site.mark();
      const answer = await site.get(`/auth/callback?${new URLSearchParams(query)}`);
      assertPage(answer, 400);
      assert.equal(cookiesOf(answer).evil, undefined);
      for (const line of site.log(from).split('\n').filter(Boolean)) assert.match(line, /^\[\w{3} \w{3} /);
    }
  });

  it('tells of an error of this login, which ends it', async () => {
    await site.scalekit.control({ denyLogin: { error: 'server_error', error_description: 'Out <of> order' } });
    const visitor = site.visitor();
    const callback = await callbackOf(visitor, '/secret.html?q=1');
    const from = site.mark();
    const answer = await visitor.get(callback);
    assertFailure(site, from, answer, 502, /Scalekit refused it: server_error \(Out <of> order\)/);
    assert.match(answer.text, /Out &lt;of&gt; order/);
    assert.deepEqual(linksOf(answer), ['/login?next=%2Fsecret.html%3Fq%3D1']);
    assert.deepEqual(loginCookies(visitor), []);
  });

  it('answers 403 to somebody who was not let in', async () => {
    await site.scalekit.control({ denyLogin: { error: 'access_denied', error_description: 'The user cancelled' } });
    const visitor = site.visitor();
    const callback = await callbackOf(visitor, '/');
    const from = site.mark();
    assertFailure(site, from, await visitor.get(callback), 403, /access_denied/);
  });

  for (const [error, status] of [['temporarily_unavailable', 503], ['login_required', 400], ['', 400]]) {
    it(`answers ${status} to the error "${error}"`, async () => {
      const visitor = site.visitor();
      const callback = at(await callbackOf(visitor, '/'), (query) => { query.delete('code'); query.set('error', error); });
      const from = site.mark();
      const answer = await visitor.get(callback);
      assertFailure(site, from, answer, status, new RegExp(`refused it: ${error || 'an error without a name'} `));
      assert.match(answer.text, error ? new RegExp(error) : /an error without a name/);
    });
  }

  it('tells of an error of a login that began at an identity provider, at the login path', async () => {
    const from = site.mark();
    const answer = await site.get('/login?error=user_not_active&error_description=Ask+Grace');
    assertFailure(site, from, answer, 400, /refused it: user_not_active \(Ask Grace\)/);
    assert.doesNotMatch(answer.text, /Grace/, 'anybody may have made up this link');
    assert.deepEqual(linksOf(answer), ['/login']);
  });

  it('takes an error beside a target for the application\'s own', async () => {
    for (const query of ['error=session_expired&next=/secret.html', 'returnTo=/secret.html&error=access_denied']) {
      assert.ok(isAuthorize(await site.get(`/login?${query}`)), query);
    }
  });

  for (const method of ['HEAD', 'POST', 'PUT', 'OPTIONS']) {
    it(`takes no ${method}, which ends no login`, async () => {
      const visitor = site.visitor();
      const callback = await callbackOf(visitor, '/');
      const answer = await visitor.request(method, callback);
      assert.equal(answer.status, 405);
      assert.doesNotMatch(answer.headers.allow, /POST|PUT|OPTIONS/);
      assert.equal((await visitor.get(callback)).status, 302);
    });
  }

  it('is only there at its own path', async () => {
    for (const path of ['/auth/callback/', '/auth/callback/x', '/AUTH/callback', '/auth/callback;x']) {
      assert.ok(isAuthorize(await site.get(path)), path);
    }
  });

  it('says so where no session can be kept', async () => {
    const from = site.mark();
    const answer = await site.get('/no-session/');
    assertFailure(site, from, answer, 500, /Session On/);
  });
});

describe('when Scalekit fails', () => {
  const failures = {
    'an error': [{ mode: 'status', status: 500 }, /it answered 500/],
    'a bad gateway in HTML': [{ mode: 'status', status: 502, body: '<html>' }, /it answered 502/],
    'too many requests': [{ mode: 'status', status: 429 }, /it answered 429/],
    'a refusal': [{ mode: 'status', status: 401, body: { error: 'invalid_client' } }, /401 invalid_client/],
    'a hostile refusal': [{ mode: 'status', status: 400, body: { error: 'x\n[error] forged' } }, /it answered 400/],
    'a redirect': [{ mode: 'status', status: 302, headers: { Location: 'http://127.0.0.1:9/' } }, /it answered 302/],
    silence: [{ mode: 'hang' }, /timed out after/],
    'a closed connection': [{ mode: 'disconnect' }, /Empty reply/],
    'a web page': [{ mode: 'html' }, /not a JSON object/],
    'half an answer': [{ mode: 'truncated' }, /not a JSON object/],
    'too much': [{ mode: 'status', status: 200, body: 'x'.repeat(300_000) }, /larger than 256 KB/],
    'no access token': [{ mode: 'edit', omit: ['access_token'] }, /no access_token/],
    'no ID token': [{ mode: 'edit', omit: ['id_token'] }, /no id_token/],
    'no JWT': [{ mode: 'edit', set: { id_token: 'opaque' } }, /the ID token is refused: it is not a JWT/],
    'tokens in each other\'s place': [{ mode: 'swap' }, /the access token is refused: it is an ID token/],
  };
  for (const [name, [fault, reason]] of Object.entries(failures)) {
    it(`with ${name}, one line gives the reason, and the next attempt works`, async () => {
      const visitor = site.visitor();
      const callback = await callbackOf(visitor, '/secret.html?q=1');
      await site.scalekit.control({ fail: { token: fault } });
      const from = site.mark();
      const answer = await visitor.get(callback);
      assertFailure(site, from, answer, 502, reason);
      assert.equal(visitor.jar.get('session'), undefined);
      await site.scalekit.control({ fail: { token: null } });
      const [again] = linksOf(answer);
      const arrival = await visitor.get(again, { follow: true });
      assert.equal(arrival.url, `${site.url}/secret.html?q=1`);
      assert.equal(arrival.status, 200);
    });
  }
});

describe('a Scalekit that is slow', () => {
  let own;
  before(async () => { own = await startSite({ processes: 1, threads: 8, site: { settings: { ScalekitTimeout: '1 3' } } }); });
  after(() => own?.stop());
  beforeEach(() => own.scalekit.control({ reset: true, forget: true }));
  const asked = (endpoint) => own.scalekit.state().requests.filter((one) => one.endpoint === endpoint).length;
  const begin = async () => {
    const visitor = own.visitor();
    const { location } = await visitor.get('/secret.html?q=1');
    return { visitor, callback: (await visitor.get(location)).location };
  };

  it('is waited for no longer than ScalekitTimeout says in all', async () => {
    const { visitor, callback } = await begin();
    await own.scalekit.control({ fail: { token: { mode: 'slow', delay: 2000 }, keys: { mode: 'slow', delay: 2000 } } });
    const from = own.mark();
    const answer = await visitor.get(callback);
    assertPage(answer, 502);
    assert.match(ourLines(own.log(from)).join('\n'), /[Tt]imeout|timed out/);
    assert.equal(visitor.jar.get('session'), undefined);
  });

  it('does not hold the rest of the site up, whoever floods the callback', async () => {
    const { visitor, callback } = await begin();
    await own.scalekit.control({ fail: { token: { mode: 'hang' } } });
    const finished = [];
    const all = Array.from({ length: 12 }, async () => finished.push(await visitor.clone().get(callback)));
    await until(() => finished.length >= 8, 2500);
    assert.equal((await own.get('/public/')).status, 200);
    // Nobody's time is over yet: these have been sent away, and the page came while the others waited.
    assert.deepEqual(finished.map(({ status }) => status), Array(8).fill(503));
    for (const answer of finished) {
      assertPage(answer, 503);
      assert.match(answer.headers['retry-after'], /^\d+$/);
      assert.deepEqual(linksOf(answer), ['/login?next=%2Fsecret.html%3Fq%3D1']);
    }
    await Promise.all(all);
    assert.deepEqual(finished.slice(8).map(({ status }) => status), Array(4).fill(502));
    assert.equal(asked('token'), 4);
    await own.scalekit.control({ reset: true, autoLogin: 'ada@acme.test', redirectUris: [`${own.url}/auth/callback`] });
    // Four failures in a row: for five seconds nobody calls.
    await sleep(5100);
    assert.equal((await signIn(own)).arrival.status, 200, 'and afterwards all is well');
  });
});

describe('a spoilt token', () => {
  const both = {
    algNone: /it is not signed with RS256/, hs256: /it is not signed with RS256/, noKid: /names no key/,
    wrongKid: /its key snk_\d+ is not in the key set/, crit: /demands extensions/,
    otherKey: /its signature is wrong/, badSignature: /its signature is wrong/,
    wrongIssuer: /its issuer is "https:\/\/other.scalekit.test", expected/, wrongAudience: /its audience does not include/,
    expired: /it expired 3600 seconds ago/, noExp: /no valid exp/, stringExp: /no valid exp/, futureNbf: /from the future/,
    futureIat: /from the future/, noSub: /no valid sub/, otherSub: /different users/,
  };
  const refused = {
    id: { ...both, wrongAzp: /its azp is another client/, wrongNonce: /its nonce is not the one of this login/,
      wrongAtHash: /its at_hash does not match/ },
    access: { ...both, wrongNonce: /it is an ID token/, wrongAtHash: /it is an ID token/ },
  };
  before(strangersKey); // ahead of the requests that wait for it
  for (const [kind, mutations] of Object.entries(refused)) {
    for (const [mutation, reason] of Object.entries(mutations)) {
      it(`is refused: ${kind} ${mutation}`, async () => {
        const visitor = site.visitor();
        const callback = await callbackOf(visitor, '/');
        await site.scalekit.control({ mutate: { [kind]: mutation } });
        const from = site.mark();
        assertFailure(site, from, await visitor.get(callback), 502, reason);
        assert.equal(visitor.jar.get('session'), undefined);
      });
    }
  }

  for (const [name, knobs] of Object.entries({
    'an ID token without nonce': { mutate: { id: 'noNonce' } },
    'a Scalekit that knows no nonce': { echoNonce: false },
    'an audience that is a string': { audience: 'string' },
    'an audience of several': { mutate: { id: { claims: { aud: ['x', 'skc_58300000000000001'] } } } },
    'a clock that is half a minute ahead': { clockSkew: 30 },
    'a clock that is half a minute behind': { clockSkew: -30 },
  })) {
    it(`is not what this is: ${name}`, async () => {
      await site.scalekit.control(knobs);
      assert.equal((await signIn(site)).arrival.status, 200);
    });
  }
});

describe('where the site is', () => {
  const visitorOf = (host) => new Visitor(`http://${host}.localhost:${port}`);

  it('an alias logs in on itself', async () => {
    const visitor = visitorOf('alias');
    const answer = await visitor.get('/secret.html?q=1', { follow: true });
    assert.equal(answer.status, 200);
    assert.equal(answer.url, `http://alias.localhost:${port}/secret.html?q=1`);
  });

  it('an alias goes to the host of an absolute ScalekitRedirectURI first', async () => {
    const visitor = visitorOf('other');
    const first = await visitor.get('/secret.html?q=1');
    assert.equal(first.headers.location, `http://canonical.localhost:${port}/secret.html?q=1`);
    assert.deepEqual(loginCookies(visitor), []);
    const answer = await visitor.get(first.location, { follow: true });
    assert.equal(answer.status, 200);
    assert.equal(answer.url, first.location);
    const login = await visitorOf('other').get('/login?next=/public/&prompt=login');
    assert.equal(login.headers.location, `http://canonical.localhost:${port}/login?next=/public/&prompt=login`);
  });

  it('a name with a dot at its end leads to that without', async () => {
    const answer = await site.get('/secret.html?q=1', { headers: { Host: `localhost.:${port}` } });
    assert.equal(answer.location, `http://localhost:${port}/secret.html?q=1`);
  });

  it('an unknown Host header is not believed', async () => {
    for (const host of ['evil.example', 'localhost:1', `evil.example:${port}`, `LOCALHOST.:${port}`, 'localhost.evil.example']) {
      const answer = await site.get('/secret.html?q=1', { headers: { Host: host } });
      assert.equal(answer.status, 302, host);
      if (isAuthorize(answer)) {
        assert.ok(authorizeOf(answer).redirect_uri.startsWith('http://localhost'), host);
      } else {
        assert.equal(answer.headers.location, `${site.url}/secret.html?q=1`, host);
      }
    }
    const old = await site.raw('GET /secret.html?q=1 HTTP/1.0\n\n');
    assert.equal(old.headers.location, `${site.url}/secret.html?q=1`);
    const absolute = await site.raw('GET http://evil.example/secret.html?q=1 HTTP/1.1\nHost: evil.example\n'
      + 'Connection: close\n\n');
    assert.equal(absolute.headers.location, `${site.url}/secret.html?q=1`);
  });

  it('forwarded headers are not believed', async () => {
    const headers = {
      'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https', Forwarded: 'host=evil.example;proto=https',
    };
    assert.equal(authorizeOf(await site.get('/', { headers })).redirect_uri, `${site.url}/auth/callback`);
  });

  // What a balancer that ends TLS does, told by redirects: https://name/ is http on our port.
  async function throughBalancer(name, path) {
    const visitor = visitorOf(name);
    let answer;
    let url = `https://${name}.localhost${path}`;
    for (let hops = 0; hops <= 12; hops += 1) {
      const isSite = url.startsWith(`https://${name}.localhost/`);
      const headers = isSite ? { Host: `${name}.localhost` } : {};
      answer = await visitor.get(url.replace(`https://${name}.localhost`, visitor.base), { headers });
      if (!answer.location) return { visitor, answer, url };
      url = new URL(answer.headers.location).href;
    }
    return assert.fail(`an endless redirect to ${url}`);
  }

  it('TLS that ends elsewhere gives a page instead of a loop, and a line that names the cure', async () => {
    const from = site.mark();
    const { answer, visitor } = await throughBalancer('mismatch', '/secret.html');
    assertFailure(site, from, answer, 500, /ScalekitBaseURL/);
    assert.match(answer.text, /circles/);
    assert.equal(visitor.jar.get('sk_steps'), undefined, 'the next try counts anew');
  });

  it('ScalekitBaseURL is the cure', async () => {
    const { answer, url, visitor } = await throughBalancer('offload', '/secret.html?q=1');
    assert.equal(answer.status, 200);
    assert.equal(url, 'https://offload.localhost/secret.html?q=1');
    assert.ok(visitor.jar.get('__Host-session').secure);
    const [[name, { line }]] = Object.entries(cookiesOf(await visitorOf('offload').get('/')));
    assert.match(name, /^__Host-sk_login_/);
    assert.match(line, /; Secure/);
  });
});

describe('on https', () => {
  let own;
  before(async () => { own = await startSite({ tls: true }); });
  after(() => own?.stop());

  it('cookies that matter are bound to this very host', async () => {
    const visitor = await signIn(own, { path: '/secret.html?q=1', visitor: own.visitor({ secureOnLoopback: false }) });
    assert.equal(visitor.arrival.status, 200);
    assert.equal(visitor.arrival.url, `${own.url}/secret.html?q=1`);
    const [first, , callback] = visitor.arrival.hops.map(cookiesOf);
    const [[login, { line }]] = Object.entries(first);
    assert.match(login, /^__Host-sk_login_/);
    assert.match(line, /; Path=\/; .*; Secure$/);
    assert.match(callback[login].line, /Max-Age=0.*; Secure$/);
    assert.ok(callback['__Host-session']);
    assert.deepEqual(visitor.jar.refused, []);
    assert.deepEqual(loginCookies(visitor), []);
  });
});

describe('an endless redirect', () => {
  it('of a browser that loses the session ends on a page', async () => {
    const visitor = site.visitor();
    const from = site.mark();
    let hops = 0;
    const answer = await visitor.get('/secret.html?q=1', {
      follow: () => {
        visitor.jar.remove('session');
        hops += 1;
        return hops < 20;
      },
    });
    assertFailure(site, from, answer, 500, /sent to log in again and again/);
    assert.match(answer.text, /accepts cookies/);
    assert.deepEqual(linksOf(answer), ['/secret.html?q=1']);
    const again = await visitor.get('/secret.html?q=1', { follow: true });
    assert.equal(again.status, 200, 'once the browser keeps it, all is well');
  });
});

describe('a new signing key', () => {
  let own; // with one process, so that the one that has the old key meets the new one
  before(async () => { own = await startSite({ processes: 1 }); });
  after(() => own?.stop());

  for (const old of ['keep', 'drop']) {
    it(`at Scalekit is fetched when it comes up (${old} the old one)`, async () => {
      await own.reload();
      assert.equal((await signIn(own)).arrival.status, 200);
      await own.scalekit.control({ rotateKeys: old });
      const visitor = await signIn(own);
      assert.equal(visitor.arrival.status, 200, ourLines(own.log()).at(-1));
    });
  }
});
