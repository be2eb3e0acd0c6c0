//! Which files are reported of the changes of a scan: one of each book, because Audiobookshelf looks at the whole book then.

use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::path::{AbsolutePath, TargetPath};
use serde::Serialize;

use crate::family::library_index::{LibraryIndex, Owner, spelled};

/// What Audiobookshelf plays, by the end of the name (`server/utils/globals.js` of 2.36).
const AUDIO: [&str; 20] = [
    "aac", "aif", "aiff", "awb", "caf", "flac", "m4a", "m4b", "mka", "mp3", "mp4", "mpeg", "mpg", "oga",
    "ogg", "opus", "wav", "webm", "webma", "wma",
];

/// What it shows to be read.
const BOOKS: [&str; 6] = ["azw3", "cbr", "cbz", "epub", "mobi", "pdf"];

/// What it reads beside these: artwork, texts, metadata.
const BESIDE: [&str; 10] = ["abs", "jpeg", "jpg", "json", "nfo", "opf", "png", "txt", "webp", "xml"];

/// Endings of files that are not whole, or no more wanted, which it passes by.
const UNFINISHED: [&str; 9] =
    ["bak", "crdownload", "download", "old", "part", "temp", "tempfile", "tempfile~", "tmp"];

/// What a file is to Audiobookshelf, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Audio,
    Book,
    Beside,
    /// It makes nothing of it, and a report of it alone does nothing.
    Nothing,
}

impl Role {
    pub(super) fn of(path: &AbsolutePath) -> Self {
        let ending = path.file_name().and_then(|name| name.rsplit_once('.'));
        let ending = ending.map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        match ending.as_str() {
            ending if AUDIO.contains(&ending) => Self::Audio,
            ending if BOOKS.contains(&ending) => Self::Book,
            ending if BESIDE.contains(&ending) => Self::Beside,
            _ => Self::Nothing,
        }
    }
}

/// Whether Audiobookshelf passes by a path of a library's folder because of a name in it.
pub(super) fn is_passed_by(path: &AbsolutePath, root: &AbsolutePath) -> bool {
    let ending = path.file_name().and_then(|name| name.rsplit_once('.'));
    let is_unfinished =
        ending.is_some_and(|(_, ending)| UNFINISHED.contains(&ending.to_ascii_lowercase().as_str()));
    let names = path.names_below(root).unwrap_or_default();
    is_unfinished || names.iter().any(|name| name.starts_with('.') || name.contains("@eaDir"))
}

/// The folder of the book that a file belongs to, as Audiobookshelf finds it: the file's own folder, the one above where
/// that is a disc of several, and the file itself where it lies in the library's folder.
pub(super) fn book_of(file: &AbsolutePath, root: &AbsolutePath) -> AbsolutePath {
    let mut names = file.names_below(root).unwrap_or_default();
    if names.len() < 2 {
        return file.clone();
    }
    names.pop();
    if names.len() > 1 && names.last().is_some_and(|name| is_disc(name)) {
        names.pop();
    }
    root.join(names)
}

