// A real browser: what a person sees, clicks and gets back with the Back button.
// SCREENSHOTS=folder keeps a picture of each page of ours, light and dark.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { freePorts } from './support/httpd.mjs';
import { scalekitHost, siteFiles, signIn, startSite } from './support/sites.mjs';

const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
const skip = !fs.existsSync(executablePath) && `no browser: ${executablePath} does not exist (set CHROMIUM)`;

const DASHBOARD = `#!/bin/sh
printf 'Content-Type: text/html; charset=utf-8\\r\\n\\r\\n'
printf '<!doctype html><html lang="en"><title>Dashboard</title><h1>Hello %s</h1>' "$SCALEKIT_NAME"
printf '<p>Role: %s</p><a href="/settings">Organization settings</a> <a href="/logout">Log out</a>' "$SCALEKIT_ROLES"
`;
const FORM = `<!doctype html><html lang="en"><title>Form</title>
<form method="post" action="/dashboard"><input name="text" value="a long letter"><button>Send</button></form>`;

// In the page: the least contrast of text and what is behind it (WCAG 2: 4.5 at least).
function leastContrast() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => channels(color).slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const backgroundOf = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return channels(backgroundColor)[3] === 0 ? backgroundOf(element.parentElement) : backgroundColor;
  };
  return Math.min(...[...document.querySelectorAll('h1, p, small, a, button')].map((element) => {
    const [dark, light] = [getComputedStyle(element).color, backgroundOf(element)].map(luminance).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }));
}

