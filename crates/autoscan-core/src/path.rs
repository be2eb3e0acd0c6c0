//! Paths as three programs see them, never mixed: the sender's ([`TriggerPath`]), autoscan's ([`LocalPath`]) and the
//! media server's ([`TargetPath`]). All three hold an [`AbsolutePath`], which was checked at the door.

use std::fmt;

use serde::{Serialize, Serializer};

/// Longest path that is believed, in bytes (`PATH_MAX` of Linux).
pub const MAX_LENGTH: usize = 4096;

/// How a path is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    /// `/tv/Show`: only `/` separates.
    Posix,
    /// `C:\TV\Show` or `\\server\share\Show`: both `\` and `/` separate; case does not matter.
    Windows,
}

/// Why a path is not believed. The text is a sentence for a person; the path in it is escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathRefusal {
    /// Nothing was given.
    #[error("the path is empty")]
    Empty,
    /// Longer than [`MAX_LENGTH`].
    #[error("the path is {0} bytes long; at most {MAX_LENGTH} are accepted")]
    TooLong(usize),
    /// NUL or another control character.
    #[error("the path {0:?} holds a control character")]
    ControlCharacter(String),
    /// `..` as a component.
    #[error("the path {0:?} climbs with '..'")]
    Climbs(String),
    /// Neither `/…`, `C:\…` nor `\\server\share`.
    #[error(
        "the path {0:?} is not absolute: it must begin with '/', a drive such as C:\\ or \\\\server\\share"
    )]
    Relative(String),
    /// Said to lie below a folder, but absolute and elsewhere, or the folder itself.
    #[error("the path {path:?} does not lie below {folder:?}, which it is said to belong to")]
    Outside {
        /// The path that was given.
        path: String,
        /// The folder it should lie below.
        folder: String,
    },
}

/// An absolute path without `.`, `..`, doubled or trailing separators. Equality is exact: bytes in, bytes out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsolutePath {
    style: Style,
    /// Where the first component starts: after `/`, `C:\` or `\\server\share\`.
    root: usize,
    text: Box<str>,
}

impl AbsolutePath {
    /// Reads a path as a sender wrote it.
    pub fn parse(text: &str) -> Result<Self, PathRefusal> {
        if text.is_empty() {
            return Err(PathRefusal::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(PathRefusal::TooLong(text.len()));
        }
        if has_control(text) {
            return Err(PathRefusal::ControlCharacter(text.to_owned()));
        }
        let (style, root, rest) = split_root(text).ok_or_else(|| PathRefusal::Relative(text.to_owned()))?;
        let mut clean = String::with_capacity(text.len());
        clean.push_str(&root);
        let is_clean = match style {
            Style::Posix => append_parts(&mut clean, rest.split('/'), '/'),
            Style::Windows => append_parts(&mut clean, rest.split(['/', '\\']), separator(style)),
        };
        if !is_clean {
            return Err(PathRefusal::Climbs(text.to_owned()));
        }
        Ok(Self { style, root: root.len(), text: clean.into() })
    }

    /// The path as text, exactly as the file is called.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How the path is written.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Whether this is `/`, `C:\` or `\\server\share\` itself.
    pub fn is_root(&self) -> bool {
        self.text.len() == self.root
    }

    /// The names below the root, outermost first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        let separator = separator(self.style);
        self.text[self.root..].split(separator).filter(|part| !part.is_empty())
    }

    /// The last name, or none for a root.
    pub fn file_name(&self) -> Option<&str> {
        self.components().next_back()
    }

