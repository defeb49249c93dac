-- Names apart from usage: an alias lasts a month, and goes within 13, while the bills stay computable.
CREATE TABLE person_alias (
    alias  uuid PRIMARY KEY, -- random, so that months cannot be joined once the names are gone
    person text NOT NULL,
    month  date NOT NULL CHECK (extract(day FROM month) = 1),
    UNIQUE (person, month)
);
CREATE TABLE team_lead (
    person text      NOT NULL,
    lead   text      NOT NULL,
    valid  daterange NOT NULL,
    EXCLUDE USING gist (person WITH =, valid WITH &&)
);

-- At the prices believed now: to look at, not a bill. The fleet's part is GPU time.
-- The view runs as its owner; the reader is whoever asks, and reads neither table.
CREATE VIEW person_usage WITH (security_barrier) AS
WITH latest AS (SELECT DISTINCT ON (attempt_id) * FROM usage_event ORDER BY attempt_id, revision DESC)
SELECT a.person, (u.started_at AT TIME ZONE 'UTC')::date AS day, u.model, count(*) AS attempts,
       sum(u.input_tokens + u.cached_tokens + u.written_tokens + u.output_tokens) AS tokens,
       sum(paid.nano_usd) AS nano_usd, sum(u.gpu_ms) AS gpu_ms
FROM latest AS u CROSS JOIN LATERAL (
    SELECT sum(m.tokens * p.nano_usd) AS nano_usd
    FROM (VALUES ('input', u.input_tokens), ('cached', u.cached_tokens),
                 ('written', u.written_tokens), ('output', u.output_tokens)) AS m (meter, tokens)
    JOIN price AS p ON p.model = u.model AND p.meter = m.meter
                   AND p.valid @> u.started_at AND upper_inf(p.known)
    WHERE u.backend = 'provider') AS paid
JOIN person_alias AS a ON a.alias = u.person_alias
LEFT JOIN team_lead AS l ON l.person = a.person AND l.valid @> (u.started_at AT TIME ZONE 'UTC')::date
WHERE current_user IN (a.person, l.lead)
GROUP BY 1, 2, 3;

-- Run on the first of each month: the names of a month are then kept for 12 to 13 months.
CREATE FUNCTION drop_names(today date) RETURNS bigint LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM person_alias WHERE month < date_trunc('month', today)::date - interval '12 months' RETURNING 1)
    SELECT count(*) FROM gone;
$$;
