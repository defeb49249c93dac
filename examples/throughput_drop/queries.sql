-- --8<-- [start:count]
SELECT engine.time,
       engine.tokens / 60                        AS engine_tokens_s,
       streamed_tokens / 60                      AS gateway_tokens_s,
       engine.replicas,
       requests / 60.0                           AS requests_s,
       (requests - refused) / 60.0               AS served_s,
       1.0 * streamed_tokens / streams_ended     AS tokens_a_stream
FROM gateway
JOIN (SELECT time, SUM(output_tokens) AS tokens, COUNT(*) AS replicas
      FROM fleet GROUP BY time) AS engine USING (time)
WHERE time IN ('13:55', '14:50');
-- --8<-- [end:count]

-- --8<-- [start:users]
SELECT time, 100.0 * gateway.refused / gateway.requests AS refused_pct,
       gateway.ttft_p95_ms / 1000.0 AS ttft_p95_s,
       AVG(fleet.tpot_p50_ms) AS tpot_ms,
       AVG(waiting) AS waiting,
       AVG(running) AS running,
       MAX(kv_pct) AS fullest_kv_pct
FROM gateway JOIN fleet USING (time)
WHERE time IN ('13:55', '14:50')
GROUP BY time;
-- --8<-- [end:users]

-- --8<-- [start:side_by_side]
SELECT build,
       COUNT(DISTINCT replica)                AS replicas,
       SUM(output_tokens) / (60.0 * COUNT(*)) AS output_s,
       AVG(waiting)                           AS waiting
FROM fleet
WHERE time BETWEEN '14:16' AND '14:19'
GROUP BY build;
-- --8<-- [end:side_by_side]

-- --8<-- [start:counters]
WITH counted AS (
    SELECT build, COUNT(*) AS minutes, SUM(steps) AS steps,
           SUM(prompt_tokens) AS prompt, SUM(cached_tokens) AS cached, SUM(output_tokens) AS output,
           AVG(running) AS running, AVG(kv_pct) AS kv_pct
    FROM fleet
    WHERE time BETWEEN '14:16' AND '14:19'
    GROUP BY build)
SELECT build,
       100.0 * cached / prompt                       AS found_pct,
       320.0 * (prompt - cached) / output + 320      AS computed_a_request,
       1.0 * (prompt - cached + output) / steps      AS computed_a_step,
       (prompt - cached + output) / (60.0 * minutes) AS computed_s,
       60e3 * minutes / steps                        AS step_ms,
       running, kv_pct
FROM counted;
-- --8<-- [end:counters]

-- --8<-- [start:batches]
SELECT (replica + 3) / 4 AS batch, SUM(output_tokens) / (60.0 * COUNT(*)) AS output_s,
       50 - 5 * ((replica + 3) / 4) AS minutes_in_service
FROM fleet
WHERE time BETWEEN '14:47' AND '14:51'
GROUP BY batch;
-- --8<-- [end:batches]

-- --8<-- [start:lab]
SELECT image, flags, rendered_by, offered_rps, AVG(output_tokens) / 30 AS output_s
FROM lab
GROUP BY image, flags, rendered_by, offered_rps;
-- --8<-- [end:lab]
