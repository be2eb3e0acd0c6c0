-- Browsers that are logged in: few, so that the table needs no index.

CREATE TABLE session (
    print BLOB PRIMARY KEY,      -- the SHA-256 of its id, which the browser alone keeps
    credentials BLOB NOT NULL,   -- a fingerprint of what was shown, made with the id
    begun_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) WITHOUT ROWID;
