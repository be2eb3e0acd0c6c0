//! The hours, and the people who watch, in which a target is left alone.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::time::{SteadyTime, Timestamp};

use crate::bound::BoundTarget;
use crate::lane::Suspension;
use crate::ports::Ports;

/// While people watch, look this often whether they still do.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Why the hour forbids to tell the target, if it does. `minute` is that of the day.
pub(crate) fn of_the_hour(target: &BoundTarget, minute: u16, now: Timestamp) -> Option<Suspension> {
    // What is left is counted from the beginning of this minute.
    let gone = Duration::from_millis(u64::try_from(now.as_millis().rem_euclid(60_000)).unwrap_or_default());
    let left = target.pace.quiet_hours.left(minute)?.saturating_sub(gone);
    let reason = "these are quiet hours of this target (`quiet-hours`)".to_owned();
    Some(Suspension { reason, until: now + left })
}

/// Who is watching, and since when work waits for them to stop.
pub(crate) struct Viewers {
    ports: Arc<Ports>,
    waiting_since: Option<SteadyTime>,
    looked_at: Option<(SteadyTime, usize)>,
}

impl Viewers {
    pub(crate) fn new(ports: Arc<Ports>) -> Self {
        Self { ports, waiting_since: None, looked_at: None }
    }

    /// Why people who watch forbid to tell the target, if they do; asked when there is something to tell. It is not
    /// waited longer than the target's `longest-wait`.
    pub(crate) async fn suspension(&mut self, target: &BoundTarget) -> Result<Option<Suspension>, Fault> {
        let Some(longest) = target.pace.only_when_idle else { return Ok(None) };
        let now = self.ports.steady();
        let since = *self.waiting_since.get_or_insert(now);
        if now.since(since) >= longest {
            return Ok(None);
        }
        let playing = match (self.looked_at, target.server.playback()) {
            (Some((at, playing)), _) if now.since(at) < LOOK_AGAIN => playing,
            (_, Some(playback)) => playback.playing().await?,
            (_, None) => 0,
        };
        self.looked_at = Some((now, playing));
        if playing == 0 {
            return Ok(None);
        }
        let reason = format!(
            "somebody is watching or listening ({playing} now); autoscan waits until nobody is, at most {}",
            autoscan_core::duration::Span(longest)
        );
        let until = (now + LOOK_AGAIN).min(since + longest);
        Ok(Some(Suspension { reason, until: self.ports.time_of(until) }))
    }

    /// Nothing waits any more: the next wait begins anew.
    pub(crate) fn nothing_waits(&mut self) {
        self.waiting_since = None;
        self.looked_at = None;
    }
}
