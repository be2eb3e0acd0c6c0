use std::io;
use std::sync::{Arc, Mutex};

use super::state::{PlexState, Section};
use super::{Plex, PretendPlex};
use crate::pretend::http_server::{Behavior, HttpServer};
use crate::pretend::library::PretendLibrary;

/// Makes a [`PretendPlex`].
#[derive(Clone, Debug)]
pub struct PlexBuilder {
    pub(super) token: String,
    pub(super) version: String,
    pub(super) under: String,
    pub(super) numbers_as_text: bool,
    pub(super) flags_as_numbers: bool,
    libraries: Vec<PretendLibrary>,
}

impl PlexBuilder {
    pub(super) fn new() -> Self {
        Self {
            token: "plex-token".to_owned(),
            version: "1.43.4.10000-abcdef".to_owned(),
            under: String::new(),
            numbers_as_text: false,
            flags_as_numbers: false,
            libraries: Vec::new(),
        }
    }

    /// The token it accepts; `plex-token` unless told.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// Its version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// The sub-path it answers under: `/plex`.
    #[must_use]
    pub fn under(mut self, sub_path: &str) -> Self {
        sub_path.clone_into(&mut self.under);
        self
    }

    /// Writes numbers and booleans as text, and keys as numbers.
    #[must_use]
    pub fn numbers_as_text(mut self) -> Self {
        self.numbers_as_text = true;
        self
    }

    /// Writes booleans as `0` and `1`.
    #[must_use]
    pub fn flags_as_numbers(mut self) -> Self {
        self.flags_as_numbers = true;
        self
    }

    /// Adds a library.
    #[must_use]
    pub fn library(mut self, library: PretendLibrary) -> Self {
        self.libraries.push(library);
        self
    }

    /// Opens its port.
    pub async fn start(self) -> io::Result<PretendPlex> {
        let under = self.under.clone();
        let sections = self.libraries.iter().cloned().map(Section::new).collect();
        let state = Mutex::new(PlexState { sections, ..PlexState::default() });
        let plex = Arc::new_cyclic(|me| Plex { made: self, state, me: me.clone() });
        let behavior: Arc<dyn Behavior> = Arc::clone(&plex) as Arc<dyn Behavior>;
        Ok(PretendPlex { http: HttpServer::open(behavior, &under).await?, plex })
    }
}
