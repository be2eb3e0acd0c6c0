//! Map suggestions: looked for when a person asks, and kept until the next time.

use std::sync::{Arc, Mutex, PoisonError};

use autoscan_core::suggest::Suggestion;
use autoscan_engine::{Engine, MapAdvice, SenderFolders};

use crate::app::App;

/// What was suggested last.
#[derive(Default)]
pub(crate) struct Maps {
    last: Mutex<Option<Arc<MapAdvice>>>,
    /// Held while there is a look: servers and disk are not asked twice at the same time.
    looking: tokio::sync::Mutex<()>,
}

impl Maps {
    /// What was suggested last, if there was a look since the start.
    pub(crate) fn last(&self) -> Option<Arc<MapAdvice>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks afresh, and keeps what is found.
pub(crate) async fn look(app: &App, maps: &Maps) -> Arc<MapAdvice> {
    let before = maps.last().map(|advice| advice.at);
    let _alone = maps.looking.lock().await;
    // Who had to wait for another's look takes what that found.
    if let Some(last) = maps.last().filter(|advice| Some(advice.at) != before) {
        return last;
    }
    let advice = Arc::new(app.web.engine.map_advice(senders(app).await, None).await);
    *maps.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&advice));
    advice
}

/// The folders of all senders, asked afresh.
pub(crate) async fn senders(app: &App) -> Vec<SenderFolders> {
    app.web.control.root_folders().await.into_iter().map(SenderFolders::from).collect()
}

/// The lines that the config does not hold yet.
pub(crate) fn open_lines<'a>(engine: &Engine, advice: &'a MapAdvice) -> Vec<&'a Suggestion> {
    advice.found.lines.iter().filter(|line| !engine.maps_to(&line.of, &line.from, &line.to)).collect()
}
