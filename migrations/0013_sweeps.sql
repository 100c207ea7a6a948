-- One search over the settings of a spec. Its children are ordinary runs; what it proposes next follows from this row and its trials alone,
-- so a sweep goes on after a restart as if nothing had happened. Only src/sweeps/ changes `status`.
CREATE TABLE sweeps (
    id              TEXT    NOT NULL PRIMARY KEY,                   -- UUIDv7
    owner           TEXT    NOT NULL,
    name            TEXT    NOT NULL,                               -- for people; the children are called after it
    status          TEXT    NOT NULL CHECK (status IN ('running', 'stopping', 'completed', 'stopped', 'failed')),
    reason_code     TEXT,                                           -- why it is over: budget_runs, budget_minutes, user ...
    reason_message  TEXT,                                           -- the same in a sentence
    spec            TEXT    NOT NULL,                               -- JSON: the children's spec before a trial's values are set; `dataset` is an id
    space           TEXT    NOT NULL,                               -- JSON: JSON Pointer into the spec -> what may stand there
    strategy        TEXT    NOT NULL,                               -- JSON: how values are chosen
    objective       TEXT    NOT NULL,                               -- JSON: metric and direction
    rungs           TEXT    NOT NULL,                               -- JSON: epochs after which bad children stop; fixed here, so that all are measured alike
    seed            INTEGER NOT NULL,                               -- everything random in the proposals follows from it
    max_runs        INTEGER NOT NULL,                               -- budget: children in all
    max_minutes     INTEGER,                                        -- budget: no child begins after so many minutes of work
    parallel        INTEGER NOT NULL,                               -- budget: children at the same time
    space_size      INTEGER,                                        -- children after which there is nothing more to try; NULL: never
    metadata        TEXT    NOT NULL DEFAULT '{}',                  -- JSON object of the user's own labels
    version         INTEGER NOT NULL DEFAULT 1,                     -- grows with every PATCH; the ETag
    spent_ms        INTEGER NOT NULL DEFAULT 0,                     -- time at work before the present stretch, counted against max_minutes
    active_since_ms INTEGER NOT NULL,                               -- when the present stretch began
    created_at_ms   INTEGER NOT NULL,
    finished_at_ms  INTEGER
) STRICT;

CREATE INDEX sweeps_of_owner ON sweeps (owner, id);                                            -- listings
CREATE INDEX sweeps_at_work ON sweeps (id) WHERE status IN ('running', 'stopping');            -- what the sweeper looks after

-- The child a run belongs to; a deleted sweep leaves its runs behind as ordinary ones.
ALTER TABLE runs ADD COLUMN sweep_id TEXT REFERENCES sweeps (id) ON DELETE SET NULL;

-- The children of a sweep in the order they were proposed. A row and its run are written in one transaction, and its key is its place
-- in the sequence: no crash makes two of one.
CREATE TABLE trials (
    sweep_id      TEXT    NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
    number        INTEGER NOT NULL,                                 -- place in the sequence, dense from 0
    run_id        TEXT    REFERENCES runs (id) ON DELETE SET NULL,  -- NULL: never queued (`refused`), or deleted since
    parameters    TEXT    NOT NULL,                                 -- JSON: JSON Pointer -> value
    status        TEXT    CHECK (status IN ('succeeded', 'failed', 'cancelled', 'refused', 'deleted')), -- how it ended; NULL while its run is not over
    message       TEXT,                                             -- why it left no value
    value         REAL,                                             -- the objective of the model it left; NULL without one
    epoch         INTEGER,                                          -- the epoch whose weights that model has
    stopped_early INTEGER NOT NULL DEFAULT 0,                       -- 1: it ended at a rung
    rung_values   TEXT    NOT NULL DEFAULT '[]',                    -- JSON: the objective at each rung it reached; kept here because its run may be deleted
    steps         INTEGER NOT NULL DEFAULT 0,                       -- steps trained
    PRIMARY KEY (sweep_id, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX trials_of_run ON trials (run_id) WHERE run_id IS NOT NULL;                 -- a run is the child of one trial
CREATE INDEX trials_open ON trials (sweep_id, number) WHERE status IS NULL;                    -- what the sweeper waits for

-- The labels of runs, one row each, because looking into the metadata of 100,000 runs takes longer than a reader waits. Kept by triggers, so
-- that no writer can forget it.
CREATE TABLE run_labels (
    owner  TEXT NOT NULL,                                           -- first in the key: everybody searches their own
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,    -- last in the key: a search comes in the order of the list
    PRIMARY KEY (owner, key, value, run_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_labels_of_run ON run_labels (run_id);                                         -- a run that goes takes its labels along

CREATE TRIGGER run_labels_of_a_new_run AFTER INSERT ON runs WHEN NEW.metadata <> '{}' AND json_valid(NEW.metadata) BEGIN
    INSERT INTO run_labels SELECT NEW.owner, label.key, CAST(label.value AS TEXT), NEW.id FROM json_each(NEW.metadata) AS label;
END;

CREATE TRIGGER run_labels_of_a_changed_run AFTER UPDATE OF metadata ON runs WHEN NEW.metadata <> OLD.metadata AND json_valid(NEW.metadata) BEGIN
    DELETE FROM run_labels WHERE run_id = NEW.id;
    INSERT INTO run_labels SELECT NEW.owner, label.key, CAST(label.value AS TEXT), NEW.id FROM json_each(NEW.metadata) AS label;
END;

INSERT INTO run_labels SELECT runs.owner, label.key, CAST(label.value AS TEXT), runs.id
    FROM runs, json_each(CASE WHEN json_valid(runs.metadata) THEN runs.metadata ELSE '{}' END) AS label;

-- Lists with a filter come from an index in the order of the list, so that a page costs its rows and not the table.
CREATE INDEX runs_of_status ON runs (owner, status, id);
CREATE INDEX runs_of_family ON runs (owner, family, id);
CREATE INDEX runs_of_sweep ON runs (sweep_id, id) WHERE sweep_id IS NOT NULL;
CREATE INDEX runs_succeeded ON runs (id, running_ms) WHERE status = 'succeeded';               -- how long the last runs took
DROP INDEX runs_of_dataset;
CREATE INDEX runs_of_dataset ON runs (dataset_id, id);                                         -- also: may the dataset go?
