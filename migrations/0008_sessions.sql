-- Browsers that signed in with a token. On record, so that a restart signs nobody out; the token decides what a session may do, so a
-- revoked or expired token ends its sessions with it.
CREATE TABLE sessions (
    id_sha256     BLOB    NOT NULL PRIMARY KEY CHECK (length(id_sha256) = 32), -- hash of what the cookie holds: the record opens no door
    token_id      TEXT    NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,   -- whose rights it has
    created_at_ms INTEGER NOT NULL,                                            -- the oldest of a token go first when there are too many
    expires_at_ms INTEGER NOT NULL                                             -- signed out by itself
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_token ON sessions (token_id, created_at_ms);          -- how many are there of one token?
CREATE INDEX sessions_by_end ON sessions (expires_at_ms);                      -- which may be forgotten?
