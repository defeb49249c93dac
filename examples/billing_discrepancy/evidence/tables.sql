-- The tables of the evidence and of the ledger, for PostgreSQL and SQLite alike. Times are milliseconds since 1970, UTC.

CREATE TABLE client_calls (
    org_id text NOT NULL,
    idempotency_key text NOT NULL,
    called_at text NOT NULL, -- the customer's own clock, without a zone
    result text NOT NULL
);

CREATE TABLE access_log (
    request_id text PRIMARY KEY,
    org_id text NOT NULL,
    key_id text NOT NULL,
    idempotency_key text NOT NULL,
    source_net text NOT NULL,
    upstream text NOT NULL,
    started_ms bigint NOT NULL,
    duration_ms bigint NOT NULL,
    finish text NOT NULL
);

CREATE TABLE usage_events (
    event_id text PRIMARY KEY,
    request_id text NOT NULL,
    org_id text NOT NULL,
    key_id text NOT NULL,
    created_ms bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    outcome text NOT NULL
);
CREATE INDEX usage_events_request ON usage_events (request_id);

CREATE TABLE usage_hourly (
    org_id text NOT NULL,
    hour_ms bigint NOT NULL,
    requests bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    PRIMARY KEY (org_id, hour_ms)
);

CREATE TABLE provider_export (
    provider_id text PRIMARY KEY,
    request_id text NOT NULL,
    started_ms bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL
);

CREATE TABLE daily_counts (
    day text PRIMARY KEY,
    calls bigint,
    streams bigint,
    event_rows bigint NOT NULL,
    hourly_requests bigint NOT NULL,
    request_ids bigint NOT NULL,
    provider_lines bigint,
    provider_rows bigint
);

CREATE TABLE changes (
    day text NOT NULL,
    what text NOT NULL,
    change text NOT NULL
);

CREATE TABLE tickets (
    org_id text PRIMARY KEY,
    opened text NOT NULL,
    invoiced_cents bigint NOT NULL,
    disputed_cents bigint NOT NULL,
    client_log text NOT NULL
);
