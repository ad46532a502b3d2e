// The usual pieces of a site: pages, a CGI script, an SSI page, a proxied path, and the Scalekit virtual host.

import { startScalekit } from '../scalekit/index.mjs';
import { newKey } from '../scalekit/keys.mjs';
import { freePorts, startHttpd } from './httpd.mjs';
import { Visitor } from './visitor.mjs';

// export -p is in every sh; env would need a program.
const PRINT_ENVIRONMENT = `#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
export -p
`;

const script = { text: PRINT_ENVIRONMENT, mode: 0o755 };

/** For startHttpd's files. */
export const siteFiles = {
  'htdocs/index.html': '<!doctype html><title>home</title><p>the home page</p>\n',
  'htdocs/secret.html': '<!doctype html><title>secret</title><p>the secret page</p>\n',
  'htdocs/public/index.html': '<!doctype html><title>public</title><p>the public page</p>\n',
  'htdocs/denied.html': '<!doctype html><title>denied</title><p>the page for the denied</p>\n',
  'htdocs/ssi.shtml': 'user=[<!--#echo var="REMOTE_USER" -->] sub=[<!--#echo var="SCALEKIT_SUB" -->]\n'
    + '<!--#include virtual="/cgi-bin/env" -->\n',
  'htdocs/indexed/index.cgi': script, // DirectoryIndex
  'htdocs/views/page.cgi': script, // MultiViews, as /views/page
  'cgi-bin/env': script,
};

/** What serves siteFiles; with a backend, /proxied/ goes to it, /ws/ too, with WebSockets. */
export function siteConfig({ root, docroot }, { backend, fastcgi } = {}) {
  return `ScriptAlias "/cgi-bin/" "${root}/cgi-bin/"
DirectoryIndex index.html index.cgi
<Directory "${docroot}">
    Options FollowSymLinks Includes ExecCGI MultiViews
    AddHandler cgi-script .cgi
    AddOutputFilter INCLUDES .shtml
    MultiviewsMatch Handlers
</Directory>
${backend ? `ProxyPass "/ws/" "${backend.url}/" upgrade=websocket
ProxyPass "/proxied/" "${backend.url}/"
ProxyPassReverse "/proxied/" "${backend.url}/"` : ''}
${fastcgi ? `ProxyPass "/fastcgi/" "fcgi://127.0.0.1:${fastcgi.port}/" disablereuse=on` : ''}`;
}

