// Refresh, when Scalekit does not play along: it fails, hangs, is cut off, ends sessions or sends what is no good.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertPage, ourLines } from './support/answers.mjs';
import { until } from './support/httpd.mjs';
import { expiredVisitors, isLogin, quantile, refreshes, refreshesFail, reused, steadily, tally, timed } from './support/refreshing.mjs';
import { parseEnvironment, signIn, startHosts, startSite } from './support/sites.mjs';

const ADA = 'usr_17500000000000001';
const MANY_WORKERS = { processes: 2, threads: 60 }; // a tenth of them may call Scalekit at once

/** A "come back soon" for people and for scripts, of a session that is kept. */
async function assertLater(visitor) {
  const [page, problem] = await Promise.all([visitor.get('/'), visitor.script('/')]);
  assertPage(page, 503);
  assert.match(page.headers['retry-after'], /^\d+$/);
  assert.equal(problem.status, 503);
  assert.match(problem.headers['content-type'], /^application\/problem\+json/);
  assert.match(problem.headers['retry-after'], /^\d+$/);
  assert.equal(problem.json().status, 503);
}

describe('while Scalekit fails', { concurrency: true }, () => {
  const failures = {
    500: { mode: 'status', status: 500 },
    429: { mode: 'status', status: 429, headers: { 'Retry-After': '1' } },
    disconnect: { mode: 'disconnect' },
    html: { mode: 'html' },
    hang: { mode: 'hang', accessTokenLife: 16 }, // whoever asks finds out after 5 s
  };
  let server;
  let hosts;
  before(async () => {
    ({ server, hosts } = await startHosts(Object.keys(failures), MANY_WORKERS));
  });
  after(() => server?.stop());

  for (const [name, fault] of Object.entries(failures)) {
    it(`pages go on with a valid token, then say "later", and the session survives it (${name})`, async () => {
      const { scalekit, visitor: browser } = hosts[name];
      const { accessTokenLife = 6, ...how } = fault;
      await scalekit.control({ accessTokenLife });
      const visitor = await signIn({ scalekit, visitor: browser });
      const [{ sid }] = scalekit.state().sessions;
      const { value } = visitor.jar.get('session');
      await refreshesFail(scalekit, how);
      await sleep(accessTokenLife * 500 + 100);
      assert.deepEqual(tally(await Promise.all(Array.from({ length: 10 }, () => timed(visitor.get('/'))))), { 200: 10 });
      assert.ok(refreshes(scalekit) > 0);
      await sleep(accessTokenLife * 500 - (name === 'hang' ? 5000 : 0));
      await assertLater(visitor);
      assert.equal(visitor.jar.get('session').value, value, 'the cookie stays');
      await refreshesFail(scalekit, null);
      assert.ok(await until(async () => (await visitor.get('/')).status === 200, 15_000), 'goes on');
      assert.deepEqual(scalekit.state().sessions.map((session) => session.sid), [sid], 'no login');
      assert.deepEqual(reused(scalekit), []);
    });
  }
});

describe('an answer that was lost after Scalekit had done its part', { concurrency: true }, () => {
  const losses = {
    disconnect: { mode: 'disconnect', after: true },
    truncated: { mode: 'truncated' },
    500: { mode: 'status', status: 500, after: true },
    html: { mode: 'html', after: true },
  };
  let server;
  let hosts;
  before(async () => {
    ({ server, hosts } = await startHosts(Object.keys(losses), MANY_WORKERS));
  });
  after(() => server?.stop());

  for (const [name, fault] of Object.entries(losses)) {
    it(`leads to one login, and to no loop (${name})`, async () => {
      const { scalekit, visitor: browser } = hosts[name];
      const [visitor] = await expiredVisitors({ scalekit, visitor: browser }, 1);
      const begun = refreshes(scalekit);
      await refreshesFail(scalekit, { ...fault, times: 1 });
      assert.equal((await visitor.get('/')).status, 503);
      const script = await visitor.clone().script('/');
      assert.equal(script.status, 401);
      assert.match(script.json().login_url, /\/login/);
      assert.ok(isLogin(await visitor.clone().get('/')));
      assert.equal((await visitor.get('/', { follow: true })).status, 200);
      assert.equal((await visitor.get('/')).status, 200);
      assert.equal(refreshes(scalekit) - begun, 2);
    });
  }
});

