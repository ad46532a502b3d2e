// The ways in: how a page steers the login that it asks for, whose organization a page is, and logins that begin elsewhere.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertFailure, assertPage, formOf, linksOf, localTarget, ourLines } from './support/answers.mjs';
import { configtest } from './support/httpd.mjs';
import { parseEnvironment, scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const ACME = 'org_17500000000000001';
const GLOBEX = 'org_17500000000000002';
const MIA = 'mia@acme.test'; // at home in both
const memberships = [{ organization: 'Acme', roles: ['member'] }, { organization: 'Globex', roles: ['member'] }];
const users = [
  { id: 'usr_1', email: MIA, name: 'Mia Many', memberships, connectionId: 'conn_1' },
  { id: 'usr_2', email: 'max@acme.test', name: 'Max Member', organization: 'Acme', roles: ['member'] },
];

const ours = (...lines) => ['AuthType Scalekit', 'Require valid-user', ...lines];
const locations = {
  '/': ours(),
  '/acme': ours(`ScalekitOrganization ${ACME}`),
  '/globex': ours(`ScalekitOrganization ${GLOBEX}`),
  '/globex/everybody': ours('ScalekitOrganization Off'),
  '/globex/never': ours('ScalekitUnauthenticated 401'),
  '/own-id': ours('ScalekitOrganization acme'),
  '/own-id-2': ours('ScalekitOrganization globex'),
  '/host': ours('ScalekitOrganization "%{HTTP_HOST}"'),
  '/function': ours(`ScalekitOrganization "%{tolower:${GLOBEX.toUpperCase()}}"`),
  '/header': ours('ScalekitOrganization "%{req:X-Tenant}"'),
  '/expression-fails': ours('ScalekitOrganization "%{file:/does/not/exist}"'),
  '/require': ours().concat(`Require scalekit-organization ${GLOBEX}`).filter((line) => line !== 'Require valid-user'),
  '/require-own-id': ['AuthType Scalekit', 'Require scalekit-organization globex'],
  '/require-two': ['AuthType Scalekit', `Require scalekit-organization ${GLOBEX} org_3`],
  '/cgi-bin/env/open': ['AuthType Scalekit', 'Require all granted', `ScalekitOrganization ${GLOBEX}`],
  '/cgi-bin/env/mismatch': ours(`ScalekitOrganization ${GLOBEX}`, 'ErrorDocument 403 /cgi-bin/env/open'),
  '/hints': ours('ScalekitConnection conn_1', 'ScalekitProvider google', 'ScalekitDomainHint acme.test',
    'ScalekitLoginHint mia@acme.test', 'ScalekitPrompt login'),
  '/hints/inner': ours('ScalekitConnection off', 'ScalekitProvider github'),
  '/hints/expressions': ours('ScalekitConnection "%{req:X-Connection}"', 'ScalekitProvider "%{req:X-Provider}"',
    'ScalekitDomainHint "%{req:X-Domain}"', 'ScalekitLoginHint "%{req:X-Login}"', 'ScalekitPrompt "%{req:X-Prompt}"'),
};

const byPath = [
  '<LocationMatch "^/t/(?<tenant>[^/]+)">', ...ours('ScalekitOrganization "%{env:MATCH_TENANT}"'), '</LocationMatch>',
  '<LocationMatch "^/u/(?<tenant>\\w+)">', ...ours('ScalekitOrganization "%{reqenv:MATCH_TENANT}"'), '</LocationMatch>',
  'SetEnvIf Host "^([^.:]+)\\.localhost" TENANT=$1',
  'SetEnvIf Request_URI "^/e/([^/]+)" TENANT=$1',
  '<Location "/e">', ...ours('ScalekitOrganization "%{env:TENANT}"'), '</Location>',
];

const htaccess = {
  hints: ['ScalekitConnection "conn_%{tolower:A}"', 'ScalekitProvider google', 'ScalekitDomainHint a.test', 'ScalekitLoginHint a@a.test', 'ScalekitPrompt create'],
  organization: [`ScalekitOrganization ${ACME}`],
  file: ['ScalekitLoginHint "%{file:/etc/hostname}"'],
};

let site;
const hintNames = ['organization_id', 'connection_id', 'provider', 'domain_hint', 'login_hint', 'prompt'];
const isAuthorize = (answer) => Boolean(answer.location?.startsWith(`${site.scalekit.url}/oauth/authorize?`));
function hintsOf(answer) {
  assert.ok(isAuthorize(answer), `${answer.status} ${answer.location}\n${answer.text}`);
  const asked = new URL(answer.location).searchParams;
  return Object.fromEntries(hintNames.filter((name) => asked.has(name)).map((name) => [name, asked.get(name)]));
}
const authorizations = () => site.scalekit.state().requests.filter(({ endpoint }) => endpoint === 'authorize').map(({ query }) => query);

before(async () => {
  const files = Object.fromEntries(Object.entries(htaccess).flatMap(([name, lines]) => [
    [`htdocs/ht/${name}/.htaccess`, [...ours(...lines), ''].join('\n')],
    [`htdocs/ht/${name}/index.html`, 'inside\n'],
  ]));
  site = await startSite({
    files: { ...siteFiles, ...files, 'htdocs/include.shtml': 'before <!--#include virtual="/globex" --> after\n' },
    logLevel: 'warn auth_scalekit:debug',
    processes: 1, // each remembers by itself which requests of identity providers were used
    scalekit: { users, organizations: [{ id: ACME, name: 'Acme', externalId: 'acme' }, { id: GLOBEX, name: 'Globex', externalId: 'globex' }], autoLogin: MIA },
    config: (server) => scalekitHost(server, {
      locations,
      extra: [`AliasMatch "^/(acme|globex|own-id|host|function|header|expression-fails|require|hints|t|u|e)(?!.*shtml)" "${server.docroot}/secret.html"`,
        `<Directory "${server.docroot}/ht">`, 'AllowOverride AuthConfig', '</Directory>', ...byPath].join('\n'),
    }),
  });
});
after(() => site?.stop());
beforeEach(() => site.scalekit.control({ reset: true, forget: true }));

describe('the login that a page asks for', () => {
  it('is steered by its directives', async () => {
    assert.deepEqual(hintsOf(await site.get('/hints')), {
      connection_id: 'conn_1', provider: 'google', domain_hint: 'acme.test', login_hint: MIA, prompt: 'login',
    });
    assert.deepEqual(hintsOf(await site.get('/acme')), { organization_id: ACME });
    assert.deepEqual(hintsOf(await site.get('/')), {});
  });

  it('inherits them, and Off takes one back', async () => {
    assert.deepEqual(hintsOf(await site.get('/hints/inner')), {
      provider: 'github', domain_hint: 'acme.test', login_hint: MIA, prompt: 'login',
    });
    assert.deepEqual(hintsOf(await site.get('/globex/everybody')), {});
  });

  it('is steered by expressions, as far as they give something that can be a hint', async () => {
    const headers = { 'X-Connection': 'conn_2', 'X-Provider': 'gitlab', 'X-Domain': 'b.test', 'X-Login': 'o\'neil+x@b.test', 'X-Prompt': 'create' };
    assert.deepEqual(hintsOf(await site.get('/hints/expressions', { headers })), {
      connection_id: 'conn_2', provider: 'gitlab', domain_hint: 'b.test', login_hint: 'o\'neil+x@b.test', prompt: 'create',
    });
    assert.deepEqual(hintsOf(await site.get('/hints/expressions')), {});
    const from = site.mark();
    const odd = { 'X-Connection': 'conn 2', 'X-Provider': 'a/b', 'X-Domain': 'a b', 'X-Login': 'x'.repeat(257), 'X-Prompt': 'maybe' };
    assert.deepEqual(hintsOf(await site.get('/hints/expressions', { headers: odd })), {});
    const lines = ourLines(site.log(from)).filter((line) => /auth_scalekit:debug.*goes without/.test(line));
    assert.equal(lines.length, 5);
    for (const value of ['conn 2', 'a/b', 'maybe']) assert.ok(!lines.join().includes(value));
  });

  it('is steered by .htaccess files, without files and functions', async () => {
    assert.deepEqual(hintsOf(await site.get('/ht/hints/')), {
      connection_id: 'conn_a', provider: 'google', domain_hint: 'a.test', login_hint: 'a@a.test', prompt: 'create',
    });
    for (const name of ['organization', 'file']) {
      const from = site.mark();
      assert.equal((await site.get(`/ht/${name}/`)).status, 500);
      assert.match(await site.waitForLog(/\.htaccess/, from), name === 'file' ? /ScalekitLoginHint: cannot understand/ : /ScalekitOrganization not allowed here/);
    }
  });

  it('with what Scalekit does not take does not start', async () => {
    for (const [line, message] of [
      ['ScalekitPrompt maybe', /ScalekitPrompt: "maybe" is nothing that Scalekit takes for prompt/],
      ['ScalekitProvider "goo gle"', /ScalekitProvider: "goo gle" is nothing/],
      ['ScalekitDomainHint a@b', /ScalekitDomainHint: "a@b" is nothing/],
      ['ScalekitConnection "%{nothing:x}"', /ScalekitConnection: cannot understand/],
      ['ScalekitOrganization', /ScalekitOrganization takes one argument/],
    ]) {
      const { status, output } = await configtest(`<Location "/">\nAuthType Scalekit\n${line}\n</Location>`);
      assert.notEqual(status, 0, line);
      assert.match(output, message);
    }
  });
});

describe('the parameters of /login', () => {
  const from = (parameters) => site.get(`/login?${new URLSearchParams(parameters)}`);

  it('are left out where they make no sense', async () => {
    const bad = {
      organization_id: ['org 1', 'org_1\n', 'o'.repeat(129), 'org_1&prompt=none', ''],
      connection_id: ['conn/1', '"', ''],
      domain_hint: ['a b', 'a/b', 'd'.repeat(254)],
      login_hint: ['a\u0000b', 'a\r\nb', 'x'.repeat(257)],
      provider: ['goo gle', 'a.b', 'google\n', 'p'.repeat(65)],
      prompt: ['', 'LOGIN', 'login consent', 'maybe'],
    };
    for (const [name, values] of Object.entries(bad)) {
      for (const value of values) assert.deepEqual(hintsOf(await from({ [name]: value })), {}, `${name}=${value}`);
    }
    assert.deepEqual(hintsOf(await site.get('/login?prompt=login&prompt=none')), {});
  });

  it('go through where they do', async () => {
    for (const prompt of ['login', 'create', 'select_account', 'none', 'consent']) assert.deepEqual(hintsOf(await from({ prompt })), { prompt });
    assert.deepEqual(hintsOf(await from({ provider: 'my-own_1', organization_id: ACME })), { provider: 'my-own_1', organization_id: ACME });
  });

  it('say in the debug log which are left out, and not what they were', async () => {
    const start = site.mark();
    await from({ prompt: 'may be', next: '//evil.test/' });
    const log = ourLines(site.log(start)).join('\n');
    assert.match(log, /:debug\].*the parameter prompt is left out/);
    assert.match(log, /:debug\].*the return target is left out/);
    assert.doesNotMatch(log, /may be|evil/);
  });

  it('prompt=none without a session at Scalekit ends on a page', async () => {
    const start = site.mark();
    const visitor = site.visitor();
    assertFailure(site, start, await visitor.get('/login?prompt=none&next=/secret.html', { follow: true }), 400, /login_required/);
  });
});

