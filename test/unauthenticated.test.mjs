// What somebody gets who is not logged in: ScalekitUnauthenticated.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertPage, linksOf } from './support/answers.mjs';
import { startBackend } from './support/backend.mjs';
import { parseEnvironment, siteFiles, signIn, startSite } from './support/sites.mjs';

const SCRIPTS = '^/(?:login-always|never|pass|pass-user|any|any-other)/';

let site;
let backend;

// What a program sends that is neither a browser nor a script in a page.
const curl = (headers = {}) => ({ headers: {
  Accept: null, 'Accept-Language': null, 'Upgrade-Insecure-Requests': null, 'Sec-Fetch-Site': null, 'Sec-Fetch-Mode': null,
  'Sec-Fetch-User': null, 'Sec-Fetch-Dest': null, Origin: null, Referer: null, ...headers,
} });
const isLogin = (answer) => answer.status === 302 && answer.location.startsWith(`${site.scalekit.url}/oauth/authorize?`);

function assertLogin(answer, name) {
  assert.ok(isLogin(answer), `${name}: ${answer.status} ${answer.location}`);
  assert.match(answer.headers['cache-control'], /no-store/);
}

function assertProblem(answer, name) {
  assert.equal(answer.status, 401, name);
  assert.equal(answer.headers['content-type'], 'application/problem+json', name);
  assert.match(answer.headers['www-authenticate'], /^Scalekit realm="localhost"$/);
  assert.match(answer.headers['cache-control'], /no-store/);
  assert.equal(answer.location, undefined);
  if (answer.method === 'HEAD') return;
  const problem = answer.json();
  assert.equal(problem.error, 'Authentication required');
  assert.equal(problem.status, 401);
  assert.equal(problem.login_url, `${site.url}/login`);
  assert.equal(problem.type, 'about:blank');
  assert.ok(problem.title && problem.detail);
}

function assertSignInPage(answer, link) {
  assertPage(answer, 401);
  assert.match(answer.headers['www-authenticate'], /^Scalekit realm=/);
  assert.deepEqual(linksOf(answer), [link]);
}

before(async () => {
  backend = await startBackend();
  site = await startSite({
    scalekit: { backChannelLogoutUris: [] },
    files: {
      ...siteFiles,
      'htdocs/include.shtml': 'before <!--#include virtual="/secret.html" --> after\n',
      'htdocs/errors/login.html': '<p>please sign in</p>\n',
      ...Object.fromEntries(['own', 'text', 'inner', 'to-login']
        .map((name) => [`htdocs/${name}/page.html`, `<p>${name}</p>\n`])),
    },
    site: {
      backend,
      locations: {
        '/login-always/': ['ScalekitUnauthenticated login'],
        '/never/': ['ScalekitUnauthenticated 401'],
        '/pass/': ['ScalekitUnauthenticated pass', 'Require all granted'],
        '/pass-user/': ['ScalekitUnauthenticated pass'],
        '/any/': ['<RequireAny>', 'Require ip 127.0.0.1', 'Require valid-user', '</RequireAny>'],
        '/any-other/': ['<RequireAny>', 'Require ip 192.0.2.1', 'Require valid-user', '</RequireAny>'],
        '/include.shtml': ['Require all granted'],
        '/errors/': ['Require all granted'],
        '/own/': ['ScalekitUnauthenticated 401', 'ErrorDocument 401 /errors/login.html'],
        '/text/': ['ScalekitUnauthenticated 401', 'ErrorDocument 401 "please sign in"'],
        '/inner/': ['ScalekitUnauthenticated 401', 'ErrorDocument 401 /secret.html'],
        '/to-login/': ['ScalekitUnauthenticated 401', 'ErrorDocument 401 /login'],
      },
      // Each of them is the script that prints its environment.
      extra: `AliasMatch "${SCRIPTS}" "cgi-bin/env"
<LocationMatch "${SCRIPTS}">
    SetHandler cgi-script
    Options ExecCGI
</LocationMatch>`,
    },
  });
});
after(async () => {
  await site?.stop();
  await backend?.stop();
});

