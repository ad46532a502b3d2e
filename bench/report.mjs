// What was measured, as tables, a chart and the lines of README.md.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { httpdCore, loadCore, mean } from './measure.mjs';

const top = fileURLToPath(new URL('..', import.meta.url));

const MB = 1 << 20;

export const say = (text) => console.error(`==> ${text}`);

const [busy] = os.loadavg(); // before we begin

export const oneDigit = (number) => number.toFixed(1);
export const twoDigits = (number) => number.toFixed(2);
export const thousands = (number) => Math.round(number).toLocaleString('en-US');
export const megabytes = (bytes) => (bytes / MB).toFixed(2);

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i ? '---:' : '---'))), ...rows.map(line)].join('\n');
}

const standardError = (values) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / (values.length - 1));

/**
 * By candidate, means of the rounds: ratio to what it is compared with at the same moment; us of that and added, by the ratio; the
 * standard error of added; perSecond. A machine that others work on as well is faster and slower by the second, both of them alike.
 */
export function summarize(subjects, samples) {
  const baseOf = (subject) => subjects.find(({ name }) => name === (subject.beside ?? 'file'));
  const isBase = (subject) => !subject.beside && subjects.some((other) => other !== subject && baseOf(other) === subject);
  const meanOf = (subject, value) => mean(samples[subject.name].map(value));
  const usOf = (subject) => (isBase(subject) ? meanOf(subject, ({ us }) => us) : usOf(baseOf(subject)) * meanOf(subject, ({ ratio }) => ratio));
  return subjects.map((subject) => {
    const ratios = samples[subject.name].map(({ ratio }) => ratio);
    const base = usOf(baseOf(subject));
    return {
      ...subject,
      us: usOf(subject),
      added: usOf(subject) - base,
      ratio: mean(ratios),
      error: standardError(ratios) * base,
      perSecond: meanOf(subject, ({ perSecond }) => perSecond),
      isBase: isBase(subject),
    };
  });
}

// What a login and a child of ours may take. Times are meant for a machine on which the file alone takes 36 us; on others they are in proportion.
const LOGIN_MS = 0.8;
const CHILD_MB = 1;
const FILE_US = 36;

const paceOf = (results) => results.find(({ name }) => name === 'file').us / FILE_US;

const allowed = (value, budget, show) => (budget ? `${value > budget ? '**over** ' : ''}${show(budget)}` : '');

function requestTable(results) {
  const pace = paceOf(results);
  return table(['A request to', 'us of CPU', 'added', '+/-', 'budget', 'ratio', 'requests/s'], results.map((result) => [
    result.title, oneDigit(result.us), result.isBase ? '' : oneDigit(result.added), result.isBase ? '' : oneDigit(result.error),
    allowed(result.added, result.budget * pace, oneDigit),
    result.isBase ? '' : twoDigits(result.ratio), thousands(result.perSecond)]));
}

function loginTable(results, { logins }) {
  const budget = LOGIN_MS * paceOf(results);
  return table(['A login at', 'ms of CPU', 'budget', 'logins per second of CPU'], results.filter(({ name }) => name in logins)
    .map(({ name, title, isOurs }) => [title, twoDigits(logins[name]), allowed(logins[name], isOurs && budget, twoDigits), thousands(1000 / logins[name])]));
}

function herdTable({ subjects, herds }) {
  const answers = (statuses) => Object.entries(statuses).map(([status, count]) => `${count} with ${status}`).join(', ');
  return table(['The herd at', 'refreshes', 'with a used token', 'answers', 'slowest, ms', 'CPU, ms'],
    subjects.filter(({ name }) => name in herds).map(({ name, title }) => {
      const { calls, again, statuses, slowest, cpu } = herds[name];
      return [title, calls, again, answers(statuses), Math.round(slowest), Math.round(cpu)];
    }));
}

function memoryTable({ subjects, memory, memoryLater }) {
  return table(['A child of', 'MB for itself', 'added', 'after logins', 'added', 'budget'], subjects.map(({ name, title, isOurs, beside = 'file' }) => {
    const added = memory[name] - memory[beside];
    const later = memoryLater[name] - memoryLater.file;
    const cell = (bytes) => (bytes ? megabytes(bytes) : ''); // undefined, NaN; 0: the file itself
    return [title, cell(memory[name]), cell(added), cell(memoryLater[name]), cell(later), allowed((later || added) / MB, isOurs && CHILD_MB, String)];
  }));
}

const firstLine = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).split('\n', 1)[0];

