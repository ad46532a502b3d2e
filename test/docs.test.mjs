// What README.md, docs/ and conf/ say is what the module does: directives, variables, defaults, log lines, configurations.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { rules } from './deep/rules.mjs';
import { configtest, startHttpd } from './support/httpd.mjs';

const read = (name) => fs.readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const readme = read('README.md');
const reference = read('docs/directives.md');
const example = read('conf/auth_scalekit.conf.example');

const sources = fs.readdirSync(new URL('../src', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name: room }) => fs.readdirSync(new URL(`../src/${room}`, import.meta.url)).map((file) => `src/${room}/${file}`))
  .filter((file) => /\.[ch]$/.test(file)).map(read).join('\n');
// As the compiler sees them: adjacent literals are one.
const literals = sources.replace(/"\s*\n\s*"/g, '').replace(/\\"/g, '"');

const set = (matches) => [...new Set([...matches].map(([, name]) => name))].sort();
const minus = (one, other) => one.filter((name) => !other.includes(name));

// The code on one line, as the patterns below want it.
const flat = (name) => read(name).replace(/\s+/g, ' ');
const configSource = flat('src/config/config.c');
const serverSource = flat('src/config/server.c');
const words = (list) => [...list.matchAll(/"([^"]*)"/g)].map(([, word]) => word);

const CONTEXTS = { RSRC_CONF: 'server', 'ACCESS_CONF | RSRC_CONF': 'directory', OR_AUTHCFG: 'htaccess' };

// field of sk_server -> { directive, variables }
const fields = Object.fromEntries([...read('src/config/server.h').matchAll(/X\((\w+), "(\w+)", (?:"([^"]*)"|NULL)\)/g)]
  .map(([, field, directive, list]) => [field, { directive, variables: list?.split(' ') ?? [] }]));

// What stands in the braces of a function.
function bodyOf(name) {
  const [, rest] = read('src/config/config.c').split(new RegExp(`\\b${name}\\([^;{]*\\)\\n\\{`));
  return rest?.split('\n}')[0] ?? '';
}

// name -> { context, variables, kind (of macro), body (of the function that takes it) }
function directivesOfTheCode() {
  const table = configSource.slice(configSource.indexOf('sk_config_commands[] ='), configSource.indexOf('{NULL, {NULL}'));
  return Object.fromEntries(table.split(/(?=SERVER_TEXT\(|AP_INIT_)/).slice(1).map((text) => {
    const [, kind, name, what] = text.match(/^(\w+)\( ?"(Scalekit\w+)", (\w+)/);
    const where = kind === 'SERVER_TEXT' ? 'RSRC_CONF' : text.match(/(?:ACCESS_CONF \| )?RSRC_CONF|OR_AUTHCFG/)[0];
    const field = Object.values(fields).find(({ directive }) => directive === name);
    return [name, { context: CONTEXTS[where], variables: field?.variables ?? [], kind, body: bodyOf(what) }];
  }));
}

const directives = directivesOfTheCode();
directives.ScalekitSessionKey.variables = ['SCALEKIT_SESSION_KEY']; // several keys are no SK_SERVER_TEXTS

const readVariables = Object.values(directives).flatMap(({ variables }) => variables);

const usualPrefix = read('src/core/settings.h').match(/#define SK_HEADER_PREFIX "([^"]+)"/)[1];

// variable -> header
function exportsOfTheCode() {
  const claims = read('src/core/claims.h').matchAll(/X\(\w+, "([A-Z_]+)", "([\w-]+)"\)/g);
  const others = flat('src/request/export.c').matchAll(/export_value\(&?e, "SCALEKIT_([A-Z_]+)", SK_HEADER_PREFIX "([\w-]+)"/g);
  return { SCALEKIT_CLAIM_: `${usualPrefix}CLAIM-`, ...Object.fromEntries([...claims, ...others]
    .map(([, variable, header]) => [`SCALEKIT_${variable}`, `${usualPrefix}${header}`])) };
}

const exported = exportsOfTheCode();
const variables = [...Object.keys(exported), ...readVariables].sort();

const providers = set(read('src/request/authz.c').matchAll(/\{"(scalekit-[\w-]+)", &/g));

const IN_WORDS = {
  'settings->env_url': 'the environment URL',
  'settings->client_id': 'the client ID',
  's->server_hostname': 'the `ServerName` of the virtual host',
};

// name -> what counts where the directive is not there, as the reference writes it; only what the code says in one of these ways
function defaultsOfTheCode() {
  const found = {};
  const of = (pattern, source, note) => { for (const match of source.matchAll(pattern)) note(...match.slice(1)); };
  const say = (name, value) => { found[name] = `\`${name} ${value}\``; };
  const sayField = (field, value) => say(fields[field].directive, value);
  const sayPolicy = (field, value) => {
    say(Object.keys(directives).find((name) => new RegExp(`d->${field} = `).test(directives[name].body)), value);
  };
  of(/require_text\( ?pool, "(\w+)"/g, serverSource, (name) => { found[name] = 'required'; });
  of(/server->(\w+) \? server->\1 : (?:"([^"]+)"|([\w>-]+))/g, serverSource, (field, value, other) => {
    if (value) sayField(field, value);
    else found[fields[field].directive] = IN_WORDS[other];
  });
  of(/read_path\( ?pool, "(\w+)", [^,]+, "([^"]+)"/g, serverSource, say);
  of(/!server->(\w+) \|\| strcasecmp\(server->\1, "(\w+)"\) == 0/g, serverSource, sayField);
  of(/settings->scopes = "([^"]+)"/g, serverSource, (value) => say('ScalekitScopes', value));
  for (const [name, list] of Object.entries(secondsOfTheCode())) say(name, list.map(([standard]) => standard).join(' '));
  of(/largest_size\(main_server, APR_OFFSETOF\(sk_server, (\w+)\), (\d+) << (10|20)\)/g, configSource,
    (field, number, shift) => sayField(field, number + (shift === '10' ? 'K' : 'M')));
  of(/d->(\w+) \? d->\1 : (?:"([^"]+)"|SK_HEADER_PREFIX)/g, configSource, (field, value = usualPrefix) => sayPolicy(field, value));
  of(/d->(\w+) < 0 \? SK_[A-Z]+_(\w+)/g, configSource, (field, value) => sayPolicy(field, value.toLowerCase()));
  of(/d->policy\.(\w+) = d->\1 > 0;/g, configSource, (field) => sayPolicy(field, 'Off'));
  return found;
}

// name -> [[default, least, most], ...]
function secondsOfTheCode() {
  const found = {};
  const calls = serverSource.matchAll(/read_seconds\(pool, "(\w+)", server->\w+, (\d+), (\d+), (\w+),/g);
  for (const [, name, ...numbers] of calls) {
    (found[name] ??= []).push(numbers.map((number) => (number === 'YEARS_10' ? 10 * 365 * 24 * 3600 : Number(number))));
  }
  return found;
}

// The words that a directive takes; undefined where it takes other things as well.
function wordsOfTheCode({ kind, body }) {
  const [, list] = body.match(/words\[\] = \{([^}]*)\}/) ?? [];
  return list ? words(list) : kind === 'AP_INIT_FLAG' ? ['On', 'Off'] : undefined;
}

// The rows of the tables in a text, as lists of cells.
function rowsOf(text) {
  return text.split('\n').filter((line) => line.startsWith('| '))
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim()));
}

// Those of a section of README.md.
const table = (heading) => rowsOf(readme.split(`\n## ${heading}\n`)[1].split('\n## ')[0]);

const blocksOf = (text) => [...text.matchAll(/^```apache\n([^]*?)^```/gm)].map(([, block]) => block);

// The entries of the reference: { name, Description, Syntax, ..., text, examples }.
const entries = reference.split(/^(?=###? )/m).filter((part) => part.includes('\n| Description | ')).map((text) => ({
  name: text.match(/^### (.*)/)[1],
  ...Object.fromEntries(rowsOf(text)),
  text,
  examples: blocksOf(text),
}));

// What a syntax is made of: `words` as they stand, and *values*.
function syntaxOf(text) {
  const parts = [...text.matchAll(/`([^`]*)`|\*([^*]*)\*/g)];
  const split = (index) => [...new Set(parts.flatMap((part) => part[index]?.split(/ or | \.\.\.| /) ?? []).filter(Boolean))].sort();
  return { words: split(1), values: split(2) };
}

test('the code has directives, variables and Require lines, and this test sees them all', () => {
  assert.ok(Object.keys(directives).length >= 25, Object.keys(directives).join(' '));
  const named = sources.matchAll(/\b(?:AP_INIT_\w+|SERVER_TEXT)\(\s*"(\w+)"/g);
  assert.deepEqual(set(named), Object.keys(directives).sort());
  assert.equal(sources.split('ap_register_auth_provider(').length, 2, 'they are all in one table');
  assert.ok(providers.length >= 5, providers.join(' '));

  const filters = set(sources.matchAll(/ap_register_\w+_filter\(\s*"(SCALEKIT_\w+)"/g));
  const literal = set(literals.matchAll(/"(SCALEKIT_[A-Z_]+)(?= |")/g)).filter((name) => name !== 'SCALEKIT_');
  assert.deepEqual(minus(literal, [...filters, ...variables]), []);
  assert.deepEqual(minus(set(sources.matchAll(/(?:getenv|from_environment)\(\s*"(\w+)/g)), readVariables), []);
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
  const written = set(readme.matchAll(/\b(SCALEKIT_[A-Z_]+)/g)).filter((name) => name !== 'SCALEKIT_');
  assert.deepEqual(written, variables);
  assert.deepEqual(minus(set(example.matchAll(/\b(SCALEKIT_[A-Z_]+)/g)), variables), [], 'not there, in the example');
});

test('README.md has every Require line, and no other', () => {
  assert.deepEqual(set(readme.matchAll(/Require (scalekit-[\w-]+)/g)), providers);
  assert.deepEqual(minus(set(example.matchAll(/Require (scalekit-[\w-]+)/g)), providers), [], 'not there, in the example');
});

// ---- docs/directives.md ----

test('the reference has every directive and every Require line, in order, and no other', () => {
  const expected = [...Object.keys(directives).sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)),
    'AuthType Scalekit', ...providers.map((name) => `Require ${name}`)];
  assert.deepEqual(entries.map(({ name }) => name), expected);
  assert.deepEqual(minus(set(reference.matchAll(/\b(Scalekit[A-Z]\w*)/g)), Object.keys(directives)), []);
  assert.deepEqual(minus(set(reference.matchAll(/\b(scalekit-[\w-]+)/g)), [...providers, 'scalekit-logout']), []);
});

test('the entries of the reference have the form of httpd, with the contexts of the code', () => {
  const PHRASES = {
    server: 'server config, virtual host', directory: 'server config, virtual host, directory', htaccess: 'directory, .htaccess',
  };
  const releases = set(read('CHANGES').matchAll(/^(\d\S*) /gm));
  for (const { name, text, examples, ...form } of entries) {
    const context = directives[name]?.context ?? 'htaccess';
    assert.ok(form.Description && !/[.]$/.test(form.Description), name);
    assert.ok(form.Syntax.startsWith(`\`${name}`), name);
    assert.equal(form.Context, PHRASES[context], name);
    assert.equal(form.Override, context === 'htaccess' ? 'AuthConfig' : undefined, name);
    assert.equal(form.Status, 'External', name);
    assert.match(form.Module, /^mod_auth_scalekit\b/, name);
    assert.ok(releases.includes(form.Compatibility.match(/^mod_auth_scalekit (\S+) and later$/)?.[1]), `${name}: ${form.Compatibility}`);
    assert.ok(examples.length > 0 && examples.every((example) => example.includes(`${name}`)), `${name} has an example`);
  }
});

