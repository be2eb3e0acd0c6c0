//! What happened to one path.

use crate::ids::Ids;
use crate::path::{AbsolutePath, PathRefusal};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// A file is new.
    Created,
    /// A file has new content under its old name.
    Modified,
    /// A file or folder is gone, or about to go.
    Deleted,
    /// A file has a new name; the old one is in [`Change::from`].
    Moved,
    /// Look at this folder: what happened in it is not known.
    Rescan,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Created, Self::Modified, Self::Deleted, Self::Moved, Self::Rescan];

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Moved => "moved",
            Self::Rescan => "rescan",
        }
    }

    /// What a scan remembers of a path for which `self` was known and `later` came in.
    #[must_use]
    pub fn followed_by(self, later: Self) -> Self {
        match (self, later) {
            (Self::Created, Self::Modified) => Self::Created,
            (Self::Moved, Self::Modified | Self::Moved) => Self::Moved,
            (Self::Deleted | Self::Modified, Self::Created) => Self::Modified,
            (_, later) => later,
        }
    }
}

/// What the path of a change is, as far as its sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A file: its folder is what must be scanned.
    File,
    /// A folder: it is scanned itself.
    Folder,
}

/// One change. `P` says who sees its paths so: [`TriggerPath`](crate::path::TriggerPath) until the trigger's
/// map was applied, [`LocalPath`](crate::path::LocalPath) in the queue,
/// [`TargetPath`](crate::path::TargetPath) at a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change<P> {
    /// The file or folder; for a move, its new name.
    pub path: P,
    /// What happened.
    pub kind: ChangeKind,
    /// A move's old name.
    pub from: Option<P>,
    /// File or folder.
    pub subject: Subject,
    /// Whether `path` must be on the disk, and still, before a target is told. False for deletions and rescans, and
    /// where a sender announces a replacement before it knows the new name.
    pub awaited: bool,
    /// What databases call the film, series or artist that the path belongs to, as far as the sender says.
    pub ids: Ids,
}

impl<P> Change<P> {
    /// A new file.
    pub fn created(path: P) -> Self {
        Self {
            path,
            kind: ChangeKind::Created,
            from: None,
            subject: Subject::File,
            awaited: true,
            ids: Ids::default(),
        }
    }

    /// A file with new content.
    pub fn modified(path: P) -> Self {
        Self {
            path,
            kind: ChangeKind::Modified,
            from: None,
            subject: Subject::File,
            awaited: true,
            ids: Ids::default(),
        }
    }

    /// A file that is about to be replaced, perhaps under another name.
    pub fn replaced(path: P) -> Self {
        Self {
            path,
            kind: ChangeKind::Modified,
            from: None,
            subject: Subject::File,
            awaited: false,
            ids: Ids::default(),
        }
    }

    /// A file that is gone.
    pub fn deleted(path: P) -> Self {
        Self {
            path,
            kind: ChangeKind::Deleted,
            from: None,
            subject: Subject::File,
            awaited: false,
            ids: Ids::default(),
        }
    }

    /// A folder that is gone or about to go.
    pub fn folder_deleted(path: P) -> Self {
        Self {
            path,
            kind: ChangeKind::Deleted,
            from: None,
            subject: Subject::Folder,
            awaited: false,
            ids: Ids::default(),
        }
    }

    /// A file with a new name.
    pub fn moved(from: P, to: P) -> Self {
        Self {
            path: to,
            kind: ChangeKind::Moved,
            from: Some(from),
            subject: Subject::File,
            awaited: true,
            ids: Ids::default(),
        }
    }

    /// A folder that should be looked at.
    pub fn rescan(path: P) -> Self {
        Self {
            path,
            kind: ChangeKind::Rescan,
            from: None,
            subject: Subject::Folder,
            awaited: false,
            ids: Ids::default(),
        }
    }

    /// Whether a file is about to be replaced: what [`Self::replaced`] makes.
    pub fn is_replacement_announced(&self) -> bool {
        self.kind == ChangeKind::Modified && self.subject == Subject::File && !self.awaited
    }

    /// The same change with the ids of its item.
    #[must_use]
    pub fn with_ids(self, ids: Ids) -> Self {
        Self { ids, ..self }
    }

    /// The same change with its paths mapped.
    pub fn try_map<Q, E>(self, mut map: impl FnMut(P) -> Result<Q, E>) -> Result<Change<Q>, E> {
        Ok(Change {
            path: map(self.path)?,
            kind: self.kind,
            from: self.from.map(map).transpose()?,
            subject: self.subject,
            awaited: self.awaited,
            ids: self.ids,
        })
    }
}

impl Change<crate::path::TriggerPath> {
    /// What is asked for by its path alone, written as `text`: a file, when its name says so, else a folder.
    pub fn asked(path: crate::path::TriggerPath, text: &str) -> Self {
        if crate::media::names_a_file(&path.0, text) { Self::modified(path) } else { Self::rescan(path) }
    }
}

