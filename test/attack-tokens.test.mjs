// Tokens that were made by others, for others, or for something else, offered wherever we take one.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertFailure, ourLines } from './support/answers.mjs';
import { parseEnvironment, signIn, siteFiles, startSite } from './support/sites.mjs';

const ADA = 'usr_17500000000000001';
const SUB = /it has no valid sub/;
const CLAIMS = /its claims are not a JSON object/;
const HEADER = /its header is not a JSON object/;
const THREE = /it is not a JWT/; // of three parts
const SIGNATURE = /its signature (is wrong|is not base64url)/;
const RS256 = /it is not signed with RS256/;
const EXTENSIONS = /its header demands extensions/;
const NO_KID = /its header names no key/;
const KEY = /its key .* is not in the key set/;

let site;
let recorder;
let seen;
before(async () => {
  recorder = http.createServer((request, response) => {
    seen.push(request.url);
    response.end('{"keys":[]}');
  });
  await new Promise((resolve) => { recorder.listen(0, '127.0.0.1', resolve); });
  site = await startSite({
    site: { locations: { '/admin/': ['Require scalekit-role admin'] } },
    files: { ...siteFiles, 'htdocs/admin/index.html': 'for admins\n' },
  });
});
after(async () => {
  await site?.stop();
  recorder?.close();
});
beforeEach(() => {
  seen = [];
  return site.scalekit.control({ reset: true, forget: true });
});

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

/** Good tokens of each kind that there is. */
const make = {
  id: () => site.scalekit.tokensFor('ada@acme.test').id_token,
  access: () => site.scalekit.tokensFor('ada@acme.test').access_token,
  idp: () => site.scalekit.idpInitiatedToken({ organizationId: 'org_17500000000000001', connectionId: 'conn_1', loginHint: 'ada@acme.test' }),
  logout: () => site.scalekit.logoutToken({ sub: ADA, sid: 'ses_1' }),
  machine: () => {
    const { iss, aud, exp, iat } = claimsOf(make.access());
    return site.scalekit.sign({ iss, aud, exp, iat, nbf: iat, sub: 'm2m_1', client_id: 'm2m_1', oid: 'org_1', scopes: ['all'], jti: 'tkn_1' });
  },
};

/** Lets Scalekit answer a code with these tokens; the page that the visitor gets. */
async function login(set) {
  const visitor = site.visitor();
  const { location } = await visitor.get('/');
  const { location: callback } = await visitor.get(location);
  await site.scalekit.control({ fail: { token: { mode: 'edit', set } } });
  const answer = await visitor.get(callback);
  await site.scalekit.control({ fail: { token: null } });
  return answer;
}

/** The places that take a token: each offers it and says what the answer is if it is not taken. */
const places = {
  id: { status: 502, offer: (token) => login({ id_token: token }) },
  access: { status: 502, offer: (token) => login({ access_token: token }) },
  idp: { status: 400, offer: (token) => site.get(`/login?idp_initiated_login=${encodeURIComponent(token)}`) },
  logout: { status: 400, offer: (token) => site.request('POST', '/auth/backchannel-logout', { form: { logout_token: token } }) },
};

async function assertRefused(place, token, reason) {
  const { status, offer } = places[place];
  const from = site.mark();
  const answer = await offer(token);
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(answer.all('set-cookie').filter((line) => /^session=[^;]/.test(line)), []);
  const lines = ourLines(site.log(from)).filter((line) => /auth_scalekit:(warn|error)/.test(line));
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0], reason);
  for (const part of String(token).split('.')) assert.ok(part.length < 20 || !lines[0].includes(part), 'the log holds the token');
}

describe('a token of one kind is none of another', () => {
  const reasons = {
    id: { access: /it is an ID token/, idp: /another kind/, logout: /not a logout token/ },
    access: { id: /it is not an ID token/, idp: /another kind/, logout: /not a logout token/ },
    idp: { id: /its audience/, access: /its audience/, logout: /not a logout token/ },
    logout: { id: /it is a logout token/, access: /it is a logout token/, idp: /another kind/ },
    machine: { id: /it is not an ID token/, access: /client_id is another client/, idp: /another kind/, logout: /not a logout token/ },
  };
  for (const [kind, offers] of Object.entries(reasons)) {
    for (const [place, reason] of Object.entries(offers)) {
      it(`${kind} as ${place}`, async () => assertRefused(place, await make[kind](), reason));
    }
  }

  it('nor does one become one by what is added to it', async () => {
    const { sign } = site.scalekit;
    const more = { organization_id: 'org_1', connection_id: 'conn_1', azp: site.scalekit.clientId, nonce: 'x' };
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    await assertRefused('idp', sign({ ...claimsOf(make.access()), ...more }), /another kind/);
    await assertRefused('access', sign({ ...claimsOf(make.access()), ...more }), /it is an ID token/);
    await assertRefused('access', sign({ ...claimsOf(make.access()), events }), /it is a logout token/);
    await assertRefused('id', sign({ ...claimsOf(make.id()), events }), /it is a logout token/);
    await assertRefused('logout', sign({ ...claimsOf(make.id()), events, nonce: 'x' }), /nonce/);
  });

  it('and says so in its typ, if it says more than JWT', async () => {
    const { sign } = site.scalekit;
    for (const typ of ['at+jwt', 'logout+jwt', 'application/dpop+jwt', 17]) {
      await assertRefused('id', sign(claimsOf(make.id()), { typ }), /its typ is|typ is no text/);
      await assertRefused('idp', sign(claimsOf(await make.idp()), { typ }), /its typ is|typ is no text/);
    }
    await assertRefused('access', sign(claimsOf(make.access()), { typ: 'logout+jwt' }), /its typ is "logout\+jwt"/);
    await assertRefused('logout', sign(claimsOf(make.logout()), { typ: 'at+jwt' }), /its typ is "at\+jwt"/);
    await site.scalekit.control({ mutate: { access: { header: { typ: 'at+jwt' } } } });
    assert.equal((await signIn(site)).arrival.status, 200);
  });
});

