// An application behind the proxy: it says what it was sent. It also speaks WebSocket (echo of bytes) and FastCGI.

import crypto from 'node:crypto';
import http from 'node:http';
import net from 'node:net';

const SOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455

function listen(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.unref(); // a test that forgot to stop it must end nevertheless
      resolve(server.address().port);
    });
  });
}

function close(server, sockets) {
  sockets.forEach((socket) => socket.destroy());
  return new Promise((resolve) => { server.close(() => resolve()); });
}

function remember(server) {
  const sockets = new Set();
  server.on('connection', (socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  return sockets;
}

const fieldsOf = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);

function describe(request, body) {
  // headers joins duplicates; fields keeps each as it came.
  return { method: request.method, url: request.url, headers: request.headers, fields: fieldsOf(request.rawHeaders), body };
}

/**
 * Answers 200 with { method, url, headers, fields, body } as JSON, and keeps these in requests. answer(path, how)
 * changes the answer for a path without its query; how is { status, headers, body, delay }, { raw } for bytes after
 * which the connection ends, or a function of the request that gives one; without how, the usual answer is back.
 */
export async function startBackend() {
  const answers = new Map();
  const requests = [];
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const seen = describe(request, body);
    requests.push(seen);
    const how = answers.get(request.url.split('?', 1)[0]);
    const { status = 200, headers = {}, body: text, delay = 0, raw } = (typeof how === 'function' ? how(seen) : how) || {};
    if (delay) await new Promise((resolve) => { setTimeout(resolve, delay); });
    if (raw) {
      request.socket.end(raw);
      return;
    }
    response.writeHead(status, text === undefined ? { 'Content-Type': 'application/json', ...headers } : headers);
    response.end(text ?? JSON.stringify(seen));
  });
  server.on('upgrade', (request, socket, head) => {
    requests.push(describe(request, ''));
    const accept = crypto.createHash('sha1').update(request.headers['sec-websocket-key'] + SOCKET_GUID).digest('base64');
    socket.on('error', () => socket.destroy());
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
      + `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.write(head);
    socket.pipe(socket);
  });
  const sockets = remember(server);
  const port = await listen(server);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    get last() { return requests.at(-1); },
    answer(path, how) {
      if (how === undefined) answers.delete(path);
      else answers.set(path, how);
    },
    stop: () => close(server, sockets),
  };
}

const BEGIN = 1;
const END = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;

function fastcgiRecord(type, id, content) {
  const header = Buffer.from([1, type, id >> 8, id & 255, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([header, content]);
}

function fastcgiParams(bytes) {
  const params = {};
  let at = 0;
  const length = () => {
    if (bytes[at] < 128) return bytes[at++];
    at += 4;
    return bytes.readUInt32BE(at - 4) & 0x7fffffff;
  };
  while (at < bytes.length) {
    const name = length();
    const value = length();
    params[bytes.toString('utf8', at, at + name)] = bytes.toString('utf8', at + name, at + name + value);
    at += name + value;
  }
  return params;
}

/**
 * A FastCGI application (PHP-FPM's place): answers with its environment as JSON. ProxyPass "fcgi://127.0.0.1:port/"
 * headers: more header lines for its answers, each with its \r\n.
 */
export async function startFastcgi() {
  const requests = [];
  const application = { requests, headers: '', get last() { return requests.at(-1); } };
  const server = net.createServer((socket) => {
    let pending = Buffer.alloc(0);
    let params = [];
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 8 && pending.length >= 8 + pending.readUInt16BE(4) + pending[6]) {
        const type = pending[1];
        const id = pending.readUInt16BE(2);
        const content = pending.subarray(8, 8 + pending.readUInt16BE(4));
        pending = pending.subarray(8 + pending.readUInt16BE(4) + pending[6]);
        if (type === BEGIN) params = [];
        if (type === PARAMS) params.push(content);
        if (type === STDIN && content.length === 0) {
          const environment = fastcgiParams(Buffer.concat(params));
          requests.push(environment);
          const answer = `Status: 200\r\nContent-Type: application/json\r\n${application.headers}\r\n${JSON.stringify(environment)}`;
          socket.write(fastcgiRecord(STDOUT, id, Buffer.from(answer)));
          socket.write(fastcgiRecord(STDOUT, id, Buffer.alloc(0)));
          socket.end(fastcgiRecord(END, id, Buffer.alloc(8)));
        }
      }
    });
  });
  const sockets = remember(server);
  const port = await listen(server);
  return Object.assign(application, { port, stop: () => close(server, sockets) });
}
