//! Whether the files of a scan are there, with the right size, or gone.

use std::collections::BTreeMap;

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::media::{Role, stem};
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};

use crate::family::library_index::{Owner, spelled};
use crate::family::media_browser::answers::Item;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::server::{MediaBrowser, owner};
use crate::family::media_browser::view::View;

/// Sizes are asked for with the streams of the files, some kilobytes each: of so many files of a folder at a time.
const SIZES_AT_ONCE: usize = 6;

/// Asks for the files; one answer each, in order.
pub(crate) async fn find(
    server: &impl MediaBrowser,
    folder: &TargetPath,
    expected: &[ExpectedFile],
) -> Result<Vec<Observation>, Fault> {
    let product = server.product();
    let mut shown: Vec<Option<Observation>> =
        expected.iter().map(|expected| sidecar(product, &expected.path.0)).collect();
    let mut folders: BTreeMap<AbsolutePath, Vec<usize>> = BTreeMap::new();
    for (at, one) in expected.iter().enumerate() {
        if shown[at].is_some() {
            continue;
        }
        if one.subject == Subject::Folder {
            shown[at] = Some(folder_shown(server, one).await?);
        } else {
            let above = one.path.0.parent().unwrap_or_else(|| folder.0.clone());
            folders.entry(above).or_default().push(at);
        }
    }
    for (folder, places) in folders {
        let Some(owner) = owner(server, &folder).await? else {
            let reason = format!("no library of {product} owns {folder:?}");
            for at in places {
                shown[at] = Some(Observation::Unknowable(reason.clone()));
            }
            continue;
        };
        let files: Vec<&ExpectedFile> = places.iter().map(|at| &expected[*at]).collect();
        let mut view = server.view(&owner, &files, &mut BatchLookups::default()).await?;
        learn_sizes(server, &mut view, &files, &owner).await?;
        for (at, one) in places.into_iter().zip(files) {
            let path = spelling(&owner, one);
            match view.items.get(&path) {
                Some(item) => server.state().items.learn(&path, &item.id),
                None => server.state().items.forget(&path),
            }
            shown[at] =
                Some(later_part(product, &owner, one).unwrap_or_else(|| judge(product, one, &path, &view)));
        }
    }
    let nothing = || Observation::NotYet("nothing was asked".to_owned());
    Ok(shown.into_iter().map(|shown| shown.unwrap_or_else(nothing)).collect())
}

/// Files that no item stands for.
fn sidecar(product: &str, path: &AbsolutePath) -> Option<Observation> {
    (Role::of(path) == Role::Sidecar).then(|| {
        Observation::Unknowable(format!("{product} shows no item for subtitles, artwork and metadata"))
    })
}

/// Files that no item of their own stands for.
fn later_part(product: &str, owner: &Owner, expected: &ExpectedFile) -> Option<Observation> {
    let name = expected.path.0.file_name()?;
    (owner.library.kind == "movies" && is_later_part(name)).then(|| {
        Observation::Unknowable(format!(
            "{product} shows no item for a later part of a film in several files"
        ))
    })
}

/// Whether the file is the second or a later part of a film: `Film-cd2.mkv`.
fn is_later_part(name: &str) -> bool {
    let stem = stem(name).to_lowercase();
    ["cd", "disc", "disk", "dvd", "part", "pt"].iter().any(|word| {
        (2..=9).any(|number| {
            let ends = [format!("-{word}{number}"), format!(".{word}{number}"), format!(" {word} {number}")];
            ends.iter().any(|end| stem.ends_with(end))
        })
    })
}

/// The path in the library's own spelling of its root.
pub(crate) fn spelling(folder: &Owner, expected: &ExpectedFile) -> String {
    let name = expected.path.0.file_name().unwrap_or_default();
    spelled(&folder.path.join([name])).to_owned()
}

