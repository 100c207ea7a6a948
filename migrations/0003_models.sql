-- A trained model under a name. Versions are immutable: what was served as version 3 yesterday is version 3 tomorrow.
CREATE TABLE models (
    owner         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    run_id        TEXT    REFERENCES runs (id) ON DELETE SET NULL,  -- a model outlives the record of its run
    weights       TEXT    NOT NULL REFERENCES blobs (sha256),       -- safetensors; its SHA-256 is the model's identity
    size_bytes    INTEGER NOT NULL,
    document      TEXT    NOT NULL,                                 -- JSON: network, transform, schema, labels: all that prediction needs
    metrics       TEXT    NOT NULL,                                 -- JSON: test metrics
    dataset_id    TEXT,                                             -- what it learned from; no foreign key, the dataset may go
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (owner, name, version)
) STRICT;

CREATE INDEX models_of_run ON models (run_id);
CREATE INDEX models_by_blob ON models (weights);

-- A movable name for one version. Moving it is one UPDATE, so no request ever sees it pointing nowhere.
CREATE TABLE aliases (
    owner         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    alias         TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (owner, name, alias),
    FOREIGN KEY (owner, name, version) REFERENCES models (owner, name, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX aliases_of_version ON aliases (owner, name, version);
