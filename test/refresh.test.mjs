// Refresh, exactly once: whatever the browser, the network, httpd or Scalekit does, a refresh token
// is presented once, and a visitor does not notice.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { hasModule } from './support/httpd.mjs';
import { signIn, startSite } from './support/sites.mjs';

const refreshes = (site) => site.scalekit.state().counters.endpoints['token refresh_token'] ?? 0;

/** Every request with the visitor's cookies of now, so that all of them bring the same session. */
async function inParallel(site, visitor, count, path = '/cgi-bin/env') {
  const copies = Array.from({ length: count }, () => visitor.clone());
  const began = Date.now();
  const answers = await Promise.all(
    copies.map(async (copy) => {
      const answer = await copy.get(path);
      return { answer, copy, time: Date.now() - began };
    }),
  );
  return answers;
}

for (const mpm of ['event', 'worker', 'prefork'].filter((name) => hasModule(`mpm_${name}`))) {
  describe(`a herd on an expired token in ${mpm}`, () => {
    let site;
    before(async () => {
      site = await startSite({ mpm, threads: mpm === 'prefork' ? undefined : 25, processes: mpm === 'prefork' ? 25 : 2,
                               scalekit: { accessTokenLife: 4 } });
    });
    after(() => site.stop());

    test('is answered after one refresh, each time', async () => {
      const visitor = await signIn(site, { path: '/cgi-bin/env' });
      for (let round = 1; round <= 2; round++) {
        await sleep(4100);
        const earlier = refreshes(site);
        const answers = await inParallel(site, visitor, 100, '/');
        assert.deepEqual([...new Set(answers.map(({ answer }) => answer.status))], [200], `round ${round}`);
        assert.equal(refreshes(site) - earlier, 1, `calls in round ${round}`);
      }
      assert.deepEqual(site.scalekit.state().reusedRefreshTokens, []);
    });
  });
}