    /// The folder that holds this path, or none for a root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.text[self.root..].rfind(separator(self.style)).map_or(self.root, |at| self.root + at);
        Some(Self { style: self.style, root: self.root, text: self.text[..end].into() })
    }

    /// This path with further names below it. The names must come from another path's [`Self::components`].
    #[must_use]
    pub fn join<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = String::from(&*self.text);
        for name in names {
            if text.len() > self.root {
                text.push(separator(self.style));
            }
            text.push_str(name);
        }
        Self { style: self.style, root: self.root, text: text.into() }
    }

    /// The names below `prefix`, when this path is `prefix` or lies under it, by whole components:
    /// `/tv` is no prefix of `/tv4k`. Windows paths compare without case.
    pub fn names_below<'a>(&'a self, prefix: &Self) -> Option<Vec<&'a str>> {
        if self.style != prefix.style || !self.same(&self.text[..self.root], &prefix.text[..prefix.root]) {
            return None;
        }
        let mut names = self.components();
        for wanted in prefix.components() {
            if !names.next().is_some_and(|name| self.same(name, wanted)) {
                return None;
            }
        }
        Some(names.collect())
    }

    /// Whether this path is `prefix` or lies under it, by whole components.
    pub fn is_within(&self, prefix: &Self) -> bool {
        self.names_below(prefix).is_some()
    }

    /// How many names lie below the root.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    fn same(&self, one: &str, other: &str) -> bool {
        match self.style {
            Style::Posix => one == other,
            Style::Windows => one == other || one.to_lowercase() == other.to_lowercase(),
        }
    }
}

impl fmt::Display for AbsolutePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for AbsolutePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, out)
    }
}

fn separator(style: Style) -> char {
    match style {
        Style::Posix => '/',
        Style::Windows => '\\',
    }
}

fn has_control(text: &str) -> bool {
    // Most paths are ASCII, which need not be decoded.
    if text.is_ascii() {
        text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        text.chars().any(char::is_control)
    }
}

/// Appends the names of a path, each but the first behind a separator; whether none of them climbs.
fn append_parts<'a>(root: &mut String, parts: impl Iterator<Item = &'a str>, separator: char) -> bool {
    let start = root.len();
    for part in parts {
        match part {
            "" | "." => {}
            ".." => return false,
            part => {
                if root.len() > start {
                    root.push(separator);
                }
                root.push_str(part);
            }
        }
    }
    true
}

/// The style, the canonical root and the rest of an absolute path, or none for a relative one.
fn split_root(text: &str) -> Option<(Style, String, &str)> {
    if let Some(rest) = text.strip_prefix('/') {
        return Some((Style::Posix, "/".to_owned(), rest));
    }
    if let Some(rest) = text.strip_prefix(r"\\?\UNC\") {
        return split_share(rest);
    }
    if let Some(rest) = text.strip_prefix(r"\\?\").or_else(|| text.strip_prefix(r"\\.\")) {
        return split_drive(rest);
    }
    text.strip_prefix(r"\\").map_or_else(|| split_drive(text), split_share)
}

/// `C:\…`: the drive letter is kept as written.
fn split_drive(text: &str) -> Option<(Style, String, &str)> {
    let mut chars = text.chars();
    let drive = chars.next().filter(char::is_ascii_alphabetic)?;
    let colon = chars.next()?;
    let slash = chars.next()?;
    (colon == ':' && matches!(slash, '\\' | '/'))
        .then(|| (Style::Windows, format!("{drive}:\\"), chars.as_str()))
}

/// `server\share\…`, after the leading `\\`.
fn split_share(text: &str) -> Option<(Style, String, &str)> {
    let mut parts = text.splitn(3, ['\\', '/']);
    let server = parts.next().filter(|part| is_share_name(part))?;
    let share = parts.next().filter(|part| is_share_name(part))?;
    Some((Style::Windows, format!("\\\\{server}\\{share}\\"), parts.next().unwrap_or("")))
}

fn is_share_name(part: &str) -> bool {
    !matches!(part, "" | "." | ".." | "?")
}

