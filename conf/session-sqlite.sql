-- The table of mod_session_dbd in SQLite: sqlite3 sessions.db < session-sqlite.sql

-- Kept in the file: who reads does not wait for who writes.
PRAGMA journal_mode = WAL;

CREATE TABLE session (
    key VARCHAR(64) PRIMARY KEY,
    value TEXT NOT NULL,
    expiry BIGINT NOT NULL,
    changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Once a day, for nothing else removes what was not logged out. Longer than ScalekitSessionMaxAge:
-- DELETE FROM session WHERE changed < datetime('now', '-1 day');
