//! What is known of the scans of each library: by what autoscan told, and by what Plex says over its websocket.
//!
//! Neither an activity nor a notification names the folder that is scanned, so an end is tied to what was told by the
//! library and by time; and a scan that is over within a second never names its library at all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A scan that Plex took on is under way within this, so before it an idle library is no leave to work on its items.
const BEGINS_WITHIN: Duration = Duration::from_secs(1);

/// Without a websocket Plex is asked after this whether it still scans, before it is told of the next folder. To be too early
/// here does no harm: Plex queues.
const ASKED_AFTER: Duration = Duration::from_millis(100);

/// Over the websocket Plex tells of a scan within this; when it says nothing it is asked.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// No scan is waited for longer than this: what comes next is told anyway.
pub(super) const LONGEST_SCAN: Duration = Duration::from_mins(10);

/// An activity of which no end was heard is forgotten after this.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(2);

/// Activities remembered at most.
const MOST_ACTIVITIES: usize = 256;

/// Without a websocket a library is idle when it was found idle twice, so far apart.
const TWICE_APART: Duration = Duration::from_secs(5);

/// Something that Plex told over its websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A scan goes on; its library, where that is said already.
    Scanning { uuid: String, section: Option<String> },
    /// A scan ended.
    Ended { uuid: String, section: Option<String> },
    /// Some scan ended.
    Complete,
    /// An item appeared, changed or went.
    Item,
}

/// Whether a library may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LibraryActivity {
    /// Nothing is under way.
    Idle,
    /// A scan is.
    Busy,
    /// Only Plex knows.
    Ask,
}

/// The libraries of one server.
pub(super) struct LibraryScans {
    state: Mutex<ScanState>,
    /// Counts what is worth asking again for.
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct ScanState {
    connected: bool,
    told: HashMap<String, RequestedScan>,
    running: HashMap<String, RunningScan>,
    idle_since: HashMap<String, Instant>,
    /// When news were passed on last.
    passed_on: Option<Instant>,
}

/// The last scan that a library was told.
#[derive(Clone, Copy)]
struct RequestedScan {
    at: Instant,
    ended: bool,
}

struct RunningScan {
    section: Option<String>,
    since: Instant,
}

impl Default for LibraryScans {
    fn default() -> Self {
        Self { state: Mutex::default(), news: watch::Sender::new(0) }
    }
}

impl LibraryScans {
    fn state(&self) -> MutexGuard<'_, ScanState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A library is being told.
    pub(super) fn tell(&self, section: &str) {
        let mut state = self.state();
        state.idle_since.remove(section);
        state.told.insert(section.to_owned(), RequestedScan { at: Instant::now(), ended: false });
    }

    /// What was told has ended, or came to nothing.
    pub(super) fn ended(&self, section: &str) {
        if let Some(told) = self.state().told.get_mut(section) {
            told.ended = true;
        }
    }

    /// Plex says that the library is idle: what it was told a while ago has ended.
    pub(super) fn settle(&self, section: &str) {
        if self.activity(section) == LibraryActivity::Ask {
            self.ended(section);
        }
    }

    /// The websocket was opened, or was lost: then nothing that was heard is believed any longer.
    pub(super) fn set_connected(&self, connected: bool) {
        let mut state = self.state();
        state.connected = connected;
        state.running.clear();
    }

    /// Takes in what Plex told.
    pub(super) fn hear(&self, event: Event) {
        let worth_asking = !matches!(event, Event::Scanning { .. });
        self.state().hear(event);
        if worth_asking {
            self.news.send_modify(|count| *count += 1);
        }
    }

    /// How long to wait so that news are passed on no more often than `apart`, and notes that they are then.
    pub(super) fn until_quiet(&self, apart: Duration) -> Duration {
        let mut state = self.state();
        let now = Instant::now();
        let at = state.passed_on.map_or(now, |last| now.max(last + apart));
        state.passed_on = Some(at);
        at - now
    }

    /// Counts what is worth asking again for.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Whether the library may be told.
    pub(super) fn activity(&self, section: &str) -> LibraryActivity {
        let state = self.state();
        if state.is_running(section) {
            return LibraryActivity::Busy;
        }
        let Some(told) = state.told.get(section).filter(|told| !told.ended) else {
            return LibraryActivity::Idle;
        };
        let patience = if state.connected { TOLD_WITHIN } else { ASKED_AFTER };
        if told.at.elapsed() < patience { LibraryActivity::Busy } else { LibraryActivity::Ask }
    }

    /// How long the library has been busy, as far as is known.
    pub(super) fn busy_for(&self, section: &str) -> Duration {
        let state = self.state();
        let told = state.told.get(section).filter(|told| !told.ended).map(|told| told.at);
        let running = state.of(section).map(|running| running.since);
        told.into_iter().chain(running).map(|since| since.elapsed()).max().unwrap_or_default()
    }

