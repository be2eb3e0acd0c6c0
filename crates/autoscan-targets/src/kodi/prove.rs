//! What Kodi shows of the files of a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::media::{self, Role};
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::ServerListing;
use autoscan_core::proof::{ExpectedFile, Observation, Presence};

use crate::family::libraries;
use crate::family::library_index::LibraryIndex;
use crate::kodi::Kodi;
use crate::kodi::items::{self, Contents, Item, MOST_NAMES};
use crate::kodi::look;
use crate::kodi::scanning;
use crate::kodi::sources::Kind;
use crate::kodi::tell;

/// Endings of books and disc images' neighbours that are media elsewhere and nothing to Kodi.
const NO_ITEMS: [&str; 6] = ["azw3", "cbr", "cbz", "epub", "mobi", "pdf"];

/// Folders of a disc, whose many files are one item.
const DISCS: [&str; 3] = ["BDMV", "VIDEO_TS", "AUDIO_TS"];

/// What is asked about one folder: where in the answer each name belongs.
#[derive(Default)]
struct Group<'a>(Vec<(usize, &'a str)>);

/// Asks for the files of a scan: one request a folder and a hundred names.
pub(super) async fn find(
    kodi: &Kodi,
    folder: &TargetPath,
    expected: &[ExpectedFile],
) -> Result<Vec<Observation>, Fault> {
    let (index, _) = libraries::owners(kodi, folder).await?;
    let mut shown: Vec<Option<Observation>> = Vec::with_capacity(expected.len());
    let mut groups: BTreeMap<AbsolutePath, Group<'_>> = BTreeMap::new();
    for (at, one) in expected.iter().enumerate() {
        shown.push(match unknowable(kodi, one, &index) {
            Some(reason) => Some(Observation::Unknowable(reason)),
            None if one.subject == Subject::Folder => Some(folder_is_gone(kodi, &index, &one.path.0).await?),
            None => None,
        });
        if let (None, Some(folder), Some(name)) = (&shown[at], one.path.0.parent(), one.path.0.file_name()) {
            groups.entry(folder).or_default().0.push((at, name));
        }
    }
    for (folder, group) in &groups {
        for names in group.0.chunks(MOST_NAMES) {
            let (items, scans) = ask(kodi, &index, folder, names).await?;
            for (at, _) in names {
                shown[*at] = Some(judge(&expected[*at], &items, scans));
            }
        }
    }
    Ok(shown.into_iter().map(|one| one.unwrap_or_else(nameless)).collect())
}

fn nameless() -> Observation {
    Observation::Unknowable("it has no name that Kodi could be asked for".to_owned())
}

/// The items of these names in this folder, of every kind of library that owns it, and whether one of them is scanned.
async fn ask(
    kodi: &Kodi,
    index: &LibraryIndex,
    folder: &AbsolutePath,
    names: &[(usize, &str)],
) -> Result<(Vec<Item>, bool), Fault> {
    let names: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
    let (mut all, mut scans) = (Vec::new(), false);
    for kind in kinds(index, folder) {
        let mut calls = items::of_files(kind, folder, &names);
        calls.push(scanning::scanning(kind));
        let outcomes = kodi.rpc.ask(&calls).await?;
        let (lists, flags) = outcomes.split_at(calls.len() - 1);
        for flag in flags {
            scans |= scanning::runs(kind, flag)?;
        }
        all.extend(items::read(lists)?.0);
    }
    Ok((all, scans))
}

/// The kinds of the libraries that own a folder.
fn kinds(index: &LibraryIndex, folder: &AbsolutePath) -> Vec<Kind> {
    let owners = index.owners(folder);
    Kind::ALL
        .into_iter()
        .filter(|kind| owners.iter().any(|owner| Kind::of(&owner.library) == *kind))
        .collect()
}

/// A file that was changed in place looks as before until the scan has ended, so its end is waited for.
fn judge(expected: &ExpectedFile, items: &[Item], scans: bool) -> Observation {
    let path = &expected.path.0;
    let is_known = items.iter().any(|item| item.is(path));
    match (expected.presence, is_known) {
        (Presence::There { .. }, true) if scans => {
            Observation::NotYet(format!("Kodi lists {path:?}, but still scans"))
        }
        (Presence::There { .. }, true) | (Presence::Gone, false) => Observation::Proven,
        (Presence::There { .. }, false) if scans => {
            Observation::NotYet(format!("Kodi scans, and does not list {path:?} yet"))
        }
        (Presence::There { .. }, false) => {
            Observation::NotYet(format!("Kodi was asked for {path:?} and does not list it"))
        }
        (Presence::Gone, true) => Observation::NotYet(format!("Kodi still lists {path:?}")),
    }
}

