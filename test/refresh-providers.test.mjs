// The refresh with each of mod_session's ways to keep a session.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hasModule } from './support/httpd.mjs';
import { expiredVisitors, inParallel, isLogin, refreshes, reused, tally } from './support/refreshing.mjs';
import { PLAIN_COOKIE, scalekitHost, signIn, startSite } from './support/sites.mjs';

const hasSqlite = hasModule('session_dbd') && hasModule('dbd') && spawnSync('sqlite3', ['-version']).status === 0;

function database(server) {
  const file = path.join(server.root, 'cache', 'session.db');
  const made = spawnSync('sqlite3', [file, 'PRAGMA journal_mode=WAL; CREATE TABLE session '
    + '(key VARCHAR(64) PRIMARY KEY, value TEXT NOT NULL, expiry BIGINT NOT NULL);'], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  fs.chmodSync(file, 0o666);
  return `DBDriver sqlite3
DBDParams "${file}"
DBDPrepareSQL "select value from session where key = %s and (expiry = 0 or expiry > %lld)" selectsession
DBDPrepareSQL "update session set value = %s, expiry = %lld, key = %s where key = %s" updatesession
DBDPrepareSQL "insert into session (value, expiry, key) values (%s, %lld, %s)" insertsession
DBDPrepareSQL "delete from session where key = %s" deletesession`;
}

const providers = {
  mod_session_cookie: {},
  'mod_session_cookie with SessionMaxAge': { settings: { SessionMaxAge: 600 } },
  mod_session_crypto: { settings: { SessionCryptoPassphrase: 'test_made-up-passphrase-0123456789' } },
  mod_session_dbd: {
    settings: { SessionCookieName: null, SessionDBDCookieName: PLAIN_COOKIE },
    modules: ['dbd', 'session_dbd'],
    before: database,
    changesId: true, // at each save
    skip: !hasSqlite && 'needs mod_session_dbd and sqlite3',
  },
};

for (const [name, { settings, modules, before: prepare, changesId, skip }] of Object.entries(providers)) {
  describe(name, { skip }, () => {
    let site;
    before(async () => {
      site = await startSite({
        modules,
        processes: 2,
        threads: 25,
        scalekit: { backChannelLogoutUris: [] },
        config: (server) => `${prepare ? prepare(server) : ''}\n${scalekitHost(server, { settings })}`,
      });
    });
    after(() => site?.stop());

    it('goes on after a refresh', async () => {
      const [visitor] = await expiredVisitors(site, 1);
      const earlier = refreshes(site.scalekit);
      for (let i = 0; i < 3; i += 1) assert.equal((await visitor.get('/')).status, 200);
      assert.equal(refreshes(site.scalekit) - earlier, 1);
    });

    it('presents a refresh token once in a herd', async (t) => {
      const [visitor] = await expiredVisitors(site, 1);
      const earlier = refreshes(site.scalekit);
      const results = await inParallel(visitor, 100);
      t.diagnostic(`answers ${JSON.stringify(tally(results))}, calls ${refreshes(site.scalekit) - earlier}`);
      assert.ok(refreshes(site.scalekit) - earlier <= 1, 'one call at most');
      assert.deepEqual(reused(site.scalekit), []);
      if (!changesId) {
        assert.deepEqual(tally(results), { 200: 100 });
        assert.equal(refreshes(site.scalekit) - earlier, 1);
      } else {
        // Its id changes with each save and the old one is gone at once: whoever comes late is a stranger, and logs in.
        assert.deepEqual(Object.keys(tally(results)).filter((status) => !['200', '302'].includes(status)), []);
        assert.ok(tally(results)[200] >= 1);
      }
      await site.scalekit.control({ forget: true });
    });

    it('logs out after a refresh', async () => {
      const [visitor] = await expiredVisitors(site, 1);
      assert.equal((await visitor.get('/')).status, 200);
      const out = await visitor.get('/logout');
      assert.match(out.location, /\/oidc\/logout\?/);
      assert.ok(isLogin(await visitor.get('/')));
      assert.equal((await signIn(site, { visitor })).arrival.status, 200);
    });
  });
}
