-- How a scan came where it is.

ALTER TABLE change ADD COLUMN sent_path TEXT; -- as the sender wrote it; null when it is the same here

CREATE TABLE step (
    scan INTEGER NOT NULL,
    position INTEGER NOT NULL,   -- counts from 0; where some are missing they were too many
    at INTEGER NOT NULL,
    target TEXT,                 -- null for the whole scan
    kind INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (scan, position)
) WITHOUT ROWID;
