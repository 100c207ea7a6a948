-- Big bytes, named by their SHA-256. One row per distinct content: the same file uploaded twice is kept once.
-- A row exists exactly when its bytes are durable, so a reader that sees the row may rely on the bytes.
CREATE TABLE blobs (
    sha256        TEXT    NOT NULL PRIMARY KEY CHECK (length(sha256) = 64), -- lower-case hex; also the file's name below blobs/
    size_bytes    INTEGER NOT NULL CHECK (size_bytes >= 0),                 -- tells a truncated file without hashing it
    bytes         BLOB,                                                     -- content up to 64 KiB, committed with the row that needs it; NULL: a file
    created_at_ms INTEGER NOT NULL                                          -- collection leaves young blobs alone
) STRICT;

-- An uploaded table: original bytes plus what was learned about them on the way in.
CREATE TABLE datasets (
    id            TEXT    NOT NULL PRIMARY KEY,                     -- UUIDv7, so a listing by id is a listing by time
    owner         TEXT    NOT NULL,                                 -- whose data this is; nobody else ever sees the row
    name          TEXT    NOT NULL,                                 -- for people; a spec that says a name means the newest one
    sha256        TEXT    NOT NULL REFERENCES blobs (sha256),       -- original bytes, unchanged
    size_bytes    INTEGER NOT NULL,                                 -- counts against the owner's quota even when the blob is shared
    format        TEXT    NOT NULL,                                 -- JSON: dialect found by sniffing, needed to decode the same way again
    n_rows        INTEGER NOT NULL,
    n_columns     INTEGER NOT NULL,
    schema        TEXT    NOT NULL,                                 -- JSON: kind of every column, corrected by PATCH
    profile       TEXT    NOT NULL,                                 -- JSON: what GET /profile answers, computed once at upload
    version       INTEGER NOT NULL DEFAULT 1,                       -- grows with every PATCH; the ETag
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX datasets_of_owner ON datasets (owner, id);             -- listings
CREATE INDEX datasets_by_name ON datasets (owner, name, id);        -- a spec may name its dataset
CREATE INDEX datasets_by_blob ON datasets (sha256);                 -- is this blob still needed?
