//! What is wrong with a config, in sentences. No value of a secret key ever gets into one.

use std::fmt;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::node::{Location, Origin};

/// What is said of a folder where a file should be.
pub(super) const IS_A_FOLDER: &str = "this is a directory. Docker makes a directory when the file is missing on the host: \
    remove it there, and mount the folder that holds the file instead";

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConfigFault {
    place: Option<Location>,
    message: String,
}

impl ConfigFault {
    /// A fault of something written at `place`.
    pub(super) fn at(place: &Location, message: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), message: message.into() }
    }

    /// A fault of a file as a whole, or of nothing that was written.
    pub(super) fn general(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into() }
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(out, "{place}: {}", self.message),
            None => out.write_str(&self.message),
        }
    }
}

impl Serialize for ConfigFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut file, mut variable, mut line, mut column) = (None, None, None, None);
        if let Some(place) = &self.place {
            match &*place.origin {
                Origin::File(name) => file = Some(name),
                Origin::DotEnv { file: name, variable: set } => (file, variable) = (Some(name), Some(set)),
                Origin::Variable(name) => variable = Some(name),
            }
            line = Some(place.line).filter(|line| *line > 0);
            column = Some(place.column).filter(|column| *column > 0);
        }
        let mut out = serializer.serialize_struct("Fault", 5)?;
        out.serialize_field("file", &file)?;
        out.serialize_field("variable", &variable)?;
        out.serialize_field("line", &line)?;
        out.serialize_field("column", &column)?;
        out.serialize_field("message", &self.message)?;
        out.end()
    }
}

/// Everything that is wrong, in the order of the file. Shown one a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct ConfigFaults(Vec<ConfigFault>);

impl ConfigFaults {
    /// Sorts the faults by place; a fault that was found twice is kept once.
    pub(crate) fn new(mut faults: Vec<ConfigFault>) -> Self {
        faults.sort();
        faults.dedup();
        Self(faults)
    }

    /// Each fault.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &ConfigFault> {
        self.0.iter()
    }
}

impl From<ConfigFault> for ConfigFaults {
    fn from(fault: ConfigFault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.iter().enumerate() {
            if number > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}

/// The most characters of a name from outside that are shown.
const LONGEST: usize = 80;

/// A name from outside (a key, a variable, a file), escaped and cut for a message.
pub(super) fn shown(name: &str) -> String {
    let mut out: String = name.chars().take(LONGEST).flat_map(escaped).collect();
    if name.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let (plain, escape) = if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
    plain.into_iter().chain(escape.into_iter().flatten())
}

/// A path from outside, escaped and cut for a message.
pub(super) fn shown_path(path: &Path) -> String {
    path.to_string_lossy().chars().take(4 * LONGEST).flat_map(escaped).collect()
}

/// How a file is called in a message: short when it lies in the current folder.
pub(super) fn name_of(path: &Path, current: &Path) -> String {
    shown_path(path.strip_prefix(current).unwrap_or(path))
}

/// Why a file cannot be read, and what to do.
pub(super) fn why_unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "the file cannot be read: permission denied. autoscan runs as user {}: give the file to that user, or let it read it",
            rustix::process::geteuid().as_raw()
        ),
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    }
}
