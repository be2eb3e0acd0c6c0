-- A scan waits for a replacement that was announced, missing files are looked for again, and lost requests are counted.

ALTER TABLE scan ADD COLUMN due_without_replacement INTEGER; -- while it waits for an announced replacement: when it is due without that
ALTER TABLE scan ADD COLUMN counted_from INTEGER;            -- from when on the maximum wait counts; null is from first_seen on

CREATE TABLE later_look (
    path TEXT PRIMARY KEY,       -- on this machine
    trigger_name TEXT NOT NULL,
    sent_path TEXT,              -- as the sender wrote it; null when it is the same here
    reported_at INTEGER NOT NULL,
    looks INTEGER NOT NULL,      -- that did not find it
    next_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX later_look_next ON later_look (next_at);

ALTER TABLE trigger_count ADD COLUMN lost INTEGER NOT NULL DEFAULT 0; -- requests that could not be stored
ALTER TABLE trigger_count ADD COLUMN lost_since INTEGER;              -- the first of them
