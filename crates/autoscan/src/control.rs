//! What the pages may ask of the program around them.

use async_trait::async_trait;
use autoscan_core::secret::Secret;
use autoscan_engine::TestView;
use autoscan_http::Http;
use autoscan_triggers::ArrReport;
use autoscan_web::{ConfigView, Control, Edit, LoginKind, NewTarget, PendingLogin, Proposal, SenderRoots};

use crate::config::{Loaded, TriggerSettings};

/// The program, as its pages see it.
pub(crate) struct Program {
    view: ConfigView,
    triggers: Vec<TriggerSettings>,
    http: Http,
}

impl Program {
    /// The program that runs by this config.
    pub(crate) fn new(loaded: &Loaded) -> Self {
        Self {
            view: ConfigView {
                file: loaded.path.as_ref().map(|path| path.display().to_string()),
                notes: loaded.notes.clone(),
                ..ConfigView::default()
            },
            triggers: loaded.settings.triggers.clone(),
            http: Http::default(),
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

    async fn propose(&self, _edit: &Edit) -> Result<Proposal, String> {
        Err("the config's file is changed by hand".to_owned())
    }

    async fn apply(&self, _edit: &Edit, _basis: &str) -> Result<String, Vec<String>> {
        Err(vec!["the config's file is changed by hand".to_owned()])
    }

    async fn try_server(&self, _server: &NewTarget) -> Result<TestView, String> {
        Err("a server is tried by \"autoscan check\"".to_owned())
    }

    async fn begin_login(&self, _kind: LoginKind, _url: &str) -> Result<PendingLogin, String> {
        Err("a key is made at the server".to_owned())
    }

    async fn finish_login(&self, _pending: &PendingLogin) -> Result<Option<Secret>, String> {
        Err("a key is made at the server".to_owned())
    }

    async fn root_folders(&self) -> Vec<SenderRoots> {
        let mut roots = Vec::new();
        for trigger in &self.triggers {
            let kind = autoscan_triggers::kinds().iter().find(|kind| kind.name == trigger.kind);
            let Some(version) = kind.and_then(|kind| kind.api) else { continue };
            let Some(answer) = autoscan_triggers::ask_arr(&trigger.raw, version, &self.http).await else {
                continue;
            };
            let folders = answer.map(|ArrReport { root_folders, .. }| root_folders);
            let folders = folders.map_err(|fault| fault.reason().to_owned());
            roots.push(SenderRoots { trigger: trigger.name.as_str().to_owned(), folders });
        }
        roots
    }
}
