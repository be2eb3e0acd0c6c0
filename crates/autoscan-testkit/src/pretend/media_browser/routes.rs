//! The calls that Jellyfin and Emby answer alike.

use serde_json::{Value, json};

use crate::pretend::http_server::Recorded;
use crate::pretend::media_browser::dto::{MADE_AT, Wish, item, seconds};
use crate::pretend::media_browser::ignored::Era;
use crate::pretend::media_browser::query::{Place, Query, list};
use crate::pretend::media_browser::tree::{Tree, hash};
use crate::pretend::media_browser::world::World;

/// What is made of a path's hash for the second half of a Jellyfin id.
const SECOND_HALF: u64 = 0x9e37_79b9_7f4a_7c15;

/// Whose words are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Ids are 32 hexadecimal digits, made of the path; there is no filter by path.
    Jellyfin,
    /// Ids are numbers; `Path` is a filter.
    Emby,
}

impl Dialect {
    fn id(self, tree: &Tree, at: u32) -> String {
        match self {
            Self::Jellyfin => {
                let hash = hash(&tree.path(at));
                format!("{hash:016x}{:016x}", hash ^ SECOND_HALF)
            }
            Self::Emby => (u64::from(at) + 1000).to_string(),
        }
    }

    fn item(self, tree: &Tree, id: &str) -> Option<u32> {
        match self {
            Self::Jellyfin => {
                let hash = u64::from_str_radix(id.get(..16)?, 16).ok()?;
                (id.len() == 32).then(|| tree.of_hash(hash)).flatten()
            }
            Self::Emby => tree.of_number(u32::try_from(id.parse::<u64>().ok()?.checked_sub(1000)?).ok()?),
        }
    }
}

/// The items of the ids.
fn ids_of(world: &World, dialect: Dialect, ids: &[&str]) -> Vec<u32> {
    ids.iter().filter_map(|id| dialect.item(&world.tree, id)).collect()
}

/// `GET /Items`. None when the parent is no item.
pub(crate) fn items(world: &mut World, dialect: Dialect, call: &Recorded) -> Option<Value> {
    let place = match call.param("ParentId").filter(|id| !id.is_empty()) {
        None => Place::Root,
        Some(id) => match world.library(id).or_else(|| dialect.item(&world.tree, id).map(Place::Item)) {
            // What is no folder is passed over, and then everything is meant.
            Some(Place::Item(at)) if !world.tree.node(at).kind.is_folder() => Place::Root,
            Some(place) => place,
            None => return None,
        },
    };
    let mut query = Query::of(call, place);
    query.without_signs = dialect == Dialect::Emby || world.era >= Era::Twelve;
    query.path = call.param("Path").filter(|_| dialect == Dialect::Emby).map(str::to_owned);
    let since = call.param("MinDateLastSaved").and_then(seconds);
    query.saved_since = since.map(|at| u32::try_from(at.saturating_sub(MADE_AT)).unwrap_or(u32::MAX));
    let ids = list(call, "Ids");
    query.artist = call.param("ArtistIds").and_then(|id| dialect.item(&world.tree, id));
    query.ids = (!ids.is_empty()).then(|| ids_of(world, dialect, &ids));
    let (found, count) = query.select(&world.tree);
    let fields = list(call, "Fields");
    let is_off = |name: &str| call.param(name).is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let wish = Wish {
        fields: &fields,
        images: !is_off("EnableImages"),
        user_data: !is_off("EnableUserData"),
        own_size: dialect == Dialect::Emby,
        id: &|tree, at| dialect.id(tree, at),
    };
    let shown: Vec<Value> = found.iter().map(|at| item(&world.tree, *at, &wish)).collect();
    for at in found {
        let path = world.tree.path(at);
        if world.fleeting.remove(&path) {
            world.forget(&path);
        }
    }
    let total = if query.counted { count } else { 0 };
    Some(json!({"Items": shown, "TotalRecordCount": total, "StartIndex": query.start}))
}

/// `GET /Library/VirtualFolders`.
pub(crate) fn virtual_folders(world: &World) -> Value {
    let mut folders: Vec<Value> = world
        .libraries
        .iter()
        .map(|library| {
            let (status, progress) = world.queue.status(&library.id, world.now());
            json!({
                "Name": library.title,
                "Locations": library.folders,
                "CollectionType": library.kind,
                "ItemId": library.id,
                "LibraryOptions": {"Enabled": true, "EnableRealtimeMonitor": library.watched},
                "RefreshStatus": status,
                "RefreshProgress": progress,
            })
        })
        .collect();
    // Collections have no folder that anybody could scan.
    folders.push(
        json!({"Name": "Collections", "Locations": [], "CollectionType": "boxsets", "ItemId": "boxsets"}),
    );
    Value::Array(folders)
}