describe('refreshed tokens that are no good', { concurrency: true }, () => {
  const spoilt = {
    otherSub: { access: { apply: ['otherSub'] } },
    badSignature: { access: { apply: ['badSignature'] } },
    otherKey: { access: { apply: ['otherKey'] } },
    wrongIssuer: { access: { apply: ['wrongIssuer'] } },
    expired: { access: { apply: ['expired'] } },
    otherIdSub: { id: { apply: ['otherSub'] } },
    badIdSignature: { id: { apply: ['badSignature'] } },
    both: { access: { apply: ['otherSub'] }, id: { apply: ['otherSub'] } },
  };
  let server;
  let hosts;
  before(async () => {
    ({ server, hosts } = await startHosts(Object.keys(spoilt).map((name) => name.toLowerCase()), MANY_WORKERS));
  });
  after(() => server?.stop());

  for (const [name, mutate] of Object.entries(spoilt)) {
    it(`are refused (${name})`, async () => {
      const { scalekit, visitor: browser } = hosts[name.toLowerCase()];
      const [visitor] = await expiredVisitors({ scalekit, visitor: browser }, 1);
      await scalekit.control({ mutate });
      const answer = await visitor.get('/cgi-bin/env');
      assert.equal(answer.status, 503, answer.text);
      await scalekit.control({ mutate: { access: null, id: null } });
      const last = await visitor.get('/cgi-bin/env', { follow: true });
      assert.equal(last.status, 200, [...last.hops, last].map((hop) => `${hop.status} ${hop.url}`).join('\n') + last.text);
      assert.equal(parseEnvironment(last.text).SCALEKIT_SUB, ADA);
    });
  }
});

describe('a session that Scalekit has ended', () => {
  let site;
  before(async () => {
    site = await startSite({ scalekit: { backChannelLogoutUris: [] } });
  });
  after(() => site?.stop());

  it('is over: people log in, scripts get 401, other sessions go on', async () => {
    const [ended, other] = await expiredVisitors(site, 2);
    const [{ sid }] = site.scalekit.state().sessions;
    await site.scalekit.control({ endSession: sid });
    const copy = ended.clone();
    const script = await copy.script('/');
    assert.equal(script.status, 401);
    assert.match(script.headers['www-authenticate'], /^Scalekit/);
    assert.equal((await copy.script('/')).status, 401, 'also the next time, with the same cookie');
    assert.ok(isLogin(await ended.clone().get('/')));
    assert.equal(refreshes(site.scalekit), 1, 'Scalekit is not asked again');
    assert.equal((await other.get('/')).status, 200);
    assert.equal((await ended.get('/', { follow: true })).status, 200);
    assert.match(ourLines(site.log()).join('\n'), /is over: Scalekit refuses its refresh token/);
  });
});

describe('an outage', () => {
  let site;
  before(async () => {
    site = await startSite({
      processes: 2,
      threads: 25,
      site: { locations: { '/server-status': ['SetHandler server-status', 'AuthType None', 'Require all granted'] } },
    });
  });
  after(() => site?.stop());

  it('of 5 s costs Scalekit a handful of calls', async (t) => {
    const visitors = await expiredVisitors(site, 10);
    await refreshesFail(site.scalekit, { mode: 'status', status: 500 });
    const earlier = refreshes(site.scalekit);
    const results = await steadily(5000, 20, (i) => visitors[i % visitors.length].clone().get('/'));
    t.diagnostic(`${results.length} requests, ${refreshes(site.scalekit) - earlier} calls`);
    assert.deepEqual(Object.keys(tally(results)), ['503']);
    assert.ok(refreshes(site.scalekit) - earlier <= 8, `${refreshes(site.scalekit) - earlier} calls`);
    await refreshesFail(site.scalekit, null);
    for (const visitor of visitors) {
      assert.ok(await until(async () => (await visitor.get('/')).status === 200, 15_000));
    }
    assert.deepEqual(reused(site.scalekit), []);
  });

  it('in which Scalekit hangs leaves other pages as fast, and the server its workers', async (t) => {
    const visitors = await expiredVisitors(site, 10);
    const live = await signIn(site);
    const others = (i) => (i % 2 ? live.get('/') : site.get('/public/'));
    const usual = await steadily(2000, 20, others);
    await refreshesFail(site.scalekit, { mode: 'hang' });
    const stuck = steadily(4000, 20, (i) => visitors[i % visitors.length].clone().get('/'));
    await sleep(1000);
    const busy = [];
    const watch = steadily(2500, 250, async () => {
      const { text } = await site.get('/server-status?auto');
      busy.push(Number(/^BusyWorkers: (\d+)/m.exec(text)[1]));
    });
    const meanwhile = await steadily(2500, 20, others);
    await watch;
    const stuckResults = await stuck;
    const show = (results) => `median ${quantile(results, 0.5).toFixed(1)} ms, 95 %: ${quantile(results, 0.95).toFixed(1)} ms`;
    t.diagnostic(`usually ${show(usual)}; while it hangs ${show(meanwhile)}; busy workers of 50: ${Math.max(...busy)}; `
      + `answers for the stuck ones: ${JSON.stringify(tally(stuckResults))}, slowest ${Math.round(quantile(stuckResults, 1))} ms`);
    assert.deepEqual(Object.keys(tally(usual)), ['200']);
    assert.deepEqual(Object.keys(tally(meanwhile)), ['200']);
    assert.ok(quantile(meanwhile, 0.95) < 3 * quantile(usual, 0.95) + 50, show(meanwhile));
    // A tenth wait; a few more are answering the other pages of this test.
    assert.ok(Math.max(...busy) <= 5 + 5, `${busy} workers`);
    assert.deepEqual(Object.keys(tally(stuckResults)), ['503']);
    assert.ok(quantile(stuckResults, 1) < 6500);
    await refreshesFail(site.scalekit, null);
    assert.ok(await until(async () => (await visitors[0].get('/')).status === 200, 15_000));
  });
});

