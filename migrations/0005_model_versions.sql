-- The highest version each model name ever had. Versions are immutable for those who wrote them down, so the number of a
-- deleted version is not given to another model later, not even when it was the newest.
CREATE TABLE model_versions (
    owner        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    last_version INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

INSERT INTO model_versions (owner, name, last_version)
    SELECT owner, name, MAX(version) FROM models GROUP BY owner, name;
