//! Changes to the config that people look at before they are written. They stay here, so that no key ever stands in a page.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::scan::ScanId;
use autoscan_core::time::Timestamp;

use crate::answer::Problem;
use crate::control::Edit;
use crate::session::Session;

/// Changes that are kept at a time; beyond, the oldest is forgotten.
const MOST: usize = 64;
/// A change that nobody wrote for so long is forgotten, with the key that may stand in it.
const REST: Duration = Duration::from_mins(30);

/// A change that a person looks at.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) id: String,
    /// The token of the session that began it: nobody else is shown it.
    pub(super) owner: String,
    pub(super) edit: Edit,
    pub(super) begun_at: Timestamp,
    /// The page on which it was begun.
    pub(super) back: &'static str,
    /// The scan that nobody needs any more once it is written.
    pub(super) drops: Option<ScanId>,
}

/// The changes that people look at, before they are written.
#[derive(Default)]
pub(crate) struct Drafts(Mutex<VecDeque<Draft>>);

impl Drafts {
    /// Keeps a change.
    pub(super) fn keep(&self, draft: Draft) {
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.retain(|known| draft.begun_at.since(known.begun_at) < REST);
        if drafts.len() >= MOST {
            drafts.pop_front();
        }
        drafts.push_back(draft);
    }

    /// The change of this id, for the session that began it.
    pub(super) fn find(&self, id: &str, session: &Session, now: Timestamp) -> Result<Draft, Problem> {
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.retain(|draft| now.since(draft.begun_at) < REST);
        let found = drafts.iter().find(|draft| draft.id == id && session.is_token(&draft.owner));
        found.cloned().ok_or_else(|| {
            Problem::not_found("This change is not known any more: nothing was written. Begin it again")
        })
    }

    /// Forgets a change.
    pub(super) fn forget(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|draft| draft.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::MapOf;

    #[test]
    fn a_change_that_nobody_writes_is_forgotten() {
        let (drafts, start) = (Drafts::default(), Timestamp::from_millis(0));
        let session = Session::new("one", true, start);
        let edit = Edit::AddMap { of: MapOf::Target("plex".to_owned()), lines: Vec::new() };
        let id = "abc".to_owned();
        drafts.keep(Draft {
            id,
            owner: session.csrf.clone(),
            edit,
            begun_at: start,
            back: "/targets",
            drops: None,
        });
        assert!(drafts.find("abc", &session, start + Duration::from_mins(29)).is_ok());
        assert!(drafts.find("abc", &session, start + REST).is_err());
    }
}
