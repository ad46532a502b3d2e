// A request with a valid session costs what budget.mjs says, in instructions: a change that makes it cost more fails here.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { budget, SLACK, TOLERANCE } from './budget.mjs';
import { defaultUsers } from './scalekit/people.mjs';
import { isSlow } from './support/httpd.mjs';
import { canCount, Counter, countingOptions } from './support/instructions.mjs';
import { formCredentials, formLocations, formUsers } from './support/form.mjs';
import { scalekitHost, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const FILE = `${'x'.repeat(1023)}\n`; // 1 KB
const permissions = (count) => Array.from({ length: count }, (_, i) => `module${i % 10}:action${i}`);
const CACHE = { ScalekitSessionStore: 'cache' };
const PASSPHRASE = 'test_made-up-passphrase-0123456789';

const users = [...defaultUsers, ...[20, 200].map((count) => ({
  email: `${count}@acme.test`, name: 'Max Member', organization: 'Acme', roles: ['member'], permissions: permissions(count),
}))];

// What the virtual host of each case has, and who signs in there.
const remembered = {
  'a cookie': {},
  'nothing exported': { lines: ['ScalekitExport none'] },
  'exported as headers': { lines: ['ScalekitExport headers'] },
  '20 permissions': { as: '20@acme.test' },
  'ten Require lines': {
    as: '20@acme.test',
    lines: ['<RequireAll>', ...permissions(10).map((name) => `Require scalekit-permission ${name}`), '</RequireAll>'],
  },
  'mod_session_crypto': { settings: { SessionCryptoPassphrase: PASSPHRASE } },
  'the store': { settings: CACHE },
  'the store, 200 permissions': { as: '200@acme.test', settings: CACHE },
  'a public page': { page: '/public/page.txt' },
};
const notRemembered = {
  'a cookie, not remembered': {},
  'the store, not remembered': { settings: CACHE },
};
const withHosts = (cases) => Object.keys(cases).map((name, i) => ({ name, host: `host${i}.localhost`, ...cases[name] }));

const unable = isSlow ? 'httpd runs with a sanitizer'
  : process.arch !== 'x64' ? 'the budget is that of x86-64'
    : canCount ? false : 'valgrind is not here';

// httpd's own: a session in clear, in which a name is looked up.
const formHost = (server) => `<VirtualHost *:${server.port}>
ServerName form.localhost
${formLocations(server)}
</VirtualHost>`;

function siteOptions(hosts, memo, { limits, ...options }) {
  return {
    ...options,
    modules: ['auth_form'],
    files: { 'htdocs/page.txt': FILE, 'htdocs/public/page.txt': FILE, users: formUsers },
    scalekit: { users, accessTokenLife: 3600, backChannelLogoutUris: [] },
    config: (server) => [
      limits,
      memo,
      formHost(server),
      `<VirtualHost *:${server.port}>\nServerName localhost\n</VirtualHost>`,
      ...hosts.map(({ host, settings, lines = [] }) => scalekitHost(server, {
        serverName: host, settings, locations: { '/': ['AuthType Scalekit', 'Require valid-user', ...lines] },
      })),
    ].join('\n'),
  };
}

function itCostsWhatItMay(cases, memo = '') {
  const hosts = withHosts(cases);
  let site;
  let counter;
  let form;
  before(async () => {
    const { folder, ...options } = countingOptions();
    site = await startSite(siteOptions(hosts, memo, options));
    counter = new Counter(site, folder);
    await site.scalekit.control({ redirectUris: hosts.map(({ host }) => `http://${host}:${site.port}/auth/callback`) });
    for (const one of hosts) {
      await site.scalekit.control({ autoLogin: one.as ?? 'ada@acme.test' });
      const visitor = new Visitor(`http://${one.host}:${site.port}`);
      const answer = await visitor.get('/page.txt', { follow: true });
      assert.equal(answer.status, 200, answer.text);
      one.cookie = `session=${visitor.jar.get('session').value}`;
    }
    // Before the counter comes: the one process keeps its connection.
    const visitor = new Visitor(`http://form.localhost:${site.port}`);
    await visitor.post('/sign-in', formCredentials);
    form = { host: 'form.localhost', cookie: `session=${visitor.jar.get('session').value}` };
  });
  after(async () => {
    counter?.close();
    await site?.stop();
  });

  // Beside the file with the same cookie.
  async function costOf({ host, cookie, page = '/page.txt' }) {
    const own = await counter.count(page, { Host: host, Cookie: cookie }, FILE);
    const plain = await counter.count(page, { Host: 'localhost', Cookie: cookie }, FILE);
    return Math.round(own - plain);
  }

  for (const one of hosts) {
    it(one.name, async (t) => {
      const { name } = one;
      const cost = await costOf(one);
      const limit = budget[name];
      t.diagnostic(`${name}: ${cost} instructions, the budget is ${limit}`);
      assert.ok(cost <= limit * (1 + TOLERANCE), `${name}: ${cost} instructions, the budget is ${limit}`);
      assert.ok(cost >= limit * (1 - SLACK), `${name}: ${cost} instructions, far below the budget of ${limit}: lower it in test/budget.mjs`);
    });
  }

  const usual = hosts.find(({ name }) => name === 'a cookie');
  if (usual) {
    it('a cookie, no more than with mod_auth_form, whose session is in clear and says a name', async (t) => {
      const [ours, theirs] = [await costOf(usual), await costOf(form)];
      t.diagnostic(`${ours} instructions, with mod_auth_form ${theirs}`);
      assert.ok(ours <= theirs * (1 + TOLERANCE), `${ours} instructions, with mod_auth_form ${theirs}`);
    });
  }
}

describe('a request with a valid session costs what it may', { skip: unable }, () => {
  describe('in a process that has seen it before', () => itCostsWhatItMay(remembered));
  describe('in one that remembers nothing', () => itCostsWhatItMay(notRemembered, 'ScalekitSessionMemo 0'));
});
