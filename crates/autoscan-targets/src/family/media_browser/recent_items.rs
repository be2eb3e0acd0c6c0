//! What a server has read lately, listed once a round for all folders that wait, and only what came since the last time: a server
//! says when an item was saved, which is when it has been read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use tokio::time::Instant;

use crate::family::library_index::{Owner, spelled};
use crate::family::media_browser::answers::Item;
use crate::family::media_browser::children::file_kinds;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::prove::{SIZES_AT_ONCE, sizes};
use crate::family::media_browser::server::MediaBrowser;

/// A list is good for so long: a round of askings shares it.
const FRESH: Duration = Duration::from_millis(900);

/// What was listed is remembered for so long at least.
const REMEMBERED: Duration = Duration::from_mins(10);

/// A list begins so much before the last one: what was saved may be seen only a while later.
const OVERLAP: Duration = Duration::from_secs(10);

/// Most items that are asked for because they are new: about 30 kB.
const NEWEST: usize = 40;

/// Items of a page, half a kilobyte each…
const PAGE: usize = 200;
/// … and most pages of one round.
const PAGES: usize = 10;

/// Most files of one library that are remembered.
const MOST: usize = 20_000;

/// Most folders whose askings are counted.
const MOST_FOLDERS: usize = 4096;

/// Most items of several folders whose sizes are asked for at a time.
const SIZED_AT_ONCE: usize = 50;

/// What was listed of the libraries of one server.
#[derive(Default)]
pub(crate) struct RecentItems {
    state: Mutex<Recent>,
    newest: tokio::sync::Mutex<HashMap<String, NewestFiles>>,
    asking: tokio::sync::Mutex<()>,
}

/// The newest files of one library, and when they were asked for.
type NewestFiles = (Instant, Arc<[Item]>);

#[derive(Default)]
struct Recent {
    /// The server's own time when it was heard last, at a moment some minutes ago, and since when that is kept.
    times: Option<(String, String, Instant)>,
    libraries: HashMap<String, Listed>,
    /// How often a folder was asked for in vain.
    vain: HashMap<String, u32>,
}

/// What was listed of one library.
struct Listed {
    /// The next list begins at this time of the server…
    since: String,
    /// … and a later one at this, at which the last began.
    later: (String, Instant),
    at: Instant,
    began: Instant,
    files: HashMap<String, RecentFile>,
}

/// A file that was listed lately.
#[derive(Clone, Debug)]
pub(crate) struct RecentFile {
    /// Its item, which may have other files too.
    pub(crate) item: KnownItem,
    /// Its size in bytes, where it was asked for.
    pub(crate) size: Option<u64>,
    /// When it was last listed.
    listed: Instant,
    /// The folder that it lies in, as far as its path tells.
    folder: String,
}

impl RecentFile {
    /// Whether it was listed a moment ago.
    pub(crate) fn is_fresh(&self) -> bool {
        self.listed.elapsed() < FRESH
    }
}

impl RecentItems {
    fn state(&self) -> MutexGuard<'_, Recent> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server answered at this time of its own, as it stands in the header `Date`.
    pub(crate) fn heard_at(&self, date: Option<&str>) {
        let Some(time) = date.and_then(moment) else { return };
        let mut state = self.state();
        let now = Instant::now();
        match &mut state.times {
            Some((earlier, newer, since)) if now.duration_since(*since) >= REMEMBERED => {
                *earlier = std::mem::replace(newer, time);
                *since = now;
            }
            Some(_) => {}
            None => state.times = Some((time.clone(), time, now)),
        }
    }

    /// A folder was asked for in vain.
    pub(crate) fn missed(&self, folder: &str) {
        let mut state = self.state();
        if state.vain.len() >= MOST_FOLDERS && !state.vain.contains_key(folder) {
            state.vain.clear();
        }
        *state.vain.entry(folder.to_owned()).or_default() += 1;
    }

    /// All that was expected of a folder was shown.
    pub(crate) fn proven(&self, folder: &str) {
        self.state().vain.remove(folder);
    }

    /// How often the folder was asked for in vain.
    pub(crate) fn misses(&self, folder: &str) -> u32 {
        self.state().vain.get(folder).copied().unwrap_or_default()
    }

    /// A file that was listed lately: it has been read.
    pub(crate) fn file(&self, library: &str, path: &str) -> Option<RecentFile> {
        self.state().libraries.get(library)?.files.get(path).cloned()
    }

