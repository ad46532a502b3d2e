// What README.md and conf/ say is what the module does: directives, variables, defaults, log lines, configurations.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { rules } from './deep/rules.mjs';
import { configtest } from './support/httpd.mjs';

const read = (name) => fs.readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const readme = read('README.md');
const example = read('conf/auth_scalekit.conf.example');

const sources = fs.readdirSync(new URL('../src', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name: room }) => fs.readdirSync(new URL(`../src/${room}`, import.meta.url)).map((file) => `src/${room}/${file}`))
  .filter((file) => /\.[ch]$/.test(file)).map(read).join('\n');
// As the compiler sees them: adjacent literals are one.
const literals = sources.replace(/"\s*\n\s*"/g, '').replace(/\\"/g, '"');

const set = (matches) => [...new Set([...matches].map(([, name]) => name))].sort();
const minus = (one, other) => one.filter((name) => !other.includes(name));

const CONTEXTS = { RSRC_CONF: 'server', 'ACCESS_CONF|RSRC_CONF': 'directory', OR_AUTHCFG: 'htaccess' };

// name -> { context, variables }
function directivesOfTheCode() {
  const config = read('src/config/config.c');
  const table = config.slice(config.indexOf('sk_config_commands[] ='), config.indexOf('{NULL, {NULL}'));
  const variables = Object.fromEntries([...read('src/config/server.h').matchAll(/X\(\w+, "(\w+)", (?:"([^"]*)"|NULL)\)/g)]
    .map(([, name, list]) => [name, list?.split(' ') ?? []]));
  const entries = table.split(/(?=SERVER_TEXT\(|AP_INIT_)/).slice(1).map((text) => {
    const [, name] = text.match(/"(Scalekit\w+)"/);
    const where = text.startsWith('SERVER_TEXT') ? 'RSRC_CONF'
      : text.match(/(?:ACCESS_CONF\s*\|\s*)?RSRC_CONF|OR_AUTHCFG/)[0].replace(/\s/g, '');
    return [name, { context: CONTEXTS[where], variables: variables[name] ?? [] }];
  });
  return Object.fromEntries(entries);
}

const directives = directivesOfTheCode();
directives.ScalekitSessionKey.variables = ['SCALEKIT_SESSION_KEY']; // several keys are no SK_SERVER_TEXTS

function variablesOfTheCode() {
  const claims = read('src/core/claims.h');
  const exported = [...claims.matchAll(/X\(\w+, "([A-Z_]+)", "/g)].map(([, name]) => `SCALEKIT_${name}`);
  const named = [...read('src/request/export.c').matchAll(/"(SCALEKIT_[A-Z_]+)"/g)].map(([, name]) => name);
  return [...exported, ...named, 'SCALEKIT_CLAIM_', ...Object.values(directives).flatMap(({ variables }) => variables)];
}

// The rows of a README table, as lists of cells; the heading names it.
function table(heading) {
  const [, section] = readme.split(`\n## ${heading}\n`);
  return section.split('\n## ')[0].split('\n').filter((line) => line.startsWith('| '))
    .map((line) => line.slice(1, -1).split('|').map((cell) => cell.trim()));
}

test('the code has directives, and this test sees them', () => {
  assert.ok(Object.keys(directives).length >= 25, Object.keys(directives).join(' '));
  const named = sources.matchAll(/\b(?:AP_INIT_\w+|SERVER_TEXT)\(\s*"(\w+)"/g);
  assert.deepEqual(set(named), Object.keys(directives).sort());
});

test('README.md has every directive, in its context, with its variables, and no other', () => {
  const rows = table('Directives').filter(([cell]) => cell.startsWith('`Scalekit'));
  const written = Object.fromEntries(rows.map(([cell, , variables, context]) => [cell.match(/\w+/)[0],
    { context, variables: set(variables.matchAll(/`(\w+)`/g)) }]));
  const expected = Object.fromEntries(Object.entries(directives)
    .map(([name, { context, variables }]) => [name, { context, variables: [...variables].sort() }]));
  assert.deepEqual(written, expected);
  assert.deepEqual(minus(set(readme.matchAll(/\b(Scalekit[A-Z]\w*)/g)), Object.keys(directives)), []);
});

test('the example has every directive, and no other', () => {
  const written = set(example.matchAll(/\b(Scalekit[A-Z]\w*)/g));
  assert.deepEqual(written, Object.keys(directives).sort());
  assert.deepEqual(set(example.matchAll(/^#(Scalekit\w*) \S/gm)), written, 'each of them as a commented line');
});

test('the defaults in README.md and in the example are the same', () => {
  for (const [cell, standard] of table('Directives')) {
    const [name] = cell.match(/Scalekit\w+/) ?? [];
    const [, value] = standard?.match(/^`([^`]+)`/) ?? [];
    if (name && value) assert.match(example, new RegExp(`^#${name} ${value}$`, 'm'), `${name} ${value}`);
  }
});

test('README.md has every variable, and no other', () => {
  const expected = [...new Set(variablesOfTheCode())].sort();
  const written = set(readme.matchAll(/\b(SCALEKIT_[A-Z_]+)/g)).filter((name) => name !== 'SCALEKIT_');
  assert.deepEqual(minus(expected, written), [], 'missing');
  assert.deepEqual(minus(written, expected), [], 'not there');
  assert.deepEqual(minus(set(example.matchAll(/\b(SCALEKIT_[A-Z_]+)/g)), expected), [], 'not there, in the example');
});

test('README.md has every Require line, and no other', () => {
  const pattern = /"(scalekit-(?:permission|role|scope|organization|claim)\w*)", &/g;
  assert.deepEqual(set(readme.matchAll(/Require (scalekit-\w+)/g)), set(read('src/request/authz.c').matchAll(pattern)));
});

test('the log lines in README.md are those of the module', () => {
  const quoted = table('When it does not work').map(([, line]) => line).filter((line) => !/\(of httpd\)/.test(line))
    .flatMap((line) => [...line.matchAll(/`([^`]* [^`]*)`/g)].map(([, text]) => text));
  assert.ok(quoted.length > 15);
  for (const text of quoted) {
    // A message may be put together from several.
    const there = text.split(/(?<=:) /).every((part) => literals.includes(part));
    assert.ok(there || literals.includes(text), text);
  }
});

test('the pages in README.md are those of the module', () => {
  for (const [cell] of table('When it does not work')) {
    const [, title] = cell.match(/^"([^"]+)"/) ?? [];
    if (title) assert.ok(literals.includes(`"${title}"`), title);
  }
});

// Where an example names files of its machine, those of the test.
function localized(text, server) {
  return text.replace(/SSLEngine on\n\s*SSLCertificateFile .*\n\s*SSLCertificateKeyFile .*/, server.tlsLines)
    .replaceAll('/etc/apache2/scalekit/', `${server.root}/`)
    .replaceAll('/var/lib/apache2/scalekit/', `${server.root}/`)
    .replaceAll('/var/www/html', server.docroot);
}

const KEY = { text: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n', mode: 0o600 };
const MODULES = ['dbd', 'session_dbd'];

async function passes(text) {
  const config = (server) => localized(text, server);
  const { status, output } = await configtest({ config, tls: true, modules: MODULES, files: { 'session.key': KEY } });
  assert.equal(status, 0, `${output}\n${text}`);
  return output;
}

const blocks = [...readme.matchAll(/^```apache\n([^]*?)^```/gm)].map(([, text]) => text);

test('every configuration in README.md passes httpd -t, without a warning of ours', async (t) => {
  assert.ok(blocks.length >= 4);
  for (const [index, block] of blocks.entries()) {
    await t.test(block.trim().split('\n')[0], async () => {
      // A fragment belongs into the first virtual host.
      const whole = block.includes('<VirtualHost') || block.includes('DBD') ? block
        : blocks[0].replace('</VirtualHost>', `${block}</VirtualHost>`);
      const output = await passes(whole);
      const warned = output.split('\n').filter((line) => /\bauth_scalekit:warn\b/.test(line));
      assert.equal(warned.length, /:80>/.test(block) ? 1 : 0, `${index}: ${output}`); // plain http has no Secure
    });
  }
});

test('the example passes httpd -t with every directive in force', async () => {
  await passes(`<VirtualHost *:443>\nServerName www.example.com\n${example.replace(/^#(?=[\w<])/gm, '')}\n</VirtualHost>`);
});

test('the files of conf/ pass httpd -t', async () => {
  await passes(`${read('conf/auth_scalekit.conf')}\n${example}`);
  await passes(`${read('conf/session-dbd.conf.example')}\n${blocks[0]}`);
  assert.match(read('conf/auth_scalekit.load'), /^LoadModule auth_scalekit_module \S+\/mod_auth_scalekit\.so$/m);
});

test('the links of README.md lead somewhere', () => {
  const anchors = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, title]) => `#${title.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-')}`);
  for (const [, target] of readme.matchAll(/\]\(([^)]+)\)/g)) {
    if (target.startsWith('#')) assert.ok(anchors.includes(target), target);
    else if (!target.startsWith('https:')) assert.ok(fs.existsSync(new URL(`../${target}`, import.meta.url)), target);
  }
});

test('test/README.md lists the rules that are broken on purpose, as they are', () => {
  const rows = read('test/README.md').split('\n').filter((line) => line.startsWith('| ')).slice(1);
  assert.deepEqual(rows, rules.map(({ name, file, test: where }) => (
    `| ${name} | ${file.replace('src/', '')} | ${where.replace(/^test\/|\.test\.mjs$/g, '')} |`)));
});
