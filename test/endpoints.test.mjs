// Our paths among those of others: who answers /login, /auth/callback and /logout, whatever else is configured.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBackend } from './support/backend.mjs';
import { freePorts } from './support/httpd.mjs';
import { scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const BACKEND = 'the backend';

// What stands in the virtual host, besides a Location / that needs a user (or the lines in `root`).
const surroundings = {
  'ProxyPass /': ({ backend }) => ({ extra: `ProxyPass "/" "${backend.url}/"` }),
  'ProxyPass / mapping=encoded': ({ backend }) => ({ extra: `ProxyPass "/" "${backend.url}/" mapping=encoded` }),
  'ProxyPass / mapping=servlet': ({ backend }) => ({ extra: `ProxyPass "/" "${backend.url}/" mapping=servlet` }),
  'ProxyPassMatch': ({ backend }) => ({ extra: `ProxyPassMatch "^/(.*)$" "${backend.url}/$1"` }),
  'ProxyPass in Location /': ({ backend }) => ({ root: `ProxyPass "${backend.url}/"` }),
  'RewriteRule [P]': ({ backend }) => ({ extra: `RewriteEngine On\nRewriteRule "^/(.*)" "${backend.url}/$1" [P]` }),
  'RewriteRule [PT]': () => ({ extra: 'RewriteEngine On\nRewriteRule "^/.*" "/public/index.html" [PT]' }),
  'RewriteRule to a file': () => ({ extra: 'RewriteEngine On\nRewriteRule "^/.*" "/public/index.html"' }),
  'RewriteRule in Location /': () => ({ root: 'RewriteEngine On\nRewriteRule ".*" "/public/index.html"' }),
  'RewriteRule [P] in Location /': ({ backend }) => ({ root: `RewriteEngine On\nRewriteRule "(.*)" "${backend.url}/" [P]` }),
  'RewriteRule [H=cgi-script]': () => ({ extra: 'RewriteEngine On\nRewriteRule "^/.*" "-" [H=cgi-script]' }),
  'FallbackResource': () => ({ extra: 'FallbackResource /public/index.html' }),
  'FallbackResource in Location /': () => ({ root: 'FallbackResource /public/index.html' }),
  'SetHandler proxy:': ({ backend }) => ({ root: `SetHandler "proxy:${backend.url}/"` }),
  'SetHandler cgi-script': () => ({ root: 'SetHandler cgi-script' }),
  'Alias /': ({ server }) => ({ extra: `Alias "/" "${server.docroot}/"` }),
  'ScriptAlias /': ({ server }) => ({ extra: `ScriptAlias "/" "${server.root}/cgi-bin/"` }),
  'SetOutputFilter INCLUDES': () => ({ root: 'SetOutputFilter INCLUDES' }),
  'DirectorySlash and MultiViews': () => ({ root: 'Options +MultiViews' }),
  'ErrorDocument 401 /login': () => ({ extra: 'ErrorDocument 401 /login' }),
  'mod_session in Location / only': () => ({
    settings: { Session: null, SessionCookieName: null }, root: 'Session On\nSessionCookieName session path=/;HttpOnly;SameSite=Lax',
  }),
};

// Configuration, a path, and the status that others give it.
const verdicts = [
  ['RewriteRule [R=301]', { extra: 'RewriteEngine On\nRewriteRule "^/(.*)" "https://www.example.test/$1" [R=301]' }, 301],
  ['RewriteRule [F]', { extra: 'RewriteEngine On\nRewriteRule "^/login" "-" [F]\nRewriteRule "^/auth/" "-" [F]\nRewriteRule "^/logout" "-" [F]' }, 403],
  ['RewriteRule [R=503]', { extra: 'RewriteEngine On\nRewriteRule ".*" "-" [R=503]' }, 503],
  ['RewriteRule [G]', { extra: 'RewriteEngine On\nRewriteRule ".*" "-" [G]' }, 410],
  ['Redirect', { extra: 'Redirect 302 "/login" "/x"\nRedirect 302 "/auth" "/x"\nRedirect 302 "/logout" "/x"' }, 302],
  ['Redirect in Location /', { root: 'Redirect 302 "http://other.test/"' }, 302],
  ['Require all denied', { root: 'Require all denied', noUser: true }, 403],
  ['Require ip', { root: 'Require ip 192.0.2.1', noUser: true }, 403],
  ['Basic authentication', { root: 'AuthType Basic\nAuthName x\nAuthUserFile passwords\nRequire valid-user', noUser: true }, 401],
];

const endpoints = ['/login', '/auth/callback?code=x&state=y', '/logout'];

const host = (server, { root = '', noUser, extra, settings }, port = server.port) => scalekitHost(server, {
  port,
  settings,
  extra,
  locations: {
    '/': noUser ? root : ['AuthType Scalekit', 'Require valid-user', root],
    '/login': 'Header always set X-Where login',
  },
});

describe('endpoints', () => {
  let server;
  let backend;
  const names = Object.keys(surroundings);
  const portOf = (index) => server.ports[index + 1];
  const siteOf = (index) => `http://localhost:${portOf(index)}`;

  before(async () => {
    backend = await startBackend();
    const ports = await freePorts(1 + names.length + verdicts.length + 3);
    server = await startSite({
      ports,
      scalekit: { redirectUris: ports.flatMap((port) => [`http://localhost:${port}/auth/callback`, `http://localhost:${port}/sso/back`]) },
      files: { ...siteFiles, 'htdocs/auth/x.html': 'x\n', 'htdocs/login.html': 'a page of the application\n' },
      config: (one) => [
        scalekitHost(one, { extra: 'ErrorDocument 401 /login', locations: { '/never': ['AuthType Scalekit', 'ScalekitUnauthenticated 401', 'Require valid-user'] } }),
        ...names.map((name, i) => host(one, surroundings[name]({ server: one, backend }), ports[i + 1])),
        ...verdicts.map(([, what], i) => host(one, what, ports[names.length + i + 1])),
        scalekitHost(one, { port: ports.at(-3), settings: { ScalekitRedirectURI: '/sso/back', ScalekitLoginPath: '/sso/in', ScalekitLogoutPath: '/sso/out' },
          extra: `ProxyPass "/" "${backend.url}/"`, locations: { '/': null } }),
        scalekitHost(one, { port: ports.at(-2), settings: { ScalekitLoginPath: 'none', ScalekitLogoutPath: 'none' },
          extra: `ProxyPass "/" "${backend.url}/"`, locations: { '/open': ['Require all granted'] } }),
        `<VirtualHost *:${ports.at(-1)}>\nServerName localhost:${ports.at(-1)}\nProxyPass "/" "${backend.url}/"\n</VirtualHost>`,
      ].join('\n'),
    });
    backend.answer('/', { body: BACKEND });
  });

  after(async () => {
    await server?.stop();
    await backend?.stop();
  });

  describe('are ours with', () => {
    names.forEach((name, i) => {
      it(name, async () => {
        const visitor = server.visitor();
        const login = await visitor.get(`${siteOf(i)}/login?next=/somewhere%3Fa=1`);
        assert.equal(login.status, 302, login.text);
        assert.ok(login.location.startsWith(`${server.scalekit.url}/oauth/authorize?`), login.location);
        assert.equal(login.headers['x-where'], 'login', 'under the configuration of its own Location');
        const seen = backend.requests.length;
        const arrival = await visitor.get(login.location, { follow: (next) => next.pathname !== '/somewhere' });
        assert.equal(arrival.location, `${siteOf(i)}/somewhere?a=1`, `${arrival.status} ${arrival.text}`);
        const back = await visitor.get(`${siteOf(i)}/login?next=/elsewhere`);
        assert.equal(back.location, `${siteOf(i)}/elsewhere`, 'the session holds');
        const out = await visitor.get(`${siteOf(i)}/logout`);
        assert.equal(out.status, 302, out.text);
        assert.ok(out.location.startsWith(`${server.scalekit.url}/oidc/logout?`), out.location);
        const again = await visitor.get(`${siteOf(i)}/login`);
        assert.ok(again.location.startsWith(`${server.scalekit.url}/oauth/authorize?`), again.location);
        assert.equal(backend.requests.length, seen, 'the application saw nothing of it');
      });
    });
  });

  describe('leave to others what they decide:', () => {
    verdicts.forEach(([name, , status], i) => {
      it(name, async () => {
        for (const path of endpoints) {
          const answer = await server.get(`${siteOf(names.length + i)}${path}`);
          assert.equal(answer.status, status, path);
          assert.doesNotMatch(answer.headers.location || '', /oauth\/authorize/, path);
        }
      });
    });
  });

  describe('are found by', () => {
    const callback = (answer) => answer.status === 400 && /sign-in cannot be completed|did not send a cookie/.test(answer.text);
    const target = (path) => server.get('/', { target: path });

    for (const path of ['/auth/callback', '/%61uth/callback', '/auth//callback', '//auth/callback', '/auth/./callback', '/x/../auth/callback', '/auth%63/../auth/callback']) {
      it(path, async () => assert.ok(callback(await target(`${path}?code=a&state=b`)), path));
    }
    for (const path of ['/auth/callback/x', '/auth/callback/', '/auth/callback;x', '/auth/callback.html', '/auth/callbackx', '/auth', '/auth/', '/AUTH/CALLBACK', '/auth%2fcallback', '/x/auth/callback']) {
      it(`not by ${path}`, async () => {
        const answer = await target(`${path}?code=a&state=b`);
        assert.ok(!callback(answer) && [302, 401, 404].includes(answer.status), `${answer.status} ${answer.text}`);
      });
    }
    it('a slash behind, except the callback', async () => {
      assert.match((await server.get('/login/')).location, /oauth\/authorize/);
      assert.match((await server.get('/logout/')).text, /You are signed out/);
      assert.match((await server.get('/login/x')).headers.location, /oauth\/authorize/); // a protected page, which remembers it
      assert.equal((await server.visitor().script('/login/x')).status, 401);
    });
    it('not by what only looks like them', async () => {
      for (const path of ['/login.html', '/loginx', '/login;x', '/LOGIN']) {
        assert.equal((await server.visitor().script(path)).status, 401, path);
      }
    });
  });

  it('answer to the right methods only', async () => {
    for (const [method, path, status] of [['POST', '/login', 405], ['POST', '/auth/callback', 405], ['HEAD', '/auth/callback', 405],
      ['PUT', '/logout', 405], ['DELETE', '/logout', 405], ['HEAD', '/logout', 405], ['OPTIONS', '/login', 405], ['HEAD', '/login', 302]]) {
      const answer = await server.request(method, path);
      assert.equal(answer.status, status, `${method} ${path}`);
      if (status === 405) assert.match(answer.headers.allow, /GET/);
    }
  });

  it('do not run as an ErrorDocument', async () => {
    const answer = await server.get('/never');
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.location, undefined);
    assert.equal(answer.all('set-cookie').filter((line) => line.startsWith('sk_login')).length, 0);
  });

  it('can be elsewhere', async () => {
    const site = `http://localhost:${server.ports.at(-3)}`;
    const visitor = server.visitor();
    const arrival = await visitor.get(`${site}/sso/in?next=/x`, { follow: true });
    assert.equal(arrival.json().url, '/x');
    assert.ok(arrival.hops.some(({ url }) => url.startsWith(`${site}/sso/back?`)));
    for (const path of ['/login', '/auth/callback', '/logout']) assert.equal((await visitor.get(site + path)).json().url, path);
    assert.match((await visitor.get(`${site}/sso/out`)).location, /\/oidc\/logout\?/);
  });

  it('can be switched off, which gives their paths to the application', async () => {
    const site = `http://localhost:${server.ports.at(-2)}`;
    const visitor = server.visitor();
    await visitor.get(`${site}/x`, { follow: true });
    for (const path of ['/login', '/logout']) assert.equal((await visitor.get(site + path)).json().url, path);
    const anonymous = await server.visitor().script(`${site}/x`);
    assert.equal(anonymous.status, 401);
    assert.equal(anonymous.json().login_url, undefined);
  });

  it('do not exist in a virtual host that is not configured', async () => {
    const site = `http://localhost:${server.ports.at(-1)}`;
    for (const path of ['/login', '/auth/callback', '/logout']) assert.equal((await server.get(site + path)).json().url, path);
  });

  it('take no part in subrequests', async () => {
    const visitor = await signIn(server);
    server.writeFiles({ 'htdocs/including.shtml': '[<!--#include virtual="/logout" -->]\n' });
    await visitor.get('/including.shtml');
    assert.equal((await visitor.get('/secret.html')).status, 200);
  });
});
