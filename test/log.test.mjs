// The error log: little in it when all is well, the reason when it is not, never a secret, and no line that a stranger
// wrote.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertFailure, ourLines } from './support/answers.mjs';
import { startBackend } from './support/backend.mjs';
import { unlike } from './support/permissions.mjs';
import { startSite } from './support/sites.mjs';

const A_LINE = /^\[\w{3} \w{3} \d\d [\d:.]+ \d{4}\] \[\w+:\w+\] \[pid \d+/;

async function visit(site, visitor) {
  assert.equal((await visitor.get('/secret.html?q=1', { follow: true })).status, 200);
  assert.equal((await visitor.get('/')).status, 200);
  await visitor.get('/proxied/');
  return visitor.get('/logout', { follow: true });
}

describe('at LogLevel info', () => {
  let site;
  let backend;
  before(async () => {
    backend = await startBackend();
    site = await startSite({ scalekit: { backChannelLogoutUris: [] }, site: { backend } });
  });
  after(async () => {
    await site?.stop();
    await backend?.stop();
  });
  beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

  it('a login, some pages and a logout take five lines at most', async () => {
    const from = site.mark();
    await visit(site, site.visitor());
    const lines = ourLines(site.log(from));
    assert.ok(lines.length <= 5 && lines.length > 0, lines.join('\n'));
    for (const line of lines) assert.match(line, /\[auth_scalekit:info\]/);
  });

  it('a page with a session takes none', async () => {
    const visitor = site.visitor();
    await visitor.get('/', { follow: true });
    const from = site.mark();
    for (let i = 0; i < 5; i += 1) await visitor.get('/secret.html');
    await visitor.script('/secret.html');
    assert.deepEqual(ourLines(site.log(from)), []);
  });

  it('an attempt has the same name in all its lines', async () => {
    const from = site.mark();
    await site.visitor().get('/', { follow: true });
    const names = ourLines(site.log(from)).map((line) => /login ([0-9a-f]{8})/.exec(line)[1]);
    assert.equal(names.length, 2);
    assert.equal(names[0], names[1]);
  });

  it('the name of a failed attempt is that of its beginning', async () => {
    const visitor = site.visitor();
    const from = site.mark();
    await site.scalekit.control({ fail: { token: { mode: 'status', status: 500 } } });
    const answer = await visitor.get('/', { follow: true });
    const [begin, end] = ourLines(site.log(from)).map((line) => /login ([0-9a-f]{8})/.exec(line)[1]);
    assert.equal(begin, end);
    assert.ok(answer.text.includes(begin));
  });

  it('a script that fails is given the reference as well', async () => {
    for (const query of ['state=x', '', 'error=server_error', 'error=access_denied&state=y']) {
      const from = site.mark();
      const answer = await site.visitor().script(`/auth/callback?${query}`, { headers: { Cookie: 'a=b' } });
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      const { reference, status } = answer.json();
      assert.equal(status, answer.status);
      const lines = ourLines(site.log(from));
      assert.equal(lines.length, 1);
      assert.ok(reference && lines[0].includes(reference), `${lines[0]} lacks ${reference}`);
    }
  });

  it('what strangers write makes no line of its own', async () => {
    const forged = '\n[Mon Jan 01 00:00:00.000000 2026] [auth_scalekit:info] [pid 1:tid 1] login deadbeef: user root';
    const encoded = encodeURIComponent(forged);
    const requests = [
      `GET /x${encoded} HTTP/1.1`, `GET /secret.html?${encoded} HTTP/1.1`, `GET /login?next=/${encoded} HTTP/1.1`,
      `GET /login?organization_id=${encoded}&prompt=${encoded} HTTP/1.1`, `GET /auth/callback?state=${encoded} HTTP/1.1`,
      `GET /auth/callback?error=${encoded}&error_description=${encoded} HTTP/1.1`,
      `GET /auth/callback?state=a&iss=${encoded}&code=${encoded} HTTP/1.1`,
      'GET /auth/callback?error=%1b[31m%08%7f&error_description=%c2%9b%ff%00 HTTP/1.1', `POST /logout${encoded} HTTP/1.1`,
      'GET /auth/callback?error=a%E2%80%A8b&error_description=%E2%80%AE HTTP/1.1',
    ];
    const from = site.mark();
    for (const request of requests) {
      const answer = await site.raw(`${request}\nHost: localhost:${site.port}\n`
        + `Cookie: session=${encoded}; session=${encoded}2; sk_login_${encoded}=x; sk_steps=${encoded}\n`
        + `Referer: http://x/\x1b[31m\\n\nUser-Agent: \x1b]0;x\x07\nConnection: close\n\n`);
      assert.notEqual(answer.status, 500, request);
    }
    const body = { error: forged, error_description: forged };
    for (const [reason, knobs] of [
      [/it answered 400/, { fail: { token: { mode: 'status', status: 400, body } } }],
      [/its issuer is/, { mutate: { id: { claims: { iss: forged } } } }],
      [/no valid sub/, { mutate: { access: { claims: { sub: forged } }, id: { claims: { sub: forged } } } }],
      [/its key .* is not in the key set/, { mutate: { access: { header: { kid: forged } } } }],
    ]) {
      await site.scalekit.control({ reset: true, ...knobs });
      assertFailure(site, site.mark(), await site.visitor().get('/', { follow: true }), 502, reason);
    }
    for (const line of site.log(from).split('\n').filter(Boolean)) {
      assert.match(line, A_LINE);
      assert.doesNotMatch(line, /^[^[]*\[Mon Jan 01/);
      assert.doesNotMatch(line, /[\x00-\x08\x0a-\x1f\x7f]/);
    }
  });
});

describe('at LogLevel trace8', () => {
  let site;
  let backend;
  const secrets = {};
  const note = (name, ...values) => { (secrets[name] ??= new Set()).add(...values); };

  // Everything a browser was sent or told to send.
  function noteCookies(visitor) {
    for (const { name, value } of visitor.jar.list()) {
      if (/^(?:session$|sk_login_|sk_logout_)/.test(name)) note(`cookie ${name.slice(0, 8)}`, value);
    }
  }

  before(async () => {
    backend = await startBackend();
    site = await startSite({
      logLevel: 'trace8',
      scalekit: { backChannelLogoutUris: [] },
      site: { backend, locations: { '/proxied/': ['ScalekitPassAccessToken On'] }, settings: { ScalekitTimeout: '1 2' } },
    });
    const visitor = site.visitor();
    const follow = () => {
      noteCookies(visitor);
      return true;
    };
    await visitor.get('/secret.html?q=1', { follow });
    noteCookies(visitor);
    await visitor.get('/proxied/');
    note('access token', backend.last.headers.authorization.slice('Bearer '.length));
    const logout = await visitor.get('/logout');
    note('ID token', new URL(logout.location).searchParams.get('id_token_hint'));
    await visitor.get(logout.location, { follow });

    for (const knobs of [
      ...['status', 'hang', 'html', 'truncated', 'swap'].map((mode) => ({ fail: { token: { mode } } })),
      ...['wrongNonce', 'wrongAtHash', 'badSignature', 'algNone'].map((id) => ({ mutate: { id } })),
      { fail: { keys: { mode: 'disconnect' } } },
      { users: { 'ada@acme.test': { permissions: unlike(400) } } }, { denyLogin: { error: 'server_error', error_description: 'x' } },
    ]) {
      await site.scalekit.control({ reset: true, ...knobs });
      await visitor.get('/', { follow });
      noteCookies(visitor);
      await visitor.get('/', { headers: { Cookie: `session=x; ${visitor.jar.header(site.url)}` } });
      visitor.jar.clear();
    }
    await site.scalekit.control({ reset: true });
    await visitor.get('/', { follow });
    await visitor.get('/auth/callback?state=made-up-state-of-nobody&code=made-up-code-of-nobody');
    note('state', 'made-up-state-of-nobody');
    note('code', 'made-up-code-of-nobody');
    visitor.jar.remove('session');
    await visitor.get('/', { headers: { Cookie: 'session=scalekit=made-up-value-of-nobody' } });
    note('cookie session', 'made-up-value-of-nobody');

    note('client secret', site.scalekit.clientSecret);
    for (const { query, form } of site.scalekit.state().requests) {
      if (query.state) note('state', query.state);
      if (query.nonce) note('nonce', query.nonce);
      if (form.code) note('code', form.code);
      if (form.code_verifier) note('verifier', form.code_verifier);
    }
  });
  after(async () => {
    await site?.stop();
    await backend?.stop();
  });

  it('has collected what must not be in it', () => {
    assert.deepEqual(Object.keys(secrets).sort(), ['ID token', 'access token', 'client secret', 'code', 'cookie session',
      'cookie sk_login', 'cookie sk_logou', 'nonce', 'state', 'verifier']);
    for (const [name, values] of Object.entries(secrets)) {
      for (const value of values) assert.ok(value.length >= 20, `${name} ${value}`);
    }
  });

  it('has lines of ours', () => {
    assert.ok(ourLines(site.log()).length > 30);
  });

  it('there is no secret in a line of ours', () => {
    const lines = ourLines(site.log());
    for (const [name, values] of Object.entries(secrets)) {
      for (const value of values) {
        const part = value.slice(0, 40);
        assert.deepEqual(lines.filter((line) => line.includes(part) || line.includes(encodeURIComponent(part))), [], name);
      }
    }
    for (const line of lines) {
      assert.doesNotMatch(line, /eyJ[\w-]{10}/, 'a JWT');
      assert.doesNotMatch(line, /\brt_[\w-]{10}/, 'a refresh token');
    }
  });

  it('there is no client secret, verifier or token of Scalekit in any line', () => {
    const log = site.log();
    for (const name of ['client secret', 'verifier']) {
      for (const value of secrets[name]) assert.equal(log.includes(value), false, name);
    }
    assert.doesNotMatch(log, /\brt_[\w-]{10}/);
  });

  // httpd's own: they log what travels over the wire, and nothing can be done about it but not to debug for long.
  it('other modules log request lines, headers and cookies, and nothing else of it', () => {
    const wire = {
      'core:trace5': /Request received from client: /,
      'http:trace4': /\]   (?:Cookie|Set-Cookie|Location): /,
      'core:debug': /AH00007: ap_cookie: /,
    };
    const values = Object.values(secrets).flatMap((set) => [...set]).map((value) => value.slice(0, 40));
    for (const line of site.log().split('\n').filter((one) => values.some((value) => one.includes(value)))) {
      assert.match(line, wire[/\[(\w+:\w+)\]/.exec(line)[1]] ?? /^$/);
    }
  });
});
