-- The books: every entry balances, a closed month takes no more entries, and nothing is ever changed.
CREATE TABLE period (
    month     date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    closed_at timestamptz -- what was known then is what the month was billed by
);

-- --8<-- [start:ledger]
CREATE TABLE entry (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month     date        NOT NULL REFERENCES period,
    kind      text        NOT NULL CHECK (kind IN ('usage', 'invoice', 'allocation')),
    posted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE posting (
    entry_id bigint NOT NULL REFERENCES entry,
    account  text   NOT NULL CHECK (account IN ('team', 'clearing', 'payable')),
    pool     text   NOT NULL, -- provider, work, standby, shared
    team     text   CHECK ((team IS NOT NULL) = (account = 'team')),
    project  text, model text, meter text, unit_nano bigint, tokens numeric,
    usage_day date,           -- in an earlier month than the entry's: a correction
    nano_usd numeric(24) NOT NULL CHECK (nano_usd <> 0), -- a debit is positive
    CHECK (tokens IS NULL OR abs(nano_usd) = abs(tokens * unit_nano))
);
CREATE FUNCTION balanced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT sum(nano_usd) FROM posting WHERE entry_id = NEW.entry_id) <> 0 THEN
        RAISE EXCEPTION 'entry % does not balance', NEW.entry_id;
    END IF;
    PERFORM FROM entry JOIN period USING (month)
    WHERE id = NEW.entry_id AND closed_at IS NULL FOR SHARE OF period;
    IF NOT FOUND THEN RAISE EXCEPTION 'the month of entry % is closed', NEW.entry_id; END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION balanced();
-- --8<-- [end:ledger]
CREATE INDEX ON posting (entry_id);
CREATE INDEX ON posting (pool, usage_day);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
CREATE FUNCTION refuse_closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.closed_at IS NOT NULL THEN RAISE EXCEPTION 'month % is closed', OLD.month; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closed_stays BEFORE UPDATE OR DELETE ON period FOR EACH ROW EXECUTE FUNCTION refuse_closed();

CREATE FUNCTION first_open_month() RETURNS date LANGUAGE sql STABLE AS
    $$ SELECT min(month) FROM period WHERE closed_at IS NULL $$;

-- Corrections reach back two months before the one that is open, so events of days before that may leave the database.
CREATE FUNCTION corrected_since(the_month date) RETURNS date LANGUAGE sql IMMUTABLE AS
    $$ SELECT (the_month - interval '2 months')::date $$;

-- --8<-- [start:post]
CREATE FUNCTION post(known_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    posted bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('post')); -- two would post one difference
    WITH so_far AS (
        SELECT usage_day, team, project, model, meter, unit_nano, sum(p.tokens) AS tokens
        FROM posting AS p JOIN entry ON id = entry_id
        WHERE kind = 'usage' AND account = 'team' GROUP BY 1, 2, 3, 4, 5, 6),
    difference AS MATERIALIZED (
        SELECT usage_day, team, project, model, meter, unit_nano, month,
               coalesce(t.tokens, 0) - coalesce(s.tokens, 0) AS tokens
        FROM rated(coalesce(known_at, clock_timestamp())) AS t
        FULL JOIN so_far AS s USING (usage_day, team, project, model, meter, unit_nano)
        JOIN period ON closed_at IS NULL AND month -- none yet: the usage waits for it
           = greatest(date_trunc('month', usage_day)::date, first_open_month())
        WHERE coalesce(t.tokens, 0) <> coalesce(s.tokens, 0) AND unit_nano > 0
            AND usage_day >= corrected_since(first_open_month())), -- older events have left
    header AS (
        INSERT INTO entry (month, kind) SELECT DISTINCT d.month, 'usage'
        FROM difference AS d RETURNING id, month)
    INSERT INTO posting
    SELECT h.id, account, 'provider', CASE account WHEN 'team' THEN team END, project,
           model, meter, unit_nano, tokens, usage_day, sign * tokens * unit_nano
    FROM difference JOIN header AS h USING (month)
    CROSS JOIN (VALUES ('team', 1), ('clearing', -1)) AS side (account, sign);
    GET DIAGNOSTICS posted = ROW_COUNT;
    RETURN posted;
END $$;
-- --8<-- [end:post]

