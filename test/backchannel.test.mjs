// Sessions that end before their time: Scalekit says so (back-channel logout), or a logout here.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cookiesOf, ourLines } from './support/answers.mjs';
import { startBackend } from './support/backend.mjs';
import { isLogin, refreshes, refreshesFail } from './support/refreshing.mjs';
import { parseEnvironment, scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const PATH = '/auth/backchannel-logout';
let site;

const sidOf = () => site.scalekit.state().sessions.at(-1).sid;
const tell = (token, path = PATH) => site.request('POST', path, { form: { logout_token: token } });

async function loggedIn(options) {
  const visitor = await signIn(site, options);
  assert.equal(visitor.arrival.status, 200);
  return { visitor, sid: sidOf() };
}

// Without a refresh token, and without a sid in the tokens.
async function loggedInModular() {
  await site.scalekit.control({ mode: 'modular' });
  return loggedIn({ path: '/login?login_hint=ada@acme.test' });
}

async function assertIn(visitor, why) {
  assert.equal((await visitor.clone().get('/')).status, 200, why);
}

// What was confirmed in the very second in which the server started counts as since then.
const anotherSecond = () => sleep(1010 - (Date.now() % 1000));

// All processes know it at once: so many requests meet each of them.
async function assertOut(visitor) {
  for (let i = 0; i < 6; i += 1) assert.ok(isLogin(await visitor.clone().get('/')), 'still logged in');
}

describe('a session that Scalekit ends', () => {
  before(async () => {
    site = await startSite({ processes: 3 });
  });
  after(() => site?.stop());
  beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

  it('is over at once, in all processes, and others live on', async () => {
    const mark = site.mark();
    const { visitor, sid } = await loggedIn();
    const other = await loggedIn();
    const { visitor: max } = await loggedIn({ as: 'max@acme.test' });
    await site.scalekit.control({ autoLogin: 'ada@acme.test', endSession: sid });
    assert.deepEqual(site.scalekit.state().deliveries.map(({ status, error }) => [status, error]), [[200, null]]);
    await assertOut(visitor);
    await assertIn(other.visitor, 'another session of this user');
    await assertIn(max, 'another user');
    assert.equal(refreshes(site.scalekit), 0);
    assert.equal(ourLines(site.log(mark)).filter((line) => line.includes(`Scalekit has ended the session ${sid}`)).length, 1);
    assert.equal((await visitor.get('/', { follow: true })).status, 200, 'a new login');
    await assertIn(visitor);
  });

  it('answers 200 without content that matters, and no cache keeps it', async () => {
    const answer = await tell(site.scalekit.logoutToken({ sid: 'ses_unheard-of' }));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual(answer.all('set-cookie'), []);
  });

  it('takes all sessions of a user with it if no sid is named, and lets the user in again at once', async () => {
    const [one, two] = [await loggedIn(), await loggedIn()];
    const { visitor: max } = await loggedIn({ as: 'max@acme.test' });
    await site.scalekit.control({ autoLogin: 'ada@acme.test' });
    const { user } = site.scalekit.state().sessions.find(({ sid }) => sid === one.sid);
    assert.equal((await tell(site.scalekit.logoutToken({ sub: user }))).status, 200);
    await assertOut(one.visitor);
    await assertOut(two.visitor);
    await assertIn(max, 'another user');
    const { hops, status } = await one.visitor.get('/', { follow: true });
    assert.equal(status, 200);
    assert.ok(hops.length <= 4, 'one login is enough');
    await assertIn(one.visitor);
  });

  it('is named by its sid alone if the token has both: others of the user live on', async () => {
    const [one, two] = [await loggedIn(), await loggedIn()];
    const { user } = site.scalekit.state().sessions.at(-1);
    assert.equal((await tell(site.scalekit.logoutToken({ sub: user, sid: one.sid }))).status, 200);
    await assertOut(one.visitor);
    await assertIn(two.visitor);
  });

  it('that was never told its sid is named by its user, if the token has both', async () => {
    await anotherSecond(); // what begins in the second of an earlier test's bar counts as of the next
    const other = await loggedIn();
    await site.scalekit.control({ mutate: { id: { omit: ['sid'] }, access: { omit: ['sid'] } } });
    const one = await loggedIn();
    await site.scalekit.control({ mutate: { id: null, access: null } });
    const { user } = site.scalekit.state().sessions.at(-1);
    await assertIn(one.visitor);
    assert.equal((await tell(site.scalekit.logoutToken({ sub: user, sid: one.sid }))).status, 200);
    await assertOut(one.visitor);
    await assertIn(other.visitor);
  });

  it('and a token that is sent again ends nothing that began since', async () => {
    await anotherSecond();
    const sidless = { mutate: { id: { omit: ['sid'] }, access: { omit: ['sid'] } } };
    await site.scalekit.control(sidless);
    const one = await loggedIn();
    const { user } = site.scalekit.state().sessions.at(-1);
    const token = await site.scalekit.logoutToken({ sub: user, sid: one.sid });
    assert.equal((await tell(token)).status, 200);
    await assertOut(one.visitor);
    await anotherSecond();
    await site.scalekit.control(sidless);
    const two = await loggedIn();
    assert.equal((await tell(token)).status, 400);
    await assertIn(two.visitor);
    await site.scalekit.control({ mutate: { id: null, access: null } });
  });

  it('is told again later while Scalekit\'s keys are not to be had', async () => {
    const fresh = await startSite();
    try {
      const token = await fresh.scalekit.logoutToken({ sub: 'usr_1', sid: 'ses_1' });
      await fresh.scalekit.control({ fail: { keys: { mode: 'status', status: 503 } } });
      const answer = await fresh.request('POST', PATH, { form: { logout_token: token } });
      assert.equal(answer.status, 503);
      assert.ok(answer.headers['retry-after']);
      const login = await fresh.get(`/login?idp_initiated_login=${await fresh.scalekit.idpInitiatedToken({ organizationId: 'org_1' })}`);
      assert.equal(login.status, 503);
    } finally {
      await fresh.stop();
    }
  });

  it('is named by its user in modular SSO, where there is no sid', async () => {
    const { visitor, sid } = await loggedInModular();
    await assertIn(visitor);
    await site.scalekit.control({ endSession: sid });
    const [{ status, sub }] = site.scalekit.state().deliveries;
    assert.equal(status, 200);
    assert.match(sub, /^conn_\d+;/);
    await assertOut(visitor);
  });

  it('is over for a visitor who waits for a refresh meanwhile', async () => {
    await site.scalekit.control({ accessTokenLife: 2 });
    const { visitor, sid } = await loggedIn();
    await sleep(2100);
    await refreshesFail(site.scalekit, { mode: 'slow', delay: 800 });
    const waiting = visitor.clone().get('/');
    await sleep(200);
    await tell(site.scalekit.logoutToken({ sid }));
    assert.ok(isLogin(await waiting));
    await assertOut(visitor);
  });

  it('stays ended across a reload', async () => {
    const { visitor, sid } = await loggedIn();
    const other = await loggedIn();
    await tell(site.scalekit.logoutToken({ sid }));
    await site.reload({ graceful: true });
    await assertOut(visitor);
    await assertIn(other.visitor);
  });

  it('is not ended by a token that comes late, if it began since', async () => {
    const { visitor } = await loggedIn();
    const { user } = site.scalekit.state().sessions.at(-1);
    const late = Math.floor(Date.now() / 1000) - 600;
    const claims = { iss: site.scalekit.url, aud: site.scalekit.clientId, sub: user, iat: late, exp: late + 1200, jti: 'late', events: { [EVENT]: {} } };
    assert.equal((await tell(site.scalekit.sign(claims))).status, 200);
    await assertIn(visitor);
  });
});

describe('what is no logout token', () => {
  let visitor;
  let sid;
  let claims;
  before(async () => {
    site = await startSite({ config: (server) => [
      scalekitHost(server),
      scalekitHost(server, { serverName: 'none.localhost', settings: { ScalekitBackChannelLogoutPath: 'none' } }),
      scalekitHost(server, { serverName: 'path.localhost', settings: { ScalekitBackChannelLogoutPath: '/hooks/ended' } }),
      scalekitHost(server, {
        serverName: 'closed.localhost',
        locations: { [PATH]: ['Require all denied'] },
      }),
    ].join('\n') });
    ({ visitor, sid } = await loggedIn());
    const now = Math.floor(Date.now() / 1000);
    claims = { iss: site.scalekit.url, aud: site.scalekit.clientId, sid, iat: now, exp: now + 120, jti: 'one', events: { [EVENT]: {} } };
  });
  after(() => site?.stop());

  async function assertRefused(answer, status, mark, reason) {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
    assert.match(answer.headers['cache-control'], /no-store/);
    const { error, reference } = answer.json();
    assert.equal(error, 'invalid_request');
    const lines = ourLines(site.log(mark)).filter((line) => line.includes(reference));
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], reason);
    assert.match(lines[0], /auth_scalekit:warn/);
    await assertIn(visitor);
  }

  const tokens = {
    'signed by nobody': [() => `${site.scalekit.sign(claims).split('.').slice(0, 2).join('.')}.`, /signature/],
    'without a signature (alg none)': [() => site.scalekit.sign(claims, { alg: 'none' }), /RS256/],
    'of a key that nobody has': [() => site.scalekit.sign(claims, { kid: 'snk_1' }), /key/],
    'from another issuer': [() => site.scalekit.sign({ ...claims, iss: 'https://evil.example' }), /issuer/],
    'for another client': [() => site.scalekit.sign({ ...claims, aud: 'skc_1' }), /audience/],
    expired: [() => site.scalekit.sign({ ...claims, iat: claims.iat - 900, exp: claims.iat - 600 }), /expired/],
    'with a nonce': [() => site.scalekit.sign({ ...claims, nonce: 'n' }), /nonce/],
    'without a jti': [() => site.scalekit.sign({ ...claims, jti: undefined }), /jti/],
    'without the event': [() => site.scalekit.sign({ ...claims, events: {} }), /not a logout token/],
    'that names nobody': [() => site.scalekit.sign({ ...claims, sid: undefined }), /neither/],
    'that is an ID token': [() => site.scalekit.tokensFor('ada@acme.test').id_token, /not a logout token/],
    'that is an access token': [() => site.scalekit.tokensFor('ada@acme.test').access_token, /not a logout token/],
    'that is text': [() => 'a.b.c', /refused/],
  };
  for (const [name, [make, reason]] of Object.entries(tokens)) {
    it(`a token ${name} ends nothing`, async () => {
      const mark = site.mark();
      await assertRefused(await tell(make()), 400, mark, reason);
    });
  }

  const bodies = {
    'an empty one': [{}, 400],
    'a form without the field': [{ form: { token: 'x' } }, 400],
    'a form with two of them': [{ body: 'logout_token=a&logout_token=b', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, 400],
    JSON: [{ json: { logout_token: 'x' } }, 400],
    'one of 17 KB': [{ form: { logout_token: 'x'.repeat(17_000) } }, 413],
    'one of 1 MB': [{ form: { logout_token: 'x'.repeat(1_000_000) } }, 413],
    'one of 100 fields': [{ body: Array(100).fill('a=b').join('&'), headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, 400],
    'one with a NUL': [{ body: 'logout_token=a%00b', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, 400],
    'one with a NUL as it is': [{ body: 'logout_token=a\0b', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, 400],
  };
  for (const [name, [options, status]] of Object.entries(bodies)) {
    it(`a body, ${name}, is refused with ${status}`, async () => {
      const mark = site.mark();
      await assertRefused(await site.request('POST', PATH, options), status, mark, /body|refused/);
    });
  }

  it('no other method is taken', async () => {
    const answer = await site.get(`${PATH}?logout_token=${site.scalekit.logoutToken({ sid })}`);
    assert.equal(answer.status, 405);
    assert.match(answer.headers.allow, /^POST(,TRACE)?$/); // httpd answers TRACE itself
    await assertIn(visitor);
  });

  it('a token is used once', async () => {
    const token = site.scalekit.logoutToken({ sid: 'ses_another' });
    assert.equal((await tell(token)).status, 200);
    const mark = site.mark();
    await assertRefused(await tell(token), 400, mark, /used before/);
  });

  it('the path is the administrator\'s to choose, or to close', async () => {
    const at = (host, path) => tell(site.scalekit.logoutToken({ sid: 'ses_x' }), `http://${host}.localhost:${site.port}${path}`);
    assert.equal((await at('none', PATH)).status, 401, 'a page like any other, to which nobody may post');
    assert.equal((await at('path', '/hooks/ended')).status, 200);
    assert.equal((await at('path', PATH)).status, 401);
    assert.equal((await at('closed', PATH)).status, 403);
  });
});

describe('a logout here', () => {
  before(async () => {
    site = await startSite({ processes: 3, scalekit: { backChannelLogoutUris: [] } });
  });
  after(() => site?.stop());
  beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

  it('ends every copy of the session, in all processes', async () => {
    const { visitor } = await loggedIn();
    const other = await loggedIn();
    const copy = visitor.clone();
    assert.equal((await visitor.get('/logout')).status, 302);
    await assertOut(copy);
    await assertIn(other.visitor);
  });

  it('is not undone by a slow answer that sets the cookie again', async () => {
    await site.scalekit.control({ accessTokenLife: 2 });
    const { visitor } = await loggedIn();
    await sleep(2100);
    await refreshesFail(site.scalekit, { mode: 'slow', delay: 500 });
    const slow = visitor.clone();
    const answer = slow.get('/');
    await sleep(100);
    assert.equal((await visitor.clone().get('/logout')).status, 302);
    await answer;
    await assertOut(slow);
  });

  it('holds when the server was stopped and started, and nobody else is thrown out', async () => {
    const { visitor } = await loggedIn();
    const other = await loggedIn();
    const copy = visitor.clone();
    await visitor.get('/logout', { follow: true }); // at Scalekit too
    await anotherSecond();
    await site.restart();
    await assertOut(copy);
    const earlier = refreshes(site.scalekit);
    assert.equal((await other.visitor.get('/')).status, 200);
    assert.equal((await other.visitor.get('/')).status, 200);
    assert.equal(refreshes(site.scalekit) - earlier, 1, 'Scalekit was asked once');
  });

  it('does not make a started server depend on Scalekit for sessions whose tokens are good', async () => {
    const { visitor } = await loggedIn();
    await refreshesFail(site.scalekit, { mode: 'status', status: 500 });
    await anotherSecond();
    await site.restart();
    await assertIn(visitor);
  });
});

// mod_rewrite asks who the user is by a subrequest, whose memory is used for other things afterwards.
const lookAhead = `RewriteEngine On
  RewriteCond "%{LA-U:REMOTE_USER}" "."
  RewriteRule "^/cgi-bin/slow$" "-"
  ${`RequestHeader set X-Filler "%{REQUEST_URI}e${'x'.repeat(2000)}"\n`.repeat(60)}`;

for (const [name, settings] of Object.entries({
  'in a cookie': {},
  'in a cookie, with SessionMaxAge': { SessionMaxAge: 600 },
  'in the shared memory': { ScalekitSessionStore: 'cache' },
})) {
  describe(`a session ${name} that a new login replaces`, () => {
    let backend;
    before(async () => {
      backend = await startBackend();
      backend.answer('/slow', { delay: 1500 });
      site = await startSite({
        files: { ...siteFiles, 'cgi-bin/slow': { text: '#!/bin/sh\nsleep 1.5\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\n', mode: 0o755 } },
        scalekit: { backChannelLogoutUris: [] },
        site: { backend, settings: { ScalekitSessionIdleTimeout: 20, ...settings }, extra: lookAhead },
      });
    });
    after(async () => {
      await site?.stop();
      await backend?.stop();
    });
    beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

    const userOf = async (visitor) => parseEnvironment((await visitor.get('/cgi-bin/env')).text).SCALEKIT_EMAIL;

    async function replacedBy(visitor, slow) {
      await sleep(300);
      await site.scalekit.control({ autoLogin: 'max@acme.test' });
      await visitor.get('/login?prompt=login', { follow: true });
      assert.equal(await userOf(visitor), 'max@acme.test');
      await slow;
      assert.equal(await userOf(visitor), 'max@acme.test', 'after the slow answer');
    }

    it('does not come back with a refresh that was under way', async () => {
      await site.scalekit.control({ accessTokenLife: 2 });
      const { visitor } = await loggedIn();
      await site.scalekit.control({ accessTokenLife: 300 });
      await sleep(2100);
      await refreshesFail(site.scalekit, { mode: 'slow', delay: 1500 });
      await replacedBy(visitor, visitor.get('/'));
    });

    for (const [way, path] of [['', '/proxied/slow'], [', in a look ahead of mod_rewrite\'s', '/cgi-bin/slow']]) {
      it(`does not come back with a slow page before which it was refreshed${way}`, async () => {
        await site.scalekit.control({ accessTokenLife: 2 });
        const { visitor } = await loggedIn();
        await site.scalekit.control({ accessTokenLife: 300 });
        await sleep(2100);
        await replacedBy(visitor, visitor.get(path));
        assert.equal(refreshes(site.scalekit), 1);
      });
    }

    it('does not come back with an answer that notes its use', async () => {
      const { visitor } = await loggedIn();
      await sleep(3100);
      await replacedBy(visitor, visitor.get('/proxied/slow'));
    });

    it('is worth nothing any more', async () => {
      const { visitor } = await loggedIn();
      const copy = visitor.clone();
      await visitor.get('/login?prompt=login', { follow: true });
      await assertIn(visitor);
      await assertOut(copy);
      const { session } = cookiesOf(await copy.get('/public/'));
      assert.ok(!session?.value, 'nor is it written again for a page that anybody may see');
    });
  });
}

describe('a list of ended sessions that is full', () => {
  const BARS = 1500;
  before(async () => {
    site = await startSite({
      scalekit: { backChannelLogoutUris: [] },
      site: { settings: { ScalekitSharedMemory: '64K' } },
    });
  });
  after(() => site?.stop());
  beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

  it('brings no session back: Scalekit is asked about each from before, and the log says what to do', async () => {
    const { visitor: ended, sid } = await loggedIn();
    const { visitor: living } = await loggedIn();
    const { visitor: tokenless } = await loggedInModular();
    const mark = site.mark();
    await site.scalekit.control({ reset: true, endSession: sid });
    await tell(site.scalekit.logoutToken({ sid }));
    await assertOut(ended);
    for (let i = 0; i < BARS; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => tell(site.scalekit.logoutToken({ sid: `ses_${i + n}` }))));
    }
    await anotherSecond(); // a confirmation from the second of the last bar is not enough
    await assertOut(ended);
    assert.ok(isLogin(await tokenless.get('/')), 'nobody can tell');
    const lines = ourLines(site.log(mark)).filter((line) => line.includes('ScalekitSharedMemory'));
    assert.equal(lines.length, 1, lines.join('\n'));

    await refreshesFail(site.scalekit, { mode: 'status', status: 500 });
    assert.equal((await living.clone().get('/')).status, 503, 'Scalekit cannot be asked');
    await site.scalekit.control({ reset: true });
    const earlier = refreshes(site.scalekit);
    assert.equal((await living.get('/')).status, 200);
    assert.equal((await living.get('/')).status, 200);
    assert.equal(refreshes(site.scalekit) - earlier, 1);
  });
});
