// Whoever changes a session's cookie, a byte at a time, learns nothing from how long the answer takes. What httpd does for it is
// counted in instructions: times would have to be averaged over millions of requests to show as little.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isSlow } from './support/httpd.mjs';
import { canCount, Counter, countingOptions } from './support/instructions.mjs';
import { scalekitHost, startSite } from './support/sites.mjs';
import { Visitor } from './support/visitor.mjs';

const PAGE = 'who is not logged in sees this page, too\n';
const HEAD = Math.ceil((1 + 4) * 4 / 3); // characters of the format and the key's name, which are no secrets

// What the mean of a hundred requests differs by from one time to the next, about 1 %. To open the seal takes 20,000.
const NOISE = 900;

const unable = isSlow ? 'httpd runs with a sanitizer' : canCount ? false : 'valgrind is not here';

/** The value with another character at that place. */
const changedAt = (value, at) => value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);

describe('a session whose cookie was changed', { skip: unable }, () => {
  let site;
  let counter;
  let value;
  let prefix;
  before(async () => {
    const { folder, limits, ...options } = countingOptions();
    site = await startSite({
      ...options,
      files: { 'htdocs/page.txt': PAGE },
      scalekit: { backChannelLogoutUris: [] },
      config: (server) => [limits, scalekitHost(server, {
        serverName: 'localhost',
        locations: { '/page.txt': ['ScalekitUnauthenticated pass', 'Require all granted'] },
      })].join('\n'),
    });
    counter = new Counter(site, folder);
    const visitor = new Visitor(site.url);
    await visitor.get('/', { follow: true });
    [prefix, value] = visitor.jar.get('session').value.split(/(?<==)/);
  });
  after(async () => {
    counter?.close();
    await site?.stop();
  });

  const cost = (sealed) => counter.count('/page.txt', { Host: 'localhost', Cookie: `session=${prefix}${sealed}` }, PAGE, { requests: 100 });

  it('takes the same, wherever it was changed', async (t) => {
    assert.equal(prefix, 'scalekit=');
    const places = [HEAD, HEAD + 8, 40, 60, value.length >> 2, value.length >> 1, value.length - 40, value.length - 20, value.length - 2];
    const costs = [];
    for (const at of places) costs.push(await cost(changedAt(value, at)));
    t.diagnostic(costs.map((one, i) => `${places[i]}: ${Math.round(one)}`).join(', '));
    const spread = Math.max(...costs) - Math.min(...costs);
    assert.ok(spread < NOISE, `${Math.round(spread)} instructions lie between them`);
  });

  it('takes the same where the process knows the session', async () => {
    const known = await cost(value);
    const costs = [await cost(changedAt(value, 60)), await cost(changedAt(value, value.length - 20))];
    assert.ok(Math.abs(costs[0] - costs[1]) < NOISE, costs.join(', '));
    assert.ok(costs.every((one) => one > known), 'a known session is not opened again');
  });
});
