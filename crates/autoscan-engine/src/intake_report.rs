//! Says in a sentence what became of a request.

use std::fmt::Write as _;

use crate::views::IntakeReport;

/// Reasons that are shown one by one; of the rest only their number.
const SHOWN: usize = 5;

impl IntakeReport {
    /// Whether nothing was said at all: no event, no path.
    pub(crate) fn is_empty(&self) -> bool {
        self.event.is_empty() && self.changes == 0 && self.ignored.is_empty() && self.refused.is_empty()
    }

    /// What is stored, left out and refused, in a sentence.
    pub fn sentence(&self) -> String {
        let mut text = match self.changes {
            0 if !self.refused.is_empty() => "nothing is stored".to_owned(),
            0 if !self.ignored.is_empty() => "nothing is to be scanned".to_owned(),
            0 if self.event.is_empty() => "the request changes no path".to_owned(),
            0 => format!("the event {} changes no path", self.event),
            1 => format!("1 change in {} is stored", count(self.scans.len(), "folder")),
            changes => format!("{changes} changes in {} are stored", count(self.scans.len(), "folder")),
        };
        append(&mut text, "left out", &self.ignored);
        append(&mut text, "refused", &self.refused);
        text
    }
}

/// A number and a noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn append(text: &mut String, what: &str, reasons: &[String]) {
    if reasons.is_empty() {
        return;
    }
    let shown = reasons.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    let _ = write!(text, "; {what}: {shown}");
    if reasons.len() > SHOWN {
        let _ = write!(text, "; and {} more", reasons.len() - SHOWN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autoscan_core::scan::ScanId;

    #[test]
    fn the_sentence_names_what_is_stored_left_out_and_refused() {
        let taken = |changes, scans: i64, ignored: usize, refused: usize| IntakeReport {
            event: "Grab".to_owned(),
            changes,
            scans: (0..scans).map(ScanId).collect(),
            ignored: vec!["\"/x\" is ignored".to_owned(); ignored],
            refused: vec!["the path is empty".to_owned(); refused],
        };
        for (taken, expected) in [
            (taken(3, 1, 0, 0), "3 changes in 1 folder are stored"),
            (taken(3, 2, 0, 0), "3 changes in 2 folders are stored"),
            (taken(1, 1, 0, 0), "1 change in 1 folder is stored"),
            (taken(1, 2, 0, 0), "1 change in 2 folders is stored"),
            (taken(0, 0, 0, 0), "the event Grab changes no path"),
            (taken(0, 0, 1, 0), "nothing is to be scanned; left out: \"/x\" is ignored"),
            (taken(1, 1, 0, 1), "1 change in 1 folder is stored; refused: the path is empty"),
            (taken(0, 0, 0, 1), "nothing is stored; refused: the path is empty"),
        ] {
            assert_eq!(taken.sentence(), expected);
        }
        assert_eq!(IntakeReport::default().sentence(), "the request changes no path");
        assert!(taken(0, 0, 0, 8).sentence().ends_with("; and 3 more"));
    }
}
