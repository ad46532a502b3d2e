// Requests in, answers out. A handler returns an answer as plain data, so that control.mjs can
// spoil it before it is sent.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const longestBody = 1 << 20;

export async function readRequest(message) {
  const url = new URL(message.url, 'http://stand-in');
  const chunks = [];
  let length = 0;
  for await (const chunk of message) {
    length += chunk.length;
    if (length > longestBody) throw new Error('request body too large');
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString();
  const type = (message.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  return {
    method: message.method,
    path: url.pathname,
    query: url.searchParams,
    form: new URLSearchParams(type === 'application/x-www-form-urlencoded' ? body : ''),
    type,
    body,
    headers: message.headers,
    cookies: readCookies(message.headers.cookie),
  };
}

function readCookies(header = '') {
  const pairs = header.split(';').map((pair) => pair.trim().split('='));
  return Object.fromEntries(pairs.map(([name, ...value]) => [name, value.join('=')]));
}

export const json = (status, value, headers = {}) => ({
  status,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(value),
});

export const html = (status, body, headers = {}) => ({
  status,
  headers: {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    // No form-action: browsers apply it to the redirect that follows a login too.
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ...headers,
  },
  body,
});

// Adds parameters to a URL; those without a value are left out.
export function redirect(target, parameters = {}, headers = {}) {
  const url = new URL(target);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined) url.searchParams.set(name, value);
  }
  return {
    status: 302,
    headers: { Location: url.href, 'Cache-Control': 'no-store', ...headers },
    body: '',
  };
}

// The first parameter that is there more than once, which OAuth forbids.
export function repeated(parameters) {
  const names = [...parameters.keys()];
  return names.find((name, index) => names.indexOf(name) !== index);
}

// Answers that do not end, written past node's http: a beginning, then the same piece again and again.
const endless = {
  body: { begin: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', piece: `3e8\r\n${' '.repeat(1000)}\r\n` },
  headers: { begin: 'HTTP/1.1 200 OK\r\n', piece: `X-More: ${'x'.repeat(1000)}\r\n` },
  interim: { begin: '', piece: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(40) },
  trailers: { begin: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n', piece: `X-More: ${'x'.repeat(1000)}\r\n` },
  slowBody: { begin: 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n', piece: ' ', pause: 50 },
  slowHeaders: { begin: 'HTTP/1.1 200 OK\r\nX-Slow: ', piece: 'x', pause: 50 },
};

export const endlessNames = Object.keys(endless);

const mostBytes = 100 << 20; // for a client that takes all

async function sendEndless(socket, { begin, piece, pause }) {
  socket.write(begin);
  for (let sent = 0; !socket.destroyed && sent < mostBytes; sent += piece.length) {
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    if (pause) await sleep(pause);
  }
  socket.destroy();
}

export async function send(response, answer) {
  if (answer.hang) {
    await once(response, 'close');
    return;
  }
  if (answer.disconnect) {
    response.destroy();
    return;
  }
  if (answer.endless) {
    await sendEndless(response.socket, endless[answer.endless]);
    return;
  }
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': Buffer.byteLength(answer.body) });
  response.end(answer.body);
}
