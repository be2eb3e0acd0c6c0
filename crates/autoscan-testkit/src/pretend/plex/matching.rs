//! How a pretend Plex matches an item with what its agent knows.

use serde_json::{Value, json};

use super::Plex;
use super::state::{PlexState, PlexTitle};
use crate::pretend::http_server::{Recorded, Reply, lock};

impl Plex {
    /// The candidates for an item: by an id such as `imdb-tt0133093`, or by the name.
    pub(super) fn matches(&self, call: &Recorded, key: u64) -> Option<Value> {
        let mut state = lock(&self.state);
        let own = state.section_of(key)?.catalogue.get(key)?.title;
        let asked = call.param("title").unwrap_or(&own).to_lowercase();
        let found: Vec<Value> = state
            .titles
            .iter()
            .filter(|title| state.manners.guesses || fits(title, &asked))
            .map(
                |title| json!({"guid": title.guid, "name": title.name, "score": 100, "lifespanEnded": false}),
            )
            .collect();
        Some(json!({"size": self.spelling().size(found.len()), "SearchResult": found}))
    }

    /// Matches an item with a title.
    pub(super) fn fix(&self, call: &Recorded, key: u64) -> Reply {
        let Some(guid) = call.param("guid") else { return Reply::new(400, "text/html", "") };
        let mut state = lock(&self.state);
        if !state.manners.stubborn {
            let known = state.titles.iter().find(|title| title.guid == guid).cloned();
            let ids = known.map(|title| title.ids).unwrap_or_default();
            state.rename(key, guid, &ids);
        }
        Reply::new(200, "text/html", "")
    }

    /// Takes an item apart, one item for each file.
    pub(super) fn split(&self, key: u64) -> Reply {
        let mut state = lock(&self.state);
        let mut next = state.last_id;
        if let Some(section) = state.section_of(key) {
            section.catalogue.split(&section.library.clone(), key, &mut next);
        }
        state.last_id = next;
        Reply::new(200, "text/html", "")
    }
}

impl PlexState {
    /// Gives an item another identity.
    pub(super) fn rename(&mut self, key: u64, guid: &str, ids: &[String]) {
        if let Some(item) = self.section_of(key).and_then(|section| section.catalogue.get_mut(key)) {
            guid.clone_into(&mut item.guid);
            item.ids = ids.to_vec();
        }
    }
}

fn fits(title: &PlexTitle, asked: &str) -> bool {
    let id = asked.split_once('-').map(|(source, id)| format!("{source}://{id}"));
    title.name.to_lowercase().contains(asked) || id.is_some_and(|id| title.ids.contains(&id))
}
