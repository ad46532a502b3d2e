// Databases for mod_session_dbd, made with what conf/ ships.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePorts, hasModule, serverDirectory, serverUser, until } from './httpd.mjs';

const START_MS = 30_000;
const STOP_MS = 10_000;

const shipped = (name) => new URL(`../../conf/${name}`, import.meta.url);
const read = (name) => fs.readFileSync(shipped(name), 'utf8');

const works = (program, args) => spawnSync(program, args).status === 0;

const cleanup = (name) => read(name).match(/^-- (DELETE .*;)$/m)[1];

// The example with one of its databases, whose lines are in comments or not; they end with a blank one.
function configuration(driver, database, connections) {
  const example = read('session-dbd.conf.example');
  const [lines] = example.match(new RegExp(`^#?DBDriver ${driver}\n[^]*?\n\n`, 'm'));
  const others = example.replace(/^#?DBD(river|Params|InitSQL) .*\n/gm, '');
  return `${lines.replace(/^#/gm, '').replace(...database)}${others}`.replace(/^(DBDMax|DBDKeep) .*/gm, `$1 ${connections}`);
}

export const noDatabases = !(hasModule('session_dbd') && hasModule('dbd')) && 'needs mod_dbd and mod_session_dbd';

export const noSqlite = noDatabases || (!works('sqlite3', ['-version']) && 'needs sqlite3');

/** A new database; config is for a server in whose folder it lies: call it with the server. */
export async function startSqlite() {
  let file;
  const query = (sql) => execFileSync('sqlite3', [file], { encoding: 'utf8', input: `.timeout 3000\n${sql}` }).trim();
  return {
    query,
    cleanup: cleanup('session-sqlite.sql'),
    get shell() { return ['sqlite3', [file]]; },
    config(server, connections) {
      file = path.join(server.root, 'cache', 'session.db');
      query(read('session-sqlite.sql'));
      fs.chmodSync(file, 0o666); // httpd's children are somebody else, and the folder is for all
      return configuration('sqlite3', [/(?<=DBDParams ).*/, `"${file}"`], connections);
    },
    stop: () => {},
  };
}

// Debian keeps what belongs to one version in a folder of its own.
function postgresqlFolder() {
  const debian = '/usr/lib/postgresql';
  const versions = fs.existsSync(debian) ? fs.readdirSync(debian).sort((a, b) => b - a) : [];
  const folders = [...versions.map((version) => `${debian}/${version}/bin`), ...process.env.PATH.split(':')];
  return folders.find((folder) => fs.existsSync(`${folder}/initdb`) && fs.existsSync(`${folder}/postgres`));
}

const hasDriver = () => works('sh', ['-c', 'ls /usr/lib*/apr-util-1/apr_dbd_pgsql*.so /usr/lib/*/apr-util-1/apr_dbd_pgsql*.so 2>/dev/null | grep -q .']);

export const noPostgresql = noDatabases || (!postgresqlFolder() && 'needs PostgreSQL') || (!hasDriver() && 'needs APR\'s driver for PostgreSQL');

/** A PostgreSQL of the test's own, on loopback. It does not run as root. */
export async function startPostgresql() {
  const bin = postgresqlFolder();
  const folder = serverDirectory('postgresql');
  const data = path.join(folder, 'data');
  const [port] = await freePorts(1);
  const user = process.getuid() === 0
    ? { uid: Number(execFileSync('id', ['-u', serverUser()])), gid: Number(execFileSync('id', ['-g', serverUser()])) } : {};
  const options = { ...user, cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH, LC_ALL: 'C' } };
  fs.mkdirSync(data, { mode: 0o700 });
  if (user.uid) fs.chownSync(data, user.uid, user.gid);
  execFileSync(`${bin}/initdb`, ['-D', data, '-U', 'scalekit', '-A', 'trust', '-E', 'UTF8', '--no-sync'], { ...options, stdio: 'pipe' });

  const log = fs.openSync(path.join(folder, 'log'), 'a');
  const server = spawn(`${bin}/postgres`, ['-D', data, '-h', '127.0.0.1', '-p', port, '-k', '', '-c', 'max_connections=300'],
    { ...options, detached: true, stdio: ['ignore', log, log] });
  fs.closeSync(log);
  fs.writeFileSync(path.join(folder, 'pgid'), String(server.pid));
  server.unref();
  let ended = false;
  server.once('exit', () => { ended = true; });

  const query = (sql) => execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', port,
    '-U', 'scalekit', '-d', 'postgres', '-c', sql], { ...options, stdio: 'pipe' }).trim();
  const isReady = () => works('psql', ['-X', '-h', '127.0.0.1', '-p', port, '-U', 'scalekit', '-d', 'postgres', '-c', 'SELECT 1']);
  const stop = async () => {
    if (!ended) server.kill('SIGINT'); // "fast": it does not wait for its clients
    if (!await until(() => ended, STOP_MS)) server.kill('SIGQUIT');
    fs.rmSync(folder, { recursive: true, force: true });
  };
  if (!await until(() => ended || isReady(), START_MS) || ended) {
    const said = fs.readFileSync(path.join(folder, 'log'), 'utf8');
    await stop();
    throw new Error(`PostgreSQL did not start:\n${said}`);
  }
  query(read('session-postgresql.sql'));
  return {
    query,
    cleanup: cleanup('session-postgresql.sql'),
    config: (_, connections) => configuration('pgsql', [/host=.*user=\S+/, `host=127.0.0.1 port=${port} dbname=postgres user=scalekit`], connections),
    stop,
  };
}
