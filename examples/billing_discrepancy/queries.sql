-- The queries of the investigation, one section a stage, for PostgreSQL and SQLite alike. They only read.

-- --8<-- [start:totals]
WITH hours AS (
    SELECT org_id, hour_ms, sum(event_rows) AS event_rows,
           sum(requests) AS requests, sum(microusd) AS microusd_apart
    FROM (
        SELECT org_id, created_ms / 3600000 * 3600000 AS hour_ms,
               1 AS event_rows, 0 AS requests,
               prompt_tokens * 3 + output_tokens * 15 AS microusd
        FROM usage_events
        UNION ALL
        SELECT org_id, hour_ms, 0, requests,
               -(prompt_tokens * 3 + output_tokens * 15)
        FROM usage_hourly
    ) AS both_tables
    GROUP BY org_id, hour_ms
)
SELECT org_id, sum(event_rows) AS event_rows, sum(requests) AS requests,
       sum(abs(event_rows - requests)) AS requests_apart,
       sum(abs(microusd_apart)) AS microusd_apart
FROM hours GROUP BY org_id
ORDER BY event_rows DESC, org_id;
-- --8<-- [end:totals]

-- October 14, 2026, from 14:00 to 15:00 UTC. What ended in that hour, whenever it began.
-- --8<-- [start:hour]
WITH bounds AS (
    SELECT 1791986400000 AS low, 1791990000000 AS high
), ended AS (
    SELECT finish FROM access_log, bounds
    WHERE org_id = 'org_4417'
      AND started_ms + duration_ms >= low AND started_ms + duration_ms < high
)
SELECT
    (SELECT count(*) FROM client_calls
     WHERE org_id = 'org_4417' AND called_at >= '2026-10-14 14'
       AND called_at < '2026-10-14 15') AS calls,
    (SELECT count(*) FROM ended) AS accepted,
    (SELECT count(*) FROM ended WHERE finish <> 'failed') AS streams,
    (SELECT count(*) FROM usage_events, bounds
     WHERE org_id = 'org_4417'
       AND created_ms >= low AND created_ms < high) AS event_rows,
    (SELECT sum(requests) FROM usage_hourly, bounds
     WHERE org_id = 'org_4417' AND hour_ms = low) AS summed;
-- --8<-- [end:hour]

-- --8<-- [start:days]
SELECT day, streams, event_rows, provider_lines, provider_rows,
       round(10000.0 * streams / calls) / 10000.0 AS streams_per_call,
       round(10000.0 * event_rows / streams) / 10000.0 AS rows_per_stream
FROM daily_counts
WHERE day >= '2026-10-07'
ORDER BY day;
-- --8<-- [end:days]

-- Both ways: entries without a call of the customer's, and calls without an entry. An idempotency key is the customer's
-- own word, so it means nothing without the organization, and a call that is logged twice is still one call.
-- --8<-- [start:both_ways]
WITH calls AS (
    SELECT DISTINCT org_id, idempotency_key FROM client_calls
), entries AS (
    SELECT e.org_id, a.idempotency_key,
           CASE WHEN a.request_id IS NULL THEN 'not logged'
                WHEN c.idempotency_key IS NULL THEN 'of no call'
                ELSE 'of a call' END AS kind
    FROM usage_events AS e
    LEFT JOIN access_log AS a ON a.request_id = e.request_id
    LEFT JOIN calls AS c
      ON c.org_id = e.org_id AND c.idempotency_key = a.idempotency_key
)
SELECT c.org_id, c.calls, count(e.kind) AS entries,
       sum(CASE WHEN e.kind = 'of a call' THEN 1 ELSE 0 END) AS of_a_call,
       sum(CASE WHEN e.kind = 'of no call' THEN 1 ELSE 0 END) AS of_no_call,
       sum(CASE WHEN e.kind = 'not logged' THEN 1 ELSE 0 END) AS not_logged,
       (SELECT count(*) FROM calls AS k
        WHERE k.org_id = c.org_id AND NOT EXISTS (
            SELECT 1 FROM entries AS x
            WHERE x.org_id = k.org_id
              AND x.idempotency_key = k.idempotency_key)) AS without_entry
FROM (
    SELECT org_id, count(*) AS calls FROM calls GROUP BY org_id
) AS c
LEFT JOIN entries AS e ON e.org_id = c.org_id
GROUP BY c.org_id, c.calls
ORDER BY c.calls DESC;
-- --8<-- [end:both_ways]

-- The same organization counted by the date on each clock.
-- --8<-- [start:by_date]
SELECT (SELECT count(*) FROM client_calls
        WHERE org_id = 'org_7730' AND called_at LIKE '2026-10-31%') AS calls,
       (SELECT count(*) FROM usage_events
        WHERE org_id = 'org_7730' AND created_ms >= 1793404800000 AND created_ms < 1793491200000) AS entries;
