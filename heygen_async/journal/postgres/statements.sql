-- The tables of runs in PostgreSQL, and every statement about them.
--
-- All of it stands in the schema heygen_async. Many processes, on many machines, work on a run at
-- the same time. Times are Unix seconds of the server's clock. A section begins with its name, and
-- is read by that name; sections named migration_N create version N of the tables.
--
-- budgets  One row for a family of runs: a run and its stages ("launch", "launch.translate") on all
--          machines. It holds the money that they have spent and reserved, in units of 1e-9 USD.
--          Each transaction that writes items locks this row first. So writers of one family go one
--          after the other, never deadlock, and decide about money on figures that nobody changes
--          meanwhile. Amounts: spent, of items that have ended; reserved, of open items whose amount
--          is recorded; unrecorded, the number of open items without one; ended, the number of items
--          that had a job and have ended; open, the number of open items.
-- runs     One row for a run. Its name is unique. max_cost and max_jobs are those of the latest
--          start; shards, the number of shards so far; entered, whether all of its items are known
--          (set at the end of a submit); ended, the number of outcomes so far, which numbers them;
--          cancelled, whether nothing more may be begun. Cancelling notifies the channel
--          heygen_async with the number of the run as text.
-- items    One row for an item of a run, found by 128 bits of the SHA-256 of its key.
-- input_rows
--          The rows that the command line has made a run of, for its results.
-- owners   One row for a process that works on items, whatever number of them. It is alive while
--          lease_until is ahead: one heartbeat renews all that it has claimed.
-- reviews  What people have decided about items: the latest decision about an attempt counts.
-- scouts   The source of unknown length whose first job is under way, or has told the length.
-- slots    How many jobs each writer ran, and how many it could have run, once a second.
--
-- States of an item:
--
--   queued     Entered and not begun: all that is needed to send it is stored, and it belongs to a
--              shard. It reserves nothing, and no reader of the journal sees it yet.
--   intended   Begun: its intent and its money are recorded, and its request may have been sent.
--   submitted  The id of its job is known.
--   uncertain  Nobody can tell whether its request was accepted.
--   completed  It has ended. end_number tells its place among the outcomes of the run.
--   failed
--
--   (nothing) ---> queued ---> intended ---> submitted ---> completed
--       |                        ^ |  |          |            failed
--       +------------------------+ |  |          +--> (all) --> failed or completed
--                                  |  +--> uncertain --> submitted, completed, failed
--                                  +-----> completed, failed
--
--   failed and uncertain go back to intended as the next attempt. So does an item that is intended
--   as part of a server batch which was refused as a whole. An outcome that is replaced gives up its
--   end_number, and the next outcome of the item gets a new one.
--   Intended, submitted and uncertain items are open: they reserve money.

