// What is weak around our directives, or wrong on Scalekit's side, is said once, with the virtual host and the remedy; what cannot
// work is refused.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { configtest, startHttpd } from './support/httpd.mjs';
import { SECURE_COOKIE, scalekitHost, signIn, startSite } from './support/sites.mjs';

const ours = (output) => output.split('\n').filter((line) => /auth_scalekit:/.test(line));
const check = (settings, site) => configtest({ config: (one) => scalekitHost(one, { settings: { SessionCookieName: SECURE_COOKIE, ...settings }, ...site }) });

describe('a cookie that browsers would drop is refused:', { concurrency: 4 }, () => {
  const cases = {
    '__Host-session path=/;HttpOnly;SameSite=Lax': /has no Secure/,
    '__host-session path=/;HttpOnly;SameSite=Lax': /has no Secure/,
    '__Host-session HttpOnly;Secure;SameSite=Lax': /has no path=\//,
    '__Host-session path=/app;HttpOnly;Secure;SameSite=Lax': /has no path=\//,
    '__Host-session path=/;HttpOnly;Secure;SameSite=Lax;Domain=example.com': /has a Domain/,
    '__Secure-session path=/;HttpOnly;SameSite=Lax': /has no Secure/,
    'session path=/;HttpOnly;Secure;SameSite = strict': /SameSite=Strict.*write SameSite=Lax/,
  };
  for (const [cookie, reason] of Object.entries(cases)) {
    it(cookie, async () => {
      for (const directive of ['SessionCookieName', 'SessionCookieName2']) {
        const { status, output } = await check({ [directive]: cookie });
        assert.notEqual(status, 0);
        assert.equal(ours(output).length, 1, output);
        assert.match(ours(output)[0], new RegExp(`virtual host localhost.*${directive} \\(.*httpd\\.conf:\\d+\\) .*${reason.source}`));
      }
    });
  }
});

