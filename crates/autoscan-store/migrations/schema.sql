-- The whole schema, for a new file. A database that is there is brought to the same by the migrations; a test compares both.
-- Times are milliseconds since the Unix epoch in UTC. States and kinds are places in the ALL lists of autoscan-core:
-- a scan's 0 is waiting, 1 running, 2 done, 3 attention.

CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    folder TEXT NOT NULL,
    state INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    held_until INTEGER,          -- a floor for due_at that further changes respect
    generation INTEGER NOT NULL, -- changes merged so far
    tell TEXT,                   -- the folder that targets are told of, when it is not the scan's own
    note TEXT,
    finished_at INTEGER
);

-- One folder, one waiting scan.
CREATE UNIQUE INDEX scan_waiting ON scan (folder) WHERE state = 0;
CREATE INDEX scan_due ON scan (priority, due_at) WHERE state = 0;
-- Without the waiting ones: the way into the queue has few indexes to write.
CREATE INDEX scan_state ON scan (state) WHERE state <> 0;
CREATE INDEX scan_finished ON scan (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE change (
    scan INTEGER NOT NULL,
    path TEXT NOT NULL,
    position INTEGER NOT NULL,   -- the order of first coming
    kind INTEGER NOT NULL,
    from_path TEXT,
    is_folder INTEGER NOT NULL,
    awaited INTEGER NOT NULL,
    trigger_name TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    targets TEXT,                -- names joined by commas; null means all
    ids TEXT,                    -- what databases call the item, as autoscan-core writes it; null means that none is known
    sent_path TEXT,              -- as the sender wrote it; null when it is the same here
    PRIMARY KEY (scan, path)
) WITHOUT ROWID;

CREATE TABLE delivery (
    scan INTEGER NOT NULL,
    target TEXT NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER,
    sent_at INTEGER,
    seen_at INTEGER,
    error TEXT,
    priority INTEGER NOT NULL,   -- the scan's own, for the order of claims
    ready_at INTEGER,            -- from when on a lane may take it: null unless it is open and its scan runs;
                                 -- the end of the lease while it is leased
    leased INTEGER NOT NULL DEFAULT 0,
    widened INTEGER NOT NULL DEFAULT 0, -- the folder above was told too
    cared INTEGER NOT NULL DEFAULT 0,   -- the care is over
    note TEXT,                          -- what the care did
    PRIMARY KEY (scan, target)
) WITHOUT ROWID;

-- Of the open ones, those in a state below 2 (waiting, held) are to be told, the others to be followed. Each kind of work
-- has indexes of its own: thousands that are followed stand in nobody's way who is to be told.
CREATE INDEX delivery_claim ON delivery (target, priority DESC, scan) WHERE ready_at IS NOT NULL AND state < 2;
CREATE INDEX delivery_ready ON delivery (target, ready_at) WHERE ready_at IS NOT NULL AND state < 2;
CREATE INDEX delivery_follow ON delivery (target, ready_at, scan) WHERE ready_at IS NOT NULL AND state >= 2;
CREATE INDEX delivery_leased ON delivery (scan) WHERE leased = 1;

-- How a scan came where it is.
CREATE TABLE step (
    scan INTEGER NOT NULL,
    position INTEGER NOT NULL,   -- counts from 0; where some are missing they were too many
    at INTEGER NOT NULL,
    target TEXT,                 -- null for the whole scan
    kind INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (scan, position)
) WITHOUT ROWID;

CREATE TABLE refusal (
    id INTEGER PRIMARY KEY,
    trigger_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    received_at INTEGER NOT NULL
);

CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Browsers that are logged in: few, so that the table needs no index.
CREATE TABLE session (
    print BLOB PRIMARY KEY,      -- the SHA-256 of its id, which the browser alone keeps
    credentials BLOB NOT NULL,   -- a fingerprint of what was shown, made with the id
    begun_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) WITHOUT ROWID;

-- One row. Counting a million rows would take too long, and a scan's number is never given twice. What waits is counted
-- at the start: arrivals write nothing here.
CREATE TABLE tally (
    running INTEGER NOT NULL,
    done INTEGER NOT NULL,
    attention INTEGER NOT NULL,
    last_scan INTEGER NOT NULL,
    probes INTEGER NOT NULL      -- changes so that a write can be proven
);
INSERT INTO tally VALUES (0, 0, 0, 0, 0);