CREATE FUNCTION book_invoice(the_month date, the_pool text, cents bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    header bigint;
BEGIN
    INSERT INTO entry (month, kind) VALUES (the_month, 'invoice') RETURNING id INTO header;
    INSERT INTO posting (entry_id, account, pool, nano_usd) VALUES
        (header, 'clearing', the_pool, cents * 10000000::numeric),
        (header, 'payable', the_pool, -cents * 10000000::numeric);
END $$;

-- By what a pool is divided, where that is not the priced usage itself: GPU time, capacity shares, requests.
CREATE TABLE driver (
    month  date    NOT NULL REFERENCES period,
    pool   text    NOT NULL CHECK (pool <> 'provider'),
    team   text    NOT NULL,
    weight numeric NOT NULL CHECK (weight >= 0),
    PRIMARY KEY (month, pool, team)
);

-- The GPU time that a month's bill counts, by the day of use. Of a day before the month: what was learned since, with a sign.
CREATE TABLE work (
    month     date    NOT NULL REFERENCES period,
    usage_day date    NOT NULL,
    team      text    NOT NULL,
    gpu_ms    numeric NOT NULL,
    PRIMARY KEY (month, usage_day, team)
);

-- The month's own work becomes its driver. A late event, or a project that was somebody else's, is carried in dollars, at
-- what its month paid for a millisecond: a team may lose more than it has used since, and no weight is below zero.
CREATE FUNCTION measure_work(the_month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    header bigint;
BEGIN
    IF the_month IS DISTINCT FROM first_open_month() THEN -- corrections need what earlier months paid
        RAISE EXCEPTION 'an earlier month is open, or this one is closed';
    END IF;
    WITH latest AS (
        SELECT DISTINCT ON (attempt_id) *, (started_at AT TIME ZONE 'UTC')::date AS day
        FROM usage_event ORDER BY attempt_id, revision DESC),
    total AS (
        SELECT l.day AS usage_day, coalesce(o.team, 'unowned') AS team, sum(l.gpu_ms) AS gpu_ms FROM latest AS l
        LEFT JOIN owner AS o ON o.project = l.project AND o.valid @> l.day AND upper_inf(o.known)
        WHERE l.backend = 'fleet' GROUP BY 1, 2),
    earlier AS (
        SELECT usage_day, team, sum(gpu_ms) AS gpu_ms FROM work WHERE month < the_month GROUP BY 1, 2)
    INSERT INTO work
    SELECT the_month, usage_day, team, coalesce(t.gpu_ms, 0) - coalesce(e.gpu_ms, 0)
    FROM total AS t FULL JOIN earlier AS e USING (usage_day, team)
    WHERE coalesce(t.gpu_ms, 0) <> coalesce(e.gpu_ms, 0)
        AND usage_day >= corrected_since(the_month) AND usage_day < the_month + interval '1 month';

    INSERT INTO driver
    SELECT the_month, 'work', team, sum(gpu_ms) FROM work
    WHERE month = the_month AND usage_day >= the_month GROUP BY team;

    INSERT INTO entry (month, kind) VALUES (the_month, 'usage') RETURNING id INTO header;
    WITH paid AS (
        SELECT month, (i.nano_usd - w.carried) / nullif(w.weight, 0) AS nano_usd
        FROM (SELECT month, sum(weight) AS weight, sum(carried) AS carried FROM weight
              WHERE pool = 'work' GROUP BY 1) AS w
        JOIN (SELECT e.month, sum(p.nano_usd) AS nano_usd FROM posting AS p JOIN entry AS e ON e.id = p.entry_id
              WHERE e.kind = 'invoice' AND p.account = 'clearing' AND p.pool = 'work' GROUP BY 1) AS i USING (month)),
    carried AS (
        SELECT w.team, w.usage_day, round(w.gpu_ms * p.nano_usd) AS nano_usd
        FROM work AS w JOIN paid AS p ON p.month = date_trunc('month', w.usage_day)
        WHERE w.month = the_month AND w.usage_day < the_month)
    INSERT INTO posting (entry_id, account, pool, team, usage_day, nano_usd)
    SELECT header, account, 'work', CASE account WHEN 'team' THEN team END, usage_day, sign * nano_usd
    FROM carried CROSS JOIN (VALUES ('team', 1), ('clearing', -1)) AS side (account, sign) WHERE nano_usd <> 0;
END $$;

CREATE VIEW weight AS
SELECT month, pool, team, sum(weight) AS weight, sum(carried) AS carried FROM (
    SELECT month, pool, team, weight, 0 AS carried FROM driver
    UNION ALL
    SELECT e.month, p.pool, p.team, CASE WHEN p.usage_day >= e.month THEN p.nano_usd ELSE 0 END,
           CASE WHEN p.usage_day < e.month THEN p.nano_usd ELSE 0 END
    FROM entry AS e JOIN posting AS p ON p.entry_id = e.id
    WHERE e.kind = 'usage' AND p.account = 'team') AS part
GROUP BY 1, 2, 3;

-- --8<-- [start:bill]
CREATE FUNCTION bill(the_month date)
RETURNS TABLE (pool text, team text, cents numeric) LANGUAGE sql STABLE AS $$
    WITH invoice AS (
        SELECT p.pool, sum(p.nano_usd) AS nano_usd
        FROM posting AS p JOIN entry AS e ON e.id = p.entry_id
        WHERE e.month = the_month AND e.kind = 'invoice' AND p.account = 'clearing'
        GROUP BY 1),
    -- Exactly, a team owes carried + weight / total * (invoice - all carried), where
    -- carried is its corrections. Times the total, both sides are whole numbers.
    exact AS (
        SELECT w.pool, w.team, i.nano_usd / 10000000 AS invoice,
               sum(w.weight) OVER each * 10000000 AS cent,
               w.carried * sum(w.weight) OVER each
                 + w.weight * (i.nano_usd - sum(w.carried) OVER each) AS scaled
        FROM weight AS w JOIN invoice AS i USING (pool)
        WHERE w.month = the_month WINDOW each AS (PARTITION BY w.pool)),
    remainder AS (
        SELECT *, mod(mod(scaled, cent) + cent, cent) AS rest FROM exact WHERE cent > 0),
    floored AS (
        SELECT *, div(scaled - rest, cent) AS whole,
               row_number() OVER (PARTITION BY r.pool ORDER BY rest DESC, r.team) AS place
        FROM remainder AS r)
    SELECT f.pool, f.team, f.whole + CASE
        WHEN place <= invoice - sum(whole) OVER (PARTITION BY f.pool) THEN 1 ELSE 0 END
    FROM floored AS f;
$$;
-- --8<-- [end:bill]

-- --8<-- [start:gap]
CREATE TABLE gap_approval ( -- finance's own to write
    month date PRIMARY KEY REFERENCES period,
    cents bigint NOT NULL CHECK (cents > 0), -- up to this much, on either side
    reason text NOT NULL, signed_by text NOT NULL
);
CREATE FUNCTION check_gap(the_month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    invoiced numeric; metered numeric; signed numeric;
BEGIN
    SELECT coalesce(sum(p.nano_usd), 0) INTO invoiced
    FROM posting AS p JOIN entry AS e ON e.id = p.entry_id
    WHERE e.month = the_month AND e.kind = 'invoice' AND p.account = 'clearing'
        AND p.pool = 'provider';
    -- Not what is carried: earlier months' invoices were for that.
    SELECT coalesce(sum(weight), 0) INTO metered
    FROM weight WHERE month = the_month AND pool = 'provider';
    SELECT cents * 10000000::numeric INTO signed FROM gap_approval WHERE month = the_month;
    IF abs(invoiced - metered) > greatest(invoiced / 200, coalesce(signed, 0)) THEN
        RAISE EXCEPTION 'finance has not signed for a gap of % nanodollars',
            invoiced - metered;
    END IF;
END $$;
-- --8<-- [end:gap]
CREATE FUNCTION signed_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM period WHERE month = OLD.month AND closed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'month % is closed', OLD.month;
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER signed_stays BEFORE UPDATE OR DELETE ON gap_approval
    FOR EACH ROW EXECUTE FUNCTION signed_stays();

CREATE FUNCTION close(the_month date) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    header bigint; moment timestamptz; open numeric;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('post'));
    PERFORM FROM period WHERE month = the_month FOR UPDATE; -- an invoice that is being booked commits first
    LOCK TABLE usage_event, price, owner IN SHARE MODE; -- so does what is being written; what comes later is later
    moment := clock_timestamp();
    IF the_month IS DISTINCT FROM first_open_month() THEN
        RAISE EXCEPTION 'an earlier month is open, or this one is closed';
    END IF;
    IF EXISTS (SELECT FROM rated(moment) WHERE unit_nano IS NULL AND usage_day < the_month + interval '1 month') THEN
        RAISE EXCEPTION 'usage without a price';
    END IF;
    PERFORM post(moment);
    PERFORM check_gap(the_month);
    INSERT INTO entry (month, kind) VALUES (the_month, 'allocation') RETURNING id INTO header;
    -- Each team's unmetered part and rounding: its bill in whole cents less what is posted to it.
    INSERT INTO posting (entry_id, account, pool, team, nano_usd)
    SELECT header, side.account, b.pool, CASE side.account WHEN 'team' THEN b.team END, side.sign * rest.nano_usd
    FROM bill(the_month) AS b
    JOIN weight AS w ON w.month = the_month AND w.pool = b.pool AND w.team = b.team
    CROSS JOIN LATERAL (SELECT b.cents * 10000000
        - w.carried - CASE b.pool WHEN 'provider' THEN w.weight ELSE 0 END AS nano_usd) AS rest
    CROSS JOIN (VALUES ('team', 1), ('clearing', -1)) AS side (account, sign)
    WHERE rest.nano_usd <> 0;
    SELECT sum(abs(nano_usd)) INTO open FROM (
        SELECT pool, sum(p.nano_usd) AS nano_usd FROM posting AS p JOIN entry AS e ON e.id = p.entry_id
        WHERE e.month = the_month AND p.account = 'clearing' GROUP BY pool) AS cleared;
    IF open <> 0 THEN RAISE EXCEPTION 'clearing is off by % nanodollars', open; END IF;
    SET CONSTRAINTS ALL IMMEDIATE; -- while the month is still open
    UPDATE period SET closed_at = moment WHERE month = the_month;
    RETURN (SELECT sum(cents) FROM bill(the_month));
END $$;

-- What a team pays for in a month, line by line: the bill's detail, and what is exported.
CREATE VIEW bill_line AS
SELECT e.month, p.pool, p.team, p.project, p.model, p.meter, p.unit_nano, p.tokens, p.usage_day, p.nano_usd
FROM entry AS e JOIN posting AS p ON p.entry_id = e.id WHERE p.account = 'team';
