// The parts of bench/run, sample by sample in turn, so that what else the machine does hits all alike. How much of
// each, and who is told of it (say), they take from one object.

import { expiredVisitors, inParallel, quantile, refreshes, refreshesFail, reused, tally } from '../test/support/refreshing.mjs';
import { signIn } from './stage.mjs';
import { cpuOf, crowd, median, privateMemoryOf, sample, shuffled } from './measure.mjs';

const HERD = 200;
const TOKEN_MS = 100; // what a refresh takes at Scalekit

const silent = () => {};

// Where the memory of a process happens to lie makes a request some microseconds dearer or cheaper: new children for each round.
// Not everybody's sessions outlive that.
async function renew(subjects) {
  for (const subject of subjects) {
    await subject.server.reload();
    subject.visitor = await signIn(subject);
    subject.perSecond = undefined; // so that sample() warms them up
  }
}

const SLICE = 0.1; // seconds

// What else a machine does comes and goes within a second: by turns with what the subject is compared with, in slices, of which those in the
// middle count.
async function sampleBeside(subject, base, seconds) {
  const slices = [];
  for (let i = 0; i < seconds / SLICE / 2; i += 1) {
    const { us: baseUs } = await sample(base, SLICE);
    const { us, perSecond } = await sample(subject, SLICE);
    slices.push({ us, ratio: us / baseUs, perSecond });
  }
  return Object.fromEntries(['us', 'ratio', 'perSecond'].map((key) => [key, median(slices.map((slice) => slice[key]))]));
}

/** { name: [{ us, perSecond, and ratio: to what it is compared with, one for each round] } */
export async function measureRequests(subjects, { rounds, seconds, say = silent }) {
  const samples = Object.fromEntries(subjects.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    say(`requests, round ${round} of ${rounds}`);
    await renew(subjects);
    for (const subject of shuffled(subjects)) {
      const base = subjects.find(({ name }) => name === (subject.beside ?? 'file'));
      samples[subject.name].push(await sampleBeside(subject, base, seconds));
    }
  }
  return samples;
}

// As far as the redirect to the page: two requests to httpd, on one connection.
export async function login({ name, server, path }) {
  const visitor = server.visitor({ keepAlive: true });
  const answer = await visitor.get(path, { follow: (url) => url.pathname !== path });
  Object.values(visitor.agents).forEach((agent) => agent.destroy());
  const arrived = answer.status === 302 && new URL(answer.location).pathname === path && answer.url.includes('/auth/callback?');
  if (!arrived) throw new Error(`${name}: not a login: ${answer.status} ${answer.url} ${answer.text}`);
}

/** { name: median of the milliseconds of CPU that a login takes } */
export async function measureLogins(subjects, { loginRounds, logins, say = silent }) {
  const ms = Object.fromEntries(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round <= loginRounds; round += 1) {
    say(`logins, round ${round} of ${loginRounds}`);
    for (const subject of shuffled(subjects)) {
      const before = cpuOf(subject.server);
      for (let i = 0; i < logins; i += 1) await login(subject);
      if (round > 0) ms[subject.name].push((cpuOf(subject.server) - before) / logins * 1000); // the first one warms up
    }
  }
  return Object.fromEntries(Object.entries(ms).map(([name, values]) => [name, median(values)]));
}

const presentedAgain = (scalekit) => reused(scalekit).reduce((sum, { presented }) => sum + presented - 1, 0);

/** What 200 requests with one session cost whose token has expired: { name: { slowest and cpu (ms), calls, again, statuses } } */
export async function measureHerds(subjects, scalekit, { herds, say = silent }) {
  const results = {};
  for (const { name, server, path } of subjects) {
    say(`herd: ${name}`);
    const visitors = await expiredVisitors(server, herds, { path });
    await refreshesFail(scalekit, { mode: 'slow', delay: TOKEN_MS });
    const each = [];
    for (const visitor of visitors) {
      const [cpu, calls, again] = [cpuOf(server), refreshes(scalekit), presentedAgain(scalekit)];
      const answers = await inParallel(visitor, HERD, path);
      each.push({
        slowest: quantile(answers, 1),
        cpu: (cpuOf(server) - cpu) * 1000,
        calls: refreshes(scalekit) - calls,
        again: presentedAgain(scalekit) - again,
        statuses: tally(answers),
      });
    }
    await scalekit.control({ reset: true });
    each.sort((a, b) => a.slowest - b.slowest);
    results[name] = each[each.length >> 1];
  }
  return results;
}

/** As many requests at a time, of nobody whose token has expired: what httpd alone keeps of a herd. */
export async function comeInHerds(subjects, { herds }) {
  for (const { server, path } of subjects) {
    for (let i = 0; i < herds; i += 1) await inParallel(server.visitor(), HERD, path);
  }
}

/** Bytes that a child has for itself when all its threads have worked: { name: bytes } */
export async function measureMemory(subjects) {
  const memory = {};
  for (const subject of subjects) {
    await crowd(subject);
    memory[subject.name] = privateMemoryOf(subject.server);
  }
  return memory;
}