test('the defaults in the reference are those of the code and of README.md', () => {
  const defaults = defaultsOfTheCode();
  const summary = Object.fromEntries(table('Directives').map(([cell, standard]) => [cell.match(/^`(Scalekit\w+)/)?.[1], standard]));
  for (const { name, Default: written } of entries) {
    // Without one that the code states: none, or one that takes a sentence.
    if (defaults[name] || written?.includes(`\`${name}`)) assert.equal(written, defaults[name], name);
    const short = summary[name]?.split(': ')[0].replace(/^`/, `\`${name} `) ?? 'none';
    assert.ok(short === 'none' ? !written || /^none\b/.test(written) : written?.startsWith(short), `${name}: ${short}, ${written}`);
  }
});

test('the reference names the words that a directive takes, and the limits of its numbers', () => {
  const prompts = words(flat('src/core/oauth.c').match(/prompts\[\] = \{([^}]*)\}/)[1]);
  const paths = set(serverSource.matchAll(/read_path\( ?pool, "(\w+)"/g)).filter((name) => name !== 'ScalekitRedirectURI');
  const sizes = [...configSource.matchAll(/"(\w+) is a size (from \w+ to \w+|up to \w+)/g)];
  const steering = Object.keys(directives).filter((name) => directives[name].body.includes('"Off"'));
  const entry = (name) => entries.find((one) => one.name === name);
  assert.ok(paths.length >= 4 && sizes.length >= 2 && steering.length >= 6);
  for (const [name, directive] of Object.entries(directives)) {
    const taken = wordsOfTheCode(directive) ?? (paths.includes(name) ? ['none'] : name === 'ScalekitPrompt' ? [...prompts, 'Off']
      : steering.includes(name) ? ['Off'] : undefined);
    const written = syntaxOf(entry(name).Syntax).words.filter((word) => word !== name);
    if (taken) assert.deepEqual(written, [...taken].sort(), name);
  }
  for (const [name, limits] of Object.entries(secondsOfTheCode())) {
    for (const [, least, most] of limits) assert.match(entry(name).text, new RegExp(`\\bfrom ${least} to ${most}\\b`, 'i'), name);
  }
  for (const [, name, limits] of sizes) assert.ok(entry(name).text.includes(limits), `${name} ${limits}`);
});

test('the syntax in README.md is that of the reference', () => {
  for (const [cell] of [...table('Directives')].filter(([text]) => /^`(Scalekit|Require scalekit)/.test(text))) {
    const [syntax] = cell.split(/: | \(/);
    const [name] = cell.match(/^`([^`]*)`/).slice(1);
    const { Syntax } = entries.find((entry) => entry.name === name);
    assert.deepEqual(syntaxOf(syntax), syntaxOf(Syntax), name);
  }
});

test('the reference has every variable with its header, and no other', () => {
  const rows = (heading) => rowsOf(reference.split(`\n### ${heading}\n`)[1].split('\n##')[0]).slice(1);
  const code = (cell) => cell.match(/`([^`]+)`/)[1];
  const expected = Object.entries(directives).flatMap(([name, { variables: list }]) => list.map((variable) => [variable, name]));
  const taken = rows('Variables that are read').map(([variable, directive]) => [code(variable), directive.match(/\w+/)[0]]);
  assert.deepEqual(taken.sort(), expected.sort());
  assert.deepEqual(Object.fromEntries(rows('Variables that are set').map(([variable, header]) => [code(variable), code(header)])), exported);
  const written = set(reference.matchAll(/\b(SCALEKIT_[A-Z_]+)/g)).filter((name) => name !== 'SCALEKIT_');
  assert.deepEqual(written, variables);
  for (const { name, text } of entries) {
    for (const variable of directives[name]?.variables ?? []) assert.ok(text.includes(`\`${variable}\``), `${name}: ${variable}`);
  }
});

// The line of an entry's example that the entry is about.
const lineOf = ({ name, examples }) => examples[0].split('\n').map((line) => line.trim()).find((line) => line.startsWith(name));

test('httpd takes each directive in the contexts of the reference, and nowhere else', async () => {
  const places = {
    'server config': (lines) => lines,
    'virtual host': (lines) => `<VirtualHost *:80>\n${lines}\n</VirtualHost>`,
    directory: (lines) => `<Location "/">\n${lines}\n</Location>`,
  };
  const takes = async (text) => !/ not allowed (?:here|in)/.test((await configtest({ config: text })).output);
  for (const [place, put] of Object.entries(places)) {
    const belongs = ({ Context }) => Context.split(', ').includes(place);
    assert.ok(await takes(put(entries.filter(belongs).map(lineOf).join('\n'))), place);
    const others = entries.filter((entry) => !belongs(entry));
    while (others.length > 0) {
      await Promise.all(others.splice(0, 3).map(async (entry) => assert.ok(!await takes(put(lineOf(entry))), `${entry.name}: ${place}`)));
    }
  }
});

test('.htaccess files may have the directives whose context that is, and no others', async () => {
  const files = Object.fromEntries(entries.map((entry, index) => [`htdocs/${index}/.htaccess`, `${lineOf(entry)}\n`]));
  const server = await startHttpd({ files });
  try {
    for (const [index, { name, Context }] of entries.entries()) {
      await server.get(`/${index}/`);
      const is = !server.log().includes(`/${index}/.htaccess: ${name.split(' ')[0]} not allowed here`);
      assert.equal(is, Context.split(', ').includes('.htaccess'), name);
    }
  } finally {
    await server.stop();
  }
});

// ---- what stands in both, or is run ----

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
  return text.replace(/SSLEngine on\n\s*SSLCertificateFile .*\n\s*SSLCertificateKeyFile .*/g, server.tlsLines)
    .replaceAll('/etc/apache2/scalekit/', `${server.root}/`)
    .replaceAll('/var/lib/apache2/scalekit/', `${server.root}/`)
    .replaceAll('/var/www/html', server.docroot);
}

