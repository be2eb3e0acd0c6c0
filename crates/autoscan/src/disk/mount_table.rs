//! The system's table of mounts, by which a path's mount is known without touching the path.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Every mount point, and every folder above one.
#[derive(Debug, Default)]
pub(super) struct MountTable {
    points: HashSet<PathBuf>,
    above: HashSet<PathBuf>,
}

impl MountTable {
    /// That of this process. It is empty where the system has none in this form.
    pub(super) fn of_process() -> Self {
        fs::read(MOUNTINFO).map(|table| Self::new(mount_points(&table))).unwrap_or_default()
    }

    /// The table of these mount points.
    pub(super) fn new(points: impl IntoIterator<Item = PathBuf>) -> Self {
        let points: HashSet<PathBuf> = points.into_iter().collect();
        let above = points.iter().flat_map(|point| point.ancestors().skip(1)).map(Path::to_owned).collect();
        Self { points, above }
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Whether something is mounted at exactly this path.
    pub(super) fn is_mount_point(&self, path: &Path) -> bool {
        self.points.contains(path)
    }

    /// Whether this is a folder and no link, as everything on the way to a mount point is.
    pub(super) fn is_folder(&self, path: &Path) -> bool {
        self.points.contains(path) || self.above.contains(path)
    }

    /// The mount that a path without links lies on. Without a table it is guessed: volumes are mounted at paths of two names.
    pub(super) fn mount_of<'a>(&self, path: &'a Path) -> &'a Path {
        if self.is_empty() {
            let depth = path.ancestors().count();
            return path.ancestors().nth(depth.saturating_sub(3)).unwrap_or(path);
        }
        path.ancestors().find(|above| self.is_mount_point(above)).unwrap_or(Path::new("/"))
    }
}

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// The mount points of a `/proc/<pid>/mountinfo` table (proc(5)): the fifth field, with `\040` for a space and the like.
fn mount_points(table: &[u8]) -> impl Iterator<Item = PathBuf> {
    let lines = table.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(|field| PathBuf::from(OsString::from_vec(unescape(field))))
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [byte, after @ ..] = rest {
        let code = after.get(..3).filter(|_| *byte == b'\\').and_then(octal);
        out.push(code.unwrap_or(*byte));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    out
}

fn octal(digits: &[u8]) -> Option<u8> {
    std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_spaces() {
        let table =
            b"36 35 98:0 / /mnt/My\\040Disk rw,noatime shared:1 - ext3 /dev/root rw\n1 0 0:1 / / rw - x y z\n";
        let points: Vec<PathBuf> = mount_points(table).collect();
        assert_eq!(points, [Path::new("/mnt/My Disk"), Path::new("/")]);
    }

    #[test]
    fn the_deepest_mount_above_a_path_is_its_mount() {
        let table = MountTable::new(["/", "/mnt/a", "/mnt/a/b"].map(PathBuf::from));
        for (path, mount) in [
            ("/", "/"),
            ("/mnt", "/"),
            ("/mnt/a", "/mnt/a"),
            ("/mnt/a/bc", "/mnt/a"),
            ("/mnt/a/b/c/d", "/mnt/a/b"),
        ] {
            assert_eq!(table.mount_of(Path::new(path)), Path::new(mount), "{path}");
        }
        assert!(table.is_folder(Path::new("/mnt")) && !table.is_folder(Path::new("/mnt/x")));
    }

    #[test]
    fn without_a_table_volumes_are_told_apart_and_folders_on_them_are_not() {
        let table = MountTable::default();
        for (path, mount) in
            [("/", "/"), ("/srv", "/srv"), ("/Volumes/A", "/Volumes/A"), ("/Volumes/A/b/c", "/Volumes/A")]
        {
            assert_eq!(table.mount_of(Path::new(path)), Path::new(mount), "{path}");
        }
    }
}
