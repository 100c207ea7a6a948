-- One training asked for by somebody. The row is the job: there is no second queue that could disagree with it.
-- Only src/runs/ changes `status`, compare-and-set, with an event in the same transaction.
CREATE TABLE runs (
    id                 TEXT    NOT NULL PRIMARY KEY,                -- UUIDv7
    owner              TEXT    NOT NULL,
    name               TEXT    NOT NULL,
    status             TEXT    NOT NULL CHECK (status IN ('queued', 'preparing', 'running', 'finalizing', 'pausing', 'paused',
                                                          'cancelling', 'succeeded', 'failed', 'cancelled')),
    reason_code        TEXT,                                        -- why the run is where it is: diverged, server_restart ...
    reason_message     TEXT,                                        -- the same in a sentence
    reason_detail      TEXT,                                        -- JSON: evidence and remedy, e.g. which learning rate to try
    priority           INTEGER NOT NULL,                            -- higher goes first
    family             TEXT    NOT NULL,                            -- what is trained, for filters
    dataset_id         TEXT    NOT NULL REFERENCES datasets (id),   -- a dataset with runs cannot be deleted
    dataset_sha256     TEXT    NOT NULL,                            -- the very bytes trained on
    dataset_schema     TEXT    NOT NULL,                            -- JSON: column kinds when submitted; a later PATCH does not change this run
    spec               TEXT    NOT NULL,                            -- JSON as asked
    resolved_spec      TEXT,                                        -- JSON with every default filled in; known once the data was read
    metadata           TEXT    NOT NULL DEFAULT '{}',               -- JSON object of the user's own labels, filterable
    parent_id          TEXT    REFERENCES runs (id) ON DELETE SET NULL,
    parent_kind        TEXT    CHECK (parent_kind IN ('retry', 'fork', 'reproduce')),
    start_sha256       TEXT    REFERENCES blobs (sha256),           -- fork: checkpoint whose weights this run starts from
    expected_sha256    TEXT,                                        -- reproduce: weights hash of the parent, compared at the end
    attempts           INTEGER NOT NULL DEFAULT 0,                  -- claims so far
    losses             INTEGER NOT NULL DEFAULT 0,                  -- workers lost in a row without a new checkpoint; too many is poison
    fence              INTEGER NOT NULL DEFAULT 0,                  -- grows with every claim and every loss; a write with an older one is refused
    worker             TEXT,                                        -- who holds the run
    lease_until_ms     INTEGER,                                     -- after this the run may be given to another worker
    epoch              INTEGER NOT NULL DEFAULT 0,                  -- progress, kept here so that a listing needs no second query
    epochs             INTEGER NOT NULL DEFAULT 0,
    step               INTEGER NOT NULL DEFAULT 0,
    steps              INTEGER NOT NULL DEFAULT 0,
    best               TEXT,                                        -- JSON: best epoch so far and the patience left
    latest_metrics     TEXT,                                        -- JSON: last epoch's metrics, for listings
    result             TEXT,                                        -- JSON: test metrics, confusion, timings of the finished run
    model_name         TEXT,
    model_version      INTEGER,
    weights_sha256     TEXT,                                        -- hash of the final weights: what P4 and reproduce compare
    last_seq           INTEGER NOT NULL DEFAULT 0,                  -- sequence number of the newest event; makes numbers dense without a scan
    version            INTEGER NOT NULL DEFAULT 1,                  -- grows with every PATCH; the ETag
    queued_ms          INTEGER NOT NULL DEFAULT 0,                  -- time spent in finished phases of each sort
    running_ms         INTEGER NOT NULL DEFAULT 0,
    paused_ms          INTEGER NOT NULL DEFAULT 0,
    phase_since_ms     INTEGER NOT NULL,                            -- when the present phase began
    created_at_ms      INTEGER NOT NULL,
    queued_at_ms       INTEGER NOT NULL,                            -- place in the queue among equals; a requeued run keeps its place
    started_at_ms      INTEGER,
    finished_at_ms     INTEGER
) STRICT;

CREATE INDEX runs_of_owner ON runs (owner, id);                                                -- listings
CREATE INDEX runs_of_dataset ON runs (dataset_id);                                             -- may the dataset go?
CREATE INDEX runs_of_parent ON runs (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX runs_from_start ON runs (start_sha256) WHERE start_sha256 IS NOT NULL;            -- is this blob still needed?
CREATE INDEX runs_queue ON runs (priority DESC, owner, queued_at_ms, id) WHERE status = 'queued'; -- the claim reads only this
CREATE INDEX runs_active ON runs (owner, lease_until_ms)
    WHERE status IN ('preparing', 'running', 'finalizing', 'pausing', 'cancelling');           -- fairness, quota, lost leases

-- When an owner was last given a worker: the memory that makes the queue fair between owners.
CREATE TABLE turns (
    owner TEXT    NOT NULL PRIMARY KEY,
    turn  INTEGER NOT NULL              -- number of the claim; the smallest goes first
) STRICT, WITHOUT ROWID;

-- Everything that happened to a run, append-only; `seq` is dense from 1 so that a follower knows it missed nothing.
CREATE TABLE events (
    run_id TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq    INTEGER NOT NULL,
    kind   TEXT    NOT NULL CHECK (kind IN ('state', 'metric', 'log', 'checkpoint', 'diagnosis', 'done')),
    ts_ms  INTEGER NOT NULL,
    step   INTEGER,
    body   TEXT    NOT NULL,            -- JSON
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX events_rare ON events (run_id, kind, seq) WHERE kind IN ('log', 'diagnosis');     -- /logs and /diagnoses

-- Metric values, packed: one row per series and flushed report, because a row per step would cost more than the training.
-- Values are the bits the trainer produced (IEEE 754 double, little endian): nothing is rounded, NaN included.
CREATE TABLE metric_chunks (
    run_id     TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    series     TEXT    NOT NULL,
    first_step INTEGER NOT NULL,
    last_step  INTEGER NOT NULL,
    seq        INTEGER NOT NULL,        -- the `metric` event that announced this chunk
    steps      BLOB    NOT NULL,        -- u64 little endian each
    vals       BLOB    NOT NULL,        -- f64 little endian each, as many as steps
    PRIMARY KEY (run_id, series, first_step)
) STRICT, WITHOUT ROWID;

CREATE INDEX metric_chunks_by_event ON metric_chunks (run_id, seq);                            -- a follower reads what one event announced

-- Complete trainer states to resume from. Kept: the latest and the best of each run.
CREATE TABLE checkpoints (
    run_id        TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step          INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    sha256        TEXT    NOT NULL REFERENCES blobs (sha256),
    size_bytes    INTEGER NOT NULL,
    is_best       INTEGER NOT NULL,     -- 1: its weights are the best so far by the watched metric
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;

CREATE INDEX checkpoints_by_blob ON checkpoints (sha256);
