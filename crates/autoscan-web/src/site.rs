//! What answers now. A new config is a new router: it takes over with the next request, and connections stay.

use std::sync::{Arc, Mutex, PoisonError};

use crate::current::Current;
use crate::lasting::Lasting;
use crate::pages::state::Kept;
use crate::router::router_with;
use crate::web::Web;

/// The web interface as it answers now.
#[derive(Clone)]
pub struct Site {
    current: Current,
    lasting: Arc<Mutex<Lasting>>,
    kept: Kept,
}

impl Site {
    /// The first.
    pub fn new(web: Web) -> Self {
        let lasting = Lasting::of(&web);
        let kept = Kept::default();
        let current = Current::from(router_with(web, lasting.clone(), kept.clone()));
        Self { current, lasting: Arc::new(Mutex::new(lasting)), kept }
    }

    /// Lets `web` answer from the next request on. Requests in flight end with what was before; who is logged in, and who was
    /// wrong too often, stays so.
    pub fn renew(&self, web: Web) {
        let mut lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        lasting.renewed(&web);
        self.current.set(router_with(web, lasting.clone(), self.kept.clone()));
    }
}

impl From<&Site> for Current {
    fn from(site: &Site) -> Self {
        site.current.clone()
    }
}
