// The tests of the tests: a browser, a server or a backend that lies would make all others worthless.
// They need httpd, but not our module.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startBackend, startFastcgi } from './support/backend.mjs';
import { CookieJar } from './support/cookies.mjs';
import { configtest, hasModule, startHttpd, until } from './support/httpd.mjs';
import { parseEnvironment, siteConfig, siteFiles } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const top = fileURLToPath(new URL('..', import.meta.url));

const mpms = ['event', 'worker', 'prefork'].filter((mpm) => hasModule(`mpm_${mpm}`));

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the records to fuzz with', () => {
  it('have the version that is read', () => {
    const [, version] = fs.readFileSync(`${top}src/core/record.h`, 'utf8').match(/#define SK_RECORD_VERSION (\d+)/);
    const folder = `${top}test/fuzz/corpus/record/`;
    for (const name of fs.readdirSync(folder)) {
      const is = fs.readFileSync(folder + name)[0] === Number(version);
      assert.equal(is, name !== 'old-version', name);
    }
  });
});

describe('the cookie jar', () => {
  const site = 'https://app.example.test/dir/page';
  const kept = (line, from = site, options = {}) => {
    const jar = new CookieJar(options);
    jar.set(from, line);
    return jar.list().map(({ name }) => name).join();
  };

  it('sends longer paths first and older cookies before newer ones', () => {
    const jar = new CookieJar();
    ['a=1; Path=/', 'b=1; Path=/', 'a=2; Path=/dir', 'a=3; Path=/'].forEach((line) => jar.set(site, line));
    assert.equal(jar.header(site), 'a=2; a=3; b=1');
    assert.equal(jar.header('https://app.example.test/directory'), 'a=3; b=1');
    assert.equal(jar.header('https://example.test/'), '');
  });

  it('takes the directory of the page as the path when none is given', () => {
    const jar = new CookieJar();
    jar.set(site, 'a=1');
    assert.equal(jar.header('https://app.example.test/dir/other'), 'a=1');
    assert.equal(jar.header('https://app.example.test/'), '');
  });

  it('keeps domain cookies for subdomains and host cookies for the host', () => {
    const jar = new CookieJar();
    jar.set(site, 'wide=1; Domain=example.test; Path=/');
    jar.set(site, 'narrow=1; Path=/');
    assert.equal(jar.header('https://other.example.test/'), 'wide=1');
    assert.equal(kept('a=1; Domain=evil.test'), '');
  });

  it('drops what expires', () => {
    const jar = new CookieJar();
    jar.set(site, 'a=1; Path=/');
    jar.set(site, 'a=; Path=/; Max-Age=0');
    jar.set(site, 'b=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT');
    assert.equal(jar.header(site), '');
    assert.equal(kept('a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT'), 'a');
  });

  it('drops name and value of more than 4096 bytes', () => {
    assert.equal(kept(`abc=${'x'.repeat(4093)}; Path=/`), 'abc');
    assert.equal(kept(`abcd=${'x'.repeat(4093)}; Path=/`), '');
  });

  it('keeps Secure cookies from https and localhost only', () => {
    assert.equal(kept('a=1; Secure'), 'a');
    assert.equal(kept('a=1; Secure', 'http://localhost:8080/'), 'a');
    assert.equal(kept('a=1; Secure', 'http://app.example.test/'), '');
    assert.equal(kept('a=1; Secure', 'http://localhost:8080/', { secureOnLoopback: false }), '');
    const jar = new CookieJar();
    jar.set(site, 'a=1; Secure; Path=/');
    assert.equal(jar.header('http://app.example.test/'), '');
    jar.set('http://app.example.test/', 'a=2; Path=/');
    assert.equal(jar.header(site), 'a=1');
  });

  it('holds __Host- to its promise', () => {
    assert.equal(kept('__Host-a=1; Secure; Path=/'), '__Host-a');
    assert.equal(kept('__Host-a=1; Secure; Path=/dir'), '');
    assert.equal(kept('__Host-a=1; Path=/'), '');
    assert.equal(kept('__Host-a=1; Secure; Path=/', 'http://localhost:8080/'), '__Host-a');
    assert.equal(kept('__Host-a=1; Secure; Path=/', 'http://app.example.test/'), '');
    assert.equal(kept('__Host-a=1; Secure; Path=/; Domain=app.example.test'), '');
  });
});