/// Learns the sizes of files that are shown without one, where all that must be there is shown: before that, they prove
/// nothing.
async fn learn_sizes(
    server: &impl MediaBrowser,
    view: &mut View,
    files: &[&ExpectedFile],
    folder: &Owner,
) -> Result<(), Fault> {
    let there = files.iter().filter(|expected| matches!(expected.presence, Presence::There { .. }));
    if !there.clone().all(|expected| view.has(&spelling(folder, expected))) {
        return Ok(());
    }
    let sized: Vec<String> = there
        .filter(|expected| matches!(expected.presence, Presence::There { size: Some(_) }))
        .map(|expected| spelling(folder, expected))
        .filter(|path| view.files.get(path).is_some_and(Option::is_none))
        .collect();
    // A file under a new name is proven by its name; of many files only those are looked at more closely that had their
    // name before.
    let few = sized.len() <= SIZES_AT_ONCE;
    let closely = sized.into_iter().filter(|path| few || server.state().items.was_changed(path));
    let items: Vec<KnownItem> = closely.filter_map(|path| view.items.get(&path).cloned()).collect();
    for some in items.chunks(SIZES_AT_ONCE) {
        for item in sizes(server, some).await? {
            view.add(&item);
        }
    }
    Ok(())
}

/// These items with all their files and their sizes.
pub(crate) async fn sizes(server: &impl MediaBrowser, items: &[KnownItem]) -> Result<Vec<Item>, Fault> {
    let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
    let request = server.look_for("Path,MediaSources").query("Ids", &ids.join(","));
    Ok(server.items(request).await?.unwrap_or_default())
}

fn judge(product: &str, expected: &ExpectedFile, path: &str, view: &View) -> Observation {
    match (expected.presence, view.files.get(path)) {
        (Presence::Gone, Some(_)) => Observation::NotYet(format!("{product} still shows {path:?}")),
        (Presence::There { .. }, None) => Observation::NotYet(format!("{}, but not {path:?}", view.said)),
        (Presence::There { size: Some(wanted) }, Some(Some(size))) if wanted != *size => Observation::NotYet(
            format!("{product} shows {path:?} with {size} bytes, but on the disk it has {wanted}"),
        ),
        (Presence::Gone, None) | (Presence::There { .. }, Some(_)) => Observation::Proven,
    }
}

/// Whether a folder is there or gone: its item, or the items of files in it.
async fn folder_shown(server: &impl MediaBrowser, expected: &ExpectedFile) -> Result<Observation, Fault> {
    let Some(owner) = owner(server, &expected.path.0).await? else {
        return Ok(Observation::Unknowable("no library owns the folder".to_owned()));
    };
    if owner.path == owner.root {
        return Ok(Observation::Unknowable("a library's own folder is shown whatever is in it".to_owned()));
    }
    let mut lookups = BatchLookups::default();
    let path = owner.spelled();
    let place = server.place(&owner, &mut lookups).await?.filter(|place| place.path == path);
    let mut is_there = false;
    if let Some(place) = place {
        // What is remembered may be gone by now.
        let items = sizes(server, &[place]).await?;
        is_there = items.iter().any(|item| item.path.as_ref() == Some(&path));
        if !is_there {
            server.state().items.forget(&path);
        }
    }
    if !is_there {
        let view = server.view(&owner, &[expected], &mut lookups).await?;
        is_there = view.files.keys().any(|file| lies_in(file, &owner.path));
    }
    let product = server.product();
    Ok(match (expected.presence, is_there) {
        (Presence::Gone, false) | (Presence::There { .. }, true) => Observation::Proven,
        (Presence::Gone, true) => Observation::NotYet(format!("{product} still shows {path:?}")),
        (Presence::There { .. }, false) => {
            Observation::NotYet(format!("{product} shows nothing of {path:?}"))
        }
    })
}

/// Whether the server's path of an item lies in the folder.
pub(crate) fn lies_in(path: &str, folder: &AbsolutePath) -> bool {
    AbsolutePath::parse(path).is_ok_and(|path| path.is_within(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_parts_of_a_film_are_known_by_their_names() {
        for (name, is_later) in [
            ("Film.mkv", false),
            ("Film-cd1.mkv", false),
            ("Film-cd2.mkv", true),
            ("Film - part 2.mkv", true),
            ("Film.disc3.mkv", true),
            ("Kill Bill Vol 2.mkv", false),
        ] {
            assert_eq!(is_later_part(name), is_later, "{name}");
        }
    }
}
