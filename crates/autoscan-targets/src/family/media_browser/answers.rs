//! What these servers answer.

use autoscan_core::ports::Library;
use serde::Deserialize;

/// What `/System/Info` says of a server.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SystemInfo {
    pub(crate) server_name: Option<String>,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) is_in_maintenance_mode: bool,
}

/// A library as `/Library/VirtualFolders` lists it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VirtualFolder {
    pub(crate) name: Option<String>,
    #[serde(default)]
    locations: Vec<String>,
    collection_type: Option<String>,
    item_id: Option<String>,
    library_options: Option<LibraryOptions>,
    refresh_status: Option<String>,
    refresh_progress: Option<f64>,
}

/// What a server does with a library just now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LibraryStatus {
    /// Nothing, or nobody knows.
    Idle,
    /// It is to be scanned after others.
    Queued,
    /// It is scanned: how far, in percent, where that is told.
    Active(Option<f64>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LibraryOptions {
    enabled: Option<bool>,
    enable_realtime_monitor: Option<bool>,
}

impl VirtualFolder {
    /// The library, or none when it is switched off or has no folder, as collections and playlists are.
    pub(crate) fn library(self) -> Option<Library> {
        let enabled = self.library_options.and_then(|options| options.enabled).unwrap_or(true);
        let title = self.name.unwrap_or_default();
        (enabled && !self.locations.is_empty()).then(|| Library {
            id: self.item_id.unwrap_or_else(|| title.clone()),
            title,
            kind: self.collection_type.unwrap_or_else(|| "mixed".to_owned()),
            folders: self.locations,
        })
    }

    /// Whether this is the library of this id.
    pub(crate) fn is(&self, id: &str) -> bool {
        self.id() == Some(id)
    }

    /// The library's id.
    pub(crate) fn id(&self) -> Option<&str> {
        self.item_id.as_deref().or(self.name.as_deref())
    }

    /// Whether the server tells what it does with the library.
    pub(crate) fn tells_its_status(&self) -> bool {
        self.refresh_status.is_some()
    }

    /// What the server does with it just now.
    pub(crate) fn status(&self) -> LibraryStatus {
        match self.refresh_status.as_deref() {
            Some("Queued") => LibraryStatus::Queued,
            Some("Active") => LibraryStatus::Active(self.refresh_progress),
            _ => LibraryStatus::Idle,
        }
    }

    /// Whether the server watches the folders by itself.
    pub(crate) fn is_watched(&self) -> bool {
        let options = self.library_options.as_ref();
        !self.locations.is_empty()
            && options.and_then(|options| options.enable_realtime_monitor).unwrap_or(false)
    }
}

/// A page of items.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ItemPage {
    #[serde(default)]
    pub(crate) items: Vec<Item>,
    #[serde(rename = "TotalRecordCount")]
    total: Option<i64>,
}

impl ItemPage {
    /// How many items there are in all; none where they were not counted.
    pub(crate) fn total(&self) -> Option<usize> {
        self.total.and_then(|total| usize::try_from(total).ok())
    }
}

/// An item: a file, or a folder that holds some.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) path: Option<String>,
    pub(crate) parent_id: Option<String>,
    #[serde(default, rename = "Type")]
    pub(crate) kind: String,
    size: Option<i64>,
    run_time_ticks: Option<i64>,
    series_name: Option<String>,
    media_sources: Option<Vec<Source>>,
}

/// A file of an item: a film may have several versions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Source {
    path: Option<String>,
    size: Option<i64>,
}

impl Item {
    /// Whether it is shown with what the server reads from a file: an episode with its series, what is played with its runtime.
    /// Before that it is listed bare, and people do not see it yet. Books and photos have nothing of that.
    pub(crate) fn is_whole(&self) -> bool {
        let has_runtime = self.run_time_ticks.is_some_and(|ticks| ticks > 0);
        match self.kind.as_str() {
            "Episode" => has_runtime && self.series_name.is_some(),
            "Movie" | "Video" | "MusicVideo" | "Audio" | "AudioBook" => has_runtime,
            _ => true,
        }
    }

    /// Whether it is an artist, whose folder a server does not always look into.
    pub(crate) fn is_artist(&self) -> bool {
        self.kind == "MusicArtist"
    }

    /// Every file of the item with its size in bytes, where the server tells it.
    pub(crate) fn files(&self) -> Vec<(&str, Option<u64>)> {
        let told =
            |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0);
        let mut files: Vec<(&str, Option<u64>)> = Vec::new();
        for source in self.media_sources.iter().flatten() {
            files.extend(source.path.as_deref().map(|path| (path, told(source.size))));
        }
        if let Some(path) = self.path.as_deref()
            && !files.iter().any(|(known, _)| *known == path)
        {
            files.push((path, told(self.size)));
        }
        files
    }
}
