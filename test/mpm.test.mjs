// The core flow under each kind of httpd: event, worker and prefork, and over HTTP/2.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { hasModule } from './support/httpd.mjs';
import { parseEnvironment, signIn, startSite } from './support/sites.mjs';

const mpms = ['event', 'worker', 'prefork'];
const kinds = [
  ...mpms.map((mpm) => ({ mpm, http2: false })),
  ...['event', 'worker'].map((mpm) => ({ mpm, http2: true })), // mod_http2 wants threads
];

for (const { mpm, http2 } of kinds) {
  const missing = [`mpm_${mpm}`, ...(http2 ? ['http2', 'ssl'] : [])].find((name) => !hasModule(name));
  describe(`${mpm}${http2 ? ', HTTP/2 on TLS' : ''}`, { skip: missing && `no mod_${missing}` }, () => {
    let server;
    let ada;
    let max;
    // The stand-in speaks HTTP/1.1 only, so logins do as well.
    const over = (visitor) => (http2 ? visitor.clone({ http2 }) : visitor);

    before(async () => {
      server = await startSite({
        mpm,
        tls: http2,
        http2,
        site: {
          locations: { '/secret.html': ['Require scalekit-permission organization:settings'] },
          settings: http2 ? { Protocols: 'h2 http/1.1' } : {},
        },
      });
      ada = await signIn(server, { as: 'ada@acme.test', path: '/cgi-bin/env?a=1' });
      max = await signIn(server, { as: 'max@acme.test', path: '/cgi-bin/env?a=1' });
    });

    after(() => server?.stop());

    it('logs in, and leads to the page that was asked for', () => {
      const { QUERY_STRING, SCALEKIT_EMAIL, REMOTE_USER } = parseEnvironment(ada.arrival.text);
      assert.deepEqual([QUERY_STRING, SCALEKIT_EMAIL, REMOTE_USER], ['a=1', 'ada@acme.test', 'usr_17500000000000001']);
      assert.equal(parseEnvironment(max.arrival.text).SCALEKIT_EMAIL, 'max@acme.test');
    });

    it('knows who may do what', async () => {
      assert.match((await over(ada).get('/secret.html')).text, /the secret page/);
      const denied = await over(max).get('/secret.html');
      assert.equal(denied.status, 403);
      assert.match(denied.text, /You do not have access to this page/);
      const environment = parseEnvironment((await over(max).get('/cgi-bin/env')).text);
      assert.equal(environment.SERVER_PROTOCOL, http2 ? 'HTTP/2.0' : 'HTTP/1.1');
      assert.equal(environment.SCALEKIT_ROLES, 'member');
    });

    it('does not confuse users in 40 parallel requests', async () => {
      const visitors = { 'ada@acme.test': over(ada), 'max@acme.test': over(max), nobody: over(server.visitor()) };
      const all = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
        const [name, visitor] = Object.entries(visitors)[i % 3];
        return [name, await visitor.script('/cgi-bin/env', { headers: { 'X-Scalekit-Email': 'forged@acme.test' } })];
      }));
      for (const [name, answer] of all) {
        assert.equal(answer.status, name === 'nobody' ? 401 : 200);
        if (name !== 'nobody') assert.equal(parseEnvironment(answer.text).SCALEKIT_EMAIL, name);
        assert.doesNotMatch(answer.text, /forged/);
      }
    });

    it('logs out', async () => {
      const visitor = over(ada);
      const out = await visitor.get('/logout');
      assert.equal(out.status, 302, out.text);
      assert.match(out.location, /\/oidc\/logout\?/);
      const answer = await visitor.get('/cgi-bin/env');
      assert.equal(answer.status, 302);
      assert.match(answer.location, /\/oauth\/authorize\?/);
      assert.equal((await over(max).get('/cgi-bin/env')).status, 200);
    });
  });
}
