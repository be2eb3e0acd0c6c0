//! The config as a tree in which every value knows where it was written.

use std::fmt;
use std::sync::Arc;

use super::fault::shown;

/// In what something was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A config file, as it is shown to a person.
    File(String),
    /// A line of a `.env` file.
    DotEnv {
        /// The file, as it is shown to a person.
        file: String,
        /// The variable that the line sets.
        variable: String,
    },
    /// A variable of the environment.
    Variable(String),
}

/// Where something was written. Lines and columns count from 1, columns in characters; 0 means unknown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    pub(super) origin: Arc<Origin>,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Location {
    /// A place in a file.
    pub(super) fn new(origin: &Arc<Origin>, line: usize, column: usize) -> Self {
        Self { origin: Arc::clone(origin), line, column }
    }

    /// A file or variable as a whole.
    pub(super) fn whole(origin: &Arc<Origin>) -> Self {
        Self::new(origin, 0, 0)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.origin {
            Origin::Variable(name) => write!(out, "environment variable {}", shown(name)),
            Origin::DotEnv { file, variable } if self.line > 0 => {
                write!(out, "{file}:{}: {}", self.line, shown(variable))
            }
            Origin::File(file) if self.line > 0 => write!(out, "{file}:{}:{}", self.line, self.column),
            Origin::File(file) | Origin::DotEnv { file, .. } => out.write_str(file),
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ConfigNode {
    pub(super) place: Location,
    pub(super) content: Content,
}

/// What a value is, before a schema says what it should be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Nothing: counts as not written.
    Null,
    /// A number, a boolean or text.
    Scalar {
        /// Exactly as written, so that a password of digits stays what it is.
        text: String,
        /// Without quotes: may be a number or a boolean.
        plain: bool,
    },
    /// Values in order.
    List(Vec<ConfigNode>),
    /// Keys with their values, in order.
    Map(Vec<ConfigEntry>),
}

/// One key of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ConfigEntry {
    pub(super) key: String,
    /// Where the key stands.
    pub(super) place: Location,
    pub(super) value: ConfigNode,
}

impl ConfigNode {
    /// Nothing, at `place`.
    pub(super) fn null(place: Location) -> Self {
        Self { place, content: Content::Null }
    }

    /// Unquoted text, at `place`.
    pub(super) fn plain(place: Location, text: impl Into<String>) -> Self {
        Self { place, content: Content::Scalar { text: text.into(), plain: true } }
    }

    /// Whether nothing is written here.
    pub(super) fn is_null(&self) -> bool {
        self.content == Content::Null
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; none for anything else.
    pub(super) fn entries(&self) -> &[ConfigEntry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[ConfigNode] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key that is written and not empty.
    pub(super) fn get(&self, key: &str) -> Option<&ConfigNode> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|v| !v.is_null())
    }

    /// How many values this one is made of, itself included.
    pub(super) fn size(&self) -> usize {
        let below: usize = match &self.content {
            Content::List(items) => items.iter().map(Self::size).sum(),
            Content::Map(entries) => entries.iter().map(|entry| entry.value.size()).sum(),
            Content::Null | Content::Scalar { .. } => 0,
        };
        below + 1
    }
}
