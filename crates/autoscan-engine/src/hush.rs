//! The hours and the company in which a target is left alone.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::time::Timestamp;

use crate::bound::BoundTarget;
use crate::lane::Hush;

/// While people watch, look this often whether they still do.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Since when work waits for people to stop watching.
#[derive(Debug, Default)]
pub(crate) struct Company {
    waiting_since: Option<Timestamp>,
    looked_at: Option<(Timestamp, usize)>,
}

/// Why the hour forbids to tell the target, if it does. `minute` is that of the day.
pub(crate) fn of_the_hour(target: &BoundTarget, minute: u16, now: Timestamp) -> Option<Hush> {
    // What is left is counted from the beginning of this minute.
    let gone = Duration::from_millis(u64::try_from(now.as_millis().rem_euclid(60_000)).unwrap_or_default());
    let left = target.pace.quiet_hours.left(minute)?.saturating_sub(gone);
    let reason = "these are quiet hours of this target (`quiet-hours`)".to_owned();
    Some(Hush { reason, until: now + left })
}

impl Company {
    /// Why people who watch forbid to tell the target, if they do; asked when there is something to tell. It is not
    /// waited longer than the target's `longest-wait`.
    pub(crate) async fn hush(&mut self, target: &BoundTarget, now: Timestamp) -> Result<Option<Hush>, Fault> {
        let Some(longest) = target.pace.only_when_idle else { return Ok(None) };
        let since = *self.waiting_since.get_or_insert(now);
        if now.since(since) >= longest {
            return Ok(None);
        }
        let playing = match self.looked_at {
            Some((at, playing)) if now.since(at) < LOOK_AGAIN => playing,
            _ => target.server.playing().await?,
        };
        self.looked_at = Some((now, playing));
        if playing == 0 {
            return Ok(None);
        }
        let reason = format!(
            "somebody is watching or listening ({playing} now); autoscan waits until nobody is, at most {}",
            autoscan_core::duration::Span(longest)
        );
        Ok(Some(Hush { reason, until: (now + LOOK_AGAIN).min(since + longest) }))
    }

    /// Nothing waits any more: the next wait begins anew.
    pub(crate) fn nothing_waits(&mut self) {
        self.waiting_since = None;
        self.looked_at = None;
    }
}
