//! What Kodi's library holds of certain files: asked by folder and name, verified by the whole path.

use std::collections::BTreeSet;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kodi::rpc::{Call, Outcome};
use crate::kodi::sources::{self, Kind};

/// Most names in one question.
pub(super) const MOST_NAMES: usize = 100;

/// Most items of a deleted folder that are forgotten at once.
pub(super) const MOST_FORGOTTEN: usize = 500;

/// A type of item: how it is listed and forgotten.
struct Type {
    list: &'static str,
    remove: &'static str,
    refresh: &'static str,
    id: &'static str,
}

const VIDEOS: [Type; 3] = [
    Type {
        list: "VideoLibrary.GetMovies",
        remove: "VideoLibrary.RemoveMovie",
        refresh: "VideoLibrary.RefreshMovie",
        id: "movieid",
    },
    Type {
        list: "VideoLibrary.GetEpisodes",
        remove: "VideoLibrary.RemoveEpisode",
        refresh: "VideoLibrary.RefreshEpisode",
        id: "episodeid",
    },
    Type {
        list: "VideoLibrary.GetMusicVideos",
        remove: "VideoLibrary.RemoveMusicVideo",
        refresh: "VideoLibrary.RefreshMusicVideo",
        id: "musicvideoid",
    },
];

/// Songs are forgotten by a scan of their folder or a cleaning, and none by itself.
const SONGS: [Type; 1] = [Type { list: "AudioLibrary.GetSongs", remove: "", refresh: "", id: "songid" }];

fn types(kind: Kind) -> &'static [Type] {
    match kind {
        Kind::Video => &VIDEOS,
        Kind::Music => &SONGS,
    }
}

/// An item of the library.
#[derive(Clone, Debug)]
pub(super) struct Item {
    file: String,
    id: u64,
    of: usize,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    file: String,
    #[serde(
        default,
        alias = "movieid",
        alias = "episodeid",
        alias = "musicvideoid",
        alias = "songid",
        alias = "tvshowid"
    )]
    id: u64,
    /// Of a show: how many episodes it has.
    #[serde(default)]
    episode: usize,
}

#[derive(Deserialize)]
struct List {
    limits: Limits,
    #[serde(default, alias = "episodes", alias = "musicvideos", alias = "songs", alias = "tvshows")]
    movies: Vec<Listed>,
}

#[derive(Deserialize)]
struct Limits {
    total: usize,
}

/// The questions for these files of one folder, one a type of item. Several parts of a film are one item, whose file
/// names them all, so names are looked for within.
pub(super) fn of_files(kind: Kind, folder: &AbsolutePath, names: &[&str]) -> Vec<Call> {
    let names: Vec<Value> = names.iter().map(|name| rule("filename", "contains", name)).collect();
    let filter = json!({"and": [rule("path", "is", &sources::folder(folder)), {"or": names}]});
    lists(kind, &filter, MOST_FORGOTTEN)
}

/// The questions for everything below a folder, at most `end` of each type.
pub(super) fn below(kind: Kind, folder: &AbsolutePath, end: usize) -> Vec<Call> {
    lists(kind, &rule("path", "startswith", &sources::folder(folder)), end)
}

fn rule(field: &str, operator: &str, value: &str) -> Value {
    json!({"field": field, "operator": operator, "value": value})
}

fn lists(kind: Kind, filter: &Value, end: usize) -> Vec<Call> {
    let params = json!({"properties": ["file"], "filter": filter, "limits": {"start": 0, "end": end}});
    types(kind).iter().map(|one| Call::new(one.list, params.clone())).collect()
}

/// What was answered to [`of_files`] or [`below`], or to several of either for videos: the items and how many there are in all.
pub(super) fn read(outcomes: &[Outcome]) -> Result<(Vec<Item>, usize), Fault> {
    let (mut items, mut total) = (Vec::new(), 0);
    for (at, outcome) in outcomes.iter().enumerate() {
        let of = at % VIDEOS.len();
        let list: List = outcome.read()?;
        total += list.limits.total;
        items.extend(list.movies.into_iter().map(|listed| Item { file: listed.file, id: listed.id, of }));
    }
    Ok((items, total))
}

impl Item {
    /// Whether the item is this file, or has it for a part.
    pub(super) fn is(&self, path: &AbsolutePath) -> bool {
        self.files().contains(&sources::file(path))
    }