const KEY = { text: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n', mode: 0o600 };
const MODULES = ['dbd', 'session_dbd'];

async function passes(text) {
  const config = (server) => localized(text, server);
  const { status, output } = await configtest({ config, tls: true, modules: MODULES, files: { 'session.key': KEY } });
  assert.equal(status, 0, `${output}\n${text.slice(0, 2000)}`);
  return output;
}

const blocks = blocksOf(readme);

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

test('every example in the reference passes httpd -t, without a warning of ours', async () => {
  assert.equal(blocksOf(reference).length, entries.flatMap(({ examples }) => examples).length);
  // All at once, each in a virtual host of its own: the first block of README.md with the example at its end.
  const hosts = entries.flatMap(({ name, examples }) => examples.map((text) => blocks[0]
    .replace('ServerName www', `ServerName ${name.toLowerCase().replace(' ', '-')}`).replace('</VirtualHost>', `${text}</VirtualHost>`)));
  const output = await passes(hosts.join('\n'));
  assert.doesNotMatch(output, /\bauth_scalekit:warn\b/);
});

test('the example passes httpd -t with every directive in force', async () => {
  await passes(`<VirtualHost *:443>\nServerName www.example.com\n${example.replace(/^#(?=[\w<])/gm, '')}\n</VirtualHost>`);
});

test('the files of conf/ pass httpd -t', async () => {
  await passes(`${read('conf/auth_scalekit.conf')}\n${example}`);
  await passes(`${read('conf/session-dbd.conf.example')}\n${blocks[0]}`);
  assert.match(read('conf/auth_scalekit.load'), /^LoadModule auth_scalekit_module \S+\/mod_auth_scalekit\.so$/m);
});

test('the links of README.md and of the reference lead somewhere', () => {
  const anchors = (text) => [...text.matchAll(/^#+ (.*)$/gm)]
    .map(([, title]) => title.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-'));
  for (const page of ['README.md', 'docs/directives.md']) {
    for (const [, target] of read(page).matchAll(/\]\(([^)]+)\)/g)) {
      const [name, anchor] = target.split('#');
      const file = new URL(name || page.split('/').pop(), new URL(`../${page}`, import.meta.url));
      if (/^https:/.test(target)) continue;
      assert.ok(fs.existsSync(file), target);
      if (anchor) assert.ok(anchors(fs.readFileSync(file, 'utf8')).includes(anchor), `${page}: ${target}`);
    }
  }
});

test('test/README.md lists the rules that are broken on purpose, as they are', () => {
  const [, table] = read('test/README.md').split('\n| Rule | Where | Test |\n|---|---|---|\n');
  const rows = table.trim().split('\n');
  assert.deepEqual(rows, rules.map(({ name, file, test: where }) => (
    `| ${name} | ${file.replace('src/', '')} | ${where.replace(/^test\/|\.test\.mjs$/g, '')} |`)));
});