describe('ScalekitOrganization', () => {
  let visitor;
  beforeEach(async () => { visitor = await signIn(site, { as: MIA, path: '/' }); await site.scalekit.control({ forget: true }); });

  it('lets its members in', async () => {
    assert.equal((await visitor.get('/acme')).status, 200);
    assert.equal((await visitor.get('/own-id')).status, 200);
    assert.equal((await visitor.get('/globex/everybody')).status, 200);
  });

  it('switches a session of another organization', async () => {
    const first = await visitor.get('/globex?a=1');
    assert.deepEqual(hintsOf(first), { organization_id: GLOBEX, prompt: 'select_account' });
    const last = await visitor.get(first.location, { follow: true });
    assert.equal(last.status, 200);
    assert.equal(localTarget({ location: last.url }), '/globex?a=1');
    assert.equal((await visitor.get('/globex')).status, 200);
    // and back: each switch is a new one
    assert.equal((await visitor.get('/acme', { follow: true })).status, 200);
    assert.equal((await visitor.get('/globex', { follow: true })).status, 200);
    assert.equal(authorizations().length, 3);
    assert.equal(visitor.jar.list().some(({ name }) => name === 'sk_switch'), false);
  });

  it('switches only once', async () => {
    await site.scalekit.control({ autoLogin: 'max@acme.test', ignoreOrganization: true });
    const max = await signIn(site, { path: '/' });
    await site.scalekit.control({ forget: true });
    const denied = await max.get('/globex', { follow: true });
    assertPage(denied, 403);
    assert.match(denied.text, /<h1>This page is for another organization<\/h1>/);
    assert.equal(formOf(denied), '/logout');
    const [link] = linksOf(denied);
    assert.equal(link, `/login?organization_id=${GLOBEX}&prompt=select_account&next=%2Fglobex`);
    assert.equal(authorizations().length, 1);
    assertPage(await max.get('/globex'), 403);
    assertPage(await max.get(link, { follow: true }), 403); // asked for, tried, the same page
    assert.equal(authorizations().length, 2);
    assert.equal((await max.get('/acme')).status, 200, 'the session is still there');
  });

  it('begins a switch again that was given up', async () => {
    assert.ok(isAuthorize(await visitor.get('/globex')));
    assert.equal((await visitor.get('/globex', { follow: true })).status, 200);
  });

  it('whose Scalekit denies the switch ends on a page', async () => {
    const max = await signIn(site, { as: 'max@acme.test', path: '/' });
    assertPage(await max.get('/globex', { follow: true }), 403);
    assert.equal((await max.get('/acme')).status, 200);
  });

  it('after a login that ended elsewhere switches, then stops', async () => {
    await site.scalekit.control({ autoLogin: 'max@acme.test', ignoreOrganization: true });
    const max = site.visitor();
    assertPage(await max.get('/globex', { follow: true }), 403);
    assert.deepEqual(authorizations().map(({ prompt }) => prompt), [undefined, 'select_account']);
  });

  it('does not switch what is no page navigation', async () => {
    const answer = await visitor.script('/globex');
    assert.equal(answer.status, 403);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
    const { error, status, login_url: loginUrl } = answer.json();
    assert.deepEqual([error, status], ['organization_mismatch', 403]);
    assert.equal(loginUrl, `${site.url}/login?organization_id=${GLOBEX}&prompt=select_account&next=%2Fglobex`);
    assertPage(await visitor.post('/globex', { a: 1 }), 403);
    assertPage(await visitor.get('/globex/never'), 403);
    assert.equal(authorizations().length, 0);
  });

  it('may be an id of the application, which Scalekit is not told', async () => {
    assert.deepEqual(hintsOf(await site.get('/own-id')), {});
    assert.deepEqual(hintsOf(await visitor.get('/own-id-2')), { prompt: 'select_account' });
  });

  it('may come from the path', async () => {
    for (const start of ['/t', '/u', '/e']) {
      assert.deepEqual(hintsOf(await site.get(`${start}/${GLOBEX}/x`)), { organization_id: GLOBEX });
      assert.equal((await visitor.get(`${start}/${ACME}/x`)).status, 200, start);
      assert.equal((await visitor.get(`${start}/acme/`)).status, 200, start);
      assert.equal((await visitor.get(`${start}/${GLOBEX}/x`, { follow: true })).status, 200, start);
      assert.deepEqual(hintsOf(await visitor.get(`${start}/${ACME}/x`)), { organization_id: ACME, prompt: 'select_account' });
      await visitor.get('/acme', { follow: true });
    }
  });

  it('may come from the host and from functions', async () => {
    assert.deepEqual(hintsOf(await site.get('/function')), { organization_id: GLOBEX });
    assert.equal((await site.visitor().get('/host', { headers: { Host: 'localhost' } })).status, 302);
    assert.deepEqual(hintsOf(await visitor.get('/host')), { prompt: 'select_account' });
    const as = (tenant) => ({ headers: { 'X-Tenant': tenant } });
    assert.equal((await visitor.get('/header', as(ACME))).status, 200);
    assert.equal((await visitor.get('/header', as('acme'))).status, 200);
    assert.equal((await visitor.script('/header', as('Acme'))).status, 403);
    assert.equal((await visitor.script('/header', as(`${ACME},${GLOBEX}`))).status, 403);
  });

  it('lets nobody in when its expression gives nothing', async () => {
    for (const [path, headers, reason] of [
      ['/header', {}, /names no organization for this request: its expression gives nothing/],
      ['/header', { 'X-Tenant': 'x'.repeat(257) }, /its expression gives something that is no id/],
      ['/e/', {}, /gives nothing/],
    ]) {
      for (const who of [visitor, site.visitor()]) {
        const start = site.mark();
        assertFailure(site, start, await who.get(path, { headers }), 403, reason);
        assert.equal((await who.script(path, { headers })).json().error, 'organization_unknown');
      }
    }
    assert.equal((await visitor.script('/expression-fails')).status, 403);
  });

  it('does not show a session of another to pages for everybody', async () => {
    const seen = async (path, options) => {
      const answer = await visitor.get(path, options);
      const { SCALEKIT_OID: oid, REMOTE_USER: user } = parseEnvironment(answer.text);
      return [answer.status, oid, user];
    };
    assert.deepEqual(await seen('/cgi-bin/env/open'), [200, undefined, undefined]);
    assert.deepEqual(await seen('/cgi-bin/env/mismatch', { headers: { Accept: 'application/json' } }), [403, undefined, undefined]);
    assert.equal((await visitor.get('/globex', { follow: true })).status, 200);
    assert.deepEqual(await seen('/cgi-bin/env/open'), [200, GLOBEX, 'usr_1']);
  });

  it('keeps pages of another out of an SSI page', async () => {
    const { status, text } = await visitor.get('/include.shtml');
    assert.equal(status, 200);
    assert.match(text, /^before [^]* after$/m);
    assert.doesNotMatch(text, /the secret page/);
    assert.equal(authorizations().length, 0);
  });

  it('does not keep anybody from signing out', async () => {
    assert.equal((await visitor.get('/logout')).status, 302);
  });
});

