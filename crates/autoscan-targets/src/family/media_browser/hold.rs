//! When a library may be told of paths. Every report starts the server's timer anew, and each makes it look at a whole
//! folder of the library: so reports are gathered, and while one waits in that timer the next ones wait here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::family::media_browser::MediaBrowser;
use crate::family::media_browser::settings_of_the_server::configuration;

/// The first report waits this long for others.
const GATHERS: Duration = Duration::from_millis(2500);

/// What waited for the same moment is told together with what came first, if it comes no later than this.
const TOGETHER: Duration = Duration::from_secs(2);

/// Nothing is gathered again for what comes this soon after the moment that it was to wait for.
const GRACE: Duration = Duration::from_secs(30);

/// The server's delay is asked for again after this.
const FRESH: Duration = Duration::from_mins(10);

/// No delay is believed beyond this.
const LONGEST: Duration = Duration::from_mins(10);

/// A report was looked at by the server with a whole folder, perhaps, within this time.
const LOOKED_LATELY: Duration = Duration::from_mins(5);

/// Whether a library may be told of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// Yes.
    Now,
    /// Yes, together with what was told a moment ago.
    Join,
    /// In so long.
    Later(Duration),
}

/// The libraries of one server that wait.
#[derive(Default)]
pub(crate) struct Holds(Mutex<State>);

#[derive(Default)]
struct State {
    libraries: HashMap<String, Hold>,
    delay: Option<(Duration, Instant)>,
}

/// How one library is held.
struct Hold {
    /// The next report is told from then on.
    opens: Instant,
    /// When the last report began to be told.
    told: Option<Instant>,
}

impl Holds {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the library may be told, of a server that waits `delay` after a report.
    pub(crate) fn may_tell(&self, library: &str, delay: Duration) -> May {
        let now = Instant::now();
        let gathers = GATHERS.min(delay);
        let mut state = self.state();
        let hold = state.libraries.get(library);
        match hold {
            Some(hold) if now < hold.opens => match hold.told {
                Some(told) if now.duration_since(told) < TOGETHER => May::Join,
                _ => May::Later(hold.opens - now),
            },
            Some(hold) if now < hold.opens + GRACE => May::Now,
            _ if gathers.is_zero() => May::Now,
            _ => {
                let told = hold.and_then(|hold| hold.told);
                state.libraries.insert(library.to_owned(), Hold { opens: now + gathers, told });
                May::Later(gathers)
            }
        }
    }

    /// The library was told. The next report waits until the server has looked, with a twelfth of its delay to spare.
    pub(crate) fn told(&self, library: &str, delay: Duration) {
        let now = Instant::now();
        let mut state = self.state();
        let joined = state.libraries.get(library).and_then(|hold| hold.told);
        let told = joined.filter(|told| now.duration_since(*told) < TOGETHER).unwrap_or(now);
        let hold = Hold { opens: now + delay + delay / 12, told: Some(told) };
        state.libraries.insert(library.to_owned(), hold);
    }

    /// Whether the library was told a while ago, so that the server may have found by itself what is to be told now.
    pub(crate) fn was_told_lately(&self, library: &str) -> bool {
        let told = self.state().libraries.get(library).and_then(|hold| hold.told);
        told.is_some_and(|told| told.elapsed() < LOOKED_LATELY)
    }
}

/// How long the server waits after a report before it looks; what it says of that is remembered for minutes.
pub(crate) async fn delay(server: &impl MediaBrowser) -> Result<Duration, autoscan_core::fault::Fault> {
    let holds = &server.desk().holds;
    let known = holds.state().delay.filter(|(_, at)| at.elapsed() < FRESH);
    if let Some((delay, _)) = known {
        return Ok(delay);
    }
    let said = match configuration(server).await {
        Ok(configuration) => configuration.monitor_delay(),
        Err(fault) if fault.stops_the_lane() => return Err(fault),
        Err(_) => None,
    };
    let delay = said.unwrap_or_else(|| server.usual_delay()).min(LONGEST);
    holds.state().delay = Some((delay, Instant::now()));
    Ok(delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn reports_are_gathered_and_then_wait_until_the_server_has_looked() {
        let holds = Holds::default();
        let later = |millis| May::Later(Duration::from_millis(millis));
        assert_eq!(holds.may_tell("1", MINUTE), later(2500));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(holds.may_tell("1", MINUTE), later(1500));
        assert_eq!(holds.may_tell("2", MINUTE), later(2500), "libraries are strangers");
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(holds.may_tell("1", MINUTE), May::Now);
        holds.told("1", MINUTE);
        tokio::time::advance(Duration::from_millis(900)).await;
        assert_eq!(holds.may_tell("1", MINUTE), May::Join);
        holds.told("1", MINUTE);
        tokio::time::advance(Duration::from_millis(1900)).await;
        assert_eq!(holds.may_tell("1", MINUTE), later(63_100), "joining is no way to go on for ever");
        tokio::time::advance(Duration::from_millis(63_100)).await;
        assert_eq!(holds.may_tell("1", MINUTE), May::Now);
        tokio::time::advance(GRACE).await;
        assert_eq!(holds.may_tell("1", MINUTE), later(2500));
        assert!(holds.was_told_lately("1") && !holds.was_told_lately("2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_without_a_delay_is_told_at_once() {
        let holds = Holds::default();
        for _ in 0..3 {
            assert_eq!(holds.may_tell("1", Duration::ZERO), May::Now);
            holds.told("1", Duration::ZERO);
        }
    }
}