for (const mpm of mpms) {
  describe(`httpd with ${mpm}`, () => {
    let backend;
    let fastcgi;
    let server;

    before(async () => {
      backend = await startBackend();
      fastcgi = await startFastcgi();
      server = await startHttpd({
        mpm,
        module: false,
        files: siteFiles,
        env: { HARD: 'it\'s "quoted"\n$and `wrapped\\' },
        config: (site) => `PassEnv HARD\n${siteConfig(site, { backend, fastcgi })}`,
      });
    });

    after(async () => {
      await server?.stop();
      await backend?.stop();
      await fastcgi?.stop();
    });

    it('serves pages, scripts and includes', async () => {
      assert.match((await server.get('/')).text, /the home page/);
      assert.match((await server.get('/public/')).text, /the public page/);
      assert.match((await server.get('/ssi.shtml')).text, /user=\[\(none\)\][^]*GATEWAY_INTERFACE/);
      for (const path of ['/cgi-bin/env?a=1', '/indexed/?a=1', '/views/page?a=1']) {
        const environment = parseEnvironment((await server.get(path)).text);
        assert.equal(environment.QUERY_STRING, 'a=1', path);
        assert.equal(environment.HARD, 'it\'s "quoted"\n$and `wrapped\\', path);
      }
    });

    it('reaches the backends', async () => {
      const answer = await server.get('/proxied/path?q=1');
      assert.equal(answer.json().url, '/path?q=1');
      backend.answer('/odd', { status: 503, headers: { 'Retry-After': '7' }, body: 'later' });
      const odd = await server.get('/proxied/odd');
      assert.deepEqual([odd.status, odd.headers['retry-after'], odd.text], [503, '7', 'later']);
      assert.equal((await server.get('/fastcgi/app.php?q=1')).json().QUERY_STRING, 'q=1');
    });

    it('tunnels a WebSocket', async () => {
      const socket = await server.visitor().websocket('/ws/');
      assert.equal(socket.status, 101);
      assert.equal(await socket.echo('over and out'), 'over and out');
      socket.close();
    });

    it('reloads, and keeps what it has when the new configuration is wrong', async () => {
      const visitor = server.visitor({ keepAlive: true });
      await visitor.get('/');
      const old = server.children();
      await server.reload({ config: 'Redirect "/old" "/new"' });
      assert.equal((await visitor.get('/old')).location, `${server.url}/new`);
      assert.equal(server.children().some((pid) => old.includes(pid)), false);
      await assert.rejects(server.reload({ config: 'Nonsense' }), /Invalid command 'Nonsense'/);
      assert.equal((await visitor.get('/old')).status, 302);
    });
  });
}

