//! What lies in a folder and below it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Folders, Listing, Subfolder};

use super::mount_table::MountTable;

/// Folders that one walk opens at most.
const FOLDERS_OPENED: usize = 20_000;

/// A walk below a folder: how far it may go, and what it found.
#[derive(Clone, Debug)]
pub(super) struct FileWalk {
    pub(super) listing: Listing,
    /// Folders below on which something is mounted. Their own mounts are asked for them.
    pub(super) mounts: Vec<PathBuf>,
    most: usize,
    opened: usize,
    until: Instant,
}

impl FileWalk {
    /// One that finds at most `most` files, and takes no longer than this.
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        let listing = Listing { files: Vec::new(), whole: true };
        Self { listing, mounts: Vec::new(), most, opened: 0, until: Instant::now() + patience }
    }

    fn is_over(&self) -> bool {
        self.listing.files.len() >= self.most || self.opened > FOLDERS_OPENED || Instant::now() > self.until
    }

    /// Adds the files below `real`, which are called as if they lay in `named`. Links are not followed into folders, so a
    /// walk cannot go round.
    pub(super) fn below(mut self, real: &Path, named: &Path, table: &MountTable) -> Self {
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            self.opened += 1;
            // Joined with nothing a path would end in a slash.
            let at = |base: &Path| {
                if folder.as_os_str().is_empty() { base.to_owned() } else { base.join(&folder) }
            };
            let Ok(entries) = fs::read_dir(at(real)) else {
                self.listing.whole = false;
                continue;
            };
            for entry in entries {
                if self.is_over() {
                    self.listing.whole = false;
                    return self;
                }
                let Ok(entry) = entry else {
                    self.listing.whole = false;
                    continue;
                };
                let path = at(named).join(entry.file_name());
                if table.is_mount_point(&entry.path()) {
                    self.mounts.push(path);
                    continue;
                }
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(folder.join(entry.file_name())),
                    Ok(_) => self.listing.files.extend(local(&path)),
                    Err(_) => self.listing.whole = false,
                }
            }
        }
        self
    }
}

/// The folders in a folder that is called `named`. Links are not looked behind, nor are mounts: one that is dead would hang
/// this folder's mount.
pub(super) fn folders(
    real: &Path,
    named: &Path,
    most: usize,
    patience: Duration,
    table: &MountTable,
) -> io::Result<Folders> {
    let began = Instant::now();
    let mut found = Folders { folders: Vec::new(), whole: true };
    for entry in fs::read_dir(real)? {
        if found.folders.len() >= most || began.elapsed() > patience {
            found.whole = false;
            break;
        }
        let Ok(entry) = entry else {
            found.whole = false;
            continue;
        };
        let (is_folder, is_link) = if table.is_mount_point(&entry.path()) {
            (true, false)
        } else {
            let Ok(kind) = entry.file_type() else {
                found.whole = false;
                continue;
            };
            (kind.is_dir(), kind.is_symlink())
        };
        if is_folder || is_link {
            found.folders.push(Subfolder {
                name: entry.file_name().to_string_lossy().into_owned(),
                path: local(&named.join(entry.file_name())),
                is_link,
            });
        }
    }
    Ok(found)
}

fn local(path: &Path) -> Option<LocalPath> {
    path.to_str().and_then(|path| LocalPath::parse(path).ok())
}
