-- Facts about usage, and the two things that change under them: prices and owners.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- --8<-- [start:usage]
CREATE TABLE usage_event (
    attempt_id   uuid        NOT NULL, -- one call of a backend; a retry is another
    revision     smallint    NOT NULL, -- 0 opened, 1 estimated, 2 reported, 3+ reconciled
    request_id   uuid        NOT NULL,
    started_at   timestamptz NOT NULL, -- fixed when opened: decides day, price, owner
    project      text        NOT NULL,
    person_alias uuid,                 -- a name only through person_alias
    credential   text        NOT NULL, -- which of our keys: the report groups by it
    backend      text        NOT NULL CHECK (backend IN ('fleet', 'provider')),
    model        text        NOT NULL,
    input_tokens     bigint  NOT NULL, -- neither read from the prompt cache nor written
    cached_tokens    bigint  NOT NULL,
    written_tokens   bigint  NOT NULL,
    output_tokens    bigint  NOT NULL, -- with the reasoning, which is billed like it
    reasoning_tokens bigint  NOT NULL,
    max_output_tokens bigint NOT NULL, -- the limit that was sent: what an estimate may miss
    gpu_ms           bigint  NOT NULL, -- the fleet's only
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (attempt_id, revision),
    CHECK (least(input_tokens, cached_tokens, written_tokens, reasoning_tokens, gpu_ms) >= 0),
    CHECK (reasoning_tokens <= output_tokens)
);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
-- --8<-- [end:usage]
CREATE INDEX ON usage_event (started_at);

CREATE TABLE quarantine (
    digest text PRIMARY KEY,
    event  json NOT NULL, -- as it came: jsonb would refuse some of what has to be kept
    reason text  NOT NULL
);

-- All that a gateway may do. It runs as its owner, so that gateways need no right to the tables: they can neither read
-- others' usage nor set the time of receipt, by which closed months are recomputed.
CREATE FUNCTION ingest(batch json) RETURNS integer LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    item json; event usage_event; added integer := 0;
BEGIN
    LOCK TABLE usage_event IN ROW EXCLUSIVE MODE; -- before the clock is read: a close that holds the table comes first
    FOR item IN SELECT value FROM json_array_elements(batch) LOOP
        BEGIN
            event := json_populate_record(NULL::usage_event, item);
            event.received_at := clock_timestamp();
            IF EXISTS (SELECT FROM usage_event AS known WHERE known.attempt_id = event.attempt_id
                       AND (known.started_at, known.project, known.credential, known.backend)
                        <> (event.started_at, event.project, event.credential, event.backend)) THEN
                RAISE EXCEPTION 'another attempt under the same id';
            END IF;
            IF (event.started_at AT TIME ZONE 'UTC')::date < corrected_since(first_open_month()) THEN
                RAISE EXCEPTION 'too old to be billed'; -- and if it is a duplicate, its key may have left
            END IF;
            INSERT INTO usage_event SELECT event.* ON CONFLICT DO NOTHING;
            IF FOUND THEN
                added := added + 1;
            ELSIF EXISTS (SELECT FROM usage_event AS known
                          WHERE known.attempt_id = event.attempt_id AND known.revision = event.revision
                            AND to_jsonb(known) - 'received_at' <> to_jsonb(event) - 'received_at') THEN
                RAISE EXCEPTION 'same id, other content';
            END IF;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception THEN
            INSERT INTO quarantine VALUES (md5(item::text), item, SQLERRM) ON CONFLICT DO NOTHING;
        END;
    END LOOP;
    RETURN added;
END $$;