describe('Require scalekit-organization', () => {
  it('offers the switch to whom it denies', async () => {
    const visitor = await signIn(site, { as: MIA, path: '/' });
    const denied = await visitor.get('/require?x=1');
    assertPage(denied, 403);
    assert.equal(formOf(denied), '/logout');
    const [link] = linksOf(denied);
    assert.equal(link, `/login?organization_id=${GLOBEX}&prompt=select_account&next=%2Frequire%3Fx%3D1`);
    assert.equal((await visitor.get(link, { follow: true })).status, 200);
  });

  it('offers no switch where it cannot know to which', async () => {
    const visitor = await signIn(site, { as: MIA, path: '/' });
    assert.deepEqual(linksOf(await visitor.get('/require-two')), []);
    assert.deepEqual(linksOf(await visitor.get('/require-own-id')), ['/login?prompt=select_account&next=%2Frequire-own-id']);
  });
});

describe('a login that begins at an identity provider', () => {
  let count = 0; // of one second and one content there is only one token: signatures of RS256 do not differ
  const token = (content) => site.scalekit.idpInitiatedToken({
    organizationId: GLOBEX, connectionId: 'conn_1', loginHint: MIA, relayState: `/secret.html?${count += 1}`, ...content,
  });
  const at = (jwt, path = '/login') => `${path}?idp_initiated_login=${jwt}`;
  const hinted = { organization_id: GLOBEX, connection_id: 'conn_1', login_hint: MIA };

  it('begins anew, with our own state, and ends where it wanted to go', async () => {
    const visitor = site.visitor();
    const begin = new URL('/initiate-login', site.scalekit.url);
    begin.search = new URLSearchParams({ login_url: `${site.url}/login`, user: MIA, organization_id: GLOBEX, connection_id: 'conn_1', relay_state: '/globex?a=1' });
    const last = await visitor.get(begin.href, { follow: true });
    assert.equal(last.status, 200, last.text);
    assert.equal(localTarget({ location: last.url }), '/globex?a=1');
    const [asked] = authorizations();
    assert.match(asked.state, /^[\w-]{43}$/);
    assert.match(asked.nonce, /^[\w-]{43}$/);
    assert.equal(asked.code_challenge_method, 'S256');
    assert.deepEqual([asked.organization_id, asked.connection_id, asked.login_hint], [GLOBEX, 'conn_1', MIA]);
  });

  for (const path of ['/login', '/login/', '/auth/callback']) {
    it(`arrives at ${path}`, async () => {
      assert.deepEqual(hintsOf(await site.get(at(await token(), path))), hinted);
    });
  }

  it('names an organization, a connection or both', async () => {
    const only = async (content) => hintsOf(await site.get(at(await token({ loginHint: undefined, relayState: undefined, ...content }))));
    assert.deepEqual(await only({ connectionId: undefined }), { organization_id: GLOBEX });
    assert.deepEqual(await only({ organizationId: undefined }), { connection_id: 'conn_1' });
  });

  it('replaces a session', async () => {
    const visitor = await signIn(site, { as: MIA, path: '/acme' });
    const last = await visitor.get(at(await token({ relayState: '/globex' })), { follow: true });
    assert.equal(last.status, 200);
    assert.equal((await visitor.script('/acme')).status, 403);
  });

  it('does not listen to next, and to a relay state only if it is a path on this host', async () => {
    const end = async (relayState, more = '') => {
      const jwt = await token({ relayState, loginHint: `${count += 1}@acme.test` });
      const last = await site.visitor().get(at(jwt) + more, { follow: true });
      assert.equal(last.status, 200, String(relayState));
      return localTarget({ location: last.url });
    };
    assert.equal(await end('/secret.html'), '/secret.html');
    for (const elsewhere of ['https://evil.test/', '//evil.test/', '/\\evil.test', 'evil', '/a\r\nSet-Cookie:x', 17, undefined]) {
      assert.equal(await end(elsewhere), '/', String(elsewhere));
    }
    assert.equal(await end(undefined, '&next=/secret.html'), '/');
  });

  it('works once', async () => {
    const jwt = await token();
    assert.ok(isAuthorize(await site.get(at(jwt))));
    const answers = [];
    for (let n = 0; n < 3; n += 1) answers.push(await site.get(at(jwt, n ? '/auth/callback' : '/login')));
    for (const answer of answers) assertPage(answer, 400);
    const start = site.mark();
    assertFailure(site, start, await site.get(at(jwt)), 400, /the IdP-initiated request is refused: it was used before/);
  });

  it('is not used up by a HEAD', async () => {
    const jwt = await token();
    assert.equal((await site.visitor().request('HEAD', at(jwt))).status, 405);
    assert.ok(isAuthorize(await site.get(at(jwt))));
  });

  const refused = {
    algNone: /not signed with RS256/, hs256: /not signed with RS256/, wrongKid: /not in the key set/, noKid: /names no key/,
    crit: /demands extensions/, otherKey: /signature is wrong/, badSignature: /signature/, wrongIssuer: /its issuer is/,
    wrongAudience: /another client/, wrongAzp: /another kind/, wrongNonce: /another kind/, wrongAtHash: /another kind/, otherSub: /another kind/,
    expired: /expired/, noExp: /no valid exp/, stringExp: /no valid exp/, futureNbf: /from the future/, futureIat: /from the future/,
  };
  for (const [mutation, reason] of Object.entries(refused)) {
    it(`is refused: ${mutation}`, async () => {
      await site.scalekit.control({ mutate: { idp: mutation } });
      const jwt = await token();
      const start = site.mark();
      const answer = await site.get(at(jwt));
      assertFailure(site, start, answer, 400, reason);
      assert.match(answer.text, /<h1>This sign-in cannot be completed<\/h1>/);
      assert.equal(answer.headers['set-cookie'], undefined);
      assert.ok(!site.log(start).split('\n').some((line) => /auth_scalekit/.test(line) && line.includes(jwt.split('.')[1])));
    });
  }

  it('is refused when it is older than 15 minutes, however long it lives', async () => {
    const now = Math.floor(Date.now() / 1000);
    const old = (age) => ({ mutate: { idp: { claims: { iat: now - age, nbf: now - age, exp: now + 3600 } } } });
    await site.scalekit.control(old(800));
    assert.ok(isAuthorize(await site.get(at(await token()))));
    await site.scalekit.control(old(1000));
    const start = site.mark();
    assertFailure(site, start, await site.get(at(await token())), 400, /it is older than 15 minutes/);
  });

  it('is not made of a token of another kind, or of none', async () => {
    const { access_token: access, id_token: id } = await site.scalekit.tokensFor(MIA);
    const logout = await site.scalekit.logoutToken({ sub: 'usr_1', sid: 'ses_1' });
    for (const [text, reason] of [
      [access, /refused/], [id, /refused/], [logout, /refused/], ['', /refused/], ['x', /refused/], ['a.b.c', /refused/], ['%0d%0a%1b[31m', /refused/],
    ]) {
      const start = site.mark();
      assertFailure(site, start, await site.get(at(text)), 400, reason);
    }
  });

  it('is first moved to the origin that logins take place on', async () => {
    const jwt = await token();
    const moved = await site.get(at(jwt), { headers: { Host: `alias.localhost:${site.port}` } });
    assert.equal(moved.location, site.url + at(jwt));
    assert.deepEqual(hintsOf(await site.get(at(jwt))), hinted);
  });

  it('is answered in JSON to a script', async () => {
    const answer = await site.visitor().script(at('x'));
    assert.equal(answer.status, 400);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  });
});
