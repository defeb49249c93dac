-- A budget that stops: what is spent and what open streams may still cost stay below the month's limit and the hour's.
-- --8<-- [start:budget]
CREATE TABLE budget (
    project text, during tstzrange, -- a row for the month, one for each hour
    limit_nano bigint NOT NULL,
    spent_nano bigint NOT NULL DEFAULT 0,
    held_nano  bigint NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
    PRIMARY KEY (project, during)
);
CREATE TABLE hold (
    attempt_id uuid PRIMARY KEY, project text NOT NULL, at timestamptz NOT NULL,
    nano bigint NOT NULL CHECK (nano > 0), expires_at timestamptz NOT NULL,
    revision smallint, settled_nano bigint -- null while the stream is open
);
-- The month's row comes first, always: it is the project's queue, so nobody deadlocks.
CREATE FUNCTION queue(its text, moment timestamptz) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (SELECT FROM budget WHERE project = its AND during @> moment
                          ORDER BY upper(during) DESC, during FOR UPDATE) AS locked
$$;
CREATE FUNCTION reserve(attempt uuid, its text, moment timestamptz, nano bigint,
                        deadline timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF queue(its, moment) < 2 THEN RETURN false; END IF; -- no ceiling is no permission
    IF EXISTS (SELECT FROM hold WHERE attempt_id = attempt) THEN RETURN true; END IF;
    IF EXISTS (SELECT FROM budget WHERE project = its AND during @> moment
               AND spent_nano + held_nano + nano > limit_nano) THEN RETURN false; END IF;
    INSERT INTO hold VALUES (attempt, its, moment, nano, deadline);
    UPDATE budget SET held_nano = held_nano + nano WHERE project = its AND during @> moment;
    RETURN true;
END $$;
-- --8<-- [end:budget]

-- --8<-- [start:settle]
CREATE FUNCTION settle(attempt uuid, news smallint, cost bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    old hold;
BEGIN
    PERFORM queue(project, at) FROM hold WHERE attempt_id = attempt;
    SELECT * INTO old FROM hold WHERE attempt_id = attempt;
    IF NOT FOUND OR old.revision >= news THEN
        RETURN false; -- a repeat, or older news
    END IF;
    UPDATE hold SET revision = news, settled_nano = cost WHERE attempt_id = attempt;
    UPDATE budget SET spent_nano = spent_nano + cost - coalesce(old.settled_nano, 0),
        held_nano = held_nano - CASE WHEN old.revision IS NULL THEN old.nano ELSE 0 END
    WHERE project = old.project AND during @> old.at;
    RETURN true;
END $$;
-- --8<-- [end:settle]

-- What a gateway let in on its allowance, while it could not ask: counted now, whatever the limit is.
CREATE FUNCTION count_late(attempt uuid, its text, moment timestamptz, cost bigint) RETURNS boolean
LANGUAGE plpgsql AS $$ BEGIN
    PERFORM queue(its, moment);
    INSERT INTO hold VALUES (attempt, its, moment, cost, moment) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        UPDATE budget SET held_nano = held_nano + cost WHERE project = its AND during @> moment;
    END IF;
    RETURN settle(attempt, 1::smallint, cost);
END $$;

-- A gateway that died has told nothing: its holds count in full until the provider's report corrects them.
CREATE FUNCTION expire(now_is timestamptz) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (
        SELECT attempt_id, nano FROM hold WHERE revision IS NULL AND expires_at <= now_is
        ORDER BY project, attempt_id) AS late, LATERAL settle(late.attempt_id, 1::smallint, late.nano) AS done
    WHERE done;
$$;
