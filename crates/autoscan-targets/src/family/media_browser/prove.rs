//! Whether the files of a scan are there, with the right size and read as a whole, or gone.

use std::collections::BTreeMap;

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};

use crate::family::library_index::{Owner, spelled};
use crate::family::media_browser::answers::Item;
use crate::family::media_browser::discs::disc_above;
use crate::family::media_browser::extras::Extras;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::photos::is_photo;
use crate::family::media_browser::server::{MediaBrowser, holders};
use crate::family::media_browser::stacks::is_hidden_part;
use crate::family::media_browser::view::View;

/// Sizes are asked for with the streams of the files, some kilobytes each: of so many files of a folder at a time.
pub(crate) const SIZES_AT_ONCE: usize = 6;

/// Files without a runtime that are looked at more closely.
const BARE: usize = 50;

/// Before everything that was ever saved.
const ALWAYS: &str = "1970-01-01T00:00:00Z";

/// Asks for the files; one answer each, in order.
pub(crate) async fn find(
    server: &impl MediaBrowser,
    folder: &TargetPath,
    expected: &[ExpectedFile],
) -> Result<Vec<Observation>, Fault> {
    let mut shown: Vec<Option<Observation>> = vec![None; expected.len()];
    let mut folders: BTreeMap<AbsolutePath, Vec<usize>> = BTreeMap::new();
    let mut discs: BTreeMap<AbsolutePath, Observation> = BTreeMap::new();
    for (at, one) in expected.iter().enumerate() {
        if one.subject == Subject::Folder {
            shown[at] = Some(folder_shown(server, one).await?);
        } else if let Some(disc) = disc_above(&one.path.0) {
            if !discs.contains_key(&disc) {
                discs.insert(disc.clone(), disc_shown(server, &disc, one.presence).await?);
            }
            shown[at] = discs.get(&disc).cloned();
        } else {
            let above = one.path.0.parent().unwrap_or_else(|| folder.0.clone());
            folders.entry(above).or_default().push(at);
        }
    }
    for (folder, places) in folders {
        let files: Vec<&ExpectedFile> = places.iter().map(|at| &expected[*at]).collect();
        for (at, one) in places.into_iter().zip(files_shown(server, &folder, &files).await?) {
            shown[at] = Some(one);
        }
    }
    let nothing = || Observation::NotYet("nothing was asked".to_owned());
    Ok(shown.into_iter().map(|shown| shown.unwrap_or_else(nothing)).collect())
}

/// What the server shows of these files of one folder.
async fn files_shown(
    server: &impl MediaBrowser,
    folder: &AbsolutePath,
    files: &[&ExpectedFile],
) -> Result<Vec<Observation>, Fault> {
    let product = server.product();
    let holders = holders(server, folder).await?;
    let Some(nearest) = holders.first() else {
        let reason = format!("no library of {product} owns {folder:?}");
        return Ok(vec![Observation::Unknowable(reason); files.len()]);
    };
    let mut shown: Vec<Option<Observation>> =
        files.iter().map(|expected| no_item(product, nearest, &expected.path.0)).collect();
    let asked: Vec<usize> = (0..files.len()).filter(|at| shown[*at].is_none()).collect();
    if asked.is_empty() {
        return Ok(shown.into_iter().flatten().collect());
    }
    let wanted: Vec<&ExpectedFile> = asked.iter().map(|at| files[*at]).collect();
    // Where folders of libraries lie in one another, the server may show a file in the outer library.
    for owner in &holders {
        let found = files_in(server, owner, &wanted).await?;
        for (at, found) in asked.iter().zip(found) {
            let is_gone = files[*at].presence == Presence::Gone;
            let counts = match &shown[*at] {
                None => true,
                // Gone is what no library shows, there is what one shows.
                Some(Observation::Proven) => is_gone,
                Some(_) => !is_gone,
            };
            if counts {
                shown[*at] = Some(found);
            }
        }
        let is_done = |at: &usize| {
            files[*at].presence != Presence::Gone
                && matches!(shown[*at], Some(Observation::Proven | Observation::Unknowable(_)))
        };
        if asked.iter().all(is_done) {
            break;
        }
    }
    let recent = &server.state().recent;
    let path = nearest.with_path(nearest.path.clone()).spelled();
    if shown.iter().any(|shown| matches!(shown, Some(Observation::NotYet(_)))) {
        recent.missed(&path);
    } else {
        recent.proven(&path);
        server.state().items.found(&path);
    }
    Ok(shown.into_iter().flatten().collect())
}

/// What one library shows of these files of one folder.
async fn files_in(
    server: &impl MediaBrowser,
    owner: &Owner,
    files: &[&ExpectedFile],
) -> Result<Vec<Observation>, Fault> {
    let product = server.product();
    let mut view = server.view(owner, files, &mut BatchLookups::default()).await?;
    look_at_bare(server, &mut view, files, owner).await?;
    learn_sizes(server, &mut view, files, owner).await?;
    let mut found = Vec::with_capacity(files.len());
    for one in files {
        let path = spelling(owner, one);
        match view.items.get(&path) {
            Some(item) => server.state().items.learn(&path, &item.id),
            None => server.state().items.forget(&path),
        }
        let hidden = !view.has(&path) && is_hidden_part(owner, &path, &view);
        found.push(if hidden && one.presence != Presence::Gone {
            Observation::Unknowable(format!(
                "{product} shows no item for a later part of a film in several files"
            ))
        } else {
            judge(product, one, &path, &view)
        });
    }
    Ok(found)
}

