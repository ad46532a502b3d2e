// Requests in, answers out. A handler returns an answer as plain data, so that control.mjs can
// spoil it before it is sent.

import { once } from 'node:events';

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

export async function send(response, answer) {
  if (answer.hang) {
    await once(response, 'close');
    return;
  }
  if (answer.disconnect) {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': Buffer.byteLength(answer.body) });
  response.end(answer.body);
}
