// bench/run: everything, in one run.

import { parseArgs } from 'node:util';
import { candidates } from './candidates.mjs';
import { comeInHerds, measureHerds, measureLogins, measureMemory, measureRequests } from './parts.mjs';
import { say, writeReport } from './report.mjs';
import { withCandidates } from './stage.mjs';

const sizes = {
  full: { rounds: 12, seconds: 3.2, loginRounds: 9, logins: 100, herds: 5 },
  quick: { rounds: 3, seconds: 0.25, loginRounds: 2, logins: 20, herds: 1 },
};

const { values: { quick } } = parseArgs({ options: { quick: { type: 'boolean' } } });
const size = { ...sizes[quick ? 'quick' : 'full'], say };

await withCandidates((backend) => candidates({ backend }), async (subjects, scalekit) => {
  const requests = await measureRequests(subjects, size);
  const memory = await measureMemory(subjects);
  const signingIn = subjects.filter(({ name }) => /^(cookie|store|openidc|newest)/.test(name));
  const logins = await measureLogins(signingIn, size);
  const herds = await measureHerds(signingIn, scalekit, size);
  const alone = subjects.filter(({ name }) => name === 'file');
  await comeInHerds(alone, size);
  const memoryLater = await measureMemory([...alone, ...signingIn]);
  writeReport({ subjects, requests, logins, herds, memory, memoryLater }, { ...size, quick });
});