/// What the server shows of a disc: of a file on it that is gone nobody can tell.
async fn disc_shown(
    server: &impl MediaBrowser,
    disc: &AbsolutePath,
    presence: Presence,
) -> Result<Observation, Fault> {
    if presence == Presence::Gone {
        let reason = format!("{} shows a disc as one item, and not the files on it", server.product());
        return Ok(Observation::Unknowable(reason));
    }
    let folder = ExpectedFile {
        path: TargetPath(disc.clone()),
        subject: Subject::Folder,
        presence: Presence::There { size: None },
    };
    folder_shown(server, &folder).await
}

/// Files that no item stands for.
fn no_item(product: &str, owner: &Owner, path: &AbsolutePath) -> Option<Observation> {
    if Role::of(path) == Role::Sidecar && !is_photo(owner, path) {
        let reason = format!("{product} shows no item for subtitles, artwork and metadata");
        return Some(Observation::Unknowable(reason));
    }
    Extras::is_extra(path, &owner.root, &owner.library.kind).then(|| {
        Observation::Unknowable(format!(
            "by its name it is an extra, such as a trailer, which {product} shows with a film or series, or a sample, which it \
             does not show"
        ))
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
    let is_shown = |path: String| view.has(&path) && !view.bare.contains(&path);
    if !there.clone().all(|expected| is_shown(spelling(folder, expected))) {
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
            view.add_sizes(&item);
        }
    }
    Ok(())
}

/// A file without a runtime may be damaged, or not read yet: of those the server tells no moment at which they were saved.
async fn look_at_bare(
    server: &impl MediaBrowser,
    view: &mut View,
    files: &[&ExpectedFile],
    folder: &Owner,
) -> Result<(), Fault> {
    let there = files.iter().filter(|expected| matches!(expected.presence, Presence::There { .. }));
    let bare = there.map(|expected| spelling(folder, expected)).filter(|path| view.bare.contains(path));
    let ids: Vec<String> =
        bare.filter_map(|path| view.items.get(&path)).map(|item| item.id.clone()).take(BARE).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let request = server.look_for("Path").query("Ids", &ids.join(",")).query("MinDateLastSaved", ALWAYS);
    for item in server.items(request).await?.unwrap_or_default() {
        for (path, _) in item.files() {
            view.bare.remove(path);
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
        (Presence::There { .. }, None) if view.files.is_empty() => {
            Observation::NotYet(format!("{}: {path:?} is missing", view.said))
        }
        (Presence::There { .. }, None) => Observation::NotYet(format!("{}, but not {path:?}", view.said)),
        (Presence::There { size: Some(wanted) }, Some(Some(size))) if wanted != *size => Observation::NotYet(
            format!("{product} shows {path:?} with {size} bytes, but on the disk it has {wanted}"),
        ),
        (Presence::There { .. }, Some(_)) if view.bare.contains(path) => Observation::NotYet(format!(
            "{product} lists {path:?} and has not read the file yet, so that people do not see it"
        )),
        (Presence::Gone, None) | (Presence::There { .. }, Some(_)) => Observation::Proven,
    }
}

/// Whether a folder is there or gone: its item, or the items of files in it.
async fn folder_shown(server: &impl MediaBrowser, expected: &ExpectedFile) -> Result<Observation, Fault> {
    let holders = holders(server, &expected.path.0).await?;
    let Some(nearest) = holders.first() else {
        return Ok(Observation::Unknowable("no library owns the folder".to_owned()));
    };
    if nearest.path == nearest.root {
        return Ok(Observation::Unknowable("a library's own folder is shown whatever is in it".to_owned()));
    }
    let mut is_there = false;
    for owner in &holders {
        is_there = is_there || is_folder_shown(server, owner).await?;
    }
    let (product, path) = (server.product(), nearest.spelled());
    Ok(match (expected.presence, is_there) {
        (Presence::Gone, false) | (Presence::There { .. }, true) => Observation::Proven,
        (Presence::Gone, true) => Observation::NotYet(format!("{product} still shows {path:?}")),
        (Presence::There { .. }, false) => {
            Observation::NotYet(format!("{product} shows nothing of {path:?}"))
        }
    })
}

/// Whether one library shows anything of a folder.
async fn is_folder_shown(server: &impl MediaBrowser, owner: &Owner) -> Result<bool, Fault> {
    let mut lookups = BatchLookups::default();
    let path = owner.spelled();
    let place = server.place(owner, &mut lookups).await?.filter(|place| place.path == path);
    if let Some(place) = place {
        // What is remembered may be gone by now.
        let items = sizes(server, &[place]).await?;
        if items.iter().any(|item| item.path.as_ref() == Some(&path)) {
            return Ok(true);
        }
        server.state().items.forget(&path);
    }
    let view = server.view(owner, &[], &mut lookups).await?;
    Ok(view.files.keys().any(|file| lies_in(file, &owner.path)))
}

/// Whether the server's path of an item lies in the folder.
pub(crate) fn lies_in(path: &str, folder: &AbsolutePath) -> bool {
    AbsolutePath::parse(path).is_ok_and(|path| path.is_within(folder))
}
