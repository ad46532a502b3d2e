// However a request gets to its handler, the session was checked once, and what it says is there: rewriting, proxying, included and
// error pages, other methods and protocols.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cookiesOf, localTarget, ourLines } from './support/answers.mjs';
import { startBackend } from './support/backend.mjs';
import { hasModule } from './support/httpd.mjs';
import { expiredVisitors, isLogin, refreshes } from './support/refreshing.mjs';
import { parseEnvironment, scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const ADA = 'usr_17500000000000001';

const files = {
  ...siteFiles,
  'map.txt': 'here /cgi-bin/env\n',
  'htdocs/exec.shtml': '<!--#exec cgi="/cgi-bin/env" -->\n',
  'htdocs/exec-cmd.shtml': '<!--#exec cmd="export -p" -->\n',
  'htdocs/rewritten/.htaccess': 'RewriteEngine On\nRewriteRule ^env$ /cgi-bin/env [L]\nRewriteRule ^pass$ /cgi-bin/env [PT]\n',
  'htdocs/public/rewritten/.htaccess': 'RewriteEngine On\nRewriteRule ^aged$ /public/aged.shtml [L]\n',
  'htdocs/public/aged.shtml': '<!--#include virtual="/aged/env" -->\n',
  'htdocs/large.txt': 'x'.repeat(5000),
  'htdocs/echo/index.cgi': { text: '#!/bin/sh\nbody=$(cat)\nprintf \'Content-Type: text/plain\\r\\n\\r\\n%s\' "$body"\n', mode: 0o755 },
};

// Paths that end in the script that prints its environment.
const ways = {
  RewriteRule: '/rule/env',
  'RewriteRule [PT]': '/rule-pt/env',
  RewriteMap: '/map/here',
  'RewriteRule in a Location': '/location/env',
  'RewriteRule in .htaccess': '/rewritten/env',
  'RewriteRule [PT] in .htaccess': '/rewritten/pass',
  FallbackResource: '/fallback/any/thing',
  DirectoryIndex: '/indexed/',
  MultiViews: '/views/page',
  'SSI include': '/ssi.shtml',
  'SSI exec cgi': '/exec.shtml',
  'SSI exec cmd': '/exec-cmd.shtml',
  Action: '/action/page.txt',
  'ErrorDocument 403': '/forbidden/',
  'ErrorDocument 404': '/missing/page',
};

// Paths that end in the application behind the proxy, with headers.
const proxies = {
  'ProxyPass in a Location': '/pass/',
  ProxyPassMatch: '/pass-match/x',
  'RewriteRule [P]': '/rule-p/x',
  'RewriteRule [P] in a Location': '/location-p/x',
  'SetHandler proxy:': '/handler/x',
};

let site;
let backend;

before(async () => {
  backend = await startBackend();
  const rewrite = 'RewriteEngine On';
  site = await startSite({
    files,
    http2: true,
    modules: ['actions'],
    processes: 2,
    threads: 16,
    scalekit: { backChannelLogoutUris: [] },
    logLevel: 'info auth_scalekit:debug',
    config: (server) => `${hasModule('http2') ? 'Protocols h2c http/1.1' : ''}\n${scalekitHost(server, {
      backend,
      locations: {
        '/location/': [rewrite, 'RewriteRule "env$" "/cgi-bin/env"'],
        '/fallback/': ['FallbackResource /cgi-bin/env'],
        '/aged/': ['SessionMaxAge 7200'],
        '/action/': ['SetHandler env', 'Action env /cgi-bin/env virtual'],
        '/forbidden/': ['Require scalekit-role nobody', 'ErrorDocument 403 /cgi-bin/env'],
        '/missing/': ['ErrorDocument 404 /cgi-bin/env'],
        '/pass/': [`ProxyPass "${backend.url}/"`, 'ScalekitExport headers'],
        '/pass-match/': ['ScalekitExport headers'],
        '/rule-p/': ['ScalekitExport headers'],
        '/location-p/': [rewrite, `RewriteRule "x$" "${backend.url}/" [P]`, 'ScalekitExport headers'],
        '/handler/': [`SetHandler "proxy:${backend.url}/"`, 'ScalekitExport headers'],
        '/own/': ['ErrorDocument 404 /login', 'ErrorDocument 403 /logout'],
        '/own/denied/': ['Require scalekit-role nobody'],
        '/busy/': ['ErrorDocument 503 /public/index.html'],
        '/preflight/': ['AuthMerging Off', '<LimitExcept OPTIONS>', 'Require valid-user', '</LimitExcept>'],
      },
      extra: `${rewrite}
ScriptAlias "/aged/env" "${server.root}/cgi-bin/env"
RewriteMap places "txt:${server.root}/map.txt"
RewriteRule "^/rule/env$" "/cgi-bin/env" [PT]
RewriteRule "^/rule-pt/env$" "/cgi-bin/env" [PT]
RewriteRule "^/map/(.*)$" "\${places:$1}" [PT]
RewriteRule "^/rule-p/(.*)$" "${backend.url}/$1" [P]
ProxyPassMatch "^/pass-match/(.*)$" "${backend.url}/$1"
ProxyPass "/tunnel/" "ws://127.0.0.1:${backend.port}/"`,
    })}`,
  });
});
after(async () => {
  await site?.stop();
  await backend?.stop();
});
beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

const environmentOf = (answer) => parseEnvironment(answer.text);

/** A visitor whose access token has expired, one for each of these tests. */
function expired(count) {
  const visitors = [];
  before(async () => {
    await site.scalekit.control({ reset: true });
    visitors.push(...await expiredVisitors(site, count));
  });
  return () => visitors.pop();
}

describe('the environment is there, after one look at the session, by', () => {
  const next = expired(Object.keys(ways).length + Object.keys(proxies).length);

  for (const [name, path] of Object.entries(ways)) {
    it(name, async () => {
      const visitor = next();
      const answer = await visitor.get(path);
      assert.equal(environmentOf(answer).SCALEKIT_SUB, ADA, `${answer.status} ${answer.text}`);
      assert.ok(cookiesOf(answer).session?.value, 'the new tokens go out with it');
      assert.equal(refreshes(site.scalekit), 1);
      const from = site.mark();
      const spoilt = visitor.clone();
      spoilt.jar.set(site.url, 'session=scalekit=spoilt; Path=/');
      await spoilt.get(path);
      assert.equal(ourLines(site.log(from)).filter((line) => /not one of ours/.test(line)).length, 1);
    });
  }

  for (const [name, path] of Object.entries(proxies)) {
    it(name, async () => {
      const visitor = next();
      const answer = await visitor.get(path);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json().headers['x-scalekit-sub'], ADA);
      assert.ok(cookiesOf(answer).session?.value);
      const seen = backend.requests.length;
      assert.ok(isLogin(await site.get(path)));
      assert.equal(backend.requests.length, seen);
    });
  }
});

