//! What Plex says of itself: who watches, and which of its settings fight with autoscan.

use autoscan_core::fault::Fault;

use super::Plex;
use super::answers::{Counted, Prefs};

/// Settings that a person should think about, by their ids in `/:/prefs`.
const AGAINST: [(&str, &str); 5] = [
    (
        "autoEmptyTrash",
        "Plex empties its trash by itself after every scan (Settings → Library, \"Empty trash automatically after every scan\"): \
         when a mount goes away, a scan then removes its items for good; switch it off and use autoscan's `empty-trash`",
    ),
    (
        "ScheduledLibraryUpdatesEnabled",
        "Plex scans whole libraries periodically (Settings → Library, \"Scan my library periodically\"): autoscan's scans wait \
         for these; once a day is enough beside autoscan, or none",
    ),
    (
        "FSEventLibraryUpdatesEnabled",
        "Plex watches the folders itself (Settings → Library, \"Scan my library automatically\"): what it notices is scanned \
         twice, and remote mounts it does not notice; switch it off",
    ),
    (
        "FSEventLibraryPartialScanEnabled",
        "Plex scans folders in which it notices a change (Settings → Library, \"Run a partial scan when changes are detected\"): \
         they are scanned twice; switch it off",
    ),
    (
        "ButlerTaskRefreshLibraries",
        "Plex updates all libraries during its nightly maintenance (Settings → Scheduled Tasks): autoscan's scans wait for it; \
         it is not needed beside autoscan",
    ),
];

impl Plex {
    pub(super) async fn watchers(&self) -> Result<usize, Fault> {
        let sessions: Counted = self.server.read(self.server.get(&["status", "sessions"])).await?;
        Ok(sessions.size.and_then(|size| usize::try_from(size).ok()).unwrap_or_default())
    }

    /// One sentence for each setting that is on and should not be. The partial scan counts only where Plex watches.
    pub(super) async fn settings_against_us(&self) -> Result<Vec<String>, Fault> {
        let prefs: Prefs = self.server.read(self.server.get(&[":", "prefs"])).await?;
        let on = |id: &str| prefs.settings.iter().any(|pref| pref.id == id && pref.is_on());
        let watches = on("FSEventLibraryUpdatesEnabled");
        let said = AGAINST
            .iter()
            .filter(|(id, _)| on(id) && (*id != "FSEventLibraryPartialScanEnabled" || !watches));
        Ok(said.map(|(_, sentence)| (*sentence).to_owned()).collect())
    }
}
