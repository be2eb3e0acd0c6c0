//! Which commands a scan becomes. All music is updated only when a person asks for the music directory itself.

use std::collections::{HashMap, HashSet};

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::TargetScan;

use crate::mpd::protocol::{Connection, Reply};

/// So many changed songs of one folder are read anew one by one; of more, all songs of the folder are, so that one scan does not
/// fill MPD's queue of 32.
const ONE_BY_ONE: usize = 8;

/// How MPD looks at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// A song whose time of change is the known one is not read.
    Update,
    /// Every song is read.
    Rescan,
}

impl Verb {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Rescan => "rescan",
        }
    }
}

/// A command that makes MPD look at a path below its music directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) verb: Verb,
    /// Empty for all music.
    pub(super) path: String,
}

impl Command {
    fn new(verb: Verb, names: &[&str]) -> Self {
        Self { verb, path: names.join("/") }
    }

    /// Whether it looks at this path, by itself or because the path lies below its own.
    pub(super) fn reaches(&self, path: &str) -> bool {
        self.path.is_empty()
            || path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether the other one does nothing that this one does not.
    fn covers(&self, other: &Self) -> bool {
        self.reaches(&other.path) && (self.verb == Verb::Rescan || other.verb == Verb::Update)
    }
}

/// What MPD should look at, before it was asked what it knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish<'a> {
    verb: Verb,
    names: Vec<&'a str>,
    /// Whether this is gone from the disk. MPD forgets a path that is gone when it is told that path, and every folder above it
    /// that is gone too (measured at MPD 0.23.12, one to four levels deep).
    gone: bool,
}

impl<'a> Wish<'a> {
    fn update(names: Vec<&'a str>) -> Self {
        Self { verb: Verb::Update, names, gone: false }
    }
}

/// What MPD should look at for a scan. `is_song` says by a path which files MPD takes for songs.
pub(super) fn wishes<'a>(
    root: &AbsolutePath,
    scan: &'a TargetScan,
    is_song: impl Fn(&TargetPath) -> bool,
) -> Vec<Wish<'a>> {
    let Some(folder) = scan.folder.0.names_below(root) else { return Vec::new() };
    let mut wishes = Vec::new();
    for change in &scan.changes {
        let Some(names) = change.path.0.names_below(root) else { continue };
        if names.is_empty() && change.kind == ChangeKind::Rescan {
            return vec![Wish::update(names)];
        }
        let is_file = change.subject == Subject::File && !names.is_empty();
        // An `update` leaves a song that has other bytes and the same time of change.
        if change.kind == ChangeKind::Modified && is_file && is_song(&change.path) {
            wishes.push(Wish { verb: Verb::Rescan, names, gone: false });
            // Perhaps it is replaced under another name.
            if !change.awaited && !folder.is_empty() {
                wishes.push(Wish::update(folder.clone()));
            }
        } else if !folder.is_empty() {
            wishes.push(Wish::update(folder.clone()));
        } else {
            let from = change.from.as_ref().and_then(|from| from.0.names_below(root));
            let gone = change.kind == ChangeKind::Deleted;
            wishes.extend(from.and_then(|from| looked_at(change, from, true)));
            wishes.extend(looked_at(change, names, gone));
        }
    }
    if scan.changes.is_empty() && !folder.is_empty() {
        wishes.push(Wish::update(folder));
    }
    by_folder_where_many(wishes)
}

/// What is looked at for a change when the folder of its scan is the music directory: the folder of a file, and a file itself
/// only where it lies in the music directory.
fn looked_at<'a>(change: &Change<TargetPath>, mut names: Vec<&'a str>, gone: bool) -> Option<Wish<'a>> {
    if change.subject == Subject::File && names.len() > 1 {
        names.pop();
    }
    (!names.is_empty()).then_some(Wish { verb: Verb::Update, names, gone })
}

/// The same, with the changed songs of a folder put together where they are many, and each wish once.
fn by_folder_where_many(wishes: Vec<Wish<'_>>) -> Vec<Wish<'_>> {
    let mut songs: HashMap<Vec<&str>, usize> = HashMap::new();
    for Wish { names, .. } in wishes.iter().filter(|wish| wish.verb == Verb::Rescan) {
        if let Some((_, folder)) = names.split_last().filter(|(_, folder)| !folder.is_empty()) {
            *songs.entry(folder.to_vec()).or_default() += 1;
        }
    }
    let (mut known, mut once) = (HashSet::new(), Vec::new());
    for mut wish in wishes {
        let folder = wish.names.split_last().map_or(&[][..], |(_, folder)| folder);
        if wish.verb == Verb::Rescan && songs.get(folder).is_some_and(|&songs| songs > ONE_BY_ONE) {
            wish.names.pop();
        }
        if known.insert((wish.verb == Verb::Rescan, wish.gone, wish.names.clone())) {
            once.push(wish);
        }
    }
    once
}

/// The commands for what MPD should look at, by what it knows. An `update` of a folder two levels below what MPD knows does
/// nothing (MPD 0.23 looks for its parent in the wrong place), so the highest unknown folder is updated.
pub(super) async fn commands(mpd: &mut Connection, wishes: &[Wish<'_>]) -> Result<Vec<Command>, Fault> {
    let mut folders = HashMap::new();
    let mut commands: Vec<Command> = Vec::new();
    for Wish { verb, names, gone } in wishes {
        // What is gone is looked up itself too: what MPD does not know it need not forget.
        let depth = if *gone { names.len() } else { names.len().saturating_sub(1) };
        let command = match highest_unknown(mpd, &mut folders, &names[..depth]).await? {
            Some(_) if *gone => continue,
            Some(unknown) => Command { verb: Verb::Update, path: unknown },
            None => Command::new(*verb, names),
        };
        if !commands.iter().any(|told| told.covers(&command)) {
            commands.retain(|told| !command.covers(told));
            commands.push(command);
        }
    }
    Ok(commands)
}

/// The highest of the folders on this way that MPD does not know.
async fn highest_unknown(
    mpd: &mut Connection,
    folders: &mut HashMap<String, bool>,
    names: &[&str],
) -> Result<Option<String>, Fault> {
    for depth in 1..=names.len() {
        let path = names[..depth].join("/");
        let known = match folders.get(&path) {
            Some(&known) => known,
            None => !matches!(mpd.ask("count", &["base", &path]).await?, Reply::Unknown),
        };
        folders.insert(path.clone(), known);
        if !known {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_covers_what_it_does_anyway() {
        use Verb::{Rescan, Update};
        for (one, other, covers) in [
            ((Update, "A"), (Update, "A"), true),
            ((Update, "A"), (Update, "A/B"), true),
            ((Update, "A"), (Update, "A B"), false),
            ((Update, "A/B"), (Update, "A"), false),
            ((Update, "A"), (Rescan, "A/1.flac"), false),
            ((Rescan, "A"), (Update, "A/1.flac"), true),
            ((Update, ""), (Update, "A"), true),
        ] {
            let command = |(verb, path): (Verb, &str)| Command { verb, path: path.to_owned() };
            assert_eq!(command(one).covers(&command(other)), covers, "{one:?} and {other:?}");
        }
    }
}
