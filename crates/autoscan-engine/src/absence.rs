//! Why a file that was to be there is not, and what a person can do about it.

use std::fmt::Display;

use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::scan::{Scan, StoredChange};

/// The sentence for a scan whose file never came. `nearest` is the nearest folder that is there, `waited` the time that was
/// waited.
pub(crate) fn sentence(scan: &Scan, nearest: &LocalPath, waited: impl Display) -> String {
    let first = scan.changes.iter().find(|stored| stored.change.path.0.is_within(&scan.folder.0));
    let path = first.map_or(scan.folder.as_str(), |stored| stored.change.path.as_str());
    let hint = first.map_or_else(|| hint(&scan.folder, nearest, None), |stored| of_change(stored, nearest));
    format!("{path:?} never appeared ({waited}): {hint}")
}

fn of_change(stored: &StoredChange, nearest: &LocalPath) -> String {
    hint(&stored.change.path, nearest, stored.sent_path.as_ref().map(|sent| (sent, stored.trigger.as_str())))
}

/// What to look for when a path is not on this machine.
fn hint(path: &LocalPath, nearest: &LocalPath, sent: Option<(&TriggerPath, &str)>) -> String {
    let is_far = path.0.depth() > nearest.0.depth() + 2 || nearest.0.is_root();
    match sent {
        Some((sent, trigger)) if is_far => format!(
            "{trigger} sent {sent:?}, and of that path here only {:?} exists; check the `map` of this trigger and whether the \
             disk is mounted",
            nearest.as_str()
        ),
        None if is_far => format!(
            "only {:?} of that path exists here; does the sender see this folder under another path (then its trigger needs a \
             `map`), or is a disk not mounted?",
            nearest.as_str()
        ),
        _ => format!(
            "its folder {:?} is there; was the file renamed or deleted again, or is it still being copied?",
            nearest.as_str()
        ),
    }
}

/// The sentence for a delivery whose file still is not there after the target was told of the nearest folder.
pub(crate) fn after_the_fallback(stored: &StoredChange, told: &LocalPath) -> String {
    format!(
        "{:?} never appeared on this machine, so only {:?} was scanned: {}",
        stored.change.path.as_str(),
        told.as_str(),
        of_change(stored, told)
    )
}
