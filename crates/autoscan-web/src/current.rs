//! What answers now.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;

/// The router of this moment. To ask for it costs a connection no more than a lock that is nearly always free.
#[derive(Clone)]
pub struct Current(Arc<RwLock<Router>>);

impl From<Router> for Current {
    fn from(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router)))
    }
}

impl Current {
    /// The router for one request.
    pub(crate) fn router(&self) -> Router {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From the next request on this router answers.
    pub(crate) fn set(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }
}
