//! Map suggestions: looked for when a person asks, kept until the next time, and shown with what speaks for each.

use std::sync::Arc;

use autoscan_core::suggest::Party;
use autoscan_core::time::Timestamp;
use autoscan_engine::{Engine, MapAdvice};
use axum::extract::State;
use axum::response::Response;

use super::frame;
use super::targets::ended;
use super::words::{self, Badge, When};
use crate::app::Shared;
use crate::map_advice::{Maps, look, open_lines};
use crate::visitor::Posted;

/// Entries of one list that a page shows; the rest is counted.
const MOST: usize = 40;

/// `POST /targets/suggest`.
pub(super) async fn suggest(
    State(app): State<Shared>,
    State(maps): State<Arc<Maps>>,
    posted: Posted,
) -> Response {
    let advice = look(&app, &maps).await;
    let open = open_lines(&app.web.engine, &advice).len();
    let count = words::count(open as u64, "line", "lines");
    let (tone, text) = match (open, advice.found.doubts.len()) {
        (0, 0) => ("good", "No map lacks a line.".to_owned()),
        (0, _) => {
            ("wait", "No line is sure enough to be proposed; what is not clear is shown below.".to_owned())
        }
        _ => ("good", format!("{count} for a map can be proposed: see below.")),
    };
    posted.visitor.notify(&app, tone, text);
    frame::see_other(&format!("{}/targets#maps", app.base()))
}

/// The section of the page.
pub(super) struct Section {
    pub(super) looked: When,
    pub(super) looked_into: String,
    pub(super) silent: Vec<String>,
    pub(super) groups: Vec<Group>,
    pub(super) doubts: Vec<Unclear>,
    pub(super) doubts_left_out: usize,
    pub(super) fits: Vec<Line>,
    pub(super) fits_left_out: usize,
    /// Whether any sender could be asked, or was at least tried.
    pub(super) has_senders: bool,
}

/// The lines of one map.
pub(super) struct Group {
    pub(super) of: &'static str,
    pub(super) name: String,
    pub(super) lines: Vec<Line>,
}

/// A line of a map, or a folder that is found already.
pub(super) struct Line {
    /// As they are, for the form.
    pub(super) from: String,
    pub(super) to: String,
    /// As they are shown.
    pub(super) shown: (String, String),
    pub(super) sure: Badge,
    pub(super) evidence: Vec<String>,
}

/// A folder for which no line is proposed.
pub(super) struct Unclear {
    pub(super) of: &'static str,
    pub(super) name: String,
    pub(super) folder: String,
    pub(super) why: String,
    pub(super) choices: Vec<(String, Vec<String>)>,
}

impl Section {
    /// What was suggested last and still holds.
    pub(super) fn new(engine: &Engine, advice: &MapAdvice, now: Timestamp) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for line in open_lines(engine, advice).into_iter().take(MOST) {
            let (of, name) = party(&line.of);
            let shown = Line::new(&line.from, &line.to, sure(line.score), &line.evidence);
            match groups.iter_mut().find(|group| group.of == of && group.name == name) {
                Some(group) => group.lines.push(shown),
                None => groups.push(Group { of, name, lines: vec![shown] }),
            }
        }
        let found = &advice.found;
        let unclear = found.doubts.iter().map(|doubt| {
            let (of, name) = party(&doubt.of);
            let choice = |choice: &autoscan_core::suggest::Choice| {
                (words::plain(&choice.folder), choice.evidence.clone())
            };
            let choices = doubt.choices.iter().map(choice).collect();
            Unclear { of, name, folder: words::plain(&doubt.folder), why: doubt.why.clone(), choices }
        });
        let fit = |fit: &autoscan_core::suggest::Fit| {
            let who = format!("{}'s {}", fit.of.name(), fit.folder);
            Line::new(&who, &fit.local, sure(100), &[])
        };
        let is_sender = |of: &Party| matches!(of, Party::Trigger(_));
        Self {
            looked: words::when(now, advice.at),
            looked_into: words::count(advice.looked_into as u64, "folder", "folders"),
            silent: advice.silent.iter().take(MOST).map(|why| ended(why)).collect(),
            groups,
            doubts: unclear.take(MOST).collect(),
            doubts_left_out: found.doubts.len().saturating_sub(MOST),
            fits: found.fits.iter().take(MOST).map(fit).collect(),
            fits_left_out: found.fits.len().saturating_sub(MOST),
            has_senders: !advice.silent.is_empty()
                || found.lines.iter().any(|line| is_sender(&line.of))
                || found.doubts.iter().any(|doubt| is_sender(&doubt.of))
                || found.fits.iter().any(|fit| is_sender(&fit.of)),
        }
    }
}

impl Line {
    fn new(from: &str, to: &str, sure: Badge, evidence: &[String]) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            shown: (words::plain(from), words::plain(to)),
            sure,
            evidence: evidence.iter().map(|sentence| words::short(sentence, 500)).collect(),
        }
    }
}

fn party(of: &Party) -> (&'static str, String) {
    match of {
        Party::Trigger(name) => ("trigger", name.clone()),
        Party::Target(name) => ("target", name.clone()),
    }
}

fn sure(score: u32) -> Badge {
    match score {
        50.. => Badge { word: "sure", tone: "good" },
        30.. => Badge { word: "likely", tone: "wait" },
        _ => Badge { word: "a guess", tone: "" },
    }
}
