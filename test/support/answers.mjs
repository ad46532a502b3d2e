// What all answers of ours have in common, and the lines that belong to them.

import assert from 'node:assert/strict';

/** The lines of the error log that our module wrote. */
export function ourLines(log) {
  return log.split('\n').filter((line) => line.includes('[auth_scalekit:'));
}

/** The cookies that an answer sets: { name: { value, line } }. */
export function cookiesOf(answer) {
  return Object.fromEntries(answer.all('set-cookie').map((line) => {
    const [, name, value] = /^([^=]*)=([^;]*)/.exec(line);
    return [name, { value, line }];
  }));
}

/** Where an answer sends the browser, on the same host: path and query. */
export function localTarget(answer) {
  const { pathname, search, hash } = new URL(answer.location);
  return pathname + search + hash;
}

/** The forms of a page that post: { action }. */
export function formOf(answer) {
  return /<form method="post" action="([^"]*)">/.exec(answer.text)?.[1];
}

/** The links of a page. */
export function linksOf(answer) {
  return [...answer.text.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, link]) => link.replaceAll('&amp;', '&'));
}

/** A page for people: of our making, never kept by a cache, and with nothing in it that a stranger could have put there. */
export function assertPage(answer, status) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^text\/html/);
  assert.match(answer.headers['cache-control'], /no-store/);
  assert.match(answer.headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.doesNotMatch(answer.text, /<(?:script|img|iframe|svg|b)\b/i);
}

/** A page that tells of a failure, with the reference of the one line of the log, since the mark, that gives the reason. */
export function assertFailure(server, from, answer, status, reason) {
  assertPage(answer, status);
  const reference = /Reference for the administrator: ([0-9a-f]{8})</.exec(answer.text)?.[1];
  assert.ok(reference, answer.text);
  // Once for a virtual host it is said at its first request, whatever that was.
  const lines = ourLines(server.log(from)).filter((line) => !line.includes('is not to be reached')
    && (/auth_scalekit:(?:warn|error)/.test(line) || reason.test(line)));
  assert.equal(lines.length, 1, lines.join('\n') || `nothing is logged for ${reference}`);
  assert.match(lines[0], reason);
  assert.ok(lines[0].includes(reference), `${lines[0]} lacks the reference ${reference}`);
}
