-- Runs on PostgreSQL and on SQLite.
CREATE TABLE audit_outbox (
    event_id TEXT PRIMARY KEY,
    at_us BIGINT NOT NULL,
    target TEXT NOT NULL,
    version INTEGER NOT NULL,
    payload TEXT NOT NULL,
    stored INTEGER NOT NULL DEFAULT 0,
    UNIQUE (target, version)
);
CREATE TABLE setting (          -- a key's state, a role, a system prompt, a model version
    target TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (target, version),
    FOREIGN KEY (target, version) REFERENCES audit_outbox (target, version)
);
