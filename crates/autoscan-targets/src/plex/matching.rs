//! Whether Plex takes a film, series or artist for what Sonarr, Radarr and Lidarr say it is, and mending it.

use std::time::Duration;

use autoscan_core::change::{ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::ids::Ids;
use autoscan_core::media::Role;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::CareScan;
use autoscan_http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Plex;
use super::answers::{Candidate, Candidates, Item, Listing, Section};
use super::guids::{self, MatchVerdict};

/// What is done about what Plex takes an item for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum MatchCare {
    /// Nothing.
    #[default]
    Off,
    /// A mistake is said.
    Report,
    /// A mistake is mended where it is certain, and said.
    Fix,
}

/// Plex takes over a new match within this; then what it shows is what came of it.
const TAKES_OVER_WITHIN: Duration = Duration::from_secs(30);

/// What became of one item.
enum Mended {
    /// It is over: what is said of it, if anything.
    Done(Option<String>),
    /// Plex has not taken it over yet.
    Waits,
}

impl Plex {
    /// Compares what Plex takes the scan's items for with what their sender said; mends it when that is wanted. Answers
    /// what is waited for, if anything is.
    pub(super) async fn care_for_match(
        &self,
        care: &CareScan,
        section: &Section,
        notes: &mut Vec<String>,
    ) -> Result<Option<String>, Fault> {
        let mut seen: Vec<String> = Vec::new();
        for (path, ids) in expectations(care) {
            let Some(leaf) = self.items_in(path, section).await?.into_iter().next() else { continue };
            let key = leaf.top().to_owned();
            if seen.contains(&key) {
                continue;
            }
            let mended = self.compare(path, ids, &key, section).await?;
            seen.push(key);
            match mended {
                Mended::Waits => return Ok(Some("Plex is taking over a new match".to_owned())),
                Mended::Done(note) => notes.extend(note),
            }
        }
        Ok(None)
    }

    async fn compare(
        &self,
        path: &TargetPath,
        ids: &Ids,
        key: &str,
        section: &Section,
    ) -> Result<Mended, Fault> {
        let Some(item) = self.item(key).await? else { return Ok(Mended::Done(None)) };
        let attempt = attempt(section, key, ids);
        let tried = self.recently.at(&attempt).map(|at| at.elapsed());
        let told = match guids::judge(&item, ids) {
            MatchVerdict::Unknown if tried.is_some_and(|ago| ago < TAKES_OVER_WITHIN) => {
                return Ok(Mended::Waits);
            }
            MatchVerdict::Unknown => return Ok(Mended::Done(None)),
            MatchVerdict::Right => {
                let (library, title) = (&section.title, &item.title);
                let mended = |_| {
                    format!(
                        "Plex took {path:?} in its library {library:?} for something else; it is {title:?} ({ids}) now"
                    )
                };
                return Ok(Mended::Done(tried.map(mended)));
            }
            MatchVerdict::Unmatched => "nothing that it knows".to_owned(),
            MatchVerdict::Wrong(known) => known,
        };
        let wrong = format!(
            "Plex takes {path:?} in its library {:?} for {:?} ({told}), but it is {ids}",
            section.title, item.title
        );
        if self.wishes.matching == MatchCare::Report {
            return Ok(Mended::Done(Some(wrong)));
        }
        // One try for an item and what it should be: what does not help once does not help twice.
        match tried {
            Some(ago) if ago < TAKES_OVER_WITHIN => return Ok(Mended::Waits),
            Some(_) => {
                return Ok(Mended::Done(Some(format!(
                    "{wrong}; autoscan matched it anew and Plex still shows it so: mend it in Plex by hand"
                ))));
            }
            None => self.recently.note(attempt),
        }
        match self.mend(path, ids, item, section).await? {
            Ok(()) => Ok(Mended::Waits),
            Err(why) => Ok(Mended::Done(Some(format!("{wrong}; it was left so: {why}")))),
        }
    }

