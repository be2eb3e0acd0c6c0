//! Changes that are kept in their scan's own row: those with which it came, as far as they fit. Most scans get no others, and
//! so a webhook writes one page for the scan and what asked for it. What comes later has rows of its own: a row that grew
//! would have to move others to another page.

use autoscan_core::change::{Change, Subject};
use autoscan_core::ids::Ids;
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::scan::StoredChange;
use autoscan_core::time::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error, Result};
use serde::{Deserialize, Serialize};

use super::codes::{Coded, of_code};
use super::rows::{ids_text, targets_of, targets_text};
use crate::rules;

/// Bytes that they take in a row: a quarter of a page, so that a page holds some rows.
const MOST_BYTES: usize = 1_000;

/// A change as it stands in the row. SQL reads `path`, `trigger` and `at` too.
#[derive(Serialize, Deserialize)]
struct Entry {
    path: String,
    kind: i64,
    trigger: String,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    folder: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    awaited: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    targets: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ids: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<String>,
}

impl From<&StoredChange> for Entry {
    fn from(kept: &StoredChange) -> Self {
        let change = &kept.change;
        Self {
            path: change.path.as_str().to_owned(),
            kind: change.kind.code(),
            trigger: kept.trigger.as_str().to_owned(),
            at: kept.received_at.as_millis(),
            from: change.from.as_ref().map(|from| from.as_str().to_owned()),
            folder: change.subject == Subject::Folder,
            awaited: change.awaited,
            targets: targets_text(kept.targets.as_deref()),
            ids: ids_text(&change.ids),
            sent: kept.sent_path.as_ref().map(|sent| sent.as_str().to_owned()),
        }
    }
}

impl Entry {
    fn change(self) -> Result<StoredChange> {
        let path = |text: String| LocalPath::parse(&text).map_err(unreadable);
        Ok(StoredChange {
            change: Change {
                path: path(self.path)?,
                kind: of_code(self.kind).ok_or_else(|| unreadable(format!("kind {}", self.kind)))?,
                from: self.from.map(path).transpose()?,
                subject: if self.folder { Subject::Folder } else { Subject::File },
                awaited: self.awaited,
                ids: self.ids.as_deref().map(Ids::parse).unwrap_or_default(),
            },
            trigger: Name::parse(&self.trigger).map_err(unreadable)?,
            received_at: Timestamp::from_millis(self.at),
            targets: self.targets.as_deref().map(targets_of).transpose().map_err(unreadable)?,
            sent_path: self.sent.map(|sent| TriggerPath::parse(&sent).map_err(unreadable)).transpose()?,
        })
    }
}

fn unreadable(reason: impl ToString) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, reason.to_string().into())
}

/// The changes of one row, in the order of their coming.
#[derive(Default)]
pub(super) struct InlineChanges {
    changes: Vec<StoredChange>,
    /// The column, unless a change was merged since; empty when there are none.
    text: String,
    is_merged: bool,
    is_full: bool,
}

impl InlineChanges {
    /// Reads the column. Nothing is added to what was read.
    pub(super) fn read(text: Option<&str>) -> Result<Self> {
        let entries: Vec<Entry> =
            text.map(serde_json::from_str).transpose().map_err(unreadable)?.unwrap_or_default();
        let changes = entries.into_iter().map(Entry::change).collect::<Result<_>>()?;
        Ok(Self { changes, text: text.unwrap_or_default().to_owned(), is_merged: false, is_full: true })
    }

    /// Merges a change into what is known of its path; answers whether anything is.
    pub(super) fn merge(&mut self, later: &StoredChange) -> bool {
        let known = self.changes.iter_mut().find(|known| known.change.path == later.change.path);
        let Some(known) = known else { return false };
        *known = rules::merged(known.clone(), later);
        self.is_merged = true;
        true
    }

    /// Adds a change of another path; answers whether there was room. Once there is none, there is none for any.
    pub(super) fn add(&mut self, change: &StoredChange) -> Result<bool> {
        if self.is_full {
            return Ok(false);
        }
        let entry = serde_json::to_string(&Entry::from(change)).map_err(unreadable)?;
        self.is_full = self.text.len() + entry.len() > MOST_BYTES;
        if !self.is_full {
            let end = self.text.pop();
            self.text.push(if end.is_some() { ',' } else { '[' });
            self.text.push_str(&entry);
            self.text.push(']');
            self.changes.push(change.clone());
        }
        Ok(!self.is_full)
    }

    /// The column; null when there are none.
    pub(super) fn into_text(self) -> Result<Option<String>> {
        if self.is_merged {
            let entries: Vec<Entry> = self.changes.iter().map(Entry::from).collect();
            return serde_json::to_string(&entries).map(Some).map_err(unreadable);
        }
        Ok((!self.text.is_empty()).then_some(self.text))
    }

    /// All changes of the scan, with those that have rows of their own.
    pub(super) fn followed_by(self, rows: Vec<StoredChange>) -> Vec<StoredChange> {
        let mut all = self.changes;
        all.extend(rows);
        all
    }
}
