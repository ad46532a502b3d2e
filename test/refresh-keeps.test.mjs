// What must not cost a session, nor Scalekit a flood: keys that are away, answers that are garbage, pages that others lead to.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertFailure, assertPage, ourLines } from './support/answers.mjs';
import { isSlow, until } from './support/httpd.mjs';
import { unlike } from './support/permissions.mjs';
import { expiredVisitors, inParallel, isLogin, refreshes, refreshesFail, reused, steadily, tally, timed } from './support/refreshing.mjs';
import { signIn, siteFiles, startSite } from './support/sites.mjs';

/** Runs with a site of its own: what Scalekit does to one of these tests must not be remembered in another. */
const withSite = (name, options, run) => it(name, async (t) => {
  const site = await startSite({ processes: 2, threads: 25, scalekit: { backChannelLogoutUris: [] }, ...options });
  try {
    await run(site, t);
  } finally {
    await site.stop();
  }
});

/** The session goes on: without another login, and without a refresh token that is presented twice. */
async function assertGoesOn(site, visitor) {
  const sids = site.scalekit.state().sessions.map(({ sid }) => sid);
  assert.ok(await until(async () => {
    const answer = await visitor.get('/');
    assert.ok(!isLogin(answer), 'the session is lost');
    return answer.status === 200;
  }, 10_000));
  assert.deepEqual(site.scalekit.state().sessions.map(({ sid }) => sid), sids);
  assert.deepEqual(reused(site.scalekit), []);
}

describe('a session survives', { concurrency: 3 }, () => {
  for (const [name, fault] of [['fail', { mode: 'status', status: 500 }], ['are slow', { mode: 'slow', delay: 6000 }]]) {
    withSite(`new tokens that no process can check, because the keys ${name}`, {}, async (site) => {
      const [visitor] = await expiredVisitors(site, 1);
      await site.restart(); // nobody has keys any more
      await site.scalekit.control({ fail: { keys: fault } });
      assert.equal((await visitor.get('/')).status, 503);
      await site.scalekit.control({ fail: { keys: null } });
      await assertGoesOn(site, visitor);
    });
  }

  withSite('new tokens that are signed with a key of the last minute', { processes: 1 }, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    await site.scalekit.control({ mutate: { idp: 'wrongKid' } }); // anybody may have the keys fetched, once a minute
    await site.get(`/login?idp_initiated_login=${await site.scalekit.idpInitiatedToken({ organizationId: 'org_1' })}`);
    await site.scalekit.control({ rotateKeys: 'keep' });
    assert.equal((await visitor.get('/')).status, 503);
    assert.ok(!isLogin(await visitor.get('/')));
    assert.deepEqual(reused(site.scalekit), []);
  });

  withSite('new tokens that contradict each other', {}, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    await site.scalekit.control({ mutate: { access: { claims: { sub: 'other_1' } } } });
    const from = site.mark();
    assertFailure(site, from, await visitor.get('/'), 503, /different users/);
    await site.scalekit.control({ mutate: { access: null } });
    await assertGoesOn(site, visitor);
  });

  withSite('a new ID token that says no more than it must', {}, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    await site.scalekit.control({ mutate: { id: { omit: ['azp', 'at_hash', 'c_hash', 'nonce'] } } });
    await assertGoesOn(site, visitor);
  });

  withSite('two refreshes in one request: the cookie holds the last', {}, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    const stale = visitor.clone();
    assert.equal((await visitor.get('/')).status, 200);
    await sleep(1100); // refresh-token asks once a second
    const answer = await stale.post('/sessions/refresh-token', {});
    assert.equal(answer.status, 200, answer.text);
    assert.ok(isSlow || refreshes(site.scalekit) === 2, `${refreshes(site.scalekit)} refreshes`); // more, if tokens expire meanwhile
    assert.equal(answer.all('set-cookie').filter((line) => line.startsWith('session=')).length, 1);
    await site.restart(); // nothing but the cookie is left
    await assertGoesOn(site, stale);
  });

  withSite('the Back button to the callback, with a token that has expired', {}, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    const { url } = visitor.arrival.hops.find((hop) => hop.url.includes('/auth/callback'));
    const answer = await visitor.get(url, { follow: true });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.url, `${site.url}/`);
  });
});

