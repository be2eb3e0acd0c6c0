//! What the pages share, and keep whatever the config.

use std::sync::Arc;

use axum::extract::FromRef;

use super::drafts::Drafts;
use super::setup_wizard::Wizards;
use crate::app::Shared;
use crate::map_advice::Maps;

/// What the pages keep while configs come and go.
#[derive(Clone, Default)]
pub(crate) struct PagesProcessState {
    drafts: Arc<Drafts>,
    /// How far people have come in adding a server.
    wizards: Arc<Wizards>,
    pub(crate) maps: Arc<Maps>,
}

/// The state of the pages.
#[derive(Clone)]
pub(crate) struct PagesState {
    pub(crate) app: Shared,
    pub(crate) process: PagesProcessState,
}

impl FromRef<PagesState> for Shared {
    fn from_ref(state: &PagesState) -> Self {
        Self::clone(&state.app)
    }
}

impl FromRef<PagesState> for Arc<Drafts> {
    fn from_ref(state: &PagesState) -> Self {
        Self::clone(&state.process.drafts)
    }
}

impl FromRef<PagesState> for Arc<Wizards> {
    fn from_ref(state: &PagesState) -> Self {
        Self::clone(&state.process.wizards)
    }
}

impl FromRef<PagesState> for Arc<Maps> {
    fn from_ref(state: &PagesState) -> Self {
        Self::clone(&state.process.maps)
    }
}
