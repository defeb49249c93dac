-- The ledger and its corrections, for PostgreSQL and SQLite alike. Rows are only ever added.

-- --8<-- [start:ledger]
CREATE TABLE invoices (
    invoice_id text PRIMARY KEY,
    org_id text NOT NULL,
    from_ms bigint NOT NULL,
    to_ms bigint NOT NULL,
    amount_cents bigint NOT NULL
);
CREATE TABLE excluded_events (
    event_id text PRIMARY KEY REFERENCES usage_events,
    kept_event_id text NOT NULL REFERENCES usage_events,
    run_id text NOT NULL
);
CREATE TABLE credit_notes (
    invoice_id text NOT NULL REFERENCES invoices,
    number bigint NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents < 0),
    reason text NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (invoice_id, number)
);
-- --8<-- [end:ledger]

-- What still counts, for whatever prices, shows or limits usage.
-- --8<-- [start:counted]
CREATE VIEW counted_events AS
SELECT * FROM usage_events AS e
WHERE NOT EXISTS (
    SELECT 1 FROM excluded_events AS x
    WHERE x.event_id = e.event_id);
-- --8<-- [end:counted]

-- --8<-- [start:invoice]
INSERT INTO invoices (invoice_id, org_id, from_ms, to_ms, amount_cents)
SELECT 'inv-2026-10-' || org_id, org_id, 1790812800000, 1793491200000,
       CAST(sum(prompt_tokens * 3 + output_tokens * 15) + 5000 AS bigint) / 10000
FROM usage_hourly
WHERE hour_ms >= 1790812800000 AND hour_ms < 1793491200000
GROUP BY org_id;
-- --8<-- [end:invoice]

-- Only entries that agree in everything but their own id and time. The earliest of those that still count stays,
-- whatever month a later one fell in. What was excluded before, also by hand, is no longer there to be kept.
-- --8<-- [start:exclude]
INSERT INTO excluded_events (event_id, kept_event_id, run_id)
SELECT event_id, kept_event_id, :run
FROM (
    SELECT event_id, row_number() OVER same AS copy,
           first_value(event_id) OVER same AS kept_event_id
    FROM usage_events AS e
    WHERE NOT EXISTS (
        SELECT 1 FROM excluded_events AS x
        WHERE x.event_id = e.event_id)
    WINDOW same AS (
        PARTITION BY request_id, org_id, key_id,
                     prompt_tokens, output_tokens, outcome
        ORDER BY created_ms, event_id
    )
) AS entry
WHERE copy > 1;
-- --8<-- [end:exclude]

-- The open month once more, in one transaction: its hours without what was excluded, and with events that came late.
-- --8<-- [start:hours]
DELETE FROM usage_hourly WHERE hour_ms >= :low AND hour_ms < :high;
INSERT INTO usage_hourly
    (org_id, hour_ms, requests, prompt_tokens, output_tokens)
SELECT org_id, created_ms / 3600000 * 3600000, count(*),
       sum(prompt_tokens), sum(output_tokens)
FROM counted_events
WHERE created_ms >= :low AND created_ms < :high
GROUP BY org_id, created_ms / 3600000 * 3600000;
-- --8<-- [end:hours]

-- What the ledger says, less what should be due; never more. A second run finds no difference. A goodwill note for the
-- same invoice pays for something else, so it takes part in the numbers and not in the sum.
-- --8<-- [start:credit]
INSERT INTO credit_notes (invoice_id, number, amount_cents, reason, run_id)
SELECT i.invoice_id, coalesce(n.last, 0) + 1,
       due.cents - (i.amount_cents + coalesce(n.cents, 0)),
       'same request counted again', :run
FROM invoices AS i
JOIN (
    SELECT i.invoice_id,
           CAST(coalesce(sum(e.prompt_tokens * 3 + e.output_tokens * 15), 0)
                + 5000 AS bigint) / 10000 AS cents
    FROM invoices AS i
    LEFT JOIN counted_events AS e
      ON e.org_id = i.org_id
     AND e.created_ms >= i.from_ms AND e.created_ms < i.to_ms
    GROUP BY i.invoice_id
) AS due ON due.invoice_id = i.invoice_id
LEFT JOIN (
    SELECT invoice_id, max(number) AS last,
           sum(CASE WHEN reason = 'same request counted again'
                    THEN amount_cents ELSE 0 END) AS cents
    FROM credit_notes GROUP BY invoice_id
) AS n ON n.invoice_id = i.invoice_id
WHERE due.cents < i.amount_cents + coalesce(n.cents, 0);
-- --8<-- [end:credit]

-- Entries of one request that do not agree: for a person, not for the run.
-- --8<-- [start:disagreeing]
SELECT request_id FROM usage_events
GROUP BY request_id
HAVING min(prompt_tokens * 1000000 + output_tokens) < max(prompt_tokens * 1000000 + output_tokens)
    OR min(org_id) < max(org_id) OR min(key_id) < max(key_id) OR min(outcome) < max(outcome)
ORDER BY request_id;
-- --8<-- [end:disagreeing]

-- The recount takes nothing from `usage_events` but token counts: which requests were streamed comes from the gateway's log.
-- --8<-- [start:recount]
SELECT a.org_id, count(*) AS streams,
       sum(CASE WHEN e.request_id IS NULL THEN 1 ELSE 0 END) AS never_billed,
       coalesce(sum(e.microusd), 0) AS microusd
FROM access_log AS a
LEFT JOIN (
    SELECT request_id,
           min(prompt_tokens * 3 + output_tokens * 15) AS microusd
    FROM usage_events GROUP BY request_id
) AS e ON e.request_id = a.request_id
WHERE a.finish <> 'failed'
GROUP BY a.org_id
ORDER BY streams DESC, a.org_id;
-- --8<-- [end:recount]

-- One closed hour, two hours later, when its log lines have arrived. An event belongs to the hour in which its stream ended.
-- --8<-- [start:daily_check]
WITH span AS (
    SELECT CAST(:low AS bigint) AS low, CAST(:high AS bigint) AS high
), entries AS (
    SELECT * FROM usage_events, span
    WHERE created_ms >= low AND created_ms < high
)
SELECT
    (SELECT count(*) FROM entries AS e WHERE EXISTS (
         SELECT 1 FROM usage_events AS f
         WHERE f.request_id = e.request_id
           AND (f.created_ms, f.event_id) < (e.created_ms, e.event_id))
    ) AS counted_again,
    (SELECT count(*) FROM access_log AS a, span
     WHERE a.finish <> 'failed' AND a.started_ms + a.duration_ms >= low
       AND a.started_ms + a.duration_ms < high AND NOT EXISTS (
         SELECT 1 FROM usage_events AS e
         WHERE e.request_id = a.request_id)) AS streams_without_entry,
    (SELECT count(DISTINCT e.request_id) FROM entries AS e
     WHERE NOT EXISTS (
         SELECT 1 FROM access_log AS a
         WHERE a.request_id = e.request_id)) AS requests_without_log;
-- --8<-- [end:daily_check]