describe('a session ends', () => {
  for (const claim of ['sub', 'sid', 'oid']) {
    withSite(`with new tokens of another ${claim}`, {}, async (site) => {
      const [visitor] = await expiredVisitors(site, 1);
      const claims = { claims: { [claim]: 'other_1' } };
      await site.scalekit.control({ mutate: { access: claims, id: claims } });
      const from = site.mark();
      assert.ok(isLogin(await visitor.get('/')));
      assert.equal(ourLines(site.log(from)).filter((line) => /is over: .*another user, session or organization/.test(line)).length, 1);
      assert.ok(isLogin(await visitor.clone().get('/')), 'for good');
      await site.scalekit.control({ mutate: { access: null, id: null } });
      assert.equal((await visitor.get('/', { follow: true })).status, 200, 'and a login helps');
    });
  }
});

describe('a session ends that is refreshed without an ID token', () => {
  withSite('with a new access token of another user', {}, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    await site.scalekit.control({ refreshIdToken: false, mutate: { access: { claims: { sub: 'other_1', roles: ['root'] } } } });
    const from = site.mark();
    assert.ok(isLogin(await visitor.get('/')));
    assert.equal(ourLines(site.log(from)).filter((line) => /is over: .*another user, session or organization/.test(line)).length, 1);
  });
});

describe('Scalekit is left alone', { concurrency: 3 }, () => {
  const answers = {
    'a page with status 200': { mode: 'html' },
    'JSON without tokens': { mode: 'edit', omit: ['access_token', 'refresh_token'] },
    'invalid_client': { mode: 'status', status: 401, body: { error: 'invalid_client' } },
    'invalid_request': { mode: 'status', status: 400, body: { error: 'invalid_request' } },
    'a redirect': { mode: 'status', status: 302 },
    '403': { mode: 'status', status: 403 },
  };
  for (const [name, fault] of Object.entries(answers)) {
    withSite(`when it answers ${name}`, {}, async (site) => {
      const visitors = await expiredVisitors(site, 5);
      await refreshesFail(site.scalekit, fault);
      // An answer without tokens has used up the token of before: whoever comes later learns that the session is lost.
      const isLeftAlone = ({ answer }) => answer.status === 503 || (name.startsWith('JSON') && isLogin(answer));
      assert.ok((await inParallel(visitors[0], 30)).every(isLeftAlone));
      assert.ok(refreshes(site.scalekit) <= 3, `a herd makes ${refreshes(site.scalekit)} calls`);
      const results = await steadily(3000, 30, (i) => visitors[1 + (i % 4)].clone().get('/'));
      assert.ok(results.every(isLeftAlone));
      assert.ok(refreshes(site.scalekit) <= 5, `${refreshes(site.scalekit)} calls`);
    });
  }

  withSite('when its new tokens are none of ours', {}, async (site) => {
    const visitors = await expiredVisitors(site, 5);
    await site.scalekit.control({ mutate: { access: { apply: ['wrongAudience'] } } });
    assert.deepEqual(tally(await inParallel(visitors[0], 30)), { 503: 30 });
    assert.ok(refreshes(site.scalekit) <= 3, `a herd makes ${refreshes(site.scalekit)} calls`);
    const results = await steadily(3000, 30, (i) => visitors[1 + (i % 4)].clone().get('/'));
    assert.deepEqual(Object.keys(tally(results)), ['503']);
    assert.ok(refreshes(site.scalekit) <= 5, `${refreshes(site.scalekit)} calls`);
    await site.scalekit.control({ mutate: { access: null } });
    await assertGoesOn(site, visitors[0]);
  });

  withSite('for as long as it asks with Retry-After', {}, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    await refreshesFail(site.scalekit, { mode: 'status', status: 429, headers: { 'Retry-After': '7' } });
    const results = await steadily(6500, 50, () => visitor.clone().get('/'));
    assert.deepEqual(Object.keys(tally(results)), ['503']);
    assert.equal(refreshes(site.scalekit), 1);
    await refreshesFail(site.scalekit, null);
    await assertGoesOn(site, visitor);
  });

  withSite('by those who log in as well, who are told to come again', {}, async (site) => {
    const tokensFail = (fault) => site.scalekit.control({ fail: { token: fault } });
    await tokensFail({ mode: 'status', status: 429, headers: { 'Retry-After': '30' } });
    assert.equal((await site.visitor().get('/', { follow: true })).status, 502);
    await tokensFail(null);
    const from = site.mark();
    const answer = await site.visitor().get('/', { follow: true });
    assertFailure(site, from, answer, 503, /left alone for a moment/);
    assert.equal(answer.headers['retry-after'], '5');
  });

  withSite('when its errors are large as well', {}, async (site) => {
    await site.scalekit.control({ fail: { token: { mode: 'status', status: 503, body: 'x'.repeat(300_000) } } });
    const statuses = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await site.visitor().get('/', { follow: true })).status);
    assert.deepEqual(statuses, [502, 502, 502, 503, 503]);
  });

  withSite('not when the tokens of one user are too large', {}, async (site) => {
    const tokensFail = (fault) => site.scalekit.control({ fail: { token: fault } });
    const [visitor] = await expiredVisitors(site, 1);
    await tokensFail({ mode: 'status', status: 200, body: 'x'.repeat(300_000) });
    for (let i = 0; i < 4; i += 1) {
      assert.equal((await site.visitor().get('/', { follow: true })).status, 502);
      assert.equal((await visitor.get('/')).status, 503);
    }
    await tokensFail(null);
    assert.equal((await site.visitor().get('/', { follow: true })).status, 200);
  });

  withSite('after the time that ScalekitTimeout says', { site: { settings: { ScalekitTimeout: '1 2' } } }, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    await refreshesFail(site.scalekit, { mode: 'hang' });
    const { answer, time } = await timed(visitor.get('/'));
    assert.equal(answer.status, 503);
    assert.ok(time > 1500 && time < 3000, `${time} ms`);
  });
});

