// How long sessions last where several clocks run: mod_session's and ours, and with keys that change under load.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cookiesOf, linksOf } from './support/answers.mjs';
import { canFakeTime, freePorts } from './support/httpd.mjs';
import { expiredVisitors, isLogin, refreshes, refreshesFail, reused, steadily, tally } from './support/refreshing.mjs';
import { scalekitHost, signIn, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const hosts = {
  sliding: { SessionMaxAge: 3 },
  interval: { SessionMaxAge: 4, SessionExpiryUpdateInterval: 2 },
  longer: { SessionMaxAge: 3600, ScalekitSessionMaxAge: 4 },
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
    await sleep(2100);
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

describe('by a clock that has moved on', { skip: !canFakeTime && 'needs libfaketime, and no sanitizer' }, () => {
  let site;
  before(async () => {
    site = await startSite({ scalekit: { backChannelLogoutUris: [] }, site: { settings: { ScalekitSessionIdleTimeout: 0 } } });
  });
  after(() => site?.stop());

  it('a login that took more than ten minutes begins anew, and a session ends after its twelve hours', async () => {
    const visitor = await signIn(site);
    const late = site.visitor();
    const authorize = await late.get('/');
    const back = await late.get(authorize.location);
    await site.restart('+9m');
    assert.equal((await late.clone().get(back.location)).status, 502, 'in time, but the tokens are older than that by our clock');
    await site.restart('+11m');
    const answer = await late.clone().get(back.location);
    assert.equal(answer.status, 400);
    assert.match(answer.text, /took too long/);
    assert.ok(isLogin(await late.get(linksOf(answer)[0])), 'and there is a way on');

    await refreshesFail(site.scalekit, { mode: 'status', status: 500 });
    await site.restart('+719m');
    assert.equal((await visitor.clone().get('/')).status, 503, 'a session, though its tokens are old');
    await site.restart('+721m');
    assert.ok(isLogin(await visitor.get('/')));
  });
});

describe('a clock that is ahead of Scalekit\'s by more than a token lives', () => {
  let site;
  before(async () => {
    site = await startSite({ scalekit: { backChannelLogoutUris: [], clockSkew: -40, accessTokenLife: 30 } });
  });
  after(() => site?.stop());

  it('does not keep anybody out, and the log says what to do', async () => {
    const mark = site.mark();
    const visitor = await signIn(site);
    assert.equal(visitor.arrival.status, 200);
    for (let i = 0; i < 3; i += 1) assert.equal((await visitor.get('/')).status, 200);
    assert.equal(refreshes(site.scalekit), 0);
    const lines = site.log(mark).split('\n').filter((line) => line.includes('clock (NTP)'));
    assert.equal(lines.length, 1, lines.join('\n'));
  });
});
