// Starts the real httpd for a test: in its own directory, on its own ports, in its own process group.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Visitor, raw } from './visitor.mjs';

const START_MS = 30_000; // a sanitizer build on a busy machine is slow
const STOP_MS = 10_000;
const KEEP = Boolean(process.env.HTTPD_KEEP);

// What Debian enables by default, and what our tests use. Sorted, because Debian loads in this order:
// auth_scalekit comes before session, which a module that links to mod_session would not survive.
const MODULES = [
  'access_compat', 'alias', 'auth_basic', 'authn_core', 'authn_file', 'authz_core', 'authz_host', 'authz_user',
  'cache', 'cache_disk', 'cache_socache', 'dir', 'env', 'filter', 'headers', 'include', 'info', 'log_config', 'mime',
  'negotiation', 'proxy', 'proxy_fcgi', 'proxy_http', 'proxy_wstunnel', 'reqtimeout', 'request', 'rewrite', 'session',
  'session_cookie', 'session_crypto', 'setenvif', 'socache_shmcb', 'status', 'unixd',
];

// Those of gcc and clang.
const SANITIZER = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:/;
const CRASH = new RegExp(`exit signal (?:Segmentation|Abort|Bus|Illegal|Floating)|${SANITIZER.source}`);

export const modulePath = path.resolve(process.env.MOD_AUTH_SCALEKIT_SO
  || fileURLToPath(new URL('../../build/.libs/mod_auth_scalekit.so', import.meta.url)));

// Where a test needs no answer from Scalekit. Nobody listens there.
const NO_SCALEKIT = { url: 'http://127.0.0.1:9', clientId: 'skc_58300000000000001', clientSecret: 'test_made-up-secret' };

let found;

/** Where httpd and its modules are: { httpd, modules }. */
export function installation() {
  if (!found) {
    const ask = (name) => spawnSync(process.env.APXS || 'apxs', ['-q', name], { encoding: 'utf8' }).stdout?.trim();
    found = {
      httpd: process.env.HTTPD || path.join(ask('SBINDIR') || '', ask('PROGNAME') || 'httpd'),
      modules: process.env.HTTPD_MODULES || ask('LIBEXECDIR') || '',
    };
  }
  return found;
}

/** True if this httpd has the module, for tests that need an unusual one. */
export function hasModule(name) {
  return fs.existsSync(path.join(installation().modules, `mod_${name}.so`));
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * Ports of 127.0.0.1 that nobody listens on. Below those that systems give to outgoing connections, and at random:
 * nobody takes one between this and the start of httpd, though many test files run at once.
 */
export async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

let base;
let instances = 0;

// All directories of this process are below one. A small shell outlives the process, however that ends, then kills
// the servers that are left and removes the directory: an exit handler would not run on SIGKILL.
function baseDirectory() {
  if (!base) {
    base = fs.mkdtempSync(path.join(os.tmpdir(), 'sk-httpd-'));
    fs.chmodSync(base, 0o755); // the children of a server that root starts run as another user
    const script = `while read -r line; do :; done
      for file in "$1"/*/pgid; do [ -f "$file" ] && kill -s KILL -- "-$(cat "$file")"; done
      [ -n "$2" ] || rm -rf "$1"`;
    const guard = spawn('sh', ['-c', script, 'guard', base, KEEP ? 'keep' : ''], {
      detached: true, stdio: ['pipe', 'ignore', 'ignore'],
    });
    guard.unref();
    guard.stdin.unref();
    if (KEEP) console.error(`HTTPD_KEEP: ${base}`);
  }
  return base;
}

/**
 * A folder for another server, which writes the id of its process group into the file pgid there and so is ended with
 * the test, however that ends.
 */
export function serverDirectory(name) {
  instances += 1;
  const folder = path.join(baseDirectory(), `${name}-${instances}`);
  fs.mkdirSync(folder);
  return folder;
}

/** Whom root lets the children of httpd run as. */
export function serverUser() {
  const users = fs.readFileSync('/etc/passwd', 'utf8');
  return ['www-data', 'apache', 'http', 'daemon'].find((user) => new RegExp(`^${user}:`, 'm').test(users));
}

function userLines() {
  return process.getuid() === 0 ? `User ${serverUser()}\nGroup ${serverUser()}` : '';
}

// A clean environment: SCALEKIT_* or a proxy of the developer's shell must not decide a test.
function environment(extra) {
  const env = { PATH: process.env.PATH, LANG: 'C' };
  for (const name of Object.keys(process.env)) {
    if (/SAN_OPTIONS$|^GCOV_|^VALGRIND_/.test(name)) env[name] = process.env[name];
  }
  if (process.env.HTTPD_PRELOAD) env.LD_PRELOAD = process.env.HTTPD_PRELOAD;
  return { ...env, ...extra };
}

let certificate;

/** The file of a key and a certificate for localhost that nobody has signed. */
export function makeCertificate() {
  if (!certificate) {
    const file = path.join(baseDirectory(), 'tls.pem');
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
      '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1',
      '-keyout', file, '-out', `${file}.crt`], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`openssl: ${made.stderr || made.error}`);
    fs.appendFileSync(file, fs.readFileSync(`${file}.crt`));
    certificate = file;
  }
  return certificate;
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Waits until probe() gives a true value and returns it; undefined when the time is over. */
export async function until(probe, ms = 5000) {
  for (const end = Date.now() + ms; ;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) return undefined;
    await sleep(20);
  }
}

