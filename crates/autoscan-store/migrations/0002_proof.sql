-- What is asked of a target after it was told. Columns are added, so that no row is written; only the indexes of what is
-- open are made anew.

ALTER TABLE change ADD COLUMN ids TEXT;       -- as autoscan-core writes them; null means that none is known

ALTER TABLE delivery ADD COLUMN widened INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN cared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN note TEXT;

-- Of the open ones, those in a state below 2 (waiting, held) are to be told, the others to be followed. Each kind of work
-- has indexes of its own: thousands that are followed stand in nobody's way who is to be told.
DROP INDEX delivery_claim;
DROP INDEX delivery_ready;
CREATE INDEX delivery_claim ON delivery (target, priority DESC, scan) WHERE ready_at IS NOT NULL AND state < 2;
CREATE INDEX delivery_ready ON delivery (target, ready_at) WHERE ready_at IS NOT NULL AND state < 2;
CREATE INDEX delivery_follow ON delivery (target, ready_at, scan) WHERE ready_at IS NOT NULL AND state >= 2;
