//! Kodi's sources. They may be URLs (`smb://nas/tv/`), which no path of autoscan is: a slash in front makes one of them
//! (`/smb:/nas/tv`), and a target's `map` can lead there.

use autoscan_core::path::{AbsolutePath, Style};
use autoscan_core::ports::Library;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// What Kodi makes of what lies in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Video,
    Music,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Video, Self::Music];

    /// Kodi's word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Music => "music",
        }
    }

    /// The kind of a library that [`library`] made.
    pub(super) fn of(library: &Library) -> Self {
        if library.kind == Self::Music.as_str() { Self::Music } else { Self::Video }
    }
}

#[derive(Deserialize)]
pub(super) struct Sources {
    #[serde(default)]
    pub(super) sources: Vec<Source>,
}

#[derive(Deserialize)]
pub(super) struct Source {
    file: String,
    #[serde(default)]
    label: String,
}

/// The library of a source; none when no folder of it is one of files, as add-ons, playlists and live TV are.
pub(super) fn library(kind: Kind, source: &Source) -> Option<Library> {
    let folders = folders(&source.file);
    let first = folders.first()?;
    Some(Library {
        id: format!("{}:{first}", kind.as_str()),
        title: source.label.clone(),
        kind: kind.as_str().to_owned(),
        folders,
    })
}

/// The folders of a source, as paths. Of several it names each; several of several are in no Kodi.
fn folders(file: &str) -> Vec<String> {
    if let Some(several) = file.strip_prefix("multipath://") {
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts = several.split('/').filter(|part| !part.is_empty());
        return parts.filter_map(|part| path(&decode(part))).map(|path| path.to_string()).collect();
    }
    path(file).map(|path| path.to_string()).into_iter().collect()
}

/// What Kodi writes as a path; none for what is no file system, as add-ons and live TV are.
pub(super) fn path(file: &str) -> Option<AbsolutePath> {
    let text = match file.split_once("://") {
        Some(("smb" | "nfs" | "ftp" | "ftps" | "sftp" | "dav" | "davs" | "http" | "https", rest)) => {
            let scheme = &file[..file.len() - rest.len()];
            // A user and password are shown to nobody; Kodi keeps them in its passwords.xml.
            let host_end = rest.find('/').unwrap_or(rest.len());
            let host = rest[..host_end].rsplit('@').next().unwrap_or_default();
            format!("/{scheme}{host}{}", &rest[host_end..])
        }
        Some(_) => return None,
        None => file.to_owned(),
    };
    AbsolutePath::parse(&text).ok()
}

/// A file as Kodi writes it.
pub(super) fn file(path: &AbsolutePath) -> String {
    let text = path.as_str();
    let url = text.strip_prefix('/').and_then(|text| text.split_once(":/"));
    match url {
        Some((scheme, rest)) if path.style() == Style::Posix && !scheme.contains('/') => {
            format!("{scheme}://{rest}")
        }
        _ => text.to_owned(),
    }
}

/// A folder as Kodi writes it: with a separator at its end.
pub(super) fn folder(path: &AbsolutePath) -> String {
    let mut text = file(path);
    let separator = if path.style() == Style::Windows { '\\' } else { '/' };
    if !text.ends_with(separator) {
        text.push(separator);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_becomes_paths_and_goes_back() {
        for (source, paths, back) in [
            ("/srv/tv/", vec!["/srv/tv"], vec!["/srv/tv/"]),
            ("smb://nas/tv/", vec!["/smb:/nas/tv"], vec!["smb://nas/tv/"]),
            ("smb://me:hunter2@nas/tv/", vec!["/smb:/nas/tv"], vec!["smb://nas/tv/"]),
            ("nfs://10.0.0.2/export/tv", vec!["/nfs:/10.0.0.2/export/tv"], vec!["nfs://10.0.0.2/export/tv/"]),
            ("D:\\TV\\", vec!["D:\\TV"], vec!["D:\\TV\\"]),
            (
                "multipath://%2fsrv%2fa%20b%2f/smb%3a%2f%2fnas%2fb%2f/",
                vec!["/srv/a b", "/smb:/nas/b"],
                vec!["/srv/a b/", "smb://nas/b/"],
            ),
            ("multipath://multipath%3a%2f%2f%252fsrv%252f/", vec![], vec![]),
            ("multipath://%ff%fe/%/", vec![], vec![]),
            ("smb://@", vec!["/smb:"], vec!["/smb:/"]),
            ("special://profile/playlists/", vec![], vec![]),
            ("upnp://", vec![], vec![]),
            ("plugin://plugin.video.x/", vec![], vec![]),
        ] {
            let found = folders(source);
            assert_eq!(found, paths, "{source}");
            let written: Vec<String> =
                found.iter().map(|path| folder(&AbsolutePath::parse(path).unwrap())).collect();
            assert_eq!(written, back, "{source}");
        }
        assert_eq!(file(&AbsolutePath::parse("/tv/A: B/c:/d.mkv").unwrap()), "/tv/A: B/c:/d.mkv");
    }
}
