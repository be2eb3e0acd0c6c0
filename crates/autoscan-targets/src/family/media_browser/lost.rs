//! Why what the server was told is believed lost: it loses notices whose waits end together, and all of them at a restart, without
//! a word (Jellyfin 12.0.0, measured).

use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::TargetScan;

use crate::family::libraries;
use crate::family::media_browser::answers::LibraryStatus;
use crate::family::media_browser::report::{PathReport, UpdateType};
use crate::family::media_browser::report_holds;
use crate::family::media_browser::server::MediaBrowser;
use crate::family::media_browser::settings_of_the_server::scans_everything;

/// What is refreshed is begun at once, and its end cannot be seen unless it is a library: it is given this long.
const REFRESHED_WITHIN: Duration = Duration::from_mins(1);

/// Why a telling is believed lost: no notice of these paths waits any more, and the server scans no library.
pub(crate) async fn why_lost(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    told_ago: Duration,
) -> Option<String> {
    if told_ago < REFRESHED_WITHIN {
        return None;
    }
    let delay = report_holds::delay(server).await;
    let (index, _) = libraries::owners(server, &scan.folder).await.ok()?;
    let ends =
        scan.changes.iter().flat_map(|change: &Change<TargetPath>| change.from.iter().chain([&change.path]));
    for path in ends.chain([&scan.folder]) {
        let reports = index.owners(&path.0);
        let mut reports = reports.iter().filter_map(|owner| PathReport::of(owner, UpdateType::Modified));
        if reports.any(|report| server.state().holds.may_wait(&report.root, delay)) {
            return None;
        }
    }
    let folders = server.virtual_folders().await.ok()?;
    if folders.iter().any(|folder| folder.status() != LibraryStatus::Idle) || scans_everything(server).await {
        return None;
    }
    Some(format!("{} scans nothing now and still does not show it", server.product()))
}
