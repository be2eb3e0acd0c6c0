//! What must be there before anything under a prefix may be scanned.

use crate::path::LocalPath;

/// A file or mount that guards a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Everything under this folder is guarded.
    pub prefix: LocalPath,
    /// The file that must be there.
    pub file: LocalPath,
}

impl Anchor {
    /// The Go form: a file that guards its own folder. None for a root, which is no file.
    pub fn guarding_its_folder(file: LocalPath) -> Option<Self> {
        file.parent().map(|prefix| Self { prefix, file })
    }
}

/// All anchors; the longest prefix decides.
#[derive(Clone, Debug, Default)]
pub struct Anchors(Vec<Anchor>);

impl Anchors {
    /// Sorts the anchors so that the longest prefix is found first.
    pub fn new(mut anchors: Vec<Anchor>) -> Self {
        anchors.sort_by_key(|anchor| std::cmp::Reverse(anchor.prefix.0.depth()));
        Self(anchors)
    }

    /// The anchors of the longest prefix that `path` lies under: several when several files guard one prefix, and
    /// none when the path is free.
    pub fn guarding(&self, path: &LocalPath) -> impl Iterator<Item = &Anchor> {
        let prefix = self.0.iter().map(|anchor| &anchor.prefix).find(|prefix| path.0.is_within(&prefix.0));
        self.0.iter().filter(move |anchor| Some(&anchor.prefix) == prefix)
    }

    /// Every anchor.
    pub fn iter(&self) -> impl Iterator<Item = &Anchor> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> LocalPath {
        LocalPath::parse(text).unwrap()
    }

    #[test]
    fn the_longest_prefix_decides_and_other_paths_are_free() {
        let anchors = Anchors::new(vec![
            Anchor::guarding_its_folder(local("/mnt/all.bin")).unwrap(),
            Anchor::guarding_its_folder(local("/mnt/a/one.bin")).unwrap(),
            Anchor::guarding_its_folder(local("/mnt/a/two.bin")).unwrap(),
        ]);
        let guards = |path| anchors.guarding(&local(path)).map(|a| a.file.to_string()).collect::<Vec<_>>();
        assert_eq!(guards("/mnt/a/tv/Show"), ["/mnt/a/one.bin", "/mnt/a/two.bin"]);
        assert_eq!(guards("/mnt/ab/tv"), ["/mnt/all.bin"]);
        assert!(guards("/home/tv").is_empty());
    }
}