function readText(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

async function waitForLine(read, pattern) {
  const line = await until(() => read().split('\n').find((text) => text.match(pattern)));
  if (!line) throw new Error(`no line of the log matches ${pattern}:\n${read()}`);
  return line;
}

function refusal(title, output, status) {
  return Object.assign(new Error(`${title}:\n${output.trim() || '(no output)'}`), { output, status });
}

const FAKE_TIME = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketime.so.1`).find(fs.existsSync);

/** Can a server be given another clock? Not with a sanitizer, whose library wants to be the first. */
export const canFakeTime = Boolean(FAKE_TIME) && !process.env.HTTPD_PRELOAD;

/** For a server's env: its clock is off by what the file says, such as "+61m", also when that changes. See canFakeTime. */
export const clockOf = (file) => ({
  LD_PRELOAD: FAKE_TIME, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1',
});

/** Does httpd run with a sanitizer or in valgrind? Then no test should say how fast it is. */
export const isSlow = Boolean(process.env.HTTPD_PRELOAD || process.env.VALGRIND_HTTPD);

class Httpd {
  constructor(options, ports) {
    this.options = { mpm: 'event', logLevel: 'info', processes: 2, threads: 8, host: 'localhost', scalekit: NO_SCALEKIT, ...options };
    this.scalekit = this.options.scalekit;
    this.mpm = this.options.mpm;
    this.actions = [];
    this.ports = ports;
    this.port = ports[0];
    this.host = this.options.host;
    this.url = `${this.options.tls ? 'https' : 'http'}://${this.host}:${this.port}`;
    instances += 1;
    this.root = path.join(baseDirectory(), `${this.options.name || 'httpd'}-${instances}`);
    this.docroot = path.join(this.root, 'htdocs');
    this.errorLogFile = path.join(this.root, 'logs', 'error.log');
    this.confFile = path.join(this.root, 'httpd.conf');
    this.tlsLines = this.options.tls ? `SSLEngine on\nSSLCertificateFile "${makeCertificate()}"` : '';

    for (const name of ['', 'run', 'logs', 'htdocs', 'cgi-bin', 'cache']) {
      fs.mkdirSync(path.join(this.root, name));
      fs.chmodSync(path.join(this.root, name), name === 'cache' ? 0o777 : 0o755);
    }
    this.writeFiles({ 'client.secret': { text: this.scalekit.clientSecret, mode: 0o600 }, ...this.options.files });
    this.configure(this.options.config);
  }

  /** Writes files below the server's directory: { 'htdocs/a.html': 'text' or { text, mode } }. */
  writeFiles(files) {
    for (const [name, content] of Object.entries(files)) {
      const { text, mode = 0o644 } = typeof content === 'object' ? content : { text: content };
      const file = path.join(this.root, name);
      fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
      fs.writeFileSync(file, text);
      fs.chmodSync(file, mode);
    }
  }

  configure(config = '') {
    const text = typeof config === 'function' ? config(this) : config;
    fs.writeFileSync(this.confFile, `${this.#baseConfig()}\n${text}\n`);
  }

  #loadModules() {
    const { module = true, moduleOrder = 'sorted', modules = [], without = [], tls, http2 } = this.options;
    const wanted = [...MODULES, this.mpm === 'prefork' ? 'cgi' : 'cgid', `mpm_${this.mpm}`];
    if (tls) wanted.push('ssl');
    if (http2) wanted.push('http2');
    // One that does not exist is built into httpd, or is not there; one that a test asked for must be there.
    const names = wanted.filter(hasModule).concat(modules).filter((name) => !without.includes(name));
    if (module) names.push('auth_scalekit');
    const sorted = [...new Set(names)].sort();
    if (moduleOrder === 'last') sorted.sort((a, b) => (a === 'auth_scalekit') - (b === 'auth_scalekit'));
    return sorted.map((name) => {
      const file = name === 'auth_scalekit' ? modulePath : path.join(installation().modules, `mod_${name}.so`);
      return `LoadModule ${name}_module "${file}"`;
    }).join('\n');
  }

  #mpmLimits() {
    const { processes, threads } = this.options;
    const workers = processes * threads;
    if (this.mpm === 'prefork') {
      return `StartServers 2\nMinSpareServers 1\nMaxSpareServers ${workers}\nServerLimit ${workers}\nMaxRequestWorkers ${workers}`;
    }
    return `StartServers ${processes}\nServerLimit ${processes}\nThreadsPerChild ${threads}\nThreadLimit ${threads}
MinSpareThreads 1\nMaxSpareThreads ${workers}\nMaxRequestWorkers ${workers}`;
  }

  #baseConfig() {
    const { serverName = this.host, logLevel } = this.options;
    return `ServerRoot "${this.root}"
DefaultRuntimeDir "${this.root}/run"
PidFile "${this.root}/run/httpd.pid"
${this.ports.map((port) => `Listen 127.0.0.1:${port}`).join('\n')}
${this.#loadModules()}
${userLines()}
${serverName ? `ServerName ${serverName}` : ''}
${this.#mpmLimits()}
Timeout 15
KeepAlive On
KeepAliveTimeout 2
ErrorLog "${this.errorLogFile}"
LogLevel ${logLevel}
<IfModule log_config_module>
    CustomLog "${this.root}/logs/access.log" "%h %l %u %t \\"%r\\" %>s %b"
</IfModule>
<IfModule mime_module>
    TypesConfig /dev/null
    AddType text/html .html .shtml
    AddType text/plain .txt
    AddType application/json .json
    AddType application/javascript .js
</IfModule>
<IfModule cgid_module>
    ScriptSock "${this.root}/run/cgid.sock"
</IfModule>
<IfModule cache_disk_module>
    CacheRoot "${this.root}/cache"
</IfModule>
<Directory "/">
    AllowOverride None
    Require all denied
</Directory>
DocumentRoot "${this.docroot}"
<Directory "${this.docroot}">
    AllowOverride All
    Options FollowSymLinks
    Require all granted
</Directory>
<Directory "${this.root}/cgi-bin">
    Require all granted
</Directory>`;
  }

  /** Runs httpd with these arguments on this configuration: { status, output, lines }. */
  async run(...args) {
    const child = spawn(installation().httpd, ['-d', this.root, '-f', this.confFile, ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Leaks of a process that only reads its configuration are not ours.
      env: environment({ ASAN_OPTIONS: 'detect_leaks=0', ...this.options.env }),
    });
    let output = '';
    child.stdout.on('data', (data) => { output += data; });
    child.stderr.on('data', (data) => { output += data; });
    const killer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), START_MS);
    const status = await new Promise((resolve, reject) => { child.once('error', reject).once('close', resolve); });
    clearTimeout(killer);
    if (SANITIZER.test(output)) throw refusal(`httpd ${args.join(' ')} has a fault`, output, status);
    return { status, output, lines: output.split('\n').filter(Boolean) };
  }

  async start() {
    const stderr = fs.openSync(path.join(this.root, 'stderr.txt'), 'a');
    // Detached: prefork kills its whole process group at the end, and that must not be ours.
    const [program, ...args] = [...this.options.under ?? [], installation().httpd, '-d', this.root, '-f', this.confFile, '-DFOREGROUND'];
    const child = spawn(program, args, {
      detached: true, stdio: ['ignore', stderr, stderr], env: environment(this.options.env),
    });
    fs.closeSync(stderr);
    this.pid = child.pid;
    child.once('error', (error) => { this.ended = { error }; });
    child.once('exit', (status, signal) => { this.ended = { status, signal }; });
    if (this.pid) fs.writeFileSync(path.join(this.root, 'pgid'), String(this.pid));
    child.unref(); // a test that forgot to stop its server must end nevertheless
    const ready = await until(() => this.ended || this.#starts() > 0, START_MS);
    if (!ready) throw refusal('httpd did not start in time', this.output());
    if (this.ended) throw refusal('httpd did not start', this.ended.error?.message || this.output(), this.ended.status);
  }

  /** What httpd wrote before it opened its error log (warnings about the configuration), then that log. */
  output() {
    return readText(path.join(this.root, 'stderr.txt')) + this.log();
  }

  #starts() {
    return this.log().split('resuming normal operations').length - 1;
  }

  /** The error log, from a mark() on. */
  log(from = 0) {
    return readText(this.errorLogFile).slice(from);
  }

  mark() {
    return this.log().length;
  }

  accessLog() {
    return readText(path.join(this.root, 'logs', 'access.log'));
  }

  /** Waits for a line of the error log that matches, and returns it. */
  waitForLog(pattern, from = 0) {
    return waitForLine(() => this.log(from), pattern);
  }

  /** The same for the access log, which httpd writes after it has answered. */
  waitForAccess(pattern) {
    return waitForLine(() => this.accessLog(), pattern);
  }

  /** A new browser on this site. */
  visitor(options) {
    return new Visitor(this.url, options);
  }

  /** One request without any past: no cookies before it or after it. */
  get(url, options) {
    return this.visitor().get(url, options);
  }

  request(method, url, options) {
    return this.visitor().request(method, url, options);
  }

  raw(text, options) {
    return raw(this.port, text, { tls: Boolean(this.options.tls), ...options });
  }

  /** The process ids of httpd's children (where there is a Linux /proc). */
  children() {
    return readText(`/proc/${this.pid}/task/${this.pid}/children`).trim().split(' ').filter(Boolean).map(Number);
  }

  configtest(...args) {
    return this.run('-t', ...args);
  }

  /**
   * Checks the configuration and reloads, as the administrator's apachectl does. A refused one leaves the server as
   * it is. Returns when the old children are gone; with wait: false, as soon as the new ones serve.
   */
  async reload({ config, graceful = true, wait = true } = {}) {
    const before = fs.readFileSync(this.confFile);
    if (config !== undefined) this.configure(config);
    const test = await this.configtest();
    if (test.status !== 0) {
      fs.writeFileSync(this.confFile, before);
      throw refusal('httpd refused the new configuration', test.output, test.status);
    }
    const starts = this.#starts();
    const old = new Set(this.children());
    process.kill(this.pid, graceful ? 'SIGUSR1' : 'SIGHUP');
    if (!await until(() => this.ended || this.#starts() > starts, START_MS) || this.ended) {
      throw refusal('httpd did not reload', this.output(), this.ended?.status);
    }
    if (wait) await until(() => !this.children().some((pid) => old.has(pid)));
  }

  /**
   * Ends the server and starts it again: nothing of its memory is left.
   * @param {string} [clock] how far its clock is off from then on, such as "+11m"; see canFakeTime
   */
  async restart(clock) {
    await this.#end();
    const crash = this.#crash();
    if (crash) throw new Error(`httpd crashed: ${crash}\n${this.log()}`);
    if (clock) this.options.env = { ...this.options.env, LD_PRELOAD: FAKE_TIME, FAKETIME: clock, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    this.ended = undefined;
    fs.rmSync(this.errorLogFile, { force: true });
    await this.start();
  }

  /** Runs with stop(), after the server has ended: for what belongs to it. */
  onStop(action) {
    this.actions.push(action);
  }

  /** Ends the server and removes its directory. Fails if a child crashed, so that no test passes over a crash. */
  async stop() {
    if (this.stopped) return;
    this.stopped = true;
    await this.#end();
    for (const action of this.actions) await action();
    const log = this.log();
    const crash = this.#crash();
    if (!KEEP) fs.rmSync(this.root, { recursive: true, force: true });
    if (crash) throw new Error(`httpd crashed: ${crash}\n${log}`);
  }

  // The first line that tells of a crash. mpm_event of 2.4.71 by itself crashes in one of 100 cases if it is ended while a
  // connection is being closed: what happens to its children after that does not count, but for what a sanitizer says.
  #crash() {
    const find = (text, pattern) => text.split('\n').find((line) => pattern.test(line));
    const end = this.options.allowCrash ? 0 : this.mpm === 'event' ? this.endMark : undefined;
    return find(this.log().slice(0, end), CRASH) ?? find(this.output(), SANITIZER);
  }

  async #end() {
    if (!this.pid) return;
    await sleep(100);
    this.endMark = this.mark();
    if (!this.ended) process.kill(this.pid, 'SIGTERM');
    await until(() => this.ended, STOP_MS);
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error; // the usual case: nobody is left
    }
    await until(() => this.ended);
    fs.rmSync(path.join(this.root, 'pgid'));
  }
}

