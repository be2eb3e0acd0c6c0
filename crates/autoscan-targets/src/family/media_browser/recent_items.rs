//! What a server has read lately, listed once a round for all folders that wait, and only what came since the last time: a server
//! says when an item was saved, which is when it has been read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::proof::{ExpectedFile, Presence};
use tokio::time::Instant;

use crate::family::library_index::Owner;
use crate::family::media_browser::answers::Item;
use crate::family::media_browser::children::file_kinds;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::prove::{sizes, spelling};
use crate::family::media_browser::server::MediaBrowser;
use crate::family::media_browser::view::View;

/// A list is good for so long: a round of askings shares it.
const FRESH: Duration = Duration::from_millis(900);

/// What was listed is remembered for so long at least.
const REMEMBERED: Duration = Duration::from_mins(10);

/// A list begins so much before the last one: what was saved may be seen only a while later.
const OVERLAP: Duration = Duration::from_secs(10);

/// Items of a page, with their files some kilobytes each…
const PAGE: usize = 80;
/// … and most pages of one round.
const PAGES: usize = 10;

/// Most files of one library that are remembered.
const MOST: usize = 20_000;

/// Most folders whose askings are counted.
const MOST_FOLDERS: usize = 4096;

/// Of so many askings in vain for a folder the next looks for the folder itself…
const FOLDER_EVERY: u32 = 8;
/// … and of so many where its library was scanned: what that scan finds is listed as soon as it was read.
const SCANNED_FOLDER_EVERY: u32 = 32;

/// Most files whose items are asked for again by their ids.
const CONFIRMED: usize = 50;

/// What was listed of the libraries of one server.
#[derive(Default)]
pub(crate) struct RecentItems {
    state: Mutex<Recent>,
    asking: tokio::sync::Mutex<()>,
}

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
    files: HashMap<String, KnownItem>,
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

    /// The item of a file that was listed lately: it has been read.
    pub(crate) fn item(&self, library: &str, path: &str) -> Option<KnownItem> {
        self.state().libraries.get(library)?.files.get(path).cloned()
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
            for (path, _) in item.files() {
                let known =
                    KnownItem { id: item.id.clone(), path: path.to_owned(), is_artist: item.is_artist() };
                listed.files.insert(path.to_owned(), known);
            }
        }
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
            .look_for("Path,ParentId,MediaSources")
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
    Ok(())
}

/// What the list of what is new tells of a folder.
pub(crate) enum RecentView {
    /// All that must be there was listed, and is still there.
    Shown(View),
    /// Not all of it: the folder itself need not be looked for in this round.
    Waits(View),
    /// Nothing: the folder itself is to be looked for.
    Unknown,
}

/// What the server shows of these files by what it read lately.
pub(crate) async fn recent_view(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
) -> Result<RecentView, Fault> {
    let state = server.state();
    let library = folder.library.id.as_str();
    let asked = state.recent.misses(&folder.spelled());
    let scanned = state.scans.was_scanned_lately(library);
    let there = files.iter().filter(|expected| matches!(expected.presence, Presence::There { .. }));
    let wanted: Vec<String> = there.map(|expected| spelling(folder, expected)).collect();
    if wanted.is_empty() {
        return Ok(RecentView::Unknown);
    }
    let is_known = || {
        let knows = |path: &String| state.items.get(path).is_some();
        knows(&folder.spelled()) || wanted.iter().all(knows)
    };
    let is_due = match asked {
        0 => !scanned || is_known(),
        _ if scanned => asked % SCANNED_FOLDER_EVERY == SCANNED_FOLDER_EVERY / 2,
        _ => asked.is_multiple_of(FOLDER_EVERY),
    };
    if is_due {
        return Ok(RecentView::Unknown);
    }
    list_recent(server, folder).await?;
    let known: Vec<KnownItem> =
        wanted.iter().filter_map(|path| state.recent.item(library, path)).take(CONFIRMED).collect();
    if known.len() == wanted.len() {
        let mut view = View::default();
        for item in sizes(server, &known).await? {
            view.add(&item);
        }
        // It was listed among what is saved, so it has been read, though a damaged file has no runtime.
        view.bare.clear();
        let all_there = wanted.iter().all(|path| view.has(path));
        if all_there && wanted.len() == files.len() {
            return Ok(RecentView::Shown(view));
        }
        return Ok(RecentView::Unknown);
    }
    let said = format!("{} has read no such new file in {:?} yet", server.product(), folder.spelled());
    Ok(RecentView::Waits(View { said, ..View::default() }))
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