-- name: versions
CREATE SCHEMA IF NOT EXISTS heygen_async;
CREATE TABLE IF NOT EXISTS heygen_async.versions (
    version int PRIMARY KEY,
    sdk_version text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: has_versions
SELECT to_regclass('heygen_async.versions') IS NOT NULL;

-- name: version
SELECT max(version) FROM heygen_async.versions;

-- name: migrated
INSERT INTO heygen_async.versions (version, sdk_version) VALUES (%(version)s, %(sdk_version)s);

-- name: migration_2
CREATE TABLE heygen_async.budgets (
    budget bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    family text NOT NULL UNIQUE,
    spent bigint NOT NULL DEFAULT 0,
    reserved bigint NOT NULL DEFAULT 0,
    unrecorded bigint NOT NULL DEFAULT 0,
    open bigint NOT NULL DEFAULT 0,
    ended bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);  -- written by each transaction: new versions stay on its page

CREATE TABLE heygen_async.runs (
    run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    budget bigint NOT NULL REFERENCES heygen_async.budgets,
    kind text NOT NULL,
    subject text NOT NULL,
    run_id text NOT NULL,
    created_at double precision NOT NULL,
    settings text NOT NULL DEFAULT '{}',  -- JSON
    sdk_version text NOT NULL,
    schema_version int NOT NULL,
    account text,  -- the id of the user whose account pays, as users.me tells it
    max_cost double precision,
    max_jobs bigint,
    cancelled boolean NOT NULL DEFAULT false,
    entered boolean NOT NULL DEFAULT false,
    shards int NOT NULL DEFAULT 0,
    ended bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);

CREATE TABLE heygen_async.items (
    item bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run bigint NOT NULL REFERENCES heygen_async.runs ON DELETE CASCADE,
    key_digest uuid NOT NULL,  -- the first 16 bytes of the key's SHA-256
    key text NOT NULL,
    position bigint NOT NULL,
    state text NOT NULL CHECK (
        state IN ('queued', 'intended', 'submitted', 'completed', 'failed', 'uncertain')
    ),
    shard int,  -- from 1; NULL for an item that never was queued
    submission text,  -- of a queued item: JSON of what its payload does not tell
    attempt int NOT NULL DEFAULT 0,
    operation text NOT NULL,
    path_arguments text NOT NULL DEFAULT '[]',
    idempotency_key text NOT NULL DEFAULT '',
    callback_id text,  -- NULL for the idempotency key
    fingerprint text NOT NULL,
    payload bytea NOT NULL,
    owner text,
    reserved_usd double precision,
    lowest_usd double precision,
    unknown boolean NOT NULL DEFAULT false,  -- whether its cost is not fully known
    resends int NOT NULL DEFAULT 0,
    job_id text,
    result text,  -- JSON
    error_type text,
    error_code text,
    error_message text,
    intended_at double precision,
    submitted_at double precision,
    ended_at double precision,
    end_number bigint,
    output_seconds double precision,
    usd double precision,
    charged_usd double precision,
    UNIQUE (run, key_digest)
);
CREATE INDEX items_by_position ON heygen_async.items (run, position, item);
CREATE INDEX items_by_shard ON heygen_async.items (run, shard) WHERE shard IS NOT NULL;
CREATE INDEX items_by_end ON heygen_async.items (run, end_number) WHERE end_number IS NOT NULL;
CREATE INDEX items_open ON heygen_async.items (run)
    WHERE state IN ('intended', 'submitted', 'uncertain');
CREATE INDEX items_of_server_batches ON heygen_async.items (run, idempotency_key)
    WHERE idempotency_key LIKE '%:batch:%';

CREATE TABLE heygen_async.deliveries (
    run bigint NOT NULL REFERENCES heygen_async.runs ON DELETE CASCADE,
    key_digest uuid NOT NULL,  -- of an item of the run
    target text NOT NULL,
    attempt int NOT NULL,  -- deliveries of earlier attempts do not count
    location text,
    url text,
    delivered_at double precision NOT NULL,
    error text,  -- NULL if it was delivered
    PRIMARY KEY (run, key_digest, target)
);

CREATE TABLE heygen_async.input_rows (
    run_name text NOT NULL,  -- of a run that may not exist yet
    number bigint NOT NULL,
    line text NOT NULL,  -- JSON
    PRIMARY KEY (run_name, number)
);

CREATE TABLE heygen_async.reviews (
    review bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run bigint NOT NULL REFERENCES heygen_async.runs ON DELETE CASCADE,
    key text NOT NULL,
    attempt int NOT NULL,
    decision text NOT NULL CHECK (decision IN ('approved', 'rejected', 'retake')),
    reviewer text NOT NULL,
    changes text NOT NULL,  -- JSON
    reviewed_at double precision NOT NULL,
    job_id text,
    usd double precision
);
CREATE INDEX reviews_by_run ON heygen_async.reviews (run);

CREATE TABLE heygen_async.owners (
    owner text PRIMARY KEY,
    label text NOT NULL DEFAULT '',  -- for people: host and process
    started_at double precision NOT NULL,
    seen_at double precision NOT NULL,
    lease_until double precision NOT NULL,
    running int NOT NULL DEFAULT 0  -- jobs in flight, where the owner tells
) WITH (fillfactor = 50);

CREATE TABLE heygen_async.scouts (
    run bigint NOT NULL REFERENCES heygen_async.runs ON DELETE CASCADE,
    source text NOT NULL,  -- 128 bits of the SHA-256 of what identifies it
    owner text,  -- whose item goes first; NULL once it has ended
    seconds double precision,  -- the length that a job of the source had, or NULL
    PRIMARY KEY (run, source)
);

CREATE TABLE heygen_async.slots (
    run bigint NOT NULL REFERENCES heygen_async.runs ON DELETE CASCADE,
    at double precision NOT NULL,
    writer text NOT NULL,
    running int NOT NULL,
    slot_limit int  -- NULL while it is unknown
);
CREATE INDEX slots_by_time ON heygen_async.slots (run, at);

-- name: create_budget
INSERT INTO heygen_async.budgets (family) VALUES (%(family)s) ON CONFLICT DO NOTHING;

-- name: create_run
-- Found again by its name; the settings of a start are those of start_run.
INSERT INTO heygen_async.runs
    (name, budget, kind, subject, run_id, created_at, sdk_version, schema_version)
SELECT %(name)s, budget, %(kind)s, %(subject)s, %(run_id)s, %(created_at)s, %(sdk_version)s,
    %(schema_version)s
FROM heygen_async.budgets WHERE family = %(family)s
ON CONFLICT DO NOTHING;

-- name: find_run
SELECT run, budget, run_id, kind, subject, created_at, settings, sdk_version, schema_version
FROM heygen_async.runs WHERE name = %(name)s;

-- name: start_run
UPDATE heygen_async.runs
SET settings = %(settings)s, max_cost = %(max_cost)s, max_jobs = %(max_jobs)s
WHERE run = %(run)s;

-- name: create_claims
-- What each owner has claimed through this connection, and whether the item had ended then. It ends
-- with the connection.
CREATE TEMPORARY TABLE claimed (
    owner text, key_digest uuid, ended boolean, PRIMARY KEY (key_digest, owner)
);

-- name: plan_by_index
-- Statistics of a run that grows are always behind: without any, PostgreSQL would read the whole run
-- to find a few of its items. For the same reason runs come from the array "runs", with the digests,
-- where a constant would look as if few items had it.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_bitmapscan = off;
SET enable_seqscan = off;

-- name: forget_owners
-- Owners that have been gone for a day.
DELETE FROM heygen_async.owners WHERE lease_until < %(now)s - 86400;

-- name: now
SELECT extract(epoch FROM clock_timestamp())::double precision;

-- name: lock_budget
SELECT FROM heygen_async.budgets WHERE budget = %(budget)s FOR UPDATE;

-- name: figures
-- Read by a statement of its own once the budget is locked: one that waits for a lock sees all
-- other rows as they were before.
SELECT spent, reserved, unrecorded, open, budgets.ended, runs.ended, cancelled, max_cost, max_jobs,
    extract(epoch FROM clock_timestamp())::double precision
FROM heygen_async.runs JOIN heygen_async.budgets USING (budget)
WHERE run = %(run)s;

-- name: living_owners
SELECT owner FROM heygen_async.owners
WHERE lease_until > coalesce(%(now)s, extract(epoch FROM clock_timestamp()));

-- name: entered_items
-- 0 for a run of a process, which knows its number of items itself.
SELECT count(*) FROM heygen_async.items JOIN heygen_async.runs USING (run)
WHERE run = %(run)s AND shards > 0;

-- name: is_alive
SELECT EXISTS (
    SELECT FROM heygen_async.items JOIN heygen_async.owners USING (owner)
    WHERE run = %(run)s AND state IN ('intended', 'submitted', 'uncertain')
        AND lease_until > extract(epoch FROM clock_timestamp())
);

-- name: claims
SELECT owner, key_digest, ended FROM pg_temp.claimed WHERE key_digest = ANY(%(digests)s);

-- name: claim
INSERT INTO pg_temp.claimed
SELECT * FROM unnest(%(owners)s::text[], %(digests)s::uuid[], %(ended)s::boolean[])
ON CONFLICT (key_digest, owner) DO UPDATE SET ended = excluded.ended;

-- name: records
-- In the order of the attributes of ItemRecord. The limit goes to the end of a position.
SELECT key, position, attempt, state, operation, path_arguments, idempotency_key,
    coalesce(callback_id, idempotency_key), fingerprint, payload, NULL, owner, reserved_usd,
    resends, job_id, result, error_type, error_code, error_message, intended_at, submitted_at,
    ended_at, output_seconds, usd, charged_usd
FROM heygen_async.items
WHERE item IN (
    SELECT item FROM heygen_async.items
    WHERE run = %(run)s AND state = ANY(%(states)s) AND position > %(after)s
    ORDER BY position FETCH FIRST %(count)s ROWS WITH TIES
)
ORDER BY position, item;

-- name: records_by_digest
SELECT key, position, attempt, state, operation, path_arguments, idempotency_key,
    coalesce(callback_id, idempotency_key), fingerprint,
    CASE WHEN key_digest = ANY(%(whole)s) THEN payload ELSE '' END, NULL, owner, reserved_usd,
    resends, job_id, CASE WHEN key_digest = ANY(%(whole)s) THEN result END, error_type,
    error_code, error_message, intended_at, submitted_at, ended_at, output_seconds, usd,
    charged_usd
FROM unnest(%(runs)s::bigint[], %(digests)s::uuid[]) AS wanted (run, key_digest)
JOIN heygen_async.items USING (run, key_digest)
WHERE state <> 'queued';

-- name: records_by_idempotency_key
SELECT key, position, attempt, state, operation, path_arguments, idempotency_key,
    coalesce(callback_id, idempotency_key), fingerprint, payload, NULL, owner, reserved_usd,
    resends, job_id, result, error_type, error_code, error_message, intended_at, submitted_at,
    ended_at, output_seconds, usd, charged_usd
FROM heygen_async.items
WHERE run = %(run)s AND state <> 'queued' AND idempotency_key = %(idempotency_key)s
    AND (idempotency_key LIKE '%%:batch:%%') = %(is_batch)s
ORDER BY position, item;

-- name: living_reservations
-- What is reserved for jobs that somebody waits for, what they cost at least, and how many are of
-- unknown cost.
SELECT coalesce(sum(round(reserved_usd * 1e9)), 0)::bigint,
    coalesce(sum(round(lowest_usd * 1e9)), 0)::bigint, count(*) FILTER (WHERE unknown)
FROM heygen_async.runs JOIN heygen_async.items USING (run)
WHERE budget = %(budget)s AND state IN ('intended', 'submitted', 'uncertain')
    AND (owner = %(owner)s OR owner IN (
        SELECT owner FROM heygen_async.owners WHERE lease_until > %(now)s
    ));

-- name: intend
INSERT INTO heygen_async.items (run, state, key_digest, key, position, attempt, operation,
    path_arguments, idempotency_key, callback_id, fingerprint, payload, reserved_usd, lowest_usd,
    unknown, owner, intended_at)
SELECT %(run)s, 'intended', *, %(now)s
FROM unnest(%(digests)s::uuid[], %(keys)s::text[], %(positions)s::bigint[], %(attempts)s::int[],
    %(operations)s::text[], %(arguments)s::text[], %(idempotency_keys)s::text[],
    %(callback_ids)s::text[], %(fingerprints)s::text[], %(payloads)s::bytea[],
    %(reserved)s::double precision[], %(lowest)s::double precision[], %(unknown)s::boolean[],
    %(owners)s::text[])
ON CONFLICT (run, key_digest) DO UPDATE SET
    state = 'intended', position = excluded.position, attempt = excluded.attempt,
    operation = excluded.operation, path_arguments = excluded.path_arguments,
    idempotency_key = excluded.idempotency_key, callback_id = excluded.callback_id,
    fingerprint = excluded.fingerprint, payload = excluded.payload,
    reserved_usd = excluded.reserved_usd, lowest_usd = excluded.lowest_usd,
    unknown = excluded.unknown, owner = excluded.owner, intended_at = excluded.intended_at,
    job_id = NULL, submitted_at = NULL, ended_at = NULL, end_number = NULL, result = NULL,
    error_type = NULL, error_code = NULL, error_message = NULL, output_seconds = NULL,
    usd = NULL, charged_usd = NULL;

-- name: own
UPDATE heygen_async.items SET owner = claim.owner
FROM unnest(%(runs)s::bigint[], %(digests)s::uuid[], %(owners)s::text[])
    AS claim (run, key_digest, owner)
WHERE items.run = claim.run AND items.key_digest = claim.key_digest;

-- name: confirm
-- The items that an owner still holds, and whether their run is cancelled.
SELECT key_digest, cancelled
FROM unnest(%(runs)s::bigint[], %(digests)s::uuid[]) AS wanted (run, key_digest)
JOIN heygen_async.items USING (run, key_digest) JOIN heygen_async.runs USING (run)
WHERE owner = %(owner)s;

-- name: submitted
UPDATE heygen_async.items
SET state = 'submitted', job_id = job.job_id, submitted_at = %(now)s
FROM unnest(%(runs)s::bigint[], %(digests)s::uuid[], %(job_ids)s::text[])
    AS job (run, key_digest, job_id)
WHERE items.run = job.run AND items.key_digest = job.key_digest;

-- name: finish
UPDATE heygen_async.items SET state = outcome.state, result = outcome.result,
    error_type = outcome.error_type, error_code = outcome.error_code,
    error_message = outcome.error_message, output_seconds = outcome.output_seconds,
    usd = outcome.usd, charged_usd = outcome.charged_usd, ended_at = %(now)s,
    end_number = %(ended)s + outcome.number
FROM unnest(%(runs)s::bigint[], %(digests)s::uuid[], %(states)s::text[], %(results)s::text[],
    %(error_types)s::text[], %(error_codes)s::text[], %(error_messages)s::text[],
    %(seconds)s::double precision[], %(usd)s::double precision[],
    %(charged)s::double precision[])
    WITH ORDINALITY AS outcome (run, key_digest, state, result, error_type, error_code, error_message,
    output_seconds, usd, charged_usd, number)
WHERE items.run = outcome.run AND items.key_digest = outcome.key_digest;

-- name: settle
UPDATE heygen_async.budgets SET spent = %(spent)s, reserved = %(reserved)s,
    unrecorded = %(unrecorded)s, open = %(open)s, ended = %(ended)s
WHERE budget = %(budget)s;

-- name: count_outcomes
UPDATE heygen_async.runs SET ended = ended + %(outcomes)s WHERE run = %(run)s;

-- name: mark_uncertain
UPDATE heygen_async.items SET state = 'uncertain'
WHERE run = %(run)s AND key_digest = %(digest)s AND state IN ('intended', 'uncertain')
RETURNING item;

-- name: count_resend
UPDATE heygen_async.items SET resends = resends + 1
WHERE run = %(run)s AND key_digest = %(digest)s AND state <> 'queued'
RETURNING item;

-- name: deliver
INSERT INTO heygen_async.deliveries
SELECT run, key_digest, delivery.target, attempt, delivery.location, delivery.url, %(now)s,
    delivery.error
FROM unnest(%(targets)s::text[], %(locations)s::text[], %(urls)s::text[], %(errors)s::text[])
    AS delivery (target, location, url, error),
    heygen_async.items
WHERE run = %(run)s AND key_digest = %(digest)s AND state IN ('completed', 'failed')
ORDER BY target
ON CONFLICT (run, key_digest, target) DO UPDATE SET attempt = excluded.attempt,
    location = excluded.location, url = excluded.url, delivered_at = excluded.delivered_at,
    error = excluded.error
RETURNING target;

-- name: deliveries
SELECT target, location, url, delivered_at, error
FROM heygen_async.deliveries JOIN heygen_async.items USING (run, key_digest, attempt)
WHERE run = %(run)s AND key_digest = %(digest)s
ORDER BY target COLLATE "C";

-- name: all_deliveries
SELECT key_digest, key, target, location, url, delivered_at, error
FROM heygen_async.deliveries JOIN heygen_async.items USING (run, key_digest, attempt)
WHERE run = %(run)s AND (key_digest, target) > (%(digest)s, %(target)s)
ORDER BY key_digest, target LIMIT %(count)s;

-- name: undelivered
-- As records.
SELECT key, position, attempt, state, operation, path_arguments, idempotency_key,
    coalesce(callback_id, idempotency_key), fingerprint, payload, NULL, owner, reserved_usd,
    resends, job_id, result, error_type, error_code, error_message, intended_at, submitted_at,
    ended_at, output_seconds, usd, charged_usd
FROM heygen_async.items
WHERE item IN (
    SELECT item FROM heygen_async.items
    WHERE run = %(run)s AND state = ANY(%(states)s) AND position > %(after)s AND NOT EXISTS (
        SELECT FROM heygen_async.deliveries
        WHERE deliveries.run = items.run AND deliveries.key_digest = items.key_digest
            AND deliveries.attempt = items.attempt AND target = %(target)s
            AND error IS NULL
    )
    ORDER BY position FETCH FIRST %(count)s ROWS WITH TIES
)
ORDER BY position, item;

-- name: clear_rows
-- Processes that start the same run at the same time write its rows one after the other.
WITH locked AS (SELECT pg_advisory_xact_lock(1212633944, hashtext(%(name)s)))
DELETE FROM heygen_async.input_rows USING locked WHERE run_name = %(name)s;

-- name: copy_rows
COPY heygen_async.input_rows (run_name, number, line) FROM STDIN;

-- name: input_rows
SELECT number, line FROM heygen_async.input_rows
WHERE run_name = %(name)s AND number > %(after)s ORDER BY number LIMIT %(count)s;

-- name: reviews
SELECT key, decision, reviewer, changes, reviewed_at, attempt, job_id, usd
FROM heygen_async.reviews WHERE run = %(run)s ORDER BY review;

-- name: review
INSERT INTO heygen_async.reviews
    (run, key, attempt, decision, reviewer, changes, reviewed_at, job_id, usd)
VALUES (%(run)s, %(key)s, %(attempt)s, %(decision)s, %(by)s, %(changes)s, %(at)s, %(job_id)s,
    %(usd)s);

-- name: attempts
SELECT key, attempt FROM unnest(%(runs)s::bigint[], %(digests)s::uuid[]) AS wanted (run, key_digest)
JOIN heygen_async.items USING (run, key_digest);

-- name: heartbeat
INSERT INTO heygen_async.owners (owner, label, started_at, seen_at, lease_until)
VALUES (%(owner)s, %(label)s, %(now)s, %(now)s, %(now)s + %(lease)s)
ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at, lease_until = excluded.lease_until;

-- name: end_leases
UPDATE heygen_async.owners SET lease_until = least(lease_until, %(now)s)
WHERE owner = ANY(%(owners)s);

-- name: scout
-- Claim a source whose length nobody has told, and whose scout does not live.
INSERT INTO heygen_async.scouts (run, source, owner) VALUES (%(run)s, %(source)s, %(owner)s)
ON CONFLICT (run, source) DO UPDATE SET owner = excluded.owner
WHERE scouts.seconds IS NULL AND (
    scouts.owner IS NULL OR scouts.owner = excluded.owner OR scouts.owner NOT IN (
        SELECT owner FROM heygen_async.owners WHERE lease_until > %(now)s
    )
)
RETURNING owner;

-- name: source_length
SELECT seconds FROM heygen_async.scouts WHERE run = %(run)s AND source = %(source)s;

-- name: end_scout
UPDATE heygen_async.scouts
SET owner = nullif(owner, %(owner)s), seconds = greatest(seconds, %(seconds)s)
WHERE run = %(run)s AND source = %(source)s;

-- name: cancel
UPDATE heygen_async.runs SET cancelled = %(cancelled)s WHERE run = %(run)s;

-- name: notify
SELECT pg_notify('heygen_async', %(message)s);

-- name: sample_slots
INSERT INTO heygen_async.slots VALUES (%(run)s, %(at)s, %(writer)s, %(running)s, %(slot_limit)s);

-- name: slot_samples
SELECT at, running, slot_limit, writer FROM heygen_async.slots
WHERE run = %(run)s AND at > %(after)s ORDER BY at FETCH FIRST %(count)s ROWS WITH TIES;

-- name: totals
SELECT state, count(*), coalesce(sum(usd), 0), coalesce(sum(output_seconds), 0), min(intended_at),
    max(ended_at), count(job_id), count(*) FILTER (WHERE resends > 0),
    coalesce(sum(resends * usd), 0),
    coalesce(sum(reserved_usd) FILTER (WHERE state = 'completed' AND usd IS NULL), 0),
    array_agg(reserved_usd) FILTER (WHERE state IN ('intended', 'submitted', 'uncertain'))
FROM heygen_async.items WHERE run = %(run)s AND state <> 'queued' GROUP BY state;