/** Where, when and of what, in a paragraph. */
export function circumstances(subjects) {
  const software = new Set(subjects.flatMap(({ software: text }) => text.replace(/ \(.*?\)/, '').split(' ')));
  const cores = httpdCore === loadCore ? 'httpd and the load share one core' : `httpd on core ${httpdCore}, all else on core ${loadCore}`;
  return `Measured on ${new Date().toISOString().slice(0, 10)} on ${os.cpus()[0].model.trim()}, ${os.cpus().length} cores, Linux ${os.release()}: `
    + `${[...software].join(', ')}, ${firstLine('openssl', 'version').split(' ').slice(0, 2).join(' ')}; `
    + `mpm_event, two children with 25 threads; ${cores}.`
    + (busy > 0.5 ? ` The machine was busy with other things (load ${oneDigit(busy)}): trust none of it.` : '');
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Horizontal bars: what each candidate adds to the page alone. Those beyond the edge are cut, with their number. */
export function chart(results) {
  const bars = results.filter(({ isBase }) => !isBase);
  const pace = paceOf(results);
  const most = Math.max(20, ...bars.map(({ added }) => added).filter((added) => added < 400));
  const [left, width, row] = [440, 340, 24];
  const height = bars.length * row + 64;
  const lines = bars.flatMap(({ title, isOurs, added, budget }, i) => {
    const [y, long] = [48 + i * row, Math.max(1, Math.min(added, most) / most * width)];
    return [
      `<text x="${left - 10}" y="${y + 13}" class="end">${escape(title)}</text>`,
      `<rect x="${left}" y="${y}" width="${long.toFixed(1)}" height="16" class="${isOurs ? 'ours' : 'other'}"/>`,
      `<text x="${(left + long + 6).toFixed(1)}" y="${y + 13}">${added > most ? `${thousands(added)} (cut)` : oneDigit(added)}</text>`,
      ...(budget ? [`<path d="M${(left + budget * pace / most * width).toFixed(1)} ${y - 2}v20" class="budget"/>`] : []),
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 ${height}" role="img" aria-labelledby="title desc">
<title id="title">CPU that a request costs beyond the page alone</title>
<desc id="desc">${escape(bars.map(({ title, added }) => `${title}: ${oneDigit(added)}`).join('; '))} microseconds.</desc>
<style>
  .page { fill: #ffffff; stroke: #d4d9e4; }
  .ours { fill: #5a6fd6; }
  .other { fill: #b3bac9; }
  .budget { stroke: #c2410c; stroke-width: 2; }
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1b2130; }
  .end { text-anchor: end; }
  .head { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #161a23; stroke: #39404f; }
    .ours { fill: #8ea2ff; }
    .other { fill: #4b5467; }
    .budget { stroke: #fb923c; }
    text { fill: #e9ebf2; }
  }
</style>
<rect x=".5" y=".5" width="879" height="${height - 1}" rx="8" class="page"/>
<text x="20" y="28" class="head">CPU that a request costs httpd beyond the page alone, in microseconds; the line is the budget</text>
${lines.join('\n')}
</svg>
`;
}

function readmeLines(results, { logins }) {
  const of = Object.fromEntries(results.map((result) => [result.name, result]));
  const row = (name, title) => (of[name] ? [[title, `${oneDigit(of[name].us)} us`, twoDigits(of[name].ratio)]] : []);
  const rows = table(['A page of 1 KB', 'CPU of httpd', 'ratio'], [
    ['without authentication', `${oneDigit(of.file.us)} us`, '1'],
    ...row('cookie', 'with this module, session in the cookie'),
    ...row('store', 'session in the shared memory'),
    ...row('crypto', 'with mod_session_crypto'),
    ...row('openidc', 'with Debian\'s mod_auth_openidc, session in its cache'),
    ...row('openidc-cookie', 'session in the cookie'),
    ...row('newest', 'with another mod_auth_openidc, session in its cache'),
    ...row('newest-cookie', 'session in the cookie'),
    ...row('form-crypto', 'with mod_auth_form on mod_session_crypto'),
  ]);
  const theirs = logins.openidc ? `, with Debian's mod_auth_openidc ${twoDigits(logins.openidc)} ms` : '';
  return `${rows}\n\nA login costs httpd ${twoDigits(logins.cookie)} ms of CPU${theirs}.`;
}

// Puts text between <!-- NAME --> and <!-- /NAME -->.
function replaceBetween(page, name, text) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`there is no ${begin} with ${end} after it`);
  return `${page.slice(0, from)}${begin}\n${text}\n${page.slice(to)}`;
}

// A trial leaves what is published as it is.
function write(quick, name, change) {
  const target = quick ? path.join(top, process.env.BUILD_DIR ?? 'build', 'bench', name) : path.join(top, name);
  const page = fs.existsSync(target) ? target : path.join(top, name);
  const text = change(fs.existsSync(page) ? fs.readFileSync(page, 'utf8') : '');
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, text);
  say(path.relative(process.cwd(), target));
}

const trial = (quick) => (quick ? '\n\nThis was a trial: its samples are short.' : '');

export function writeReport(measured, { quick, rounds, seconds }) {
  const results = summarize(measured.subjects, measured.requests);
  const parts = [
    `${circumstances(measured.subjects)} ${rounds} rounds, each with new children and a sample of ${seconds} s of each, by turns with what it is compared with, in random order.${trial(quick)}`,
    '![What a request costs beyond the page alone](performance.svg)', requestTable(results), '### Logins', loginTable(results, measured), '### Herds', herdTable(measured), '### Memory', memoryTable(measured)];
  const text = parts.join('\n\n');
  console.log(text);
  write(quick, 'docs/performance.md', (page) => replaceBetween(page, 'bench/run', `\n${text}\n`));
  write(quick, 'docs/performance.svg', () => chart(results));
  write(quick, 'README.md', (page) => replaceBetween(page, 'bench/run', `\n${readmeLines(results, measured)}\n`));
}

export function writeScale(subjects, tables, { quick }) {
  const text = [`${circumstances(subjects)}${trial(quick)}`, ...tables].join('\n\n');
  console.log(text);
  write(quick, 'docs/performance.md', (page) => replaceBetween(page, 'bench/run scale', `\n${text}\n`));
}
