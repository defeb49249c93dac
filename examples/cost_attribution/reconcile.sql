-- The provider's report against the count, in the buckets that the report has.
CREATE TABLE provider_report (
    day date, credential text, model text, meter text, tokens bigint NOT NULL,
    PRIMARY KEY (day, credential, model, meter)
);

-- --8<-- [start:reconcile]
-- What unconfirmed attempts explain is bounded: none of them was billed, or each up to its limit.
CREATE FUNCTION reconcile(first_day date, last_day date)
RETURNS TABLE (cause text, day date, credential text, model text, meter text,
               tokens numeric, nano_usd numeric) LANGUAGE sql STABLE AS $$
    WITH latest AS (
        SELECT DISTINCT ON (attempt_id) *, (started_at AT TIME ZONE 'UTC')::date AS day
        FROM usage_event WHERE backend = 'provider' ORDER BY attempt_id, revision DESC),
    ours AS (
        SELECT l.day, l.credential, l.model, m.meter, sum(m.tokens) AS tokens,
               -sum(m.tokens) FILTER (WHERE l.revision < 2) AS least, -- none of it was billed
               sum(m.most - m.tokens) FILTER (WHERE l.revision < 2) AS most
        FROM latest AS l CROSS JOIN LATERAL (SELECT input_tokens + cached_tokens
            + written_tokens AS prompt) AS its CROSS JOIN LATERAL (VALUES
            ('input', input_tokens, prompt), ('cached', cached_tokens, prompt),
            ('written', written_tokens, prompt),
            ('output', output_tokens, greatest(output_tokens, max_output_tokens))
        ) AS m (meter, tokens, most)
        GROUP BY 1, 2, 3, 4),
    both_sides AS (
        SELECT day, credential, model, meter, d.tokens,
               least(greatest(d.tokens, coalesce(o.least, 0)), coalesce(o.most, 0)) AS explained
        FROM provider_report AS r
        FULL JOIN ours AS o USING (day, credential, model, meter)
        CROSS JOIN LATERAL (
            SELECT coalesce(r.tokens, 0) - coalesce(o.tokens, 0) AS tokens) AS d
        WHERE day BETWEEN first_day AND last_day)
    SELECT c.cause, b.day, b.credential, b.model, b.meter, c.tokens, c.tokens * p.nano_usd
    FROM both_sides AS b CROSS JOIN LATERAL (VALUES
        ('unconfirmed attempts', b.explained),
        (CASE WHEN b.credential NOT IN (SELECT l.credential FROM latest AS l)
                  THEN 'past the gateway'
              WHEN b.tokens < 0 THEN 'counted, not billed'
              ELSE 'misread, or past the gateway' END, b.tokens - b.explained)
    ) AS c (cause, tokens)
    LEFT JOIN price AS p ON p.model = b.model AND p.meter = b.meter
        AND upper_inf(p.known) AND p.valid @> (b.day + time '12:00') AT TIME ZONE 'UTC'
    WHERE c.tokens <> 0;
$$;
-- --8<-- [end:reconcile]
