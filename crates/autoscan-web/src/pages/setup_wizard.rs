//! How far a person has come in adding a server. It stays here, for the session whose wizard it is: no key ever stands in a page.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::secret::Secret;
use autoscan_core::time::Timestamp;
use autoscan_engine::TestView;

use crate::control::{LoginKind, NewTarget, PendingLogin};
use crate::session::Session;

/// Wizards that are kept at a time; beyond, the oldest is forgotten.
const MOST: usize = 32;
/// A wizard that nobody went on with for so long is forgotten, with its key.
const REST: Duration = Duration::from_mins(30);

/// A kind of server that can be added here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Its word in the config.
    pub(super) name: &'static str,
    /// What people call it.
    pub(super) title: &'static str,
    /// Addresses that are common.
    pub(super) addresses: [&'static str; 2],
    /// How it gives a key to who confirms a code.
    pub(super) login: Option<LoginKind>,
    /// What its key is called.
    pub(super) key: &'static str,
    /// Where a person finds one.
    pub(super) where_it_is: &'static str,
}

/// The kinds that can be added here.
pub(super) const KINDS: [Kind; 3] = [
    Kind {
        name: "plex",
        title: "Plex",
        addresses: ["http://plex:32400", "http://192.168.1.10:32400"],
        login: Some(LoginKind::PlexPin),
        key: "token",
        where_it_is: "It must be the token of the server's owner. In Plex Web open any film, its menu, Get Info, View XML: the \
                      address of that page ends with X-Plex-Token.",
    },
    Kind {
        name: "jellyfin",
        title: "Jellyfin",
        addresses: ["http://jellyfin:8096", "http://192.168.1.10:8096"],
        login: Some(LoginKind::QuickConnect),
        key: "API key",
        where_it_is: "In Jellyfin's dashboard, under API Keys: make one for autoscan.",
    },
    Kind {
        name: "emby",
        title: "Emby",
        addresses: ["http://emby:8096", "http://192.168.1.10:8096"],
        login: None,
        key: "API key",
        where_it_is: "In Emby's settings, under Advanced, API Keys: make one for autoscan.",
    },
];

/// The kind of this name.
pub(super) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Where a wizard stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Which kind of server?
    #[default]
    Kind,
    /// Where is it?
    Address,
    /// How is autoscan let in?
    Key,
    /// Which folder is which?
    Folders,
    /// It stands in the config.
    Done,
}

/// A folder of a library, and what it is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// By the server's own paths.
    pub(super) folder: String,
    /// The libraries that have it.
    pub(super) libraries: String,
    /// The same folder here; empty when it is called the same.
    pub(super) here: String,
    /// What speaks for it, one sentence each.
    pub(super) evidence: Vec<String>,
}

/// One person's wizard.
#[derive(Clone, Debug, Default)]
pub(super) struct Wizard {
    revision: u64,
    pub(super) step: Step,
    pub(super) kind: Option<&'static Kind>,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) key: Option<Secret>,
    /// A code that waits for the person.
    pub(super) pending: Option<PendingLogin>,
    /// When the code was asked about last.
    pub(super) asked_at: Option<Timestamp>,
    /// Why it does not go on, in a sentence.
    pub(super) problem: Option<String>,
    /// What the server said when it was tried.
    pub(super) tried: Option<TestView>,
    pub(super) rows: Vec<Row>,
    /// Whether a folder that is not here may be written all the same.
    pub(super) may_insist: bool,
}

impl Wizard {
    /// Forgets what holds only for the server as it was named before.
    pub(super) fn forget_server(&mut self) {
        self.key = None;
        self.pending = None;
        self.tried = None;
        self.rows.clear();
    }

    /// Forgets everything.
    pub(super) fn begin_again(&mut self) {
        *self = Self { revision: self.revision, ..Self::default() };
    }

    /// The target, as far as it is known.
    pub(super) fn target(&self) -> Option<NewTarget> {
        Some(NewTarget {
            kind: self.kind?.name.to_owned(),
            name: self.name.clone(),
            url: self.url.clone(),
            key: self.key.clone()?,
            map: Vec::new(),
        })
    }
}

struct StoredWizard {
    /// The token of the session whose wizard it is.
    owner: String,
    touched_at: Timestamp,
    wizard: Wizard,
}

/// The wizards of all sessions.
#[derive(Default)]
pub(crate) struct Wizards(Mutex<VecDeque<StoredWizard>>);

impl Wizards {
    /// The wizard of this session; a new one when it has none.
    pub(super) fn of(&self, session: &Session, now: Timestamp) -> Wizard {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| now.since(kept.touched_at) < REST);
        kept.iter()
            .find(|kept| session.is_token(&kept.owner))
            .map(|kept| kept.wizard.clone())
            .unwrap_or_default()
    }

    /// Keeps a wizard, unless the person went elsewhere meanwhile.
    pub(super) fn keep(&self, session: &Session, now: Timestamp, mut wizard: Wizard) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|kept| session.is_token(&kept.owner));
        if at.map_or(0, |at| kept[at].wizard.revision) != wizard.revision {
            return;
        }
        wizard.revision += 1;
        if let Some(at) = at {
            kept.remove(at);
        }
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(StoredWizard { owner: session.csrf.clone(), touched_at: now, wizard });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 1);
        Session::new(&seed.to_string(), true, Timestamp::from_millis(0))
    }

    fn named(name: &str, revision: u64) -> Wizard {
        Wizard { name: name.to_owned(), revision, ..Wizard::default() }
    }

    #[test]
    fn a_walk_is_its_sessions_and_ends_when_it_rests() {
        let (wizards, mine, other) = (Wizards::default(), session(), session());
        let start = Timestamp::from_millis(0);
        wizards.keep(&mine, start, named("mine", 0));
        assert_eq!(wizards.of(&other, start).name, "");
        assert_eq!(wizards.of(&mine, start + Duration::from_mins(29)).name, "mine");
        assert_eq!(wizards.of(&mine, start + REST).name, "");
    }

    #[test]
    fn an_answer_that_comes_late_does_not_undo_what_the_person_did_meanwhile() {
        let (wizards, mine, start) = (Wizards::default(), session(), Timestamp::from_millis(0));
        wizards.keep(&mine, start, named("first", 0));
        let late = wizards.of(&mine, start);
        let now = wizards.of(&mine, start);
        wizards.keep(&mine, start, Wizard { name: "second".to_owned(), ..now });
        wizards.keep(&mine, start, Wizard { name: "late".to_owned(), ..late });
        assert_eq!(wizards.of(&mine, start).name, "second");
    }

    #[test]
    fn only_so_many_walks_are_kept() {
        let (wizards, start) = (Wizards::default(), Timestamp::from_millis(0));
        let sessions: Vec<Session> = (0..=MOST).map(|_| session()).collect();
        for session in &sessions {
            wizards.keep(session, start, named("one", 0));
        }
        assert_eq!(wizards.of(&sessions[0], start).name, "");
        assert_eq!(wizards.of(&sessions[1], start).name, "one");
    }
}
