//! Which files below a folder are known already: of the newest each with its time, of all others that they are older.

use std::collections::HashMap;

use autoscan_core::change::ChangeKind;
use autoscan_core::path::LocalPath;
use autoscan_core::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// What stands for a file and its content: when it changed last, then the beginning of its path's SHA-256. The order is that
/// of time, and no two files are equal in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileStamp {
    changed_at: i64,
    path: u64,
}

impl FileStamp {
    pub(super) fn new(path: &LocalPath, changed_at: Timestamp) -> Self {
        let hash = Sha256::digest(path.as_str().as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Self { changed_at: changed_at.as_millis(), path: u64::from_be_bytes(first) }
    }

    fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.changed_at.to_be_bytes());
        bytes[8..].copy_from_slice(&self.path.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8; 16]) -> Self {
        let number = u128::from_be_bytes(*bytes);
        let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
        Self { changed_at: half(number >> 64).cast_signed(), path: half(number) }
    }
}

/// The files that are known. No clock is asked: the times are those of the disk, whatever its clock says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KnownFiles {
    /// When each of the newest files changed, by its path.
    newest: HashMap<u64, i64>,
    /// Every file up to here in the order of time is known too; none where all are among the newest.
    older: Option<FileStamp>,
}

impl KnownFiles {
    /// What happened to a file since; none: nothing.
    pub(super) fn change(&self, file: FileStamp) -> Option<ChangeKind> {
        match self.newest.get(&file.path) {
            Some(&changed_at) => (changed_at != file.changed_at).then_some(ChangeKind::Modified),
            None => self.older.is_none_or(|older| file > older).then_some(ChangeKind::Created),
        }
    }

    /// Remembers a file.
    pub(super) fn learn(&mut self, file: FileStamp) {
        self.newest.insert(file.path, file.changed_at);
    }

    /// Forgets which files are the oldest, until at most `most` are left. Files that are gone are not looked for: a mount that
    /// vanished would make all of them new when it is back.
    pub(super) fn keep_newest(&mut self, most: usize) {
        let Some(excess) = self.newest.len().checked_sub(most).filter(|excess| *excess > 0) else { return };
        let mut files: Vec<FileStamp> = self.files().collect();
        files.sort_unstable();
        for file in &files[..excess] {
            self.newest.remove(&file.path);
        }
        self.older = self.older.max(Some(files[excess - 1]));
    }

    /// How many are remembered one by one.
    pub(super) fn len(&self) -> usize {
        self.newest.len()
    }

    fn files(&self) -> impl Iterator<Item = FileStamp> {
        self.newest.iter().map(|(&path, &changed_at)| FileStamp { changed_at, path })
    }

    /// As text: 16 bytes a file in base64, first the one up to which all are known.
    pub(super) fn encode(&self) -> String {
        let mut files: Vec<FileStamp> = self.files().collect();
        files.sort_unstable();
        let none = FileStamp { changed_at: i64::MIN, path: 0 };
        let all = std::iter::once(self.older.unwrap_or(none)).chain(files);
        STANDARD.encode(all.flat_map(FileStamp::bytes).collect::<Vec<u8>>())
    }

    /// What [`Self::encode`] wrote; none when it is anything else.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let (all, []) = bytes.as_chunks::<16>() else { return None };
        let (older, newest) = all.split_first()?;
        let older = Some(FileStamp::read(older)).filter(|older| older.changed_at > i64::MIN);
        let newest = newest.iter().map(FileStamp::read).map(|file| (file.path, file.changed_at)).collect();
        Some(Self { newest, older })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, changed_at: i64) -> FileStamp {
        FileStamp::new(&LocalPath::parse(path).unwrap(), Timestamp::from_millis(changed_at))
    }

    #[test]
    fn a_file_is_new_or_changed_once() {
        let mut known = KnownFiles::default();
        assert_eq!(known.change(file("/a", 5)), Some(ChangeKind::Created));
        known.learn(file("/a", 5));
        assert_eq!(known.change(file("/a", 5)), None);
        assert_eq!(known.change(file("/a", 4)), Some(ChangeKind::Modified), "an older one took its place");
        known.learn(file("/a", 4));
        assert_eq!(known.change(file("/a", 4)), None);
    }

    #[test]
    fn of_the_oldest_only_their_time_is_kept() {
        let mut known = KnownFiles::default();
        for at in [30, 10, 20, 40] {
            known.learn(file(&format!("/{at}"), at));
        }
        known.keep_newest(2);
        assert_eq!(known.len(), 2);
        for at in [10, 20, 30, 40] {
            assert_eq!(known.change(file(&format!("/{at}"), at)), None, "{at}");
        }
        assert_eq!(known.change(file("/late", 25)), Some(ChangeKind::Created));
        assert_eq!(known.change(file("/early", 15)), None, "it cannot be told from those before it");
        assert_eq!(known.change(file("/10", 50)), Some(ChangeKind::Created), "which are known by time alone");
    }

    #[test]
    fn what_is_written_is_read_and_anything_else_is_not() {
        let mut known = KnownFiles::default();
        assert_eq!(KnownFiles::decode(&known.encode()), Some(known.clone()));
        for at in [i64::MAX, 0, -1, i64::MIN + 1] {
            known.learn(file(&format!("/{at}"), at));
        }
        assert_eq!(KnownFiles::decode(&known.encode()), Some(known.clone()));
        known.keep_newest(2);
        assert_eq!(KnownFiles::decode(&known.encode()), Some(known));
        for text in ["", "!", "AAAA"] {
            assert_eq!(KnownFiles::decode(text), None, "{text:?}");
        }
    }
}
