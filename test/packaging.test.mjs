// What a package brings: the example of a whole site, and a module that keeps httpd's habits.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { configtest, startHttpd } from './support/httpd.mjs';

const read = (name) => fs.readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const [, version] = /^AC_INIT\(\[mod_auth_scalekit\], \[(.*)\]\)$/m.exec(read('configure.ac'));

test('the Server header names the module with ServerTokens Full, and with nothing less', async () => {
  for (const tokens of ['Full', 'OS', 'Prod']) {
    const server = await startHttpd({ config: () => `ServerTokens ${tokens}` });
    try {
      const { headers } = await server.visitor().get('/');
      assert.equal(headers.server.split(' ').includes(`mod_auth_scalekit/${version}`), tokens === 'Full', headers.server);
    } finally {
      await server.stop();
    }
  }
});

test('the example of a site passes httpd -t without a warning of ours', async () => {
  const config = (server) => read('conf/site.conf.example')
    .replace(/SSLEngine on\n\s*SSLCertificateFile .*\n\s*SSLCertificateKeyFile .*/, server.tlsLines)
    .replaceAll('/etc/apache2/scalekit/', `${server.root}/`)
    .replaceAll('/var/www/html', server.docroot)
    .replaceAll('${APACHE_LOG_DIR}', server.root);
  const { status, output } = await configtest({ config, tls: true });
  assert.equal(status, 0, output);
  assert.doesNotMatch(output, /auth_scalekit:warn/);
});

test('a2enmod brings every module that the example needs, but for TLS', () => {
  const [, list] = /^# Depends: (.*)$/m.exec(read('conf/auth_scalekit.load'));
  for (const module of ['authn_core', 'authz_core', 'authz_user', 'session', 'session_cookie']) {
    assert.ok(list.split(' ').includes(module), module);
  }
});
