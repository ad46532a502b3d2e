-- The table of mod_session_dbd in PostgreSQL: psql -f session-postgresql.sql DATABASE
-- to be run by the user that httpd connects as, to whom the table then belongs.

CREATE TABLE session (
    key VARCHAR(64) PRIMARY KEY,
    value TEXT NOT NULL,
    expiry BIGINT NOT NULL,
    changed TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Once a day, for nothing else removes what was not logged out. Longer than ScalekitSessionMaxAge:
-- DELETE FROM session WHERE changed < CURRENT_TIMESTAMP - INTERVAL '1 day';
