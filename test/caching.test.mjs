// What a session decided is for one visitor: no cache on the way may keep it, mod_cache on this machine least of all.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { cookiesOf } from './support/answers.mjs';
import { startBackend } from './support/backend.mjs';
import { freePorts } from './support/httpd.mjs';
import { scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const isPrivate = (answer, what) => {
  const directives = (answer.headers['cache-control'] ?? '').toLowerCase().split(',').map((one) => one.trim());
  assert.ok(directives.includes('private') || directives.includes('no-store'), `${what}: ${answer.status} Cache-Control: ${directives}`);
  assert.ok(!directives.some((one) => /^(public|s-maxage=.*|private=.*)$/i.test(one)), `${what}: ${directives}`);
  for (const name of ['cdn-cache-control', 'surrogate-control', 'cloudflare-cdn-cache-control', 'x-accel-expires']) assert.equal(answer.headers[name], undefined, what);
};

const isNotKept = (answer, what) => {
  isPrivate(answer, what);
  assert.match(answer.headers['cache-control'], /no-store/, what);
};

// What an application says, and what the browser is told; undefined: private at least.
const said = {
  nothing: [{}],
  public: [{ 'Cache-Control': 'public, max-age=60' }],
  'max-age': [{ 'Cache-Control': 'max-age=60' }],
  's-maxage': [{ 'Cache-Control': 's-maxage=60' }],
  'private and s-maxage': [{ 'Cache-Control': 'private, s-maxage=60' }],
  'private and public': [{ 'Cache-Control': ['private', 'public, max-age=60'] }],
  'a private field': [{ 'Cache-Control': 'private="X-User", max-age=60' }],
  'a private field without quotes': [{ 'Cache-Control': 'private=X-User, max-age=60' }],
  'a word in quotes': [{ 'Cache-Control': 'public, max-age=60, why="a, no-store, private"' }],
  'CDN-Cache-Control': [{ 'CDN-Cache-Control': 'max-age=60', 'Surrogate-Control': 'max-age=60' }],
  'what is only for one cache': [{ 'Cloudflare-CDN-Cache-Control': 'max-age=60', 'X-Accel-Expires': '60' }],
  'an expiry': [{ Expires: 'Thu, 01 Jan 2099 00:00:00 GMT' }],
  'no-cache': [{ 'Cache-Control': 'no-cache' }],
  'no-store': [{ 'Cache-Control': 'no-store' }, 'no-store'],
  private: [{ 'Cache-Control': 'private' }, 'private'],
  'private, max-age': [{ 'Cache-Control': 'private, max-age=60' }, 'private, max-age=60'],
  'PRIVATE': [{ 'Cache-Control': 'max-age=60,PRIVATE' }, 'max-age=60,PRIVATE'],
};

describe('Cache-Control', () => {
  let server;
  let backend;
  let ada;
  let max;

  before(async () => {
    backend = await startBackend();
    const locations = {
      '/plain/': ['AuthType None', 'Require all granted', 'Session Off'],
      '/optional/': ['Require all granted', 'ScalekitUnauthenticated pass'],
      '/closed/': ['Require scalekit-role owner'],
      '/said/': ['ErrorDocument 403 "said"', 'Require scalekit-role owner'],
      '/headers/': ['Header set Cache-Control "public, max-age=60"'],
      '/always/': ['Header always set Cache-Control "public, max-age=60"', 'Header always set CDN-Cache-Control "max-age=60"'],
    };
    server = await startSite({
      files: { ...siteFiles, 'cgi-bin/broken': { text: '#!/bin/sh\nexit 1\n', mode: 0o755 }, 'cgi-bin/cached': {
        text: '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\nCache-Control: public, max-age=60\\r\\n\\r\\nx"\n', mode: 0o755 } },
      config: (one) => scalekitHost(one, {
        backend,
        locations,
        extra: `AliasMatch "^/(?:plain|optional|closed|said|headers|always)/$" "${one.docroot}/secret.html"
          ProxyPass "/public/app/" "${backend.url}/"`,
      }),
    });
    ada = await signIn(server, { as: 'ada@acme.test' });
    max = await signIn(server, { as: 'max@acme.test' });
    Object.entries(said).forEach(([, [headers]], i) => backend.answer(`/said/${i}`, { headers, body: 'x' }));
    for (const status of [302, 304, 404, 500, 503]) {
      backend.answer(`/status/${status}`, { status, headers: { 'Cache-Control': 'public, max-age=60', Location: '/x' }, body: status === 304 ? '' : 'x' });
    }
  });

  after(async () => {
    await server?.stop();
    await backend?.stop();
  });

  describe('of a proxied application that says', () => {
    Object.entries(said).forEach(([name, [, kept]], i) => {
      it(name, async () => {
        const answer = await ada.get(`/proxied/said/${i}`);
        assert.equal(answer.status, 200);
        isPrivate(answer, name);
        if (kept) assert.equal(answer.headers['cache-control'], kept);
      });
    });
  });

  const answers = [
    ['a page', '/secret.html', 200], ['a CGI script', '/cgi-bin/env', 200], ['a CGI script that says public', '/cgi-bin/cached', 200],
    ['an SSI page', '/ssi.shtml', 200], ['a directory without its slash', '/public', 301], ['nothing there', '/nothing', 404],
    ['a broken script', '/cgi-bin/broken', 500], ['a page with optional login', '/optional/', 200],
    ['Header set', '/headers/', 200], ['Header always set', '/always/', 200],
    ...[302, 404, 500, 503].map((status) => [`a proxied ${status}`, `/proxied/status/${status}`, status]),
  ];
  for (const [name, path, status] of answers) {
    it(`is private on ${name}`, async () => {
      const answer = await ada.get(path);
      assert.equal(answer.status, status, answer.text);
      isPrivate(answer, name);
    });
  }

  it('is private on a 304', async () => {
    const { headers } = await ada.get('/secret.html');
    const answer = await ada.get('/secret.html', { headers: { 'If-Modified-Since': headers['last-modified'] } });
    assert.equal(answer.status, 304);
    isPrivate(answer, '304');
    isPrivate(await ada.get('/proxied/status/304', { headers: { 'If-None-Match': '"x"' } }), 'proxied 304');
  });

  it('is no-store on what we answer ourselves', async () => {
    const nobody = server.visitor();
    const all = {
      302: [await nobody.get('/'), await nobody.get('/login'), await ada.get('/login')],
      401: [await nobody.script('/'), await nobody.get('/', { headers: { 'X-Requested-With': 'x' } }), await nobody.post('/', { a: 1 })],
      403: [await max.get('/closed/'), await max.script('/closed/'), await max.get('/said/')],
      400: [await nobody.get('/auth/callback?state=x&code=y'), await nobody.get('/auth/callback?error=x')],
      405: [await nobody.request('PUT', '/login')],
      200: [await nobody.get('/logout'), await ada.get('/logout', { from: 'http://other.test/' })],
    };
    for (const [status, list] of Object.entries(all)) {
      for (const answer of list) {
        assert.equal(answer.status, Number(status), answer.url);
        isNotKept(answer, `${status} ${answer.url}`);
      }
    }
    isNotKept(await ada.clone().get('/logout'), 'logout');
  });

  it('is private also where an optional session is absent', async () => {
    const answer = await server.get('/optional/');
    assert.equal(answer.status, 200);
    isPrivate(answer, 'optional');
  });

  it('is left alone on public pages', async () => {
    for (const visitor of [server.visitor(), ada]) {
      assert.equal((await visitor.get('/plain/')).headers['cache-control'], undefined);
      assert.doesNotMatch((await visitor.get('/public/')).headers['cache-control'] ?? '', /no-store/);
      for (const [i, [headers]] of Object.values(said).entries()) {
        const answer = await visitor.get(`/public/app/said/${i}`);
        for (const name of ['cache-control', 'cdn-cache-control', 'surrogate-control']) {
          const sent = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
          if (sent) assert.equal(answer.headers[name], [sent].flat().join(', '));
          else assert.doesNotMatch(answer.headers[name] ?? '', /no-store/);
        }
      }
    }
  });
});

describe('mod_cache', () => {
  const kinds = ['disk', 'socache'].flatMap((store) => ['On', 'Off'].map((quick) => ({ store, quick })));
  let server;
  let backend;

  before(async () => {
    backend = await startBackend();
    const everything = ({ headers: { 'x-scalekit-sub': sub = 'anybody' } }) => ({
      headers: {
        'Cache-Control': 'public, max-age=600, s-maxage=600',
        'Last-Modified': new Date(0).toUTCString(),
        'Content-Type': 'text/plain',
        'Content-Length': `for ${sub}`.length, // mod_cache_socache keeps nothing else
      },
      body: `for ${sub}`,
    });
    for (const path of ['/page', '/closed', '/optional', '/open']) backend.answer(path, everything);
    const ports = await freePorts(kinds.length);
    server = await startSite({
      ports,
      scalekit: { redirectUris: ports.map((port) => `http://localhost:${port}/auth/callback`) },
      config: (one) => `CacheSocache shmcb\n${kinds.map(({ store, quick }, i) => scalekitHost(one, {
        port: ports[i],
        locations: {
          '/page': ['ScalekitExport both'],
          '/closed': ['Require scalekit-role owner'],
          '/optional': ['Require all granted', 'ScalekitUnauthenticated pass', 'ScalekitExport both'],
          '/open': ['AuthType None', 'Require all granted'],
        },
        extra: `CacheQuickHandler ${quick}\nCacheHeader On\nCacheIgnoreNoLastMod On\nCacheDefaultExpire 600
          CacheEnable ${store} /
          ProxyPassMatch "^/(page|closed|optional|open)$" "${backend.url}/$1"`,
      })).join('\n')}`,
    });
  });

  after(async () => {
    await server?.stop();
    await backend?.stop();
  });

  kinds.forEach(({ store, quick }, i) => {
    it(`${store}, CacheQuickHandler ${quick}`, async () => {
      const site = `http://localhost:${server.ports[i]}`;
      const enter = async (as) => {
        await server.scalekit.control({ autoLogin: as });
        const visitor = server.visitor();
        const arrival = await visitor.get(`${site}/page`, { follow: true });
        assert.equal(arrival.status, 200, arrival.text);
        return { visitor, arrival };
      };
      const ada = await enter('ada@acme.test');
      assert.equal(ada.arrival.text, 'for usr_17500000000000001');
      const strangers = async () => {
        for (const path of ['/page', '/closed', '/secret.html', '/cgi-bin/env']) {
          const script = await server.visitor().script(site + path);
          assert.equal(script.status, 401, path);
          const page = await server.get(site + path);
          assert.equal(page.status, 302, path);
          assert.match(page.location, /\/oauth\/authorize/);
        }
        assert.equal((await server.get(`${site}/optional`)).text, 'for anybody');
      };
      await strangers();
      for (let round = 0; round < 2; round += 1) {
        for (const path of ['/page', '/closed', '/optional', '/secret.html', '/cgi-bin/env']) await ada.visitor.get(site + path);
        await strangers();
        const optional = await ada.visitor.get(`${site}/optional`);
        assert.equal(optional.text, 'for usr_17500000000000001');
      }
      const max = await enter('max@acme.test');
      assert.equal(max.arrival.text, 'for usr_17500000000000002');
      assert.equal((await ada.visitor.get(`${site}/page`)).text, 'for usr_17500000000000001');
      assert.equal((await max.visitor.get(`${site}/closed`)).status, 403);

      // Two logins begin with two states: the redirect is nobody else's.
      const states = [await server.get(`${site}/page`), await server.get(`${site}/page`)].map(({ location }) => new URL(location).searchParams.get('state'));
      assert.notEqual(states[0], states[1]);

      const first = await server.get(`${site}/open`);
      const seen = backend.requests.length;
      const second = await server.get(`${site}/open`);
      const third = await ada.visitor.get(`${site}/open`);
      assert.deepEqual([first.text, second.text, third.text], Array(3).fill('for anybody'));
      assert.equal(backend.requests.length, seen, 'the public page came from the cache');
    });
  });
});

describe('mod_cache and a public page', () => {
  const renewals = { 'at each request': { SessionMaxAge: 1000 }, 'after a while': { SessionMaxAge: 1000, SessionExpiryUpdateInterval: 1 } };
  let server;
  let backend;

  before(async () => {
    backend = await startBackend();
    const headers = { 'Content-Type': 'text/html', 'Cache-Control': 'public, max-age=60', ETag: '"1"' };
    for (const path of ['/plain', '/late']) backend.answer(path, { headers, body: 'for everybody' });
    backend.answer('/including', { headers, body: 'for everybody <!--#include virtual="/cgi-bin/env" -->' });
    const ports = await freePorts(Object.keys(renewals).length);
    server = await startSite({
      ports,
      scalekit: { redirectUris: ports.map((port) => `http://localhost:${port}/auth/callback`) },
      config: (one) => Object.values(renewals).map((settings, i) => scalekitHost(one, {
        backend,
        port: ports[i],
        settings,
        locations: {
          '/proxied/': ['AuthType None', 'Require all granted'],
          '/proxied/including': ['Options +Includes', 'SetOutputFilter INCLUDES'],
        },
        extra: 'CacheEnable disk /',
      })).join('\n'),
    });
  });

  after(async () => {
    await server?.stop();
    await backend?.stop();
  });

  const signInAt = async (site) => {
    const visitor = server.visitor();
    assert.equal((await visitor.get(`${site}/`, { follow: true })).status, 200);
    return visitor;
  };
  const isNobody = async (stranger, site) => {
    const answer = await stranger.get(`${site}/secret.html`);
    assert.match(answer.location ?? '', /\/oauth\/authorize\?/, 'a stranger has somebody\'s session');
  };

  Object.keys(renewals).forEach((when, i) => {
    it(`hand nobody a session that mod_session renews ${when}`, async () => {
      const site = `http://localhost:${server.ports[i]}`;
      const ada = await signInAt(site);
      await sleep(2100);
      for (const path of ['/proxied/late', '/public/index.html']) {
        const answer = await ada.get(site + path);
        if (path === '/proxied/late') assert.match(cookiesOf(answer).session.value, /scalekit=/);
        if (cookiesOf(answer).session) isPrivate(answer, path);
        const stranger = server.visitor();
        for (let round = 0; round < 2; round += 1) {
          const { status, headers } = await stranger.get(site + path);
          assert.equal(status, 200);
          assert.doesNotMatch(headers['set-cookie'] ?? '', /scalekit=/, path);
        }
        await isNobody(stranger, site);
      }
    });
  });

  it('show a stranger nothing that was included for Ada', async () => {
    const site = `http://localhost:${server.ports[1]}`;
    const ada = await signInAt(site);
    const hers = await ada.get(`${site}/proxied/including`);
    assert.match(hers.text, /SCALEKIT_EMAIL=.?ada@acme\.test/);
    isPrivate(hers, 'a page with an include');
    for (let round = 0; round < 2; round += 1) {
      const { status, text } = await server.get(`${site}/proxied/including`);
      assert.equal(status, 200);
      assert.match(text, /for everybody/);
      assert.doesNotMatch(text, /ada@acme/);
    }
  });

  it('still comes from the cache, for strangers', async () => {
    const page = `http://localhost:${server.ports[1]}/proxied/plain`;
    assert.equal((await server.get(page)).text, 'for everybody');
    const seen = backend.requests.length;
    assert.equal((await server.get(page)).text, 'for everybody');
    assert.equal(backend.requests.length, seen);
  });
});
