// mod_session's ways to keep a session, for tests that go through all of them.

import { noPostgresql, noSqlite, startPostgresql, startSqlite } from './databases.mjs';
import { PLAIN_COOKIE, scalekitHost, startSite } from './sites.mjs';

const dbd = { settings: { SessionCookieName: null, SessionDBDCookieName: PLAIN_COOKIE }, modules: ['dbd', 'session_dbd'] };

/**
 * settings    of the virtual host
 * modules     that it needs
 * start       what else it needs: a promise of { config(server, connections), stop }
 * keepsId     the cookie is an id, which a refresh does not change
 * skip        why it cannot be had here
 */
export const providers = {
  mod_session_cookie: {},
  'mod_session_cookie with SessionMaxAge': { settings: { SessionMaxAge: 600 } },
  mod_session_crypto: { settings: { SessionCryptoPassphrase: 'test_made-up-passphrase-0123456789' } },
  'ScalekitSessionStore cache': { settings: { ScalekitSessionStore: 'cache' }, keepsId: true },
  'mod_session_dbd with SQLite': { ...dbd, start: startSqlite, keepsId: true, skip: noSqlite },
  'mod_session_dbd with PostgreSQL': { ...dbd, start: startPostgresql, keepsId: true, skip: noPostgresql },
};

/** A site with this provider; site.database is what its start() gave. Options: startSite's. */
export async function startProvided({ settings, modules, start }, { site: host, ...options } = {}) {
  const { mpm, processes = 2, threads = 25 } = options;
  const database = await start?.();
  try {
    const site = await startSite({
      modules,
      scalekit: { backChannelLogoutUris: [] },
      ...options,
      processes,
      threads,
      config: (server) => [
        database?.config(server, mpm === 'prefork' ? 1 : threads) ?? '',
        scalekitHost(server, { ...host, settings: { ...settings, ...host?.settings } }),
      ].join('\n'),
    });
    site.onStop(() => database?.stop());
    site.database = database;
    return site;
  } catch (error) {
    await database?.stop();
    throw error;
  }
}