describe('in a browser', { skip }, () => {
  let server;
  let browser;
  let context;
  let page;
  let complaints;

  // The console of every tab. A page that is 401 or 403 on purpose is reported there as well.
  const watch = (tab) => {
    tab.on('console', (message) => {
      const expected = /^Failed to load resource: the server responded with a status of [45]\d\d/.test(message.text());
      if (['error', 'warning'].includes(message.type()) && !expected) complaints.push(`${tab.url()}: ${message.text()}`);
    });
    tab.on('pageerror', (error) => complaints.push(`${tab.url()}: ${error}`));
    return tab;
  };
  const heading = (tab = page) => tab.getByRole('heading', { level: 1 }).textContent();
  const open = (where, tab = page) => tab.goto(new URL(where, server.url).href);

  async function logIn(name, where = '/dashboard', tab = page) {
    await open(where, tab);
    await tab.getByRole('button', { name }).click();
    await tab.waitForURL(new URL(where, server.url).href);
  }

  before(async () => {
    const ports = await freePorts(2);
    server = await startSite({
      ports,
      scalekit: {
        autoLogin: null,
        redirectUris: ports.map((port) => `http://localhost:${port}/auth/callback`),
        postLogoutRedirectUris: [`http://localhost:${ports[0]}/public/`, `http://127.0.0.1:${ports[0]}/public/`],
      },
      files: {
        ...siteFiles,
        'cgi-bin/dashboard': { text: DASHBOARD, mode: 0o755 },
        'cgi-bin/settings': { text: DASHBOARD.replace(/Dashboard/, 'Settings'), mode: 0o755 },
        'htdocs/public/form.html': FORM,
        'htdocs/quiet/index.html': 'quiet',
      },
      config: (one) => ['/public/', `http://127.0.0.1:${one.port}/public/`].map((bye, i) => scalekitHost(one, {
        port: ports[i],
        // A browser sends no form again whose connection httpd is just closing.
        settings: { ScalekitAfterLoginURL: '/dashboard', ScalekitAfterLogoutURL: bye, KeepAliveTimeout: 60 },
        locations: {
          '/settings': ['Require scalekit-permission organization:settings'],
          '/quiet/': ['ScalekitUnauthenticated 401'],
        },
        extra: `ScriptAliasMatch "^/(dashboard|settings)$" "${one.root}/cgi-bin/$1"`,
      })).join('\n'),
    });
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync', '--no-first-run'],
    });
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  beforeEach(async () => {
    complaints = [];
    await server.scalekit.control({ reset: true });
    context = await browser.newContext();
    context.setDefaultTimeout(10_000);
    page = watch(await context.newPage());
  });

  afterEach(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });

  it('a member logs in, works, is denied, logs out, and Back shows nothing', async () => {
    await logIn('Max Member');
    assert.equal(await heading(), 'Hello Max Member');
    assert.deepEqual((await context.cookies(server.url)).map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite])
      .filter(([name]) => name === 'session'), [['session', true, 'Lax']]);
    assert.doesNotMatch(await page.evaluate(() => document.cookie), /session/);

    await page.getByRole('link', { name: 'Organization settings' }).click();
    assert.equal(await heading(), 'You do not have access to this page');
    assert.equal(await page.title(), 'You do not have access to this page');
    assert.equal(page.url(), `${server.url}/settings`);
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
    assert.equal(await page.getByRole('main').count(), 1);
    assert.ok(await page.getByRole('button', { name: 'Sign out' }).isVisible());

    await page.goBack();
    assert.equal(await heading(), 'Hello Max Member');
    await page.getByRole('link', { name: 'Log out' }).click();
    await page.waitForURL(`${server.url}/public/`);

    await page.goBack();
    await page.waitForURL(/oauth\/authorize/);
    assert.doesNotMatch(await page.content(), /Hello Max/);
    assert.equal(await heading(), 'Sign in');
  });

  it('the denied page logs out', async () => {
    await logIn('Max Member');
    await open('/settings');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${server.url}/public/`);
    await open('/dashboard');
    assert.equal(await heading(), 'Sign in');
  });

  it('the denied page logs out to another site', async () => {
    const site = `http://localhost:${server.ports[1]}`;
    await logIn('Max Member', `${site}/dashboard`);
    await open(`${site}/settings`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`http://127.0.0.1:${server.ports[0]}/public/`);
  });

  it('an admin opens what a member may not', async () => {
    await logIn('Ada Admin', '/settings');
    assert.equal(await page.title(), 'Settings');
    assert.equal(await heading(), 'Hello Ada Admin');
  });

  it('two tabs log in side by side', async () => {
    const other = watch(await context.newPage());
    await open('/dashboard?tab=1');
    await open('/secret.html?tab=2', other);
    await page.getByRole('button', { name: 'Ada Admin' }).click();
    await page.waitForURL(`${server.url}/dashboard?tab=1`);
    await other.getByRole('button', { name: 'Ada Admin' }).click();
    await other.waitForURL(`${server.url}/secret.html?tab=2`);
    assert.match(await other.content(), /the secret page/);
    await page.reload();
    assert.equal(await heading(), 'Hello Ada Admin');
  });

  it('Back after a login does not lead to an error', async () => {
    await open('/public/');
    await logIn('Ada Admin');
    await page.goBack(); // the login page, which the browser remembers
    await page.goBack();
    assert.equal(page.url(), `${server.url}/public/`);
    await page.goForward();
    await page.goForward();
    assert.equal(await heading(), 'Hello Ada Admin');
  });

  it('somebody who cancels is told so, and may try again', async () => {
    await open('/dashboard?a=1');
    await page.getByRole('button', { name: 'Cancel' }).click();
    assert.equal(await heading(), 'You were not signed in');
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await page.getByRole('button', { name: 'Ada Admin' }).click();
    await page.waitForURL(`${server.url}/dashboard?a=1`);
  });

  it('a link of another site asks before it logs out', async () => {
    await logIn('Ada Admin');
    await page.goto(server.scalekit.url);
    await page.evaluate((url) => { window.location.href = url; }, `${server.url}/logout`);
    await page.waitForURL(`${server.url}/logout`);
    assert.equal(await heading(), 'Do you want to sign out?');
    const other = watch(await context.newPage());
    await open('/dashboard', other);
    assert.equal(await heading(other), 'Hello Ada Admin');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${server.url}/public/`);
  });

  it('fetch() of a page whose session has ended gets JSON instead of a login page', async () => {
    await logIn('Ada Admin');
    await context.clearCookies();
    const [status, body] = await page.evaluate(async () => {
      const response = await fetch('/dashboard');
      return [response.status, await response.json()];
    });
    assert.deepEqual([status, body.status, body.error], [401, 401, 'Authentication required']);
    assert.equal(body.login_url, `${server.url}/login`);
  });

  // How each page of ours comes about, its heading, and what leads on.
  // Only the module can write it: here, for a browser that loses its session.
  async function afterManyLogins() {
    const visitor = server.visitor();
    for (let i = 0; i < 4; i += 1) {
      visitor.jar.remove('session');
      await signIn(server, { as: 'ada@acme.test', visitor });
    }
    await server.scalekit.control({ reset: true });
    return visitor.jar.get('sk_steps');
  }
  const pages = {
    denied: [async () => {
      await logIn('Max Member');
      await open('/settings');
    }, 'You do not have access to this page', 'button', 'Sign out'],
    'login-failed': [async () => {
      await server.scalekit.control({ fail: { token: { mode: 'status', status: 500 } } });
      await open('/dashboard');
      await page.getByRole('button', { name: 'Ada Admin' }).click();
      await page.waitForURL(/auth\/callback/);
    }, 'Signing in failed', 'link', 'Sign in again'],
    'error-from-scalekit': [async () => {
      await server.scalekit.control({ denyLogin: { error: 'server_error', error_description: 'The <b>identity</b> provider\'s "certificate" has expired. '.repeat(4) } });
      await open('/dashboard');
    }, 'Signing in failed', 'link', 'Sign in again'],
    'state-unknown': [async () => {
      await open('/login');
      await open('/auth/callback?code=a&state=b');
    }, 'This sign-in cannot be completed', 'link', 'Sign in again'],
    'cookies-disabled': [() => open('/auth/callback?code=a&state=b'), 'Your browser did not send a cookie', 'link', 'Sign in again'],
    loop: [async () => {
      const { name, value } = await afterManyLogins();
      await context.addCookies([{ name, value, url: server.url }]);
      await open('/dashboard');
    }, 'Signing in goes round in circles', 'link', 'Try again'],
    'signed-out': [() => open('/logout'), 'You are signed out', 'link', 'Sign in'],
    'confirm-logout': [async () => {
      await logIn('Ada Admin');
      await page.goto(server.scalekit.url);
      await page.evaluate((url) => { window.location.href = url; }, `${server.url}/logout`);
      await page.waitForURL(`${server.url}/logout`);
    }, 'Do you want to sign out?', 'button', 'Sign out'],
    'session-ended-on-post': [async () => {
      await open('/public/form.html');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.waitForURL(`${server.url}/dashboard`);
    }, 'Your session has ended', 'link', 'Sign in in a new tab'],
    unauthenticated: [() => open('/quiet/'), 'Sign in to continue', 'link', 'Sign in'],
  };
  for (const [name, [come, title, role, way]] of Object.entries(pages)) {
    it(`the page ${name} is complete and well-formed`, async () => {
      await come();
      assert.equal(await heading(), title);
      assert.equal(await page.title(), title);
      assert.equal(await page.locator('html').getAttribute('lang'), 'en');
      assert.equal(await page.evaluate(() => document.compatMode), 'CSS1Compat');
      assert.equal(await page.getByRole('main').count(), 1);
      assert.equal(await page.locator('main b').count(), 0, 'nothing of what it echoes is markup');
      assert.ok(await page.getByRole(role, { name: way, exact: true }).isVisible());
      for (const [width, height] of [[1024, 640], [320, 640]]) {
        await page.setViewportSize({ width, height });
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${width} px are enough`);
        for (const colorScheme of ['light', 'dark']) {
          await page.emulateMedia({ colorScheme });
          const contrast = await page.evaluate(leastContrast);
          assert.ok(contrast >= 4.5, `${colorScheme}: contrast ${contrast}`);
          if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}-${colorScheme}-${width}.png`) });
        }
      }
    });
  }

  it('a page opened in a new tab leaves the form where it was', async () => {
    await pages['session-ended-on-post'][0]();
    const [tab] = await Promise.all([context.waitForEvent('page'), page.getByRole('link', { name: 'Sign in in a new tab' }).click()]);
    await tab.getByRole('button', { name: 'Ada Admin' }).click();
    await tab.waitForURL(`${server.url}/dashboard`);
    await page.reload({ waitUntil: 'commit' }); // sends the form again
    assert.equal(await heading(), 'Hello Ada Admin');
    assert.match(await server.waitForAccess(/"POST \/dashboard HTTP\/1\.1" 200/), /usr_/);
  });
});
