//! The lines that `autoscan check` proposes for maps: by the same comparison as the page *Targets*.

use autoscan_core::ports::Look;
use autoscan_core::suggest::{Party, Suggestion};
use autoscan_engine::{Engine, LocalFolders, SenderFolders};
use autoscan_http::Http;

use crate::config::Loaded;
use crate::{output, senders};

/// Whether a folder of a target that answered is not found here. Asks nobody: what they said is known.
pub(crate) fn is_lost_at_a_target(engine: &Engine) -> bool {
    let is_there = |here: &LocalFolders| match here {
        LocalFolders::At(found) => found.iter().any(|(_, look)| *look == Look::Folder),
        LocalFolders::Unsure => false,
    };
    let mut said = engine.known().into_iter().flatten().filter_map(|known| known.said);
    said.any(|said| said.folders.iter().any(|(_, here)| !is_there(here)))
}

/// The lines that would help.
pub(crate) async fn look(engine: &Engine, loaded: &Loaded, http: &Http) -> Vec<Suggestion> {
    let senders = senders::root_folders(loaded, http).await;
    let advice = engine.map_advice(senders.into_iter().map(SenderFolders::from).collect(), None).await;
    advice.found.lines
}

/// Shows them, with what speaks for each.
pub(crate) fn show(lines: &[Suggestion]) {
    let row = |line: &Suggestion| {
        let of = match &line.of {
            Party::Trigger(name) => format!("trigger {name}"),
            Party::Target(name) => format!("target {name}"),
        };
        vec![of, line.from.clone(), line.to.clone(), line.evidence.join("; ")]
    };
    if !lines.is_empty() {
        let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
        output::table(&["SUGGESTED MAP OF", "FROM", "TO", "BECAUSE"], &rows);
    }
}
