use async_trait::async_trait;

use crate::path::LocalPath;
use crate::time::Timestamp;

/// What a look at one path found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// A regular file (links followed).
    File {
        /// Its length in bytes.
        size: u64,
        /// When its content or its entry changed last: the later of mtime and ctime.
        changed_at: Timestamp,
    },
    /// A folder (links followed).
    Folder,
    /// Nothing, or a link to nothing.
    Missing,
    /// The disk could not say: not connected, stale, no permission, or no answer in time. The text is a sentence.
    Unreachable(String),
}

/// What lies at and below a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files.
    pub files: Vec<LocalPath>,
    /// Whether these are all: false when there were more than was asked for, when something could not be read, or when it
    /// took too long.
    pub whole: bool,
}

/// A folder in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subfolder {
    /// Its name, with U+FFFD for what is no text.
    pub name: String,
    /// Where it is; none when its name cannot be written as a path: it is no UTF-8, or holds a control character.
    pub path: Option<LocalPath>,
    /// Whether it is a link: whether to a folder, and where to, is not known.
    pub is_link: bool,
}

/// The folders in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// They, and links that may lead to one, in no order.
    pub folders: Vec<Subfolder>,
    /// Whether these are all.
    pub whole: bool,
}

/// On which mount a path lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountedPath {
    /// The path with its links followed, as far as its mounts answer; the rest as it is written.
    pub real: LocalPath,
    /// The mount point that this lies on.
    pub mount: LocalPath,
}

/// The local disk. A look never takes longer than its implementation's limit, whatever the mount does, and a mount that
/// hangs delays no look at another: a path lies on the mount that it resolves to, whatever its text says.
#[async_trait]
pub trait Files: Send + Sync {
    /// What is at `path`.
    async fn look(&self, path: &LocalPath) -> Look;

    /// Whether the folder holds nothing but `besides`. An unreadable folder counts as empty: fail closed.
    async fn is_empty(&self, folder: &LocalPath, besides: &[LocalPath]) -> bool;

    /// Files below a folder, at most `most`: first those right in it, then the others in no order. Links to folders are not
    /// followed.
    async fn list(&self, folder: &LocalPath, most: usize) -> Listing;

    /// The text of a small file: no more than its first `most` bytes, with U+FFFD for what is no text. The error is a sentence:
    /// there is no such file, it is no file, or the disk could not say.
    async fn text(&self, path: &LocalPath, most: usize) -> Result<String, String>;

    /// The folders and links in a folder, at most `most`. The error is a sentence.
    async fn folders_in(&self, folder: &LocalPath, most: usize) -> Result<Folders, String>;

    /// The same place with every link in it followed. The error is a sentence: it is not there, its links go round, or the
    /// disk could not say.
    async fn real_path(&self, path: &LocalPath) -> Result<LocalPath, String>;

    /// The mount that `path` lies on now, by the system's table of mounts and the links in the path. A mount that hangs is
    /// named without waiting for it to answer. None where the system has no such table.
    async fn mount_of(&self, path: &LocalPath) -> Option<MountedPath>;
}
