// Login, refresh and logout with each of mod_session's ways to keep a session.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { cookiesOf } from './support/answers.mjs';
import { providers, startProvided } from './support/providers.mjs';
import { expiredVisitors, inParallel, isLogin, refreshes, reused, tally } from './support/refreshing.mjs';
import { signIn } from './support/sites.mjs';

for (const [name, provider] of Object.entries(providers)) {
  describe(name, { skip: provider.skip }, () => {
    let site;
    before(async () => {
      site = await startProvided(provider);
    });
    after(() => site?.stop());

    it('goes on after a refresh', async () => {
      const [visitor] = await expiredVisitors(site, 1);
      const { value } = visitor.jar.get('session');
      const earlier = refreshes(site.scalekit);
      for (let i = 0; i < 3; i += 1) assert.equal((await visitor.get('/')).status, 200);
      assert.equal(refreshes(site.scalekit) - earlier, 1);
      assert.equal(visitor.jar.get('session').value === value, Boolean(provider.keepsId));
    });

    it('serves whoever comes at the moment of a refresh, and later with the cookie of before', async () => {
      const [visitor] = await expiredVisitors(site, 1);
      const earlier = refreshes(site.scalekit);
      const late = visitor.clone();
      assert.deepEqual(tally(await inParallel(visitor, 50)), { 200: 50 });
      assert.deepEqual(tally(await inParallel(late, 50)), { 200: 50 });
      assert.equal(refreshes(site.scalekit) - earlier, 1);
      assert.deepEqual(reused(site.scalekit), []);
    });

    it('gives each login a cookie of its own, and sets it once', async () => {
      const visitor = await signIn(site);
      const { value } = visitor.jar.get('session');
      const { hops } = await visitor.get('/login?prompt=login', { follow: true });
      const callback = hops.find(({ url }) => url.includes('/auth/callback'));
      assert.notEqual(visitor.jar.get('session').value, value);
      assert.equal(callback.all('set-cookie').filter((line) => line.startsWith('session=')).length, 1);
      assert.equal((await visitor.get('/')).status, 200);
    });

    it('logs out after a refresh, and the browser forgets the cookie', async () => {
      const [visitor] = await expiredVisitors(site, 1);
      assert.equal((await visitor.get('/')).status, 200);
      const out = await visitor.get('/logout');
      assert.match(out.location, /\/oidc\/logout\?/);
      assert.equal(cookiesOf(out).session.value, '');
      assert.equal(visitor.jar.get('session'), undefined);
      assert.ok(isLogin(await visitor.get('/')));
      assert.equal((await signIn(site, { visitor })).arrival.status, 200);
    });
  });
}
