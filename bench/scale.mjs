// bench/run scale: how cost grows with the number of things. Each size stands beside an httpd without us of the same size.

import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { scalekitHost } from '../test/support/sites.mjs';
import { ours, plain, withRights } from './candidates.mjs';
import { cpuOf, privateMemoryOf } from './measure.mjs';
import { login, measureRequests } from './parts.mjs';
import { megabytes, oneDigit, say, summarize, table, thousands, twoDigits, writeScale } from './report.mjs';
import { withCandidates } from './stage.mjs';

const { values: { quick } } = parseArgs({ options: { quick: { type: 'boolean' } } });
const size = quick ? { rounds: 2, seconds: 0.2 } : { rounds: 6, seconds: 1 };

const seen = []; // whatever was measured
const HEAD = ['httpd alone, us', 'ours, us', 'added', '+/-'];
const cells = ({ base, us, added, error }) => [base, us, added, error].map(oneDigit);

// candidates: { what it has: { ours, plain }}, plain being there unless one for all will do; more: further [head, cell of ours and plain]
async function grow(title, text, what, candidates, more = []) {
  const chosen = { file: plain() };
  for (const [name, { ours: subject, plain: beside }] of Object.entries(candidates)) {
    if (beside) chosen[`without ${name}`] = beside;
    chosen[name] = { ...subject, beside: beside ? `without ${name}` : 'file' };
  }
  return withCandidates(() => chosen, async (subjects) => {
    say(title);
    seen.push(...subjects);
    const results = Object.fromEntries(summarize(subjects, await measureRequests(subjects, size)).map((result) => [result.name, result]));
    const rows = Object.keys(candidates).map((name) => {
      const beside = results[results[name].beside];
      return [name, ...cells({ ...results[name], base: beside.us }), ...more.map(([, cell]) => cell(results[name], beside))];
    });
    return `### ${title}\n\n${text}\n\n${table([what, ...HEAD, ...more.map(([head]) => head)], rows)}`;
  });
}

const entriesOf = (sizes, make) => Object.fromEntries(sizes.map((n) => [thousands(n), make(n)]));

const residentMemoryOf = ({ pid }) => /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1] * 1024;

const permissions = () => grow('Permissions', 'Of one session, in the shared memory; the last one is required.', 'permissions',
  entriesOf([0, 10, 100, 500], (n) => ({ ours: withRights(n, 1, { settings: { ScalekitSessionStore: 'cache' } }) })));

const requires = () => grow('Require lines', 'Of the page, for a session of 20 permissions; only the last line grants.', 'lines',
  entriesOf([1, 10, 100, 1000], (n) => ({ ours: withRights(20, n) })));

// The host that is asked is the last one: httpd looks through the names in their order.
function amongHosts(candidate, count, host) {
  const names = Array.from({ length: count - 1 }, (_, i) => `site-${i}.localhost`);
  return { ...candidate, config: (server) => [...names.map((name) => host(server, name)), candidate.config(server)].join('\n') };
}

const hosts = () => grow('Virtual hosts', 'Each is configured for Scalekit; the last one is asked.', 'hosts',
  entriesOf([1, 100, 1000], (n) => ({
    plain: amongHosts(plain(), n, ({ port }, name) => `<VirtualHost *:${port}>\nServerName ${name}\n</VirtualHost>`),
    ours: amongHosts(ours(), n, (server, serverName) => scalekitHost(server, { serverName })),
  })), [
    ['start, ms: alone, ours', ({ startMs }, beside) => `${thousands(beside.startMs)}, ${thousands(startMs)}`],
    ['MB of the parent: alone, ours', ({ server }, beside) => `${megabytes(residentMemoryOf(beside.server))}, ${megabytes(residentMemoryOf(server))}`],
  ]);

const workers = () => grow('Children and threads', '16 connections at once; fewer than a child has threads, or httpd closes some of them.', 'children x threads',
  Object.fromEntries([[1, 25], [1, 100], [1, 400], [4, 25], [16, 25]].map(([processes, threads]) => {
    const options = { processes, threads, connections: 16 };
    return [`${processes} x ${threads}`, { plain: plain(options), ours: ours(options) }];
  })), [
    ['MB of a child: alone, ours', ({ server }, beside) => `${megabytes(privateMemoryOf(beside.server))}, ${megabytes(privateMemoryOf(server))}`],
  ]);

// All at one server, which gets more and more of them.
const sessions = () => withCandidates(() => ({
  file: plain(),
  ours: ours({ settings: { ScalekitSessionStore: 'cache', ScalekitSharedMemory: '768M' } }),
}), async (subjects) => {
  const [, subject] = subjects;
  seen.push(...subjects);
  const rows = [];
  let live = 1;
  for (const wanted of quick ? [1, 100, 1000] : [1, 1000, 10_000, 100_000]) {
    say(`${wanted} live sessions`);
    const before = cpuOf(subject.server);
    const missing = wanted - live;
    await Promise.all(Array.from({ length: 8 }, async () => { while (live < wanted) { live += 1; await login(subject); } }));
    const loginMs = (cpuOf(subject.server) - before) / missing * 1000;
    const [file, result] = summarize(subjects, await measureRequests(subjects, size));
    rows.push([thousands(wanted), ...cells({ ...result, base: file.us }), missing ? twoDigits(loginMs) : '']);
  }
  return `### Live sessions\n\nIn the shared memory, of which the others are there while one is used.\n\n${
    table(['sessions', ...HEAD, 'ms of CPU for a login'], rows)}`;
});

const tables = [];
for (const measure of [permissions, requires, hosts, workers, sessions]) tables.push(await measure());
writeScale(seen, tables, { quick });
