// bench/run measures what it says: the protected page, and nothing that a stranger gets. It says nothing of speed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { isSlow } from './support/httpd.mjs';

const skip = process.platform !== 'linux' ? 'needs /proc' : spawnSync('h2load', ['--version']).status !== 0 && 'needs h2load';

const size = { rounds: 1, seconds: 0.01, loginRounds: 1, logins: 1, herds: 1 };

test('a short run of bench/run has a number for everything', { skip }, async () => {
  const [{ candidates }, parts, { chart, summarize }, { withCandidates }] = await Promise.all(
    ['candidates', 'parts', 'report', 'stage'].map((name) => import(`../bench/${name}.mjs`)));
  await withCandidates((backend) => {
    const { file, cookie, proxy, 'proxy-set': set, 'proxy-headers': headers } = candidates({ backend });
    return { file, cookie, proxy, 'proxy-set': set, 'proxy-headers': headers };
  }, async (subjects) => {
    const results = summarize(subjects, await parts.measureRequests(subjects, size));
    for (const { name, us, perSecond } of results) assert.ok(us > 0 && us < 1e6 && perSecond > 0, `${name}: ${us} us, ${perSecond}/s`);
    assert.deepEqual(results.filter(({ isBase }) => isBase).map(({ name }) => name), ['file', 'proxy']);
    assert.match(chart(results), /<text [^>]*>ours, session in the cookie<\/text>/);
    const [, cookie] = subjects;
    assert.ok((await parts.measureLogins([cookie], size)).cookie > 0);
    assert.ok((await parts.measureMemory([cookie])).cookie > 0);
  });
});

test('a page that a stranger gets, or the visitor does not, is not measured', { skip }, async () => {
  const [{ ours }, { sample }, { withCandidates }] = await Promise.all(
    ['candidates', 'measure', 'stage'].map((name) => import(`../bench/${name}.mjs`)));
  await withCandidates(() => ({
    open: ours({ require: ['Require all granted'] }),
    closed: ours({ require: ['Require scalekit-role nobody'] }),
    other: ours({ text: 'another page\n' }),
  }), async ([open, closed, other]) => {
    await assert.rejects(sample(open, 0.01), /open: a stranger gets in/);
    await assert.rejects(sample(closed, 0.01), /closed: this is not the page: 403/);
    await assert.rejects(sample(other, 0.01), /other: this is not the page: 200/);
  });
});

test('what needs minutes can at least be read by node', () => {
  for (const name of ['run', 'scale']) {
    const { status, stderr } = spawnSync(process.execPath, ['--check', new URL(`../bench/${name}.mjs`, import.meta.url).pathname], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
});

// glibc keeps for each thread what that freed last: a login by each of the 25 would cost a child more than a megabyte.
test('logins leave few traces in the memory of a child', { skip: skip || (isSlow && 'a sanitizer keeps all') }, async () => {
  const [{ ours }, { login, measureMemory }, { withCandidates }] = await Promise.all(
    ['candidates', 'parts', 'stage'].map((name) => import(`../bench/${name}.mjs`)));
  await withCandidates(() => ({ ours: ours({ processes: 1 }) }), async (subjects) => {
    const { ours: before } = await measureMemory(subjects);
    for (let i = 0; i < 75; i += 1) await login(subjects[0]);
    const { ours: after } = await measureMemory(subjects);
    assert.ok(after - before < 700_000, `${after - before} bytes more`);
  });
});
