// How one sample is taken: load from one core on an httpd on another, and what that cost httpd.

import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';

const read = (file) => fs.readFileSync(file, 'utf8');

// "0-1,4" as [0, 1, 4]
function allowedCores() {
  const [, list] = /^Cpus_allowed_list:\s*(.*)$/m.exec(read('/proc/self/status'));
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** The core of httpd, and that of whatever loads it: the same one where there is no second. */
export const [httpdCore, loadCore = httpdCore] = allowedCores();

/** From now on this process runs there, and so do the processes that it starts. */
export function moveTo(core) {
  execFileSync('taskset', ['-apc', core, process.pid], { stdio: 'ignore' });
}

const TICKS = Number(execFileSync('getconf', ['CLK_TCK']));

// Fields of /proc/PID/stat, counted from the third as proc(5) does not.
const statOf = (pid) => read(`/proc/${pid}/stat`).replace(/^.*\) /s, '').split(' ').map(Number);

// Seconds of CPU. The scheduler's own clock counts nanoseconds, where the kernel has it; stat counts 10 ms.
function secondsOf(pid) {
  try {
    const threads = fs.readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]), 0) / 1e9;
  } catch {
    const [utime, stime] = statOf(pid).slice(11, 13);
    return (utime + stime) / TICKS;
  }
}

/** Seconds of CPU that httpd has taken: the parent, its children, and those that have ended. */
export function cpuOf(server) {
  const [cutime, cstime] = statOf(server.pid).slice(13, 15);
  return [server.pid, ...server.children()].reduce((sum, pid) => sum + secondsOf(pid), (cutime + cstime) / TICKS);
}

/** What a child of httpd has written for itself, in bytes, on average: no code, which all processes share. */
export function privateMemoryOf(server) {
  const sizes = server.children().map((pid) => [...read(`/proc/${pid}/smaps_rollup`).matchAll(/^Private_Dirty: +(\d+) kB$/gm)]
    .reduce((sum, [, size]) => sum + size * 1024, 0));
  return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
}

async function h2load({ server, path, cookie }, connections, requests) {
  const { stdout } = await promisify(execFile)('h2load', ['--h1', '-t', 1, '-c', connections, '-n', requests,
    `--connect-to=127.0.0.1:${server.port}`, ...(cookie ? ['-H', `Cookie: ${cookie}`] : []), server.url + path]);
  return stdout;
}

// Fails unless each answer is 200 and as long as the page.
async function load(target, requests) {
  const output = await h2load(target, target.connections ?? 4, requests);
  const number = (pattern) => Number(pattern.exec(output)?.[1] ?? 0);
  const good = number(/ (\d+) succeeded/) === requests && number(/ (\d+) 2xx/) === requests
    && number(/ headers .*\((\d+)\) data/) === requests * Buffer.byteLength(target.text);
  if (!good) throw new Error(`${target.name}: not every answer was the page:\n${output}`);
  return { perSecond: number(/ ([\d.]+) req\/s/) };
}

// The cookies that the visitor's browser would send now.
const withCookie = (subject) => ({ ...subject, cookie: subject.cookie ?? subject.visitor.jar.header(new URL(subject.path, subject.server.url)) });

/** Makes all threads work. Of more connections than there are threads httpd closes some, so nothing is checked. */
export const crowd = (subject) => h2load(withCookie(subject), 100, 5000);

const brief = ({ status, text }) => `${status} ${text.slice(0, 200)}`;

/** Fails unless the visitor gets the page, and without a session nobody does. */
async function check({ name, server, visitor, path, text, isOpen }) {
  const answer = await visitor.get(path);
  if (answer.status !== 200 || answer.text !== text) throw new Error(`${name}: this is not the page: ${brief(answer)}`);
  const stranger = await server.get(path);
  const gotIn = stranger.status === 200 || stranger.text.includes(text.slice(0, 20));
  if (gotIn !== isOpen) throw new Error(`${name}: a stranger ${gotIn ? 'gets in' : 'is kept out'}: ${brief(stranger)}`);
}

/** One sample of about so many seconds: { us: of httpd's CPU per request, perSecond: requests }. */
export async function sample(subject, seconds) {
  await check(subject); // which also brings the cookies that a browser would have by now
  const target = withCookie(subject);
  subject.perSecond ??= (await load(target, 500)).perSecond;
  const requests = Math.max(100, Math.round(subject.perSecond * seconds));
  const before = cpuOf(subject.server);
  const { perSecond } = await load(target, requests);
  const us = (cpuOf(subject.server) - before) / requests * 1e6;
  await check(subject);
  subject.perSecond = perSecond;
  return { us, perSecond };
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function shuffled(list) {
  return list.map((item) => [Math.random(), item]).sort(([a], [b]) => a - b).map(([, item]) => item);
}
