// Who may see what: Require lines, and what a visitor gets whom they deny.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { formOf } from './support/answers.mjs';
import { configtest, freePorts } from './support/httpd.mjs';
import { scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const ADA = 'usr_17500000000000001';
const ACME = 'org_17500000000000001';
const all = (...lines) => ['<RequireAll>', ...lines, '</RequireAll>'];
const any = (...lines) => ['<RequireAny>', ...lines, '</RequireAny>'];
const none = (...lines) => ['<RequireNone>', ...lines, '</RequireNone>'];

// The rule, and what nobody, Max (member of Acme), Ada (admin of Acme) and Olga (member of Globex) get.
const rules = [
  ['Require valid-user', 401, 200, 200, 200],
  [`Require user ${ADA}`, 401, 403, 200, 403],
  ['Require user bob', 401, 403, 403, 403],
  ['Require expr "%{REMOTE_USER} == \'bob\'"', 401, 403, 403, 403],
  ['Require expr false', 403, 403, 403, 403], // a user would change nothing
  ['Require all denied', 403, 403, 403, 403],
  ['Require all granted', 200, 200, 200, 200],

  ['Require scalekit-permission organization:settings', 401, 403, 200, 403],
  ['Require scalekit-permission organization:settings projects:read', 401, 200, 200, 200],
  ['Require scalekit-permission organization:settings nothing:here', 401, 403, 200, 403],
  ['Require scalekit-role admin', 401, 403, 200, 403],
  ['Require scalekit-role owner admin', 401, 403, 200, 403],
  ['Require scalekit-role owner', 401, 403, 403, 403],
  ['Require scalekit-scope email', 401, 200, 200, 200],
  ['Require scalekit-scope payments email', 401, 200, 200, 200],
  ['Require scalekit-scope payments', 401, 403, 403, 403],
  [`Require scalekit-organization ${ACME}`, 401, 200, 200, 403],
  ['Require scalekit-organization acme', 401, 200, 200, 403], // the id that the application gave it
  ['Require scalekit-organization other acme', 401, 200, 200, 403],
  ['Require scalekit-organization Acme', 401, 403, 403, 403], // not its name
  ['Require scalekit-claim email max@acme.test', 401, 200, 403, 403],
  ['Require scalekit-claim email a@b.test max@acme.test', 401, 200, 403, 403],
  ['Require scalekit-claim email_verified true', 401, 200, 200, 200],
  ['Require scalekit-claim department sales', 401, 200, 403, 403],
  ['Require scalekit-claim department "field sales" "sales"', 401, 200, 403, 403],
  ['Require scalekit-claim team "north pole"', 401, 200, 403, 403],
  ['Require scalekit-claim team south', 401, 200, 403, 403],
  ['Require scalekit-claim level 3', 401, 200, 403, 403],
  ['Require scalekit-claim contractor true', 401, 200, 403, 403],
  ['Require scalekit-claim roles admin', 401, 403, 200, 403],
  ['Require scalekit-claim nothing true', 401, 403, 403, 403],

  // Exactly the same, nothing less and nothing more.
  ['Require scalekit-permission projects', 401, 403, 403, 403],
  ['Require scalekit-permission PROJECTS:READ', 401, 403, 403, 403],
  ['Require scalekit-permission projects:*', 401, 403, 403, 403],
  ['Require scalekit-permission projects:read2', 401, 403, 403, 403],
  ['Require scalekit-permission "projects:create,projects:read"', 401, 403, 403, 403],
  ['Require scalekit-permission "projects:read "', 401, 403, 403, 403],
  ['Require scalekit-permission "projects:read"', 401, 200, 200, 200],
  ['Require scalekit-role Admin', 401, 403, 403, 403],
  ['Require scalekit-claim team "north pole,south"', 401, 403, 403, 403],

  // Expressions.
  ['Require scalekit-role %{tolower:ADMIN}', 401, 403, 200, 403],
  ['Require scalekit-organization "%{env:TENANT}"', 401, 200, 200, 403],
  ['Require scalekit-organization "%{env:NOT_SET}"', 401, 403, 403, 403],
  ['Require scalekit-permission "%{req:X-Thing}:read"', 401, 200, 200, 200],
  ['Require scalekit-claim %{tolower:TEAM} south', 401, 200, 403, 403],

  // Together with others.
  [all('Require scalekit-role member', 'Require scalekit-organization acme'), 401, 200, 403, 403],
  [any('Require scalekit-role admin', 'Require scalekit-organization acme'), 401, 200, 200, 403],
  [['Require scalekit-role admin', `Require scalekit-claim email olga@globex.test`], 401, 403, 200, 200],
  [any('Require expr false', 'Require valid-user'), 401, 200, 200, 200],
  [any('Require ip 127.0.0.1', 'Require scalekit-role owner'), 200, 200, 200, 200],
  [any('Require ip 192.0.2.1', 'Require scalekit-role admin'), 401, 403, 200, 403],
  [all('Require valid-user', ...none('Require scalekit-role member')), 401, 403, 200, 403],
  [all('Require valid-user', 'Require not scalekit-role member'), 401, 403, 200, 403],
  [all('Require all granted', 'Require not scalekit-role member'), 200, 403, 200, 403],
  [all('Require scalekit-role member', 'Require scalekit-role admin'), 401, 403, 403, 403],
  ['Require ip 192.0.2.1', 403, 403, 403, 403],
  [all('Require ip 192.0.2.1', 'Require scalekit-role member'), 403, 403, 403, 403],

  // mod_access_compat. Without Order it lets everybody in, and Satisfy Any asks for no more.
  [['Satisfy Any', 'Require scalekit-role owner'], 200, 200, 200, 200],
  [['Satisfy Any', 'Order deny,allow', 'Deny from all', 'Require scalekit-role admin'], 401, 403, 200, 403],
];

const names = ['nobody', 'max', 'ada', 'olga'];
const locations = Object.fromEntries(rules.map(([lines], i) => [`/rule/${i}`, ['AuthType Scalekit', lines].flat()]));

const more = {
  '/': null,
  '/public/': null,
  '/home': ['AuthType Scalekit', 'Require valid-user'],
  '/text': ['AuthType Scalekit', 'Require scalekit-role owner', 'ErrorDocument 403 "ask the boss"'],
  '/page': ['AuthType Scalekit', 'Require scalekit-role owner', 'ErrorDocument 403 /denied.html'],
  '/guarded': ['AuthType Scalekit', 'Require scalekit-role owner', 'ErrorDocument 403 /closed'],
  '/closed': ['AuthType Scalekit', 'Require scalekit-role nobody'],
  '/default': ['AuthType Scalekit', 'Require scalekit-role owner', 'ErrorDocument 403 default'],
  '/detour': ['AuthType Scalekit', 'Require scalekit-role owner', 'ErrorDocument 403 /basic'],
  '/basic': ['AuthType Basic', 'AuthName people', 'AuthUserFile passwords',
    ...any('Require scalekit-role admin member ada', 'Require scalekit-claim email ada@acme.test')],
};

const htaccess = {
  'member': ['Require scalekit-role member'],
  'allowed': ['Require valid-user', 'ScalekitUnauthenticated 401', 'ScalekitRemoteUser email'],
  'expression': ['Require scalekit-organization %{env:TENANT}'],
  'export': ['Require valid-user', 'ScalekitExport headers'],
  'prefix': ['Require valid-user', 'ScalekitHeaderPrefix X-Mine-'],
  'token': ['Require valid-user', 'ScalekitPassAccessToken On'],
  'server': ['Require valid-user', 'ScalekitEnvURL https://evil.scalekit.test'],
  'read': ['Require scalekit-role "%{file:/etc/hostname}"'],
};

describe('rights', () => {
  let server;
  const visitors = {};

  before(async () => {
    const files = Object.fromEntries(Object.entries(htaccess).flatMap(([name, lines]) => [
      [`htdocs/ht/${name}/.htaccess`, ['AuthType Scalekit', ...lines, ''].join('\n')],
      [`htdocs/ht/${name}/index.html`, 'inside\n'],
    ]));
    const sha = crypto.createHash('sha1').update('word').digest('base64');
    server = await startSite({
      files: { ...siteFiles, ...files, passwords: `ada:{SHA}${sha}\n` },
      config: (one) => `<Directory "${one.docroot}/ht">\nAllowOverride AuthConfig\n</Directory>\n${scalekitHost(one, {
        locations: { ...locations, ...more },
        extra: `SetEnvIf Host . TENANT=acme
          AliasMatch "^/(rule|home|text|page|guarded|closed|default|detour|basic)" "${one.docroot}/secret.html"`,
      })}`,
    });
    await server.scalekit.control({ users: { 'max@acme.test': {
      accessClaims: { department: 'sales', team: ['north pole', 'south'] }, idClaims: { level: 3, contractor: true },
    } } });
    visitors.nobody = server.visitor();
    for (const [name, as] of [['max', 'max@acme.test'], ['ada', 'ada@acme.test'], ['olga', 'olga@globex.test']]) {
      visitors[name] = await signIn(server, { as, path: '/home' });
      assert.equal(visitors[name].arrival.status, 200, visitors[name].arrival.text);
    }
  });

  after(() => server?.stop());

  rules.forEach(([lines, ...expected], i) => {
    it([lines].flat().join(' '), async () => {
      const answers = await Promise.all(names.map((name) => visitors[name].script(`/rule/${i}`, { headers: { 'X-Thing': 'projects' } })));
      assert.deepEqual(answers.map(({ status }) => status), expected, names.join());
      for (const answer of answers) {
        assert.equal(Boolean(answer.headers['www-authenticate']), answer.status === 401);
        assert.equal(/the secret page/.test(answer.text), answer.status === 200);
      }
    });
  });

  it('sends a person without a session to log in, whatever the rule', async () => {
    for (const [i, [, anonymous]] of rules.entries()) {
      if (anonymous !== 401) continue;
      const answer = await visitors.nobody.get(`/rule/${i}`);
      assert.equal(answer.status, 302);
      assert.match(answer.location, /\/oauth\/authorize\?/);
    }
  });

  describe('a logged-in user who is denied', () => {
    const denied = `/rule/${rules.findIndex(([lines]) => lines === 'Require scalekit-role owner')}`;

    it('sees a page', async () => {
      const answer = await visitors.ada.get(denied);
      assert.equal(answer.status, 403);
      assert.match(answer.headers['content-type'], /^text\/html/);
      assert.match(answer.text, /<html lang="en">[^]*<h1>You do not have access to this page<\/h1>/);
      assert.equal(answer.headers.location, undefined);
      assert.equal(answer.headers['www-authenticate'], undefined);
      assert.match(answer.headers['cache-control'], /no-store/);
      assert.match(answer.headers['content-security-policy'], /default-src 'none'/);
    });

    it('gets problem+json as a script', async () => {
      const answer = await visitors.ada.script(denied);
      assert.match(answer.headers['content-type'], /^application\/problem\+json/);
      const { title, status, error, detail } = answer.json();
      assert.deepEqual([status, error], [403, 'Forbidden']);
      assert.ok(title && detail);
    });

    it('gets the same for HEAD and POST', async () => {
      const head = await visitors.ada.request('HEAD', denied);
      assert.deepEqual([head.status, head.text, head.headers['www-authenticate']], [403, '', undefined]);
      const post = await visitors.ada.post(denied, { a: 1 });
      assert.equal(post.status, 403);
      assert.match(post.text, /You do not have access/);
    });

    it('keeps the session', async () => {
      await visitors.ada.get(denied);
      assert.equal((await visitors.ada.get('/home')).status, 200);
    });

    it('sees what ErrorDocument says instead', async () => {
      const text = await visitors.ada.get('/text');
      assert.deepEqual([text.status, text.text], [403, 'ask the boss']);
      const page = await visitors.ada.get('/page');
      assert.equal(page.status, 403);
      assert.match(page.text, /the page for the denied/);
      assert.equal(page.headers['www-authenticate'], undefined);
      assert.equal((await visitors.ada.script('/page')).text, page.text);
    });

    it('sees one page where ErrorDocument is denied as well', async () => {
      const answer = await visitors.ada.get('/guarded');
      assert.equal(answer.status, 403);
      assert.doesNotMatch(answer.text, /the secret page/);
    });

    it('sees httpd\'s own page with ErrorDocument 403 default', async () => {
      const answer = await visitors.ada.get('/default');
      assert.equal(answer.status, 403);
      assert.doesNotMatch(answer.text, /the secret page/);
    });
  });

  describe('permissions in another claim', () => {
    const i = rules.findIndex(([lines]) => lines === 'Require scalekit-permission organization:settings');
    const cases = [
      ['permissions', [], 200],
      ['https://scalekit.com/permissions', [], 200],
      ['scalekit:permissions', [], 200],
      ['https://scalekit.com/permissions', ['permissions'], 200],
      ['scalekit:permissions', ['permissions', 'https://scalekit.com/permissions'], 200],
      ['permission', [], 403],
      ['https://evil.test/permissions', ['permissions'], 403],
    ];
    for (const [permissionClaim, emptyPermissionClaims, status] of cases) {
      it(`${permissionClaim}${emptyPermissionClaims.length ? `, empty: ${emptyPermissionClaims}` : ''}: ${status}`, async () => {
        await server.scalekit.control({ permissionClaim, emptyPermissionClaims });
        const { arrival } = await signIn(server, { as: 'ada@acme.test', path: `/rule/${i}` });
        await server.scalekit.control({ permissionClaim: 'permissions', emptyPermissionClaims: [] });
        assert.equal(arrival.status, status);
      });
    }
  });

  describe('.htaccess', () => {
    it('may protect a directory', async () => {
      assert.match((await visitors.nobody.get('/ht/member/')).location, /\/oauth\/authorize\?/);
      assert.equal((await visitors.max.get('/ht/member/')).text, 'inside\n');
      assert.equal((await visitors.ada.get('/ht/member/')).status, 403);
    });

    it('may use the directives that widen nothing', async () => {
      assert.equal((await visitors.nobody.get('/ht/allowed/')).status, 401);
      assert.equal((await visitors.ada.get('/ht/allowed/')).status, 200);
      await server.waitForAccess(/ ada@acme\.test .*\/ht\/allowed\/ HTTP\S* 200/);
      assert.equal((await visitors.max.get('/ht/expression/')).status, 200);
      assert.equal((await visitors.olga.get('/ht/expression/')).status, 403);
    });

    const refused = {
      export: 'ScalekitExport', prefix: 'ScalekitHeaderPrefix', token: 'ScalekitPassAccessToken', server: 'ScalekitEnvURL', read: 'Require',
    };
    for (const [name, directive] of Object.entries(refused)) {
      it(`may not use ${htaccess[name].at(-1)}`, async () => {
        const from = server.mark();
        assert.equal((await visitors.ada.get(`/ht/${name}/`)).status, 500);
        assert.match(await server.waitForLog(/\.htaccess/, from), new RegExp(directive));
      });
    }
  });

  describe('on the whole site, our own paths included,', () => {
    const lines = [['Require scalekit-role admin'], ['Require all denied'], ['Require ip 192.0.2.1']];
    let own;
    let max;
    const siteOf = (i) => `http://localhost:${own.ports[i]}`;

    before(async () => {
      const ports = await freePorts(lines.length);
      own = await startSite({
        ports,
        config: (one) => lines.map((line, i) => scalekitHost(one, {
          port: ports[i], locations: { '/': ['AuthType Scalekit', line].flat(), '/secret.html': 'Require valid-user' },
        })).join('\n'),
      });
      max = await signIn(own, { as: 'max@acme.test', path: '/secret.html' });
      assert.equal(max.arrival.status, 200, max.arrival.text);
    });
    after(() => own?.stop());

    it('whoever lacks a role can log in as somebody else, and out', async () => {
      const denied = await max.get('/');
      assert.equal(denied.status, 403);
      assert.match((await max.get('/login?prompt=login')).location, /\/oauth\/authorize\?/);
      const same = await signIn(own, { as: 'max@acme.test', path: '/secret.html' });
      const answer = await same.post(formOf(denied), {}, { from: denied.url });
      assert.match(answer.location, /\/oidc\/logout\?/);
      const direct = await signIn(own, { as: 'max@acme.test' });
      assert.equal(direct.arrival.status, 403, 'after a login that succeeded');
      assert.match((await direct.get('/logout')).location, /\/oidc\/logout\?/);
    });

    for (const i of [1, 2]) {
      it(`nobody gets past ${lines[i]}`, async () => {
        for (const visitor of [own.visitor(), max]) {
          for (const path of ['/login', '/login?prompt=login', '/auth/callback?code=x&state=y', '/logout']) {
            const answer = await visitor.get(siteOf(i) + path);
            assert.deepEqual([answer.status, answer.location], [403, undefined], path);
          }
        }
        assert.equal((await max.get('/secret.html')).status, 200, 'the session is still there');
      });
    }
  });

  it('are nothing under another AuthType', async () => {
    const Authorization = `Basic ${Buffer.from('ada:word').toString('base64')}`;
    for (const name of names) {
      assert.equal((await visitors[name].get('/basic')).status, 401, name);
      assert.equal((await visitors[name].get('/basic', { headers: { Authorization } })).status, 401, `${name} with a password`);
    }
    assert.doesNotMatch((await visitors.ada.get('/detour', { headers: { Authorization } })).text, /the secret page/);
  });

  it('need something behind Require', async () => {
    const cases = [
      ['Require scalekit-role', /Require scalekit-.*at least one value/],
      ['Require scalekit-permission', /at least one value/],
      ['Require scalekit-permission ""', /Require: cannot understand "": it is empty/],
      ['Require scalekit-role admin "" owner', /Require: cannot understand "": it is empty/],
      ['Require scalekit-claim', /at least one value/],
      ['Require scalekit-claim department', /at least one value/],
      ['Require scalekit-role "%{tolower:x"', /Require: cannot understand/],
      ['Require scalekit-role "%{nothing:x}"', /Require: cannot understand/],
      ['Require scalekit-rolle admin', /Unknown Authz provider: scalekit-rolle/],
    ];
    for (const [line, message] of cases) {
      const { status, output } = await configtest(`<Location "/">\nAuthType Scalekit\n${line}\n</Location>`);
      assert.notEqual(status, 0, line);
      assert.match(output, message);
    }
  });
});
