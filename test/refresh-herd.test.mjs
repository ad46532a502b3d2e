// 200 requests at once with an expired token, in every MPM and with every way to keep sessions.
//
// HERD=all goes through all MPMs with all providers, ten times each, and HERD_ROUNDS says another number: scripts/deep-test.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { cookiesOf } from './support/answers.mjs';
import { hasModule } from './support/httpd.mjs';
import { providers, startProvided } from './support/providers.mjs';
import { expiredVisitors, inParallel, quantile, refreshes, refreshesFail, reused, tally, timed } from './support/refreshing.mjs';

const HERD = 200;
const WORKERS = 50;
const TOKEN_MS = 150;
const ALL = process.env.HERD === 'all';
const ROUNDS = Number(process.env.HERD_ROUNDS || 10);

// What is promised is one token round trip and 100 ms. The machine that tests is also the 200 browsers and Scalekit, and may
// be busy with other things: it only fails if a herd takes longer than this and three times what it takes without a refresh.
const HARD_LIMIT_MS = 2000;

const cases = Object.entries(providers).flatMap(([name, provider], i) => ['event', 'worker', 'prefork']
  .filter((mpm) => ALL || mpm === 'event' || i === 0).map((mpm) => ({ name, provider, mpm })));

for (const { name, provider, mpm } of cases) {
  const skip = provider.skip || (!hasModule(`mpm_${mpm}`) && `no mod_mpm_${mpm}`);
  describe(`${name} in ${mpm}`, { skip }, () => {
    let site;
    before(async () => {
      site = await startProvided(provider, { mpm, processes: 2, threads: WORKERS / 2 });
    });
    after(() => site?.stop());

    it(`${HERD} requests make one refresh, ${ROUNDS} times in a row`, async (t) => {
      const [alone, ...visitors] = await expiredVisitors(site, ROUNDS + 1);
      const begun = refreshes(site.scalekit); // a login at the end of a second is due with the next request
      await refreshesFail(site.scalekit, { mode: 'slow', delay: TOKEN_MS });
      const roundTrip = (await timed(alone.get('/'))).time;
      const withoutRefresh = quantile(await inParallel(alone, HERD), 1);
      const slowest = [];
      for (const visitor of visitors) {
        const earlier = refreshes(site.scalekit);
        const results = await inParallel(visitor, HERD);
        assert.deepEqual(tally(results), { 200: HERD });
        const written = results.filter(({ answer }) => cookiesOf(answer).session);
        if (!provider.settings?.SessionMaxAge) assert.ok(written.length <= 1, `${written.length} answers brought a session`);
        assert.equal(refreshes(site.scalekit) - earlier, 1);
        slowest.push(quantile(results, 1));
      }
      const ms = (times) => times.map(Math.round).join(' ');
      const beyond = slowest.map((time) => time - roundTrip - withoutRefresh);
      t.diagnostic(`${name}, ${mpm}: slowest ${ms(slowest)} ms; one refresh alone ${ms([roundTrip])}, ${HERD} without `
        + `refresh ${ms([withoutRefresh])}; beyond both ${ms(beyond)}`);
      assert.deepEqual(reused(site.scalekit), []);
      assert.ok(Math.max(...slowest) < HARD_LIMIT_MS + 3 * withoutRefresh, `the slowest took ${ms(slowest)} ms`);

      const left = await Promise.all(visitors.map(async (visitor) => ({ answer: await visitor.get('/') })));
      assert.deepEqual(tally(left), { 200: ROUNDS }, 'also late, with the cookies of before');
      assert.equal(refreshes(site.scalekit) - begun, ROUNDS + 1);
    });
  });
}

describe('a herd of logins', () => {
  let site;
  before(async () => {
    site = await startProvided(Object.values(providers)[0], { processes: 1, threads: 8 });
  });
  after(() => site?.stop());

  it('waits its turn while Scalekit is well', async () => {
    const comers = await Promise.all(Array.from({ length: 40 }, async () => {
      const visitor = site.visitor();
      const { location } = await visitor.get('/');
      return { visitor, callback: (await visitor.get(location)).location };
    }));
    const answers = await Promise.all(comers.map(({ visitor, callback }) => visitor.get(callback)));
    assert.deepEqual(answers.map(({ status }) => status), answers.map(() => 302));
  });
});
