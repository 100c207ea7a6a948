-- Who may come in. The secret itself is shown once and never stored.
CREATE TABLE tokens (
    id            TEXT    NOT NULL PRIMARY KEY,     -- key id, the public half of the token text
    owner         TEXT    NOT NULL,                 -- whose data the bearer sees
    name          TEXT    NOT NULL,                 -- for people: "notebook", "ci"
    secret_sha256 BLOB    NOT NULL CHECK (length(secret_sha256) = 32), -- a 256-bit random secret needs no slow hash
    scopes        TEXT    NOT NULL,                 -- space-separated, e.g. "datasets:write runs:read"
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,                          -- NULL: until revoked
    revoked_at_ms INTEGER                           -- kept, so that an audit can still name it
) STRICT;

-- Answers already given to a request with an Idempotency-Key, written in the transaction of the effect itself.
CREATE TABLE idempotency (
    owner         TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    fingerprint   BLOB    NOT NULL,                 -- SHA-256 of method, path and body: the same key with another request is refused
    status        INTEGER NOT NULL,                 -- HTTP status answered
    location      TEXT,                             -- Location header answered
    body          BLOB    NOT NULL,                 -- body answered, byte for byte
    created_at_ms INTEGER NOT NULL,                 -- forgotten after 24 h
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);

-- Who did what that matters for security: tokens made and revoked, sign-ins refused, deletions.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,      -- never reused, so a gap is a sign of tampering
    ts_ms   INTEGER NOT NULL,
    actor   TEXT    NOT NULL,                       -- token id, or "server"
    owner   TEXT    NOT NULL,
    action  TEXT    NOT NULL,                       -- e.g. "token.create"
    subject TEXT    NOT NULL,                       -- id of what was acted on
    detail  TEXT    NOT NULL DEFAULT '{}'           -- JSON; never a secret
) STRICT;