    /// Splits what was merged wrongly, and matches the item with what it is. The error says why nothing was matched.
    async fn mend(
        &self,
        path: &TargetPath,
        ids: &Ids,
        item: Item,
        section: &Section,
    ) -> Result<Result<(), String>, Fault> {
        let mut item = item;
        if is_merged(&item) {
            self.act(&item.rating_key, "split", &[]).await?;
            let Some(leaf) = self.items_in(path, section).await?.into_iter().next() else {
                return Ok(Err(
                    "it was merged with another one, and Plex lost it when they were split".to_owned()
                ));
            };
            match self.item(leaf.top()).await? {
                Some(own) => item = own,
                None => return Ok(Err("Plex lost it when it was split from another one".to_owned())),
            }
            self.recently.note(attempt(section, &item.rating_key, ids));
            if guids::judge(&item, ids) == MatchVerdict::Right {
                return Ok(Ok(()));
            }
        }
        let candidate = match self.candidate(&item, ids, section).await? {
            Ok(candidate) => candidate,
            Err(why) => return Ok(Err(why)),
        };
        self.act(&item.rating_key, "match", &[("guid", &candidate.guid), ("name", &candidate.name)]).await?;
        Ok(Ok(()))
    }

    /// The one candidate that is certain. Plex is asked by id, so a single answer is the one that was meant; of several
    /// only one that says its ids is believed.
    async fn candidate(
        &self,
        item: &Item,
        ids: &Ids,
        section: &Section,
    ) -> Result<Result<Candidate, String>, Fault> {
        let mut unsure = 0;
        for question in ids.iter().filter_map(|(source, id)| guids::question(source, id)) {
            let request = self
                .server
                .get(&["library", "metadata", &item.rating_key, "matches"])
                .query("manual", "1")
                .query("title", &question)
                .query("year", "")
                .query("agent", &section.agent)
                .query("language", &self.wishes.language);
            let mut found = self.server.read::<Candidates>(request).await?.results;
            found.dedup_by(|one, other| one.guid == other.guid);
            let verdict =
                |candidate: &Candidate| guids::compare(&guids::known(&candidate.guid, &candidate.guids), ids);
            let sure: Vec<&Candidate> =
                found.iter().filter(|candidate| verdict(candidate) == MatchVerdict::Right).collect();
            match (sure.as_slice(), found.as_slice()) {
                ([sure], _) => return Ok(Ok((*sure).clone())),
                ([], [only]) if verdict(only) == MatchVerdict::Unknown => return Ok(Ok(only.clone())),
                _ => unsure += found.len(),
            }
        }
        Ok(Err(match unsure {
            0 => format!("Plex's agent {:?} knows nothing by these ids", section.agent),
            several => format!("Plex's agent names {several} candidates, and none of them is certain"),
        }))
    }

    /// An item with the ids that other databases have for it.
    async fn item(&self, key: &str) -> Result<Option<Item>, Fault> {
        let request = self.server.get(&["library", "metadata", key]).query("includeGuids", "1");
        match self.server.read::<Listing>(request).await {
            Err(Fault::Wrong { .. }) => Ok(None),
            listing => Ok(listing?.items.into_iter().next()),
        }
    }

    /// An action on an item.
    async fn act(&self, key: &str, action: &str, with: &[(&str, &str)]) -> Result<(), Fault> {
        let request = self.server.request(Method::PUT, &["library", "metadata", key, action]);
        let request = with.iter().fold(request, |request, (name, value)| request.query(name, value));
        self.server.put(&request).await
    }
}

/// The media files of the scan that are there, with what they are.
fn expectations(care: &CareScan) -> impl Iterator<Item = (&TargetPath, &Ids)> {
    care.scan
        .changes
        .iter()
        .filter(|change| {
            change.kind != ChangeKind::Deleted
                && change.subject == Subject::File
                && Role::of(&change.path.0) == Role::Media
                && !change.ids.is_empty()
        })
        .map(|change| (&change.path, &change.ids))
}

fn attempt(section: &Section, key: &str, ids: &Ids) -> String {
    format!("match {} {key} {ids}", section.key)
}

/// Whether files of different films, or folders of different series, became one item. The same film or series on two
/// disks has folders of the same name.
fn is_merged(item: &Item) -> bool {
    let folders: Vec<AbsolutePath> = match item.kind.as_str() {
        "movie" => item.parts().iter().filter_map(|part| part.path.parent()).collect(),
        _ => item.locations.iter().filter_map(|at| AbsolutePath::parse(&at.path).ok()).collect(),
    };
    let mut names = folders.iter().filter_map(AbsolutePath::file_name);
    names.next().is_some_and(|first| names.any(|other| other != first))
}