describe('a warning is given, once, for', { concurrency: 4 }, () => {
  const cookie = (attributes) => ({ SessionCookieName: `session ${attributes}` });
  const https = { ScalekitBaseURL: 'https://www.example.com' };
  const max = 'SessionMaxAge \\(.*httpd\\.conf:\\d+\\)';
  const cases = {
    'a cookie without Secure on https': [{ ...https, ...cookie('path=/;HttpOnly;SameSite=Lax') }, /SessionCookieName .* has no Secure: the session also travels over plain http$/],
    'a cookie without Secure on http': [cookie('path=/;HttpOnly;SameSite=Lax'), /has no Secure.*fine only where there is no https/],
    'a cookie without HttpOnly': [cookie('path=/;Secure;SameSite=Lax'), /has no HttpOnly: scripts in pages can read the session/],
    'a cookie without SameSite': [cookie('path=/;Secure;HttpOnly'), /has no SameSite=Lax: other sites can send forms/],
    'a cookie with SameSite=None': [cookie('path=/;Secure;HttpOnly;SameSite=None'), /has no SameSite=Lax: other sites can send forms/],
    'a cookie of another path': [cookie('path=/app;Secure;HttpOnly;SameSite=Lax'), /has no path=\/: the login at the callback is not seen/],
    'a cookie of a domain': [cookie('path=/;Secure;HttpOnly;SameSite=Lax;Domain=example.com'), /has a Domain: every host of that domain gets the session.*ScalekitSessionScope/],
    'a Scalekit without https': [{ ScalekitEnvURL: 'http://scalekit.internal:8888', ScalekitInsecureHost: 'Scalekit.internal' },
      /ScalekitInsecureHost: the client secret and all tokens go to scalekit\.internal in the clear.*write https:\/\//],
    'a Scalekit at an IPv6 address without https': [{ ScalekitEnvURL: 'http://[fd00::1]:8888', ScalekitInsecureHost: '[fd00::1]' }, /tokens go to fd00::1 in the clear/],
    SessionHeader: [{ SessionHeader: 'X-Session' }, /SessionHeader \(.*httpd\.conf:\d+\) lets applications write into sessions.*take it away/],
    'SessionEnv On': [{ SessionEnv: 'On' }, /SessionEnv \(.*httpd\.conf:\d+\) would show sessions to scripts.*take it away/],
    'sessions that are off': [{ Session: null }, /sessions are off: nobody can sign in; add "Session On"/],
    'no place for sessions': [{ SessionCookieName: null }, /mod_session has no place to keep sessions: nobody can sign in; add .*"SessionCookieName __Host-session/],
    'a short SessionMaxAge': [{ SessionMaxAge: 600 }, new RegExp(`${max} ends sessions that were not used for 600 seconds, though ScalekitSessionIdleTimeout says 3600`)],
    'a short SessionMaxAge without idle timeout': [{ SessionMaxAge: 3600, ScalekitSessionIdleTimeout: 0 }, new RegExp(`${max} ends sessions .* 3600 seconds, though ScalekitSessionMaxAge says 43200`)],
    'SessionMaxAge with mod_session_crypto': [{ SessionMaxAge: 3600, SessionCryptoPassphrase: 'made-up' }, new RegExp(`${max} has mod_session_crypto encrypt .* every answer.*add "SessionExpiryUpdateInterval 60"`)],
  };
  for (const [name, [settings, message]] of Object.entries(cases)) {
    it(name, async () => {
      const { status, output } = await check(settings);
      assert.equal(status, 0, output);
      const lines = ours(output);
      assert.equal(lines.length, 1, output);
      assert.match(lines[0], /\[auth_scalekit:warn\].* virtual host localhost:\d+ \(.*httpd\.conf:\d+\): /);
      assert.match(lines[0], message);
    });
  }

  it('SessionEnv in a Location', async () => {
    const { output } = await check({}, { locations: { '/app/': ['SessionEnv On'] } });
    assert.match(ours(output).join('\n'), /SessionEnv \(.*httpd\.conf:\d+\)/);
  });

  it('https by SSLEngine', async () => {
    const { output } = await configtest({ tls: true, config: (one) => scalekitHost(one, { settings: { SessionCookieName: 'session path=/;HttpOnly;SameSite=Lax' } }) });
    assert.match(ours(output).join('\n'), /has no Secure: the session also travels over plain http$/);
  });
});

it('nothing is said of what is well', async () => {
  for (const settings of [
    {}, { SessionEnv: 'Off' }, { SessionMaxAge: 3600 }, { SessionMaxAge: 0, SessionCryptoPassphrase: 'made-up' },
    { SessionMaxAge: 86400, SessionCryptoPassphrase: 'made-up', SessionExpiryUpdateInterval: 60 },
    { SessionCookieName: 'session path=/;HttpOnly;Secure;SameSite=Lax;Domain=example.com', ScalekitSessionScope: 'example.com' },
    { SessionCookieName: '"__Secure-session" "path=/; httponly; secure; samesite = lax"' },
  ]) {
    const { status, output } = await check(settings);
    assert.equal(status, 0, output);
    assert.deepEqual(ours(output), []);
  }
});

describe('Scalekit is looked at after the first answer:', () => {
  let site;
  const said = () => ours(site.log()).filter((line) => /\[auth_scalekit:(?:warn|error)\]/.test(line) && !/Secure/.test(line));

  const start = async (fail, settings = {}) => {
    site = await startSite({ processes: 2, scalekit: { fail: { discovery: fail } }, site: { settings: { ScalekitTimeout: '1 2', ...settings } } });
    assert.deepEqual(said(), [], 'not before');
    return site;
  };
  const finish = async (count) => {
    // Whoever of the processes is asked, it is not said again; a reload makes new ones.
    for (let i = 0; i < 10; i += 1) await site.get('/public/');
    await site.reload();
    for (let i = 0; i < 10; i += 1) await site.get('/public/');
    const lines = said();
    await site.stop();
    assert.equal(lines.length, count, lines.join('\n'));
    for (const line of lines) assert.match(line, /\[auth_scalekit:warn\].* virtual host localhost:\d+ \(.*httpd\.conf:\d+\): /);
  };
  after(() => site?.stop());

  const cases = {
    'another issuer': [{ mode: 'edit', set: { issuer: 'https://login.acme.test' } }, /says that it issues tokens as https:\/\/login\.acme\.test, but only those of http:\/\/127.* are accepted: set ScalekitIssuer/],
    'no issuer': [{ mode: 'edit', omit: ['issuer'] }, /names no issuer/],
    'endpoints of another host': [{ mode: 'edit', set: { token_endpoint: 'https://login.acme.test/oauth/token' } }, /its token_endpoint is https:\/\/login\.acme\.test\/oauth\/token, on another host.*ScalekitEnvURL/],
    'no such document': [{ mode: 'status', status: 404 }, /answered 404 to \/\.well-known\/openid-configuration.*is ScalekitEnvURL that of a Scalekit environment/],
    'a page instead': [{ mode: 'html' }, /answered 200 to .*nothing that one could read/],
    'no answer': [{ mode: 'disconnect' }, /is not to be reached: .*nobody can log in: mind name resolution, firewall, ScalekitProxy/],
  };
  for (const [name, [fail, message]] of Object.entries(cases)) {
    it(name, async () => {
      await start(fail);
      await site.get('/public/');
      assert.match(await site.waitForLog(/auth_scalekit:warn.*Scalekit at|openid-configuration/), message);
      await finish(1);
    });
  }

  it('one that hangs holds neither the start up nor the answer', async () => {
    await start({ mode: 'hang' });
    assert.equal((await site.get('/public/')).status, 200);
    assert.deepEqual(said(), []);
    assert.match(await site.waitForLog(/is not to be reached/), /[Tt]imeout|timed out/);
    await finish(1);
  });

  it('one that is well is asked once, and nothing is said', async () => {
    await start(null);
    await site.get('/public/');
    await finish(0);
  });

  it('one that is not there is no reason not to start', async () => {
    site = await startHttpd({ config: (one) => scalekitHost(one) });
    assert.equal((await site.get('/public/')).status, 404);
    await site.waitForLog(/Scalekit at http:\/\/127\.0\.0\.1:9 is not to be reached/);
    await finish(1);
  });
});

describe('a clock that is wrong is told of', () => {
  let site;
  before(async () => { site = await startSite({ site: { settings: { ScalekitClockSkew: 300, ScalekitRefreshBuffer: 0 } } }); });
  after(() => site?.stop());
  const lines = () => ours(site.log()).filter((line) => /machine's clock is/.test(line));

  it('not for a few seconds', async () => {
    await site.scalekit.control({ clockSkew: 5 });
    await signIn(site);
    assert.deepEqual(lines(), []);
  });

  it('with the seconds and the remedy, once', async () => {
    await site.scalekit.control({ clockSkew: -100 });
    await signIn(site);
    assert.match(lines()[0], /\[auth_scalekit:warn\].*virtual host localhost:.* this machine's clock is 10\d seconds ahead of Scalekit's: set it \(NTP\).*ScalekitClockSkew, which is 300/);
    await site.scalekit.control({ clockSkew: 100 });
    const visitor = await signIn(site);
    await visitor.script('/sessions/refresh-token', { method: 'POST' });
    assert.equal(lines().length, 1, lines().join('\n'));
  });

  it('also where it is behind, and the refresh shows it', async () => {
    await site.restart();
    await site.scalekit.control({ clockSkew: 0 });
    const visitor = await signIn(site);
    assert.deepEqual(lines(), []);
    await site.scalekit.control({ clockSkew: 100 });
    assert.equal((await visitor.script('/sessions/refresh-token', { method: 'POST' })).status, 200);
    assert.match(lines()[0], /clock is (?:9\d|100) seconds behind Scalekit's/);
  });
});
