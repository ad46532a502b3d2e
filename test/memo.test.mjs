// What a process remembers of sessions that mod_session_crypto has opened. Whether it remembers shows where two locations have
// different passphrases: a session that was opened in one is then known in the other.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { startBackend } from './support/backend.mjs';
import { freePorts } from './support/httpd.mjs';
import { scalekitHost, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const ONE = 'SessionCryptoPassphrase test_made-up-passphrase-number-1';
const OTHER = 'SessionCryptoPassphrase test_made-up-passphrase-number-2';
const SCOPE = { ScalekitSessionScope: 'shared' };

const withoutCrypto = ['clear', 'briefly'];
const locations = { '/': ['AuthType Scalekit', 'Require valid-user', ONE], '/other/': [OTHER] };

// Virtual hosts by name; each has a location with another passphrase.
const hosts = {
  usual: SCOPE,
  neighbour: SCOPE,
  elsewhere: { ScalekitSessionScope: 'elsewhere' },
  short: { SessionMaxAge: 3 },
  clear: SCOPE,
  briefly: { SessionMaxAge: 3 },
};

let port;
let backend;

async function start(extra = '') {
  [port] = await freePorts(1);
  return startSite({
    ports: [port],
    mpm: 'worker', // in one process, so that what is remembered is found
    processes: 1,
    threads: 8,
    scalekit: { redirectUris: Object.keys(hosts).map((name) => `http://${name}.localhost:${port}/auth/callback`), backChannelLogoutUris: [] },
    config: (server) => [extra, ...Object.entries(hosts).map(([name, settings]) => scalekitHost(server, {
      serverName: `${name}.localhost`,
      settings,
      backend,
      locations: withoutCrypto.includes(name) ? {} : { ...locations, '/proxied/': ['SessionHeader X-Replace-Session'] },
      extra: `Alias "/other/" "${server.docroot}/"`,
    }))].join('\n'),
  });
}

const visitorOf = (host) => new Visitor(`http://${host}.localhost:${port}`);

async function signInTo(host) {
  const visitor = visitorOf(host);
  const answer = await visitor.get('/', { follow: true });
  assert.equal(answer.status, 200, answer.text);
  return visitor;
}

/** What somebody gets who brings only this session. */
const bring = (host, value, path) => visitorOf(host).get(path, { headers: { Cookie: `session=${value}` } });
const sessionOf = (visitor) => visitor.jar.get('session').value;

before(async () => { backend = await startBackend(); });
after(() => backend?.stop());

describe('a session that mod_session_crypto has opened', () => {
  let site;
  before(async () => { site = await start(); });
  after(() => site?.stop());

  it('is not opened again by the process that knows it', async () => {
    const visitor = await signInTo('usual');
    assert.equal((await bring('usual', sessionOf(visitor), '/')).status, 200);
    assert.equal((await bring('usual', sessionOf(visitor), '/other/')).status, 200);
  });

  it('is known only as it was, byte for byte', async () => {
    const value = sessionOf(await signInTo('usual'));
    for (let i = 0; i < value.length - 4; i += 97) {
      const changed = value.slice(0, i) + (value[i] === 'A' ? 'B' : 'A') + value.slice(i + 1);
      assert.equal((await bring('usual', changed, '/')).status, 302, `byte ${i}`);
    }
  });

  it('is not known in another virtual host, whatever they share', async () => {
    const value = sessionOf(await signInTo('usual'));
    assert.equal((await bring('neighbour', value, '/other/')).status, 302);
    assert.equal((await bring('neighbour', value, '/')).status, 200, 'they do share it');
    assert.equal((await bring('elsewhere', value, '/')).status, 302);
  });

  it('ends with its time', async () => {
    const value = sessionOf(await signInTo('short'));
    assert.equal((await bring('short', value, '/')).status, 200);
    assert.equal((await bring('short', value, '/other/')).status, 200);
    await sleep(3200);
    assert.equal((await bring('short', value, '/')).status, 302);
    assert.equal((await bring('short', value, '/other/')).status, 302);
  });

  it('is none in clear text, where that is a session elsewhere', async () => {
    const value = sessionOf(await signInTo('clear'));
    assert.match(value, /^scalekit=/);
    assert.equal((await bring('clear', value, '/')).status, 200);
    assert.equal((await bring('usual', value, '/')).status, 302);
  });

  it('ends with the logout', async () => {
    const visitor = await signInTo('usual');
    const value = sessionOf(visitor);
    await visitor.post('/logout', { headers: { 'Sec-Fetch-Site': 'same-origin' } });
    assert.equal((await bring('usual', value, '/')).status, 302);
  });

  it('is opened again where others keep something in it', async () => {
    const visitor = await signInTo('usual');
    backend.answer('/page', { headers: { 'X-Replace-Session': 'private=1' } });
    assert.equal((await visitor.get('/proxied/page')).status, 200);
    const value = sessionOf(visitor);
    assert.equal((await bring('usual', value, '/')).status, 200);
    assert.equal((await bring('usual', value, '/other/')).status, 302);
  });
});

describe('a session in clear text', () => {
  let site;
  before(async () => { site = await start(); });
  after(() => site?.stop());

  it('ends with the time that mod_session has written into it', async () => {
    const value = sessionOf(await signInTo('briefly'));
    assert.match(value, /^scalekit=[\w-]+&expiry=\d+$/);
    assert.equal((await bring('briefly', value, '/')).status, 200);
    await sleep(3200);
    assert.equal((await bring('briefly', value, '/')).status, 302);
  });
});

describe('ScalekitSessionMemo 0', () => {
  let site;
  before(async () => { site = await start('ScalekitSessionMemo 0'); });
  after(() => site?.stop());

  it('remembers nothing', async () => {
    const value = sessionOf(await signInTo('usual'));
    assert.equal((await bring('usual', value, '/')).status, 200);
    assert.equal((await bring('usual', value, '/other/')).status, 302);
  });
});
