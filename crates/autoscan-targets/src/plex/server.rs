//! How Plex is spoken to.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Library;
use autoscan_http::{Answer, BaseUrl, Http, Method, Request, SecretHeader};
use serde::de::DeserializeOwned;

use super::answers::{Container, Section, SectionList};
use crate::family::libraries::{LibraryCache, LibraryServer};

/// The header that Plex knows a client by. One fixed value is enough: Plex keeps it per server.
const CLIENT_IDENTIFIER: &str = "6f2a1c0e-4d5b-4a55-9c1f-a0705ca9b001";

/// Longest list of libraries that is read, in bytes.
const LIST: usize = 32 * 1024 * 1024;

/// Longest list of items that is read, in bytes: a page of two hundred is a quarter of it.
const PAGE: usize = 4 * 1024 * 1024;

/// One Plex Media Server, its address and token.
pub(super) struct Server {
    pub(super) http: Http,
    base: BaseUrl,
    token: SecretHeader,
    library_cache: LibraryCache,
    /// Whether this server starts a scan by `POST`: Plex's published API names only `POST`, every server in the field
    /// answers `GET`.
    by_post: AtomicBool,
    /// Whether a scan was refused because the token is not the owner's, who alone is told the server's settings.
    owner_doubted: AtomicBool,
}

/// A scan of one folder in one library.
pub(super) type RefreshRequest = (String, String);

impl Server {
    pub(super) fn new(http: &Http, base: BaseUrl, token: SecretHeader) -> Self {
        Self {
            http: http.clone(),
            base,
            token,
            library_cache: LibraryCache::default(),
            by_post: AtomicBool::default(),
            owner_doubted: AtomicBool::default(),
        }
    }

    pub(super) fn request(&self, method: Method, segments: &[&str]) -> Request {
        Request::new(method, &self.base, segments)
            .secret(&self.token)
            .header("x-plex-client-identifier", CLIENT_IDENTIFIER)
            .header("x-plex-product", "autoscan")
    }

    pub(super) fn get(&self, segments: &[&str]) -> Request {
        self.request(Method::GET, segments)
    }

    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        check(self.http.exchange(request).await?)
    }

    /// What a container holds.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T, Fault> {
        let answer = self.http.exchange(&request.at_most(PAGE)).await?;
        Self::understood(answer)
    }

    /// What an answer holds.
    pub(super) fn understood<T: DeserializeOwned>(answer: Answer) -> Result<T, Fault> {
        Ok(check(answer)?.json::<Container<T>>()?.container)
    }

    /// An action on an item or a library. Plex answers it with an empty page.
    pub(super) async fn put(&self, request: &Request) -> Result<(), Fault> {
        self.ask(request).await?.accepted()
    }

    /// Every library, with what it is doing. `/library/sections` is what every client asks; Plex's published API names
    /// only `/library/sections/all`.
    pub(super) async fn sections(&self) -> Result<Vec<Section>, Fault> {
        let list = |segments: &[&str]| self.get(segments).at_most(LIST);
        let answer = match self.ask(&list(&["library", "sections"])).await {
            Err(Fault::Wrong { .. }) => self.ask(&list(&["library", "sections", "all"])).await?,
            answer => answer?,
        };
        let sections: Container<SectionList> = answer.json()?;
        Ok(sections.container.directory)
    }

    /// The call that scans a folder, by the method that worked last. Never with `force`, which would fetch the metadata
    /// of everything again.
    pub(super) fn refresh(&self, call: &RefreshRequest) -> Request {
        self.refresh_by(self.by_post.load(Ordering::Relaxed), call)
    }

    fn refresh_by(&self, by_post: bool, (section, folder): &RefreshRequest) -> Request {
        let method = if by_post { Method::POST } else { Method::GET };
        self.request(method, &["library", "sections", section, "refresh"]).query("path", folder)
    }

    /// The part of a probe that proves that the token is the owner's, when a scan was refused: everything else that a probe asks
    /// is answered to guests too.
    pub(super) async fn check_owner(&self) -> Result<(), Fault> {
        if !self.owner_doubted.load(Ordering::Relaxed) {
            return Ok(());
        }
        let answer = self.ask(&self.get(&[":", "prefs"]).at_most(PAGE)).await;
        if let Err(refused @ Fault::Refused { .. }) = answer {
            return Err(refused);
        }
        self.owner_doubted.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// One call to scan, by the method that worked last; by the other one when Plex does not know it.
    pub(super) async fn start(&self, call: &RefreshRequest) -> Result<(), Fault> {
        let by_post = self.by_post.load(Ordering::Relaxed);
        let answer = self.http.exchange(&self.refresh_by(by_post, call)).await?;
        if answer.status() == 403 {
            self.owner_doubted.store(true, Ordering::Relaxed);
        }
        if !is_unknown(&answer) {
            return check(answer)?.accepted();
        }
        let other = self.http.exchange(&self.refresh_by(!by_post, call)).await?;
        if is_unknown(&other) {
            return check(answer)?.accepted();
        }
        check(other)?.accepted()?;
        self.by_post.store(!by_post, Ordering::Relaxed);
        Ok(())
    }
}

fn is_unknown(answer: &Answer) -> bool {
    matches!(answer.status(), 404 | 405)
}

/// Plex's own reading of a status. After an update it answers 503 with an XML note everywhere, for minutes to hours.
fn check(answer: Answer) -> Result<Answer, Fault> {
    let body = String::from_utf8_lossy(answer.body()).to_lowercase();
    match answer.status() {
        503 if body.contains("maintenance") || body.contains("database migrations") => {
            Err(Fault::away(answer.says(
                "Plex is doing start-up maintenance, which may take hours after an update; autoscan waits",
            )))
        }
        401 => Err(Fault::refused(answer.says(
            "the token was rejected; check the target's `token` (an unclaimed Plex lets in nobody by name)",
        ))),
        403 => Err(Fault::refused(answer.says("the token is not the owner's, who alone may start a scan"))),
        _ => answer.check(),
    }
}

#[async_trait]
impl LibraryServer for Server {
    fn product(&self) -> &'static str {
        "Plex"
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.library_cache
    }

    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        Ok(self.sections().await?.into_iter().map(Library::from).collect())
    }
}