    /// The file as Kodi writes it.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// The files that it is made of, as Kodi writes them.
    fn files(&self) -> Vec<String> {
        match self.file.strip_prefix("stack://") {
            // A comma within a name is doubled.
            Some(parts) => parts.split(" , ").map(|part| part.replace(",,", ",")).collect(),
            None => vec![self.file.clone()],
        }
    }

    /// The files that it is made of.
    pub(super) fn parts(&self) -> Vec<AbsolutePath> {
        self.files().iter().filter_map(|file| sources::path(file)).collect()
    }

    /// The folder that it lies in.
    pub(super) fn folder(&self) -> Option<AbsolutePath> {
        self.parts().first()?.parent()
    }

    /// The call by which Kodi reads its file anew.
    pub(super) fn refresh(&self) -> Call {
        let one = &VIDEOS[self.of];
        Call::new(one.refresh, json!({ (one.id): self.id }))
    }

    /// The call that takes it out of the library. No file is touched.
    pub(super) fn forget(&self) -> Call {
        let one = &VIDEOS[self.of];
        Call::new(one.remove, json!({ (one.id): self.id }))
    }
}

/// A show of the library, which stays there when its episodes are gone.
#[derive(Clone, Debug)]
pub(super) struct Show {
    file: String,
    folder: AbsolutePath,
    id: u64,
    episodes: usize,
}

/// The question for the shows whose folder is one of `at`, or lies at or below one of `below`.
pub(super) fn shows(at: &BTreeSet<AbsolutePath>, below: &BTreeSet<AbsolutePath>) -> Call {
    let at = at.iter().map(|folder| rule("path", "is", &sources::folder(folder)));
    let below = below.iter().map(|folder| rule("path", "startswith", &sources::folder(folder)));
    let filter = json!({"or": at.chain(below).collect::<Vec<_>>()});
    let limits = json!({"start": 0, "end": MOST_FORGOTTEN});
    let params = json!({"properties": ["file", "episode"], "filter": filter, "limits": limits});
    Call::new("VideoLibrary.GetTVShows", params)
}

/// What was answered to [`shows`].
pub(super) fn read_shows(outcomes: &[Outcome]) -> Result<Vec<Show>, Fault> {
    let mut shows = Vec::new();
    for outcome in outcomes {
        let list: List = outcome.read()?;
        shows.extend(list.movies.into_iter().filter_map(|Listed { file, id, episode }| {
            let folder = sources::path(&file)?;
            Some(Show { file, folder, id, episodes: episode })
        }));
    }
    Ok(shows)
}

impl Show {
    /// Its folder.
    pub(super) fn folder(&self) -> &AbsolutePath {
        &self.folder
    }

    /// How many episodes it has.
    pub(super) fn episodes(&self) -> usize {
        self.episodes
    }

    /// Whether an item lies in its folder.
    pub(super) fn has(&self, item: &Item) -> bool {
        item.file.starts_with(&self.file)
    }

    /// The call that takes it out of the library. No file is touched.
    pub(super) fn forget(&self) -> Call {
        Call::new("VideoLibrary.RemoveTVShow", json!({"tvshowid": self.id}))
    }
}

/// The questions that tell what a video source holds: shows, films and music videos.
pub(super) fn contents(root: &AbsolutePath) -> Vec<Call> {
    let filter = rule("path", "startswith", &sources::folder(root));
    let params = json!({"properties": ["file"], "filter": filter, "limits": {"start": 0, "end": 1}});
    ["VideoLibrary.GetTVShows", "VideoLibrary.GetMovies", "VideoLibrary.GetMusicVideos"]
        .map(|list| Call::new(list, params.clone()))
        .to_vec()
}

/// What a video source holds, as far as Kodi knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// Folders of shows.
    Shows,
    /// One show, whose folder is the source itself.
    OneShow,
    /// Films or music videos.
    Films,
    /// Nothing yet, or both.
    Unclear,
}

impl Contents {
    /// What was answered to [`contents`].
    pub(super) fn read(root: &AbsolutePath, outcomes: &[Outcome]) -> Result<Self, Fault> {
        let [shows, films, clips] = outcomes else { return Ok(Self::Unclear) };
        let shows: List = shows.read()?;
        let others = films.read::<List>()?.limits.total.saturating_add(clips.read::<List>()?.limits.total);
        let root = sources::folder(root);
        Ok(match (shows.movies.first(), others) {
            (Some(show), _) if show.file == root => Self::OneShow,
            (Some(_), 0) => Self::Shows,
            (None, 1..) => Self::Films,
            _ => Self::Unclear,
        })
    }
}
