-- What the responder asks of the access log. Times in seconds after 03:00 UTC; :since and :until bound the arrivals.

-- --8<-- [start:times]
CREATE TABLE access AS
SELECT rowid AS id, *,
       at_s + (quota_ms + moderation_ms) / 1000.0 AS queued_s,
       at_s + (quota_ms + moderation_ms + wait_ms) / 1000.0 AS started_s,
       at_s + (quota_ms + moderation_ms + wait_ms + prefill_ms) / 1000.0 AS computed_s
FROM log;
CREATE INDEX by_replica ON access (replica, started_s);
-- --8<-- [end:times]

-- --8<-- [start:stages]
SELECT ttft_ms > 1000 AS slow,
       count(*) AS requests,
       avg(quota_ms) AS quota_ms,
       avg(moderation_ms) AS moderation_ms,
       avg(wait_ms) AS wait_ms,
       avg(prefill_ms) AS prefill_ms,
       sum(moderation_ms > 600) AS moderation_slow,
       sum(quota_ms > 100) AS quota_slow
FROM access
WHERE at_s >= :since AND at_s < :until
GROUP BY slow ORDER BY slow;
-- --8<-- [end:stages]

-- --8<-- [start:tail]
WITH by_org AS (
  SELECT replica, org, count(*) AS requests, sum(ttft_ms > 1000) AS slow, sum(itl_ms) AS itl_ms
  FROM access
  WHERE at_s >= :since AND at_s < :until
  GROUP BY replica, org
)
SELECT replica,
       sum(requests) AS requests,
       sum(slow) AS slow,
       sum(slow > 0) AS orgs,
       max(slow) AS most_of_one,
       1.0 * sum(itl_ms) / sum(requests) AS itl_ms
FROM by_org
GROUP BY replica ORDER BY replica;
-- --8<-- [end:tail]

-- --8<-- [start:organizations]
SELECT org,
       count(*) AS requests,
       sum(ttft_ms > 1000) AS slow,
       sum(prompt) AS prompt_tokens,
       max(prompt) AS longest
FROM access
WHERE at_s >= :since AND at_s < :until
GROUP BY org ORDER BY slow DESC, org;
-- --8<-- [end:organizations]

-- --8<-- [start:pairs]
SELECT EXISTS (SELECT 1 FROM access AS p
               WHERE p.replica = w.replica AND p.org = :suspect
                 AND p.queued_s <= w.queued_s AND p.computed_s > w.queued_s) AS beside,
       w.ttft_ms > 1000 AS slow,
       count(*) AS requests,
       avg(w.prompt) AS prompt,
       sum(w.moderation_ms > 600) AS moderation_slow
FROM access AS w
WHERE w.at_s >= :since AND w.at_s < :until
  AND w.replica = :replica AND w.org <> :suspect
GROUP BY beside, slow ORDER BY beside DESC, slow DESC;
-- --8<-- [end:pairs]

-- --8<-- [start:ahead]
WITH slow AS (
  SELECT * FROM access
  WHERE at_s >= :since AND at_s < :until AND ttft_ms > 1000 AND wait_ms > 500
), met AS (
  SELECT p.org, w.id, w.started_s - w.queued_s AS wait_s,
         sum(min(w.started_s, p.computed_s) - max(w.queued_s, p.started_s)) AS seconds
  FROM slow AS w
  JOIN access AS p ON p.replica = w.replica AND p.org <> w.org
   AND p.started_s < w.started_s AND p.computed_s > w.queued_s
  GROUP BY p.org, w.id
)
SELECT org,
       sum(min(seconds, wait_s)) AS seconds,
       (SELECT sum(started_s - queued_s) FROM slow WHERE slow.org <> met.org) AS others_s,
       count(*) AS waited
FROM met
GROUP BY org ORDER BY seconds DESC;
-- --8<-- [end:ahead]
