//! The files below one item, page by page, and what else is asked of a library with a small answer.

use autoscan_core::fault::Fault;

use crate::family::media_browser::answers::Item;
use crate::family::media_browser::server::MediaBrowser;

/// Items of a page: about 60 kB.
pub(crate) const PAGE: usize = 80;

/// Most pages of one item: 1600 files of one season or album.
const PAGES: usize = 20;

/// Whose children are asked for.
pub(crate) struct Children<'a> {
    /// The item above them.
    pub(crate) parent: &'a str,
    /// Their types.
    pub(crate) kinds: &'a str,
    /// Only those of this season.
    pub(crate) season: Option<u32>,
}

/// The types of files in a library of this kind.
pub(crate) fn file_kinds(library: &str) -> &'static str {
    match library {
        "tvshows" => "Episode",
        "movies" => "Movie",
        "music" => "Audio",
        "musicvideos" => "MusicVideo",
        "books" => "Book,AudioBook",
        "homevideos" => "Video,Photo",
        _ => "Episode,Movie,Video,MusicVideo,Audio,AudioBook,Book,Photo",
    }
}

/// The types of folders at the top of a library of this kind; none where films lie there.
pub(crate) fn top_kinds(library: &str) -> &'static str {
    match library {
        "tvshows" => "Series",
        "music" => "MusicArtist,MusicAlbum",
        "movies" | "musicvideos" | "books" => "",
        "homevideos" => "Folder",
        _ => "Series,MusicArtist,Folder",
    }
}

/// The types of folders within those.
pub(crate) const INNER_KINDS: &str = "Season,MusicAlbum,Folder";

/// The items below one, newest first, until they are enough. None when the item is gone.
pub(crate) async fn list(
    server: &impl MediaBrowser,
    children: &Children<'_>,
    enough: impl Fn(&[Item]) -> bool + Send,
) -> Result<Option<Vec<Item>>, Fault> {
    let mut all: Vec<Item> = Vec::new();
    for _ in 0..PAGES {
        let mut request = server
            .look_for(server.fields())
            .query("Recursive", "true")
            .query("ParentId", children.parent)
            .query("IncludeItemTypes", children.kinds)
            .query("SortBy", "DateCreated")
            .query("SortOrder", "Descending")
            .query("StartIndex", &all.len().to_string())
            .query("Limit", &PAGE.to_string());
        if let Some(season) = children.season {
            request = request.query("ParentIndexNumber", &season.to_string());
        }
        let Some(page) = server.items(request).await? else { return Ok(None) };
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last || enough(&all) {
            break;
        }
    }
    Ok(Some(all))
}
