// Secrets, in whatever way they are given: not in the log at any level, not in what httpd shows of itself, not in the environment
// of what httpd starts; and a word to the administrator whose files others can read or replace.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ourLines } from './support/answers.mjs';
import { configtest, serverUser } from './support/httpd.mjs';
import { scalekitHost, signIn, siteFiles, startSite } from './support/sites.mjs';

const SECRET = 'test_made-up-secret-in-many-ways';
const KEY = 'bWFkZS11cC1rZXktb2YtdGhlLXNlY3JldHMtdGVzdHM';
const program = (text) => ({ text: `#!/bin/sh\necho ${text}\n`, mode: 0o700 });

const ways = {
  literally: { settings: { ScalekitClientSecret: SECRET, ScalekitSessionKey: KEY } },
  'from files': {
    settings: { ScalekitClientSecret: 'file:client.secret', ScalekitSessionKey: 'file:session.key' },
    files: { 'session.key': { text: `${KEY}\n`, mode: 0o600 } },
  },
  'from programs': {
    settings: (root) => ({ ScalekitClientSecret: `exec:${root}/secret.sh`, ScalekitSessionKey: `exec:${root}/key.sh` }),
    files: { 'secret.sh': program(SECRET), 'key.sh': program(KEY) },
  },
  'from named variables': {
    settings: { ScalekitClientSecret: 'env:MY_SECRET', ScalekitSessionKey: 'env:MY_KEY' }, env: { MY_SECRET: SECRET, MY_KEY: KEY },
  },
  'from our variables': { settings: { ScalekitClientSecret: null }, env: { SCALEKIT_CLIENT_SECRET: SECRET, SCALEKIT_SESSION_KEY: KEY } },
  'from variables of the configuration': {
    settings: { ScalekitClientSecret: '${MY_SECRET}', ScalekitSessionKey: '${MY_KEY}' }, env: { MY_SECRET: SECRET, MY_KEY: KEY },
  },
};

// The environment of a script, and of the process that started it, where that may be read.
const environments = `#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
export -p
tr '\\0' '\\n' 2>/dev/null </proc/$PPID/environ
true
`;

const logger = `#!/bin/sh
export -p >>"$(dirname "$0")/logs/logger"
exec cat >/dev/null
`;

const notIn = (text, values, where) => {
  for (const [name, value] of values) {
    const part = value.slice(0, 40);
    assert.ok(!text.includes(part) && !text.includes(encodeURIComponent(part)), `${where} has the ${name}`);
  }
};

describe('secrets that are given', { concurrency: 3 }, () => {
  for (const [way, { settings, files = {}, env = {} }] of Object.entries(ways)) {
    describe(way, { concurrency: 1 }, () => {
      let site;
      const long = [['client secret', SECRET], ['session key', KEY]]; // what opens doors for long
      const seen = []; // what visitors got to see

      before(async () => {
        site = await startSite({
          env,
          logLevel: 'debug auth_scalekit:trace8',
          scalekit: { clientSecret: SECRET },
          files: { ...siteFiles, ...files, 'cgi-bin/environments': { text: environments, mode: 0o755 }, 'logger.sh': { text: logger, mode: 0o755 } },
          config: (one) => `ExtendedStatus On\nCustomLog "||${one.root}/logger.sh" common\n${scalekitHost(one, {
            settings: typeof settings === 'function' ? settings(one.root) : settings,
            locations: Object.fromEntries(['info', 'status'].map((name) => [`/server-${name}`, [`SetHandler server-${name}`, 'AuthType None', 'Require all granted']])),
          })}`,
        });
      });
      after(() => site?.stop());

      const keep = (answer) => seen.push(...answer.hops.map((hop) => hop.text), answer.text);
      const visit = async () => {
        const visitor = await signIn(site);
        keep(visitor.arrival);
        const note = () => { for (const { name, value } of visitor.jar.list()) if (/^(session|sk_login_|sk_logout_)/.test(name)) long.push([`cookie ${name}`, value]); };
        note();
        assert.equal((await visitor.script('/sessions/refresh-token', { method: 'POST' })).status, 200);
        note();
        keep(await visitor.get('/logout', { follow: true }));
        return visitor;
      };

      it('work, again after a reload, and with a failed login', async () => {
        await visit();
        await site.reload();
        await visit();
        await site.scalekit.control({ fail: { token: { mode: 'status', status: 401, body: { error: 'invalid_client' } } } });
        const visitor = site.visitor();
        keep(await visitor.get('/', { follow: true }));
        await site.scalekit.control({ reset: true, mutate: { id: 'badSignature' } });
        keep(await visitor.get('/', { follow: true }));
        keep(await visitor.get('/auth/callback?state=x&code=y'));
        await site.scalekit.control({ reset: true });
      });

      it('are not in the log, nor is anything that Scalekit issued', () => {
        const short = site.scalekit.state().requests.flatMap(({ query, form }) => [
          ['state', query.state], ['nonce', query.nonce], ['code', form.code], ['verifier', form.code_verifier], ['refresh token', form.refresh_token],
        ]).filter(([, value]) => value);
        assert.deepEqual([...new Set(short.map(([name]) => name))].sort(), ['code', 'nonce', 'refresh token', 'state', 'verifier']);
        const lines = ourLines(site.output());
        assert.ok(lines.length > 5);
        notIn(lines.join('\n'), [...long, ...short], 'a line of ours');
        assert.doesNotMatch(lines.join('\n'), /eyJ[\w-]{10}|\brt_[\w-]{10}/, 'a token');
        notIn(site.output(), [...long.slice(0, 2), ...short.filter(([name]) => /verifier|refresh/.test(name))], 'the log');
      });

      it('are not in what httpd shows of itself', async () => {
        for (const dump of ['CONFIG', 'VHOSTS', 'RUN_CFG', 'INCLUDES', 'MODULES']) {
          notIn((await site.configtest(`-DDUMP_${dump}`)).output, long, dump);
        }
        for (const page of ['/server-info', '/server-info?config', '/server-status', '/server-status?auto']) {
          const answer = await site.get(page);
          assert.equal(answer.status, 200);
          notIn(answer.text, long, page);
        }
      });

      it('are not in any page', () => notIn(seen.join('\n'), long.slice(0, 2), 'a page'));

      const elsewhere = process.env.VALGRIND_HTTPD && 'valgrind keeps the environment that it was started with';
      it('are not in the environment of scripts, loggers and httpd itself', { skip: elsewhere }, async () => {
        const visitor = await signIn(site);
        const script = await visitor.get('/cgi-bin/environments');
        assert.match(script.text, /GATEWAY_INTERFACE/);
        const logged = fs.readFileSync(path.join(site.root, 'logs', 'logger'), 'utf8');
        assert.match(logged, /PATH=/);
        const processes = [site.pid, ...site.children()].map((pid) => fs.readFileSync(`/proc/${pid}/environ`, 'latin1'));
        notIn([script.text, logged, ...processes].join('\n'), long.slice(0, 2), 'an environment');
      });
    });
  }
});

