// Breaks each security rule on purpose, in a copy of the tree, and sees that a test notices: scripts/deep-test mutations.
//
// MUTATIONS=pattern runs the rules whose name or file matches.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { rules } from './rules.mjs';

const top = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const copy = path.join(top, process.env.BUILD_DIR || 'build', 'mutations');
const wanted = new RegExp(process.env.MUTATIONS || '.');

const sh = (command, options) => spawnSync('sh', ['-c', command], { cwd: copy, encoding: 'utf8', ...options });

function build(targets = 'all') {
  const made = sh(`make -C build --no-print-directory -s ${targets} 2>&1`);
  assert.equal(made.status, 0, made.stdout);
}

const isUnit = (test) => test.startsWith('test/unit/');

function broken(text, { from, to }) {
  assert.equal(text.split(from).length, 2, `the file has this once: ${from}`);
  return text.replace(from, () => to);
}

/** Does this test fail? `only` names some of its cases. */
function fails({ test, only }) {
  const env = { ...process.env };
  delete env.NODE_TEST_CONTEXT; // its output is not for this test's runner
  delete env.MOD_AUTH_SCALEKIT_SO; // the module of the copy
  if (isUnit(test)) {
    build(test);
    return sh(`build/${test} >/dev/null 2>&1`).status !== 0;
  }
  const pattern = only ? `--test-name-pattern=${JSON.stringify(only)}` : '';
  const ran = sh(`. build/test/environment.sh && timeout -k 10 600 node --test-reporter=tap ${pattern} ${test}`, { env });
  assert.match(ran.stdout, /^# fail \d+$/m, 'the test did not end');
  return ran.status !== 0;
}

describe('a rule that is broken on purpose', () => {
  before(() => {
    fs.rmSync(copy, { recursive: true, force: true });
    fs.mkdirSync(copy, { recursive: true });
    const files = execFileSync('git', ['ls-files', '-z'], { cwd: top, encoding: 'utf8' }).split('\0').filter(Boolean);
    for (const file of files.filter((one) => fs.existsSync(path.join(top, one)))) {
      fs.mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
      fs.copyFileSync(path.join(top, file), path.join(copy, file));
    }
    fs.symlinkSync(path.join(top, 'test/node_modules'), path.join(copy, 'test/node_modules'));
    const made = sh('autoreconf -fi >/dev/null 2>&1 && mkdir build && cd build && ../configure --quiet --enable-unit-tests');
    assert.equal(made.status, 0, made.stderr);
    build();
  });

  const chosen = rules.filter(({ name, file }) => wanted.test(name) || wanted.test(file));
  for (const [test, rule] of new Map(chosen.map((one) => [`${one.test} ${one.only ?? ''}`, one]))) {
    it(`does not fail by itself: ${test}`, () => assert.ok(!fails(rule)));
  }
  for (const rule of chosen) {
    it(`is noticed: ${rule.name}`, () => {
      const file = path.join(copy, rule.file);
      const sound = fs.readFileSync(file, 'utf8');
      fs.writeFileSync(file, [rule, rule.and].filter(Boolean).reduce(broken, sound));
      try {
        build();
        assert.ok(fails(rule), `${rule.test} passes nevertheless`);
      } finally {
        fs.writeFileSync(file, sound);
      }
    });
  }
});