describe('whatever is no good is refused everywhere:', () => {
  const part = (value) => Buffer.from(value).toString('base64url');
  const edited = (change) => (token) => {
    const parts = token.split('.');
    change(parts);
    return parts.join('.');
  };
  // Signed anew with the right key: only its text is strange.
  const text = (change) => (token) => site.scalekit.sign(change(JSON.stringify(claimsOf(token))));
  const header = (more) => (token) => site.scalekit.sign(claimsOf(token), more);
  const bad = {
    'five parts': [(token) => `${token}.AAAA.AAAA`, THREE],
    'four parts': [(token) => `${token}.AAAA`, THREE],
    'two parts': [edited((parts) => parts.pop()), THREE],
    'padding': [(token) => `${token}==`, SIGNATURE],
    'padding of the claims': [edited((parts) => { parts[1] += '='; }), CLAIMS],
    'the alphabet of base64': [edited((parts) => { parts[2] = Buffer.from(parts[2], 'base64url').fill(0xff).toString('base64'); }), SIGNATURE],
    'a header that is text': [edited((parts) => { parts[0] = part('"RS256"'); }), HEADER],
    'a header that is a list': [edited((parts) => { parts[0] = part('[]'); }), HEADER],
    'no signature': [edited((parts) => { parts[2] = ''; }), SIGNATURE],
    'a signature of zeros': [edited((parts) => { parts[2] = Buffer.alloc(256).toString('base64url'); }), SIGNATURE],
    'a signature that is shorter': [edited((parts) => { parts[2] = Buffer.from(parts[2], 'base64url').subarray(1).toString('base64url'); }), SIGNATURE],
    'alg None': [header({ alg: 'None' }), RS256],
    'alg none, and a good signature': [header({ alg: 'nonE' }), RS256],
    'HS256 with the public key': [header({ alg: 'HS256' }), RS256],
    'alg a list': [header({ alg: ['RS256'] }), RS256],
    'alg twice': [(token) => site.scalekit.sign(claimsOf(token), {}).replace(/^[^.]+/, (head) =>
      part(Buffer.from(head, 'base64url').toString().replace('{', '{"alg":"none",'))), HEADER],
    'b64': [header({ b64: false }), EXTENSIONS],
    'b64 and crit': [header({ b64: false, crit: ['b64'] }), EXTENSIONS],
    'an empty crit': [header({ crit: [] }), EXTENSIONS],
    'a kid that is a path': [header({ kid: '../../../../dev/null' }), KEY],
    'a kid that is a question': [header({ kid: '\' or 1=1 --\r\n[error] forged' }), KEY],
    'a kid that is a number': [header({ kid: 17 }), NO_KID],
    'a kid of 129 bytes': [header({ kid: 'x'.repeat(129) }), NO_KID],
    'a claim twice': [text((json) => json.replace('{', '{"iss":"https://evil.test",')), CLAIMS],
    'a claim twice, once with a NUL in its name': [text((json) => json.replace('{', '{"iss\\u0000":"https://evil.test",')), CLAIMS],
    'a claim with a NUL in its name': [text((json) => json.replace('"iat"', '"iat\\u0000"')), CLAIMS],
    'an issuer with a NUL': [text((json) => json.replace(/("iss":"[^"]+)/, '$1\\u0000')), /its issuer/],
    'invalid UTF-8': [(token) => site.scalekit.sign(Buffer.from(JSON.stringify({ ...claimsOf(token), x: 'é' }), 'latin1')), CLAIMS],
    'claims 1,000 levels deep': [text((json) => json.replace('{', `{"x":${'['.repeat(1000)}${']'.repeat(1000)},`)), CLAIMS],
    'claims that are a list': [text((json) => `[${json}]`), CLAIMS],
    'claims that are text': [text((json) => JSON.stringify(json)), CLAIMS],
    'claims and more': [text((json) => `${json}{}`), CLAIMS],
    'no claims': [text(() => '{}'), /its issuer/],
  };
  for (const [name, [change, reason]] of Object.entries(bad)) {
    for (const place of Object.keys(places)) {
      it(`${name} (${place})`, async () => assertRefused(place, change(await make[place]()), reason));
    }
  }

  it('claims of 100 KB, and 10,000 levels deep', async () => {
    const { sign } = site.scalekit;
    for (const place of ['id', 'access']) {
      const claims = claimsOf(make[place]());
      await assertRefused(place, sign({ ...claims, x: 'x'.repeat(100_000) }), /it is too long/);
      await assertRefused(place, sign(JSON.stringify(claims).replace('{', `{"x":${'['.repeat(10_000)}${']'.repeat(10_000)},`)), CLAIMS);
      await assertRefused(place, sign({ ...claims, x: 'x'.repeat(1_000_000) }), /larger than 256 KB/);
    }
  });

  it('keys that a token brings along, and nobody fetches them', async () => {
    const url = `http://127.0.0.1:${recorder.address().port}/keys`;
    const jwk = { kty: 'RSA', kid: 'mine', n: 'AQAB', e: 'AQAB' };
    const brought = { jku: url, x5u: url, jwk, x5c: ['AAAA'], 'x5t#S256': 'AAAA' };
    for (const kind of ['access', 'id']) {
      await site.scalekit.control({ mutate: { [kind]: { apply: ['otherKey'], header: brought } } });
      const visitor = site.visitor();
      const { location } = await visitor.get('/');
      const from = site.mark();
      assertFailure(site, from, await visitor.get((await visitor.get(location)).location), 502, /its signature is wrong/);
      await site.scalekit.control({ mutate: { [kind]: { header: brought } } });
      assert.equal((await signIn(site)).arrival.status, 200, 'with our key they do not matter');
      await site.scalekit.control({ mutate: { [kind]: null } });
    }
    assert.deepEqual(seen, []);
  });
});

