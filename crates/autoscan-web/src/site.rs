//! What answers now. A new config is a new router: it takes over with the next request, and connections stay.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use autoscan_core::secret::Secret;
use autoscan_core::time::Timestamp;
use autoscan_engine::Engine;
use axum::Router;
use tokio::sync::Semaphore;

use crate::pages::target_maps::Maps;
use crate::pages::{Drafts, Walks};
use crate::places::Seats;
use crate::session::Sessions;
use crate::throttle::Throttle;
use crate::totals::Totals;
use crate::{Web, router_with};

/// The web interface as it answers now.
#[derive(Clone)]
pub struct Site {
    current: Current,
    lasting: Arc<Mutex<Lasting>>,
}

impl Site {
    /// The first.
    pub fn new(web: Web) -> Self {
        let lasting = Lasting::of(&web);
        let current = Current::from(router_with(web, lasting.clone()));
        Self { current, lasting: Arc::new(Mutex::new(lasting)) }
    }

    /// Lets `web` answer from the next request on. Requests in flight end with what was before; who is logged in, and who was
    /// wrong too often, stays so.
    pub fn renew(&self, web: Web) {
        let mut lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        lasting.renewed(&web);
        self.current.set(router_with(web, lasting.clone()));
    }
}

/// What lasts longer than a config.
#[derive(Clone)]
pub(crate) struct Lasting {
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) drafts: Arc<Drafts>,
    /// The places for those who look on.
    pub(crate) seats: Seats,
    /// How far people have come in adding a server.
    pub(crate) walks: Arc<Walks>,
    pub(crate) maps: Arc<Maps>,
    /// Who takes in a large request, one at a time.
    pub(crate) large: Arc<Semaphore>,
    pub(crate) totals: Arc<Totals>,
    /// The engine that counts now.
    engine: Arc<Engine>,
    /// What sessions are signed with.
    keys: Vec<Secret>,
    /// When it came up.
    pub(crate) since: Timestamp,
}

impl Lasting {
    /// Nothing is remembered yet.
    pub(crate) fn of(web: &Web) -> Self {
        Self {
            throttle: Arc::default(),
            sessions: sessions(web),
            drafts: Arc::default(),
            seats: web.places.live(),
            walks: Arc::default(),
            maps: Arc::default(),
            large: Arc::new(Semaphore::new(1)),
            totals: Arc::default(),
            engine: Arc::clone(&web.engine),
            keys: web.doors.secret_keys.clone(),
            since: web.engine.now(),
        }
    }

    /// The same, with sessions that are signed as `web` says, and with its engine.
    fn renewed(&mut self, web: &Web) {
        self.totals.taken_over(std::mem::replace(&mut self.engine, Arc::clone(&web.engine)));
        let keys = &web.doors.secret_keys;
        if !keys.is_empty() && *keys != self.keys {
            self.keys.clone_from(keys);
            self.sessions = sessions(web);
        }
    }
}

fn sessions(web: &Web) -> Arc<Sessions> {
    Arc::new(Sessions::new(web.random, &web.doors.secret_keys, Arc::clone(&web.sessions)))
}

/// The router of this moment. To ask for it costs a connection no more than a lock that is nearly always free.
#[derive(Clone)]
pub struct Current(Arc<RwLock<Router>>);

impl From<&Site> for Current {
    fn from(site: &Site) -> Self {
        site.current.clone()
    }
}

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

    fn set(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }
}