// In the first of which mod_session_cookie looks for its notes elsewhere than in all others.
for (const path of ['/public/rewritten/aged', '/public/aged.shtml']) {
  it(`a public page includes a place with sessions of its own: ${path}`, async () => {
    const answer = await (await signIn(site)).get(path);
    assert.equal(environmentOf(answer).SCALEKIT_SUB, ADA, `${answer.status} ${answer.text}`);
  });
}

describe('a request that refreshes', () => {
  const kinds = {
    HEAD: ['HEAD', '/large.txt', {}, 200],
    OPTIONS: ['OPTIONS', '/large.txt', {}, 200],
    'a POST with a body': ['POST', '/echo/', { body: 'what was written' }, 200],
    'a part of a file': ['GET', '/large.txt', { headers: { Range: 'bytes=0-9' } }, 206],
    'a page that has not changed': ['GET', '/large.txt', {}, 304],
    'a missing page': ['GET', '/nowhere.html', {}, 404],
    'a redirect': ['GET', '/public/../indexed', {}, 301],
  };
  const next = expired(Object.keys(kinds).length);

  for (const [name, [method, path, options, status]] of Object.entries(kinds)) {
    it(`may be ${name}`, async () => {
      const { etag } = (await signIn(site, { path: '/large.txt' })).arrival.headers;
      const visitor = next();
      const headers = status === 304 ? { 'If-None-Match': etag } : {};
      const answer = await visitor.request(method, path, { headers, ...options });
      assert.equal(answer.status, status, answer.text);
      assert.ok(cookiesOf(answer).session?.value);
      assert.match(answer.headers['cache-control'], /no-store/);
      if (method === 'POST') assert.equal(answer.text, options.body);
      assert.equal((await visitor.get('/')).status, 200);
      assert.equal(refreshes(site.scalekit), 1);
    });
  }
});

describe('over HTTP/2', { skip: !hasModule('http2') && 'no mod_http2' }, () => {
  it('one logs in, refreshes and logs out', async () => {
    await site.scalekit.control({ accessTokenLife: 2 });
    const visitor = await signIn(site, { path: '/cgi-bin/env?a=1' });
    const over2 = visitor.clone({ http2: true });
    await sleep(2100);
    await site.scalekit.control({ accessTokenLife: 300 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => over2.clone().get('/cgi-bin/env')));
    for (const answer of answers) assert.equal(environmentOf(answer).SCALEKIT_SUB, ADA);
    assert.equal(environmentOf(answers[0]).SERVER_PROTOCOL, 'HTTP/2.0');
    assert.equal(refreshes(site.scalekit), 1);
    const out = await over2.get('/logout');
    assert.match(out.location, /\/oidc\/logout\?/);
    const stranger = site.visitor({ http2: true });
    const begun = await stranger.get('/secret.html');
    assert.ok(isLogin(begun));
    const hop = new Visitor(site.url); // the stand-in speaks HTTP/1.1
    const back = await hop.get(begun.location);
    const callback = await stranger.get(back.location);
    assert.equal(localTarget(callback), '/secret.html');
    assert.equal((await stranger.get('/secret.html')).status, 200);
  });
});

