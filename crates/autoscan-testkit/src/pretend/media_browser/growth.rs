//! How files become items: what a server resolves of the names of folders.

use autoscan_core::media::{Role, stem};
use autoscan_core::path::AbsolutePath;

use crate::pretend::library::PretendLibrary;
use crate::pretend::media_browser::extras::is_extra;
use crate::pretend::media_browser::tree::{Kind, Tree};

/// Adds the file, with the items of its folders, below the folder of its library; a further file of a film joins the
/// film. Answers whether there is now something that was not there.
pub(crate) fn grow(
    tree: &mut Tree,
    library: &PretendLibrary,
    location: u32,
    path: &str,
    size: u64,
    now: u32,
) -> bool {
    let root = tree.path(location);
    let rest = path[root.len().min(path.len())..].trim_start_matches(['/', '\\']);
    let names: Vec<&str> = rest.split(['/', '\\']).filter(|name| !name.is_empty()).collect();
    let Some((file, folders)) = names.split_last() else { return false };
    // A disc is one film, whose path is the folder that holds it (Jellyfin's `VideoResolver`).
    let disc = names.iter().position(|name| matches!(*name, "BDMV" | "VIDEO_TS"));
    if let Some(disc) = disc.filter(|at| *at > 0 && library.kind == "movies") {
        return film(tree, location, &[], &names[..disc].join("/"), (path, size, now));
    }
    match library.kind.as_str() {
        "movies" => film(tree, location, folders, file, (path, size, now)),
        "music" => {
            let kinds = [Kind::MusicArtist, Kind::MusicAlbum];
            file_below(tree, location, (folders, &kinds), (file, Kind::Audio), (size, now))
        }
        "show" | "tvshows" => {
            let kinds = [Kind::Series, Kind::Season];
            file_below(tree, location, (folders, &kinds), (file, Kind::Episode), (size, now))
        }
        _ => {
            let kind = if is_image(file) { Kind::Photo } else { Kind::Video };
            file_below(tree, location, (folders, &[]), (file, kind), (size, now))
        }
    }
}

/// Endings that no item was made of (Jellyfin 12.0.0, tried).
const NEVER: &[&str] = &["nut", "evo"];

/// Whether a server makes an item of the file in this library at all.
pub(crate) fn is_item(library: &PretendLibrary, root: &str, path: &str) -> bool {
    let Ok(parsed) = AbsolutePath::parse(path) else { return false };
    let rest = path[root.len().min(path.len())..].trim_start_matches(['/', '\\']);
    let names: Vec<&str> = rest.split(['/', '\\']).collect();
    let Some((name, folders)) = names.split_last() else { return false };
    let (_, ending) = name.rsplit_once('.').unwrap_or_default();
    let is_film = matches!(library.kind.as_str(), "movies" | "tvshows" | "show");
    let is_taken =
        Role::of(&parsed) == Role::Media && !NEVER.contains(&ending) && !(is_film && ending == "pdf");
    let is_photo = library.kind == "homevideos" && is_image(name);
    let has_extras = !matches!(library.kind.as_str(), "music" | "books");
    (is_taken || is_photo) && !(has_extras && is_extra(folders, name))
}

fn is_image(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    ending.is_some_and(|ending| matches!(ending.as_str(), "jpg" | "jpeg" | "png" | "webp" | "gif"))
}

fn file_below(
    tree: &mut Tree,
    location: u32,
    (folders, kinds): (&[&str], &[Kind]),
    (file, kind): (&str, Kind),
    (size, now): (u64, u32),
) -> bool {
    let mut parent = location;
    for (depth, name) in folders.iter().enumerate() {
        let kind = kinds.get(depth).copied().unwrap_or(Kind::Folder);
        parent = child(tree, parent, name).unwrap_or_else(|| tree.add(parent, name, kind, 0, now));
    }
    if child(tree, parent, file).is_some() {
        return false;
    }
    tree.add(parent, file, kind, size, now);
    true
}

/// A film in a folder of its own has the folder above it as its parent: its own folder is no item.
fn film(
    tree: &mut Tree,
    location: u32,
    folders: &[&str],
    name: &str,
    (path, size, now): (&str, u64, u32),
) -> bool {
    let (own, holders) = match folders.split_last() {
        Some((own, holders)) => (Some(*own), holders),
        None => (None, folders),
    };
    let mut parent = location;
    for holder in holders {
        parent =
            child(tree, parent, holder).unwrap_or_else(|| tree.add(parent, holder, Kind::Folder, 0, now));
    }
    let tail = own.map_or_else(|| name.to_owned(), |own| format!("{own}/{name}"));
    if child(tree, parent, &tail).is_some() || is_later_part(tree, parent, &tail) {
        return false;
    }
    let Some(other) = own.and_then(|own| other_version(tree, parent, own, name, path)) else {
        tree.add(parent, &tail, Kind::Movie, size, now);
        return true;
    };
    let is_new = !tree.versions(other).iter().any(|(known, _)| known == path);
    tree.set_version(other, path, size);
    is_new
}

/// Whether the first part of the same film lies beside it: a lone second part is an item (Jellyfin 12.0.0, measured).
fn is_later_part(tree: &Tree, parent: u32, tail: &str) -> bool {
    let stem = stem(tail);
    let Some(begin) = stem.strip_suffix(['2', '3', '4', '5', '6', '7', '8', '9']) else { return false };
    let is_part = ["cd", "disc", "disk", "dvd", "part", "pt"]
        .iter()
        .any(|word| begin.trim_end_matches([' ', '-', '.']).to_lowercase().ends_with(word));
    is_part && child(tree, parent, &format!("{begin}1{}", &tail[stem.len()..])).is_some()
}

/// The film in the same folder of which this file is a further version: both are called like the folder.
fn other_version(tree: &Tree, parent: u32, folder: &str, name: &str, path: &str) -> Option<u32> {
    let beside = &path[..path.len() - name.len()];
    let is_version = |at: &u32| {
        let other = tree.path(*at);
        let first = other.strip_prefix(beside).filter(|first| !first.contains(['/', '\\']));
        first.is_some_and(|first| stem(first).starts_with(folder) && stem(name).starts_with(folder))
    };
    tree.children(parent).iter().copied().filter(|at| tree.node(*at).kind == Kind::Movie).find(is_version)
}

fn child(tree: &Tree, parent: u32, name: &str) -> Option<u32> {
    let above = tree.path(parent);
    let separator = if above.contains('\\') { '\\' } else { '/' };
    tree.at(&format!("{}{separator}{name}", above.trim_end_matches(separator)))
}
