// What the administrator writes: refused with one clear line, or warned about, or silent; and never shown.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startBackend } from './support/backend.mjs';
import { configtest, freePorts, makeCertificate, startHttpd } from './support/httpd.mjs';
import { PLAIN_COOKIE, SECURE_COOKIE, scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const KEY = 'bWFkZS11cC1zZXNzaW9uLWtleS1vZi10aGUtdGVzdHM'; // made up
const SECRET = 'test_made-up-literal-secret';

const ours = (output) => output.split('\n').filter((line) => /auth_scalekit|[Ss]calekit/.test(line));
const host = (settings, rest) => (server) => scalekitHost(server, { settings, ...rest });
const secure = { SessionCookieName: SECURE_COOKIE }; // one without Secure brings a warning
const environment = (variables) => ({ env: variables });

describe('a configuration is refused for', () => {
  // settings (or options of scalekitHost, of startHttpd), and what the one line says: what is wrong, and the way out.
  const cases = {
    'no environment URL': [{ ScalekitEnvURL: null }, /ScalekitEnvURL is missing: add "ScalekitEnvURL https:/, /SCALEKIT_ENV_URL/],
    'no client id': [{ ScalekitClientID: null }, /ScalekitClientID is missing: add "ScalekitClientID skc_/, /SCALEKIT_CLIENT_ID/],
    'no client secret': [{ ScalekitClientSecret: null }, /ScalekitClientSecret is missing: add "ScalekitClientSecret file:/, /SCALEKIT_CLIENT_SECRET/],
    'a URL without scheme': [{ ScalekitEnvURL: 'acme.scalekit.com' }, /ScalekitEnvURL "acme\.scalekit\.com".*https:\/\//],
    'another scheme': [{ ScalekitEnvURL: 'ftp://acme.scalekit.com' }, /ScalekitEnvURL "ftp:.*https:\/\//],
    'a URL with a path': [{ ScalekitEnvURL: 'https://acme.scalekit.com/oauth' }, /ScalekitEnvURL.*path/],
    'a URL with a query': [{ ScalekitEnvURL: 'https://acme.scalekit.com/?a=b' }, /ScalekitEnvURL/],
    'a URL with a name and a password': [{ ScalekitEnvURL: 'https://a:b@acme.scalekit.com' }, /ScalekitEnvURL/],
    'a URL with spaces': [{ ScalekitEnvURL: '"https://acme scalekit.com"' }, /ScalekitEnvURL/],
    'plain http': [{ ScalekitEnvURL: 'http://acme.scalekit.com' }, /ScalekitEnvURL.*plain http.*https:\/\//],
    'plain http to another host than the insecure one': [{ ScalekitEnvURL: 'http://scalekit.internal:8888', ScalekitInsecureHost: 'internal' },
      /ScalekitEnvURL.*plain http.*https:\/\/.*"ScalekitInsecureHost scalekit\.internal"/],
    'plain http to what only looks local': [{ ScalekitEnvURL: 'http://localhost.example.test' }, /ScalekitEnvURL.*plain http/],
    'a short session key': [{ ScalekitSessionKey: 'short' }, /ScalekitSessionKey.*128.*openssl rand/],
    'a session key of 31 hexadecimal digits': [{ ScalekitSessionKey: '0123456789abcdef0123456789abcde' }, /ScalekitSessionKey.*openssl rand/],
    'a session key of 21 letters': [{ ScalekitSessionKey: 'abcdefghijklmnopqrstu' }, /ScalekitSessionKey.*openssl rand/],
    'a second session key that is short': [{ ScalekitSessionKey: `${KEY} short` }, /ScalekitSessionKey: key 2 .*openssl rand/],
    'no ServerName': [{}, /ServerName is not set.*add ServerName/, { site: { serverName: null }, serverName: null }],
    'SameSite=Strict': [{ SessionCookieName: 'session path=/;HttpOnly;SameSite=Strict' }, /SessionCookieName \(.*httpd\.conf:\d+\).*SameSite=Strict.*SameSite=Lax/],
    'samesite = strict': [{ SessionCookieName: '"session" "path=/; HttpOnly; samesite=strict"' }, /SameSite=Strict.*SameSite=Lax/],
    'CacheStorePrivate': [{ CacheStorePrivate: 'On' }, /CacheStorePrivate \(.*httpd\.conf:\d+\) would have mod_cache keep.*take it away/],
    'CacheStoreNoStore in a Location': [{}, /CacheStoreNoStore \(.*httpd\.conf:\d+\)/, { site: { locations: { '/x': ['CacheStoreNoStore On'] } } }],
    'two endpoints on one path': [{ ScalekitLoginPath: '/auth', ScalekitLogoutPath: '/auth' }, /\/auth is configured for two/],
    'the login on the callback': [{ ScalekitLoginPath: '/auth/callback' }, /\/auth\/callback is configured for two/],
    'endpoints that differ by a slash': [{ ScalekitLoginPath: '/auth', ScalekitLogoutPath: '/auth/' }, /two|ScalekitLogoutPath/],
    'a path with a query': [{ ScalekitLoginPath: '/login?a' }, /ScalekitLoginPath: "\/login\?a" is not a path.*\/login/],
    'the sessions on the logout': [{ ScalekitSessionsPath: '/logout' }, /\/logout is configured for two.*ScalekitSessionsPath/],
    'the login below the sessions': [{ ScalekitLoginPath: '/sessions/refresh-token' }, /\/sessions\/refresh-token is configured for two.*ScalekitSessionsPath/],
    'a callback below sessions with a slash': [{ ScalekitRedirectURI: '/me/validate-token', ScalekitSessionsPath: '/me/' }, /\/me\/validate-token is configured for two/],
    'a sessions path with a query': [{ ScalekitSessionsPath: '/sessions?a' }, /ScalekitSessionsPath: "\/sessions\?a" is not a path.*\/sessions/],
    'a path without a slash': [{ ScalekitLogoutPath: 'logout' }, /ScalekitLogoutPath.*\/logout/],
    'a path with //': [{ ScalekitLoginPath: '//login' }, /ScalekitLoginPath/],
    'a path with /..': [{ ScalekitLoginPath: '/a/../login' }, /ScalekitLoginPath/],
    'an encoded path': [{ ScalekitLoginPath: '/log%69n' }, /ScalekitLoginPath/],
    'a path that is everything': [{ ScalekitLoginPath: '/' }, /ScalekitLoginPath/],
    'a callback that is none': [{ ScalekitRedirectURI: 'none' }, /ScalekitRedirectURI/],
    'a callback without a path': [{ ScalekitRedirectURI: 'https://app.test' }, /ScalekitRedirectURI/],
    'a callback on another origin': [{ ScalekitRedirectURI: 'https://app.test/x', ScalekitBaseURL: 'https://other.test' }, /ScalekitRedirectURI is on https:\/\/app\.test.*ScalekitBaseURL/],
    'a base URL with a path': [{ ScalekitBaseURL: 'https://app.test/x' }, /ScalekitBaseURL.*path/],
    'a login that ends elsewhere': [{ ScalekitAfterLoginURL: 'https://other.test/' }, /ScalekitAfterLoginURL.*path/],
    'a logout that ends nowhere': [{ ScalekitAfterLogoutURL: 'goodbye' }, /ScalekitAfterLogoutURL/],
    'scopes without openid': [{ ScalekitScopes: 'profile email' }, /ScalekitScopes lacks openid.*add it/],
    'CAs that are not there': [{ ScalekitCABundle: '/nowhere/ca.pem' }, /ScalekitCABundle: cannot read \/nowhere\/ca\.pem.*PEM/],
    'CAs that are a folder': [{ ScalekitCABundle: '/etc' }, /ScalekitCABundle: cannot read \/etc: .*PEM/],
    'CAs that are none': [{ ScalekitCABundle: '/etc/passwd' }, /ScalekitCABundle: cannot read \/etc\/passwd: .*PEM/],
    'a proxy without scheme': [{ ScalekitProxy: 'proxy.test:3128' }, /ScalekitProxy.*http:\/\//],
    'no number': [{ ScalekitSessionMaxAge: 'soon' }, /ScalekitSessionMaxAge: "soon" is not a number of seconds/],
    'a number and more': [{ ScalekitSessionIdleTimeout: '10m' }, /ScalekitSessionIdleTimeout: "10m"/],
    'a negative number': [{ ScalekitSessionIdleTimeout: '-1' }, /ScalekitSessionIdleTimeout: "-1"/],
    'zero': [{ ScalekitSessionMaxAge: '0' }, /ScalekitSessionMaxAge: "0"/],
    'a large number': [{ ScalekitClockSkew: '99999999999999999999' }, /ScalekitClockSkew/],
    'a timeout that is too long': [{ ScalekitTimeout: '3 1000' }, /ScalekitTimeout: "1000"/],
    'no mod_session': [{ Session: null, SessionCookieName: null }, /mod_session.*not loaded.*a2enmod session/, { without: ['session', 'session_cookie', 'session_crypto'] }],
    'an unreadable secret': [{ ScalekitClientSecret: 'file:/nowhere/secret' }, /ScalekitClientSecret: cannot read \/nowhere\/secret: No such file/],
    'a secret that is a directory': [{ ScalekitClientSecret: 'file:htdocs' }, /ScalekitClientSecret: cannot read/],
    'an empty secret file': [{ ScalekitClientSecret: 'file:empty' }, /ScalekitClientSecret: .*empty is empty/, { files: { empty: { text: ' \n', mode: 0o600 } } }],
    'an empty session key file': [{ ScalekitSessionKey: 'file:empty' }, /ScalekitSessionKey: .*empty/, { files: { empty: { text: '\n', mode: 0o600 } } }],
    'a variable that is not set': [{ ScalekitClientSecret: 'env:NOT_SET' }, /ScalekitClientSecret: the variable NOT_SET is not set.*export it/],
    'a file without file:': [{ ScalekitClientSecret: '/etc/passwd' }, /ScalekitClientSecret: it is the name of a file: write file: before it/],
    'a session key without file:': [{ ScalekitSessionKey: './client.secret' }, /ScalekitSessionKey: it is the name of a file/],
    'one of a file that is not there': [{ ScalekitSessionKey: '/nowhere/of-this-host/session.key' }, /ScalekitSessionKey: it is the name of a file/],
    'one of a file beside the configuration': [{ ScalekitClientSecret: 'client.secret' }, /ScalekitClientSecret: it is the name of a file/],
    'one in a variable': [{ ScalekitClientSecret: 'env:SECRET' }, /ScalekitClientSecret: it is the name of a file/, environment({ SECRET: '/nowhere/client.secret' })],
    'another spelling of file:': [{ ScalekitSessionKey: 'FILE:/nowhere/session.key' }, /ScalekitSessionKey: cannot read \/nowhere\/session\.key/],
    'a program that fails': [{ ScalekitClientSecret: 'exec:/bin/false' }, /ScalekitClientSecret: \/bin\/false failed/],
    'a program that is not there': [{ ScalekitClientSecret: 'exec:/nowhere/program' }, /ScalekitClientSecret: \/nowhere\/program/],
    'no program': [{ ScalekitClientSecret: '"exec:"' }, /ScalekitClientSecret: exec: names no program/],
  };

  for (const [name, [settings, wrong, ...rest]] of Object.entries(cases)) {
    const words = [wrong, ...rest.filter((one) => one instanceof RegExp)];
    const { site, ...options } = rest.find((one) => !(one instanceof RegExp)) ?? {};
    it(name, async () => {
      const { status, output } = await configtest({ config: host({ ...secure, ...settings }, site), ...options });
      assert.notEqual(status, 0, output);
      const lines = ours(output);
      assert.equal(lines.length, 1, output);
      assert.match(lines[0], /mod_auth_scalekit: (virtual host|main server) /);
      for (const word of words) assert.match(lines[0], word);
      assert.doesNotMatch(output, new RegExp(`${SECRET}|made-up-secret|${KEY}`));
    });
  }

  it('AuthType Scalekit outside of all virtual hosts, for one that nothing else is said of: with its line', async () => {
    const { status, output } = await configtest({
      config: (server) => `<Directory "${server.docroot}">\nAuthType Scalekit\n</Directory>\n${host(secure)(server)}
        <VirtualHost *:${server.port}>\nServerName other.test\n</VirtualHost>`,
    });
    assert.notEqual(status, 0, output);
    assert.match(output, /virtual host other\.test.*ScalekitEnvURL is missing/);
    for (const line of ours(output)) assert.match(line, /\(AuthType Scalekit stands in .*httpd\.conf:\d+\)$/);
  });

  const syntax = {
    'ScalekitUnauthenticated maybe': /ScalekitUnauthenticated is one of auto, login, 401 and pass/,
    'ScalekitRemoteUser name': /ScalekitRemoteUser is one of sub, email/,
    'ScalekitExport all': /ScalekitExport is one of env/,
    'ScalekitHeaderPrefix X': /ScalekitHeaderPrefix is a word of your own/,
    'ScalekitHeaderPrefix X-Forwarded-': /ScalekitHeaderPrefix is a word of your own/,
    'ScalekitHeaderPrefix User-': /ScalekitHeaderPrefix is a word of your own/,
    'ScalekitHeaderPrefix x-requested-': /ScalekitHeaderPrefix is a word of your own/,
    'ScalekitHeaderPrefix "X-A: b-"': /ScalekitHeaderPrefix is a word of your own/,
    'ScalekitPassAccessToken maybe': /ScalekitPassAccessToken.*On or Off/i,
    'ScalekitEnvURL https://a.test': /ScalekitEnvURL not allowed/,
    'ScalekitEnvUrl2 x': /Invalid command/,
  };
  for (const [line, message] of Object.entries(syntax)) {
    it(`${line} in a Location`, async () => {
      const { status, output } = await configtest({ config: host({}, { locations: { '/x': [line] } }) });
      assert.notEqual(status, 0, output);
      assert.match(output, message);
    });
  }

  it('each virtual host that is wrong, in a line of its own', async () => {
    const { output } = await configtest({ ports: 3, config: (server) => [
      scalekitHost(server, { settings: { ...secure, ScalekitClientID: null } }),
      scalekitHost(server, { port: server.ports[1], settings: secure }),
      scalekitHost(server, { port: server.ports[2], serverName: 'other.test', settings: { ...secure, ScalekitEnvURL: null } }),
    ].join('\n') });
    const lines = ours(output).sort((a, b) => a.includes('other.test') - b.includes('other.test'));
    assert.deepEqual(lines.map((line) => /(\w+) is missing/.exec(line)?.[1]), ['ScalekitClientID', 'ScalekitEnvURL']);
    assert.match(lines[1], /virtual host other\.test:\d+ \(.*httpd\.conf:\d+\)/);
  });

  it('the same reason at a real start', async () => {
    await assert.rejects(startHttpd({ config: host({ ScalekitClientID: null }) }), /ScalekitClientID is missing/);
  });
});

describe('a configuration is taken with', () => {
  const silent = async (options, ...more) => {
    const { status, output } = await configtest(options, ...more);
    assert.equal(status, 0, output);
    assert.deepEqual(ours(output).concat(output.split('\n').filter((line) => /warn|error/.test(line))), [], output);
  };
  const cases = {
    'nothing unusual': [{}],
    'a secret from a relative file': [{ ScalekitClientSecret: 'file:client.secret' }],
    'a secret from a variable': [{ ScalekitClientSecret: 'env:MY_SECRET' }, environment({ MY_SECRET: SECRET })],
    'a secret from a program': [{ ScalekitClientSecret: '"exec:/bin/echo made-up secret"' }],
    'everything from the environment': [{ ScalekitEnvURL: null, ScalekitClientID: null, ScalekitClientSecret: null },
      environment({ SCALEKIT_ENV_URL: 'https://acme.scalekit.com', SCALEKIT_CLIENT_ID: 'skc_1', SCALEKIT_CLIENT_SECRET: SECRET,
        SCALEKIT_SESSION_KEY: KEY, SCALEKIT_REDIRECT_URI: '/back' })],
    'the environment URL from SCALEKIT_DOMAIN': [{ ScalekitEnvURL: null }, environment({ SCALEKIT_DOMAIN: 'https://acme.scalekit.com' })],
    'a slash behind the environment URL': [{ ScalekitEnvURL: 'https://acme.scalekit.com/' }],
    'plain http to this machine': [{ ScalekitEnvURL: 'http://[::1]:8080' }],
    'keys of all kinds': [{ ScalekitSessionKey: `${KEY} 0123456789abcdef0123456789abcdef env:KEY file:key "exec:/bin/echo ${KEY}"` },
      { ...environment({ KEY }), files: { key: { text: `${KEY}\n`, mode: 0o600 } } }],
    'every directive': [{
      ScalekitRedirectURI: 'https://app.test/back', ScalekitScopes: 'openid email', ScalekitIssuer: 'https://acme.scalekit.com',
      ScalekitAudience: 'x', ScalekitBaseURL: 'https://app.test', ScalekitLoginPath: '/in', ScalekitLogoutPath: 'none', ScalekitSessionsPath: '/api/me',
      ScalekitAfterLoginURL: '/home?a=b', ScalekitAfterLogoutURL: 'https://www.app.test/bye', ScalekitSessionKey: KEY, ScalekitSessionScope: 'all',
      ScalekitSessionMaxAge: 100, ScalekitSessionIdleTimeout: 0, ScalekitClockSkew: 0, ScalekitTimeout: '1 2', ScalekitProxy: 'http://127.0.0.1:9',
      ScalekitCABundle: makeCertificate(), ScalekitInsecureHost: 'localhost',
    }],
    'no sessions path, and a login where one would be': [{ ScalekitSessionsPath: 'none', ScalekitLoginPath: '/sessions' }],
    'CacheStorePrivate Off': [{ CacheStorePrivate: 'Off' }],
    'our module last': [{}, { moduleOrder: 'last' }],
  };
  for (const [name, [settings, options = {}]] of Object.entries(cases)) {
    it(name, () => silent({ config: host({ ...secure, ...settings }), ...options }));
  }
  it('nothing of ours but the module', () => silent({ config: '' }));
  it('nothing of ours, and no mod_session', () => silent({ config: '', without: ['session', 'session_cookie', 'session_crypto'] }));
  it('the whole in the main server', () => silent({ config: (server) => `Session On\nSessionCookieName ${SECURE_COOKIE}
    ScalekitEnvURL https://acme.scalekit.com\nScalekitClientID x\nScalekitClientSecret file:client.secret
    <Location "/">\nAuthType Scalekit\nRequire valid-user\n</Location>` }));
});

describe('a warning is given for', () => {
  const warned = async (settings, message, options = {}) => {
    const { status, output } = await configtest({ config: host({ ...secure, ...settings }), ...options });
    assert.equal(status, 0, output);
    assert.equal(ours(output).filter((line) => message.test(line)).length, 1, output);
    assert.match(ours(output)[0], /virtual host localhost/);
  };
  it('a secret that everybody can read', () => warned({ ScalekitClientSecret: 'file:open.secret' },
    /warn.*ScalekitClientSecret: .*open\.secret can be read by every user.*chmod 0600/, { files: { 'open.secret': { text: SECRET, mode: 0o644 } } }));
  it('a session key that everybody can read', () => warned({ ScalekitSessionKey: 'file:open.key' },
    /warn.*ScalekitSessionKey: .*open\.key can be read by every user.*chmod 0600/, { files: { 'open.key': { text: KEY, mode: 0o644 } } }));
  for (const [what, cookie] of Object.entries({ 'path=/': 'HttpOnly;Secure', HttpOnly: 'path=/;Secure', Secure: 'path=/;HttpOnly' })) {
    it(`a cookie without ${what}`, () => warned({ SessionCookieName: `session ${cookie};SameSite=Lax` }, new RegExp(`warn.*SessionCookieName.*has no ${what}`)));
  }
  it('a cookie without anything', () => warned({ SessionCookieName: 'session' }, /has no HttpOnly/));
});

describe('secrets', () => {
  it('are not shown by httpd -t -D DUMP_CONFIG and /server-info', async () => {
    const server = await startHttpd({
      config: host({ ScalekitClientSecret: SECRET, ScalekitSessionKey: `${KEY} env:KEY`, ScalekitProxy: 'http://proxy-user:proxy-word@127.0.0.1:9' },
        { locations: { '/server-info': ['SetHandler server-info', 'AuthType None', 'Require all granted'] } }),
      env: { KEY: `${KEY}xyz` },
    });
    const dump = await server.configtest('-DDUMP_CONFIG');
    const info = await server.get('/server-info?config');
    const log = server.output();
    await server.stop();
    assert.equal(info.status, 200);
    for (const text of [dump.output, info.text, log]) {
      assert.doesNotMatch(text, new RegExp(`${SECRET}|${KEY}|proxy-word`));
    }
    for (const text of [dump.output, info.text]) {
      assert.match(text, /ScalekitClientSecret/);
      assert.match(text, /ScalekitProxy/);
      assert.match(text, /ScalekitSessionKey/);
    }
  });
});

describe('virtual hosts', () => {
  let server;
  const site = (i) => `http://localhost:${server.ports[i]}`;
  const settingsOfMain = ({ scalekit, root }) => `Session On\nSessionCookieName ${PLAIN_COOKIE}\nScalekitEnvURL ${scalekit.url}
    ScalekitClientID ${scalekit.clientId}\nScalekitClientSecret file:${root}/client.secret\nScalekitAfterLoginURL /after-main
    <Location "/">\nAuthType Scalekit\nRequire valid-user\n</Location>\n`;
  const bare = (port, lines = '') => `<VirtualHost *:${port}>\nServerName localhost:${port}\n${lines}\n</VirtualHost>\n`;

  before(async () => {
    const ports = await freePorts(4);
    server = await startSite({
      ports,
      scalekit: { redirectUris: ports.map((port) => `http://localhost:${port}/auth/callback`) },
      config: (one) => settingsOfMain(one) + bare(ports[0]) + bare(ports[1], 'ScalekitAfterLoginURL /after-own\nScalekitLoginPath /in')
        + bare(ports[2], '<Location "/">\nAuthType None\nRequire all granted\n</Location>\nUseCanonicalName On\nUseCanonicalPhysicalPort On')
        + bare(ports[3], 'UseCanonicalName Off\nHostnameLookups On\nServerAlias *.localhost'),
    });
  });

  after(() => server?.stop());

  it('inherit from the main server', async () => {
    const visitor = server.visitor();
    assert.equal((await visitor.get(`${site(0)}/login`, { follow: (next) => next.pathname !== '/after-main' })).location, `${site(0)}/after-main`);
    assert.equal((await visitor.get(`${site(0)}/secret.html`)).status, 200);
  });

  it('and may say otherwise', async () => {
    const visitor = server.visitor();
    assert.equal((await visitor.get(`${site(1)}/in`, { follow: (next) => next.pathname !== '/after-own' })).location, `${site(1)}/after-own`);
    assert.equal((await visitor.script(`${server.visitor().base}/x`)).status, 404, 'cookies ignore ports, and the scope is the same name');
  });

  for (const i of [2, 3]) {
    it(`do not mind UseCanonicalName ${i === 2 ? 'On' : 'Off'}`, async () => {
      const answer = await server.visitor().get(`${site(i)}/login?next=/secret.html`, { follow: true });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.url, `${site(i)}/secret.html`);
    });
  }
});

describe('two virtual hosts that say nothing of Scalekit', () => {
  const ways = {
    'where the main server does': ({ url, clientId, root }) => ({
      config: `ScalekitEnvURL ${url}\nScalekitClientID ${clientId}\nScalekitClientSecret file:${root}/client.secret`,
    }),
    'where the environment does': ({ url, clientId, clientSecret }) => ({
      env: { SCALEKIT_ENV_URL: url, SCALEKIT_CLIENT_ID: clientId, SCALEKIT_CLIENT_SECRET: clientSecret },
    }),
  };
  for (const [name, say] of Object.entries(ways)) {
    it(`are two sites ${name}`, async () => {
      const [port, scalekitPort] = await freePorts(2);
      const siteOf = (host) => `http://${host}.localhost:${port}`;
      const hosts = ['one', 'two'];
      const client = { clientId: 'skc_1', clientSecret: SECRET };
      const scalekit = { url: `http://127.0.0.1:${scalekitPort}`, ...client };
      const backend = await startBackend();
      const server = await startSite({
        ports: [port],
        scalekit: { ...client, port: scalekitPort, redirectUris: hosts.map((host) => `${siteOf(host)}/auth/callback`) },
        env: say(scalekit).env,
        config: (one) => [say({ ...scalekit, root: one.root }).config, ...hosts.map((host) => `<VirtualHost *:${port}>
          ServerName ${host}.localhost:${port}
          Session On
          SessionCookieName ${host} path=/;HttpOnly;SameSite=Lax
          ProxyPass "/proxied/" "${backend.url}/"
          <Location "/">\nAuthType Scalekit\nRequire valid-user\n</Location>\n</VirtualHost>`)].join('\n'),
      });
      const paths = server.log().split('\n').filter((line) => /our own paths/.test(line));
      const values = {};
      for (const host of hosts) {
        assert.equal(paths.filter((line) => line.includes(`virtual host ${host}.localhost:${port} `)).length, 1, paths.join('\n'));
        const visitor = server.visitor();
        const arrival = await visitor.get(`${siteOf(host)}/secret.html`, { follow: true });
        assert.equal(arrival.url, `${siteOf(host)}/secret.html`);
        assert.equal(arrival.status, 200);
        values[host] = visitor.jar.get(host).value;
        await visitor.get(`${siteOf(host)}/proxied/`, { headers: { Cookie: `a=b; ${host}=${values[host]}` } });
        assert.equal(backend.last.headers.cookie, 'a=b', `the session of ${host}`);
      }
      const trial = async (host, value) => (await server.get(`${siteOf(host)}/secret.html`, { headers: { Cookie: `${host}=${value}` } })).status;
      const verdicts = [await trial('one', values.one), await trial('two', values.two), await trial('one', values.two), await trial('two', values.one)];
      await server.stop();
      await backend.stop();
      assert.deepEqual(verdicts, [200, 200, 302, 302]);
    });
  }
});

describe('what is missing where AuthType Scalekit is used', () => {
  let server;
  const site = (i) => `http://localhost:${server.ports[i]}`;

  before(async () => {
    const ports = await freePorts(4);
    server = await startSite({
      ports,
      files: { ...siteFiles, 'htdocs/own/.htaccess': 'AuthType Scalekit\nRequire valid-user\n', 'htdocs/own/index.html': 'own' },
      config: (one) => [
        scalekitHost(one, { settings: { Session: null } }),
        scalekitHost(one, { port: ports[1], settings: { SessionCookieName: null } }),
        `<VirtualHost *:${ports[2]}>\nServerName localhost:${ports[2]}\n</VirtualHost>`,
        scalekitHost(one, { port: ports[3], locations: { '/off/': ['Session Off'], '/excluded/': ['SessionExclude /excluded'] } }),
      ].join('\n'),
    });
  });

  after(() => server?.stop());

  const cases = [
    ['Session On', 0, '/', /\[auth_scalekit:error\].*virtual host localhost.*sessions are off here: add "Session On".*SessionCookieName/],
    ['SessionCookieName', 1, '/', /\[auth_scalekit:error\].*no place to keep sessions: add "SessionCookieName /],
    ['Session Off in a Location', 3, '/off/x', /sessions are off here: add "Session On"/],
    ['SessionExclude', 3, '/excluded/x', /sessions are off here.*SessionExclude/],
    ['our directives, with AuthType in .htaccess', 2, '/own/', /AuthType Scalekit is in force here, but .* is not configured.*ScalekitEnvURL/],
  ];
  for (const [name, i, path_, message] of cases) {
    it(`${name}: a page, and a line in the log`, async () => {
      const from = server.mark();
      const answer = await server.get(site(i) + path_);
      assert.equal(answer.status, 500);
      assert.equal(answer.headers.location, undefined);
      assert.match(answer.headers['content-type'], /text\/html/);
      assert.doesNotMatch(answer.text, /Session|ScalekitEnvURL/, 'visitors need not know');
      await server.waitForLog(message, from);
    });
  }

  it('a callback without sessions says so as well, and asks Scalekit for nothing', async () => {
    const from = server.mark();
    const visitor = server.visitor();
    const { location } = await visitor.get(`${site(0)}/login`);
    if (location) {
      const answer = await visitor.get(location, { follow: true });
      assert.equal(answer.status, 500, answer.text);
    }
    await server.waitForLog(/Session On/, from);
  });
});

describe('a reload', () => {
  it('keeps sessions, and takes another configuration', async () => {
    const server = await startSite();
    const visitor = await signIn(server);
    await server.reload();
    assert.equal((await visitor.get('/secret.html')).status, 200);
    const locations = { '/secret.html': ['Require scalekit-role owner'] };
    await server.reload({ config: (one) => scalekitHost(one, { locations }) });
    assert.equal((await visitor.get('/')).status, 200);
    assert.equal((await visitor.get('/secret.html')).status, 403);
    await assert.rejects(server.reload({ config: (one) => scalekitHost(one, { settings: { ScalekitClientID: null } }) }), /ScalekitClientID is missing/);
    assert.equal((await visitor.get('/')).status, 200);
    await server.reload({ graceful: false });
    assert.equal((await visitor.get('/')).status, 200);
    await server.stop();
  });

  it('with another first key keeps sessions of the old one, without it ends them', async () => {
    const config = (keys) => (one) => scalekitHost(one, { settings: { ScalekitSessionKey: keys } });
    const server = await startSite({ config: config(KEY) });
    const visitor = await signIn(server);
    await server.reload({ config: config(`new-${KEY} ${KEY}`) });
    assert.equal((await visitor.get('/')).status, 200);
    await server.reload({ config: config(`new-${KEY}`) });
    assert.equal((await visitor.get('/')).status, 302);
    await server.stop();
  });

  it('reads secrets again', async () => {
    const server = await startSite();
    server.writeFiles({ 'client.secret': { text: 'test_another-made-up-secret', mode: 0o600 } });
    await server.reload();
    const { arrival } = await signIn(server);
    await server.stop();
    assert.equal(arrival.status, 502);
    assert.equal(fs.existsSync(path.join(server.root, 'client.secret')), false);
  });
});

for (const moduleOrder of ['sorted', 'last']) {
  it(`sessions work when our module is loaded ${moduleOrder === 'last' ? 'after' : 'before'} mod_session`, async () => {
    const server = await startSite({ moduleOrder });
    const visitor = await signIn(server);
    const again = await visitor.get('/secret.html');
    await server.stop();
    assert.deepEqual([visitor.arrival.status, again.status], [200, 200]);
  });
}
