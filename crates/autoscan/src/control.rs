//! What the pages may ask of the program around them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Store;
use autoscan_core::secret::Secret;
use autoscan_engine::{TestView, discreet};
use autoscan_http::Http;
use autoscan_triggers::ArrRoot;
use autoscan_web::{
    ConfigView, Control, Edit, LoginKind, NewTarget, PendingLogin, Proposal, SenderRoot, SenderRoots,
};

use crate::config::{self, Composed, Loaded, TriggerSettings};
use crate::login::Logins;
use crate::{logging, wire};

/// How long a sender is waited for.
const PATIENCE: Duration = Duration::from_secs(8);

/// The program, as its pages see it.
pub(crate) struct Program {
    view: ConfigView,
    loaded: Arc<Loaded>,
    triggers: Vec<TriggerSettings>,
    http: Http,
    logins: Logins,
}

impl Program {
    /// The program that runs by this config.
    pub(crate) fn new(loaded: &Arc<Loaded>, store: Arc<dyn Store>) -> Self {
        Self {
            loaded: Arc::clone(loaded),
            view: ConfigView {
                file: loaded.path.as_ref().map(|path| path.display().to_string()),
                notes: loaded.notes.clone(),
                ..ConfigView::default()
            },
            triggers: loaded.settings.triggers.clone(),
            http: Http::default(),
            logins: Logins::new(loaded.settings.plex_tv_url.clone(), store),
        }
    }
}

#[async_trait]
impl Control for Program {
    fn config(&self) -> ConfigView {
        self.view.clone()
    }

    async fn reload(&self) -> Result<String, Vec<String>> {
        Err(vec!["the config is read at the start: restart autoscan".to_owned()])
    }

    async fn propose(&self, edit: &Edit) -> Result<Proposal, String> {
        let (edit, running) = (edit.clone(), Arc::clone(&self.loaded));
        let composed = tokio::task::spawn_blocking(move || composed(&edit, &running)).await;
        composed.map_err(|broken| format!("the edit broke: {broken}"))?.map(|composed| composed.proposal)
    }

    async fn apply(&self, _edit: &Edit, _basis: &str) -> Result<String, Vec<String>> {
        Err(vec!["the config's file is changed by hand".to_owned()])
    }

    async fn try_server(&self, server: &NewTarget) -> Result<TestView, String> {
        let kinds = wire::kinds();
        let settings = config::raw_settings(server, &kinds)?;
        let server = wire::connect(&server.kind, &settings, &self.http)?.server;
        let server = discreet(server, logging::redaction());
        let said = |fault: Fault| fault.reason().to_owned();
        let identity = server.probe().await.map_err(said)?;
        let libraries =
            if server.has_libraries() { Some(server.libraries().await.map_err(said)?) } else { None };
        // Advice is a courtesy: a server that refuses it is well all the same.
        let advice = server.advice().await.unwrap_or_default();
        Ok(TestView { identity, libraries, advice })
    }

    async fn begin_login(&self, kind: LoginKind, url: &str) -> Result<PendingLogin, String> {
        self.logins.begin(kind, url).await
    }

    async fn finish_login(&self, pending: &PendingLogin) -> Result<Option<Secret>, String> {
        self.logins.finish(pending).await
    }

    async fn root_folders(&self) -> Vec<SenderRoots> {
        let mut roots = Vec::new();
        for trigger in &self.triggers {
            let kind = autoscan_triggers::kinds().iter().find(|kind| kind.name == trigger.kind);
            let Some(version) = kind.and_then(|kind| kind.api) else { continue };
            let asked = autoscan_triggers::ask_arr_roots(&trigger.raw, version, &self.http);
            let folders = match tokio::time::timeout(PATIENCE, asked).await {
                Ok(None) => continue,
                Ok(Some(Ok(roots))) => {
                    let root = |ArrRoot { path, names }| SenderRoot { path, names };
                    Ok(roots.into_iter().map(root).collect())
                }
                Ok(Some(Err(fault))) => Err(logging::redaction().hide(fault.reason()).into_owned()),
                Err(_elapsed) => Err(format!("it did not answer within {} s", PATIENCE.as_secs())),
            };
            roots.push(SenderRoots { trigger: trigger.name.as_str().to_owned(), folders });
        }
        roots
    }
}

/// An edit, composed, whose targets their kinds accept too.
fn composed(edit: &Edit, running: &Loaded) -> Result<Composed, String> {
    let composed = config::compose(edit, running, &wire::kinds())?;
    match wire::open(&composed.loaded) {
        Ok(_opened) => Ok(composed),
        Err(faults) => Err(format!("With this the config would be wrong, so nothing is changed. {faults}")),
    }
}