describe('times', () => {
  const now = () => Math.floor(Date.now() / 1000);
  const strange = { 'a text': '1', true: true, 'a list': [1], 'an object': {}, '-1': -1, '1e300': 1e300, '2^63': 2 ** 63, '2^64': 2 ** 64, '-2^63': -(2 ** 63) };
  for (const claim of ['exp', 'iat', 'nbf']) {
    for (const [name, value] of Object.entries(strange)) {
      it(`are refused: ${claim} ${name}`, async () => {
        const token = (place) => site.scalekit.sign({ ...claimsOf(make[place]()), [claim]: value });
        const reason = claim === 'nbf' ? /its nbf is not valid/ : new RegExp(`no valid ${claim}`);
        for (const place of ['id', 'access', 'logout']) await assertRefused(place, token(place), reason);
      });
    }
  }
  const good = {
    'a fraction of a second': () => ({ exp: now() + 300.7, iat: now() - 0.3, nbf: now() - 0.3 }),
    'the year 9999': () => ({ exp: 253402300799 }),
    'an nbf that is null': () => ({ nbf: null }),
  };
  for (const [name, claims] of Object.entries(good)) {
    it(`are good: ${name}`, async () => {
      await site.scalekit.control({ mutate: { access: { claims: claims() }, id: { claims: claims() } } });
      const visitor = await signIn(site, { path: '/cgi-bin/env' });
      assert.equal(visitor.arrival.status, 200, visitor.arrival.text);
      assert.match(parseEnvironment(visitor.arrival.text).SCALEKIT_EXPIRES_AT, /^\d+$/);
      assert.equal((await visitor.get('/')).status, 200);
    });
  }
});

describe('a NUL in a claim', () => {
  it('does not make a user of what is in front of it', async () => {
    const claims = { sub: `${ADA}\u0000x` };
    await site.scalekit.control({ mutate: { access: { claims }, id: { claims } } });
    const visitor = site.visitor();
    const { location } = await visitor.get('/');
    const from = site.mark();
    assertFailure(site, from, await visitor.get((await visitor.get(location)).location), 502, SUB);
  });

  it('nor a role, a permission or an address', async () => {
    const id = { claims: { email: 'ada@acme.test\u0000@evil.test', name: 'Ada\u0000' } };
    const access = { claims: { roles: ['admin\u0000x', 'member'], permissions: ['projects:create\u0000'], scope: 'openid\u0000 x' } };
    assert.equal((await signIn(site, { path: '/admin/' })).arrival.status, 200);
    await site.scalekit.control({ mutate: { id, access } });
    const visitor = await signIn(site, { path: '/cgi-bin/env' });
    const environment = parseEnvironment(visitor.arrival.text);
    assert.equal(environment.SCALEKIT_SUB, ADA);
    assert.equal(environment.SCALEKIT_ROLES, 'member');
    for (const name of ['EMAIL', 'PERMISSIONS', 'SCOPES']) assert.equal(environment[`SCALEKIT_${name}`], undefined, name);
    assert.equal((await visitor.get('/admin/')).status, 403);
  });
});
