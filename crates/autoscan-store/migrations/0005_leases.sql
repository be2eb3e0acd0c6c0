-- Leases have an owner and a number, scans are held for a prefix, and what was kept as whole values are rows.

-- How often a delivery was claimed: an answer of an earlier claim is told from that of the last. It was 1 while leased.
DROP INDEX delivery_claim;
DROP INDEX delivery_ready;
DROP INDEX delivery_follow;
UPDATE delivery SET ready_at = coalesce(next_attempt_at, 0) WHERE leased = 1;
DROP INDEX delivery_leased;
ALTER TABLE delivery RENAME COLUMN leased TO lease_number;
ALTER TABLE delivery ADD COLUMN lease_owner INTEGER;                 -- null while nobody has it
ALTER TABLE delivery ADD COLUMN faults INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN excluded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN absent INTEGER NOT NULL DEFAULT 0;

CREATE INDEX delivery_deliver ON delivery (target, priority, ready_at, scan)
    WHERE ready_at IS NOT NULL AND lease_owner IS NULL AND state < 2;
CREATE INDEX delivery_verify ON delivery (target, ready_at, scan)
    WHERE ready_at IS NOT NULL AND lease_owner IS NULL AND state >= 2;
CREATE INDEX delivery_leased ON delivery (target, state, lease_owner) WHERE lease_owner IS NOT NULL;

ALTER TABLE scan ADD COLUMN held_for TEXT NOT NULL DEFAULT ''; -- the prefix for whose release it waits; only while it waits
-- The changes with which a scan came, as JSON, as far as they fit. The others are rows of the table change.
ALTER TABLE scan ADD COLUMN changes TEXT;
-- Which waiting scan a folder has is in the memory of whoever writes.
DROP INDEX scan_waiting;
DROP INDEX scan_due;
CREATE INDEX scan_due ON scan (priority, due_at) WHERE state = 0 AND held_for = '';
CREATE INDEX scan_held ON scan (held_for) WHERE held_for <> '';

CREATE TABLE bookmark (
    trigger_name TEXT PRIMARY KEY,
    place TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE pause (
    target TEXT PRIMARY KEY,
    until INTEGER                -- null until a person resumes it
) WITHOUT ROWID;

CREATE TABLE mount (path TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE storm (
    prefix TEXT PRIMARY KEY,
    deleted INTEGER NOT NULL,
    last INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE trigger_count (
    trigger_name TEXT PRIMARY KEY,
    events INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    last_at INTEGER,             -- of the last one that was read
    last_event TEXT
) WITHOUT ROWID;

CREATE TABLE trigger_event (
    trigger_name TEXT NOT NULL,
    position INTEGER NOT NULL,   -- oldest first
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    outcome TEXT NOT NULL,
    scans TEXT NOT NULL,         -- numbers joined by commas
    refused INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (trigger_name, position)
) WITHOUT ROWID;

CREATE TABLE hour (
    hour INTEGER PRIMARY KEY,    -- hours since the Unix epoch
    changes INTEGER NOT NULL,
    done INTEGER NOT NULL,
    attention INTEGER NOT NULL,
    visible TEXT NOT NULL,       -- one number a class, joined by commas
    slowest INTEGER NOT NULL
);

-- What older versions kept as settings.
INSERT INTO pause
SELECT substr(key, 8), iif(value GLOB '[0-9]*', CAST(value AS INTEGER), NULL) FROM setting WHERE key GLOB 'paused:*';

INSERT OR IGNORE INTO mount
WITH RECURSIVE line (text, rest) AS (
    SELECT '', value || char(10) FROM setting WHERE key = 'mounts'
    UNION ALL
    SELECT substr(rest, 1, instr(rest, char(10)) - 1), substr(rest, instr(rest, char(10)) + 1) FROM line WHERE rest <> ''
)
SELECT text FROM line WHERE text <> '';

-- A storm was "deleted last prefix".
INSERT OR REPLACE INTO storm
WITH RECURSIVE line (text, rest) AS (
    SELECT '', value || char(10) FROM setting WHERE key = 'storms'
    UNION ALL
    SELECT substr(rest, 1, instr(rest, char(10)) - 1), substr(rest, instr(rest, char(10)) + 1) FROM line WHERE rest <> ''
), word (deleted, rest) AS (
    SELECT substr(text, 1, instr(text, ' ') - 1), substr(text, instr(text, ' ') + 1) FROM line WHERE text GLOB '[0-9]* [0-9]* ?*'
)
SELECT substr(rest, instr(rest, ' ') + 1), CAST(deleted AS INTEGER), CAST(substr(rest, 1, instr(rest, ' ') - 1) AS INTEGER) FROM word;

INSERT INTO trigger_count
SELECT kept.key, coalesce(kept.value ->> 'events', 0), coalesce(kept.value ->> 'changes', 0),
       coalesce(kept.value ->> 'refused', 0), kept.value ->> '$.last[0]', kept.value ->> '$.last[1]'
FROM setting, json_each(setting.value) AS kept WHERE setting.key = 'events' AND json_valid(setting.value);

INSERT INTO trigger_event
SELECT kept.key, event.key, coalesce(event.value ->> 'at', 0), coalesce(event.value ->> 'event', ''),
       coalesce(event.value ->> 'outcome', ''), trim(coalesce(event.value -> 'scans', ''), '[]'),
       coalesce(event.value ->> 'refused', 0), coalesce(event.value ->> 'times', 1)
FROM setting, json_each(setting.value) AS kept, json_each(kept.value, '$.recent') AS event
WHERE setting.key = 'events' AND json_valid(setting.value);

INSERT INTO hour
SELECT CAST(kept.key AS INTEGER), coalesce(kept.value ->> 'changes', 0), coalesce(kept.value ->> 'done', 0),
       coalesce(kept.value ->> 'attention', 0), trim(coalesce(kept.value -> 'visible', ''), '[]'),
       coalesce(kept.value ->> 'slowest', 0)
FROM setting, json_each(setting.value) AS kept WHERE setting.key = 'hours' AND json_valid(setting.value);

DELETE FROM setting WHERE key IN ('mounts', 'storms', 'events', 'hours') OR key GLOB 'paused:*';