it('a variable that the server configuration passes on with PassEnv is passed on', async () => {
  const site = await startSite({
    env: { MY_SECRET: SECRET },
    scalekit: { clientSecret: SECRET },
    site: { settings: { ScalekitClientSecret: 'env:MY_SECRET', PassEnv: 'MY_SECRET' } },
  });
  await site.reload();
  const visitor = await signIn(site);
  const { text } = await visitor.get('/cgi-bin/env');
  await site.stop();
  assert.ok(text.includes(`MY_SECRET='${SECRET}'`), text);
});

describe('the administrator is told of', { concurrency: 4, skip: process.getuid() !== 0 && 'only root can give files away' }, () => {
  const user = serverUser();
  const [, uid, gid] = new RegExp(`^${user}:[^:]*:(\\d+):(\\d+)`, 'm').exec(fs.readFileSync('/etc/passwd', 'utf8')).map(Number);
  const key = (mode) => ({ text: `${KEY}\n`, mode });
  const told = async (directive, how, prepare, message) => {
    const name = how === 'exec' ? 'keys/program' : 'keys/key';
    const content = how === 'exec' ? program(KEY) : key(0o600);
    const { status, output } = await configtest({
      files: { [name]: content },
      config: (one) => {
        prepare(path.join(one.root, name), path.join(one.root, 'keys'));
        return scalekitHost(one, { settings: { [directive]: `${how}:${one.root}/${name}` } });
      },
    });
    assert.equal(status, 0, output);
    const lines = output.split('\n').filter((line) => line.includes(`${directive}: `));
    assert.equal(lines.length, message ? 1 : 0, output);
    if (message) assert.match(lines[0], new RegExp(`warn.*virtual host localhost.*${message.source}`));
    assert.doesNotMatch(output, new RegExp(KEY));
  };
  const cases = {
    'a file that everybody can read': [(file) => fs.chmodSync(file, 0o644), /can be read by every user of this machine: chmod 0600 it/],
    'a file that everybody can write': [(file) => fs.chmodSync(file, 0o602), /can be changed by every user of this machine: chmod 0600/],
    'a file of httpd\'s children': [(file) => fs.chownSync(file, uid, 0), /can be read by httpd's children, and so by scripts: chmod 0600 it and give it to root/],
    'a file of the group of httpd\'s children': [(file) => { fs.chownSync(file, 0, gid); fs.chmodSync(file, 0o640); }, /can be read by httpd's children/],
    'a directory that everybody can write': [(file, folder) => fs.chmodSync(folder, 0o777), /every user of this machine can put another file in the place of .*: chmod o-w \S+keys/],
    'a directory of httpd\'s children': [(file, folder) => fs.chownSync(folder, uid, 0), /httpd's children can put another file in the place of .*: give \S+keys to root/],
  };
  for (const [name, [prepare, message]] of Object.entries(cases)) {
    it(name, async () => {
      await told('ScalekitClientSecret', 'file', prepare, message);
      await told('ScalekitSessionKey', 'file', prepare, message);
    });
  }
  const refused = process.env.VALGRIND_HTTPD && 'valgrind does not let root run what only its owner may';
  it('a program that others can change', { skip: refused }, async () => {
    await told('ScalekitClientSecret', 'exec', (file) => fs.chmodSync(file, 0o722), /can be changed by every user of this machine: chmod 0700/);
    await told('ScalekitSessionKey', 'exec', (file) => fs.chownSync(file, uid, 0), /can be changed by httpd's children/);
    await told('ScalekitSessionKey', 'exec', (file, folder) => fs.chmodSync(folder, 0o777), /every user of this machine can put another file/);
  });
  it('nothing where all is well', async () => {
    await told('ScalekitClientSecret', 'file', (file) => { fs.chownSync(file, 0, 0); fs.chmodSync(file, 0o640); });
    await told('ScalekitClientSecret', 'file', (file, folder) => fs.chmodSync(folder, 0o1777));
    await told('ScalekitSessionKey', 'exec', (file) => fs.chmodSync(file, 0o755));
  });
});