/// Why Kodi shows no item of its own for such a path.
fn unknowable(kodi: &Kodi, expected: &ExpectedFile, index: &LibraryIndex) -> Option<String> {
    let path = &expected.path.0;
    if kinds(index, path).is_empty() {
        return Some(format!("{path:?} is in none of Kodi's sources"));
    }
    if expected.subject == Subject::Folder {
        let there = expected.presence != Presence::Gone;
        return there.then(|| "Kodi shows items, and no folders".to_owned());
    }
    let name = path.file_name().unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    if Role::of(path) != Role::Media || NO_ITEMS.contains(&ending.as_str()) {
        return Some(format!("Kodi makes no item of {name:?}"));
    }
    if is_extra(kodi, path, index) {
        return Some(format!("Kodi makes no item of extras such as {name:?}"));
    }
    path.components()
        .any(|folder| DISCS.contains(&folder))
        .then(|| format!("{name:?} is a part of a disc, which is one item"))
}

/// Whether a file lies beside a film or an episode and is none itself: only below the folder of a film or show, which may have
/// the name of a folder of extras itself. In music there are none.
fn is_extra(kodi: &Kodi, path: &AbsolutePath, index: &LibraryIndex) -> bool {
    let contents = kodi.contents.lock().unwrap_or_else(PoisonError::into_inner);
    let owners = index.owners(path);
    !owners.is_empty()
        && owners.iter().all(|owner| {
            let is_one_show = contents.get(&owner.root) == Some(&Contents::OneShow);
            let names = path.names_below(&owner.root).unwrap_or_default();
            let own_folder = usize::from(names.len() > 1 && !is_one_show);
            let top = std::iter::successors(Some(path.clone()), AbsolutePath::parent).last();
            let below = top.map(|top| top.join(names.into_iter().skip(own_folder)));
            Kind::of(&owner.library) == Kind::Video && below.is_some_and(|below| media::is_extra(&below))
        })
}

async fn folder_is_gone(
    kodi: &Kodi,
    index: &LibraryIndex,
    folder: &AbsolutePath,
) -> Result<Observation, Fault> {
    for kind in kinds(index, folder) {
        let (_, total) = items::read(&kodi.rpc.ask(&items::below(kind, folder, 1)).await?)?;
        if total > 0 {
            return Ok(Observation::NotYet(format!("Kodi still lists {total} items below {folder:?}")));
        }
        if kind == Kind::Video {
            let asked = items::shows(&BTreeSet::new(), &BTreeSet::from([folder.clone()]));
            if !items::read_shows(&kodi.rpc.ask(&[asked]).await?)?.is_empty() {
                return Ok(Observation::NotYet(format!(
                    "Kodi still lists a show at {folder:?}, though no episode of it"
                )));
            }
        }
    }
    Ok(Observation::Proven)
}

/// The files of the items below a folder.
pub(super) async fn list_below(
    kodi: &Kodi,
    folder: &TargetPath,
    most: usize,
) -> Result<Option<ServerListing>, Fault> {
    let (index, _) = libraries::owners(kodi, folder).await?;
    let (mut listing, kinds) =
        (ServerListing { files: Vec::new(), complete: true }, kinds(&index, &folder.0));
    for kind in &kinds {
        let (items, total) = items::read(&kodi.rpc.ask(&items::below(*kind, &folder.0, most)).await?)?;
        listing.complete &= total <= items.len();
        listing.files.extend(items.iter().flat_map(Item::parts).map(TargetPath));
    }
    // A disc is one item, whose file is the disc's own list.
    let is_of_disc = |file: &TargetPath| file.0.components().any(|folder| DISCS.contains(&folder));
    listing.files.retain(|file| !is_of_disc(file));
    Ok((!kinds.is_empty()).then_some(listing))
}

/// What Kodi itself sees of the file, and what it does with its source.
pub(super) async fn why_missing(kodi: &Kodi, expected: &ExpectedFile) -> Option<String> {
    let path = &expected.path.0;
    let folder = path.parent()?;
    let (_, owners) = libraries::owners(kodi, &expected.path).await.ok()?;
    let owner = owners.first()?;
    let looks = [look::look(&folder), look::file(path)];
    let outcomes = kodi.rpc.ask(&looks).await.ok()?;
    let [above, file] = outcomes.as_slice() else { return None };
    let (sees_file, sees_folder) = (file.is_visible().ok()?, above.is_visible().ok()?);
    if expected.presence == Presence::Gone {
        return sees_file.then(|| format!("Kodi still sees the file {path:?} on its own disk"));
    }
    if !sees_folder {
        return Some(format!(
            "Kodi does not see the folder {folder:?}: is the target's `map` right, and the mount there?"
        ));
    }
    if !sees_file {
        return Some(format!("Kodi sees the folder {folder:?}, but not this file in it"));
    }
    let nothing = Kind::of(&owner.library) == Kind::Video
        && tell::contents(kodi, &owner.root).await.ok()? == Contents::Unclear;
    Some(match Kind::of(&owner.library) {
        Kind::Video if nothing => format!(
            "Kodi sees the file, but has nothing of its source {:?} in its library: is its content set (Set content, in \
             the source's menu)?",
            owner.root
        ),
        Kind::Video => {
            "Kodi sees the file, but made no item of it: its scraper found no film or episode of this name, \
                        or it is excluded"
                .to_owned()
        }
        Kind::Music => "Kodi sees the file, but made no song of it: a song needs tags".to_owned(),
    })
}