async function prepare(options) {
  if (options.module !== false && !fs.existsSync(modulePath)) {
    throw new Error(`${modulePath} is not there: build the module first, or set MOD_AUTH_SCALEKIT_SO`);
  }
  const { ports = 1 } = options;
  return new Httpd(options, Array.isArray(ports) ? ports : await freePorts(ports));
}

/**
 * Starts a server and returns it; fails with httpd's own words (also in error.output) if it refuses.
 *
 * config      text, or a function of the server ({ port, ports, url, host, root, docroot, scalekit, tlsLines, ... })
 * mpm         event, worker or prefork; processes and threads: its size
 * files       see writeFiles
 * name        for the directory and so for messages
 * env         the server's own process environment
 * modules     more modules; without: fewer; module: false leaves ours out; moduleOrder: 'last' loads ours last
 * ports       how many, or which; tls: true makes url https and gives tlsLines for a virtual host; http2: true
 * under       a program, with its arguments, that httpd is to run under: ['valgrind']
 * host        in url, and the ServerName of the main server unless serverName says another (null: none)
 * logLevel, scalekit (handed on to config), allowCrash
 */
export async function startHttpd(options = {}) {
  const server = await prepare(options);
  try {
    await server.start();
  } catch (error) {
    await server.stop().catch(() => {}); // what start said is what matters
    throw error;
  }
  return server;
}

/** httpd -t without a start. Takes what startHttpd takes, or just a configuration; args: -DDUMP_CONFIG and so on. */
export async function configtest(options, ...args) {
  const server = await prepare(typeof options === 'object' ? options : { config: options });
  try {
    return await server.configtest(...args);
  } finally {
    await server.stop();
  }
}
