-- What the runs of a cluster ask of the tables of journal/postgres/statements.sql, and of those of
-- procrastinate, which are in the same schema. A section begins with its name, and is read by it.

-- Items that are entered by a submit.

-- name: entering
-- What a submit keeps in its session: how many equal items there were so far, and the items of the
-- shard that it enters.
CREATE TEMP TABLE entering (digest uuid PRIMARY KEY, number bigint NOT NULL);
CREATE TEMP TABLE entered (
    key_digest uuid, key text, position bigint, operation text, path_arguments text,
    fingerprint text, payload bytea, submission text
) ON COMMIT DELETE ROWS;

-- name: count_equal
INSERT INTO entering AS present (digest, number)
SELECT * FROM unnest(%(digests)s::uuid[], %(counts)s::bigint[])
ON CONFLICT (digest) DO UPDATE SET number = present.number + excluded.number
RETURNING digest, number;

-- name: copy_items
COPY entered FROM STDIN (FORMAT BINARY);

-- name: enter_items
INSERT INTO heygen_async.items (run, shard, state, key_digest, key, position, operation,
    path_arguments, fingerprint, payload, submission)
SELECT run, shards + 1, 'queued', entered.* FROM entered, heygen_async.runs WHERE run = %(run)s
ON CONFLICT (run, key_digest) DO NOTHING
RETURNING key_digest;

-- name: count_shard
UPDATE heygen_async.runs SET shards = shards + 1 WHERE run = %(run)s RETURNING shards;

-- name: fingerprints
SELECT key_digest, key, fingerprint FROM heygen_async.items
WHERE run = %(run)s AND key_digest = ANY(%(digests)s);

-- Runs of a cluster.

-- name: cluster_run
SELECT run, name, budget, kind, subject, run_id, account, max_cost, max_jobs, cancelled, entered,
    created_at
FROM heygen_async.runs WHERE run = %(run)s::bigint OR name = %(name)s::text;

-- name: open_items
-- Those that were begun come first: their jobs run, and hold slots of the account. A worker that
-- downloads also takes those that have completed in the last 24 hours and have no file yet.
SELECT key, position, state, operation, path_arguments, payload, submission
FROM heygen_async.items
WHERE run = %(run)s AND shard = %(shard)s AND (
    state IN ('queued', 'intended', 'submitted') OR (state = 'failed' AND error_type = ANY(%(again)s))
    OR (%(target)s::text IS NOT NULL AND state = 'completed'
        AND ended_at > extract(epoch FROM clock_timestamp()) - 86400 AND NOT EXISTS (
        SELECT FROM heygen_async.deliveries
        WHERE deliveries.run = items.run AND deliveries.key_digest = items.key_digest
            AND deliveries.attempt = items.attempt AND target = %(target)s AND error IS NULL
    ))
)
ORDER BY state IN ('queued', 'failed'), position, item;

-- name: left_items
SELECT count(*) FILTER (WHERE state = 'submitted'), count(*) FILTER (WHERE state = 'intended'),
    count(*) FILTER (WHERE state IN ('queued', 'failed'))
FROM heygen_async.items
WHERE run = %(run)s AND shard = %(shard)s AND (
    state IN ('queued', 'intended', 'submitted') OR (state = 'failed' AND error_type = ANY(%(again)s))
);

-- name: beat
-- A worker and the owners of its items; the label tells them apart.
INSERT INTO heygen_async.owners (owner, label, started_at, seen_at, lease_until, running)
SELECT owner, CASE owner WHEN %(worker)s THEN %(label)s ELSE '' END, at, at, at + %(lease)s,
    CASE owner WHEN %(worker)s THEN %(running)s ELSE 0 END
FROM unnest(%(owners)s::text[]) AS owner,
    (SELECT extract(epoch FROM clock_timestamp())::double precision AS at) AS clock
ORDER BY owner
ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at, lease_until = excluded.lease_until,
    running = excluded.running;

-- name: forget_owners
DELETE FROM heygen_async.owners WHERE owner = ANY(%(owners)s);

-- The engine.

-- name: lock_engine
SELECT pg_advisory_xact_lock(1212630350);

-- name: has_engine
SELECT to_regclass('heygen_async.procrastinate_jobs') IS NOT NULL;

-- name: create_sweeps
-- One row about the engine: when dead workers were looked for, and the latest migration of its tables.
CREATE TABLE heygen_async.sweeps (
    swept_at timestamptz NOT NULL DEFAULT now(), migration text NOT NULL DEFAULT ''
);
INSERT INTO heygen_async.sweeps DEFAULT VALUES;

-- name: engine_migration
SELECT migration FROM heygen_async.sweeps;

-- name: migrated_engine
UPDATE heygen_async.sweeps SET migration = %(migration)s;

