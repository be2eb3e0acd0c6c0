//! Why scans are where they are, and which of them are there for the same reason.

use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::scan::{Scan, ScanState};
use sha2::{Digest, Sha256};

use super::words;

/// Why a scan is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    /// The target that it lies at; none when it lies at the folder itself.
    pub(super) target: Option<Name>,
    /// A sentence.
    pub(super) text: String,
}

/// Scans with one reason.
pub(super) struct Group {
    /// What the scans have in common, for a form.
    pub(super) key: String,
    pub(super) target: Option<String>,
    /// The sentence of the first of them.
    pub(super) text: String,
    /// The scans that were looked at, newest first.
    pub(super) scans: Vec<i64>,
}

impl Reason {
    /// With its target before it.
    pub(super) fn sentence(&self) -> String {
        self.target.as_ref().map_or_else(|| self.text.clone(), |target| format!("{target}: {}", self.text))
    }

    /// The same for all reasons that differ only in what stands in quotes and in numbers: paths, times, counts.
    fn key(&self) -> String {
        let target = self.target.as_ref().map_or("", Name::as_str);
        let print = Sha256::digest(format!("{target}\0{}", pattern(&self.text)));
        print.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A sentence without what stands in quotes, and without digits.
fn pattern(text: &str) -> String {
    let mut quoted = false;
    let mut last = ' ';
    let mut keep = |each: char| {
        let is_quote = each == '"' && last != '\\';
        last = if last == '\\' { ' ' } else { each };
        quoted ^= is_quote;
        (is_quote || !quoted) && !each.is_ascii_digit()
    };
    text.chars().filter(|each| keep(*each)).collect()
}

/// Why a scan is where it is: what fails, or else what holds it. None when all goes well.
pub(super) fn of(scan: &Scan) -> Option<Reason> {
    let at = |wanted: &[DeliveryState]| {
        let is_wanted = |delivery: &&Delivery| wanted.contains(&delivery.state) && delivery.error.is_some();
        scan.deliveries.iter().find(is_wanted).and_then(|delivery| {
            let text = delivery.error.clone()?;
            Some(Reason { target: Some(delivery.target.clone()), text })
        })
    };
    let note = || scan.note.clone().map(|text| Reason { target: None, text });
    match scan.state {
        ScanState::Attention => at(&[DeliveryState::Failed, DeliveryState::Missing]).or_else(note),
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

/// Whether this is the scan's reason, by the key of its group.
pub(super) fn is(scan: &Scan, key: &str) -> bool {
    of(scan).is_some_and(|reason| reason.key() == key)
}

/// Scans by their reason, the most frequent first. Scans without one are in no group.
pub(super) fn grouped<'a>(scans: impl IntoIterator<Item = &'a Scan>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for scan in scans {
        let Some(reason) = of(scan) else { continue };
        let key = reason.key();
        match groups.iter_mut().find(|group| group.key == key) {
            Some(group) => group.scans.push(scan.id.0),
            None => groups.push(Group {
                key,
                target: reason.target.as_ref().map(|name| words::plain(name.as_str())),
                text: words::short(&reason.text, 300),
                scans: vec![scan.id.0],
            }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.scans.len()));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(target: Option<&str>, text: &str) -> Reason {
        Reason { target: target.map(|name| Name::parse(name).unwrap()), text: text.to_owned() }
    }

    #[test]
    fn reasons_are_one_whatever_path_or_number_they_name() {
        let one = reason(Some("plex"), "\"/tv/A \\\"B\\\"\" is not there after 12 tries");
        for (other, is_same) in [
            (reason(Some("plex"), "\"/tv/C\" is not there after 3 tries"), true),
            (reason(Some("jellyfin"), "\"/tv/C\" is not there after 3 tries"), false),
            (reason(None, "\"/tv/C\" is not there after 3 tries"), false),
            (reason(Some("plex"), "\"/tv/C\" is not here after 3 tries"), false),
        ] {
            assert_eq!(one.key() == other.key(), is_same, "{other:?}");
        }
    }
}
