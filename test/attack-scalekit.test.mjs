// What Scalekit, or whoever answers in its place, may send: nothing of it makes a session, ends one, or holds the server up.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertFailure, linksOf, ourLines } from './support/answers.mjs';
import { canFakeTime, clockOf, until } from './support/httpd.mjs';
import { expiredVisitors, isLogin, refreshesFail, reused, timed } from './support/refreshing.mjs';
import { parseEnvironment, signIn, startHosts, startSite } from './support/sites.mjs';

const ADA = 'usr_17500000000000001';

/** As far as the callback: the visitor, and the URL that brings the code. */
async function begin(host) {
  const visitor = host.visitor();
  const { location } = await visitor.get('/secret.html?q=1');
  return { visitor, callback: (await visitor.get(location)).location };
}

/** No token, code or secret is in our lines of the log. */
function assertDiscreet(lines, scalekit) {
  const secrets = scalekit.state().requests.flatMap(({ form }) => [form.code, form.refresh_token, form.client_secret, form.code_verifier]);
  for (const line of lines) {
    assert.doesNotMatch(line, /eyJ/, 'a token');
    assert.ok(!secrets.some((secret) => secret && line.includes(secret)), line);
  }
}

const body = (text, more) => ({ mode: 'status', status: 200, body: text, ...more });
const set = (...fields) => ({ mode: 'edit', set: Object.fromEntries([fields]) });
const endless = (what) => ({ mode: 'endless', what });
const LARGE = /the answer is larger than 256 KB/;
const NO_OBJECT = /not a JSON object/;
const SLOW = /timed out after/;

