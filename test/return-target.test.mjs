// Return targets, compared with what the WHATWG URL parser, which browsers use, makes of them. Of targets that are generated and
// mutated at random none leaves the host, and those that a browser could have come from survive byte for byte.
// SEED=1234 scripts/test one test/return-target.test.mjs does the same again.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { signIn, startSite } from './support/sites.mjs';

const COUNT = 20_000;
const LONGEST = 512;
const BASE = 'http://site.test:8080';
const DEFAULT_PAGE = '/public/';
const SEED = Number(process.env.SEED) || Math.floor(Math.random() * 2 ** 31);

// mulberry32
let state = SEED;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const one = (list) => list[random(list.length)];
const many = (most, make) => Array.from({ length: random(most + 1) }, make).join('');

const PIECES = ['/', '/', '/', '//', '\\', '%2f', '%2F', '%5c', '%2e', '.', '..', '/../', '/./', '@', ':', ':80', 'http:', 'https://', 'evil.test', '//evil.test', '#', '?', '&', '=', ';', '\t',
  '\n', '\r', ' ', '\x01', '\x7f', '%00', '%09', '%0a', '%0d', '%20', '%7f', '%80', 'ä', '／', '＼', '。', '：', '\u2028', '\u00a0', '\ufeff', '\u0085', '\u200b', '\ud83d\ude00', 'javascript:',
  'data:', 'file:', '[::1]', '%', '%zz', '%u002f', '%252f', 'a', 'path', 'index.html', '~', '|', '"', '<', '>', '^', '`', '{}', "'", '(', '*', ',', '$', '!', '+', 'q=1', 'localhost', 'site.test:8080'];
const WORDS = ['a', 'search', 'Über', '東京', 'a b', 'x.y', 'index.html', '50%', 'a/b', '@jo', '~me', '..', 'a;b=c', 'https://x.y/', '//x', '\\', '"', '|', ''];
const LEGITIMATE = ['/', '/dashboard', '/search?u=https://x.y/&q=a%20b', '/a/b/c.html?d=e#f', '/J%C3%BCrgen?x=%E4', '/app/#/route/1', '/a;b=c/d?e[]=1', '/@jo', '/?next=//evil.test'];

/** As a browser would have it in its address bar: put together by its own parser. */
function legitimate() {
  const url = new URL(BASE);
  url.pathname = many(4, () => `/${encodeURIComponent(one(WORDS))}`) || one(LEGITIMATE);
  if (random(2)) url.search = one([String(new URLSearchParams([[one(WORDS), one(WORDS)]])), one(WORDS), many(6, () => one(PIECES))]);
  if (random(3) === 0) url.hash = one(WORDS);
  return url.pathname + url.search + url.hash;
}

function mutated() {
  let text = one([legitimate(), one(LEGITIMATE)]);
  for (let i = random(3) + 1; i > 0; i -= 1) {
    const at = random(text.length + 1);
    text = text.slice(0, at) + one(PIECES) + text.slice(at + random(3));
  }
  return text;
}

const generated = () => one(['', '/', '/', one(PIECES)]) + many(7, () => one(PIECES));
const long = () => one([legitimate(), '/']) + one(['x', '/', 'ä', '%2f', ' ']).repeat(LONGEST - 30 + random(60));

function targets(count) {
  const list = Array.from({ length: count }, (_, i) => (i % 500 === 0 ? long() : one([legitimate, mutated, generated])()));
  return list.map((text) => text.replaceAll('\0', '').toWellFormed?.() ?? text.replaceAll('\0', ''));
}

const parse = (target, base) => {
  try {
    return new URL(target, base);
  } catch {
    return undefined;
  }
};
const bytes = (text) => Buffer.byteLength(text);

