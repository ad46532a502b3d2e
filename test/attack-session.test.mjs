// Attacks on the session: by somebody who changes cookies, by the application behind, by another host of the domain.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { cookiesOf, linksOf, localTarget, ourLines } from './support/answers.mjs';
import { startBackend, startFastcgi } from './support/backend.mjs';
import { isLogin } from './support/refreshing.mjs';
import { parseEnvironment, scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const ADA = 'usr_17500000000000001';
const MAX = 'usr_17500000000000002';

let site;
let backend;
let fastcgi;

before(async () => {
  backend = await startBackend();
  fastcgi = await startFastcgi();
  site = await startSite({
    scalekit: { backChannelLogoutUris: [] },
    files: {
      ...siteFiles,
      'cgi-bin/say': { text: '#!/bin/sh\ncat "$DOCUMENT_ROOT/said.txt"\n', mode: 0o755 },
      'htdocs/said.txt': '',
    },
    config: (server) => scalekitHost(server, {
      backend,
      fastcgi,
      locations: {
        '/open/': ['Require all granted', 'ScalekitUnauthenticated pass'],
        '/elsewhere/': ['SessionCookieName other path=/elsewhere'],
        '/override/': ['ProxyErrorOverride On'],
        '/globex/': ['ScalekitOrganization org_17500000000000002'],
      },
      extra: `ProxyPassMatch "^/(?:public|open|override|page)/(app)$" "${backend.url}/$1"
        ProxyPassMatch "^/(?:public|open|override|page)/fastcgi$" "fcgi://127.0.0.1:${fastcgi.port}/" disablereuse=on
        ScriptAliasMatch "^/(?:public|open|override|page)/cgi$" "${server.root}/cgi-bin/say"`,
    }),
  });
});
after(async () => {
  await site?.stop();
  await backend?.stop();
  await fastcgi?.stop();
});
beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

const withCookie = (Cookie, path = '/') => site.get(path, { headers: { Cookie } });
const userOf = async (Cookie) => parseEnvironment((await withCookie(Cookie, '/cgi-bin/env')).text).REMOTE_USER;

describe('a cookie with one byte changed, or cut off anywhere,', () => {
  // What differs between any two answers of this kind goes: the time, and the secrets of a login.
  const tidy = (text) => text.replace(/(state|nonce|code_challenge|sk_login)[=_][\w=-]+/g, '$1').replace(/(reference\\":\\")[0-9a-f]+/, '$1');
  const essence = ({ status, fields, text }) => tidy(JSON.stringify([status, fields.filter(([name]) => !/^(?:Date|Keep-Alive|Connection)$/.test(name)), text]));

  it('is answered as one that says nothing, to the letter', async () => {
    const { value } = (await signIn(site)).jar.get('session');
    const visitor = site.visitor({ keepAlive: true });
    visitor.options.cookies = false;
    const ask = async (one, script) => essence(await visitor.request('GET', '/', { script, headers: { Cookie: `session=${one}` } }));
    const nothing = { true: await ask('nothing', true), false: await ask('nothing', false) };
    // Not an "A" in the place of an "a": to mod_session, "scAlekit" is "scalekit".
    const changed = [...value].flatMap((byte, i) => [byte === 'B' ? 'C' : 'B', String.fromCharCode(byte.charCodeAt(0) ^ 1), '%', '\xff']
      .filter((other) => other !== byte && other !== ';').map((other, n) => [value.slice(0, i) + other + value.slice(i + 1), n > 1 || i % 8 > 0]));
    const cut = [...value].map((_, i) => [value.slice(0, i), i % 8 > 0]);
    const from = site.mark();
    for (const [one, script] of [...changed, ...cut]) {
      assert.equal(await ask(one, script), nothing[script], one);
    }
    assert.doesNotMatch(ourLines(site.log(from)).join('\n'), /auth_scalekit:(?:warn|error|crit)/);
    assert.equal((await withCookie(`session=${value}`)).status, 200, 'the true one');
  });
});

describe('a cookie is what browsers take for one:', () => {
  // Another host of the domain may set any cookie but those whose name begins with __Host-.
  it('a session is not in another cookie, or under a name that is only similar', async () => {
    const { value } = (await signIn(site)).jar.get('session');
    assert.equal((await withCookie(`a=b;session=${value} ;c=d`)).status, 200);
    for (const Cookie of [`a=b,session=${value}`, `a="b, session=${value}"`, `a="b; c",session=${value}`, `ses sion=${value}`, `Session=${value}`,
      `=session=${value}`, `$session=${value}`, `session =x,session=${value}`, `session=x,session=${value}`, `a,session=${value}`, `a=,session=${value}`, `other=x,session=${value}`]) {
      assert.ok(isLogin(await withCookie(Cookie)), Cookie.replace(value, 'VALID'));
    }
  });

  it('nor is a login', async () => {
    const visitor = site.visitor();
    const { location } = await visitor.get('/secret.html');
    const callback = (await visitor.get(location)).location;
    const { name, value } = visitor.jar.get(/^sk_login_/);
    for (const Cookie of [`a=b,${name}=${value}`, `${name.slice(0, 5)} ${name.slice(5)}=${value}`, `=${name}=${value}`]) {
      assert.equal((await withCookie(Cookie, callback)).status, 400, Cookie);
    }
    assert.equal(localTarget(await withCookie(`x;${name}=${value}`, callback)), '/secret.html');
  });

  it('and the value of another one reaches the application as it is', async () => {
    const Cookie = 'a=b,session=c; d="e,sk_login_00=f"; g=h, sk_steps=i';
    await withCookie(Cookie, '/public/app');
    assert.equal(backend.last.headers.cookie, Cookie);
  });
});

describe('an application that sets a cookie of our names', () => {
  const names = ['session', 'sk_login_0123abcd', '__Host-sk_login_0123abcd', 'sk_steps', 'sk_switch', 'sk_logout_session'];
  const lines = (value) => [`session=${value}; Path=/`,
    ...names.flatMap((name) => [`${name}=x; Path=/`, `${name}=; Max-Age=0; Path=/`]), ' session=x', 'session =x', '\tsession\t=x; Path=/page', '=session=x', '= session =x', 'session'];
  const others = ['sessions=1; Path=/', 'a=session=1', 'b=1; session=2', '=c', 'Session=d'];
  const ways = {
    app: (cookies) => backend.answer('/app', { headers: { 'Set-Cookie': cookies }, body: 'page' }),
    cgi: (cookies) => site.writeFiles({ 'htdocs/said.txt': `Content-Type: text/plain\n${cookies.map((one) => `Set-Cookie: ${one}\n`).join('')}\npage` }),
    fastcgi: (cookies) => { fastcgi.headers = cookies.map((one) => `Set-Cookie: ${one}\r\n`).join(''); },
  };
  let planted;

  before(async () => {
    await site.scalekit.control({ reset: true });
    planted = (await signIn(site, { as: 'max@acme.test' })).jar.get('session').value;
    for (const say of Object.values(ways)) say([...lines(planted), ...others]);
  });
  after(() => { fastcgi.headers = ''; });

  for (const way of Object.keys(ways)) {
    it(`by ${way} sets others only`, async () => {
      const ada = await signIn(site);
      for (const [who, visitor] of [['Ada', ada], ['a stranger', site.visitor()]]) {
        for (const where of ['public', 'open', ...(who === 'Ada' ? ['page', 'override'] : [])]) {
          const answer = await visitor.clone().get(`/${where}/${way}`);
          assert.equal(answer.status, 200);
          assert.deepEqual(answer.all('set-cookie'), others, `${who} in /${where}/`);
        }
      }
    });
  }

  it('does not, whatever else it answers', async () => {
    for (const status of [204, 302, 404, 503]) {
      backend.answer('/app', { status, headers: { 'Set-Cookie': `session=${planted}`, Location: '/x' }, body: '' });
      for (const path of ['/public/app', '/override/app']) {
        assert.deepEqual((await (await signIn(site)).get(path)).all('set-cookie'), [], `${status} ${path}`);
      }
    }
    for (const status of ['Location: /public/', 'Location: https://other.test/', 'Status: 404']) {
      site.writeFiles({ 'htdocs/said.txt': `${status}\nSet-Cookie: session=${planted}; Path=/\nContent-Type: text/plain\n\npage` });
      assert.deepEqual((await site.get('/public/cgi')).all('set-cookie'), [], status);
    }
  });

  it('leaves the session that was refreshed for it to the browser', async () => {
    ways.app([`session=${planted}; Path=/`, 'mine=1']);
    ways.cgi([`session=${planted}; Path=/`, 'mine=1']);
    for (const way of ['app', 'cgi']) {
      await site.scalekit.control({ reset: true, accessTokenLife: 2 });
      const ada = await signIn(site, { as: 'ada@acme.test' });
      await new Promise((next) => { setTimeout(next, 1500); });
      const answer = await ada.get(`/page/${way}`);
      assert.deepEqual(answer.all('set-cookie').map((line) => line.split('=')[0]).sort(), ['mine', 'session', 'sk_logout_session']);
      assert.notEqual(cookiesOf(answer).session.value, planted);
      await site.scalekit.control({ accessTokenLife: 300 });
      assert.equal(parseEnvironment((await ada.get('/cgi-bin/env')).text).REMOTE_USER, ADA);
    }
  });

  it('leaves it to the browser also where it breaks off, and httpd begins another answer', async () => {
    for (const cookie of ['', `Set-Cookie: session=${planted}; Path=/\r\n`]) {
      backend.answer('/app', { raw: `HTTP/1.1 200 OK\r\n${cookie}Transfer-Encoding: chunked\r\n\r\nzz\r\n` });
      await site.scalekit.control({ reset: true, accessTokenLife: 2 });
      const ada = await signIn(site, { as: 'ada@acme.test' });
      await new Promise((next) => { setTimeout(next, 1500); });
      const answer = await ada.get('/page/app');
      assert.equal(answer.status, 502);
      assert.deepEqual(answer.all('set-cookie').map((line) => line.split('=')[0]), ['session', 'sk_logout_session']);
      assert.notEqual(cookiesOf(answer).session.value, planted);
    }
    await site.scalekit.control({ reset: true });
  });
});

describe('another host of the domain, which sets cookies for this one,', () => {
  const junk = (name, count) => Array.from({ length: count }, (_, i) => `${name}=${'x'.repeat(20)}${i}`);
  const toss = (visitor, ...cookies) => {
    // Browsers send those with the longer path first.
    cookies.forEach((line, i) => visitor.jar.set(site.url, `${line}; Path=${i % 2 ? '/secret.html' : '/'}`));
  };

  it('does not hide a session behind cookies of its name', async () => {
    const { value } = (await signIn(site)).jar.get('session');
    const many = junk('session', 60);
    for (const Cookie of [[...many, `session=${value}`], [...many, `session=${value}`, 'session=x', 'session=', 'session']]) {
      assert.equal((await withCookie(Cookie.join('; '))).status, 200);
    }
  });

  it('does not hide one behind any number of others', async () => {
    const { value } = (await signIn(site)).jar.get('session');
    for (const many of [junk('j', 230), Array.from({ length: 230 }, (_, i) => `sk_login_${i}=${'y'.repeat(12)}`)]) {
      assert.equal((await withCookie([...many, `session=${value}`].join('; '))).status, 200);
    }
  });

  it('does not keep anybody from logging in', async () => {
    const attacker = site.visitor();
    for (let i = 0; i < 5; i += 1) await attacker.get('/');
    const cookies = [...attacker.jar.list().map(({ name, value }) => `${name}=${value}`), 'sk_steps=9', 'sk_steps=99999999999', 'sk_switch=a.b',
      'session=x', ...Array.from({ length: 150 }, (_, i) => `sk_login_${i}=x`)].join('; ');
    const victim = site.visitor();
    const send = (path) => victim.get(path, { headers: { Cookie: `${cookies}; ${victim.jar.header(site.url)}` } });
    const begun = await send('/secret.html');
    assert.ok(isLogin(begun), begun.text);
    assert.ok(JSON.stringify(begun.fields).length < 4096, 'some proxies drop answers with more than 4 KB of headers');
    const { location } = await victim.get(begun.location);
    assert.equal(localTarget(await send(location)), '/secret.html');
    assert.equal((await send('/secret.html')).status, 200);
  });

  it('does not make us think that a session was switched already', async () => {
    const visitor = await signIn(site);
    const answer = await visitor.get('/globex/');
    const note = visitor.jar.get('sk_switch').value;
    assert.ok(isLogin(answer));
    // What the module wrote before its cookies were sealed, for the attacker knows the organization.
    for (const forged of ['d8d4a0d6c3a7b3b1.0000000000000000', `${note.slice(0, -1)}${note.endsWith('A') ? 'B' : 'A'}`, 'x', '']) {
      const another = await signIn(site);
      toss(another, `sk_switch=${forged}`);
      assert.ok(isLogin(await another.get('/globex/')), forged);
    }
  });
});
