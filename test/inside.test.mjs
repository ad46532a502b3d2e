// Where a request leads to inside httpd (an include, a rewrite, a DirectoryIndex, an error page) other rules hold than where it began:
// those of the place that it leads to.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBackend } from './support/backend.mjs';
import { startSqlite } from './support/databases.mjs';
import { hasModule, installation } from './support/httpd.mjs';
import { expiredVisitors, isLogin, refreshes } from './support/refreshing.mjs';
import { parseEnvironment, scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const ADA = 'usr_17500000000000001';
const MINE = 'org_17500000000000001';
const FORGED = { headers: { Authorization: 'Bearer forged' } };
const closed = ['AuthType Scalekit', 'Require valid-user'];
const script = siteFiles['cgi-bin/env'];

describe('a rule that depends on the URI is asked anew', () => {
  const tenants = (...lines) => `<LocationMatch "^/t/(?<tenant>[^/]+)">\nAuthType Scalekit\n${lines.join('\n')}\n</LocationMatch>`;
  const rules = {
    ScalekitOrganization: tenants('ScalekitOrganization "%{reqenv:MATCH_TENANT}"'),
    'Require scalekit-organization': tenants('Require scalekit-organization "%{reqenv:MATCH_TENANT}"'),
    'an alias of Require expr': tenants('Require mine'),
    'Require expr': tenants(`Require expr "%{reqenv:MATCH_TENANT} == '${MINE}'"`),
  };
  const alias = `<AuthzProviderAlias expr mine "%{reqenv:MATCH_TENANT} == '${MINE}'">\n</AuthzProviderAlias>\n`;
  for (const [name, rule] of Object.entries(rules)) {
    it(name, async () => {
      const site = await startSite({
        files: {
          ...siteFiles,
          [`htdocs/t/${MINE}/own.html`]: 'our own page\n',
          [`htdocs/t/${MINE}/page.shtml`]: '[<!--#include virtual="/t/org_other/secret.html" -->]\n',
          'htdocs/t/org_other/secret.html': 'THE SECRET\n',
        },
        config: (server) => `${name.startsWith('an alias') ? alias : ''}${scalekitHost(server, {
          extra: `${rule}
ErrorDocument 404 /t/org_other/secret.html
<Directory "/">
    RewriteEngine On
    RewriteRule "go$" "/t/org_other/secret.html"
</Directory>`,
        })}`,
      });
      try {
        const visitor = await signIn(site, { path: '/index.html' });
        assert.equal((await visitor.get(`/t/${MINE}/own.html`)).text, 'our own page\n');
        for (const path of ['/t/org_other/secret.html', `/t/${MINE}/page.shtml`, `/t/${MINE}/go`, `/t/${MINE}/missing`]) {
          assert.doesNotMatch((await visitor.get(path)).text, /THE SECRET/, path);
        }
      } finally {
        await site.stop();
      }
    });
  }
});

describe('what a DirectoryIndex or FallbackResource leads to', () => {
  const inOurName = 'SetEnv SCALEKIT_SUB usr_admin\nSetEnv SCALEKIT_CLAIM_level root\n';
  const asHeaders = 'RequestHeader set X-Scalekit-Sub usr_admin\nRequestHeader set X-Scalekit-Claim-Level root\n';
  let site;
  let backend;
  let visitor;
  before(async () => {
    backend = await startBackend();
    site = await startSite({
      without: ['dir'], // loaded below, behind mod_headers, as some distributions do
      files: {
        ...siteFiles,
        ...Object.fromEntries(['begun', 'kept', 'headers', 'none', 'closed', 'app'].map((name) => [`htdocs/${name}/index.cgi`, script])),
        'htdocs/rules/index.cgi': script,
        'htdocs/empty/other.txt': 'no index\n',
        'htdocs/empty/.htaccess': 'FallbackResource /closed/index.cgi\n',
        'htdocs/rules/.htaccess': 'RewriteEngine On\nRewriteRule ^go$ /rules/index.cgi [L]\n',
        users: 'admin:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=\n', // admin
        'htdocs/evil-user/.htaccess': 'AuthType Basic\nAuthName x\nAuthUserFile users\nRequire valid-user\nDirectoryIndex /closed/index.cgi\n',
        'htdocs/evil-claim/.htaccess': 'AuthType Scalekit\nRequire valid-user\nScalekitRemoteUser email\nDirectoryIndex /closed/index.cgi\n',
        'htdocs/evil/.htaccess': `${inOurName}DirectoryIndex /app/index.cgi\n`,
        'htdocs/evil/page.shtml': '<!--#include virtual="/app/index.cgi" -->\n',
        'htdocs/evil-index/.htaccess': `${asHeaders}DirectoryIndex /proxied/x\n`,
        'htdocs/evil-fallback/.htaccess': `${asHeaders}FallbackResource /proxied/x\n`,
      },
      config: (server) => `LoadModule dir_module "${installation().modules}/mod_dir.so"\n${scalekitHost(server, {
        backend,
        locations: {
          '/': ['Require all granted'],
          '/begun/': ['AuthType Scalekit', 'Require all granted'],
          '/kept/': [...closed, 'ScalekitPassAccessToken On'],
          '/headers/': closed,
          '/none/': [...closed, 'ScalekitExport both'],
          '/closed/index.cgi': closed,
          '/app/': ['AuthType Scalekit', 'Require all granted'],
          '/empty/': [...closed, 'ScalekitExport both', 'ScalekitPassAccessToken On'],
          '/rules/': [...closed, 'ScalekitExport both'],
          '/proxied/': [...closed, 'ScalekitExport headers', 'ScalekitPassAccessToken On'],
        },
        extra: `<Directory "/">\nCGIPassAuth On\n</Directory>
<Location "/begun/index.cgi">\nScalekitPassAccessToken On\n</Location>
<Location "/kept/index.cgi">\nScalekitPassAccessToken Off\n</Location>
<Location "/headers/index.cgi">\nScalekitExport both\n</Location>
<Location "/none/index.cgi">\nScalekitExport none\n</Location>
SetEnv SCALEKIT_APP set
SetEnvIf Host . SCALEKIT_SEI=set
RewriteEngine On
RewriteRule ^ - [E=SCALEKIT_RULE:set]
<FilesMatch "\\.cgi$">
    RequestHeader unset X-Scalekit-Email
    RequestHeader set X-Scalekit-Mine administrator
</FilesMatch>`,
      })}`,
    });
    visitor = await signIn(site, { path: '/headers/index.cgi' });
  });
  after(async () => {
    await site?.stop();
    await backend?.stop();
  });

  const told = (answer) => {
    const environment = parseEnvironment(answer.text);
    const ours = /^(?:REMOTE_USER|SCALEKIT_|HTTP_X_SCALEKIT_|HTTP_AUTHORIZATION$)/;
    return Object.fromEntries(Object.entries(environment).filter(([name]) => ours.test(name)));
  };

  for (const place of ['begun', 'kept', 'headers', 'none', 'closed', 'rules']) {
    it(`is told what it is told when it is asked for itself: ${place}`, async () => {
      // One that the directory has removed does not come back.
      const options = place === 'kept' ? {} : FORGED;
      for (const who of [visitor, site]) {
        const itself = await who.get(`/${place}/index.cgi`, options);
        const index = await who.get(`/${place}/`, options);
        assert.equal(index.status, itself.status);
        if (itself.status === 200) assert.deepEqual(told(index), told(itself));
      }
    });
  }

  for (const path of ['/empty/', '/empty/none']) {
    it(`is told the same in however many steps: ${path}`, async () => {
      assert.deepEqual(told(await visitor.get(path)), told(await visitor.get('/closed/index.cgi')));
    });
  }

  it('leaves the administrator\'s own variables and headers as they are', async () => {
    const its = { SCALEKIT_APP: 'set', SCALEKIT_SEI: 'set', SCALEKIT_RULE: 'set', HTTP_X_SCALEKIT_MINE: 'administrator', HTTP_X_SCALEKIT_SUB: ADA };
    for (const path of ['/rules/index.cgi', '/rules/', '/rules/go']) {
      const all = told(await visitor.get(path));
      assert.deepEqual(Object.fromEntries(Object.keys(its).map((name) => [name, all[name]])), its, path);
      assert.equal(all.HTTP_X_SCALEKIT_EMAIL, undefined, path);
    }
  });

  for (const path of ['/evil-user/', '/evil-claim/']) {
    it(`has the user whom it would have itself: ${path}`, async () => {
      const headers = { Authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` };
      const { text, status } = await visitor.get(path, { headers });
      assert.equal(status, 200);
      const { REMOTE_USER, AUTH_TYPE } = parseEnvironment(text);
      assert.deepEqual({ REMOTE_USER, AUTH_TYPE }, { REMOTE_USER: ADA, AUTH_TYPE: 'Scalekit' });
    });
  }

  for (const path of ['/evil/', '/evil/page.shtml']) {
    it(`is told nothing by the .htaccess of another place: ${path}`, async () => {
      for (const who of [visitor, site]) assert.deepEqual(told(await who.get(path)), told(await who.get('/app/index.cgi')));
    });
  }

  for (const path of ['/evil-index/', '/evil-fallback/none']) {
    it(`is told nothing by headers of another place: ${path}`, async () => {
      const { headers } = (await visitor.get(path, FORGED)).json();
      const ours = (all) => Object.entries(all).filter(([name]) => /^(?:x-scalekit-|authorization$)/.test(name));
      assert.deepEqual(ours(headers), ours((await visitor.get('/proxied/x', FORGED)).json().headers));
      assert.equal(headers['x-scalekit-sub'], ADA);
      assert.ok(isLogin(await site.get(path)));
    });
  }
});

describe('a session behind a rewrite', () => {
  const files = {
    ...siteFiles,
    'htdocs/open/.htaccess': 'RewriteEngine On\nRewriteRule ^page$ /inner/page.html [L]\nRewriteRule ^include$ /open/include.shtml [L]\n',
    'htdocs/open/include.shtml': '[<!--#include virtual="/inner/page.html" -->]\n',
    'htdocs/inner/page.html': 'the inner page\n',
  };
  const locations = { '/': 'Require all granted', '/inner/': [...closed, 'SessionMaxAge 600'] };
  const withSite = (name, options, run) => it(name, { skip: options.skip }, async () => {
    const site = await startSite({ files, ...options });
    try {
      await run(site);
    } finally {
      await site.stop();
    }
  });

  withSite('is used', { site: { locations: { ...locations, '/inner/': closed }, settings: { ScalekitSessionIdleTimeout: 4 } } }, async (site) => {
    const visitor = await signIn(site, { path: '/open/page' });
    for (let i = 0; i < 6; i += 1) {
      await sleep(1200);
      assert.equal((await visitor.get('/open/page')).status, 200, `after ${1.2 * (i + 1)} s`);
    }
  });

  withSite('is written once when it was refreshed, with SessionCookieRemove', { site: { locations, settings: { SessionCookieRemove: 'On' } } }, async (site) => {
    const [visitor] = await expiredVisitors(site, 1, { path: '/inner/page.html' });
    const entry = (text) => /scalekit=([^&;]*)/.exec(text)?.[1];
    const old = entry(visitor.jar.get('session').value);
    const answer = await visitor.get('/open/page');
    assert.equal(answer.status, 200);
    assert.equal(refreshes(site.scalekit), 1);
    assert.notEqual(entry(visitor.jar.get('session').value), old);
    assert.ok(answer.all('set-cookie').every((line) => entry(line) !== old), 'the session of before is not written');
  });

  const planted = (id) => `${id}; session=00000000-0000-4000-8000-000000000000`;
  const providers = {
    cookie: { site: { locations } },
    database: {
      skip: !hasModule('session_dbd') && 'mod_session_dbd is not here',
      modules: ['dbd', 'session_dbd'],
      database: true,
    },
  };
  for (const [name, { database, ...options }] of Object.entries(providers)) {
    it(`is found beside one that was planted: ${name}`, { skip: options.skip }, async () => {
      const sqlite = database ? await startSqlite() : null;
      const site = await startSite({
        files,
        ...options,
        ...(database ? {
          config: (server) => `${sqlite.config(server, 4)}\n${scalekitHost(server, {
            locations, settings: { SessionCookieName: null, SessionDBDCookieName: 'session path=/;HttpOnly;SameSite=Lax' },
          })}`,
        } : {}),
      });
      try {
        const visitor = await signIn(site, { path: '/inner/page.html' });
        const good = visitor.jar.get('session').value;
        const cookie = `session=${planted(good)}`;
        for (const path of ['/inner/page.html', '/open/page', '/open/include']) {
          const answer = await site.get(path, { headers: { Cookie: cookie } });
          assert.match(answer.text, /the inner page/, path);
          const written = answer.all('set-cookie').filter((line) => line.startsWith('session=')); // as SessionMaxAge wants it
          assert.ok(written.every((line) => line.includes(good.split('&')[0])), 'no other session replaces it');
        }
      } finally {
        await site.stop();
      }
    });
  }
});
