//! When paths may be reported. Each report of what the server does not know makes it look at a whole folder of the
//! library, and one that lies below a folder that was reported starts that folder's timer anew: so reports are gathered,
//! and while a folder waits in that timer the next ones wait here. What comes now and then waits only for moments, what
//! comes in a stream ever longer, so that a stream costs one look a minute and is never starved.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::family::media_browser::server::MediaBrowser;
use crate::family::media_browser::settings_of_the_server::configuration;

/// The first report waits this long for others.
const GATHERS: Duration = Duration::from_millis(2500);

/// After a report that named single files the next one waits this long, and after each further one twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Calls this close to one another are one report.
const TOGETHER: Duration = Duration::from_secs(10);

/// Nothing is gathered again for what comes this soon after the moment that it was to wait for.
const GRACE: Duration = Duration::from_secs(30);

/// The server's delay is asked for again after this.
const FRESH: Duration = Duration::from_mins(10);

/// No delay is believed beyond this.
const LONGEST: Duration = Duration::from_mins(10);

/// Whether paths below a folder of a library may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// Yes.
    Now,
    /// In so long.
    Later(Duration),
}

/// The folders of libraries of one server that wait.
#[derive(Default)]
pub(crate) struct ReportHolds(Mutex<HeldLibraries>);

#[derive(Default)]
struct HeldLibraries {
    roots: HashMap<String, RootHold>,
    /// Below each folder that holds such folders: for which of them the server waits as a whole, and until when.
    waits_for_root: HashMap<String, (String, Instant)>,
    delay: Option<(Duration, Instant)>,
}

/// How one folder of a library is held.
struct RootHold {
    /// The next report is told from then on.
    opens: Instant,
    /// When the last report began to be told.
    told: Option<Instant>,
    /// How many reports there were, each soon after the one before.
    streak: u32,
}

impl ReportHolds {
    fn state(&self) -> MutexGuard<'_, HeldLibraries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server may wait for this folder as a whole now; remembered when it may. Two such waits of folders that lie side by
    /// side would become one for the folder above both.
    pub(crate) fn may_wait_for_root(&self, group: &str, root: &str, delay: Duration) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let other = state.waits_for_root.get(group);
        if other.is_some_and(|(other, until)| other != root && now < *until) {
            return false;
        }
        state.waits_for_root.insert(group.to_owned(), (root.to_owned(), now + delay + delay / 12));
        true
    }

    /// Whether paths below a folder of a library may be told, of a server that waits `delay` after a report.
    pub(crate) fn may_tell(&self, root: &str, delay: Duration) -> May {
        let now = Instant::now();
        let gathers = GATHERS.min(delay);
        let mut state = self.state();
        let hold = state.roots.get(root);
        match hold {
            Some(hold) if now < hold.opens => May::Later(hold.opens - now),
            Some(hold) if now < hold.opens + GRACE => May::Now,
            _ if gathers.is_zero() => May::Now,
            _ => {
                let told = hold.and_then(|hold| hold.told);
                let streak = hold.map_or(0, |hold| hold.streak);
                state.roots.insert(root.to_owned(), RootHold { opens: now + gathers, told, streak });
                May::Later(gathers)
            }
        }
    }

    /// They were told: of single files, or of a `whole` folder that what comes next would lie below. Then the next
    /// report waits until the server has looked, with a twelfth of its delay to spare.
    pub(crate) fn told(&self, root: &str, delay: Duration, whole: bool) {
        let now = Instant::now();
        let mut state = self.state();
        let before = state.roots.get(root).and_then(|hold| Some((hold.told?, hold.streak)));
        let longest = delay + delay / 12;
        let (told, streak) = match before {
            Some((told, streak)) if now.duration_since(told) < TOGETHER => (told, streak),
            Some((told, streak)) if now.duration_since(told) < longest * 2 => (now, streak.saturating_add(1)),
            _ => (now, 0),
        };
        let pause = FIRST_PAUSE.saturating_mul(1 << streak.min(16));
        let pause = if whole { longest } else { pause.min(longest) };
        state.roots.insert(root.to_owned(), RootHold { opens: now + pause, told: Some(told), streak });
    }

    /// Whether a report below the folder may still wait at a server that waits `delay` after the last one.
    pub(crate) fn may_wait(&self, root: &str, delay: Duration) -> bool {
        let told = self.state().roots.get(root).and_then(|hold| hold.told);
        told.is_some_and(|told| told.elapsed() < delay * 2)
    }
}

/// How long the server waits after a report before it looks; what it says of that is remembered for minutes.
/// Where it does not say so, or just then cannot, it is the usual one of its kind.
pub(crate) async fn delay(server: &impl MediaBrowser) -> Duration {
    let holds = &server.state().holds;
    let known = holds.state().delay.filter(|(_, at)| at.elapsed() < FRESH);
    if let Some((delay, _)) = known {
        return delay;
    }
    let said = match configuration(server).await {
        Ok(configuration) => configuration.monitor_delay(),
        Err(fault) if fault.stops_the_lane() => return server.usual_delay(),
        Err(_) => None,
    };
    let delay = said.unwrap_or_else(|| server.usual_delay()).min(LONGEST);
    holds.state().delay = Some((delay, Instant::now()));
    delay
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn reports_are_gathered_and_then_wait_until_the_server_has_looked() {
        let holds = ReportHolds::default();
        let later = |millis| May::Later(Duration::from_millis(millis));
        assert_eq!(holds.may_tell("1", MINUTE), later(2500));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(holds.may_tell("1", MINUTE), later(1500));
        assert_eq!(holds.may_tell("2", MINUTE), later(2500), "libraries are strangers");
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(holds.may_tell("1", MINUTE), May::Now);
        holds.told("1", MINUTE, true);
        tokio::time::advance(Duration::from_millis(900)).await;
        assert_eq!(holds.may_tell("1", MINUTE), later(64_100), "nothing is added to what waits there");
        assert!(holds.may_wait("1", MINUTE) && !holds.may_wait("2", MINUTE));
        tokio::time::advance(Duration::from_millis(64_100)).await;
        assert_eq!(holds.may_tell("1", MINUTE), May::Now);
        tokio::time::advance(GRACE).await;
        assert_eq!(holds.may_tell("1", MINUTE), later(2500));
    }

    #[tokio::test(start_paused = true)]
    async fn single_files_wait_for_moments_and_a_stream_of_them_ever_longer() {
        let holds = ReportHolds::default();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            holds.told("1", MINUTE, false);
            let mut seconds = 0;
            while holds.may_tell("1", MINUTE) != May::Now {
                tokio::time::advance(Duration::from_secs(1)).await;
                seconds += 1;
            }
            pauses.push(seconds);
        }
        assert_eq!(pauses, [5, 5, 10, 20, 40, 65, 65]);
        tokio::time::advance(MINUTE * 3).await;
        holds.told("1", MINUTE, false);
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!(holds.may_tell("1", MINUTE), May::Now, "the stream has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_without_a_delay_is_told_at_once() {
        let holds = ReportHolds::default();
        for _ in 0..3 {
            assert_eq!(holds.may_tell("1", Duration::ZERO), May::Now);
            holds.told("1", Duration::ZERO, true);
        }
    }
}
