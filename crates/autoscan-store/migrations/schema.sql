-- The whole schema, for a new file. A database that is there is brought to the same by the migrations; a test compares both.
-- Times are milliseconds since the Unix epoch in UTC. States and kinds are the numbers of src/sqlite/codes.rs:
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
    finished_at INTEGER,
    held_for TEXT NOT NULL DEFAULT '', -- the prefix for whose release it waits; only while it waits
    changes TEXT,                -- those with which it came, as JSON, as far as they fit; the others are rows of the table change
    due_without_replacement INTEGER, -- while it waits for an announced replacement: when it is due without that
    counted_from INTEGER         -- from when on the maximum wait counts; null is from first_seen on
);

-- One folder has one waiting scan: which one is in the memory of whoever writes, because an index would be one more page
-- for each webhook.
-- What is held for a prefix is not due, and costs nothing while it waits.
CREATE INDEX scan_due ON scan (priority, due_at) WHERE state = 0 AND held_for = '';
CREATE INDEX scan_held ON scan (held_for) WHERE held_for <> '';
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
    ready_at INTEGER,            -- from when on it may be claimed: null when nothing is left to do for it, or its scan waits
    lease_number INTEGER NOT NULL DEFAULT 0, -- how often it was claimed
    widened INTEGER NOT NULL DEFAULT 0, -- the folder above was told too
    cared INTEGER NOT NULL DEFAULT 0,   -- the care is over
    note TEXT,                          -- what the care did
    lease_owner INTEGER,                -- null while nobody has it
    faults INTEGER NOT NULL DEFAULT 0,  -- calls in a row that failed by its own fault
    excluded INTEGER NOT NULL DEFAULT 0, -- skipped because a person means it so
    absent INTEGER NOT NULL DEFAULT 0, -- started although a file that was to be there never came
    tellings INTEGER NOT NULL DEFAULT 0, -- how often the target accepted it
    remedy TEXT,                 -- while it is missing: what mends the cause when a person asks for it, as JSON
    evidence TEXT,               -- while it is missing: the file by which a person keeps it out
    PRIMARY KEY (scan, target)
) WITHOUT ROWID;

-- Those that wait or are held (0, 1) are to be delivered, those that are sent or seen (2, 3) to be verified, and those that
-- are missing (4) to be looked at again. Each has an index of its own: thousands of one stand in no other's way.
CREATE INDEX delivery_deliver ON delivery (target, priority, ready_at, scan)
    WHERE ready_at IS NOT NULL AND lease_owner IS NULL AND state < 2;
CREATE INDEX delivery_verify ON delivery (target, ready_at, scan)
    WHERE ready_at IS NOT NULL AND lease_owner IS NULL AND state IN (2, 3);
CREATE INDEX delivery_missing ON delivery (target, ready_at, scan)
    WHERE ready_at IS NOT NULL AND lease_owner IS NULL AND state = 4;
CREATE INDEX delivery_leased ON delivery (target, state, lease_owner) WHERE lease_owner IS NOT NULL;

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

-- How far the sources that stream were read.
CREATE TABLE bookmark (
    trigger_name TEXT PRIMARY KEY,
    place TEXT NOT NULL
) WITHOUT ROWID;

-- Targets that a person has paused.
CREATE TABLE pause (
    target TEXT PRIMARY KEY,
    until INTEGER                -- null until a person resumes it
) WITHOUT ROWID;

-- Mounts that scanned folders were seen on.
CREATE TABLE mount (path TEXT PRIMARY KEY) WITHOUT ROWID;

-- Storms of deletions that are held.
CREATE TABLE storm (
    prefix TEXT PRIMARY KEY,
    deleted INTEGER NOT NULL,
    last INTEGER NOT NULL
) WITHOUT ROWID;

-- Files that a sender missed on the disk: they are looked for again.
CREATE TABLE later_look (
    path TEXT PRIMARY KEY,       -- on this machine
    trigger_name TEXT NOT NULL,
    sent_path TEXT,              -- as the sender wrote it; null when it is the same here
    reported_at INTEGER NOT NULL,
    looks INTEGER NOT NULL,      -- that did not find it
    next_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX later_look_next ON later_look (next_at);

-- What each trigger sent.
CREATE TABLE trigger_count (
    trigger_name TEXT PRIMARY KEY,
    events INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    last_at INTEGER,             -- of the last one that was read
    last_event TEXT,
    lost INTEGER NOT NULL DEFAULT 0, -- requests that could not be stored
    lost_since INTEGER,          -- the first of them that is not dismissed
    dismissed INTEGER NOT NULL DEFAULT 0 -- lost requests whose warning a person put away
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

-- What was counted in each hour.
CREATE TABLE hour (
    hour INTEGER PRIMARY KEY,    -- hours since the Unix epoch
    changes INTEGER NOT NULL,
    done INTEGER NOT NULL,
    attention INTEGER NOT NULL,
    visible TEXT NOT NULL,       -- one number a class, joined by commas
    slowest INTEGER NOT NULL
);

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
