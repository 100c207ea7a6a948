-- The path of a run's weights through their space, and what its loss looks like around it. All of it goes with the run.

-- What the numbers of a path are: known when training begins, so that a watcher can draw while it goes on.
CREATE TABLE trajectories (
    run_id   TEXT NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    document TEXT NOT NULL              -- JSON: counts that the layout of a point follows from; inputs and layers, so that a client can evaluate a small network
) STRICT, WITHOUT ROWID;

-- Points of a path, packed: one row per flushed report, at most 1 MiB where a point is smaller. At most 256 points of 16 MiB together:
-- a row with points that are too close to others by now is written again without them.
CREATE TABLE trajectory_chunks (
    run_id     TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    first_step INTEGER NOT NULL,
    last_step  INTEGER NOT NULL,        -- what a resumed run says again up to here is known
    points     BLOB    NOT NULL,        -- 56 bytes each, little endian: step u64, epoch u64, is_last u64; loss, gradient norm, learning rate, update norm f64 (NaN: none)
    numbers    BLOB    NOT NULL,        -- f32 little endian, as many of each point as the document says
    PRIMARY KEY (run_id, first_step)
) STRICT;

-- Whole weights at some of the points, where a point does not have all of them: what a plane through the full space is made of. At most 8 MiB a run.
CREATE TABLE trajectory_snapshots (
    run_id TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step   INTEGER NOT NULL,
    halves BLOB    NOT NULL,            -- bfloat16 little endian, every trained number
    PRIMARY KEY (run_id, step)
) STRICT;

-- Surfaces asked for. The row is the job, as with runs: what was in work when the process ended is queued again at the next start.
CREATE TABLE landscapes (
    id             TEXT    NOT NULL PRIMARY KEY,                        -- UUIDv7
    run_id         TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    other_id       TEXT    REFERENCES runs (id) ON DELETE CASCADE,      -- the second run, where there is one
    key            TEXT    NOT NULL,                                    -- SHA-256 of the request and of how far both paths were: the same question is answered once
    request        TEXT    NOT NULL,                                    -- JSON, every default filled in
    status         TEXT    NOT NULL CHECK (status IN ('queued', 'computing', 'ready', 'failed')),
    reason         TEXT,                                                -- why it failed, in a sentence
    progress       REAL    NOT NULL DEFAULT 0,                          -- part that is computed, 0 to 1
    result         TEXT,                                                -- JSON: surface, paths, minima, barrier; NULL until ready
    created_at_ms  INTEGER NOT NULL,
    finished_at_ms INTEGER,
    UNIQUE (run_id, key)
) STRICT;

CREATE INDEX landscapes_open ON landscapes (id) WHERE status IN ('queued', 'computing');  -- the claim reads only this
CREATE INDEX landscapes_of_other ON landscapes (other_id) WHERE other_id IS NOT NULL;     -- what goes when the second run is deleted
