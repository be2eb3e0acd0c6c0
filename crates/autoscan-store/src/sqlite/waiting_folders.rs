//! Which waiting scan a folder has. An index would be one more page for each webhook, and one that no two of a group
//! share; so the thread that writes keeps it in memory, and reads it anew at each start.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use autoscan_core::path::LocalPath;
use autoscan_core::scan::ScanId;
use rusqlite::{Connection, Result};

const WAITING: &str = "SELECT id, folder FROM scan INDEXED BY scan_due WHERE state = 0 AND held_for = ''
     UNION ALL SELECT id, folder FROM scan INDEXED BY scan_held WHERE held_for <> ''";

/// Two hashes that nobody can foresee: no two folders have the same.
type Fingerprint = (u64, u64);

/// Waiting scans by folder, 24 bytes each.
#[derive(Debug)]
pub(super) struct WaitingFolders {
    hashers: [RandomState; 2],
    committed: HashMap<Fingerprint, ScanId>,
    /// What the running transaction changes.
    changed: HashMap<Fingerprint, Option<ScanId>>,
}

impl WaitingFolders {
    /// As it was committed last.
    pub(super) fn read(conn: &Connection) -> Result<Self> {
        let hashers = [RandomState::new(), RandomState::new()];
        let mut folders = Self { hashers, committed: HashMap::new(), changed: HashMap::new() };
        let mut statement = conn.prepare(WAITING)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let fingerprint = folders.fingerprint(row.get_ref(1)?.as_str()?);
            folders.committed.insert(fingerprint, ScanId(row.get(0)?));
        }
        Ok(folders)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.committed.len()
    }

    /// The waiting scan of a folder.
    pub(super) fn find(&self, folder: &LocalPath) -> Option<ScanId> {
        let fingerprint = self.fingerprint(folder.as_str());
        let changed = self.changed.get(&fingerprint).copied();
        changed.unwrap_or_else(|| self.committed.get(&fingerprint).copied())
    }

    /// A folder has this waiting scan now, or none any more.
    pub(super) fn set(&mut self, folder: &LocalPath, scan: Option<ScanId>) {
        self.changed.insert(self.fingerprint(folder.as_str()), scan);
    }

    /// The transaction was committed.
    pub(super) fn commit(&mut self) {
        for (fingerprint, scan) in self.changed.drain() {
            match scan {
                Some(scan) => self.committed.insert(fingerprint, scan),
                None => self.committed.remove(&fingerprint),
            };
        }
    }

    /// The transaction was not.
    pub(super) fn roll_back(&mut self) {
        self.changed.clear();
    }

    fn fingerprint(&self, folder: &str) -> Fingerprint {
        (self.hashers[0].hash_one(folder), self.hashers[1].hash_one(folder))
    }
}