    /// The items of files that were listed without a size, of folders with few of them: first those of this folder.
    fn without_size(&self, library: &str, folder: &str) -> Vec<KnownItem> {
        let state = self.state();
        let Some(listed) = state.libraries.get(library) else { return Vec::new() };
        let mut folders: HashMap<&str, Vec<&KnownItem>> = HashMap::new();
        for file in listed.files.values().filter(|file| file.size.is_none() && file.is_fresh()) {
            folders.entry(&file.folder).or_default().push(&file.item);
        }
        folders.retain(|_, files| files.len() <= SIZES_AT_ONCE);
        let own = folders.remove(folder).unwrap_or_default();
        if own.is_empty() {
            return Vec::new();
        }
        let others = folders.into_values().flatten();
        own.into_iter().chain(others).take(SIZED_AT_ONCE).cloned().collect()
    }

    /// Keeps the sizes of files that were listed, and their further files.
    fn keep_sizes(&self, library: &str, items: &[Item]) {
        let mut state = self.state();
        let Some(listed) = state.libraries.get_mut(library) else { return };
        for item in items {
            for (path, size) in item.files() {
                listed.take(item, path, size);
            }
        }
    }

    /// From which time of the server on the library is to be listed now; none when it was listed a moment ago, or when the
    /// server tells no time.
    fn since(&self, library: &str) -> Option<String> {
        let state = self.state();
        let (earlier, _, _) = state.times.as_ref()?;
        match state.libraries.get(library) {
            Some(listed) if listed.at.elapsed() < FRESH => None,
            Some(listed) if listed.began.elapsed() < REMEMBERED * 2 => Some(listed.since.clone()),
            _ => Some(earlier.clone()),
        }
    }

    fn keep(&self, library: &str, since: String, items: &[Item]) {
        let now = Instant::now();
        let mut state = self.state();
        let listed = state.libraries.entry(library.to_owned()).or_insert_with(|| Listed {
            since: since.clone(),
            later: (since.clone(), now),
            at: now,
            began: now,
            files: HashMap::new(),
        });
        if listed.began.elapsed() >= REMEMBERED * 2 || listed.files.len() > MOST {
            listed.files.clear();
            listed.began = now;
            listed.since.clone_from(&since);
            listed.later = (since.clone(), now);
        }
        listed.at = now;
        if listed.later.1.elapsed() >= OVERLAP {
            listed.since = std::mem::replace(&mut listed.later, (since, now)).0;
        }
        for item in items {
            for (path, size) in item.files() {
                listed.take(item, path, size);
            }
        }
    }
}

impl Listed {
    fn take(&mut self, item: &Item, path: &str, size: Option<u64>) {
        let known = KnownItem { id: item.id.clone(), path: path.to_owned(), is_artist: item.is_artist() };
        let before = self.files.get(path).filter(|before| before.item.id == known.id);
        let size = size.or_else(|| before.and_then(|before| before.size));
        let folder = AbsolutePath::parse(path).ok().and_then(|path| path.parent());
        let folder = folder.map_or_else(String::new, |folder| spelled(&folder).to_owned());
        self.files.insert(path.to_owned(), RecentFile { item: known, size, listed: Instant::now(), folder });
    }
}

/// Lists what was saved in the library since the last time, unless that was a moment ago. Whoever comes while it is listed
/// waits for that list.
pub(crate) async fn list_recent(server: &impl MediaBrowser, library: &Owner) -> Result<(), Fault> {
    let recent = &server.state().recent;
    let _one = recent.asking.lock().await;
    let Some(since) = recent.since(&library.library.id) else { return Ok(()) };
    let mut items: Vec<Item> = Vec::new();
    let mut began = None;
    for page in 0..PAGES {
        let request = server
            .look_for("Path,ParentId")
            .query("Recursive", "true")
            .query("ParentId", &library.library.id)
            .query("IncludeItemTypes", file_kinds(&library.library.kind))
            .query("CollapseBoxSetItems", "false")
            .query("MinDateLastSaved", &since)
            .query("SortBy", "DateCreated")
            .query("SortOrder", "Descending")
            .query("StartIndex", &(page * PAGE).to_string())
            .query("Limit", &PAGE.to_string());
        let Some((found, date)) = server.dated_items(request).await? else { return Ok(()) };
        began = began.or(date);
        let is_last = found.len() < PAGE;
        items.extend(found);
        if is_last {
            break;
        }
    }
    recent.keep(&library.library.id, began.and_then(|date| moment(&date)).unwrap_or(since), &items);
    learn_folders(server, library, &items);
    Ok(())
}