impl Change<crate::path::LocalPath> {
    /// The folders that must be looked at because of this change: one, or two for a move between folders.
    pub fn folders(&self) -> Vec<crate::path::LocalPath> {
        let mut folders = vec![self.folder_of(&self.path)];
        if let Some(from) = &self.from {
            let old = self.folder_of(from);
            if old != folders[0] {
                folders.push(old);
            }
        }
        folders
    }

    fn folder_of(&self, path: &crate::path::LocalPath) -> crate::path::LocalPath {
        match self.subject {
            Subject::Folder => path.clone(),
            Subject::File => path.parent().unwrap_or_else(|| path.clone()),
        }
    }
}

/// A path that was not believed, kept on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was wrong with it; holds the path escaped.
    pub reason: PathRefusal,
}

/// The path of a file given as root and relative path, as the arrs send them. The relative part is believed only below
/// its root; an absolute one only when it names something there.
pub fn below(root: &str, relative: &str) -> Result<AbsolutePath, PathRefusal> {
    let folder = AbsolutePath::parse(root)?;
    let absolute = AbsolutePath::parse(relative).ok().filter(|path| path.style() == folder.style());
    let path = match absolute {
        Some(path) => path,
        None => AbsolutePath::parse(&format!("{folder}/{relative}"))?,
    };
    if path.names_below(&folder).is_none_or(|names| names.is_empty()) {
        return Err(PathRefusal::Outside { path: relative.to_owned(), folder: folder.to_string() });
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::LocalPath;

    fn local(text: &str) -> LocalPath {
        LocalPath::parse(text).unwrap()
    }

    #[test]
    fn a_move_between_folders_asks_for_both_new_first() {
        let change = Change::moved(local("/tv/Show/Season 1/a.mkv"), local("/tv/Show/Season 01/a.mkv"));
        assert_eq!(change.folders(), [local("/tv/Show/Season 01"), local("/tv/Show/Season 1")]);
        assert_eq!(Change::moved(local("/tv/a"), local("/tv/b")).folders(), [local("/tv")]);
    }

    #[test]
    fn a_folder_is_scanned_itself_and_a_file_by_its_folder() {
        assert_eq!(Change::rescan(local("/tv/Mr. Robot")).folders(), [local("/tv/Mr. Robot")]);
        assert_eq!(Change::created(local("/tv/a.mkv")).folders(), [local("/tv")]);
    }

    #[test]
    fn what_is_remembered_of_a_path_is_its_outcome() {
        use ChangeKind::{Created, Deleted, Modified, Moved, Rescan};
        for (known, later, kept) in [
            (Created, Modified, Created),
            (Created, Deleted, Deleted),
            (Deleted, Created, Modified),
            (Modified, Created, Modified),
            (Modified, Deleted, Deleted),
            (Moved, Modified, Moved),
            (Moved, Deleted, Deleted),
            (Rescan, Deleted, Deleted),
            (Deleted, Rescan, Rescan),
        ] {
            assert_eq!(known.followed_by(later), kept, "{known:?} then {later:?}");
        }
    }

    #[test]
    fn a_relative_path_stays_below_its_root() {
        assert_eq!(below("/tv/Show/", "Season 01/a.mkv").unwrap().as_str(), "/tv/Show/Season 01/a.mkv");
        assert_eq!(below("C:\\TV", "S01\\a.mkv").unwrap().as_str(), "C:\\TV\\S01\\a.mkv");
        assert_eq!(below("\\\\nas\\tv", "Show\\a.mkv").unwrap().as_str(), "\\\\nas\\tv\\Show\\a.mkv");
        assert_eq!(below("/", "a.mkv").unwrap().as_str(), "/a.mkv");
        assert_eq!(below("/tv/Show", "S01\\a.mkv").unwrap().as_str(), "/tv/Show/S01\\a.mkv");
        for astray in
            ["../../etc/passwd", "Season 01/../../../etc/passwd", "/etc/passwd", "/tv/Show", ".", "/"]
        {
            assert!(below("/tv/Show", astray).is_err(), "{astray}");
        }
    }

    #[test]
    fn an_absolute_path_is_no_relative_one_unless_it_lies_below_the_root() {
        assert_eq!(below("/tv/Show", "/tv/Show/S01/a.mkv").unwrap().as_str(), "/tv/Show/S01/a.mkv");
        assert!(matches!(below("/tv/Show", "/tv/Show 2/a.mkv"), Err(PathRefusal::Outside { .. })));
        assert!(matches!(below("C:\\TV", "D:\\TV\\a.mkv"), Err(PathRefusal::Outside { .. })));
        assert!(matches!(below("tv/Show", "a.mkv"), Err(PathRefusal::Relative(_))));
    }
}
