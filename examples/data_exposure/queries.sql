-- The evidence, asked. Each CSV file is a table of its name; SQLite's dialect.

-- --8<-- [start:prompt]
-- What the reported request's prompt held, and whose it is.
WITH listed AS (
  SELECT d.value AS document
  FROM requests, json_each('["' || replace(documents, ' ', '","') || '"]') AS d
  WHERE request = :request
)
SELECT document, organization, organization = (
         SELECT organization FROM requests WHERE request = :request) AS own
FROM listed JOIN documents USING (document);
-- --8<-- [end:prompt]

-- --8<-- [start:disagree]
-- Requests whose prompt held a document of another organization. `granted` says that its owner has shared it.
CREATE VIEW disagree AS
SELECT r.*, f.document, f.organization AS owner, f.conversation AS uploaded_in,
       f.shared_with IS r.organization AS granted
FROM requests AS r,
     json_each('["' || replace(r.documents, ' ', '","') || '"]') AS d
JOIN documents AS f ON f.document = d.value
WHERE f.organization <> r.organization;
-- --8<-- [end:disagree]

-- --8<-- [start:by_day]
SELECT date(at) AS day,
       count(DISTINCT CASE WHEN granted THEN request END) AS granted,
       count(DISTINCT CASE WHEN NOT granted THEN request END) AS not_granted
FROM disagree GROUP BY day ORDER BY day;
-- --8<-- [end:by_day]

-- --8<-- [start:spread]
-- How far one foreign document, and one reader, reach.
SELECT
  (SELECT max(n) FROM (SELECT count(DISTINCT organization) AS n FROM disagree
                       WHERE NOT granted GROUP BY document)) AS organizations_a_document,
  (SELECT max(n) FROM (SELECT count(DISTINCT conversation) AS n FROM disagree
                       WHERE NOT granted GROUP BY user)) AS conversations_a_reader,
  (SELECT max(m) FROM (SELECT (julianday(max(at)) - julianday(min(at))) * 1440 AS m FROM disagree
                       WHERE NOT granted AND cache = 'miss' GROUP BY conversation)) AS minutes_a_conversation,
  (SELECT count(DISTINCT owner || organization) FROM disagree WHERE NOT granted) AS pairs;
-- --8<-- [end:spread]

-- --8<-- [start:first_hand]
-- The first such request of each conversation, those answered from the response cache left out.
CREATE VIEW first_hand AS
SELECT request, min(at) AS at, gateway, organization, user, owner, uploaded_in, turn, finish
FROM disagree WHERE NOT granted AND cache = 'miss' GROUP BY conversation;
-- --8<-- [end:first_hand]

-- --8<-- [start:pairs]
-- For each of them: the last request before it in the conversation that the foreign document was uploaded in.
SELECT f.request, f.gateway = p.gateway AS same_gateway,
       max(p.at) AS before_at, (julianday(f.at) - julianday(max(p.at))) * 86400 AS seconds
FROM first_hand AS f JOIN requests AS p ON p.conversation = f.uploaded_in AND p.at < f.at
GROUP BY f.request;
-- --8<-- [end:pairs]

-- --8<-- [start:finishes]
-- How those last requests of the owners ended.
SELECT f.request, p.finish, max(p.at) AS before_at
FROM first_hand AS f JOIN requests AS p ON p.conversation = f.uploaded_in AND p.at < f.at
GROUP BY f.request;
-- --8<-- [end:finishes]

-- --8<-- [start:before_after]
SELECT hour >= '2026-11-12 10:00' AS later, sum(requests) AS requests, sum(closed_early) AS closed_early,
       sum(closed_later) AS closed_later, sum(sign_ins) AS sign_ins,
       sum(session_refused) AS session_refused, sum(state_errors) AS state_errors
FROM hours GROUP BY later;
-- --8<-- [end:before_after]

-- --8<-- [start:history]
-- The last commands on the connection from which the reported request read its conversation.
WITH mine AS (
  SELECT rowid AS at_row, connection FROM hops
  WHERE request = :request AND hop = 'conversation' AND step = 'read'
)
SELECT h.at, h.request, h.step, h.key, h.wait_us,
       (SELECT outcome FROM hops AS e WHERE e.request = h.request AND e.hop = 'end') AS outcome
FROM hops AS h JOIN mine USING (connection)
WHERE h.rowid BETWEEN at_row - 400 AND at_row + 400
ORDER BY h.rowid;
-- --8<-- [end:history]

-- --8<-- [start:scope]
-- What is known of each answer to a request whose prompt held what it should not.
CREATE VIEW scope AS
SELECT DISTINCT d.request, d.user, d.organization, d.owner, d.at, d.cache,
       CASE WHEN NOT d.first_token THEN 'nothing was sent'
            WHEN d.at < '2026-11-10 14:40' THEN 'answer no longer kept'
            WHEN v.shown = 'nothing' THEN 'answer shows nothing of it'
            WHEN v.shown IS NULL THEN 'not opened yet'
            ELSE 'answer shows it' END AS known
FROM disagree AS d LEFT JOIN review AS v USING (request)
WHERE NOT d.granted;
-- --8<-- [end:scope]

-- --8<-- [start:sides]
-- Whose data it was, and who asked: organizations by what is known of the strongest case.
SELECT known, count(*) AS requests, count(DISTINCT user) AS readers,
       count(DISTINCT organization) AS readers_of, count(DISTINCT owner) AS owners
FROM scope GROUP BY known ORDER BY known;
-- --8<-- [end:sides]
