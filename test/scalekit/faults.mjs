// Endpoints that misbehave. An entry of the knob `fail` is
//   { mode, delay, after, times, grant, status, headers, body, set, omit, what }
// With `after` the stand-in first does what it was asked to (a code is used up, a refresh token is
// rotated), and the client never learns of it.

import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

// These change the answer, so there must be one.
const needsAnswer = ['truncated', 'edit', 'swap', 'gzip', 'moved'];

const spoil = {
  slow: (answer) => answer,
  hang: () => ({ hang: true }),
  disconnect: () => ({ disconnect: true }),
  html: () => ({ status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html><body>Maintenance</body></html>' }),
  truncated: (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2) }),
  edit: (answer, { set, omit = [] }) => change(answer, (body) => {
    Object.assign(body, set);
    for (const name of omit) delete body[name];
  }),
  swap: (answer) => change(answer, (body) => {
    [body.access_token, body.id_token] = [body.id_token, body.access_token];
  }),
  gzip: (answer) => ({ ...answer, headers: { ...answer.headers, 'Content-Encoding': 'gzip' }, body: gzipSync(answer.body) }),
  // The whole answer, for a client that does not mind, and the way to the same for one that follows.
  moved: (answer, { status = 307, to = '' }) => ({ ...answer, status, headers: { ...answer.headers, Location: to } }),
  endless: (answer, { what }) => ({ endless: what }),
  status: (answer, { status = 503, headers = {}, body = usualBody(status) }) => ({
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }),
};

// 429 as Scalekit's management API words it (assumed for the token endpoint); 5xx was seen with an empty body.
const usualBody = (status) => (status === 429
  ? { code: 8, message: 'rate limit exceeded', details: [{ error_code: 'RATE_LIMITED' }] }
  : '');

function change(answer, edit) {
  const body = JSON.parse(answer.body);
  edit(body);
  return { ...answer, body: JSON.stringify(body) };
}

export async function withFault(fault, handle, signal) {
  if (!fault) return handle();
  const { mode, delay = mode === 'slow' ? 2000 : 0 } = fault;
  const first = fault.after || needsAnswer.includes(mode) ? await handle() : null;
  await sleep(delay, undefined, { signal });
  if (mode === 'slow') return first ?? handle();
  // An error that the stand-in gave by itself stays as it is.
  if (needsAnswer.includes(mode) && first.status !== 200) return first;
  return spoil[mode](first, fault);
}