/** The environment that a CGI script of ours printed. Understands the quoting of dash and bash. */
export function parseEnvironment(text) {
  const environment = {};
  const line = /^(?:export|declare -x) (\w+)=((?:'[^']*'|"(?:\\[^]|[^"\\])*"|\\[^]|[^\s'"\\])*)$/gm;
  for (const [, name, quoted] of text.matchAll(line)) {
    environment[name] = quoted.replace(/'([^']*)'|"((?:\\[^]|[^"\\])*)"|\\([^])/g,
      (_, single, double, one) => single ?? double?.replace(/\\([$`"\\])/g, '$1') ?? one);
  }
  return environment;
}

export const PLAIN_COOKIE = 'session path=/;HttpOnly;SameSite=Lax';
export const SECURE_COOKIE = '__Host-session path=/;HttpOnly;Secure;SameSite=Lax';

// { name: value } as directives; a list gives several lines, null or undefined none.
function directives(settings) {
  return Object.entries(settings).flatMap(([name, value]) => [value].flat()
    .filter((one) => one !== null && one !== undefined).map((one) => `${name} ${one}`)).join('\n');
}

function sections(locations) {
  return Object.entries(locations).filter(([, lines]) => lines)
    .map(([where, lines]) => `<Location "${where}">\n${[lines].flat().join('\n')}\n</Location>`).join('\n');
}

/**
 * The virtual host of design.md section 0, on plain http or, if the server has tls, on https.
 *
 * settings    directives that replace or add: { ScalekitClientID: null, ScalekitScopes: 'openid email' }
 * locations   sections that replace or add: { '/admin/': ['Require scalekit-role admin'], '/public/': null };
 *             / needs a valid user, /public/ has no authentication
 * extra       any further lines
 * serverName, port, and siteConfig's backend and fastcgi; tls: false for plain http
 */
export function scalekitHost(server, { settings = {}, locations = {}, extra = '', ...rest } = {}) {
  const { serverName = server.host, port = server.port, tls = Boolean(server.tlsLines) } = rest;
  return `<VirtualHost *:${port}>
${serverName ? `ServerName ${serverName}:${port}` : ''}
${tls ? server.tlsLines : ''}
${siteConfig(server, rest)}
${directives({
    Session: 'On',
    SessionCookieName: tls ? SECURE_COOKIE : PLAIN_COOKIE,
    ScalekitEnvURL: server.scalekit.url,
    ScalekitClientID: server.scalekit.clientId,
    ScalekitClientSecret: `file:${server.root}/client.secret`,
    ...settings,
  })}
${sections({
    '/': ['AuthType Scalekit', 'Require valid-user'],
    '/public/': ['AuthType None', 'Require all granted'],
    ...locations,
  })}
${extra}
</VirtualHost>`;
}

/**
 * A stand-in Scalekit and a server with scalekitHost, acquainted with each other; stop() ends both. The stand-in is
 * on 127.0.0.1 and the site on localhost: cookies ignore ports, and a login is to be cross-site as in real life.
 *
 * scalekit    for the stand-in (server.scalekit); logs in Ada without asking, unless autoLogin says another
 * site        for scalekitHost
 * all other options are startHttpd's
 */
export async function startSite({ scalekit, site, ...options } = {}) {
  const { ports = 1, tls, host = 'localhost' } = options;
  const numbers = Array.isArray(ports) ? ports : await freePorts(ports);
  const origin = `${tls ? 'https' : 'http'}://${host}:${numbers[0]}`;
  const standIn = await startScalekit({
    autoLogin: 'ada@acme.test',
    redirectUris: [`${origin}/auth/callback`],
    postLogoutRedirectUris: [`${origin}/`],
    backChannelLogoutUris: [`${origin}/auth/backchannel-logout`],
    ...scalekit,
  });
  try {
    const config = (server) => scalekitHost(server, site);
    const server = await startHttpd({ files: siteFiles, config, ...options, ports: numbers, scalekit: standIn });
    server.onStop(() => standIn.close());
    return server;
  } catch (error) {
    await standIn.close();
    throw error;
  }
}

/**
 * Virtual hosts by name in one server, each with a stand-in of its own: { server, hosts: { name: { scalekit, visitor() } } }.
 * scalekit and site: functions of the name that give options of startScalekit and scalekitHost; all others are startSite's.
 */
export async function startHosts(names, { scalekit: standIn = () => ({}), site = () => ({}), ...options } = {}) {
  const [port] = await freePorts(1);
  const hosts = {};
  const key = newKey();
  const close = () => Promise.all(Object.values(hosts).map(({ scalekit }) => scalekit.close()));
  for (const name of names) {
    const base = `http://${name}.localhost:${port}`;
    const redirectUris = [`${base}/auth/callback`];
    const scalekit = await startScalekit({ autoLogin: 'ada@acme.test', redirectUris, key, ...standIn(name) });
    hosts[name] = { name, scalekit, visitor: () => new Visitor(base) };
  }
  const config = (httpd) => names.map((name) => {
    const { scalekit } = hosts[name];
    const { settings, ...rest } = site(name);
    return scalekitHost({ ...httpd, scalekit, tlsLines: '' }, {
      serverName: `${name}.localhost`,
      settings: { ScalekitClientSecret: scalekit.clientSecret, ...settings },
      ...rest,
    });
  }).join('\n');
  try {
    const server = await startSite({ ...options, ports: [port], scalekit: { backChannelLogoutUris: [] }, config });
    server.onStop(close);
    return { server, hosts };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A visitor who has just logged in by going to path; visitor.arrival is the last answer. */
export async function signIn(server, { as, path = '/', visitor = server.visitor() } = {}) {
  if (as) await server.scalekit.control({ autoLogin: as });
  visitor.arrival = await visitor.get(path, { follow: true });
  return visitor;
}
