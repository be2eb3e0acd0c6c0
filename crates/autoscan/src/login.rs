//! Keys that a person gives to autoscan by confirming a code at a server.

use std::sync::Arc;

use autoscan_core::fault::Fault;
use autoscan_core::ports::Store;
use autoscan_core::secret::Secret;
use autoscan_http::Http;
use autoscan_targets::{KeyLogin, plex_pin, quick_connect};
use autoscan_web::{LoginKind, PendingLogin};
use tokio::sync::OnceCell;

/// Where it is kept what servers know this autoscan by.
const CLIENT: &str = "client";

/// The logins by a code.
pub(crate) struct Logins {
    http: Http,
    plex_tv: String,
    store: Arc<dyn Store>,
    client: OnceCell<Secret>,
}

impl Logins {
    /// Logins at servers, and at the plex.tv of this address.
    pub(crate) fn new(plex_tv: String, store: Arc<dyn Store>) -> Self {
        Self { http: Http::default(), plex_tv, store, client: OnceCell::new() }
    }

    /// Asks for a code. The error is a sentence.
    pub(crate) async fn begin(&self, kind: LoginKind, url: &str) -> Result<PendingLogin, String> {
        let code = self.login(kind, url).await?.begin().await.map_err(|fault| sentence(&fault))?;
        Ok(PendingLogin { kind, url: url.to_owned(), code: code.text, page: code.page, secret: code.ticket })
    }

    /// The key, once the person confirmed the code. The error is a sentence.
    pub(crate) async fn finish(&self, pending: &PendingLogin) -> Result<Option<Secret>, String> {
        let login = self.login(pending.kind, &pending.url).await?;
        login.key(&pending.secret).await.map_err(|fault| sentence(&fault))
    }

    async fn login(&self, kind: LoginKind, url: &str) -> Result<Box<dyn KeyLogin>, String> {
        let client = self.client.get_or_try_init(|| self.make_client()).await?;
        Ok(match kind {
            LoginKind::PlexPin => Box::new(plex_pin(&self.http, &self.plex_tv, client)?),
            LoginKind::QuickConnect => Box::new(quick_connect(&self.http, url, client)?),
        })
    }

    /// What servers know this autoscan by: the same for ever, so that an account lists it once.
    async fn make_client(&self) -> Result<Secret, String> {
        if let Some(kept) = self.store.setting(CLIENT).await.map_err(|failure| failure.to_string())? {
            return Ok(Secret::new(kept));
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|failure| format!("this machine gives no random numbers: {failure}"))?;
        let made = format!("{:032x}", u128::from_ne_bytes(bytes));
        let kept = self.store.set_setting(CLIENT, Some(made.clone())).await;
        kept.map_err(|failure| failure.to_string())?;
        Ok(Secret::new(made))
    }
}

/// What a person is told of a fault.
fn sentence(fault: &Fault) -> String {
    match fault {
        Fault::Busy { reason, .. } => format!("{reason}; wait a little, then try again"),
        fault => fault.reason().to_owned(),
    }
}
