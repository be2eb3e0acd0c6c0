use autoscan_core::path::AbsolutePath;

/// A library of a pretend server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PretendLibrary {
    /// The server's id of it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its type in the server's words.
    pub kind: String,
    /// Its folders, as this server writes them.
    pub folders: Vec<String>,
    /// Whether the server watches the folders by itself.
    pub watched: bool,
}

impl PretendLibrary {
    /// A library of television without a folder.
    pub fn new(id: &str, title: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            kind: "show".to_owned(),
            folders: Vec::new(),
            watched: false,
        }
    }

    /// Gives it another type.
    #[must_use]
    pub fn of(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.kind);
        self
    }

    /// Adds a folder.
    #[must_use]
    pub fn at(mut self, folder: &str) -> Self {
        self.folders.push(folder.to_owned());
        self
    }

    /// Lets the server watch its folders by itself.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.watched = true;
        self
    }

    /// Whether the path lies in one of its folders.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let Ok(path) = AbsolutePath::parse(path) else { return false };
        self.folders
            .iter()
            .filter_map(|folder| AbsolutePath::parse(folder).ok())
            .any(|folder| path.is_within(&folder))
    }
}
