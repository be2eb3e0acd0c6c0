//! What answers now. A new config is a new router: it takes over with the next request, and connections stay.

use std::sync::{Arc, Mutex, PoisonError};

use crate::current::Current;
use crate::pages::state::PagesProcessState;
use crate::process_state::ProcessState;
use crate::router::router_with;
use crate::web::Web;

/// The web interface as it answers now.
#[derive(Clone)]
pub struct Site {
    current: Current,
    process: Arc<Mutex<ProcessState>>,
    of_pages: PagesProcessState,
}

impl Site {
    /// The first.
    pub fn new(web: Web) -> Self {
        let process = ProcessState::of(&web);
        let of_pages = PagesProcessState::default();
        let current = Current::from(router_with(web, process.clone(), of_pages.clone()));
        Self { current, process: Arc::new(Mutex::new(process)), of_pages }
    }

    /// Lets `web` answer from the next request on. Requests in flight end with what was before; who is logged in, and who was
    /// wrong too often, stays so.
    pub fn renew(&self, web: Web) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.renewed(&web);
        self.current.set(router_with(web, process.clone(), self.of_pages.clone()));
    }
}

impl From<&Site> for Current {
    fn from(site: &Site) -> Self {
        site.current.clone()
    }
}