/// `GET /Sessions`: people who watch, who have paused, and who only look around.
pub(crate) fn sessions(world: &World) -> Value {
    let session = |paused: bool| {
        json!({
            "Id": "5c3fa2", "UserName": "ada", "Client": "Web", "PlayState": {"IsPaused": paused, "PositionTicks": 1},
            "NowPlayingItem": {"Name": "Film", "Type": "Movie"},
        })
    };
    let mut all =
        vec![json!({"Id": "idle", "UserName": "bob", "Client": "Web", "PlayState": {"IsPaused": false}})];
    all.extend((0..world.playing).map(|_| session(false)));
    all.extend((0..world.paused).map(|_| session(true)));
    Value::Array(all)
}

/// `GET /ScheduledTasks`.
pub(crate) fn tasks(world: &World) -> Value {
    json!([
        {"Name": "Clean Cache Directory", "State": "Idle", "Id": "t1", "Key": "DeleteCacheFiles", "Triggers": []},
        {
            "Name": "Scan Media Library", "State": if world.scanning { "Running" } else { "Idle" }, "Id": "t2",
            "Key": "RefreshLibrary", "CurrentProgressPercentage": if world.scanning { json!(12.5) } else { Value::Null },
            "Triggers": [{"Type": "IntervalTrigger", "IntervalTicks": world.scan_every_hours * 36_000_000_000_u64}],
        },
    ])
}

/// `POST /Library/Media/Updated` of a body: the status that it is answered with.
pub(crate) fn media_updated(world: &mut World, call: &Recorded, accepted: u16) -> u16 {
    if call.header("content-type").is_none_or(|kind| !kind.starts_with("application/json")) {
        return 415;
    }
    let Some(updates) = read_updates(&call.body) else { return 400 };
    // A path that is none is refused after those before it were taken.
    for (path, update_type) in updates {
        if path.is_empty() {
            return 400;
        }
        world.report(&path, &update_type);
    }
    accepted
}

/// The entries of `{"Updates": [{"Path", "UpdateType"}]}`, names without case; a missing path is empty.
fn read_updates(body: &str) -> Option<Vec<(String, String)>> {
    let text = |value: &Value, name: &str| {
        field(value, name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let body: Value = serde_json::from_str(body).ok()?;
    let updates = field(&body, "Updates")?;
    Some(
        updates.as_array()?.iter().map(|update| (text(update, "Path"), text(update, "UpdateType"))).collect(),
    )
}

/// A field of an object, its name compared without case.
pub(crate) fn field(value: &Value, name: &str) -> Option<Value> {
    let fields = value.as_object()?;
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
}

/// `POST /Items/{id}/Refresh`: whether there is such an item.
pub(crate) fn refresh(world: &mut World, dialect: Dialect, id: &str, call: &Recorded) -> bool {
    let mode = call.param("MetadataRefreshMode").unwrap_or("None");
    // Jellyfin always looks into a folder; Emby only when it is told to.
    let recursive = dialect == Dialect::Jellyfin
        || call.param("Recursive").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let query = call.query.clone();
    if let Some(at) = dialect.item(&world.tree, id) {
        let path = world.tree.path(at);
        world.refreshes.push(super::ItemRefresh { path, query });
        // Without metadata a file of its own is left as it is.
        if world.tree.node(at).kind.is_folder() || mode != "None" {
            world.refresh(at, recursive);
        }
        return true;
    }
    let Some(library) = world.libraries.iter().find(|library| library.id == id).cloned() else {
        return false;
    };
    world.refreshes.push(super::ItemRefresh { path: library.title.clone(), query });
    world.walk(&library, recursive);
    true
}

/// `GET /Environment/DirectoryContents`: what lies in a folder, hidden files too. None when the server does not find it.
pub(crate) fn directory(world: &World, path: &str) -> Option<Value> {
    let entries = world.disk.entries(path)?;
    let entry = |(name, is_file): (String, bool)| {
        let kind = if is_file { "File" } else { "Directory" };
        json!({"Name": name, "Path": format!("{}/{name}", path.trim_end_matches('/')), "Type": kind})
    };
    Some(entries.into_iter().map(entry).collect())
}

/// `POST /Environment/ValidatePath`: whether the server finds the file or folder. Whoever asks whether it may write there
/// makes it write a file.
pub(crate) fn validate(world: &World, path: &str, is_file: Option<bool>) -> bool {
    let is_known = world.tree.at(path).is_some() && world.disk.has(path);
    let shown_as_file = world.disk.is_file(path);
    (world.disk.shows(path) || is_known) && is_file.is_none_or(|is_file| is_known || is_file == shown_as_file)
}
