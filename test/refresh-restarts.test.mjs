// Graceful restarts (every logrotate makes one) under load, while tokens expire all the time. RESTARTS=100 makes it a long run.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { refreshes, reused, tally, timed } from './support/refreshing.mjs';
import { signIn, startSite } from './support/sites.mjs';

const RESTARTS = Number(process.env.RESTARTS || 10);
const SESSIONS = RESTARTS >= 100 ? 50 : 20;
const PAUSE_MS = 100; // of each visitor between two pages

describe(`${RESTARTS} graceful restarts`, () => {
  let site;
  before(async () => {
    site = await startSite({ processes: 3, threads: 25, scalekit: { accessTokenLife: 5, backChannelLogoutUris: [] } });
  });
  after(() => site?.stop());

  it(`lose none of ${SESSIONS} sessions and fail no request`, async (t) => {
    const visitors = [];
    while (visitors.length < SESSIONS) visitors.push(await signIn(site));
    const sids = site.scalekit.state().sessions.map(({ sid }) => sid);
    let goesOn = true;
    const results = [];
    const broken = [];
    const browse = async (visitor) => {
      while (goesOn) {
        try {
          const pair = await Promise.all([timed(visitor.get('/')), timed(visitor.get('/'))]);
          results.push(...pair);
        } catch (error) {
          broken.push(error.message);
        }
        await sleep(PAUSE_MS);
      }
    };
    const load = visitors.map(browse);
    for (let i = 0; i < RESTARTS; i += 1) {
      await sleep(700);
      await site.reload({ graceful: true });
    }
    await sleep(700);
    goesOn = false;
    await Promise.all(load);
    t.diagnostic(`${results.length} requests, ${refreshes(site.scalekit)} refreshes, answers ${JSON.stringify(tally(results))}, `
      + `cut off ${broken.length}`);
    assert.deepEqual(broken, []);
    assert.deepEqual(Object.keys(tally(results)), ['200']);
    assert.deepEqual(reused(site.scalekit), []);
    assert.deepEqual(site.scalekit.state().sessions.map(({ sid }) => sid), sids, 'no login');
    assert.ok(refreshes(site.scalekit) >= SESSIONS);
  });
});
