//! What a server sees of its own disk, by its directory browser.

use autoscan_core::path::AbsolutePath;
use autoscan_http::Method;
use serde::Deserialize;

use crate::family::media_browser::server::MediaBrowser;

/// Longest list of a folder that is read, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// What a server sees of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// These names lie in it.
    Holds(Vec<String>),
    /// It does not find the folder.
    Unseen,
    /// It did not say.
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    name: Option<String>,
}

/// `GET /Environment/DirectoryContents` of a folder.
pub(crate) async fn listed(server: &impl MediaBrowser, folder: &AbsolutePath) -> Folder {
    let request = server
        .request(Method::GET, &["Environment", "DirectoryContents"])
        .query("Path", folder.as_str())
        .query("IncludeFiles", "true")
        .query("IncludeDirectories", "true")
        .at_most(LONGEST);
    match server.http().exchange(&request).await {
        Ok(answer) if answer.status() == 404 => Folder::Unseen,
        Ok(answer) if answer.status() == 200 => match answer.json::<Vec<Entry>>() {
            Ok(entries) => Folder::Holds(entries.into_iter().filter_map(|entry| entry.name).collect()),
            Err(_) => Folder::Unknown,
        },
        _ => Folder::Unknown,
    }
}
