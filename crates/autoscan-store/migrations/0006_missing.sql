-- What is missing is looked at again, and a target is told a few times at most.

ALTER TABLE delivery ADD COLUMN tellings INTEGER NOT NULL DEFAULT 0; -- how often the target accepted it

-- Thousands that are missing stand in nobody's way that was told just now.
DROP INDEX delivery_verify;
CREATE INDEX delivery_verify ON delivery (target, ready_at, scan)
    WHERE ready_at IS NOT NULL AND lease_owner IS NULL AND state IN (2, 3);
CREATE INDEX delivery_missing ON delivery (target, ready_at, scan)
    WHERE ready_at IS NOT NULL AND lease_owner IS NULL AND state = 4;
