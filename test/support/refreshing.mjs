// What the tests of the refresh have in common.

import { setTimeout as sleep } from 'node:timers/promises';
import { signIn } from './sites.mjs';

/** How often refresh tokens were presented at this stand-in. */
export const refreshes = (scalekit) => scalekit.state().counters.endpoints['token refresh_token'] ?? 0;

export const reused = (scalekit) => scalekit.state().reusedRefreshTokens;

export const isLogin = (answer) => answer.status === 302 && /\/oauth\/authorize\?/.test(answer.location ?? '');

/** What the token endpoint does to refreshes from now on; null: nothing unusual. */
export const refreshesFail = (scalekit, fault) => scalekit.control({ fail: { token: fault && { grant: 'refresh_token', ...fault } } });

// Tokens count in seconds: one of two seconds is due with the next, and a login that ends after the turn refreshes at once.
async function earlyInASecond() {
  const late = Date.now() % 1000;
  if (late > 500) await sleep(1005 - late);
}

/** Visitors whose access tokens have expired, while the next ones will live for long. */
export async function expiredVisitors(site, count, options) {
  const visitors = [];
  await site.scalekit.control({ accessTokenLife: 2 });
  while (visitors.length < count) {
    await earlyInASecond();
    visitors.push(await signIn(site, options));
  }
  await site.scalekit.control({ accessTokenLife: 300 });
  await sleep(2100);
  return visitors;
}

export async function timed(promise) {
  const began = performance.now();
  const answer = await promise;
  return { answer, time: performance.now() - began };
}

/** Requests with the visitor's cookies of now, so that all of them bring the same session: [{ answer, time, copy }]. */
export function inParallel(visitor, count, path = '/') {
  const copies = Array.from({ length: count }, () => visitor.clone());
  return Promise.all(copies.map(async (copy) => ({ copy, ...await timed(copy.get(path)) })));
}

/** How often each status came: { 200: 198, 503: 2 }. */
export function tally(results) {
  const counts = {};
  for (const { answer } of results) counts[answer.status] = (counts[answer.status] ?? 0) + 1;
  return counts;
}

/** The time, in ms, that this part of the requests was answered in. */
export function quantile(results, part) {
  const times = results.map(({ time }) => time).sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(times.length * part))];
}

/** Starts a request every so many ms, without waiting for answers; resolves to the results. */
export async function steadily(ms, interval, ask) {
  const results = [];
  const end = Date.now() + ms;
  for (let i = 0; Date.now() < end; i += 1) {
    results.push(timed(ask(i)));
    await sleep(interval);
  }
  return Promise.all(results);
}