/** Is it as the parser itself would write it, and nothing that is refused on purpose: encoded control characters, a double start? */
function mustSurvive(target) {
  const url = parse(target, BASE);
  const where = target.split(/[?#]/, 1)[0];
  return url?.origin === BASE && target === url.pathname + url.search + url.hash && bytes(target) <= LONGEST && !/[^\x21-\x7e]/.test(target)
    && !/%(?:[01]\p{AHex}|7f)/iu.test(where) && !/^\/(?:[/\\]|%2f|%5c)/i.test(where) && !/[|^`"<>{}\\]/.test(target);
}

// The characters that we encode in any place and the parser only in some.
const strictly = (href) => href.replace(/[|^`"<>{}\\]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function check(target, answer) {
  const what = `SEED=${SEED} ${JSON.stringify(target)} became ${JSON.stringify(answer)}`;
  const theirs = parse(target, `${BASE}/some/page`);
  if (mustSurvive(target)) assert.equal(answer, target, what);
  if (theirs?.origin !== BASE) assert.equal(answer, '', `${what}: leaves the host`);
  if (answer === '') return 'refused';
  assert.match(answer, /^\/(?![/\\])[\x21-\x7e]*$/, what);
  assert.ok(bytes(answer) <= LONGEST, what);
  for (const url of [parse(answer, `${BASE}/some/page`), parse(BASE + answer)]) {
    assert.equal(url?.origin, BASE, what);
    assert.equal(url.username + url.password, '', what);
    // And it is the page that was meant.
    if (target === target.trim()) assert.equal(strictly(url.href), strictly(theirs.href), what);
  }
  return answer === target ? 'kept' : 'encoded';
}

const program = path.join(process.env.TEST_PROGRAMS || fileURLToPath(new URL('../build/test/programs', import.meta.url)), 'local_target');

function answersTo(list) {
  const input = Buffer.concat(list.flatMap((target) => [Buffer.from(target), Buffer.from([0])]));
  const output = execFileSync(program, { input, maxBuffer: 1 << 26 });
  const answers = output.toString('latin1').split('\0').slice(0, -1);
  assert.equal(answers.length, list.length);
  return answers;
}

it('no target leaves the host, and those of browsers survive', (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const list = targets(COUNT);
  const answers = answersTo(list);
  const counts = {};
  list.forEach((target, i) => {
    const verdict = check(target, answers[i]);
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  });
  // Otherwise this would prove little.
  for (const verdict of ['kept', 'encoded', 'refused']) assert.ok(counts[verdict] > COUNT / 20, JSON.stringify(counts));
  assert.ok(list.filter(mustSurvive).length > COUNT / 10);
  assert.deepEqual(answersTo(answers.filter(Boolean)), answers.filter(Boolean), 'what it gives, it takes');
});

let site;
before(async () => { site = await startSite({ site: { settings: { ScalekitAfterLoginURL: DEFAULT_PAGE } } }); });
after(() => site?.stop());

it('with a session, /login leads there and nowhere else', async () => {
  const visitor = await signIn(site, { visitor: site.visitor({ keepAlive: true }) });
  const list = targets(400);
  for (const [i, answer] of answersTo(list).entries()) {
    const name = i % 2 ? 'next' : 'returnTo';
    const { headers } = await visitor.get(`/login?${name}=${encodeURIComponent(list[i])}`);
    assert.equal(headers.location, site.url + (answer || DEFAULT_PAGE), `SEED=${SEED} ${JSON.stringify(list[i])}`);
  }
});

it('so does a login: by /login, from a page, and one that began at an identity provider', async () => {
  const ways = {
    next: (target) => ({ to: `/login?next=${encodeURIComponent(target)}` }),
    page: (target) => ({ to: '/', target }),
    relay: async (target, i) => ({ to: `/login?idp_initiated_login=${await site.scalekit.idpInitiatedToken({ loginHint: `${i}@acme.test`, organizationId: 'org_17500000000000001', relayState: target })}` }),
  };
  // A request target is no more than visible ASCII, and httpd sees nothing behind a '#'.
  const list = targets(120).filter((target) => /^\/(?![/\\])[\x21-\x7e]*$/.test(target) && !target.includes('#') && bytes(target) < LONGEST).slice(0, 12);
  const hostile = targets(12);
  let arrived = 0;
  for (const [way, which] of [['next', hostile], ['relay', hostile], ['page', list]]) {
    const answers = answersTo(which);
    for (const [i, target] of which.entries()) {
      const { to, target: line } = await ways[way](target, i);
      const visitor = site.visitor();
      const begun = await visitor.get(to, { target: line });
      if (way === 'page' && begun.status !== 302) continue; // httpd itself does not take this one
      const back = await visitor.get((await visitor.get(begun.location)).location);
      assert.equal(back.headers.location, site.url + (answers[i] || DEFAULT_PAGE), `SEED=${SEED} ${way} ${JSON.stringify(target)}`);
      arrived += 1;
    }
  }
  assert.ok(arrived > 2 * hostile.length, String(arrived));
});