/// `CD 1`, `disc02`, `Disk 3`.
fn is_disc(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let rest = ["cd", "disc", "disk"].iter().find_map(|word| name.strip_prefix(word));
    rest.map(str::trim_start).is_some_and(|number| {
        (1..=3).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// A report of one file, as Audiobookshelf's own watcher makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) library_id: String,
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<String>,
    /// The book that is looked at for it.
    #[serde(skip)]
    pub(super) book: AbsolutePath,
    /// How surely that happens: the lower, the better.
    #[serde(skip)]
    rank: (Role, bool),
}

impl Report {
    /// Of a file that is gone.
    pub(super) fn unlink(library: &str, path: &AbsolutePath, book: AbsolutePath) -> Self {
        Self::new(library, "unlink", path, book)
    }

    fn new(library: &str, kind: &'static str, path: &AbsolutePath, book: AbsolutePath) -> Self {
        Self {
            library_id: library.to_owned(),
            path: spelled(path).to_owned(),
            kind,
            old_path: None,
            book,
            rank: (Role::of(path), kind == "unlink"),
        }
    }

    /// Whether Audiobookshelf looks at the book for it.
    pub(super) fn is_heeded(&self) -> bool {
        self.rank.0 != Role::Nothing
    }
}

/// One report a book of one library. Of several files of a book the one that is most surely looked at is reported: one that
/// makes an item, and that is there.
pub(super) fn of_files<'a>(
    library: &str,
    changes: impl Iterator<Item = &'a Change<TargetPath>>,
    index: &LibraryIndex,
) -> Vec<Report> {
    let mut kept: Vec<Report> = Vec::new();
    for report in changes.flat_map(|change| of_file(library, change, index)) {
        match kept.iter_mut().find(|other| other.book == report.book) {
            Some(other) if report.rank < other.rank => *other = report,
            Some(_) => {}
            None => kept.push(report),
        }
    }
    kept
}

/// What is reported of a change to one library. The old name of a move may belong to another one. A report of a move lets
/// Audiobookshelf look at the new place alone, so the old book is reported as well.
fn of_file(library: &str, change: &Change<TargetPath>, index: &LibraryIndex) -> Vec<Report> {
    let owned = |path: &TargetPath| owner_in(library, path, index);
    let report =
        |kind, owner: &Owner| Report::new(library, kind, &owner.path, book_of(&owner.path, &owner.root));
    let (new, old) = (owned(&change.path), change.from.as_ref().and_then(owned));
    match (change.kind, new, old) {
        (ChangeKind::Deleted, Some(gone), _) => vec![report("unlink", &gone)],
        (ChangeKind::Moved, Some(new), Some(old)) => {
            let moved = report("rename", &new);
            let moved = Report { old_path: Some(spelled(&old.path).to_owned()), ..moved };
            let left = report("unlink", &old);
            if left.book == moved.book { vec![moved] } else { vec![moved, left] }
        }
        (ChangeKind::Moved, None, Some(old)) => vec![report("unlink", &old)],
        (ChangeKind::Created | ChangeKind::Modified | ChangeKind::Moved, Some(new), _) => {
            vec![report("add", &new)]
        }
        _ => Vec::new(),
    }
}

/// The path in a library, if it is this library's.
pub(super) fn owner_in(library: &str, path: &TargetPath, index: &LibraryIndex) -> Option<Owner> {
    index.owners(&path.0).into_iter().find(|owner| owner.library.id == library)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsolutePath {
        AbsolutePath::parse(text).unwrap()
    }

    #[test]
    fn a_book_is_the_folder_of_its_files_and_discs_are_parts_of_it() {
        for (file, book) in [
            ("/books/A/T/1.mp3", "/books/A/T"),
            ("/books/A/T/CD 1/1.mp3", "/books/A/T"),
            ("/books/A/T/disc02/1.mp3", "/books/A/T"),
            ("/books/A/T/Disk 003/1.mp3", "/books/A/T"),
            ("/books/A/T/CD 1234/1.mp3", "/books/A/T/CD 1234"),
            ("/books/A/T/CDs/1.mp3", "/books/A/T/CDs"),
            ("/books/CD 1/1.mp3", "/books/CD 1"),
            ("/books/It.m4b", "/books/It.m4b"),
        ] {
            assert_eq!(book_of(&path(file), &path("/books")), path(book), "{file}");
        }
    }

    #[test]
    fn what_audiobookshelf_passes_by_is_known_by_its_name() {
        for (file, passed) in [
            ("/books/.hidden/T/1.mp3", true),
            ("/books/A/T/.1.mp3", true),
            ("/books/A/@eaDir/1.mp3", true),
            ("/books/A/T/1.mp3.part", true),
            ("/books/A/T. Old/1.mp3", false),
        ] {
            assert_eq!(is_passed_by(&path(file), &path("/books")), passed, "{file}");
        }
        assert!(!is_passed_by(&path("/srv/.data/books/A/1.mp3"), &path("/srv/.data/books")));
    }
}