/// The newest files of the library, asked for once a round.
pub(crate) async fn newest(server: &impl MediaBrowser, library: &Owner) -> Result<Arc<[Item]>, Fault> {
    let id = &library.library.id;
    let mut known = server.state().recent.newest.lock().await;
    if let Some((_, items)) = known.get(id).filter(|(at, _)| at.elapsed() < FRESH) {
        return Ok(Arc::clone(items));
    }
    let request = server
        .look_for("Path,ParentId")
        .query("Recursive", "true")
        .query("ParentId", id)
        .query("IncludeItemTypes", file_kinds(&library.library.kind))
        .query("CollapseBoxSetItems", "false")
        .query("SortBy", "DateCreated")
        .query("SortOrder", "Descending")
        .query("Limit", &NEWEST.to_string());
    let items: Arc<[Item]> = server.items(request).await?.unwrap_or_default().into();
    known.insert(id.clone(), (Instant::now(), Arc::clone(&items)));
    Ok(items)
}

/// Asks for the sizes of what is new in the folder, and in others with few new files: one question serves many films.
pub(crate) async fn list_sizes(server: &impl MediaBrowser, folder: &Owner) -> Result<(), Fault> {
    let recent = &server.state().recent;
    let _one = recent.asking.lock().await;
    let items = recent.without_size(&folder.library.id, &folder.spelled());
    if !items.is_empty() {
        recent.keep_sizes(&folder.library.id, &sizes(server, &items).await?);
    }
    Ok(())
}

/// Remembers the seasons and albums that new files lie in: what comes there next needs no search.
fn learn_folders(server: &impl MediaBrowser, library: &Owner, items: &[Item]) {
    let memory = &server.state().items;
    for item in items.iter().filter(|item| matches!(item.kind.as_str(), "Episode" | "Audio")) {
        let (Some(path), Some(parent)) = (item.path.as_deref(), item.parent_id.as_deref()) else { continue };
        let Some(folder) = AbsolutePath::parse(path).ok().and_then(|path| path.parent()) else { continue };
        // Of files that lie in a series' own folder the parent is a season without a folder.
        let is_inner = folder.is_within(&library.root) && folder.depth() > library.root.depth() + 1;
        let folder = spelled(&folder);
        if is_inner && memory.get(folder).is_none() {
            memory.learn(folder, parent);
        }
    }
}

/// `Mon, 30 Nov 2026 17:44:39 GMT` as `2026-11-30T17:44:39Z`.
fn moment(date: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = date.split(' ').skip(1);
    let day: u32 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|known| *known == name)? + 1;
    let year: u32 = words.next()?.parse().ok()?;
    let time = words.next().filter(|time| time.len() == 8 && time.is_ascii())?;
    (words.next() == Some("GMT")).then(|| format!("{year:04}-{month:02}-{day:02}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_time_is_read_of_its_answer() {
        assert_eq!(moment("Mon, 30 Nov 2026 17:44:39 GMT").as_deref(), Some("2026-11-30T17:44:39Z"));
        assert_eq!(moment("Thu, 01 Jan 2026 00:00:00 GMT").as_deref(), Some("2026-01-01T00:00:00Z"));
        for odd in ["", "yesterday", "Mon, 30 Foo 2026 17:44:39 GMT", "Mon, 30 Nov 2026 17:44 GMT"] {
            assert_eq!(moment(odd), None, "{odd}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_list_begins_some_minutes_before_it_is_asked_for() {
        let recent = RecentItems::default();
        assert_eq!(recent.since("1"), None, "a server that tells no time is not asked");
        recent.heard_at(Some("Mon, 30 Nov 2026 17:00:00 GMT"));
        tokio::time::advance(REMEMBERED).await;
        recent.heard_at(Some("Mon, 30 Nov 2026 17:10:00 GMT"));
        assert_eq!(recent.since("1").as_deref(), Some("2026-11-30T17:00:00Z"));
        recent.keep("1", "2026-11-30T17:10:00Z".to_owned(), &[]);
        assert_eq!(recent.since("1"), None, "it was listed a moment ago");
        tokio::time::advance(FRESH).await;
        assert_eq!(recent.since("1").as_deref(), Some("2026-11-30T17:10:00Z"));
    }

    #[test]
    fn askings_in_vain_are_counted_until_the_folder_is_proven() {
        let recent = RecentItems::default();
        recent.missed("/a");
        recent.missed("/a");
        assert_eq!((recent.misses("/a"), recent.misses("/b")), (2, 0));
        recent.proven("/a");
        assert_eq!(recent.misses("/a"), 0);
    }
}
