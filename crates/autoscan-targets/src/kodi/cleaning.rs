//! The cleaning of Kodi's music library: it takes out every song whose file is gone, and looks at every file for that, which takes
//! minutes at a large library. So it is a task of its own, and deliveries that want it are put off until it has ended.
//!
//! Measured at Kodi 20.1: the call is answered within a tenth of a second, and the cleaning shows as a scan until it is done (six
//! seconds for 200 000 songs). A call to scan music while it runs begins none. A small cleaning was seen to be answered only when it
//! was done, so the answer is waited for as well.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::fault::Fault;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::kodi::rpc::{Call, Rpc};
use crate::kodi::scanning;
use crate::kodi::sources::Kind;

/// Between two cleanings lies at least this, or as long as the last one took: many deletions one after another share one.
const BETWEEN: Duration = Duration::from_secs(30);

/// A cleaning is waited for so long…
const LONGEST: Duration = Duration::from_mins(10);

/// … and by one delivery so long…
const WAITED_FOR: Duration = Duration::from_secs(3);

/// … before it is put off for this.
const PUT_OFF_FOR: Duration = Duration::from_secs(10);

/// Whether it has ended is looked at again after this part of its time so far…
const PART_OF_ITS_TIME: u32 = 8;
/// … but after this at least…
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// … and this at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The call that takes out all songs whose files are gone.
pub(super) fn cleaning() -> Call {
    Call::new("AudioLibrary.Clean", json!({"showdialogs": false}))
}

/// The cleanings of one Kodi's music library, of which one runs at a time.
#[derive(Default)]
pub(super) struct Cleanings {
    running: Option<JoinHandle<Result<(), Fault>>>,
    begun: Option<Instant>,
    /// When no other may begin before.
    pause_until: Option<Instant>,
}

impl Cleanings {
    /// Puts off what would disturb a cleaning, as long as one runs.
    pub(super) fn none_runs(&self) -> Result<(), Fault> {
        match &self.running {
            Some(running) if !running.is_finished() => Err(self.still_runs()),
            _ => Ok(()),
        }
    }

    /// Begins a cleaning, unless one runs or ended a moment ago.
    pub(super) async fn begin(&mut self, rpc: &Arc<Rpc>) -> Result<(), Fault> {
        self.none_runs()?;
        // One that has ended since nobody waited for it may have passed what is gone since it began.
        self.end().await?;
        let pause = self.pause();
        if !pause.is_zero() {
            return Err(Fault::Later {
                after: pause,
                reason: "Kodi cleaned its music library a moment ago; autoscan waits, so that one cleaning serves many deletions"
                    .to_owned(),
            });
        }
        self.begun = Some(Instant::now());
        self.running = Some(tokio::spawn(clean(Arc::clone(rpc))));
        Ok(())
    }

    /// How long no other may begin.
    pub(super) fn pause(&self) -> Duration {
        self.pause_until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    /// Waits a moment for the end of the cleaning that runs.
    pub(super) async fn end(&mut self) -> Result<(), Fault> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let Ok(ended) = timeout(WAITED_FOR, running).await else { return Err(self.still_runs()) };
        self.running = None;
        let took = self.begun.map(|begun| begun.elapsed()).unwrap_or_default();
        self.pause_until = Some(Instant::now() + took.max(BETWEEN));
        ended.unwrap_or_else(|error| {
            Err(Fault::wrong(format!(
                "autoscan itself failed while Kodi cleaned its music library ({error})"
            )))
        })
    }

    fn still_runs(&self) -> Fault {
        let since = self.begun.map(|begun| begun.elapsed()).unwrap_or_default();
        Fault::Later {
            after: PUT_OFF_FOR,
            reason: format!(
                "Kodi has been cleaning its music library for {} s; autoscan waits for the end before it tells Kodi of music",
                since.as_secs()
            ),
        }
    }
}

impl Drop for Cleanings {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

/// Has the library cleaned, and waits for the end.
async fn clean(rpc: Arc<Rpc>) -> Result<(), Fault> {
    let begun = Instant::now();
    rpc.call_within::<Value>(cleaning(), LONGEST).await?;
    loop {
        let pause = (begun.elapsed() / PART_OF_ITS_TIME).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
        if !scanning::is_busy(&rpc, Kind::Music).await? {
            return Ok(());
        }
        if begun.elapsed() >= LONGEST {
            return Err(Fault::wrong(format!(
                "Kodi has been cleaning its music library for {} min; autoscan tries again: look at kodi.log if this goes on",
                LONGEST.as_secs() / 60
            )));
        }
    }
}
