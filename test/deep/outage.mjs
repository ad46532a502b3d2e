// Scalekit is away for a minute, in each of its ways, and comes back: what it costs sessions, and everybody else.
//
// OUTAGE_SECONDS says for how long instead of 60.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/httpd.mjs';
import { refreshes, refreshesFail, reused, steadily, tally } from '../support/refreshing.mjs';
import { signIn, startSite } from '../support/sites.mjs';

const SECONDS = Number(process.env.OUTAGE_SECONDS || 60);
const UNDISTURBED_SECONDS = Math.min(SECONDS, 15);
const SESSIONS = 20;

const ways = {
  down: { mode: 'disconnect' },
  hanging: { mode: 'hang' },
  'answering 500': { mode: 'status', status: 500 },
  'answering 429': { mode: 'status', status: 429, headers: { 'Retry-After': '2' } },
  'answering garbage': { mode: 'html' },
};

/** As many requests as four visitors make who need no refresh, half of them without a session: per second. */
async function throughput(site, living, seconds) {
  const end = Date.now() + seconds * 1000;
  let count = 0;
  const browse = async (i) => {
    while (Date.now() < end) {
      const answer = await (i % 2 ? living.clone().get('/') : site.get('/public/'));
      assert.equal(answer.status, 200);
      count += 1;
    }
  };
  await Promise.all([0, 1, 2, 3].map(browse));
  return count / seconds;
}

for (const [name, fault] of Object.entries(ways)) {
  describe(`Scalekit, ${name} for ${SECONDS} s`, () => {
    it('ends no session, and nobody else notices', async (t) => {
      const site = await startSite({ processes: 2, threads: 25, scalekit: { backChannelLogoutUris: [] } });
      try {
        await site.scalekit.control({ accessTokenLife: 3600 });
        const living = await signIn(site);
        await site.scalekit.control({ accessTokenLife: 5 });
        const visitors = [];
        while (visitors.length < SESSIONS) visitors.push(await signIn(site));
        const sids = site.scalekit.state().sessions.map(({ sid }) => sid);
        const all = (seconds) => steadily(seconds * 1000, 50, (i) => visitors[i % SESSIONS].get('/'));

        const calm = all(UNDISTURBED_SECONDS);
        const usual = await throughput(site, living, UNDISTURBED_SECONDS);
        assert.deepEqual(Object.keys(tally(await calm)), ['200']);

        await refreshesFail(site.scalekit, fault);
        const earlier = refreshes(site.scalekit);
        const stormy = all(SECONDS);
        const meanwhile = await throughput(site, living, SECONDS);
        const results = tally(await stormy);
        const calls = refreshes(site.scalekit) - earlier;
        assert.deepEqual(Object.keys(results).filter((status) => !['200', '503'].includes(status)), [], JSON.stringify(results));

        await refreshesFail(site.scalekit, null);
        await sleep(100);
        const began = Date.now();
        for (const visitor of visitors) assert.ok(await until(async () => (await visitor.get('/')).status === 200, 65_000));
        const [twice] = [reused(site.scalekit)];
        t.diagnostic(`${name}: ${Math.round(meanwhile)} requests/s of others, undisturbed ${Math.round(usual)}; `
          + `${SESSIONS} sessions got ${JSON.stringify(results)} with ${calls} calls; all back ${Date.now() - began} ms after it`);
        assert.deepEqual(twice, []);
        assert.deepEqual(site.scalekit.state().sessions.map(({ sid }) => sid), sids, 'no login');
        assert.ok(meanwhile > usual / 2, `${meanwhile} of ${usual} requests/s`);
      } finally {
        await site.stop();
      }
    });
  });
}
