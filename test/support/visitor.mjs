// A small browser: one cookie jar, navigations and scripts, redirects on demand.
// Whatever the host name, it connects to 127.0.0.1, so that a test can use any number of virtual hosts.

import crypto from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { CookieJar, isTrustworthy } from './cookies.mjs';

const isSlow = process.env.HTTPD_PRELOAD || process.env.VALGRIND_HTTPD; // with a sanitizer
const TIMEOUT_MS = isSlow ? 120_000 : 15_000;
const RAW_MS = isSlow ? 60_000 : 5000;
const MOST_REDIRECTS = 20; // as in Chromium and Firefox

/** An answer. headers: lower-case names, several values joined; all(name): each value. */
export class Answer {
  constructor({ method, url, status, fields, bytes = Buffer.alloc(0) }) {
    Object.assign(this, { method, url, status, fields, bytes, hops: [] });
    this.headers = {};
    for (const [name, value] of fields) {
      const key = name.toLowerCase();
      const separator = key === 'set-cookie' ? '\n' : ', ';
      this.headers[key] = key in this.headers ? this.headers[key] + separator + value : value;
    }
  }

  all(name) {
    return this.fields.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  get text() {
    return this.bytes.toString('utf8');
  }

  json() {
    try {
      return JSON.parse(this.text);
    } catch {
      throw new Error(`not JSON: ${this.method} ${this.url} ${this.status}\n${this.text}`);
    }
  }

  /** Where it sends the browser, as an absolute URL. */
  get location() {
    return this.headers.location === undefined ? undefined : new URL(this.headers.location, this.url).href;
  }
}

// [name, value] pairs of an object (a value may be a list) or of such pairs.
function pairs(headers = {}) {
  const list = Array.isArray(headers) ? headers : Object.entries(headers);
  return list.flatMap(([name, value]) => (Array.isArray(value) ? value.map((one) => [name, one]) : [[name, value]]));
}

// The given headers replace the usual ones of the same name; null takes one away.
function combine(usual, given) {
  const replaced = new Set(given.map(([name]) => name.toLowerCase()));
  return [...usual.filter(([name, value]) => value !== undefined && !replaced.has(name.toLowerCase())),
    ...given.filter(([, value]) => value !== null && value !== undefined)].map(([name, value]) => [name, value && String(value)]);
}

const rawPairs = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);

function siteOf(url) {
  return `${url.protocol}//${url.hostname}`;
}

// Sec-Fetch-Site looks at all URLs of a redirect chain: one foreign hop makes the rest cross-site.
function fetchSite(from, chain) {
  if (!from) return 'none';
  if (chain.some((url) => siteOf(url) !== siteOf(from))) return 'cross-site';
  return chain.some((url) => url.origin !== from.origin) ? 'same-site' : 'same-origin';
}

function encodeBody({ body, form, json }) {
  if (form !== undefined) return [String(new URLSearchParams(form)), 'application/x-www-form-urlencoded'];
  if (json !== undefined) return [JSON.stringify(json), 'application/json'];
  return [body, undefined];
}

export class Visitor {
  /**
   * base: what paths are relative to. options: headers (on every request), keepAlive, http2 (prior knowledge, or ALPN
   * on https), secureOnLoopback (see CookieJar), cookies: false for a browser that takes none.
   */
  constructor(base, options = {}) {
    this.base = base;
    this.options = options;
    this.jar = new CookieJar(options);
    const agent = { keepAlive: Boolean(options.keepAlive), rejectUnauthorized: false };
    this.agents = { 'http:': new http.Agent(agent), 'https:': new https.Agent(agent) };
  }

  /** A second browser with a copy of the cookies: a thief, or another device. */
  clone(options) {
    const copy = new Visitor(this.base, { ...this.options, ...options });
    copy.jar.cookies = this.jar.cookies.map((cookie) => ({ ...cookie }));
    return copy;
  }

  get(url, options) {
    return this.request('GET', url, options);
  }

  /** Sends a form, as a page of the same site would; other bodies: options.body or options.json. */
  post(url, form, options) {
    return this.request('POST', url, { form, ...options });
  }

  /** What fetch() in a page of the site sends. */
  script(url, { method = 'GET', ...options } = {}) {
    return this.request(method, url, { ...options, script: true });
  }