describe('an answer with tokens', () => {
  let site;
  before(async () => {
    site = await startSite({ site: { settings: { ScalekitTimeout: '1 2' } } });
  });
  after(() => site?.stop());
  beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

  const refused = {
    'without end': [endless('body'), LARGE],
    'of 257 KB': [body(`{"x":"${'x'.repeat(257 * 1024)}"}`), LARGE],
    'with headers without end': [endless('headers'), LARGE],
    'with trailers without end': [endless('trailers'), LARGE],
    'after interim answers without end': [endless('interim'), LARGE],
    'that drips': [endless('slowBody'), SLOW],
    'whose headers drip': [endless('slowHeaders'), SLOW],
    'that is compressed, though nobody asked for it': [{ mode: 'gzip' }, NO_OBJECT],
    'that is a redirect to the same': [{ mode: 'moved', status: 307, to: '/oauth/token', times: 1 }, /it answered 307/],
    'that is a redirect to a file': [{ mode: 'moved', status: 302, to: 'file:///etc/passwd' }, /it answered 302/],
    'with another 2xx': [{ mode: 'moved', status: 201 }, /it answered 201/],
    'that is empty': [body(''), NO_OBJECT],
    'without content': [body('', { status: 204 }), /it answered 204/],
    'that is null': [body('null'), NO_OBJECT],
    'that is a list': [body('[]'), NO_OBJECT],
    'that is text': [body('"access_token"'), NO_OBJECT],
    'that is UTF-16': [body('\ufeff{}'), NO_OBJECT],
    'that is 10,000 levels deep': [body(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`), NO_OBJECT],
    'that says things twice': [body('{"access_token":"a.b.c","access_token":"d.e.f"}'), NO_OBJECT],
    'that says nothing': [body('{}'), /holds no access_token/],
    'whose access token is a number': [set('access_token', 17), /holds no access_token/],
    'whose access token is null': [set('access_token', null), /holds no access_token/],
    'whose access token is a list': [set('access_token', ['a.b.c']), /holds no access_token/],
    'whose access token is empty': [set('access_token', ''), /holds no access_token/],
    'whose access token holds a NUL': [set('access_token', 'a.b.c\u0000'), /holds no access_token/],
    'whose access token is 200 KB long': [set('access_token', 'x'.repeat(200 * 1024)), /it is too long/],
    'whose ID token is an object': [set('id_token', {}), /holds no id_token/],
    'whose ID token is true': [set('id_token', true), /holds no id_token/],
    'whose refresh token is too large for any session': [set('refresh_token', 'x'.repeat(200 * 1024)), /takes \d+ bytes, more than any may have/, 500],
  };
  for (const [name, [fault, reason, status = 502]] of Object.entries(refused)) {
    it(`${name} gives a page, and the next login is as usual`, async () => {
      const { visitor, callback } = await begin(site);
      await site.scalekit.control({ fail: { token: fault } });
      const from = site.mark();
      const began = performance.now();
      const answer = await visitor.get(callback);
      const time = performance.now() - began;
      assertFailure(site, from, answer, status, reason);
      assertDiscreet(ourLines(site.log(from)), site.scalekit);
      assert.ok(time < (reason === SLOW ? 4000 : 1900), `${time} ms`);
      assert.equal(visitor.jar.get('session'), undefined);
      assert.equal(site.scalekit.state().counters.endpoints.token, 1, 'nobody asks twice');
      await site.scalekit.control({ fail: { token: null } });
      const arrival = await visitor.get(linksOf(answer)[0], { follow: true });
      assert.equal(arrival.status, 200, arrival.text);
    });
  }

  const taken = {
    'expires_in as a string': set('expires_in', '300'),
    'a negative expires_in': set('expires_in', -1),
    'no time to live': set('expires_in', 0),
    'a huge expires_in': set('expires_in', 1e300),
    'a fraction of expires_in': set('expires_in', 0.5),
    'expires_in as a list': set('expires_in', [300]),
    'expires_in of null': set('expires_in', null),
    'expires_in of 2^64': body('{"expires_in":18446744073709551616'), // completed below
    'no expires_in': { mode: 'edit', omit: ['expires_in'] },
    'no token_type and no scope': { mode: 'edit', omit: ['token_type', 'scope'] },
    'a token_type and a scope that are numbers': { mode: 'edit', set: { token_type: 17, scope: 17 } },
    'much else': { mode: 'edit', set: { extra: { a: [1, 2, { b: 'x'.repeat(10_000) }] }, error: 'none', error_description: 7 } },
  };
  for (const [name, fault] of Object.entries(taken)) {
    it(`is good with ${name}: what its tokens say counts`, async () => {
      const now = Math.floor(Date.now() / 1000);
      if (fault.mode === 'status') {
        const tokens = JSON.stringify(await site.scalekit.tokensFor('ada@acme.test'));
        fault.body = `${fault.body},${tokens.slice(1).replace(/"expires_in":\d+,/, '')}`;
      }
      await site.scalekit.control({ fail: { token: fault } });
      const { arrival } = await signIn(site, { path: '/cgi-bin/env' });
      assert.equal(arrival.status, 200, arrival.text);
      const { SCALEKIT_SUB, SCALEKIT_EXPIRES_AT } = parseEnvironment(arrival.text);
      assert.equal(SCALEKIT_SUB, ADA);
      assert.ok(Math.abs(SCALEKIT_EXPIRES_AT - now - 300) < 5, SCALEKIT_EXPIRES_AT);
    });
  }

  it('makes a session that is not refreshed of a refresh token that is none', async () => {
    const visitors = [];
    for (const value of [17, null, [], {}, true, '', 'a\u0000b']) {
      await site.scalekit.control({ fail: { token: set('refresh_token', value) }, accessTokenLife: 2 });
      visitors.push(await signIn(site));
    }
    await sleep(2100);
    for (const visitor of visitors) assert.equal((await visitor.get('/')).status, 200);
    assert.equal(site.scalekit.state().counters.endpoints.token, visitors.length);
  });
});

describe('an answer to a refresh', { concurrency: true }, () => {
  const later = {
    empty: body(''),
    null: body('null'),
    html: { mode: 'html' },
    endless: endless('body'),
    drip: endless('slowBody'),
    twice: body('{"access_token":"a.b.c","access_token":"d.e.f"}'),
    numbers: body('{"access_token":1,"id_token":2,"refresh_token":3,"expires_in":"x"}'),
    error: body('{"error":"invalid_grant"}'), // but 200
    redirect: body('', { status: 307, headers: { Location: '/oauth/token' } }),
    // these come with a new refresh token, and the old one is used up
    notext: { mode: 'edit', set: { access_token: 17 } },
    without: { mode: 'edit', omit: ['access_token'] },
    nojwt: { mode: 'edit', set: { access_token: 'opaque', id_token: 'opaque' } },
    swapped: { mode: 'swap' },
  };
  const good = {
    life: { mode: 'edit', set: { expires_in: -1, token_type: [], scope: 5 } },
    idtoken: { mode: 'edit', set: { id_token: 17 } },
    token: { mode: 'edit', set: { refresh_token: 17 } },
  };
  let server;
  let hosts;
  before(async () => {
    ({ server, hosts } = await startHosts([...Object.keys(later), ...Object.keys(good)], {
      processes: 2, threads: 60, site: () => ({ settings: { ScalekitTimeout: '1 2' } }),
    }));
  });
  after(() => server?.stop());

  for (const name of Object.keys({ ...later, ...good })) {
    it(`does not end the session (${name})`, async () => {
      const { scalekit } = hosts[name];
      const [visitor] = await expiredVisitors(hosts[name], 1);
      await refreshesFail(scalekit, { ...later[name] ?? good[name], times: 1 });
      const answer = await visitor.get('/cgi-bin/env');
      assert.equal(answer.status, later[name] ? 503 : 200, answer.text);
      if (later[name]) assert.match(answer.headers['retry-after'], /^\d+$/);
      const healed = await until(async () => {
        const again = await visitor.get('/cgi-bin/env');
        assert.ok(!isLogin(again), 'the session is lost');
        return again.status === 200 && again;
      }, 10_000);
      assert.equal(parseEnvironment(healed.text).SCALEKIT_SUB, ADA);
      assert.equal(parseEnvironment(healed.text).SCALEKIT_EMAIL, 'ada@acme.test');
      assert.equal(scalekit.state().sessions.length, 1, 'no login');
      assert.deepEqual(reused(scalekit), later[name] && !/^(notext|without|nojwt|swapped)$/.test(name) ? reused(scalekit) : []);
      assertDiscreet(ourLines(server.log()), scalekit);
    });
  }
});

/** 10,000 keys, one of them the right one, and so on: a key set by what it was. */
const keySets = {
  many: [{ keys: { extraKeys: 10_000 } }, LARGE],
  endless: [{ fail: { keys: endless('body') } }, LARGE],
  drip: [{ fail: { keys: endless('slowBody') } }, SLOW],
  moved: [{ fail: { keys: { mode: 'moved', status: 302, to: '/keys', times: 1 } } }, /it answered 302/],
  gzip: [{ fail: { keys: { mode: 'gzip' } } }, NO_OBJECT],
  html: [{ fail: { keys: { mode: 'html' } } }, NO_OBJECT],
  empty: [{ keys: { empty: true } }, /no RSA key of 2048 bits/],
  object: [{ fail: { keys: set('keys', {}) } }, NO_OBJECT],
  deep: [{ fail: { keys: body(`{"keys":${'['.repeat(10_000)}${']'.repeat(10_000)}}`) } }, NO_OBJECT],
  missing: [{ fail: { keys: body('', { status: 404 }) } }, /it answered 404/],
};

describe('a key set', { concurrency: true }, () => {
  let server;
  let hosts;
  before(async () => {
    ({ server, hosts } = await startHosts([...Object.keys(keySets), 'several'], {
      processes: 2, threads: 60, site: () => ({ settings: { ScalekitTimeout: '1 2' } }),
    }));
  });
  after(() => server?.stop());

  for (const [name, [knobs, reason]] of Object.entries(keySets)) {
    it(`that is no good is refused, and the next one is taken (${name})`, async () => {
      const { scalekit } = hosts[name];
      const { visitor, callback } = await begin(hosts[name]);
      await scalekit.control(knobs);
      const from = server.mark();
      const answer = await visitor.get(callback);
      assert.equal(answer.status, 502, answer.text);
      assert.equal(visitor.jar.get('session'), undefined);
      // Nobody else says this, but the hosts share a log.
      const lines = ourLines(server.log(from)).filter((line) => line.includes(`server ${name}.localhost`) || /keys|key set/.test(line));
      assert.ok(lines.some((line) => reason.test(line)), lines.join('\n'));
      await scalekit.control({ reset: true });
      assert.ok(await until(async () => (await signIn(hosts[name])).arrival.status === 200, 8000), 'recovers');
    });
  }

  it('may hold other keys', async () => {
    await hosts.several.scalekit.control({ keys: { extraKeys: 60, encryptionKey: true } });
    assert.equal((await signIn(hosts.several)).arrival.status, 200);
  });
});

describe('tokens with key ids that nobody knows', () => {
  const fetches = (site) => site.scalekit.state().counters.endpoints.keys ?? 0;
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = part({ iss: 'https://acme.scalekit.com' });
  const forged = () => `${part({ alg: 'RS256', kid: `snk_${Math.random()}` })}.${claims}.AAAA`;

  async function flood(site, count) {
    for (let i = 0; i < count; i += 25) {
      const answers = await Promise.all(Array.from({ length: 25 }, () =>
        site.request('POST', '/auth/backchannel-logout', { form: { logout_token: forged() } })));
      for (const { status } of answers) assert.ok(status === 400 || status === 503, String(status));
    }
  }

  for (const [name, count] of [['a server that knows the keys', 1000], ['one that has just been started', 100]]) {
    it(`cost one fetch of the keys in all processes, if there are ${count} of them: ${name}`, async () => {
      const site = await startSite({ processes: 3, threads: 16 });
      try {
        if (count === 1000) assert.equal((await signIn(site)).arrival.status, 200);
        const earlier = fetches(site);
        await flood(site, count);
        assert.equal(fetches(site) - earlier, 1);
        await site.reload();
        await flood(site, 50);
        assert.equal(fetches(site) - earlier, 1, 'new processes know what the old ones knew');
        await site.scalekit.control({ fail: { keys: { mode: 'hang' } } });
        assert.equal((await signIn(site)).arrival.status, 200, 'whose key is known may log in');
      } finally {
        await site.stop();
      }
    });
  }

  it('are taken by all processes, after one fetch, once Scalekit has a new key', async () => {
    const site = await startSite({ processes: 3, threads: 16 });
    try {
      for (const how of ['keep', 'drop']) {
        const earlier = fetches(site);
        await site.scalekit.control({ rotateKeys: how, fail: { keys: { mode: 'slow', delay: 300 } } });
        const visitors = await Promise.all(Array.from({ length: 8 }, () => signIn(site)));
        assert.deepEqual(visitors.map(({ arrival }) => arrival.status), Array(8).fill(200));
        assert.equal(fetches(site) - earlier, 1, how);
      }
    } finally {
      await site.stop();
    }
  });

  it('also where Scalekit has too many keys to share', async () => {
    const site = await startSite({ processes: 3, threads: 16, scalekit: { keys: { extraKeys: 59 } } });
    try {
      const visitors = await Promise.all(Array.from({ length: 8 }, () => signIn(site)));
      assert.deepEqual(visitors.map(({ arrival }) => arrival.status), Array(8).fill(200));
      const earlier = fetches(site);
      await flood(site, 100);
      assert.ok(fetches(site) - earlier <= 3, 'one for each process');
    } finally {
      await site.stop();
    }
  });
});

describe('while the keys of an hour ago cannot be renewed', { skip: !canFakeTime && 'needs libfaketime, and no sanitizer' }, () => {
  let folder;
  let site;
  const later = async (clock, clockSkew) => {
    fs.writeFileSync(`${folder}/clock`, clock);
    await site.scalekit.control({ clockSkew, fail: { keys: { mode: 'hang' } } });
  };
  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'scalekit-clock-'));
    fs.chmodSync(folder, 0o755);
    fs.writeFileSync(`${folder}/clock`, '+0');
    site = await startSite({ env: clockOf(`${folder}/clock`), site: { settings: { ScalekitTimeout: '1 3' } } });
  });
  after(async () => {
    await site?.stop();
    fs.rmSync(folder, { recursive: true });
  });

  it('they are believed, and one visitor a minute waits to see whether there are others', async () => {
    assert.equal((await signIn(site)).arrival.status, 200);
    await later('+61m', 61 * 60);
    const first = timed(signIn(site));
    assert.ok(await until(() => site.scalekit.state().counters.endpoints.keys === 2));
    const rest = [await timed(signIn(site)), await timed(signIn(site)), await first, await timed(signIn(site))];
    assert.deepEqual(rest.map(({ answer }) => answer.arrival.status), [200, 200, 200, 200]);
    assert.deepEqual(rest.map(({ time }) => time > 2500), [false, false, true, false]);
    assert.equal(site.scalekit.state().counters.endpoints.keys, 2);
  });

  it('but not for more than a day', async () => {
    await later('+25h', 25 * 3600);
    const { visitor, callback } = await begin(site);
    const from = site.mark();
    const answer = await visitor.get(callback);
    assert.equal(answer.status, 502, answer.text);
    assert.match(ourLines(site.log(from)).join('\n'), /Scalekit's keys are not to be had/);
  });
});

/** Certificates for the stand-in, each { key, cert }, and the CA that signed the good one. */
function makeCertificates(folder) {
  const openssl = (...words) => {
    const { status, stderr } = spawnSync('openssl', words, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj'];
  const read = (name) => ({ key: fs.readFileSync(`${folder}/${name}.key`), cert: fs.readFileSync(`${folder}/${name}.crt`) });
  const selfSigned = (name, more = []) => {
    openssl('req', '-x509', '-days', '2', ...newKey, `/CN=${name}`, ...more, '-keyout', `${name}.key`, '-out', `${name}.crt`);
    return read(name);
  };
  const signed = (name, ca, { host = 'localhost', days = '2' } = {}) => {
    fs.writeFileSync(`${folder}/${name}.ext`, `subjectAltName=DNS:${host}\n`);
    openssl('req', ...newKey, `/CN=${host}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', days,
      '-extfile', `${name}.ext`, '-out', `${name}.crt`);
    return read(name);
  };
  selfSigned('ca');
  selfSigned('otherca');
  return {
    good: signed('good', 'ca'),
    system: signed('system', 'ca'),
    otherca: signed('stranger', 'otherca'),
    othername: signed('othername', 'ca', { host: 'other.test' }),
    expired: signed('expired', 'ca', { days: '-1' }),
    selfsigned: selfSigned('self', ['-addext', 'subjectAltName=DNS:localhost']),
  };
}

describe('who answers for Scalekit over TLS', () => {
  const refused = {
    system: [/unable to get local issuer certificate/, 'a CA that only we know, without ScalekitCABundle'],
    otherca: [/unable to get local issuer certificate/, 'a CA that ScalekitCABundle does not name'],
    othername: [/target host name 'localhost'/, 'another name'],
    expired: [/certificate has expired/, 'a certificate that has expired'],
    selfsigned: [/self[- ]signed certificate/, 'a certificate of its own making'],
  };
  let folder;
  let server;
  let hosts;
  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'scalekit-tls-'));
    fs.chmodSync(folder, 0o755);
    const certificates = makeCertificates(folder);
    fs.chmodSync(path.join(folder, 'ca.crt'), 0o644);
    ({ server, hosts } = await startHosts(Object.keys(certificates), {
      scalekit: (name) => ({ tls: certificates[name], host: 'localhost' }),
      site: (name) => ({ settings: { ScalekitCABundle: name === 'system' ? null : path.join(folder, 'ca.crt') } }),
    }));
  });
  after(async () => {
    await server?.stop();
    fs.rmSync(folder, { recursive: true });
  });

  it('is believed with a private CA of ScalekitCABundle', async () => {
    assert.equal((await signIn(hosts.good)).arrival.status, 200);
  });

  for (const [name, [reason, what]] of Object.entries(refused)) {
    it(`is not believed with ${what}, and does not see the secret`, async () => {
      const { visitor, callback } = await begin(hosts[name]);
      const from = server.mark();
      assertFailure(server, from, await visitor.get(callback), 502, reason);
      assert.equal(hosts[name].scalekit.state().counters.endpoints.token, undefined);
      assert.equal(visitor.jar.get('session'), undefined);
    });
  }
});

describe('plain http to this machine', () => {
  it('stays there, whatever proxy the environment of httpd names', async () => {
    const seen = [];
    const proxy = http.createServer((request, response) => {
      seen.push(request.url);
      response.writeHead(502).end();
    });
    await new Promise((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
    const url = `http://127.0.0.1:${proxy.address().port}`;
    const site = await startSite({ env: { http_proxy: url, all_proxy: url, ALL_PROXY: url } });
    try {
      assert.equal((await signIn(site)).arrival.status, 200);
      assert.deepEqual(seen, []);
    } finally {
      await site.stop();
      proxy.close();
    }
  });
});
