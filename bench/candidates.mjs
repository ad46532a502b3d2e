// What is measured: each candidate has an httpd of its own, with what it needs and a page of one kilobyte.

import path from 'node:path';
import { formCredentials, formLocations, formUsers } from '../test/support/form.mjs';
import { hasModule, installation } from '../test/support/httpd.mjs';
import { scalekitHost, siteConfig } from '../test/support/sites.mjs';

export const ADA = 'ada@acme.test';
const PASSPHRASE = 'test_made-up-passphrase-0123456789';

// One kilobyte, with who it is for at its end.
const pageFor = (whom) => `${'The protected page. '.repeat(60).slice(0, 1000 - whom.length)}${whom}\n`;

export const files = {
  'htdocs/page.html': pageFor('everybody'),
  'htdocs/page.shtml': pageFor('<!--#echo var="SCALEKIT_EMAIL" -->'),
  'htdocs/headers.shtml': pageFor('<!--#echo var="HTTP_X_SCALEKIT_EMAIL" -->'),
};
const textOf = (name, whom) => files[`htdocs/${name}`].replace(/<!--.*-->/, whom);

const html = { path: '/page.html', text: textOf('page.html') };
const ssi = { path: '/page.shtml', text: textOf('page.shtml', ADA) };

// One virtual host, as scalekitHost makes it, for those that are not ours.
const host = (server, lines = '') => `<VirtualHost *:${server.port}>
ServerName ${server.host}:${server.port}
${siteConfig(server, { backend: server.options.backend })}
${lines}
</VirtualHost>`;

const signInByRedirect = (visitor, page) => visitor.get(page, { follow: true });

export const plain = ({ lines = [], ...more } = {}) => ({
  ...html, module: false, isOpen: true, config: (server) => host(server, lines.join('\n')), ...more,
});

// What we hand on of Ada, for httpd to hand on by itself.
const CLAIMS = {
  SUB: 'usr_17500000000000001', SID: 'ses_35034940094918472', OID: 'org_17500000000000001', XOID: 'acme', XUID: 'acme-ada',
  CONNECTION_ID: 'conn_32171565057201581', EMAIL: ADA, NAME: 'Ada Admin', GIVEN_NAME: 'Ada', FAMILY_NAME: 'Admin', ROLES: 'admin',
  PERMISSIONS: 'organization:settings,projects:create,projects:read', SCOPES: 'email,offline_access,openid,profile',
  EMAIL_VERIFIED: 'true', EXPIRES_AT: '1795706363',
};
const asVariables = Object.entries(CLAIMS).map(([name, value]) => `SetEnv SCALEKIT_${name} "${value}"`);
const asHeaders = Object.entries(CLAIMS).map(([name, value]) => `RequestHeader set X-Scalekit-${name.replaceAll('_', '-')} "${value}"`);

// settings: see scalekitHost; require: lines of its location /
export const ours = ({ settings, require = ['Require valid-user'], locations, ...more } = {}) => ({
  ...html,
  isOurs: true,
  config: (server) => scalekitHost(server, {
    backend: server.options.backend,
    settings: { ScalekitCABundle: server.scalekit.certificate, ...settings },
    locations: { '/': ['AuthType Scalekit', ...require], '/public/': null, ...locations },
  }),
  signIn: signInByRedirect,
  ...more,
});

const permission = (n) => `resource_${String(n).padStart(4, '0')}:operation`;

/** Ours with a session of so many permissions, and so many Require lines, of which the last one grants. */
export const withRights = (permissions, lines, { settings, ...more } = {}) => ours({
  settings: permissions > 40 ? { ScalekitSessionStore: 'cache', ...settings } : settings,
  permissionCount: permissions,
  require: Array.from({ length: lines }, (_, i) => (permissions === 0 ? 'Require valid-user'
    : `Require scalekit-permission ${i < lines - 1 ? `absent:${i}` : permission(permissions)}`)),
  ...more,
});

