//! Why scans are where they are, and which of them are there for the same reason.

use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::scan::{Scan, ScanId, ScanState};

use super::words;
use crate::unreached::{NOBODY, reached_nobody};

/// Reasons that a page shows.
const MOST: usize = 8;

/// Why a scan is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    /// The target that it lies at; none when it lies at the folder itself.
    pub(super) target: Option<Name>,
    /// A sentence.
    pub(super) text: String,
    /// What that means for the scan, where it must be said.
    pub(super) lead: Option<&'static str>,
}

/// Scans with one reason.
pub(super) struct Group {
    /// What it means for the scans, where it must be said.
    pub(super) lead: Option<&'static str>,
    /// The target that it lies at.
    pub(super) target: Option<String>,
    /// The part of the sentence that all have in common; may be empty.
    pub(super) core: String,
    /// The sentence of the newest of them.
    pub(super) text: String,
    /// How many of those that were looked at.
    pub(super) scans: u64,
    /// The newest.
    pub(super) newest: i64,
}

impl Group {
    /// `3 scans`.
    pub(super) fn how_many(&self) -> String {
        words::count(self.scans, "scan", "scans")
    }
}

impl Reason {
    /// With what it means and its target before it.
    pub(super) fn sentence(&self) -> String {
        let lead = self.lead.map(str::to_owned).into_iter();
        let parts = lead.chain(self.target.as_ref().map(Name::to_string)).chain([self.text.clone()]);
        parts.collect::<Vec<_>>().join(": ")
    }

    /// What all reasons have in common that differ only in paths, times and counts: the longest part of the sentence that
    /// has neither quotes nor digits. Nothing, when there is no such part.
    fn core(&self) -> &str {
        let mut quoted = false;
        let parts = self.text.split('"').filter(|part| {
            let is_outside = !quoted;
            quoted ^= !part.ends_with('\\');
            is_outside
        });
        let longest = parts
            .flat_map(|part| part.split(|each: char| each.is_ascii_digit() || !words::is_plain(each)))
            .max_by_key(|part| part.len())
            .unwrap_or_default()
            .trim();
        let core = match longest.len() {
            SHORTEST.. => longest,
            _ if self.text.chars().all(words::is_plain) => &self.text,
            _ => "",
        };
        core.char_indices().nth(LONGEST).map_or(core, |(end, _)| &core[..end])
    }
}

/// A longer part tells no more.
const LONGEST: usize = 100;
/// A part of a sentence that is shorter says nothing.
const SHORTEST: usize = 8;

/// Why a scan is where it is: what fails, or else what holds it. None when all goes well.
pub(super) fn of(scan: &Scan) -> Option<Reason> {
    let at = |wanted: &[DeliveryState]| {
        let is_wanted = |delivery: &&Delivery| wanted.contains(&delivery.state) && delivery.error.is_some();
        scan.deliveries.iter().find(is_wanted).and_then(|delivery| {
            let text = delivery.error.clone()?;
            Some(Reason { target: Some(delivery.target.clone()), text, lead: None })
        })
    };
    let note = || scan.note.clone().map(|text| Reason { target: None, text, lead: None });
    match scan.state {
        ScanState::Attention if reached_nobody(scan) => {
            let nobody =
                || Reason { target: None, text: "no target takes this folder".to_owned(), lead: None };
            let skipped =
                at(&[DeliveryState::Skipped, DeliveryState::Missing]).or_else(note).unwrap_or_else(nobody);
            Some(Reason { lead: Some(NOBODY), ..skipped })
        }
        ScanState::Attention => at(&[DeliveryState::Failed, DeliveryState::Missing])
            .or_else(|| at(&[DeliveryState::Held]))
            .or_else(note),
        ScanState::Running => {
            at(&[DeliveryState::Failed, DeliveryState::Missing, DeliveryState::Held]).or_else(note)
        }
        ScanState::Waiting => note(),
        ScanState::Done => note().or_else(|| {
            let is_skipped = scan.deliveries.iter().all(|one| one.state == DeliveryState::Skipped);
            at(&[DeliveryState::Skipped]).filter(|_| is_skipped)
        }),
    }
}

/// Whether something that is not well keeps the scan back, beyond what passes by itself.
pub(super) fn is_held(scan: &Scan) -> bool {
    scan.deliveries.iter().any(|delivery| delivery.state == DeliveryState::Held)
}

/// What holds a scan: its folder, or each target that cannot be told.
fn holds(scan: &Scan) -> Vec<Reason> {
    if scan.state == ScanState::Waiting && is_held(scan) {
        return of(scan).into_iter().collect();
    }
    let held = scan.deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Held);
    held.filter_map(|delivery| {
        let text = delivery.error.clone()?;
        Some(Reason { target: Some(delivery.target.clone()), text, lead: None })
    })
    .collect()
}

/// Scans by what holds them; one that several targets are held for is in several groups.
pub(super) fn grouped_holds<'a>(scans: impl IntoIterator<Item = &'a Scan>) -> Vec<Group> {
    group(scans.into_iter().flat_map(|scan| holds(scan).into_iter().map(|reason| (scan.id, reason))))
}

/// Scans by their reason, the most frequent first. Scans without one are in no group.
pub(super) fn grouped<'a>(scans: impl IntoIterator<Item = &'a Scan>) -> Vec<Group> {
    group(scans.into_iter().filter_map(|scan| Some((scan.id, of(scan)?))))
}

fn group(reasons: impl Iterator<Item = (ScanId, Reason)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (ScanId(scan), reason) in reasons {
        let target = reason.target.as_ref().map(Name::to_string);
        let core = reason.core();
        match groups.iter_mut().find(|group| group.target == target && group.core == core) {
            Some(group) => group.scans += 1,
            None => groups.push(Group {
                lead: reason.lead,
                target,
                core: core.to_owned(),
                text: words::short(&reason.text, 240),
                scans: 1,
                newest: scan,
            }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.scans));
    groups.truncate(MOST);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_whatever_path_or_number_they_name() {
        for (text, core) in [
            ("\"/tv/A \\\"B\\\"\" is not there after 12 tries", "is not there after"),
            ("\"/tv/C\" is not there after 3 tries", "is not there after"),
            ("plex does not answer", "plex does not answer"),
            ("401", "401"),
            ("\"only this\"", "\"only this\""),
            ("\"a\" 1\u{7}2", ""),
            ("", ""),
        ] {
            let reason = Reason { target: None, text: text.to_owned(), lead: None };
            assert_eq!(reason.core(), core, "{text}");
        }
    }
}
