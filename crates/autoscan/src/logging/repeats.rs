//! A failure that goes on unchanged is one line. What repeats is counted, and the count is logged once a minute and when it
//! is over. Two warnings are the same only if they come from the same line of the program and every field is the same.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, error, info, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How often the count of what goes on is logged. What did not happen for as long is over.
const EVERY: Duration = Duration::from_mins(1);
/// Different failures that are counted at a time; bounds the memory.
const MOST: usize = 256;
/// The target of the lines that tell counts.
const COUNTS: &str = "autoscan::repeats";

/// Every warning and error of the last minute.
#[derive(Default)]
pub(super) struct Repeats(Mutex<HashMap<Warning, Count>>);

/// What was warned of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Warning {
    from: Identifier,
    level: Level,
    text: String,
}

/// How often.
#[derive(Debug)]
struct Count {
    last_at: Instant,
    /// When a line of it was logged last.
    line_at: Instant,
    /// Repeats since that line.
    unlogged: u64,
    /// All repeats.
    all: u64,
}

/// A line that is due.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    level: Level,
    text: String,
    times: u64,
    is_over: bool,
}

impl Repeats {
    /// Whether a warning is to be logged. One that repeats is counted instead.
    fn is_new(&self, warning: Warning, now: Instant) -> bool {
        let mut counts = self.lock();
        if let Some(count) = counts.get_mut(&warning) {
            (count.last_at, count.unlogged, count.all) = (now, count.unlogged + 1, count.all + 1);
            return false;
        }
        if counts.len() >= MOST {
            let stalest =
                counts.iter().filter(|(_, count)| count.all == 0).min_by_key(|(_, one)| one.last_at);
            let Some(stalest) = stalest.map(|(warning, _)| warning.clone()) else { return true };
            counts.remove(&stalest);
        }
        counts.insert(warning, Count { last_at: now, line_at: now, unlogged: 0, all: 0 });
        true
    }

    /// The counts that are to be logged now; all that are not logged yet when it is the end.
    fn due(&self, now: Instant, is_end: bool) -> Vec<Due> {
        let mut due = Vec::new();
        self.lock().retain(|Warning { level, text, .. }, count| {
            let line = |times, is_over| Due { level: *level, text: text.clone(), times, is_over };
            if now.duration_since(count.last_at) >= EVERY {
                due.extend((count.all > 0).then(|| line(count.all, true)));
                return false;
            }
            if count.unlogged > 0 && (is_end || now.duration_since(count.line_at) >= EVERY) {
                due.push(line(count.unlogged, false));
                (count.line_at, count.unlogged) = (now, 0);
            }
            true
        });
        due
    }

    /// Logs the counts that are due.
    pub(super) fn report(&self, is_end: bool) {
        for Due { level, text, times, is_over } in self.due(Instant::now(), is_end) {
            if is_over {
                info!(target: COUNTS, times, "this has not happened for a minute, after it was repeated: {text}");
            } else if level == Level::ERROR {
                error!(target: COUNTS, times, "repeated: {text}");
            } else {
                warn!(target: COUNTS, times, "repeated: {text}");
            }
        }
    }

    /// The next warning of each kind is logged: a person tries something anew.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Warning, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps repeats out of the log.
pub(super) struct WithoutRepeats(pub(super) &'static Repeats);

impl<S: Subscriber> Layer<S> for WithoutRepeats {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let about = event.metadata();
        if *about.level() > Level::WARN || about.target() == COUNTS {
            return true;
        }
        let mut text = EventText::default();
        event.record(&mut text);
        let warning =
            Warning { from: about.callsite(), level: *about.level(), text: text.message + &text.fields };
        self.0.is_new(warning, Instant::now())
    }
}

/// An event as text.
#[derive(Default)]
struct EventText {
    message: String,
    fields: String,
}

impl Visit for EventText {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a text never fails.
        let _written = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    struct Site(u8);

    impl tracing::callsite::Callsite for Site {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}
        fn metadata(&self) -> &tracing::Metadata<'_> {
            panic!("nobody asks a site of these tests for more than its address")
        }
    }

    static SITES: [Site; 2] = [Site(0), Site(1)];

    fn warning(site: usize, text: &str) -> Warning {
        assert_eq!(usize::from(SITES[site].0), site);
        Warning { from: Identifier(&SITES[site]), level: Level::WARN, text: text.to_owned() }
    }

    #[test]
    fn what_repeats_is_counted_once_a_minute_and_its_end_is_told() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let line = |times, is_over| Due { level: Level::WARN, text: "full".to_owned(), times, is_over };
        assert!(repeats.is_new(warning(0, "full"), at(0)));
        for second in 1..=130 {
            assert!(!repeats.is_new(warning(0, "full"), at(second)));
            let due = repeats.due(at(second), false);
            let expected = if second % 60 == 0 { vec![line(60, false)] } else { vec![] };
            assert_eq!(due, expected, "{second}");
        }
        assert_eq!(repeats.due(at(189), false), [line(10, false)]);
        assert_eq!(repeats.due(at(190), false), [line(130, true)]);
        assert!(repeats.is_new(warning(0, "full"), at(191)), "what comes back is told again");
    }

    #[test]
    fn what_differs_in_its_text_or_its_place_is_never_hidden() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        for different in [warning(0, "full"), warning(0, "read-only"), warning(1, "full")] {
            assert!(repeats.is_new(different, now));
        }
        for number in 0..3 * MOST {
            assert!(repeats.is_new(warning(0, &number.to_string()), now));
        }
        assert!(repeats.lock().len() <= MOST);
    }

    #[test]
    fn what_is_not_logged_yet_is_logged_at_the_end_and_what_a_person_tries_anew_is_told() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        assert!(repeats.is_new(warning(0, "full"), now));
        assert_eq!(repeats.due(now, true), []);
        assert!(!repeats.is_new(warning(0, "full"), now));
        assert_eq!(repeats.due(now, true).len(), 1);
        repeats.forget();
        assert!(repeats.is_new(warning(0, "full"), now));
    }

    #[test]
    fn warnings_are_told_apart_by_their_fields_and_what_is_less_is_never_held_back() {
        struct Counting(std::sync::Arc<Mutex<Vec<Level>>>);
        impl<S: Subscriber> Layer<S> for Counting {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                self.0.lock().unwrap().push(*event.metadata().level());
            }
        }
        static REPEATS: std::sync::LazyLock<Repeats> = std::sync::LazyLock::new(Repeats::default);
        let seen = std::sync::Arc::<Mutex<Vec<Level>>>::default();
        let registry = tracing_subscriber::registry();
        let subscriber = registry.with(Counting(std::sync::Arc::clone(&seen))).with(WithoutRepeats(&REPEATS));
        tracing::subscriber::with_default(subscriber, || {
            for trigger in ["sonarr", "radarr", "sonarr", "sonarr"] {
                warn!(trigger, "cannot be stored");
                info!("received");
            }
            REPEATS.report(true);
        });
        let levels = seen.lock().unwrap();
        let warnings = levels.iter().filter(|level| **level == Level::WARN).count();
        assert_eq!((warnings, levels.len()), (3, 7), "two warnings, four infos and one count");
    }
}
