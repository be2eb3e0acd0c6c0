//! Why a file does not appear: what Plex itself sees of it tells more than any guess.

use std::fmt::Write as _;

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::media::is_extra;
use autoscan_core::path::AbsolutePath;
use autoscan_core::proof::{ExpectedFile, Presence};
use base64::Engine as _;

use super::Plex;
use super::answers::Browsed;
use super::lookup::is_same;
use super::naming::{is_audio, season_of};
use crate::family::libraries;
use crate::family::library_index::{Owner, spelled};

impl Plex {
    /// The likeliest cause, in a sentence without a capital.
    pub(super) async fn cause(&self, expected: &ExpectedFile) -> Option<String> {
        let (_, owners) = libraries::owners(&self.server, &expected.path).await.ok()?;
        let owner = owners.first()?;
        if let Some(cause) = self.still_scanning(owner).await {
            return Some(cause);
        }
        if expected.presence == Presence::Gone {
            return None;
        }
        match self.unseen(owner).await {
            Ok(Some(cause)) => return Some(cause),
            Ok(None) => {}
            // A Plex that does not tell what it sees leaves the name.
            Err(fault) => tracing::debug!(reason = fault.reason(), "Plex does not tell what it sees"),
        }
        misnamed(owner, expected).or_else(|| {
            Some(format!(
                "Plex sees the file but makes no item of it: a .plexignore above it, a format that it cannot read, or a \
                 name that its scanner {:?} does not understand",
                owner.library.kind
            ))
        })
    }

    async fn still_scanning(&self, owner: &Owner) -> Option<String> {
        let sections = self.server.sections().await.ok()?;
        let section = sections.into_iter().find(|section| section.key == owner.library.id)?;
        section.refreshing.then(|| {
            format!("Plex is still scanning its library {:?}, so the file may yet appear", section.title)
        })
    }

    /// Whether Plex cannot see the file where it should lie.
    async fn unseen(&self, owner: &Owner) -> Result<Option<String>, Fault> {
        let path = &owner.path;
        let Some(folder) = path.parent() else { return Ok(None) };
        let seen = match self.browse(&folder).await {
            // A folder that it cannot read is answered in several ways.
            Err(Fault::Wrong { .. } | Fault::Away { .. }) => Vec::new(),
            seen => seen?,
        };
        if seen.iter().any(|other| is_same(other, path)) {
            return Ok(None);
        }
        if seen.is_empty() {
            return Ok(Some(format!(
                "Plex itself cannot see the folder {folder:?}: its user lacks the permission, or the folder is not \
                 mounted where Plex runs"
            )));
        }
        let lower = path.as_str().to_lowercase();
        let mut cause = format!("Plex itself sees the folder {folder:?}, but not the file in it");
        match seen.iter().find(|other| other.as_str().to_lowercase() == lower) {
            Some(twin) => {
                let _ = write!(cause, "; it sees {twin:?}, which differs in upper and lower case");
            }
            None => {
                cause.push_str(": its view is stale (a cached or remote mount), or it lacks the permission");
            }
        }
        Ok(Some(cause))
    }

    /// What Plex sees in a folder. Since 1.32.7 it must be told that files count (python-plexapi's `browse`).
    async fn browse(&self, folder: &AbsolutePath) -> Result<Vec<AbsolutePath>, Fault> {
        let encoded = base64::engine::general_purpose::STANDARD.encode(spelled(folder));
        let request = self.server.get(&["services", "browse", &encoded]).query("includeFiles", "1");
        Ok(self.server.read::<Browsed>(request).await?.paths())
    }
}

/// What is wrong with the name, or with the library that it lies in.
fn misnamed(owner: &Owner, expected: &ExpectedFile) -> Option<String> {
    let (path, title) = (&owner.path, &owner.library.title);
    let name = path.file_name()?;
    if expected.subject == Subject::Folder {
        return None;
    }
    if is_extra(path) {
        return Some(
            "files and folders named as samples, trailers or other extras are shown beside an item, or not at all"
                .to_owned(),
        );
    }
    if path.components().any(|name| name.starts_with('.')) {
        return Some("Plex passes over names that begin with a dot".to_owned());
    }
    let is_episode = season_of(name).is_some();
    match owner.library.kind.as_str() {
        "movie" | "show" if is_audio(path) => {
            Some(format!("the library {title:?} is for films or series, and the file is music"))
        }
        "artist" if !is_audio(path) => {
            Some(format!("the library {title:?} is for music, and the file is a video"))
        }
        "movie" if is_episode => Some(format!(
            "the library {title:?} is for films, and the file is named as an episode of a series"
        )),
        "show" if !is_episode => Some(format!(
            "the library {title:?} is for series, and the name holds no season and episode such as S01E02"
        )),
        "movie" | "show" | "artist" => None,
        kind => Some(format!("the library {title:?} is of the type {kind:?}, which shows no such files")),
    }
}