macro_rules! path_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub AbsolutePath);

        /// The path escaped and in quotes, as sentences show it.
        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, out)
            }
        }

        impl $name {
            /// Reads and checks a path.
            pub fn parse(text: &str) -> Result<Self, PathRefusal> {
                AbsolutePath::parse(text).map(Self)
            }

            /// The path as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The folder that holds this path, or none for a root.
            pub fn parent(&self) -> Option<Self> {
                self.0.parent().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, out)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

path_type!(
    /// A path as the sender of a change sees it.
    TriggerPath
);
path_type!(
    /// A path as autoscan sees it on its own disk.
    LocalPath
);
path_type!(
    /// A path as a media server sees it.
    TargetPath
);

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsolutePath {
        AbsolutePath::parse(text).unwrap()
    }

    #[test]
    fn paths_are_tidied_but_names_stay_as_they_are() {
        for (given, kept) in [
            ("/", "/"),
            ("/tv/", "/tv"),
            ("//tv//Show/./S01", "/tv/Show/S01"),
            ("/tv/a\\b", "/tv/a\\b"),
            ("/tv/ Show. ", "/tv/ Show. "),
            ("C:\\", "C:\\"),
            ("c:/Media//TV/", "c:\\Media\\TV"),
            ("\\\\nas\\tv\\Show", "\\\\nas\\tv\\Show"),
            ("\\\\nas\\tv", "\\\\nas\\tv\\"),
            ("\\\\?\\C:\\TV", "C:\\TV"),
            ("\\\\?\\UNC\\nas\\tv\\Show", "\\\\nas\\tv\\Show"),
            ("/tv/...", "/tv/..."),
        ] {
            assert_eq!(path(given).as_str(), kept, "{given}");
        }
    }

    #[test]
    fn what_could_lead_astray_is_refused() {
        assert_eq!(AbsolutePath::parse(""), Err(PathRefusal::Empty));
        for climbing in ["/tv/../etc", "/..", "C:\\TV\\..\\x", "C:/TV/../x", "\\\\nas\\tv\\..\\x"] {
            assert!(matches!(AbsolutePath::parse(climbing), Err(PathRefusal::Climbs(_))), "{climbing}");
        }
        for relative in
            ["tv/Show", "C:", "C:TV", "~/tv", "\\tv", "\\\\nas", "\\\\..\\x\\y", "file:///tv", "1:\\x"]
        {
            assert!(matches!(AbsolutePath::parse(relative), Err(PathRefusal::Relative(_))), "{relative}");
        }
        for control in ["/tv/\0", "/tv/a\nb", "/tv/\u{1b}[31m", "/tv/\u{85}", "/tv/\u{7f}"] {
            assert!(
                matches!(AbsolutePath::parse(control), Err(PathRefusal::ControlCharacter(_))),
                "{control:?}"
            );
        }
        assert!(matches!(
            AbsolutePath::parse(&format!("/{}", "x".repeat(4096))),
            Err(PathRefusal::TooLong(_))
        ));
    }

    #[test]
    fn a_refusal_shows_the_path_escaped() {
        let refusal = AbsolutePath::parse("/tv/a\r\nFAKE LOG LINE").unwrap_err().to_string();
        assert!(!refusal.contains('\n') && refusal.contains("\\r\\n"), "{refusal}");
    }

    #[test]
    fn a_prefix_is_whole_components() {
        assert!(path("/tv/Show").is_within(&path("/tv")));
        assert!(path("/tv").is_within(&path("/tv/")));
        assert!(path("/tv").is_within(&path("/")));
        assert!(!path("/tv4k/Show").is_within(&path("/tv")));
        assert!(!path("/TV/Show").is_within(&path("/tv")));
        assert!(path("c:\\media\\tv\\Show").is_within(&path("C:\\Media\\TV")));
        assert!(!path("D:\\Media").is_within(&path("C:\\Media")));
        assert!(path("\\\\NAS\\tv\\Show").is_within(&path("\\\\nas\\TV")));
        assert!(!path("/c/x").is_within(&path("C:\\")));
    }

    #[test]
    fn parents_end_at_the_root() {
        let chain = |text: &str| {
            std::iter::successors(Some(path(text)), AbsolutePath::parent)
                .map(|p| p.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(chain("/tv/Show/S01"), ["/tv/Show/S01", "/tv/Show", "/tv", "/"]);
        assert_eq!(chain("C:\\TV\\Show"), ["C:\\TV\\Show", "C:\\TV", "C:\\"]);
        assert_eq!(chain("\\\\nas\\tv\\Show"), ["\\\\nas\\tv\\Show", "\\\\nas\\tv\\"]);
    }

    #[test]
    fn names_join_below_any_root() {
        let names = ["Show", "S01"];
        assert_eq!(path("/").join(names).as_str(), "/Show/S01");
        assert_eq!(path("/tv").join(names).as_str(), "/tv/Show/S01");
        assert_eq!(path("C:\\").join(names).as_str(), "C:\\Show\\S01");
        assert_eq!(path("\\\\nas\\tv").join(names).as_str(), "\\\\nas\\tv\\Show\\S01");
    }
}