-- name: lock_sweep
-- A worker that is suspended while it sweeps must not keep the lock.
SELECT pg_try_advisory_xact_lock(1212633943), extract(epoch FROM now() - swept_at)::double precision
FROM heygen_async.sweeps,
    set_config('idle_in_transaction_session_timeout', '30s', true);

-- name: swept
UPDATE heygen_async.sweeps SET swept_at = now();

-- Runs, as their readers see them.

-- name: lock_budget
SELECT FROM heygen_async.budgets WHERE budget = %(budget)s FOR UPDATE;

-- name: begin_submit
UPDATE heygen_async.runs
SET account = coalesce(account, %(account)s), max_cost = %(max_cost)s, entered = false
WHERE run = %(run)s
RETURNING account, pg_notify('heygen_async', run::text);

-- name: end_submit
-- Readers of the journal find there how many items the run has.
UPDATE heygen_async.runs SET entered = true, settings = (
    settings::jsonb || jsonb_build_object('items', (
        SELECT count(*) FROM heygen_async.items WHERE items.run = runs.run
    ))
)::text
WHERE run = %(run)s;

-- name: reopen_failed
-- Its record stays, so that the next attempt has another idempotency key.
UPDATE heygen_async.items SET error_type = %(reopened)s
WHERE run = %(run)s AND state = 'failed' AND error_type <> ALL(%(again)s);

-- name: shards_to_do
-- Those with open items and no task that begins later: a task in progress may have seen them as they
-- were before. The tasks of a shard run one after the other.
SELECT DISTINCT shard FROM heygen_async.items
WHERE run = %(run)s AND shard IS NOT NULL
    AND (state IN ('queued', 'intended', 'submitted')
        OR (state = 'failed' AND error_type = ANY(%(again)s)))
    AND NOT EXISTS (
        SELECT FROM heygen_async.procrastinate_jobs
        WHERE task_name = %(task)s AND status = 'todo'
            AND (args->>'run')::bigint = items.run AND (args->>'shard')::int = items.shard
    )
ORDER BY shard;

-- name: open_accounts
SELECT DISTINCT account FROM heygen_async.runs
WHERE account IS NOT NULL AND NOT cancelled AND (
    NOT entered OR EXISTS (
        SELECT FROM heygen_async.procrastinate_jobs
        WHERE status IN ('todo', 'doing') AND (args->>'run')::bigint = runs.run
    )
);

-- name: cancel_run
UPDATE heygen_async.runs SET cancelled = true WHERE run = %(run)s
RETURNING pg_notify('heygen_async', run::text);

-- name: shards_left
SELECT count(DISTINCT args->>'shard') FROM heygen_async.procrastinate_jobs
WHERE task_name = %(task)s AND status IN ('todo', 'doing') AND (args->>'run')::bigint = %(run)s;

-- name: outcomes
SELECT end_number, key, position, operation, state, job_id, result, error_type, error_code,
    error_message, usd, resends, ended_at
FROM heygen_async.items
WHERE run = %(run)s AND end_number > %(after)s
    AND NOT (state = 'failed' AND error_type = ANY(%(again)s))
ORDER BY end_number LIMIT %(limit)s;

-- name: uncertain_items
SELECT 0, key, position, operation, state, job_id, result, error_type, error_code, error_message,
    usd, resends, ended_at
FROM heygen_async.items WHERE run = %(run)s AND state = 'uncertain' ORDER BY position, item;

-- name: run_figures
SELECT CASE WHEN state = 'failed' AND error_type = ANY(%(again)s) THEN 'queued' ELSE state END,
    count(*), sum(usd), count(*) FILTER (WHERE ended_at > %(since)s)
FROM heygen_async.items
WHERE run = %(run)s
GROUP BY 1;

-- name: delivered
SELECT count(*) FILTER (WHERE error IS NULL), count(error), max(error)
FROM heygen_async.deliveries JOIN heygen_async.items USING (run, key_digest, attempt)
WHERE run = %(run)s AND target = %(target)s;

-- name: cluster_figures
SELECT shards,
    (SELECT extract(epoch FROM now() - swept_at)::double precision FROM heygen_async.sweeps),
    latest.running, latest.slot_limit
FROM heygen_async.runs
LEFT JOIN LATERAL (
    SELECT sum(running)::int AS running, max(slot_limit) AS slot_limit
    FROM (
        SELECT DISTINCT ON (writer) running, slot_limit FROM heygen_async.slots
        WHERE slots.run = runs.run AND at > extract(epoch FROM now()) - 4  -- one a second is written
        ORDER BY writer, at DESC
    ) AS samples
) AS latest ON true
WHERE run = %(run)s;

-- name: workers
SELECT label, lease_until > at, running, at - seen_at
FROM heygen_async.owners,
    (SELECT extract(epoch FROM clock_timestamp())::double precision AS at) AS clock
WHERE label <> ''
ORDER BY label;
