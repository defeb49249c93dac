-- What only PostgreSQL has.

-- --8<-- [start:grants]
CREATE ROLE billing NOLOGIN;
GRANT SELECT ON usage_events, invoices, counted_events TO billing;
GRANT SELECT, INSERT ON excluded_events, credit_notes TO billing;
-- Neither UPDATE nor DELETE: a wrong row is answered by another row.
-- --8<-- [end:grants]

-- Partitioned by time, a unique constraint has to include the time. So copies with different times are all welcome.
-- --8<-- [start:partitioned]
CREATE TABLE events_by_month (
    event_id text NOT NULL,
    request_id text NOT NULL,
    created_ms bigint NOT NULL,
    UNIQUE (request_id, created_ms)
) PARTITION BY RANGE (created_ms);
CREATE TABLE events_2026_10 PARTITION OF events_by_month FOR VALUES FROM (1790812800000) TO (1793491200000);
CREATE TABLE events_2026_11 PARTITION OF events_by_month FOR VALUES FROM (1793491200000) TO (1796083200000);
-- --8<-- [end:partitioned]
