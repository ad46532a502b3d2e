// What the application behind us learns of a visitor, and what it must not see.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { startBackend, startFastcgi } from './support/backend.mjs';
import { freePorts, hasModule } from './support/httpd.mjs';
import { parseEnvironment, scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const ADA = 'usr_17500000000000001';

const expected = {
  SCALEKIT_SUB: ADA,
  SCALEKIT_EMAIL: 'ada@acme.test',
  SCALEKIT_EMAIL_VERIFIED: 'true',
  SCALEKIT_NAME: 'Ada Admin',
  SCALEKIT_GIVEN_NAME: 'Ada',
  SCALEKIT_FAMILY_NAME: 'Admin',
  SCALEKIT_PREFERRED_USERNAME: 'ada',
  SCALEKIT_PICTURE: 'https://pictures.test/ada?size=1&x=%20',
  SCALEKIT_SID: /^ses_\d+$/,
  SCALEKIT_OID: 'org_17500000000000001',
  SCALEKIT_XOID: 'acme',
  SCALEKIT_XUID: 'acme-ada',
  SCALEKIT_CONNECTION_ID: /^conn_\d+$/,
  SCALEKIT_ROLES: 'admin',
  SCALEKIT_PERMISSIONS: 'organization:settings,projects:create,projects:read',
  SCALEKIT_SCOPES: 'email,offline_access,openid,profile',
  SCALEKIT_EXPIRES_AT: /^\d{10}$/,
  SCALEKIT_CLAIM_department: 'field sales',
  SCALEKIT_CLAIM_teams: 'north,south',
  SCALEKIT_CLAIM_level: '3',
  SCALEKIT_CLAIM_contractor: 'false',
  SCALEKIT_CLAIM_https___acme_test_tier: 'gold',
};

const profile = {
  idClaims: { preferred_username: 'ada', picture: 'https://pictures.test/ada?size=1&x=%20' },
  accessClaims: { department: 'field sales', teams: ['north', 'south'], level: 3, contractor: false, 'https://acme.test/tier': 'gold' },
};

const headerOf = (variable) => variable.replace(/^SCALEKIT_/, 'x-scalekit-').replaceAll('_', '-').toLowerCase();

function assertValues(actual, wanted, name = (variable) => variable) {
  for (const [variable, value] of Object.entries(wanted)) {
    if (value instanceof RegExp) assert.match(actual[name(variable)] ?? '', value, variable);
    else assert.equal(actual[name(variable)], value, variable);
  }
}

const keysLike = (object, pattern) => Object.keys(object).filter((key) => pattern.test(key));

describe('the application', () => {
  let server;
  let backend;
  let fastcgi;
  let ada;
  const cgi = async (visitor, path, options) => {
    const answer = await visitor.get(path, options);
    return parseEnvironment(answer.text);
  };
  const proxied = async (visitor, path = '/proxied/', options = {}) => (await visitor.get(path, options)).json();

  before(async () => {
    backend = await startBackend();
    fastcgi = await startFastcgi();
    const ports = await freePorts(2);
    const locations = {
      '/public/': ['AuthType None', 'Require all granted'],
      '/headers/': ['ScalekitExport headers'],
      '/both/': ['ScalekitExport both'],
      '/none/': ['ScalekitExport none'],
      '/prefix/': ['ScalekitExport headers', 'ScalekitHeaderPrefix X-Who-'],
      '/token/': ['ScalekitPassAccessToken On'],
      '/optional/': ['Require all granted', 'ScalekitUnauthenticated pass', 'ScalekitPassAccessToken On', 'ScalekitExport both'],
      '/email/': ['ScalekitRemoteUser email'],
      '/xuid/': ['ScalekitRemoteUser xuid'],
      '/username/': ['ScalekitRemoteUser preferred_username'],
      '/fallback/': ['FallbackResource /cgi-bin/env'],
      '/set/': ['Header always set X-Seen "%{SCALEKIT_EMAIL}e %{SCALEKIT_SUB}e"'],
      '/closed/': ['Require scalekit-role owner', 'ErrorDocument 403 /cgi-bin/env'],
      '/session/': ['SessionEnv On'],
      '/used/': ['RequestHeader set X-Mail "%{SCALEKIT_EMAIL}e"', 'RewriteEngine On', 'RewriteCond "%{ENV:SCALEKIT_ROLES}" "!=admin"', 'RewriteRule "^" "-" [F]'],
      '/failing/': ['ScalekitExport headers', 'ScalekitPassAccessToken On', 'ProxyErrorOverride On', 'ErrorDocument 404 /public/app/error'],
    };
    const words = 'headers|both|none|prefix|token|optional|session|public|used|failing';
    const host = (one, port, settings = {}) => scalekitHost(one, {
      backend, fastcgi, port, locations, settings,
      extra: `SetEnvIf Request_URI "^/set/" SCALEKIT_EMAIL=eve@evil.test SCALEKIT_SUB=evil
        ProxyPassMatch "^/((?:${words})/app.*)" "${backend.url}/$1" upgrade=websocket
        ScriptAliasMatch "^/(?:${words}|email|xuid|username)/cgi" "${one.root}/cgi-bin/env"
        ProxyPass "/public/fastcgi/" "fcgi://127.0.0.1:${fastcgi.port}/" disablereuse=on`,
    });
    server = await startSite({
      ports,
      http2: true,
      scalekit: { redirectUris: ports.map((port) => `http://localhost:${port}/auth/callback`) },
      files: { ...siteFiles, 'htdocs/rewritten/.htaccess': 'RewriteEngine On\nRewriteRule .* /cgi-bin/env\n' },
      config: (one) => `${hasModule('http2') ? 'Protocols h2c http/1.1' : ''}
        ${host(one, ports[0])}\n${host(one, ports[1], { SessionCryptoPassphrase: 'made-up' })}`,
    });
    await server.scalekit.control({ users: { 'ada@acme.test': profile } });
    ada = await signIn(server, { as: 'ada@acme.test' });
    assert.equal(ada.arrival.status, 200, ada.arrival.text);
  });

  after(async () => {
    await server?.stop();
    await backend?.stop();
    await fastcgi?.stop();
  });

  describe('learns who it is from the environment of', () => {
    const ways = {
      'a CGI script': '/cgi-bin/env?a=1',
      'a CGI script with more path': '/cgi-bin/env/more/path',
      'a DirectoryIndex': '/indexed/',
      'MultiViews': '/views/page',
      'a RewriteRule in .htaccess': '/rewritten/anything',
      'a FallbackResource': '/fallback/anything',
      'an SSI include': '/ssi.shtml',
      'an ErrorDocument 403': '/closed/anything',
    };
    for (const [name, path] of Object.entries(ways)) {
      it(name, async () => {
        const environment = await cgi(ada, path);
        assertValues(environment, { ...expected, REMOTE_USER: ADA, AUTH_TYPE: 'Scalekit' });
        assert.deepEqual(keysLike(environment, /^SCALEKIT_/).filter((key) => !(key in expected)), []);
        assert.deepEqual(keysLike(environment, /^HTTP_X_SCALEKIT/), []);
      });
    }

    it('FastCGI', async () => {
      const environment = (await ada.get('/fastcgi/app.php?q=1')).json();
      assertValues(environment, { ...expected, REMOTE_USER: ADA, AUTH_TYPE: 'Scalekit' });
    });

    it('SSI echo', async () => {
      assert.match((await ada.get('/ssi.shtml')).text, new RegExp(`user=\\[${ADA}\\] sub=\\[${ADA}\\]`));
    });

    it('a POST, whose body arrives', async () => {
      const seen = (await ada.post('/both/app', { a: 'b c' })).json();
      assert.deepEqual([seen.method, seen.body, seen.headers['x-scalekit-sub']], ['POST', 'a=b+c', ADA]);
    });
  });

  it('reads in SCALEKIT_EXPIRES_AT until when that is certain', async () => {
    const { SCALEKIT_EXPIRES_AT } = await cgi(ada, '/cgi-bin/env');
    const ahead = Number(SCALEKIT_EXPIRES_AT) - Date.now() / 1000;
    assert.ok(ahead > 280 && ahead <= 301, String(ahead)); // the life of an access token
  });

  it('finds nothing of a user who has nothing', async () => {
    const max = await signIn(server, { as: 'max@acme.test', path: '/cgi-bin/env' });
    const environment = parseEnvironment(max.arrival.text);
    assert.equal(environment.SCALEKIT_ROLES, 'member');
    for (const absent of ['XUID', 'PREFERRED_USERNAME', 'PICTURE', 'CLAIM_department']) {
      assert.equal(environment[`SCALEKIT_${absent}`], undefined, absent);
    }
  });

  describe('gets request headers with ScalekitExport', () => {
    for (const where of ['headers', 'both']) {
      it(where, async () => {
        const { headers } = await proxied(ada, `/${where}/app`);
        assertValues(headers, expected, headerOf);
        const environment = await cgi(ada, `/${where}/cgi`);
        assert.equal(environment.HTTP_X_SCALEKIT_SUB, ADA);
        assert.equal(environment.SCALEKIT_SUB, where === 'both' ? ADA : undefined);
      });
    }
    it('env: none of them', async () => {
      assert.deepEqual(keysLike((await proxied(ada)).headers, /scalekit/), []);
    });
    it('none: nothing at all', async () => {
      assert.deepEqual(keysLike((await proxied(ada, '/none/app')).headers, /scalekit/), []);
      const environment = await cgi(ada, '/none/cgi');
      assert.deepEqual(keysLike(environment, /SCALEKIT/), []);
      assert.equal(environment.REMOTE_USER, ADA);
    });
    it('and another ScalekitHeaderPrefix', async () => {
      const { headers } = await proxied(ada, '/prefix/app');
      assertValues(headers, expected, (variable) => headerOf(variable).replace('x-scalekit-', 'x-who-'));
      assert.deepEqual(keysLike(headers, /^x-scalekit/), []);
    });
  });

  describe('knows users by ScalekitRemoteUser', () => {
    const cases = [
      ['email', 'ada@acme.test', {}, 'ada@acme.test'],
      ['email', 'max@acme.test', { emailVerified: true }, 'max@acme.test'],
      ['email', 'max@acme.test', { emailVerified: false }, undefined],
      ['email', 'max@acme.test', { emailVerified: true, idClaims: { email_verified: undefined } }, 'max@acme.test'],
      ['email', 'max@acme.test', { idClaims: { email: undefined } }, undefined],
      ['xuid', 'ada@acme.test', {}, 'acme-ada'],
      ['xuid', 'max@acme.test', {}, undefined],
      ['username', 'ada@acme.test', {}, 'ada'],
      ['username', 'max@acme.test', { idClaims: { preferred_username: 'max m' } }, 'max m'],
    ];
    for (const [where, as, change, name] of cases) {
      it(`${where} of ${as} ${JSON.stringify(change)}: ${name ?? '403'}`, async () => {
        await server.scalekit.control({ users: { [as]: change } });
        const visitor = await signIn(server, { as, path: `/${where}/cgi` });
        if (as === 'max@acme.test') await server.scalekit.control({ users: { [as]: { idClaims: {}, emailVerified: true } } });
        assert.equal(visitor.arrival.status, name ? 200 : 403, visitor.arrival.text);
        assert.equal(parseEnvironment(visitor.arrival.text).REMOTE_USER, name);
        if (!name) {
          assert.match(visitor.arrival.text, /lacks something/);
          assert.equal((await visitor.get('/')).status, 200); // elsewhere the session is as good as any
        }
      });
    }
  });

  it('may use the variables in other directives', async () => {
    const { headers } = await proxied(ada, '/used/app');
    assert.equal(headers['x-mail'], 'ada@acme.test');
    const max = await signIn(server, { as: 'max@acme.test' });
    assert.equal((await max.get('/used/app')).status, 403);
  });

  describe('sees nothing that is meant for another:', () => {
    const shownTo = (url) => {
      const { headers } = backend.requests.findLast((one) => one.url === url);
      return [headers['x-scalekit-sub'], /^Bearer ./.test(headers.authorization ?? '')];
    };

    it('an ErrorDocument', async () => {
      backend.answer('/failing/app', { status: 404, body: 'not here' });
      const answer = await ada.get('/failing/app');
      assert.equal(answer.json().url, '/public/app/error');
      assert.deepEqual(shownTo('/failing/app'), [ADA, true]);
      assert.deepEqual(shownTo('/public/app/error'), [undefined, false]);
    });

    for (const where of ['token', 'headers', 'public']) {
      it(`what a page in /${where}/ includes`, async () => {
        const include = ['public', 'headers', 'token', 'public'].map((word, i) => `<!--#include virtual="/${word}/app?${where}${i}" -->`).join(' ');
        server.writeFiles({ [`htdocs/${where}/parts.shtml`]: `${include}\n` });
        const answer = await ada.get(`/${where}/parts.shtml`);
        assert.equal(answer.status, 200);
        const seen = ['public', 'headers', 'token', 'public'].map((word, i) => shownTo(`/${word}/app?${where}${i}`));
        assert.deepEqual(seen, [[undefined, false], [ADA, false], [undefined, true], [undefined, false]]);
      });
    }
  });

  describe('is not deceived by', () => {
    it('a variable of our name that was there before', async () => {
      assert.equal((await ada.get('/set/')).headers['x-seen'], `ada@acme.test ${ADA}`);
    });

    const spellings = ['X-Scalekit-Sub', 'x-scalekit-sub', 'X_Scalekit_Sub', 'X-Scalekit_Sub', 'X_SCALEKIT-SUB', 'X.Scalekit.Sub',
      'X-Scalekit-Roles', 'X-Scalekit-Anything', 'X-SCALEKIT-CLAIM-department', 'X-Scalekit-', 'X-Who-Sub', 'x_who_sub', 'X~Scalekit!Sub'];
    const forged = [...spellings, 'X-Scalekit-Sub', 'X_Scalekit_Sub'].map((name) => [name, 'forged']);
    const unsuspicious = [['X-Scale', 'kept'], ['X-Scalekitchen', 'kept'], ['Scalekit-Sub', 'kept'], ['X-Whose', 'kept']];
    const options = { headers: [...forged, ...unsuspicious] };
    const paths = ['/proxied/', '/headers/app', '/prefix/app', '/none/app', '/public/app'];
    for (const path of paths) {
      it(`headers of the visitor at ${path}`, async () => {
        const { fields } = await proxied(path.startsWith('/public') ? server.visitor() : ada, path, options);
        assert.deepEqual(fields.filter(([, value]) => /forged/.test(value)), []);
        assert.deepEqual(fields.filter(([, value]) => value === 'kept').length, unsuspicious.length);
      });
    }
    it('headers of the visitor in a CGI script', async () => {
      for (const path of ['/cgi-bin/env', '/headers/cgi', '/public/cgi']) {
        const answer = await ada.get(path, options);
        assert.match(answer.text, /GATEWAY_INTERFACE/);
        assert.doesNotMatch(answer.text, /forged/);
      }
    });
    it('headers of the visitor in FastCGI', async () => {
      for (const path of ['/fastcgi/x', '/public/fastcgi/x']) {
        const answer = await ada.get(path, options);
        assert.equal(answer.status, 200);
        assert.doesNotMatch(answer.text, /forged/);
      }
    });
    it('headers on a WebSocket handshake', async () => {
      const socket = await ada.websocket('/ws/x', options);
      assert.equal(socket.status, 101);
      socket.close();
      assert.equal(backend.last.fields.some(([, value]) => /forged/.test(value)), false);
    });
    it('a visitor who has the proxy drop our headers', async () => {
      for (const Connection of ['close, X-Scalekit-Sub, x-scalekit-roles', 'X-Scalekit-Sub']) {
        const { headers } = await proxied(ada, '/headers/app', { headers: { Connection } });
        assert.equal(headers['x-scalekit-sub'], ADA, Connection);
        assert.equal(headers['x-scalekit-roles'], 'admin', Connection);
      }
      const { headers } = await proxied(ada, '/token/app', { headers: { Connection: 'Authorization, close' } });
      assert.match(headers.authorization ?? '', /^Bearer /);
    });
    it('anonymous visitors where a session is optional', async () => {
      const { headers } = await proxied(server.visitor(), '/optional/app', { headers: [...forged, ['Authorization', 'Bearer forged']] });
      assert.deepEqual(keysLike(headers, /scalekit/), []);
      assert.equal(headers.authorization, undefined);
      const known = await proxied(ada, '/optional/app');
      assert.equal(known.headers['x-scalekit-sub'], ADA);
    });
  });

  describe('does not see our cookies', () => {
    const around = (visitor) => `first="a b"; ${visitor.jar.header(server.url)}; sk_login_00112233=x; second=x%20y,z;third; sk_steps=2; =4; tail`;
    const kept = 'first="a b"; second=x%20y,z;third; =4; tail';
    const tried = async (site, visitor) => {
      const headers = { Cookie: around(visitor) };
      assert.match(headers.Cookie, /session=/);
      for (const path of ['/proxied/', '/both/app', '/none/app', '/public/app', '/optional/app']) {
        assert.equal((await proxied(visitor, site + path, { headers })).headers.cookie, kept, path);
      }
      for (const path of ['/cgi-bin/env', '/indexed/', '/views/page', '/ssi.shtml', '/rewritten/x', '/fallback/x', '/closed/x', '/public/cgi']) {
        const environment = await cgi(visitor, site + path, { headers });
        assert.equal(environment.HTTP_COOKIE, kept, path);
        assert.equal(environment.HTTP_SESSION, undefined, path);
      }
      for (const path of ['/fastcgi/x', '/public/fastcgi/x']) {
        assert.equal((await visitor.get(site + path, { headers })).json().HTTP_COOKIE, kept, path);
      }
      const socket = await visitor.websocket(`${site}/ws/x`, { headers });
      assert.equal(socket.status, 101);
      socket.close();
      assert.equal(backend.last.headers.cookie, kept, 'WebSocket');
    };

    it('and all others byte for byte', () => tried(server.url, ada));

    it('with mod_session_crypto', async () => {
      const site = `http://localhost:${server.ports[1]}`;
      const visitor = server.visitor();
      await server.scalekit.control({ autoLogin: 'ada@acme.test' });
      assert.equal((await visitor.get(`${site}/`, { follow: true })).status, 200);
      await tried(site, visitor);
    });

    it('nor the session itself, where SessionEnv is On', async () => {
      const environment = await cgi(ada, '/session/cgi');
      assert.equal(environment.REMOTE_USER, ADA);
      assert.equal(environment.HTTP_SESSION, undefined); // as good as the cookie elsewhere on the site
    });

    it('when there are no others', async () => {
      assert.equal((await proxied(ada)).headers.cookie, undefined);
      assert.equal((await cgi(ada, '/cgi-bin/env')).HTTP_COOKIE, undefined);
    });

    it('and an anonymous visitor\'s cookies are left alone', async () => {
      const headers = { Cookie: 'a=1;b="2; 3", c' };
      assert.equal((await proxied(server.visitor(), '/public/app', { headers })).headers.cookie, headers.Cookie);
    });
  });

  describe('gets the access token with ScalekitPassAccessToken', () => {
    const verified = async (authorization) => {
      const [, head, body, signature] = /^Bearer ([^.]+)\.([^.]+)\.([^.]+)$/.exec(authorization);
      const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
      const { keys } = await (await fetch(`${server.scalekit.url}/keys`)).json();
      const key = crypto.createPublicKey({ key: keys.find((one) => one.kid === kid), format: 'jwk' });
      assert.ok(crypto.verify('RSA-SHA256', `${head}.${body}`, key, Buffer.from(signature, 'base64url')));
      return JSON.parse(Buffer.from(body, 'base64url'));
    };
    it('whole and with its signature', async () => {
      const { headers } = await proxied(ada, '/token/app');
      const { sub, permissions } = await verified(headers.authorization);
      assert.equal(sub, ADA);
      assert.deepEqual(permissions, ['organization:settings', 'projects:read', 'projects:create']);
    });
    it('and not what the visitor sends', async () => {
      const headers = [['Authorization', 'Bearer forged'], ['authorization', 'Basic Zm9yZ2Vk']];
      const seen = await proxied(ada, '/token/app', { headers });
      assert.equal(seen.fields.filter(([name]) => /^authorization$/i.test(name)).length, 1);
      assert.equal((await verified(seen.headers.authorization)).sub, ADA);
    });
    it('but only there', async () => {
      assert.equal((await proxied(ada)).headers.authorization, undefined);
      assert.equal((await proxied(ada, '/proxied/', { headers: { Authorization: 'Basic b3du' } })).headers.authorization, 'Basic b3du');
    });
  });

  describe('survives claims with', () => {
    const hostile = {
      'a line break': 'a\r\nX-Evil: 1',
      'a line feed': 'a\nexport EVIL=1',
      'a NUL': 'a\u0000b',
      'an escape': 'a\u001b[31m',
      'a lone surrogate': 'a\ud800b',
      '5 KB': 'x'.repeat(5120),
      'nothing': '',
      'spaces only': '   ',
    };
    for (const [name, value] of Object.entries(hostile)) {
      it(name, async () => {
        await server.scalekit.control({ users: { 'olga@globex.test': {
          idClaims: { name: value, picture: value, department: value, [`odd${value.slice(0, 40).replace('\0', '')}`]: 'x' },
          accessClaims: { teams: [value, 'good'], roles: [value] },
        } } });
        const olga = await signIn(server, { as: 'olga@globex.test' });
        assert.equal(olga.arrival.status, 200, olga.arrival.text);
        const { fields, headers } = await proxied(olga, '/both/app');
        assert.equal(headers['x-scalekit-sub'], 'usr_17500000000000003');
        assert.ok(fields.every(([key, text]) => !/evil/i.test(key) && text.length < 2000 && !/[\x00-\x1f\x7f]/.test(text)), JSON.stringify(fields));
        assert.match(headers['x-scalekit-claim-teams'], /good$/);
        const environment = await cgi(olga, '/both/cgi');
        assert.equal(environment.SCALEKIT_SUB, 'usr_17500000000000003');
        assert.equal(environment.EVIL, undefined);
      });
    }

    it('quotes, commas and letters of all languages', async () => {
      const value = 'Žofie "O\'Neil", $(x) `y` \\ <b>&amp; 東京';
      await server.scalekit.control({ users: { 'olga@globex.test': {
        idClaims: { name: value }, accessClaims: {}, roles: ['a,b', 'ok', 'Žofie'],
      } } });
      const olga = await signIn(server, { as: 'olga@globex.test' });
      const { headers } = await proxied(olga, '/both/app');
      assert.equal(Buffer.from(headers['x-scalekit-name'], 'latin1').toString(), value);
      const environment = await cgi(olga, '/both/cgi');
      assert.equal(environment.SCALEKIT_NAME, value);
      assert.ok(!environment.SCALEKIT_ROLES.split(',').includes('a'), environment.SCALEKIT_ROLES); // nobody gave that role
      assert.equal((await ada.get('/cgi-bin/env')).status, 200);
    });
  });

  it('decides itself what its errors look like', async () => {
    for (const status of [400, 401, 403, 404, 500, 503]) {
      backend.answer('/own', { status, headers: { 'Content-Type': 'text/plain' }, body: `my ${status}` });
      const answer = await ada.get('/proxied/own');
      assert.deepEqual([answer.status, answer.text], [status, `my ${status}`]);
    }
  });

  it('is not included in public pages for strangers', async () => {
    server.writeFiles({ 'htdocs/public/page.shtml': 'here: <!--#include virtual="/cgi-bin/env" --> <!--#include virtual="/secret.html" -->\n' });
    const stranger = await server.get('/public/page.shtml');
    assert.equal(stranger.status, 200);
    assert.doesNotMatch(stranger.text, /GATEWAY_INTERFACE|the secret page/);
    assert.equal(stranger.all('set-cookie').length, 0);
    const known = await ada.get('/public/page.shtml');
    assert.equal(parseEnvironment(known.text).SCALEKIT_SUB, ADA);
    assert.match(known.text, /the secret page/);
    assert.match(known.headers['cache-control'], /private|no-store/);
  });

  it('speaks WebSocket with those who are logged in', async () => {
    const socket = await ada.websocket('/ws/chat');
    assert.equal(socket.status, 101);
    assert.equal(await socket.echo('over and out'), 'over and out');
    assert.equal(socket.headers['set-cookie'], undefined);
    socket.close();
    const seen = backend.requests.length;
    const refused = await server.visitor().websocket('/ws/chat');
    assert.equal(refused.status, 401);
    assert.ok(refused.headers['www-authenticate']);
    assert.equal(backend.requests.length, seen);
  });

  it('is the same over HTTP/2', { skip: !hasModule('http2') && 'no mod_http2' }, async () => {
    const visitor = ada.clone({ http2: true });
    const options = { headers: { 'x-scalekit-sub': 'forged' } };
    assertValues(await cgi(visitor, '/cgi-bin/env', options), { ...expected, REMOTE_USER: ADA, AUTH_TYPE: 'Scalekit', SERVER_PROTOCOL: 'HTTP/2.0' });
    assert.equal((await proxied(visitor, '/headers/app', options)).headers['x-scalekit-sub'], ADA);
    assert.equal((await server.visitor({ http2: true }).script('/cgi-bin/env')).status, 401);
  });

  it('is the same for HEAD', async () => {
    const answer = await ada.request('HEAD', '/proxied/x');
    assert.deepEqual([answer.status, backend.last.method, backend.last.headers.cookie], [200, 'HEAD', undefined]);
    const anonymous = await server.request('HEAD', '/cgi-bin/env');
    assert.equal(anonymous.status, 302);
    assert.equal(anonymous.text, '');
  });
});
