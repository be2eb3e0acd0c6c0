//! Follows links one name at a time, so that each look is at the mount that its step lies on.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use autoscan_core::path::LocalPath;

use super::Disk;

/// Links that are followed in one path; Linux follows as many.
const MOST: usize = 40;

/// Where the link at a path leads; none when something else is there.
fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::read_link(path) {
        Ok(to) => to
            .into_os_string()
            .into_string()
            .map(Some)
            .map_err(|_bytes| "it leads to a name that is no text".to_owned()),
        // What is no link is answered with EINVAL.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(super::unreadable(&error)),
    }
}

/// The path with every link in it followed.
pub(super) async fn follow(disk: &Disk, path: &LocalPath) -> Result<LocalPath, String> {
    let root = LocalPath::parse("/").map_err(|refusal| refusal.to_string())?;
    let mut left: Vec<String> = names(path.as_str());
    let (mut real, mut followed) = (root.clone(), 0);
    while let Some(name) = left.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                real = real.parent().unwrap_or(real);
                continue;
            }
            name => real = LocalPath(real.0.join([name])),
        }
        let Some(to) = disk.ask(&real, read).await?? else { continue };
        followed += 1;
        if followed > MOST {
            return Err("its links go round".to_owned());
        }
        real = if to.starts_with('/') { root.clone() } else { real.parent().unwrap_or(real) };
        left.extend(names(&to));
    }
    // Its names are those of the disk, which may not be believed: a control character, or too many of them.
    LocalPath::parse(real.as_str()).map_err(|refusal| refusal.to_string())
}

/// The same by the system, for drives and shares.
pub(super) fn follow_at_once(path: &Path) -> Result<LocalPath, String> {
    let real = fs::canonicalize(path).map_err(|error| super::unreadable(&error))?;
    let text = real.to_str().ok_or_else(|| "it leads to a name that is no text".to_owned())?;
    LocalPath::parse(text).map_err(|refusal| refusal.to_string())
}

/// The names of a path, the first one last.
fn names(path: &str) -> Vec<String> {
    path.split('/').rev().map(str::to_owned).collect()
}
