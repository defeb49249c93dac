-- A budget that stops: what is spent and what open streams may still cost stay below the limit, in one row.
-- --8<-- [start:budget]
CREATE TABLE budget (
    project text, month date, limit_nano bigint NOT NULL,
    spent_nano bigint NOT NULL DEFAULT 0,
    held_nano  bigint NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
    PRIMARY KEY (project, month)
);
CREATE TABLE hold (
    attempt_id uuid PRIMARY KEY, project text NOT NULL, month date NOT NULL,
    nano bigint NOT NULL CHECK (nano > 0), expires_at timestamptz NOT NULL,
    revision smallint, settled_nano bigint, -- null while the stream is open
    FOREIGN KEY (project, month) REFERENCES budget
);
CREATE FUNCTION reserve(attempt uuid, its text, at date, nano bigint, deadline timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    PERFORM FROM budget WHERE project = its AND month = at FOR UPDATE; -- its queue
    IF EXISTS (SELECT FROM hold WHERE attempt_id = attempt) THEN
        RETURN true; -- the same call again
    END IF;
    UPDATE budget SET held_nano = held_nano + nano WHERE project = its AND month = at
        AND spent_nano + held_nano + nano <= limit_nano;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO hold VALUES (attempt, its, at, nano, deadline);
    RETURN true;
END $$;
CREATE FUNCTION settle(attempt uuid, news smallint, cost bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    old hold;
BEGIN
    SELECT * INTO old FROM hold WHERE attempt_id = attempt FOR UPDATE;
    IF NOT FOUND OR old.revision >= news THEN
        RETURN false; -- a repeat, or older news
    END IF;
    UPDATE hold SET revision = news, settled_nano = cost WHERE attempt_id = attempt;
    UPDATE budget SET spent_nano = spent_nano + cost - coalesce(old.settled_nano, 0),
        held_nano = held_nano - CASE WHEN old.revision IS NULL THEN old.nano ELSE 0 END
    WHERE project = old.project AND month = old.month;
    RETURN true;
END $$;
-- --8<-- [end:budget]

-- A gateway that died has told nothing: its holds count in full until the provider's report corrects them.
CREATE FUNCTION expire(now_is timestamptz) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (
        SELECT attempt_id, nano FROM hold WHERE revision IS NULL AND expires_at <= now_is
        ORDER BY attempt_id) AS late, LATERAL settle(late.attempt_id, 1::smallint, late.nano) AS done
    WHERE done;
$$;