-- --8<-- [end:by_date]

-- --8<-- [start:distinct_ids]
SELECT count(*) AS event_rows, count(DISTINCT event_id) AS event_ids FROM usage_events;
-- --8<-- [end:distinct_ids]

-- Each entry beside the one before it of the same request, and the one after it of the same idempotency key.
-- --8<-- [start:profile]
WITH numbered AS (
    SELECT e.*, a.idempotency_key, a.source_net, a.started_ms,
           prompt_tokens * 1000000 + output_tokens AS tokens,
           row_number() OVER same_request AS copy,
           lag(e.created_ms) OVER same_request AS other_ms,
           lag(prompt_tokens * 1000000 + output_tokens)
               OVER same_request AS other_tokens
    FROM usage_events AS e
    LEFT JOIN access_log AS a ON a.request_id = e.request_id
    WINDOW same_request AS (
        PARTITION BY e.request_id ORDER BY e.created_ms, e.event_id)
), tried AS (
    SELECT n.*, lead(started_ms) OVER same_key AS next_ms,
           lead(tokens) OVER same_key AS next_tokens
    FROM numbered AS n
    WINDOW same_key AS (
        PARTITION BY copy, org_id, coalesce(idempotency_key, event_id)
        ORDER BY started_ms, request_id)
), paired AS (
    SELECT t.*,
           CASE WHEN copy > 1 THEN created_ms - other_ms
                ELSE next_ms - started_ms END AS apart_ms,
           CASE WHEN copy > 1 THEN other_tokens ELSE next_tokens END AS its_tokens,
           CASE WHEN copy > 1 THEN 'request_id'
                WHEN idempotency_key IS NULL THEN 'not logged'
                WHEN next_ms IS NOT NULL THEN 'idempotency_key'
                WHEN org_id IN (SELECT org_id FROM client_calls)
                 AND NOT EXISTS (
                     SELECT 1 FROM client_calls AS c
                     WHERE c.org_id = t.org_id
                       AND c.idempotency_key = t.idempotency_key) THEN 'nothing'
                ELSE 'matched' END AS shares
    FROM tried AS t
)
SELECT org_id, shares, count(*) AS entries,
       min(apart_ms) AS nearest_ms, max(apart_ms) AS farthest_ms,
       sum(CASE WHEN tokens = its_tokens THEN 1 ELSE 0 END) AS equal_tokens,
       sum(CASE WHEN outcome = 'client_closed' THEN 1 ELSE 0 END) AS closed,
       min(source_net) AS net, count(DISTINCT source_net) AS nets,
       sum(prompt_tokens * 3 + output_tokens * 15) AS microusd
FROM paired GROUP BY org_id, shares ORDER BY org_id, shares;
-- --8<-- [end:profile]

-- Whose key and whose network the entries of org_2093 came by.
-- --8<-- [start:networks]
SELECT key_id, source_net, in_their_log, count(*) AS entries,
       min(started_ms) AS first_ms, max(started_ms) AS last_ms
FROM (
    SELECT a.key_id, a.source_net, a.started_ms,
           CASE WHEN EXISTS (
               SELECT 1 FROM client_calls AS c
               WHERE c.org_id = e.org_id AND c.idempotency_key = a.idempotency_key)
           THEN 'yes' ELSE 'no' END AS in_their_log
    FROM usage_events AS e
    JOIN access_log AS a ON a.request_id = e.request_id
    WHERE e.org_id = 'org_2093'
) AS entry
GROUP BY key_id, source_net, in_their_log
ORDER BY key_id, source_net, in_their_log;
-- --8<-- [end:networks]

-- The provider's own lines for the requests that it served, beside ours.
-- --8<-- [start:outside]
SELECT count(*) AS lines, sum(entries) AS entries,
       sum(CASE WHEN entries > 1 THEN 1 ELSE 0 END) AS with_more,
       sum(CASE WHEN entries = 0 THEN 1 ELSE 0 END) AS without_entry,
       sum(CASE WHEN apart <> 0 THEN 1 ELSE 0 END) AS token_counts_apart,
       sum(closed) AS closed, count(*) - count(DISTINCT request_id) AS second_lines
FROM (
    SELECT p.provider_id, p.request_id, count(e.event_id) AS entries,
           max(CASE WHEN e.outcome = 'client_closed' THEN 1 ELSE 0 END) AS closed,
           coalesce(max(abs(e.prompt_tokens - p.prompt_tokens) + abs(e.output_tokens - p.output_tokens)), 0)
               AS apart
    FROM provider_export AS p LEFT JOIN usage_events AS e ON e.request_id = p.request_id
    GROUP BY p.provider_id, p.request_id
) AS line;
-- --8<-- [end:outside]
