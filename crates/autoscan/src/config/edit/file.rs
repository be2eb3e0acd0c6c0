//! The config's file: read as bytes, and replaced as a whole or not at all.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::fault::{shown_path, why_unreadable};

/// The file as it was read.
pub(super) struct ConfigFile {
    /// Where it really lies: links are followed.
    pub(super) path: PathBuf,
    /// A byte order mark, or nothing.
    pub(super) mark: &'static str,
    /// Its text, without the mark.
    pub(super) text: String,
    /// By this a changed file is known.
    pub(super) basis: String,
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<ConfigFile, String> {
    let said = |error: &io::Error| format!("{}: {}", shown_path(path), why_unreadable(error));
    let real = fs::canonicalize(path).map_err(|error| said(&error))?;
    let mut bytes = Vec::new();
    File::open(&real)
        .and_then(|file| file.take(1 << 20).read_to_end(&mut bytes))
        .map_err(|error| said(&error))?;
    let basis = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let text = String::from_utf8(bytes).map_err(|_bytes| format!("{} is not UTF-8", shown_path(path)))?;
    let (mark, text) = match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest.to_owned()),
        None => ("", text),
    };
    Ok(ConfigFile { path: real, mark, text, basis })
}

/// Puts another text in the place of the file: beside it first, then renamed, so that nobody ever reads half of it. Owner
/// and mode stay.
pub(super) fn replace(kept: &ConfigFile, text: &str) -> Result<(), String> {
    let folder = kept.path.parent().unwrap_or(Path::new("/"));
    let name = kept.path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}.new", std::process::id()));
    let replaced = fs::metadata(&kept.path).and_then(|about| {
        write(&beside, &about, format!("{}{text}", kept.mark).as_bytes())?;
        fs::rename(&beside, &kept.path)?;
        File::open(folder)?.sync_all()
    });
    replaced.map_err(|error| {
        let _left = fs::remove_file(&beside);
        format!(
            "{} cannot be written: {error}. Paste the lines into it by hand, and reload the config. (autoscan writes a new file \
             beside it and puts that in its place: it needs the right to write into the folder {}, as user {}.)",
            shown_path(&kept.path),
            shown_path(folder),
            rustix::process::geteuid().as_raw()
        )
    })
}

fn write(path: &Path, like: &Metadata, bytes: &[u8]) -> io::Result<()> {
    // What a killed process left there is no config.
    let _left = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mine = file.metadata()?;
    if (mine.uid(), mine.gid()) != (like.uid(), like.gid()) {
        std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(like.permissions().mode() & 0o7777))?;
    file.write_all(bytes)?;
    file.sync_all()
}
