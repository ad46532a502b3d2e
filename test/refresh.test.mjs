// Refresh, exactly once: whatever number of requests comes, a refresh token is presented once, and a
// visitor does not notice. The large herds are in refresh-herd.test.mjs.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasModule } from './support/httpd.mjs';
import { expiredVisitors, inParallel, isLogin, quantile, refreshes, refreshesFail, reused, tally, timed } from './support/refreshing.mjs';
import { scalekitHost, signIn, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

for (const mpm of ['event', 'worker', 'prefork']) {
  describe(`a herd in ${mpm}`, { skip: !hasModule(`mpm_${mpm}`) && `no mod_mpm_${mpm}` }, () => {
    let site;
    before(async () => {
      site = await startSite({ mpm, processes: 2, threads: 25 });
    });
    after(() => site?.stop());

    it('on a token that is due but valid does not wait', async () => {
      await site.scalekit.control({ accessTokenLife: 6, fail: { token: null } });
      const visitor = await signIn(site);
      await refreshesFail(site.scalekit, { mode: 'slow', delay: 1500 });
      await sleep(3100);
      const earlier = refreshes(site.scalekit);
      const results = await inParallel(visitor, 50);
      assert.deepEqual(tally(results), { 200: 50 });
      assert.equal(refreshes(site.scalekit) - earlier, 1);
      assert.equal(results.filter(({ time }) => time > 1000).length, 1, 'all but the one that refreshes');
    });
  });
}

describe('a small server', () => {
  let site;
  before(async () => {
    site = await startSite({ processes: 2, threads: 4 });
  });
  after(() => site?.stop());

  it('stands a herd as well', async () => {
    for (const visitor of await expiredVisitors(site, 5)) {
      const earlier = refreshes(site.scalekit);
      assert.deepEqual(tally(await inParallel(visitor, 100)), { 200: 100 });
      assert.equal(refreshes(site.scalekit) - earlier, 1);
    }
  });
});

describe('many visitors', () => {
  let site;
  before(async () => {
    site = await startSite({ processes: 2, threads: 25 });
  });
  after(() => site?.stop());

  it('who come back at the same moment are all served', async (t) => {
    const visitors = await expiredVisitors(site, 30);
    await refreshesFail(site.scalekit, { mode: 'slow', delay: 100 });
    const results = await Promise.all(visitors.map((visitor) => timed(visitor.get('/'))));
    t.diagnostic(`slowest of 30: ${Math.round(quantile(results, 1))} ms`);
    assert.deepEqual(tally(results), { 200: 30 });
    assert.equal(refreshes(site.scalekit), 30);
    assert.deepEqual(reused(site.scalekit), []);
  });
});

describe('two virtual hosts', () => {
  let site;
  after(() => site?.stop());

  it('of one environment refresh a session once between them', async () => {
    const names = ['one', 'two'];
    site = await startSite({
      scalekit: { backChannelLogoutUris: [] },
      config: (server) => names.map((name) => scalekitHost(server, {
        serverName: `${name}.localhost`, settings: { ScalekitSessionScope: 'shared' },
      })).join('\n'),
      processes: 2,
      threads: 25,
    });
    const on = (name) => new Visitor(`http://${name}.localhost:${site.port}`);
    await site.scalekit.control({ redirectUris: [`${on('one').base}/auth/callback`], accessTokenLife: 2 });
    const { value } = (await signIn(site, { visitor: on('one') })).jar.get('session');
    await site.scalekit.control({ accessTokenLife: 300 });
    await sleep(2100);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => on(names[i % 2])
      .get('/', { headers: { Cookie: `session=${value}` } })));
    assert.deepEqual(tally(answers.map((answer) => ({ answer }))), { 200: 100 });
    assert.equal(refreshes(site.scalekit), 1);
    assert.ok(!answers.some(isLogin));
  });
});
