//! The folders in which senders keep their media, asked of those whose `api` is set.

use std::time::Duration;

use autoscan_http::Http;
use autoscan_triggers::ArrRoot;
use autoscan_web::{SenderRoot, SenderRoots};

use crate::config::Loaded;
use crate::logging;

/// How long a sender is waited for.
const PATIENCE: Duration = Duration::from_secs(8);

/// The folders of every sender, as it sees them. All are asked at once, so that one that hangs costs no more than itself.
pub(crate) async fn root_folders(loaded: &Loaded, http: &Http) -> Vec<SenderRoots> {
    let mut asked = Vec::new();
    for trigger in &loaded.settings.triggers {
        let kind = autoscan_triggers::kinds().iter().find(|kind| kind.name == trigger.kind);
        let Some(version) = kind.and_then(|kind| kind.api) else { continue };
        let (settings, http) = (trigger.raw.clone(), http.clone());
        let answer = async move {
            let asked = autoscan_triggers::ask_arr_roots(&settings, version, &http);
            tokio::time::timeout(PATIENCE, asked).await
        };
        asked.push((trigger.name.as_str().to_owned(), tokio::spawn(answer)));
    }
    let mut roots = Vec::new();
    for (trigger, answer) in asked {
        let folders = match answer.await {
            Ok(Ok(None)) => continue,
            Ok(Ok(Some(Ok(roots)))) => {
                let root = |ArrRoot { path, names }| SenderRoot { path, names };
                Ok(roots.into_iter().map(root).collect())
            }
            Ok(Ok(Some(Err(fault)))) => Err(logging::redaction().hide(fault.reason()).into_owned()),
            Ok(Err(_elapsed)) => Err(format!("it did not answer within {} s", PATIENCE.as_secs())),
            Err(broken) => Err(format!("asking it broke: {broken}")),
        };
        roots.push(SenderRoots { trigger, folders });
    }
    roots
}