-- --8<-- [start:versions]
CREATE TABLE price (
    model    text      NOT NULL,
    meter    text      NOT NULL CHECK (meter IN ('input', 'cached', 'written', 'output')),
    nano_usd bigint    NOT NULL CHECK (nano_usd >= 0), -- a token: $3 a million is 3,000
    valid    tstzrange NOT NULL CHECK (NOT isempty(valid)), -- when it applies
    known    tstzrange NOT NULL DEFAULT tstzrange(clock_timestamp(), NULL), -- when believed
    EXCLUDE USING gist (model WITH =, meter WITH =, valid WITH &&, known WITH &&)
);
CREATE TABLE owner (
    project  text      NOT NULL,
    team     text      NOT NULL,
    valid    daterange NOT NULL CHECK (NOT isempty(valid)),
    known    tstzrange NOT NULL DEFAULT tstzrange(clock_timestamp(), NULL),
    EXCLUDE USING gist (project WITH =, valid WITH &&, known WITH &&)
);
-- --8<-- [end:versions]

CREATE FUNCTION rated(known_at timestamptz)
RETURNS TABLE (usage_day date, team text, project text, model text, meter text, unit_nano bigint, tokens numeric)
LANGUAGE sql STABLE AS $$
    WITH latest AS (
        SELECT DISTINCT ON (attempt_id) *, (started_at AT TIME ZONE 'UTC')::date AS day FROM usage_event
        WHERE received_at <= known_at ORDER BY attempt_id, revision DESC)
    SELECT l.day, coalesce(o.team, 'unowned'), l.project, l.model, m.meter, p.nano_usd, sum(m.tokens)
    FROM latest AS l
    CROSS JOIN LATERAL (VALUES ('input', input_tokens), ('cached', cached_tokens),
                               ('written', written_tokens), ('output', output_tokens)) AS m (meter, tokens)
    LEFT JOIN price AS p ON p.model = l.model AND p.meter = m.meter
                        AND p.valid @> l.started_at AND p.known @> known_at -- none: null, and the close refuses
    LEFT JOIN owner AS o ON o.project = l.project AND o.valid @> l.day AND o.known @> known_at
    WHERE m.tokens > 0 AND l.backend = 'provider' -- the fleet's invoice does not move with usage: it is allocated
    GROUP BY 1, 2, 3, 4, 5, 6;
$$;


-- Believe something else from now on: the old row stays, as what was known before.
CREATE FUNCTION restate_price(the_model text, the_meter text, at timestamptz, new_nano_usd bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    old price; moment timestamptz;
BEGIN
    LOCK TABLE price IN ROW EXCLUSIVE MODE; -- before the clock is read, as in ingest
    moment := clock_timestamp();
    SELECT * INTO STRICT old FROM price
    WHERE model = the_model AND meter = the_meter AND valid @> at AND upper_inf(known) FOR UPDATE;
    UPDATE price SET known = tstzrange(lower(known), moment)
    WHERE model = the_model AND meter = the_meter AND valid = old.valid AND known = old.known;
    INSERT INTO price VALUES (the_model, the_meter, new_nano_usd, old.valid, tstzrange(moment, NULL));
END $$;

-- From a day on, a project belongs to another team. A day in the past is a correction.
CREATE FUNCTION move_project(the_project text, new_team text, from_day date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    old owner; moment timestamptz;
BEGIN
    LOCK TABLE owner IN ROW EXCLUSIVE MODE;
    moment := clock_timestamp();
    FOR old IN SELECT * FROM owner WHERE project = the_project AND upper_inf(known)
               AND valid && daterange(from_day, NULL) FOR UPDATE LOOP
        UPDATE owner SET known = tstzrange(lower(known), moment)
        WHERE project = old.project AND valid = old.valid AND known = old.known;
        IF lower(old.valid) < from_day THEN
            INSERT INTO owner VALUES (the_project, old.team, daterange(lower(old.valid), from_day), tstzrange(moment, NULL));
        END IF;
    END LOOP;
    INSERT INTO owner VALUES (the_project, new_team, daterange(from_day, NULL), tstzrange(moment, NULL));
END $$;

-- Who writes facts can do nothing else to them, nor read them; the trigger stops the owner's own mistakes.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gateway') THEN CREATE ROLE gateway; END IF;
END $$;
REVOKE EXECUTE ON FUNCTION ingest FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ingest TO gateway;
