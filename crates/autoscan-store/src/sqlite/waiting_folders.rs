//! Which waiting scan a folder has. An index would be one more page for each webhook, and one that no two of a group
//! share; so the thread that writes keeps it in memory, and reads it anew at each start.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use autoscan_core::path::LocalPath;
use autoscan_core::scan::ScanId;
use rusqlite::{Connection, Result};

const WAITING: &str = "SELECT id, folder FROM scan INDEXED BY scan_due WHERE state = 0 AND held_for = ''
     UNION ALL SELECT id, folder FROM scan INDEXED BY scan_held WHERE held_for <> ''";

/// Folders for which there is always room.
const ROOM_KEPT: usize = 4096;

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
        // After a flood the room is given back.
        if self.committed.capacity() > ROOM_KEPT && self.committed.len() < self.committed.capacity() / 4 {
            self.committed.shrink_to(self.committed.len() * 2);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::queue;

    fn folder(number: i64) -> LocalPath {
        LocalPath::parse(&format!("/tv/{number}")).unwrap()
    }

    #[test]
    fn what_a_transaction_changes_is_seen_in_it_and_gone_when_it_fails() {
        let mut folders = WaitingFolders::read(&queue()).unwrap();
        let (a, b) = (folder(1), folder(2));
        folders.set(&a, Some(ScanId(7)));
        assert_eq!((folders.find(&a), folders.find(&b)), (Some(ScanId(7)), None));
        folders.roll_back();
        assert_eq!(folders.find(&a), None);
        folders.set(&a, Some(ScanId(8)));
        folders.commit();
        folders.set(&a, None);
        folders.set(&b, Some(ScanId(9)));
        assert_eq!((folders.find(&a), folders.find(&b)), (None, Some(ScanId(9))));
        folders.roll_back();
        assert_eq!((folders.find(&a), folders.find(&b), folders.len()), (Some(ScanId(8)), None, 1));
    }

    #[test]
    fn a_start_reads_what_waits_also_for_a_prefix_and_nothing_else() {
        let conn = queue();
        conn.execute_batch(
            "INSERT INTO scan (id, folder, state, priority, first_seen, due_at, generation, held_for) VALUES
             (1, '/tv/1', 0, 0, 0, 0, 0, ''), (2, '/tv/2', 0, 0, 0, 0, 0, '/tv'), (3, '/tv/3', 1, 0, 0, 0, 0, '')",
        )
        .unwrap();
        let folders = WaitingFolders::read(&conn).unwrap();
        let found = [1, 2, 3].map(|number| folders.find(&folder(number)));
        assert_eq!(found, [Some(ScanId(1)), Some(ScanId(2)), None]);
    }

    #[test]
    fn the_room_of_a_flood_is_given_back() {
        let mut folders = WaitingFolders::read(&queue()).unwrap();
        for scan in [Some(ScanId(1)), None] {
            for number in 0..100_000 {
                folders.set(&folder(number), scan);
            }
            folders.commit();
        }
        assert!(folders.len() == 0 && folders.committed.capacity() <= ROOM_KEPT);
    }
}