  /**
   * options: headers (object, values may be lists; or pairs; null removes one), body, form or json,
   * from (the page that led here; without it a GET is typed in and a POST comes from the same site),
   * target (the request target as it stands, where a URL would be tidied up),
   * follow (true, or a function of the next URL that says whether to go there). answer.hops: the redirects before it.
   */
  async request(method, url, options = {}) {
    const hops = [];
    const chain = [new URL(url, this.base)];
    let step = { ...options, method };
    for (;;) {
      const here = chain.at(-1);
      const answer = await this.#once(here, step, chain);
      answer.hops = [...hops];
      const next = answer.status >= 300 && answer.status < 400 && answer.location && new URL(answer.location);
      const follow = typeof options.follow === 'function' ? next && options.follow(next) : options.follow;
      if (!next || !follow) return answer;
      if (hops.push(answer) > MOST_REDIRECTS) {
        const way = hops.map((hop) => `${hop.status} ${hop.method} ${hop.url}`).join('\n');
        throw Object.assign(new Error(`too many redirects:\n${way}`), { hops });
      }
      const becomesGet = answer.status === 303 ? step.method !== 'HEAD' : answer.status < 303 && step.method === 'POST';
      if (becomesGet) step = { ...step, method: 'GET', body: undefined, form: undefined, json: undefined };
      step.target = undefined;
      chain.push(next);
    }
  }

  async #once(url, options, chain) {
    const [body, type] = encodeBody(options);
    const headers = this.#headers(url, options, chain, body, type);
    const send = this.options.http2 ? overHttp2 : overHttp1;
    const answer = await send({ url, method: options.method, target: options.target, headers, body, agent: this.agents[url.protocol] });
    this.#takeCookies(answer, url);
    return answer;
  }

  #takeCookies(answer, url) {
    if (this.options.cookies !== false) answer.all('set-cookie').forEach((line) => this.jar.set(url, line));
  }

  #headers(url, { method, script, from, headers }, chain, body, type) {
    const sends = method !== 'GET' && method !== 'HEAD';
    const given = from && new URL(from);
    const page = given || (script || sends ? new URL(this.base) : undefined);
    const site = fetchSite(page, chain);
    const fetches = isTrustworthy(url) ? [
      ['Sec-Fetch-Site', site],
      ['Sec-Fetch-Mode', script ? 'cors' : 'navigate'],
      ['Sec-Fetch-User', script ? undefined : '?1'],
      ['Sec-Fetch-Dest', script ? 'empty' : 'document'],
    ] : [];
    const sameOrigin = page && url.origin === page.origin;
    return combine([
      ['Host', url.host],
      ['User-Agent', 'Mozilla/5.0 (test visitor)'],
      ['Accept', script ? 'application/json' : 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
      ['Accept-Language', 'en'],
      ['Upgrade-Insecure-Requests', script ? undefined : '1'],
      ['Origin', page && (sends || (script && !sameOrigin)) ? page.origin : undefined],
      ['Referer', page && (sameOrigin ? page.href : `${page.origin}/`)],
      ...fetches,
      ['Cookie', this.jar.header(url) || undefined],
      ['Content-Type', type],
      ['Content-Length', body === undefined ? (sends ? '0' : undefined) : Buffer.byteLength(body)],
    ], [...pairs(this.options.headers), ...pairs(headers)]);
  }

  /** A WebSocket handshake. After a 101 the answer has echo(text), which sends bytes and waits for as many, and close(). */
  async websocket(url, options = {}) {
    const target = new URL(url, this.base);
    const upgrade = [['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', crypto.randomBytes(16).toString('base64')], ['Sec-Fetch-Mode', 'websocket'],
      ['Sec-Fetch-Dest', 'empty'], ['Sec-Fetch-User', null], ['Accept', null], ['Upgrade-Insecure-Requests', null],
      ['Origin', new URL(options.from || this.base).origin]];
    const headers = this.#headers(target, { method: 'GET', script: true, from: options.from,
      headers: combine(upgrade, pairs(options.headers)) }, [target]);
    const answer = await overHttp1({ url: target, method: 'GET', headers, agent: this.agents[target.protocol] });
    this.#takeCookies(answer, target);
    return answer;
  }

  /** Bytes as they stand; see raw(). */
  raw(text, options) {
    const url = new URL(this.base);
    return raw(url.port, text, { tls: url.protocol === 'https:', ...options });
  }
}