describe('a page that is open leads to one that is not, by', () => {
  const ways = {
    'RewriteRule in .htaccess': '/open/page',
    DirectoryIndex: '/indexed-open/',
    FallbackResource: '/fallback/no/such/page',
    'a CGI script': '/cgi-bin/local',
  };
  const closed = ['AuthType Scalekit', 'Require valid-user'];
  let site;
  before(async () => {
    site = await startSite({
      files: {
        ...siteFiles,
        'htdocs/open/.htaccess': 'RewriteEngine On\nRewriteRule ^page$ /inner/page.html [L]\n',
        'htdocs/inner/page.html': 'the inner page\n',
        'htdocs/indexed-open/main.html': 'the inner page\n',
        'cgi-bin/local': { text: '#!/bin/sh\nprintf \'Location: /inner/page.html\\r\\n\\r\\n\'\n', mode: 0o755 },
      },
      site: {
        locations: {
          '/': 'Require all granted',
          '/inner/': closed,
          '/indexed-open/': 'DirectoryIndex main.html',
          '/indexed-open/main.html': closed,
          '/fallback/': 'FallbackResource /inner/page.html',
        },
      },
    });
  });
  after(() => site?.stop());

  for (const [name, path] of Object.entries(ways)) {
    it(`${name}: a stranger logs in, and the session goes on`, async () => {
      await site.scalekit.control({ accessTokenLife: 2, forget: true });
      assert.ok(isLogin(await site.get(path)));
      const visitor = await signIn(site, { path });
      assert.match(visitor.arrival.text, /the inner page/);
      await site.scalekit.control({ accessTokenLife: 300 });
      await sleep(2100);
      assert.match((await visitor.get(path)).text, /the inner page/);
      assert.match((await visitor.get(path)).text, /the inner page/);
      assert.equal(refreshes(site.scalekit), 1);
    });
  }
});

describe('the administrator', { concurrency: 2 }, () => {
  withSite('finds the reference of each "come back soon"', { processes: 1 }, async (site) => {
    const visitors = await expiredVisitors(site, 20);
    await refreshesFail(site.scalekit, { mode: 'hang' });
    const from = site.mark();
    const results = await Promise.all(visitors.map((visitor) => timed(visitor.get('/'))));
    for (const { answer } of results) {
      const reference = /Reference for the administrator: ([0-9a-f]{8})</.exec(answer.text)?.[1];
      assert.equal(ourLines(site.log(from)).filter((line) => line.includes(reference)).length, 1);
    }
  });

  withSite('and the visitor learn why a session that has grown could not go on', {}, async (site) => {
    const [visitor] = await expiredVisitors(site, 1);
    await site.scalekit.control({ users: { 'ada@acme.test': { permissions: unlike(500) } } });
    const from = site.mark();
    const answer = await visitor.get('/');
    assertFailure(site, from, answer, 500, /takes a cookie of \d+ bytes.*ScalekitSessionStore/);
    assert.match(answer.text, /too many for a cookie/);
    assertPage(await visitor.get('/', { follow: true }), 500);
  });
});
