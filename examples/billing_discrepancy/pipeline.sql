-- What the consumer and the hourly job run, for PostgreSQL and SQLite alike.

-- --8<-- [start:consume]
INSERT INTO usage_events
    (event_id, request_id, org_id, key_id, created_ms, prompt_tokens, output_tokens, outcome)
VALUES (:event_id, :request_id, :org_id, :key_id, :created_ms, :prompt_tokens, :output_tokens, :outcome)
ON CONFLICT (event_id) DO NOTHING;
-- --8<-- [end:consume]

-- --8<-- [start:mend]
INSERT INTO usage_events
    (event_id, request_id, org_id, key_id, created_ms,
     prompt_tokens, output_tokens, outcome)
VALUES (:event_id, :request_id, :org_id, :key_id, :created_ms,
        :prompt_tokens, :output_tokens, :outcome)
ON CONFLICT DO NOTHING;

-- History keeps its copies: the rule holds from November 7, 2026, 00:00 UTC.
-- In PostgreSQL, build it CONCURRENTLY.
CREATE UNIQUE INDEX one_event_a_request ON usage_events (request_id)
WHERE created_ms >= 1794009600000;
-- --8<-- [end:mend]

-- The job replaces its sums, so that another run adds nothing twice.
-- --8<-- [start:hourly]
DELETE FROM usage_hourly;
INSERT INTO usage_hourly (org_id, hour_ms, requests, prompt_tokens, output_tokens)
SELECT org_id, created_ms / 3600000 * 3600000, count(*), sum(prompt_tokens), sum(output_tokens)
FROM usage_events
GROUP BY org_id, created_ms / 3600000 * 3600000;
-- --8<-- [end:hourly]