describe('a server', () => {
  it('is refused with the words of httpd', async () => {
    await assert.rejects(startHttpd({ module: false, config: 'Nonsense' }), /did not start[^]*Invalid command 'Nonsense'/);
    await assert.rejects(startHttpd({ module: false, modules: ['absent'] }), /mod_absent\.so/);
    const refused = await configtest({ module: false, config: 'Nonsense' });
    assert.notEqual(refused.status, 0);
    assert.match(refused.output, /Invalid command 'Nonsense'/);
    const accepted = await configtest({ module: false, config: 'Define WORD' }, '-DDUMP_RUN_CFG');
    assert.equal(accepted.status, 0);
    assert.match(accepted.output, /Define: WORD/);
  });

  it('takes a request as it stands', async () => {
    const server = await startHttpd({ module: false });
    const answer = await server.raw('GET //a/../%2e HTTP/1.1\nHost: x\nHost: y\nConnection: close\n\n');
    const target = await server.get('/', { target: '//a%2f/' });
    await server.stop();
    assert.equal(answer.status, 400);
    assert.equal(target.status, 404);
  });

  it('speaks https and HTTP/2', { skip: !hasModule('ssl') || !hasModule('http2') }, async () => {
    const server = await startHttpd({
      module: false,
      tls: true,
      http2: true,
      files: siteFiles,
      config: (site) => `Protocols h2 http/1.1\n<VirtualHost *:${site.port}>\n${site.tlsLines}\n</VirtualHost>`,
    });
    const over1 = await server.get('/');
    const over2 = await server.visitor({ http2: true }).get('/');
    await server.waitForAccess(/HTTP\/1\.1" 200/);
    await server.waitForAccess(/HTTP\/2\.0" 200/);
    await server.stop();
    assert.match(over1.text, /the home page/);
    assert.match(over2.text, /the home page/);
  });

  it('cannot hide that a child crashed', async () => {
    const server = await startHttpd({ module: false });
    const pid = server.children().find((child) => fs.readFileSync(`/proc/${child}/status`, 'utf8').includes('SigCgt'));
    process.kill(pid, 'SIGABRT'); // a sanitizer would take SIGSEGV for itself
    await server.waitForLog(/exit signal Abort/);
    await assert.rejects(server.stop(), /httpd crashed/);
  });

  it('leaves nothing, even when its test is killed', async () => {
    const code = `import { startHttpd } from './support/httpd.mjs';
      const server = await startHttpd({ module: false });
      console.log(JSON.stringify([server.root, server.pid, ...server.children()]));
      setInterval(() => {}, 1000);`;
    const test = spawn(process.execPath, ['--input-type=module', '-e', code], {
      cwd: new URL('.', import.meta.url), stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [root, ...pids] = JSON.parse(await once(test.stdout, 'data'));
    assert.ok(pids.length > 1 && pids.every(isAlive));
    test.kill('SIGKILL');
    assert.ok(await until(() => !fs.existsSync(root) && !pids.some(isAlive)), 'something is left');
  });
});

describe('the visitor', () => {
  let one;
  let two;
  const seen = (answer) => answer.json().headers;

  before(async () => {
    one = await startBackend();
    two = await startBackend();
  });

  after(() => Promise.all([one?.stop(), two?.stop()]));

  const visitor = () => new Visitor(`http://localhost:${one.port}`);

  it('follows redirects on demand, as far as it is told', async () => {
    one.answer('/a', { status: 302, headers: { Location: '/b', 'Set-Cookie': ['x=1; Path=/', 'y=2; Path=/'] }, body: '' });
    one.answer('/b', { status: 303, headers: { Location: `${two.url}/c` }, body: '' });
    one.answer('/loop', { status: 302, headers: { Location: '/loop' }, body: '' });
    assert.equal((await visitor().get('/a')).location, `http://localhost:${one.port}/b`);
    const end = await visitor().post('/a', { field: 'a b' }, { follow: true });
    assert.deepEqual(end.hops.map(({ status }) => status), [302, 303]);
    assert.deepEqual([end.json().method, seen(end).cookie, end.json().body], ['GET', undefined, '']);
    assert.equal(one.last.headers.cookie, 'x=1; y=2');
    const stopped = await visitor().get('/a', { follow: (next) => next.pathname !== '/c' });
    assert.equal(stopped.location, `${two.url}/c`);
    await assert.rejects(visitor().get('/loop', { follow: true }), /too many redirects/);
  });

  it('says what browsers say of a request', async () => {
    const navigation = seen(await visitor().get('/'));
    assert.match(navigation.accept, /^text\/html/);
    assert.deepEqual([navigation['sec-fetch-site'], navigation['sec-fetch-mode'], navigation.referer], ['none', 'navigate', undefined]);
    const link = seen(await visitor().get('/', { from: `${two.url}/page` }));
    assert.deepEqual([link['sec-fetch-site'], link.referer], ['cross-site', `${two.url}/`]);
    const form = seen(await visitor().post('/', { a: 'b c' }));
    assert.deepEqual([form['sec-fetch-site'], form.origin, form['content-length']], ['same-origin', `http://localhost:${one.port}`, '5']);
    const script = seen(await visitor().script('/'));
    assert.deepEqual([script.accept, script['sec-fetch-mode'], script['sec-fetch-dest']], ['application/json', 'cors', 'empty']);
    const plain = seen(await visitor().get(`http://app.example.test:${one.port}/`));
    assert.deepEqual([plain.host, plain['sec-fetch-site']], [`app.example.test:${one.port}`, undefined]);
  });

  it('lets a test change headers', async () => {
    const changed = await visitor().get('/', { headers: { Accept: null, 'X-A': ['1', '2'], 'sec-fetch-site': 'cross-site' } });
    assert.deepEqual([seen(changed).accept, seen(changed)['sec-fetch-site']], [undefined, 'cross-site']);
    assert.deepEqual(changed.json().fields.filter(([name]) => name === 'X-A'), [['X-A', '1'], ['X-A', '2']]);
  });

  it('shares cookies between requests, and with a clone only what it had', async () => {
    one.answer('/set', { headers: { 'Set-Cookie': 'a=1; Path=/' }, body: '' });
    const browser = visitor();
    await browser.get('/set');
    const thief = browser.clone();
    browser.jar.remove('a');
    assert.equal(seen(await thief.get('/')).cookie, 'a=1');
    assert.equal(seen(await browser.get('/')).cookie, undefined);
  });
});