function overHttp1(call, again = true) {
  const { url, method, target, headers, body, agent } = call;
  return new Promise((resolve, reject) => {
    const fields = agent.keepAlive || headers.some(([name]) => /^connection$/i.test(name))
      ? headers : [...headers, ['Connection', 'close']];
    const request = (url.protocol === 'https:' ? https : http).request({
      host: '127.0.0.1', servername: net.isIP(url.hostname) ? '' : url.hostname, port: url.port,
      method, path: target ?? url.pathname + url.search, headers: fields.flat(), agent, timeout: TIMEOUT_MS,
    });
    request.once('timeout', () => request.destroy(new Error(`no answer in time: ${method} ${url}`)));
    request.once('error', (error) => {
      // The server closed a kept connection just before our request: browsers try again, once.
      if (again && request.reusedSocket && error.code === 'ECONNRESET') resolve(overHttp1(call, false));
      else reject(error);
    });
    const answerOf = (response, bytes) => new Answer({
      method, url: url.href, status: response.statusCode, fields: rawPairs(response.rawHeaders), bytes,
    });
    request.once('upgrade', (response, socket, head) => {
      const answer = answerOf(response);
      let received = head;
      socket.on('data', (data) => { received = Buffer.concat([received, data]); });
      socket.on('error', () => {});
      answer.echo = async (text) => {
        const length = Buffer.byteLength(text);
        socket.write(text);
        while (received.length < length && !socket.destroyed) {
          await new Promise((next) => { socket.once('data', next).once('close', next); });
        }
        const echoed = received.subarray(0, length).toString();
        received = received.subarray(length);
        return echoed;
      };
      answer.close = () => socket.destroy();
      resolve(answer);
    });
    request.once('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve(answerOf(response, Buffer.concat(chunks))));
    });
    request.end(body);
  });
}

function overHttp2({ url, method, target, headers, body }) {
  return new Promise((resolve, reject) => {
    const session = http2.connect(url.origin, {
      createConnection: () => (url.protocol === 'https:'
        ? tls.connect({ host: '127.0.0.1', port: url.port, servername: url.hostname, ALPNProtocols: ['h2'], rejectUnauthorized: false })
        : net.connect(url.port, '127.0.0.1')),
    });
    session.once('error', reject);
    const fields = {
      ':method': method,
      ':path': target ?? url.pathname + url.search,
      ':scheme': url.protocol.slice(0, -1),
      ':authority': url.host,
    };
    for (const [name, value] of headers) {
      const key = name.toLowerCase();
      if (key !== 'host') fields[key] = key in fields ? [fields[key], value].flat() : value;
    }
    const stream = session.request(fields);
    stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error(`no answer in time: ${method} ${url}`)));
    stream.once('error', reject);
    let answer;
    const chunks = [];
    stream.once('response', (response, flags, flat) => {
      const all = rawPairs(flat).filter(([name]) => !name.startsWith(':'));
      answer = { method, url: url.href, status: response[':status'], fields: all };
    });
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.once('end', () => {
      session.close();
      resolve(new Answer({ ...answer, bytes: Buffer.concat(chunks) }));
    });
    stream.end(body);
  });
}

/**
 * Sends bytes as they stand and collects the answer until the server closes ("Connection: close" belongs in the text)
 * or the time is over. Lines may end in \n alone. everything: all of it; status 0 if there was no answer.
 */
export function raw(port, text, { tls: secure = false, timeout = RAW_MS } = {}) {
  return new Promise((resolve, reject) => {
    const socket = secure
      ? tls.connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false })
      : net.connect(port, '127.0.0.1');
    const chunks = [];
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(parseRaw(Buffer.concat(chunks)));
    };
    const timer = setTimeout(finish, timeout);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('close', finish);
    // A server that refuses a request may reset the connection after its answer.
    socket.once('error', (error) => (chunks.length ? finish() : reject(error)));
    socket.write(typeof text === 'string' ? Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1') : text);
  });
}

// The body without its chunks (RFC 9112 section 7.1): where one ends depends on how fast the script was.
function withoutChunks(bytes) {
  const parts = [];
  for (let at = 0, end, size; (end = bytes.indexOf('\r\n', at)) > at; at = end + 2 + size + 2) {
    size = parseInt(bytes.toString('latin1', at, end), 16) || 0;
    parts.push(bytes.subarray(end + 2, end + 2 + size));
  }
  return Buffer.concat(parts);
}

function parseRaw(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  const [first, ...lines] = bytes.subarray(0, end < 0 ? bytes.length : end).toString('latin1').split('\r\n');
  const answer = new Answer({
    status: Number(/^HTTP\/\S+ (\d{3})/.exec(first)?.[1] || 0),
    fields: lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
    bytes: end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4),
  });
  if (answer.headers['transfer-encoding'] === 'chunked') answer.bytes = withoutChunks(answer.bytes);
  answer.everything = bytes.toString('latin1');
  return answer;
}
