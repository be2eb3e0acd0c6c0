//! What the pages may ask of the program around them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Store;
use autoscan_core::secret::Secret;
use autoscan_engine::{TestView, protected};
use autoscan_http::Http;
use autoscan_web::{
    ConfigView, Control, Edit, LoginKind, NewTarget, PendingLogin, Proposal, SenderRoots, TriedServer,
};

use crate::login::Logins;
use crate::server::RunningServer;
use crate::{config, logging, senders, wire};

/// How long a new server is waited for to name a few of its files.
const PATIENCE: Duration = Duration::from_secs(5);

/// The program, as its pages see it.
pub(crate) struct ProgramControl {
    server: Arc<RunningServer>,
    http: Http,
    logins: Logins,
}

impl ProgramControl {
    /// The program around this server, by the plex.tv of this address.
    pub(crate) fn new(server: Arc<RunningServer>, plex_tv: String, store: Arc<dyn Store>) -> Self {
        Self { server, http: Http::default(), logins: Logins::new(plex_tv, store) }
    }
}

#[async_trait]
impl Control for ProgramControl {
    fn config(&self) -> ConfigView {
        let loaded = self.server.loaded();
        let mut notes = self.server.needs_restart();
        notes.extend(loaded.notes.iter().cloned());
        ConfigView {
            file: loaded.path.as_ref().map(|path| path.display().to_string()),
            variables: loaded.variables().to_vec(),
            text: loaded.redacted(&wire::kinds()),
            notes,
        }
    }

    async fn reload(&self) -> Result<String, Vec<String>> {
        self.server.reload().await
    }

    async fn propose(&self, edit: &Edit) -> Result<Proposal, String> {
        self.server.propose(edit).await
    }

    async fn apply(&self, edit: &Edit, basis: &str) -> Result<String, Vec<String>> {
        self.server.apply(edit.clone(), basis.to_owned()).await
    }

    async fn try_server(&self, server: &NewTarget) -> Result<TriedServer, String> {
        let kinds = wire::kinds();
        let settings = config::raw_settings(server, &kinds)?;
        let server = wire::connect(&server.kind, &settings, &self.http)?.server;
        let server = protected(server, logging::redaction());
        let said = |fault: Fault| fault.reason().to_owned();
        let identity = server.probe().await.map_err(said)?;
        let libraries = match server.libraries() {
            Some(its) => Some(its.read().await.map_err(said)?),
            None => None,
        };
        // Advice is a courtesy: a server that refuses it is well all the same.
        let advice = match server.advice() {
            Some(its) => its.advise().await.unwrap_or_default(),
            None => Vec::new(),
        };
        // So are a few of its files: without them its folders are compared by their names alone.
        let samples = match server.libraries() {
            Some(its) => its.samples(libraries.as_deref().unwrap_or_default()),
            None => Box::pin(async { Vec::new() }),
        };
        let samples = tokio::time::timeout(PATIENCE, samples).await.unwrap_or_default();
        Ok(TriedServer { test: TestView { identity, libraries, advice }, samples })
    }

    async fn begin_login(&self, kind: LoginKind, url: &str) -> Result<PendingLogin, String> {
        self.logins.begin(kind, url).await
    }

    async fn finish_login(&self, pending: &PendingLogin) -> Result<Option<Secret>, String> {
        self.logins.finish(pending).await
    }

    async fn root_folders(&self) -> Vec<SenderRoots> {
        senders::root_folders(&self.server.loaded(), &self.http).await
    }
}
