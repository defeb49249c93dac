-- The provider's report against the count, in the buckets that the report has.
CREATE TABLE provider_report (
    day date, credential text, model text, meter text, tokens bigint NOT NULL,
    PRIMARY KEY (day, credential, model, meter)
);

-- --8<-- [start:reconcile]
CREATE FUNCTION reconcile(first_day date, last_day date)
RETURNS TABLE (cause text, day date, credential text, model text, meter text,
               tokens numeric, nano_usd numeric) LANGUAGE sql STABLE AS $$
    WITH latest AS (
        SELECT DISTINCT ON (attempt_id) *, (started_at AT TIME ZONE 'UTC')::date AS day
        FROM usage_event WHERE backend = 'provider' ORDER BY attempt_id, revision DESC),
    ours AS (
        SELECT l.day, l.credential, l.model, m.meter, sum(m.tokens) AS tokens,
               count(*) FILTER (WHERE l.revision < 2) AS unconfirmed
        FROM latest AS l CROSS JOIN LATERAL (VALUES
            ('input', input_tokens), ('cached', cached_tokens),
            ('written', written_tokens), ('output', output_tokens)) AS m (meter, tokens)
        GROUP BY 1, 2, 3, 4),
    both_sides AS (
        SELECT day, credential, model, meter, coalesce(o.unconfirmed, 0) AS unconfirmed,
               coalesce(r.tokens, 0) - coalesce(o.tokens, 0) AS tokens
        FROM provider_report AS r
        FULL JOIN ours AS o USING (day, credential, model, meter)
        WHERE day BETWEEN first_day AND last_day)
    SELECT CASE WHEN b.credential NOT IN (SELECT l.credential FROM latest AS l)
                    THEN 'past the gateway'
                WHEN b.unconfirmed > 0 THEN 'unconfirmed attempts'
                WHEN b.tokens < 0 THEN 'counted, not billed'
                ELSE 'confirmed count differs' END,
           b.day, b.credential, b.model, b.meter, b.tokens, b.tokens * p.nano_usd
    FROM both_sides AS b
    LEFT JOIN price AS p ON p.model = b.model AND p.meter = b.meter
        AND upper_inf(p.known) AND p.valid @> (b.day + time '12:00') AT TIME ZONE 'UTC'
    WHERE b.tokens <> 0;
$$;
-- --8<-- [end:reconcile]
