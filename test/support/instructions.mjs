// Counts the instructions that httpd takes for a request. They are the same on a busy machine, which times are not.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { serverDirectory } from './httpd.mjs';

/** Is valgrind here, and does it know this machine? */
export const canCount = spawnSync('valgrind', ['--tool=callgrind', '--callgrind-out-file=/dev/null', 'true']).status === 0;

// Before each answer to OPTIONS callgrind writes down what it has counted, and begins anew. No other request comes to this function of httpd.
const MARK = 'ap_send_http_options';

/** Options of startHttpd: one process, which keeps the connection that it has. */
export function countingOptions() {
  const folder = serverDirectory('callgrind');
  fs.chmodSync(folder, 0o777); // the children of a server that root starts run as another user
  return {
    folder,
    mpm: 'prefork',
    under: ['valgrind', '-q', '--tool=callgrind', `--dump-before=${MARK}`, `--callgrind-out-file=${folder}/%p`],
    // What an access log and mod_status cost depends on the time of day.
    without: ['log_config', 'status'],
    limits: 'StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nServerLimit 1\nMaxRequestWorkers 1\n'
      + 'KeepAliveTimeout 600\nMaxKeepAliveRequests 0\nTimeout 600',
  };
}

export class Counter {
  constructor(server, folder) {
    Object.assign(this, { server, folder, dumps: 0 });
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  }

  #send(method, url, headers) {
    const options = { agent: this.agent, host: '127.0.0.1', port: this.server.port, method, path: url, headers };
    return new Promise((resolve, reject) => {
      http.request(options, (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.once('end', () => resolve({ status: answer.statusCode, text: Buffer.concat(chunks).toString() }));
        answer.once('error', reject);
      }).once('error', reject).end();
    });
  }

  async #mark() {
    const { status } = await this.#send('OPTIONS', '/page.txt', { Host: 'localhost' });
    if (status !== 200) throw new Error(`OPTIONS is answered by ${status}`);
    this.dumps += 1;
    const [pid] = this.server.children();
    const text = fs.readFileSync(path.join(this.folder, `${pid}.${this.dumps}`), 'utf8');
    return Number(text.match(/^(?:totals|summary): (\d+)/m)[1]);
  }

  /** Instructions of one request of these, of which each has to be answered by `expected`. */
  async count(url, headers, expected, { requests = 40, warmUp = 4 } = {}) {
    const ask = async () => {
      const answer = await this.#send('GET', url, headers);
      if (answer.status !== 200 || answer.text !== expected) throw new Error(`${headers.Host}${url} is answered by ${answer.status}: ${answer.text}`);
    };
    for (let i = 0; i < warmUp; i += 1) await ask();
    await this.#mark();
    for (let i = 0; i < requests; i += 1) await ask();
    return await this.#mark() / requests;
  }

  close() {
    this.agent.destroy();
  }
}