const openidc = (so, lines = '', more = {}) => ({
  ...html,
  module: false,
  config: (server) => `LoadModule auth_openidc_module "${so}"\n${host(server, `
OIDCProviderMetadataURL ${server.scalekit.url}/.well-known/openid-configuration
OIDCSSLValidateServer Off
OIDCClientID ${server.scalekit.clientId}
OIDCClientSecret ${server.scalekit.clientSecret}
OIDCProviderTokenEndpointAuth client_secret_post
OIDCRedirectURI ${server.url}/auth/callback
OIDCScope "openid profile email offline_access"
OIDCPKCEMethod S256
OIDCCryptoPassphrase ${PASSPHRASE}
OIDCRefreshAccessTokenBeforeExpiry 60
${lines}
<Location "/">
    AuthType openid-connect
    Require valid-user
</Location>`)}`,
  signIn: signInByRedirect,
  ...more,
});

const form = (lines, users) => ({
  ...html,
  module: false,
  modules: ['auth_form', 'authn_anon'],
  files: { users: formUsers },
  config: (server) => host(server, formLocations(server, lines, users)),
  signIn: (visitor) => visitor.post('/sign-in', formCredentials),
});

const debianOpenidc = path.join(installation().modules, 'mod_auth_openidc.so');

// name -> candidate. title: for the tables. beside: what it is compared with (file). budget: microseconds that it may
// add to that. visible: what must be seen elsewhere, once.
export function candidates({ backend, openidcSo = process.env.BENCH_OPENIDC_SO } = {}) {
  const proxied = { path: '/proxied/page.html', backend };
  const openidcs = {
    ...(hasModule('auth_openidc') ? { openidc: ['Debian\'s mod_auth_openidc', debianOpenidc] } : {}),
    ...(openidcSo ? { newest: ['another mod_auth_openidc', path.resolve(openidcSo)] } : {}),
  };
  return {
    file: plain({ title: 'the file alone, without us' }),
    'file-cookie': plain({ title: 'the file alone, with a Cookie header of 3 KB', cookie: `other=${'x'.repeat(3060)}` }),
    loaded: plain({ title: 'the file, with this module loaded and configured nowhere', module: true }),
    open: ours({ title: 'ours, on a page without authentication', require: ['Require all granted'], signIn: undefined, isOpen: true }),
    cookie: ours({ title: 'ours, session in the cookie', budget: 6 }),
    crypto: ours({ title: 'ours, with mod_session_crypto', settings: { SessionCryptoPassphrase: PASSPHRASE }, budget: 9 }),
    store: ours({ title: 'ours, session in the shared memory', settings: { ScalekitSessionStore: 'cache' }, budget: 6 }),
    'permissions-0': withRights(0, 1, { title: 'ours, no permissions' }),
    'permissions-20': withRights(20, 1, { title: 'ours, 20 permissions, one of them required', budget: 6 }),
    'permissions-200': withRights(200, 1, { title: 'ours, 200 permissions, in the shared memory', budget: 6 }),
    'requires-10': withRights(20, 10, { title: 'ours, 20 permissions, ten Require lines', budget: 6 }),
    ssi: plain({ ...ssi, title: 'a page with SSI alone', text: textOf('page.shtml', '(none)') }),
    'ssi-set': plain({ ...ssi, title: 'the same with as many variables by SetEnv', beside: 'ssi', lines: asVariables }),
    'ssi-env': ours({ ...ssi, title: 'ours, all claims as variables, beside SetEnv', beside: 'ssi-set', budget: 6 }),
    proxy: plain({ ...proxied, title: 'a proxied page alone' }),
    'proxy-set': plain({ ...proxied, title: 'the same with as many headers by RequestHeader', beside: 'proxy', lines: asHeaders }),
    'proxy-headers': ours({ ...proxied, title: 'ours, all claims as headers, beside RequestHeader', beside: 'proxy-set', budget: 6,
      locations: { '/proxied/': ['ScalekitExport headers'] }, visible: { path: '/proxied/headers.shtml', text: textOf('headers.shtml', ADA) } }),
    ...Object.fromEntries(Object.entries(openidcs).flatMap(([name, [title, so]]) => [
      [name, openidc(so, '', { title: `${title}, session in its cache` })],
      [`${name}-cookie`, openidc(so, 'OIDCSessionType client-cookie', { title: `${title}, session in the cookie` })],
    ])),
    'form-crypto': { ...form(`SessionCryptoPassphrase ${PASSPHRASE}`), title: 'mod_auth_form on mod_session_crypto' },
    form: { ...form(''), title: 'mod_auth_form on mod_session_cookie, in clear' },
    floor: { ...form('', 'AuthFormProvider anon\n    Anonymous *'), title: 'the same, taking any name' },
  };
}
