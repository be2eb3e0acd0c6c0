//! A single episode, asked for by its number: a small answer that tells its files and their sizes, too.

use autoscan_core::fault::Fault;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::library_index::Owner;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::prove::lies_in;
use crate::family::media_browser::server::MediaBrowser;
use crate::family::media_browser::titles::episode;
use crate::family::media_browser::view::View;

/// Most items of one number: of several seasons, or several files of one episode.
const MOST: &str = "20";

/// Asks for the only file of a folder by the number in its name, below a season or a series. Answers whether it was asked for: not
/// where the name tells no number. As a server may count in its own way, every other time all files of the folder are asked for.
pub(crate) async fn one_episode(
    server: &impl MediaBrowser,
    parent: &KnownItem,
    season: Option<u32>,
    folder: &Owner,
    files: &[&ExpectedFile],
    view: &mut View,
) -> Result<bool, Fault> {
    let [ExpectedFile { path, presence: Presence::There { .. }, .. }] = files else { return Ok(false) };
    let is_turn = server.state().recent.misses(&folder.spelled()).is_multiple_of(2);
    let is_asked = server.lists_before_it_reads() && folder.library.kind == "tvshows" && is_turn;
    let Some(number) = path.0.file_name().and_then(episode).filter(|_| is_asked) else { return Ok(false) };
    let mut request = server
        .look_for("Path,ParentId,MediaSources")
        .query("Recursive", "true")
        .query("ParentId", &parent.id)
        .query("IncludeItemTypes", "Episode")
        .query("IndexNumber", &number.to_string())
        .query("Limit", MOST);
    if let Some(season) = season {
        request = request.query("ParentIndexNumber", &season.to_string());
    }
    let Some(items) = server.items(request).await? else { return Ok(false) };
    for item in items {
        if !item.path.as_deref().is_some_and(|path| lies_in(path, &folder.path)) {
            continue;
        }
        view.add(&item);
        let is_season = folder.path.depth() > folder.root.depth() + 1 && parent.path != folder.spelled();
        if let Some(season) = item.parent_id.as_ref().filter(|_| is_season) {
            server.state().items.learn(&folder.spelled(), season);
        }
    }
    view.said = format!("{} shows no episode {number} in {:?}", server.product(), folder.spelled());
    Ok(true)
}