describe('auto', () => {
  const visitor = () => site.visitor();
  const people = {
    'a navigation': () => visitor().get('/secret.html'),
    'a link of another site': () => visitor().get('/secret.html', { from: 'https://mail.example/' }),
    'a browser on plain http, without Sec-Fetch-*': () => visitor().get('/secret.html', {
      headers: { 'Sec-Fetch-Site': null, 'Sec-Fetch-Mode': null, 'Sec-Fetch-User': null, 'Sec-Fetch-Dest': null },
    }),
    'a program that accepts anything': () => visitor().get('/secret.html', curl({ Accept: '*/*' })),
    'a program that says nothing': () => visitor().get('/secret.html', curl()),
    HEAD: () => visitor().request('HEAD', '/secret.html'),
    'HEAD of a program': () => visitor().request('HEAD', '/secret.html', curl({ Accept: '*/*' })),
    'a page that is not there': () => visitor().get('/nowhere'),
    'a web view of Android': () => visitor().get('/secret.html', { headers: { 'X-Requested-With': 'com.example.mail' } }),
    'a frame': () => visitor().get('/secret.html', { headers: { 'Sec-Fetch-Dest': 'iframe' } }),
    'a browser that would upgrade insecure requests': () => visitor().get('/secret.html', { headers: { 'Upgrade-Insecure-Requests': '1' } }),
  };
  for (const [name, ask] of Object.entries(people)) {
    it(`sends ${name} to log in`, async () => assertLogin(await ask(), name));
  }

  const scripts = {
    'fetch()': () => visitor().script('/secret.html'),
    'fetch() that accepts anything': () => visitor().script('/secret.html', { headers: { Accept: '*/*' } }),
    'fetch() that accepts HTML': () => visitor().script('/secret.html', { headers: { Accept: 'text/html' } }),
    'fetch() of another site': () => visitor().script('/secret.html', { from: 'https://other.example/' }),
    'fetch() on http, where browsers say less': () => visitor().get('/secret.html', curl({ Accept: '*/*', Referer: 'http://localhost/' })),
    'XMLHttpRequest of jQuery': () => visitor().get('/secret.html', { headers: { 'X-Requested-With': 'XMLHttpRequest' } }),
    'a client that wants JSON': () => visitor().get('/secret.html', curl({ Accept: 'application/json' })),
    'a client that wants JSON above all': () => visitor().get('/secret.html', curl({ Accept: 'application/json, text/plain, */*' })),
    'an image': () => visitor().get('/secret.html', {
      headers: { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image', Accept: 'image/*' },
    }),
    'POST of a script': () => visitor().script('/proxied/', { method: 'POST', json: { a: 1 } }),
    'POST of a program': () => visitor().request('POST', '/proxied/', curl({ Accept: '*/*' })),
    PUT: () => visitor().request('PUT', '/proxied/', curl()),
    DELETE: () => visitor().script('/proxied/', { method: 'DELETE' }),
    'OPTIONS of a preflight': () => visitor().request('OPTIONS', '/proxied/', curl({
      Origin: 'https://other.example', Accept: '*/*', 'Access-Control-Request-Method': 'PUT', 'Sec-Fetch-Mode': 'cors',
    })),
    OPTIONS: () => visitor().request('OPTIONS', '/proxied/', curl()),
    'a WebSocket': () => visitor().websocket('/ws/'),
    'an upgrade': () => visitor().get('/secret.html', curl({ Connection: 'Upgrade', Upgrade: 'other/1' })),
    'HEAD of a script': () => visitor().script('/secret.html', { method: 'HEAD' }),
    'a method of its own': () => visitor().request('PROPFIND', '/proxied/', curl()),
  };
  for (const [name, ask] of Object.entries(scripts)) {
    it(`answers 401 to ${name}`, async () => {
      const before = backend.requests.length;
      assertProblem(await ask(), name);
      assert.equal(backend.requests.length, before, 'the application saw it');
    });
  }

  it('tells somebody who sends a form that it was not processed', async () => {
    const before = backend.requests.length;
    const answer = await visitor().post('/proxied/', { text: 'long and important' });
    assertSignInPage(answer, '/login');
    assert.match(answer.text, /What you sent has not been processed/);
    assert.match(answer.text, /target="_blank"/);
    assert.equal(answer.location, undefined);
    assert.equal(backend.requests.length, before);
  });

  it('processes the form when it is sent again after the login', async () => {
    const person = visitor();
    const answer = await person.post('/proxied/form', { text: 'important' });
    await person.get(linksOf(answer)[0], { follow: true });
    const again = await person.post('/proxied/form', { text: 'important' });
    assert.equal(again.status, 200);
    assert.equal(backend.last.body, 'text=important');
  });

  it('gives an OPTIONS of a page 401 too', async () => {
    const answer = await visitor().request('OPTIONS', '/secret.html');
    assert.equal(answer.status, 401);
    assert.equal(answer.location, undefined);
  });
});

describe('login', () => {
  it('sends scripts to log in, too', async () => {
    assertLogin(await site.visitor().script('/login-always/'), 'script');
    assertLogin(await site.get('/login-always/', curl({ Accept: 'application/json' })), 'JSON');
    assertLogin(await site.get('/login-always/'), 'page');
  });

  it('but redirects nothing that would be lost', async () => {
    assertProblem(await site.visitor().script('/login-always/', { method: 'POST', json: {} }), 'POST');
    assertSignInPage(await site.visitor().post('/login-always/', { a: 1 }), '/login');
  });
});

describe('401', () => {
  it('redirects nobody', async () => {
    assertSignInPage(await site.get('/never/?q=1'), '/login?next=%2Fnever%2F%3Fq%3D1');
    assertProblem(await site.visitor().script('/never/'), 'script');
    assertProblem(await site.request('HEAD', '/never/', curl({ Accept: 'application/json' })), 'HEAD');
  });

  it('offers a way to log in that leads back', async () => {
    const visitor = site.visitor();
    const [link] = linksOf(await visitor.get('/never/?q=1'));
    const answer = await visitor.get(link, { follow: true });
    assert.equal(answer.url, `${site.url}/never/?q=1`);
    assert.equal(answer.status, 200);
  });

  it('escapes what was asked for', async () => {
    const answer = await site.get('/never/', { target: '/never/?"><script>alert(1)</script>' });
    assertPage(answer, 401);
    assert.equal(linksOf(answer).length, 1);
  });
});

describe('pass', () => {
  const environmentOf = async (answer) => {
    assert.equal(answer.status, 200, answer.text);
    return parseEnvironment(answer.text);
  };

  it('lets strangers in where Require does, without an identity', async () => {
    for (const ask of [() => site.get('/pass/'), () => site.visitor().script('/pass/'), () => site.request('POST', '/pass/'),
      () => site.get('/pass/', { headers: { Cookie: 'session=scalekit=AAAA' } })]) {
      const environment = await environmentOf(await ask());
      assert.equal(environment.REMOTE_USER, undefined);
      assert.equal(environment.AUTH_TYPE, undefined);
      assert.deepEqual(Object.keys(environment).filter((name) => name.startsWith('SCALEKIT_')), []);
    }
  });

  it('shows who is there', async () => {
    const visitor = await signIn(site);
    const environment = await environmentOf(await visitor.get('/pass/'));
    assert.equal(environment.REMOTE_USER, 'usr_17500000000000001');
    assert.equal(environment.SCALEKIT_EMAIL, 'ada@acme.test');
  });

  it('is 401 where Require wants a user', async () => {
    assertSignInPage(await site.get('/pass-user/'), '/login?next=%2Fpass-user%2F');
    assertProblem(await site.visitor().script('/pass-user/'), 'script');
    assert.equal((await (await signIn(site)).get('/pass-user/')).status, 200);
  });
});

describe('RequireAny with an address', () => {
  it('lets the address in, with an identity where there is one', async () => {
    const anonymous = await site.get('/any/');
    assert.equal(anonymous.status, 200);
    assert.equal(parseEnvironment(anonymous.text).REMOTE_USER, undefined);
    const known = await (await signIn(site)).get('/any/');
    assert.equal(parseEnvironment(known.text).REMOTE_USER, 'usr_17500000000000001');
  });

  it('sends others to log in', async () => {
    assertLogin(await site.get('/any-other/'), 'page');
    assert.equal((await (await signIn(site)).get('/any-other/')).status, 200);
  });
});

describe('nobody is redirected', () => {
  it('by a page that is included in another', async () => {
    const answer = await site.get('/include.shtml');
    assert.equal(answer.status, 200);
    assert.match(answer.text, /before/);
    assert.doesNotMatch(answer.text, /the secret page/);
    assert.deepEqual(answer.all('set-cookie'), []);
    assert.match((await (await signIn(site)).get('/include.shtml')).text, /before <!doctype html><title>secret.* after/s);
  });

  for (const [name, text] of [['own', /please sign in/], ['text', /please sign in/], ['inner', /./], ['to-login', /./]]) {
    it(`by an ErrorDocument (${name})`, async () => {
      const answer = await site.get(`/${name}/page.html`);
      assert.equal(answer.status, 401);
      assert.equal(answer.location, undefined);
      assert.match(answer.text, text);
      assert.doesNotMatch(answer.text, /the secret page/);
      assert.match(answer.headers['www-authenticate'], /^Scalekit/);
      assert.deepEqual(answer.all('set-cookie'), []);
    });
  }
});

describe('forged requests', () => {
  it('are no login, whatever their headers say', async () => {
    const headers = {
      'X-Scalekit-Sub': 'usr_1', 'X-Remote-User': 'root', 'X-Forwarded-User': 'root', Authorization: 'Basic cm9vdDpyb290',
    };
    assertLogin(await site.get('/secret.html', { headers }), 'headers');
    assertLogin(await site.get('/secret.html', { headers: { Authorization: 'Bearer x' } }), 'bearer');
  });
});