    /// Whether the library rests, so that its items may be worked on, when Plex has just said whether it is `refreshing`:
    /// Plex can crash when it is asked to analyse what it scans. Over the websocket every beginning is heard; without it
    /// the library must be found idle twice.
    pub(super) fn rests(&self, section: &str, refreshing: bool) -> bool {
        let mut state = self.state();
        let connected = state.connected;
        let quiet = !refreshing && !state.is_running(section);
        let told = state.told.get(section).copied();
        let young = told.is_some_and(|told| !told.ended && told.at.elapsed() < BEGINS_WITHIN);
        if !quiet || young {
            state.idle_since.remove(section);
            return false;
        }
        if connected && told.is_none_or(|told| told.ended) {
            return true;
        }
        let since = *state.idle_since.entry(section.to_owned()).or_insert_with(Instant::now);
        let rests = since.elapsed() >= TWICE_APART;
        if rests && let Some(told) = state.told.get_mut(section) {
            told.ended = true;
        }
        rests
    }
}

impl ScanState {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Scanning { uuid, section } => {
                self.running.retain(|_, running| running.since.elapsed() < FORGOTTEN_AFTER);
                if self.running.len() >= MOST_ACTIVITIES && !self.running.contains_key(&uuid) {
                    return;
                }
                if let Some(section) = &section {
                    self.idle_since.remove(section);
                }
                let since = self.running.get(&uuid).map_or_else(Instant::now, |known| known.since);
                self.running.insert(uuid, RunningScan { section, since });
            }
            Event::Ended { uuid, section } => {
                let known = self.running.remove(&uuid).and_then(|running| running.section);
                match section.or(known) {
                    Some(section) => self.end(&section),
                    None => self.end_the_only_one(),
                }
            }
            Event::Complete => self.end_the_only_one(),
            Event::Item => {}
        }
    }

    fn end(&mut self, section: &str) {
        if let Some(told) = self.told.get_mut(section) {
            told.ended = true;
        }
    }

    /// An end that names no library is that of the only one that was told and has not ended, if no scan is known to run.
    fn end_the_only_one(&mut self) {
        if !self.running.is_empty() {
            return;
        }
        let mut open = self.told.values_mut().filter(|told| !told.ended);
        if let (Some(only), None) = (open.next(), open.next()) {
            only.ended = true;
        }
    }

    fn is_running(&self, section: &str) -> bool {
        self.of(section).next().is_some()
    }

    /// The scans that are known to run in the library. One that has not said which library it is of may be.
    fn of(&self, section: &str) -> impl Iterator<Item = &RunningScan> {
        self.running.values().filter(move |running| {
            running.since.elapsed() < FORGOTTEN_AFTER
                && running.section.as_deref().is_none_or(|known| known == section)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanning(uuid: &str, section: Option<&str>) -> Event {
        Event::Scanning { uuid: uuid.to_owned(), section: section.map(str::to_owned) }
    }

    fn ended(uuid: &str, section: Option<&str>) -> Event {
        Event::Ended { uuid: uuid.to_owned(), section: section.map(str::to_owned) }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_tied_by_library_and_by_time() {
        let sections = LibraryScans::default();
        sections.set_connected(true);
        sections.tell("1");
        assert_eq!(
            (sections.activity("1"), sections.activity("2")),
            (LibraryActivity::Busy, LibraryActivity::Idle)
        );
        sections.hear(scanning("a", None));
        assert_eq!(sections.activity("2"), LibraryActivity::Busy, "it may be this one");
        sections.hear(scanning("a", Some("1")));
        assert_eq!(
            (sections.activity("1"), sections.activity("2")),
            (LibraryActivity::Busy, LibraryActivity::Idle)
        );
        sections.hear(ended("a", None));
        assert_eq!(sections.activity("1"), LibraryActivity::Idle, "the library was named before");

        sections.tell("1");
        sections.hear(scanning("b", None));
        sections.hear(ended("b", None));
        assert_eq!(sections.activity("1"), LibraryActivity::Idle, "only one was told");

        sections.tell("1");
        sections.tell("2");
        sections.hear(scanning("c", None));
        sections.hear(ended("c", None));
        assert_eq!(sections.activity("1"), LibraryActivity::Busy, "it may have been the other's");
        tokio::time::advance(TOLD_WITHIN).await;
        assert_eq!(sections.activity("1"), LibraryActivity::Ask);
        sections.ended("1");
        assert_eq!(sections.activity("1"), LibraryActivity::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_websocket_makes_plex_be_asked() {
        let sections = LibraryScans::default();
        sections.set_connected(true);
        sections.tell("1");
        sections.hear(scanning("a", Some("1")));
        sections.set_connected(false);
        assert_eq!(sections.activity("1"), LibraryActivity::Busy);
        tokio::time::advance(ASKED_AFTER).await;
        assert_eq!(sections.activity("1"), LibraryActivity::Ask);
    }

    #[tokio::test(start_paused = true)]
    async fn a_library_rests_by_the_websocket_or_when_it_was_found_idle_twice() {
        let sections = LibraryScans::default();
        sections.tell("1");
        assert!(!sections.rests("1", false), "it may not have begun");
        tokio::time::advance(BEGINS_WITHIN).await;
        assert!(!sections.rests("1", false));
        tokio::time::advance(TWICE_APART / 2).await;
        assert!(!sections.rests("1", true), "it scans again");
        assert!(!sections.rests("1", false));
        tokio::time::advance(TWICE_APART).await;
        assert!(sections.rests("1", false));

        sections.set_connected(true);
        sections.tell("2");
        sections.hear(ended("x", Some("2")));
        assert!(sections.rests("2", false) && !sections.rests("2", true));
        sections.hear(scanning("y", None));
        assert!(!sections.rests("2", false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_has_a_bound() {
        let sections = LibraryScans::default();
        for n in 0..10_000 {
            sections.hear(scanning(&n.to_string(), Some("7")));
        }
        assert_eq!(sections.state().running.len(), MOST_ACTIVITIES);
        tokio::time::advance(FORGOTTEN_AFTER).await;
        assert_eq!(sections.activity("7"), LibraryActivity::Idle);
    }
}
