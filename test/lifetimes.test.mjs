// How long sessions last where several clocks run: mod_session's and ours, and with keys that change under load.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cookiesOf } from './support/answers.mjs';
import { freePorts } from './support/httpd.mjs';
import { expiredVisitors, isLogin, refreshesFail, reused, steadily, tally } from './support/refreshing.mjs';
import { scalekitHost, signIn, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const hosts = {
  sliding: { SessionMaxAge: 3 },
  interval: { SessionMaxAge: 4, SessionExpiryUpdateInterval: 2 },
  longer: { SessionMaxAge: 3600, ScalekitSessionMaxAge: 3 },
  idle: { SessionMaxAge: 3600, SessionExpiryUpdateInterval: 60, ScalekitSessionIdleTimeout: 3 },
};

describe('mod_session\'s own end', { concurrency: true }, () => {
  let site;
  let port;
  const visitorOf = (name) => new Visitor(`http://${name}.localhost:${port}`);
  before(async () => {
    [port] = await freePorts(1);
    site = await startSite({
      ports: [port],
      processes: 2,
      threads: 16,
      scalekit: { redirectUris: Object.keys(hosts).map((name) => `${visitorOf(name).base}/auth/callback`), backChannelLogoutUris: [] },
      config: (server) => Object.entries(hosts).map(([name, settings]) => scalekitHost(server, {
        serverName: `${name}.localhost`, settings,
      })).join('\n'),
    });
  });
  after(() => site?.stop());

  /** Uses the session each second for so many seconds, then not at all. */
  async function use(name, seconds) {
    const visitor = await signIn(site, { visitor: visitorOf(name) });
    const cookies = [];
    for (let second = 1; second <= seconds; second += 1) {
      await sleep(1000);
      const answer = await visitor.get('/');
      assert.equal(answer.status, 200, `${name}, after ${second} s`);
      cookies.push(Boolean(cookiesOf(answer).session));
    }
    return { visitor, cookies };
  }

  it('moves on with each use', async () => {
    const { visitor } = await use('sliding', 5);
    await sleep(3300);
    assert.ok(isLogin(await visitor.get('/')));
    assert.equal((await visitor.get('/', { follow: true })).status, 200);
  });

  it('moves on no more often than SessionExpiryUpdateInterval says', async () => {
    const { visitor, cookies } = await use('interval', 6);
    assert.ok(cookies.filter(Boolean).length <= 3, String(cookies));
    await sleep(4300);
    assert.ok(isLogin(await visitor.get('/')));
  });

  it('does not prolong ours', async () => {
    const { visitor } = await use('longer', 2);
    await sleep(1100);
    assert.ok(isLogin(await visitor.get('/')));
  });

  it('does not keep ours from moving on', async () => {
    const { visitor } = await use('idle', 5);
    await sleep(3100);
    assert.ok(isLogin(await visitor.get('/')));
  });
});

describe('another ScalekitSessionKey', () => {
  const OLD = 'b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=';
  const NEW = 'bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=';
  const config = (keys) => (server) => scalekitHost(server, { settings: { ScalekitSessionKey: keys } });
  let site;
  before(async () => {
    site = await startSite({ processes: 2, threads: 25, config: config(OLD) });
  });
  after(() => site?.stop());

  for (const [name, keys] of [['comes into force', `${NEW} ${OLD}`], ['is the only one left', NEW]]) {
    it(`logs nobody out who is refreshed while it ${name}`, async (t) => {
      await refreshesFail(site.scalekit, null);
      const visitors = await expiredVisitors(site, 30);
      await refreshesFail(site.scalekit, { mode: 'slow', delay: 300 });
      const load = steadily(2500, 15, (i) => visitors[i % visitors.length].get('/'));
      await sleep(150);
      await site.reload({ config: config(keys) });
      const results = await load;
      t.diagnostic(JSON.stringify(tally(results)));
      assert.ok(!results.some(({ answer }) => isLogin(answer)), JSON.stringify(tally(results)));
      for (const visitor of visitors) assert.equal((await visitor.get('/')).status, 200);
      assert.deepEqual(reused(site.scalekit), []);
    });
  }
});
