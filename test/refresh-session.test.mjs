// What a refresh does to a session: its rights, its names, its cookie, and who may refresh it.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cookiesOf } from './support/answers.mjs';
import { startBackend } from './support/backend.mjs';
import { unlike } from './support/permissions.mjs';
import { expiredVisitors, inParallel, refreshes, refreshesFail, reused, tally } from './support/refreshing.mjs';
import { parseEnvironment, signIn, siteFiles, startSite } from './support/sites.mjs';

describe('a refresh', () => {
  let site;
  let backend;
  before(async () => {
    backend = await startBackend();
    site = await startSite({
      files: {
        ...siteFiles,
        'htdocs/public/ssi.shtml': 'before <!--#include virtual="/cgi-bin/env" --> after',
      },
      site: {
        backend,
        locations: {
          '/secret.html': ['Require scalekit-permission organization:settings'],
          '/proxied/': ['ScalekitPassAccessToken On'],
          '/ws/': ['AuthType Scalekit', 'Require valid-user'],
          '/public/missing': ['AuthType None', 'Require all granted', 'ErrorDocument 404 /cgi-bin/env'],
        },
        settings: { ScalekitSessionIdleTimeout: 20 },
      },
    });
  });
  after(async () => {
    await site?.stop();
    await backend?.stop();
  });
  beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

  const change = (rights) => site.scalekit.control({ users: { 'ada@acme.test': rights } });
  const environmentOf = async (visitor) => parseEnvironment((await visitor.get('/cgi-bin/env')).text);

  it('brings new rights into force with the very request, and takes away old ones', async () => {
    await change({ roles: ['member'], permissions: [] });
    const [gains, denied, loses] = await expiredVisitors(site, 3);
    await change({ roles: ['admin', 'auditor'], permissions: ['organization:settings'] });
    assert.equal((await gains.get('/secret.html')).status, 200);
    const { SCALEKIT_ROLES, SCALEKIT_PERMISSIONS } = await environmentOf(loses);
    assert.deepEqual([SCALEKIT_ROLES, SCALEKIT_PERMISSIONS], ['admin,auditor', 'organization:settings']);
    await change({ roles: [], permissions: [] });
    assert.equal((await denied.get('/secret.html')).status, 403);
    assert.equal((await environmentOf(denied)).SCALEKIT_ROLES || '', '');
  });

  for (const [name, count] of [['', 0], [', and the one of the login had no room', 110]]) {
    it(`keeps e-mail and name when no ID token comes${name}`, async () => {
      await site.scalekit.control({ refreshIdToken: false, users: { 'ada@acme.test': { permissions: unlike(count) } } });
      const [visitor] = await expiredVisitors(site, 1, { path: '/cgi-bin/env' });
      const login = parseEnvironment(visitor.arrival.text);
      assert.equal(login.SCALEKIT_EMAIL, 'ada@acme.test');
      const earlier = refreshes(site.scalekit);
      const { SCALEKIT_EMAIL, SCALEKIT_NAME, REMOTE_USER } = await environmentOf(visitor);
      assert.equal(refreshes(site.scalekit) - earlier, 1);
      assert.deepEqual([SCALEKIT_EMAIL, SCALEKIT_NAME, REMOTE_USER], [login.SCALEKIT_EMAIL, login.SCALEKIT_NAME, login.REMOTE_USER]);
    });
  }

  it('keeps what the ID token alone said when no other comes, and what only the access token said goes', async () => {
    const only = { email: 'ada@acme.test', sid: 'ses_1', xoid: 'x1', locale: 'de' };
    await site.scalekit.control({
      refreshIdToken: false, users: { 'ada@acme.test': { permissions: unlike(3) } },
      mutate: { id: { claims: only }, access: { omit: ['sid', 'xoid'], claims: { plan: 'gold' } } },
    });
    const [visitor] = await expiredVisitors(site, 1, { path: '/cgi-bin/env' });
    assert.equal(parseEnvironment(visitor.arrival.text).SCALEKIT_CLAIM_plan, 'gold');
    await site.scalekit.control({ mutate: { access: { omit: ['sid', 'xoid'] } } });
    const now = await environmentOf(visitor);
    assert.deepEqual([now.SCALEKIT_SID, now.SCALEKIT_XOID, now.SCALEKIT_CLAIM_locale, now.SCALEKIT_CLAIM_plan], ['ses_1', 'x1', 'de', undefined]);
  });

  it('hands the application the new access token', async () => {
    await site.scalekit.control({ accessTokenLife: 2 });
    const visitor = await signIn(site, { path: '/proxied/' });
    const { authorization: first } = backend.last.headers;
    assert.match(first, /^Bearer ey/);
    await sleep(2100);
    await visitor.get('/proxied/');
    const { authorization: second } = backend.last.headers;
    assert.match(second, /^Bearer ey/);
    assert.notEqual(second, first);
    const { exp } = JSON.parse(Buffer.from(second.split('.')[1], 'base64url'));
    assert.ok(exp * 1000 > Date.now());
  });

  it('whose answer was lost, many times over, leaves the old cookie good', async () => {
    await site.scalekit.control({ accessTokenLife: 2 });
    const oldest = await signIn(site);
    const newest = oldest.clone();
    const between = [];
    for (let round = 1; round <= 4; round += 1) {
      between.push(newest.clone());
      await sleep(1100);
      if (round === 4) await site.scalekit.control({ accessTokenLife: 300 });
      const lost = newest.clone();
      assert.equal((await lost.get('/')).status, 200);
      assert.equal((await newest.get('/')).status, 200);
      assert.equal(refreshes(site.scalekit), round);
    }
    await change({ roles: ['late'] });
    for (const visitor of [oldest, ...between]) {
      assert.equal((await visitor.get('/')).status, 200);
      assert.notEqual(visitor.jar.get('session').value, '');
    }
    assert.equal(refreshes(site.scalekit), 4, 'nothing had to be refreshed for them');
    assert.deepEqual(reused(site.scalekit), []);
  });

  it('is not undone by a slow answer that was under way', async () => {
    backend.answer('/slow', { delay: 2500 });
    await site.scalekit.control({ accessTokenLife: 12 });
    const visitor = await signIn(site);
    await sleep(3900); // the idle time is to be touched, the token is not due
    const slow = visitor.clone();
    const underWay = slow.get('/proxied/slow');
    await sleep(2200);
    await site.scalekit.control({ accessTokenLife: 300 });
    const quick = visitor.clone();
    const refreshed = cookiesOf(await quick.get('/')).session;
    assert.ok(refreshed, 'refreshed meanwhile');
    assert.equal(refreshes(site.scalekit), 1);
    const answer = await underWay;
    assert.equal(answer.status, 200);

    // A server that starts anew remembers nothing: what the browser has must stand alone.
    await site.restart();
    const browser = quick.clone();
    for (const line of answer.all('set-cookie')) browser.jar.set(site.url, line);
    await sleep(300);
    assert.equal((await browser.get('/')).status, 200);
    assert.deepEqual(reused(site.scalekit), []);
  });

  describe('is not made', () => {
    let due;
    let expired;
    beforeEach(async () => {
      await site.scalekit.control({ accessTokenLife: 8 });
      due = await signIn(site);
      await sleep(2000);
      [expired] = await expiredVisitors(site, 1);
      await sleep(100);
      await site.scalekit.control({ forget: true });
    });

    it('by an upgrade, a subrequest, an error page or our own endpoints', async () => {
      const socket = await due.websocket('/ws/');
      assert.equal(socket.status, 101);
      socket.close();
      assert.match((await due.get('/public/ssi.shtml')).text, /ada@acme\.test/, 'an include, with a session that is due');
      assert.doesNotMatch((await expired.get('/public/ssi.shtml')).text, /ada@acme\.test/, 'with one that has expired');
      assert.equal((await expired.get('/public/missing/')).status, 404);
      assert.equal((await due.get('/public/missing/')).status, 404);
      assert.equal((await expired.websocket('/ws/')).status, 401);
      for (const visitor of [due, expired]) {
        for (const path of ['/login', '/auth/callback?code=x&state=y']) await visitor.clone().get(path);
      }
      assert.equal(refreshes(site.scalekit), 0);
      assert.equal((await due.get('/')).status, 200);
      assert.equal((await expired.get('/')).status, 200);
      assert.equal(refreshes(site.scalekit), 2, 'but by the next page');
    });

    it('by a logout', async () => {
      for (const visitor of [due, expired]) assert.equal((await visitor.get('/logout')).status, 302);
      assert.equal(refreshes(site.scalekit), 0);
    });

    it('by an upgrade with an old cookie, which goes on with the newer tokens that others have', async () => {
      const stale = expired.clone();
      assert.equal((await expired.get('/')).status, 200);
      const socket = await stale.websocket('/ws/');
      assert.equal(socket.status, 101);
      assert.equal(await socket.echo('hello'), 'hello');
      socket.close();
      assert.equal(refreshes(site.scalekit), 1);
    });
  });
});

// mod_session then writes every answer, also that of a request which leaves it to another to write what is new.
it('with SessionMaxAge every answer of a herd brings the refreshed session', async () => {
  const site = await startSite({ site: { settings: { SessionMaxAge: 600 } } });
  try {
    const [visitor] = await expiredVisitors(site, 1);
    await refreshesFail(site.scalekit, { mode: 'slow', delay: 150 });
    const begun = refreshes(site.scalekit);
    const results = await inParallel(visitor, 20);
    assert.deepEqual(tally(results), { 200: 20 });
    assert.equal(refreshes(site.scalekit) - begun, 1);

    // A server that starts anew remembers nothing, and confirms each session: what was refreshed must not be used again.
    await site.restart();
    const answers = await Promise.all(results.map(async ({ copy }) => ({ answer: await copy.get('/') })));
    assert.deepEqual(tally(answers), { 200: 20 });
    assert.deepEqual(reused(site.scalekit), []);
  } finally {
    await site.stop();
  }
});