describe('a WebSocket', () => {
  for (const [name, path] of [['mod_proxy_http', '/ws/'], ['mod_proxy_wstunnel', '/tunnel/']]) {
    it(`through ${name} takes a token that is valid or due, and no other`, async () => {
      await site.scalekit.control({ accessTokenLife: 3 });
      const visitor = await signIn(site);
      await sleep(1700); // due
      const socket = await visitor.websocket(path);
      assert.equal(socket.status, 101);
      assert.equal(await socket.echo('hello'), 'hello');
      assert.equal(socket.headers['set-cookie'], undefined);
      assert.equal(backend.last.headers.cookie, undefined);
      socket.close();
      await sleep(1400); // expired
      const seen = backend.requests.length;
      const late = await visitor.websocket(path);
      assert.equal(late.status, 401);
      assert.ok(late.headers['www-authenticate']);
      assert.equal((await site.visitor().websocket(path)).status, 401);
      assert.equal(backend.requests.length, seen);
      assert.equal(refreshes(site.scalekit), 0);
      await site.scalekit.control({ accessTokenLife: 300 });
      assert.equal((await visitor.get('/')).status, 200);
      const again = await visitor.websocket(path);
      assert.equal(again.status, 101);
      again.close();
    });
  }
});

describe('an error page', () => {
  it('at one of our own paths is not run', async () => {
    const visitor = await signIn(site);
    for (const [path, status] of [['/own/missing', 404], ['/own/denied/x', 403]]) {
      const answer = await visitor.get(path);
      assert.equal(answer.status, status);
      assert.equal(answer.location, undefined);
      assert.equal(answer.headers['set-cookie'], undefined);
    }
    assert.equal((await visitor.get('/')).status, 200, 'still signed in');
  });

  it('takes the place of ours while Scalekit does not answer', async () => {
    const [visitor] = await expiredVisitors(site, 1);
    await site.scalekit.control({ fail: { token: { mode: 'status', status: 500, times: 1 } } });
    const answer = await visitor.get('/busy/');
    assert.equal(answer.status, 503);
    assert.match(answer.text, /the public page/);
    assert.match(answer.headers['retry-after'], /^\d+$/);
    assert.match(answer.headers['cache-control'], /no-store/);
    assert.notEqual((await visitor.get('/busy/')).status, 503);
  });
});

describe('a preflight request of another site', () => {
  const ask = (path) => site.visitor().request('OPTIONS', path, {
    headers: { Origin: 'https://other.test', 'Access-Control-Request-Method': 'PUT', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Site': 'cross-site' },
  });

  it('needs a session as any other, and starts no login', async () => {
    const answer = await ask('/secret.html');
    assert.equal(answer.status, 401);
    assert.deepEqual(answer.all('set-cookie'), []);
  });

  it('gets through where LimitExcept says so, and nothing else does', async () => {
    assert.notEqual((await ask('/preflight/')).status, 401);
    assert.equal((await site.visitor().script('/preflight/')).status, 401);
  });
});

describe('a session of another name', () => {
  // mod_rewrite asks who the user is by a subrequest, whose memory is used for other things afterwards.
  const lookAhead = `RewriteEngine On
    RewriteCond "%{LA-U:REMOTE_USER}" "."
    RewriteRule "^/gone/" "-"
    ${`RequestHeader set X-Filler "%{REQUEST_URI}e${'x'.repeat(2000)}"\n`.repeat(60)}`;

  it('is what the browser sent, for an error page after a look ahead of mod_rewrite\'s, too', async () => {
    const two = await startSite({
      files: { ...siteFiles, 'htdocs/app/index.cgi': siteFiles['cgi-bin/env'] },
      scalekit: { backChannelLogoutUris: [] },
      site: {
        locations: {
          '/gone/': ['ErrorDocument 404 /app/index.cgi'],
          '/app/': ['AuthType None', 'Require all granted', 'SessionCookieName app path=/', 'SessionEnv On'],
        },
        extra: lookAhead,
      },
    });
    try {
      const visitor = await signIn(two);
      visitor.jar.set(two.url, 'app=n=2; Path=/');
      for (const path of ['/app/', '/gone/page']) assert.equal(environmentOf(await visitor.get(path)).HTTP_SESSION, 'n=2', path);
    } finally {
      await two.stop();
    }
  });
});
