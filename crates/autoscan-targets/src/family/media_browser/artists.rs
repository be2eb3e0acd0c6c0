//! Whether an artist's refresh finds a new album. A server takes an artist's albums from the tags of their songs, and looks only
//! into the folders of artists whose known albums name them (Jellyfin 12.0.0, measured): not where songs have no tags, in
//! compilations, or where the folder is called otherwise than the tag.

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;

use crate::family::library_index::Owner;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::prove::lies_in;
use crate::family::media_browser::server::MediaBrowser;

/// Most albums that are asked for.
const ALBUMS: &str = "20";

/// Whether an album in the artist's folder names the artist. What is known of one is remembered.
pub(crate) async fn finds_its_albums(
    server: &impl MediaBrowser,
    folder: &Owner,
    artist: &KnownItem,
) -> Result<bool, Fault> {
    let items = &server.state().items;
    // What was expected in vain is not told by what was known of the tags before.
    let is_known = items.is_tagged(&artist.id) && server.state().recent.misses(&folder.spelled()) == 0;
    if !server.lists_before_it_reads() || is_known {
        return Ok(true);
    }
    let request = server
        .look_for("Path")
        .query("Recursive", "true")
        .query("ParentId", &folder.library.id)
        .query("IncludeItemTypes", "MusicAlbum")
        .query("ArtistIds", &artist.id)
        .query("Limit", ALBUMS);
    let Ok(own) = AbsolutePath::parse(&artist.path) else { return Ok(false) };
    let albums = server.items(request).await?.unwrap_or_default();
    let finds = albums.iter().any(|album| album.path.as_deref().is_some_and(|path| lies_in(path, &own)));
    if finds {
        items.learn_tagged(&artist.id);
    }
    Ok(finds)
}