describe('an outage of one environment', () => {
  let server;
  let hosts;
  before(async () => {
    ({ server, hosts } = await startHosts(['broken', 'whole']));
  });
  after(() => server?.stop());

  it('does not stop another one', async () => {
    const [[broken], [whole]] = await Promise.all(Object.values(hosts)
      .map(({ scalekit, visitor }) => expiredVisitors({ scalekit, visitor }, 1)));
    await refreshesFail(hosts.broken.scalekit, { mode: 'status', status: 500 });
    for (let i = 0; i < 6; i += 1) assert.equal((await broken.get('/')).status, 503);
    assert.equal(refreshes(hosts.broken.scalekit), 3, 'nobody asks any more');
    assert.equal((await whole.get('/')).status, 200);
    assert.equal(refreshes(hosts.whole.scalekit), 1);
  });
});

/** The connections to that port, as inodes (Linux). */
function connectionsTo(port) {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2]?.endsWith(remote) && fields[3] === '01').map((fields) => `socket:[${fields[9]}]`);
}

function hasOneOf(inodes, pid) {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.includes(fs.readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false; // something was closed meanwhile
  }
}

describe('refreshes, each on a connection of its own', { skip: !fs.existsSync('/proc/net/tcp') && 'needs a Linux /proc' }, () => {
  let site;
  before(async () => {
    site = await startSite({ processes: 1, threads: 5 });
  });
  after(() => site?.stop());

  it('leave one open for each handle', async () => {
    const visitors = await expiredVisitors(site, 5);
    for (const visitor of visitors) assert.equal((await visitor.get('/')).status, 200);
    assert.equal(refreshes(site.scalekit), 5);
    const { length } = connectionsTo(Number(new URL(site.scalekit.url).port));
    assert.ok(length <= 2, `${length} connections`); // the environment was looked at while somebody logged in
  });
});

describe('a child of httpd that dies while it asks', { skip: !fs.existsSync('/proc/net/tcp') && 'needs a Linux /proc' }, () => {
  let site;
  before(async () => {
    site = await startSite({ processes: 2, threads: 25 });
  });
  after(() => site?.stop());

  it('is followed by another one, and the session goes on', async (t) => {
    const [visitor] = await expiredVisitors(site, 1);
    const [{ sid }] = site.scalekit.state().sessions;
    await refreshesFail(site.scalekit, { mode: 'hang' });
    const port = Number(new URL(site.scalekit.url).port);
    const idle = connectionsTo(port); // of the logins
    const began = Date.now();
    const lost = visitor.clone().get('/').then(() => 'answered', () => 'cut off');
    const child = await until(() => {
      const fresh = connectionsTo(port).filter((inode) => !idle.includes(inode));
      return refreshes(site.scalekit) > 0 && site.children().find((pid) => hasOneOf(fresh, pid));
    });
    process.kill(child, 'SIGKILL');
    assert.equal(await lost, 'cut off');
    await refreshesFail(site.scalekit, null);
    assert.equal((await visitor.clone().get('/')).status, 503, 'nobody knows yet that it died');
    assert.ok(await until(async () => (await visitor.get('/')).status === 200, 10_000));
    t.diagnostic(`goes on ${Date.now() - began} ms after the call began`);
    assert.ok(Date.now() - began < 9000);
    assert.equal(refreshes(site.scalekit), 2);
    assert.deepEqual(site.scalekit.state().sessions.map((session) => session.sid), [sid], 'no login');
  });
});
