// Sessions that mod_session_dbd keeps in a database: what is in the cookie is an id.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBackend } from './support/backend.mjs';
import { providers, startProvided } from './support/providers.mjs';
import { expiredVisitors, isLogin, refreshes, reused } from './support/refreshing.mjs';
import { signIn, siteFiles } from './support/sites.mjs';

const databases = Object.entries(providers).filter(([, { start }]) => start);
const script = (text) => ({ text: `#!/bin/sh\n${text}\n`, mode: 0o755 });
const STRANGE_ID = '00000000-0000-4000-8000-000000000000';

for (const [name, provider] of databases) {
  describe(name, { skip: provider.skip }, () => {
    let site;
    let backend;
    before(async () => {
      backend = await startBackend();
      site = await startProvided(provider, {
        threads: 8,
        files: {
          ...siteFiles,
          'cgi-bin/on': script('printf "Location: /slow.cgi\\r\\n\\r\\n"'),
          'htdocs/slow.cgi': script('sleep 1.5; printf "Content-Type: text/plain\\r\\n\\r\\n"'),
        },
        site: {
          backend,
          settings: { ScalekitSessionIdleTimeout: 20 },
          extra: '<Directory "/">\nSessionMaxAge 600\n</Directory>', // merged anew for each request and internal redirect
        },
      });
    });
    after(async () => {
      await site?.stop();
      await backend?.stop();
    });

    const idOf = (visitor) => visitor.jar.get('session').value;
    const comingWith = (id) => site.get('/', { headers: { Cookie: `session=${id}` } });
    const rowsOf = (id) => Number(site.database.query(`SELECT count(*) FROM session WHERE key = '${id}';`));

    it('holds a session of any size under an id that is new at each login', async () => {
      await site.scalekit.control({ permissionCount: 600 });
      const visitor = await signIn(site);
      const id = idOf(visitor);
      assert.ok(id.length < 100);
      assert.equal((await visitor.get('/')).status, 200);
      await visitor.get('/login?prompt=login', { follow: true });
      assert.notEqual(idOf(visitor), id);
      assert.equal((await visitor.get('/')).status, 200);
      assert.equal(rowsOf(id), 0);
      assert.ok(isLogin(await comingWith(id)), 'the old id');
      await site.scalekit.control({ reset: true });
    });

    it('never takes over an id that somebody else chose', async () => {
      const visitor = site.visitor();
      visitor.jar.set(site.url, `session=${STRANGE_ID}; Path=/`);
      assert.equal((await signIn(site, { visitor })).arrival.status, 200);
      assert.notEqual(idOf(visitor), STRANGE_ID);
      assert.equal(rowsOf(STRANGE_ID), 0);

      const other = site.visitor();
      other.jar.set(site.url, `session=${idOf(visitor)}; Path=/`); // of a session that exists
      await other.get('/login?prompt=login', { follow: true });
      assert.notEqual(idOf(other), idOf(visitor));
      assert.ok(isLogin(await visitor.get('/')), 'who planted it is not in the session of who logged in');
    });

    it('keeps the id when a session is refreshed or used', async () => {
      const [visitor] = await expiredVisitors(site, 1);
      const id = idOf(visitor);
      const row = () => site.database.query(`SELECT value FROM session WHERE key = '${id}';`);
      const values = [row()];
      assert.equal((await visitor.get('/')).status, 200);
      values.push(row());
      await sleep(3100); // a tenth of the idle time is over
      assert.equal((await visitor.get('/')).status, 200);
      values.push(row());
      assert.equal(idOf(visitor), id);
      assert.equal(new Set(values).size, 3, 'each was written');
    });

    it('deletes the row at the logout', async () => {
      const visitor = await signIn(site);
      const id = idOf(visitor);
      assert.equal(rowsOf(id), 1);
      await visitor.get('/logout');
      assert.equal(rowsOf(id), 0);
      assert.ok(isLogin(await comingWith(id)));
    });

    it('does not let a slow answer undo a refresh', async () => {
      backend.answer('/slow', { delay: 1500 });
      const visitor = await signIn(site);
      const earlier = refreshes(site.scalekit);
      await sleep(3100); // so that the slow answer writes as well
      const underWay = visitor.clone().get('/proxied/slow');
      await sleep(500);
      const quick = await visitor.post('/sessions/refresh-token', {});
      assert.equal(quick.status, 200, quick.text);
      assert.equal((await underWay).status, 200);

      // A server that starts anew remembers nothing: what is in the database must stand alone.
      await site.restart();
      await sleep(1100); // refresh-token asks once a second
      assert.equal((await visitor.post('/sessions/refresh-token', {})).status, 200);
      assert.equal(refreshes(site.scalekit) - earlier, 2);
      assert.deepEqual(reused(site.scalekit), []);
    });

    it('does not let a slow answer undo a new login, though a script leads to it and directories add to the session\'s directives', async () => {
      const visitor = await signIn(site);
      const slow = visitor.get('/cgi-bin/on');
      await sleep(300);
      await visitor.get('/login?prompt=login', { follow: true });
      const id = idOf(visitor);
      assert.equal((await slow).status, 200);
      assert.equal(idOf(visitor), id);
      assert.equal((await visitor.get('/')).status, 200);
    });

    it('is cleaned up by the statement that comes with it', async () => {
      const [old, young] = [await signIn(site), await signIn(site)];
      site.database.query(`UPDATE session SET changed = '2001-01-01 00:00:00' WHERE key = '${idOf(old)}';`);
      site.database.query(site.database.cleanup);
      assert.equal(rowsOf(idOf(old)), 0);
      assert.ok(isLogin(await old.get('/')));
      assert.equal((await young.get('/')).status, 200);
    });

    if (/SQLite/.test(name)) {
      describe('while another process writes', () => {
        let writer;
        const begin = async () => {
          writer = spawn(...site.database.shell, { stdio: ['pipe', 'pipe', 'inherit'] });
          writer.stdin.write("BEGIN IMMEDIATE;\nSELECT 'locked';\n");
          await once(writer.stdout, 'data');
        };
        const end = () => writer.stdin.end('ROLLBACK;\n');

        it('waits', async () => {
          const [visitor] = await expiredVisitors(site, 1);
          const from = site.mark();
          await begin();
          const answer = visitor.get('/');
          await sleep(1000);
          end();
          assert.equal((await answer).status, 200);
          assert.ok(!/session not saved/.test(site.log(from)), 'saved');
        });

        it('loses no session when that takes too long', async () => {
          const [visitor] = await expiredVisitors(site, 1);
          const earlier = refreshes(site.scalekit);
          const from = site.mark();
          await begin();
          assert.equal((await visitor.get('/')).status, 200);
          assert.match(site.log(from), /session not saved/);
          assert.equal((await visitor.get('/')).status, 200);
          end();
          assert.equal((await visitor.get('/')).status, 200);
          assert.equal(refreshes(site.scalekit) - earlier, 1);
        });
      });
    }
  });
}
