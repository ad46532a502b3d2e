// What runs while we measure: a Scalekit, a backend, and an httpd for each candidate, with somebody signed in.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startScalekit } from '../test/scalekit/index.mjs';
import { freePorts, startHttpd } from '../test/support/httpd.mjs';
import { ADA, files, plain } from './candidates.mjs';
import { httpdCore, loadCore, moveTo } from './measure.mjs';

const LONG = 86_400; // seconds: no token expires meanwhile

// Its own CA.
function makeCertificate() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sk-bench-'));
  fs.chmodSync(folder, 0o755);
  const [key, cert] = ['key', 'crt'].map((name) => path.join(folder, `scalekit.${name}`));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'pipe' });
  fs.chmodSync(cert, 0o644);
  return { folder, cert, tls: { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } };
}

// With TLS, as in real life; for all candidates.
async function startProvider(ports) {
  const { folder, cert, tls } = makeCertificate();
  const scalekit = await startScalekit({
    tls, autoLogin: ADA, accessTokenLife: LONG, idTokenLife: LONG,
    redirectUris: ports.map((port) => `http://localhost:${port}/auth/callback`),
  });
  const close = async () => {
    await scalekit.close();
    fs.rmSync(folder, { recursive: true });
  };
  return { ...scalekit, certificate: cert, close };
}

// Of the modules that our tests load, those that Debian does not enable and nobody here needs.
const without = ['cache', 'cache_disk', 'cache_socache', 'cgid', 'info', 'proxy_fcgi', 'proxy_wstunnel'];

const frame = ({ docroot }) => `MaxKeepAliveRequests 0
<Directory "${docroot}">
    AllowOverride None
</Directory>
`;

// As Debian sets it up: two children with 25 threads. Options are startHttpd's.
const startServer = ({ config, ...options }) => startHttpd({
  mpm: 'event', processes: 2, threads: 25, logLevel: 'warn', without, ...options,
  files: { ...files, ...options.files },
  config: (server) => frame(server) + config(server),
});

/** A visitor who is signed in, with as many permissions as the candidate says. */
export async function signIn({ server, path: page, signIn: go, permissionCount, cookie }) {
  const visitor = server.visitor(cookie ? { headers: { Cookie: cookie } } : {});
  const { scalekit } = server;
  if (permissionCount !== undefined) await scalekit.control({ users: { [ADA]: { permissions: [] } }, permissionCount });
  await go?.(visitor, page);
  visitor.jar.remove('sk_steps'); // which a browser has for half a minute after a login
  await scalekit.control({ reset: true });
  return visitor;
}

async function checkVisible({ name, visitor, visible }) {
  if (!visible) return;
  const { text } = await visitor.get(visible.path);
  if (text !== visible.text) throw new Error(`${name}: the claims are not where they should be:\n${text}`);
}

/**
 * Starts the candidates that choose takes from what it gets (the backend), hands act what sample() takes, and ends all of
 * them whatever happens. httpd is on one core, and all else, with us, on another.
 */
export async function withCandidates(choose, act) {
  const running = [];
  const keep = (thing, stop = () => thing.stop()) => {
    running.unshift(stop);
    return thing;
  };
  try {
    moveTo(loadCore);
    const backend = keep(await startServer({ ...plain(), name: 'backend' }));
    const chosen = Object.entries(choose(backend));
    const ports = await freePorts(chosen.length);
    const scalekit = await startProvider(ports);
    keep(scalekit, () => scalekit.close());
    const subjects = [];
    moveTo(httpdCore);
    for (const [i, [name, candidate]] of chosen.entries()) {
      const began = performance.now();
      const server = keep(await startServer({ ...candidate, name: name.replace(/\W+/g, '-'), ports: [ports[i]], scalekit }));
      subjects.push({ isOpen: false, ...candidate, name, server, startMs: performance.now() - began });
    }
    moveTo(loadCore);
    for (const subject of subjects) {
      subject.visitor = await signIn(subject);
      subject.software = (await subject.visitor.get(subject.path)).headers.server;
      await checkVisible(subject);
    }
    return await act(subjects, scalekit);
  } finally {
    for (const stop of running) await stop();
  }
}
