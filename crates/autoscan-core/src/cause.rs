//! Why a file did not appear at a target, by what that is known, and what mends it when a person asks for it.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The likeliest cause why a file did not appear. It reads as its sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingCause {
    /// What it is, in a sentence without a capital.
    pub sentence: String,
    /// What mends it. autoscan does it only when a person asks for it.
    pub remedy: Option<Remedy>,
    /// The file by which a person keeps the missing one out. A cause with evidence is looked for afresh each time the missing
    /// file is looked at again.
    pub evidence: Option<String>,
}

impl From<String> for MissingCause {
    fn from(sentence: String) -> Self {
        Self { sentence, remedy: None, evidence: None }
    }
}

impl Deref for MissingCause {
    type Target = str;

    fn deref(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for MissingCause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.sentence)
    }
}

/// What mends a cause when a person asks for it: autoscan does not do it because of the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Remedy {
    /// The target scans one whole library once.
    ScanLibrary {
        /// The library's title.
        library: String,
        /// The target's id of it.
        id: String,
    },
}

impl Remedy {
    /// What it does at this target, as a button says it.
    pub fn label(&self, target: &str) -> String {
        match self {
            Self::ScanLibrary { library, .. } => {
                format!("Scan the library \u{201c}{library}\u{201d} once at {target}")
            }
        }
    }
}

/// The files by which a person keeps others out of a server, folder by folder: `.plexignore`.
#[derive(Clone, Copy, Debug)]
pub struct IgnoreFile {
    /// Their name.
    pub name: &'static str,
    /// Whether the nearest above a path alone counts, and not every one above it.
    pub only_the_nearest: bool,
    /// What in such a text keeps out a path, given below the folder in which the file lies with `/` between the names; none
    /// when nothing does.
    pub keeps_out: fn(text: &str, below: &str) -> Option<KeptOutBy>,
}

/// What in an ignore file keeps a path out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptOutBy {
    /// This line.
    Line(String),
    /// The file is empty, which means everything below its folder.
    BeingEmpty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_reads_as_its_sentence() {
        let cause = MissingCause::from("Plex is still scanning".to_owned());
        assert!(cause.contains("still") && cause.remedy.is_none());
        assert_eq!(format!("{cause}"), "Plex is still scanning");
    }

    #[test]
    fn a_button_names_the_library_and_the_target() {
        let remedy = Remedy::ScanLibrary { library: "Films".into(), id: "7".into() };
        assert_eq!(remedy.label("jellyfin"), "Scan the library “Films” once at jellyfin");
    }
}
