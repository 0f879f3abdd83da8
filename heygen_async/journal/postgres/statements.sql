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
-- owners   One row for a process that works on items, whatever number of them. It is alive while
--          lease_until is ahead: one heartbeat renews all that it has claimed.
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
    source text NOT NULL,
    owner text,  -- whose item goes first; NULL once it has ended
    seconds double precision,  -- the length that a job of the source had, or NULL
    PRIMARY KEY (run, source)
);

CREATE TABLE heygen_async.slots (
    run bigint NOT NULL REFERENCES heygen_async.runs ON DELETE CASCADE,
    at double precision NOT NULL,
    writer text NOT NULL,
    running int NOT NULL,
    slot_limit int NOT NULL
);
CREATE INDEX slots_by_time ON heygen_async.slots (run, at);
