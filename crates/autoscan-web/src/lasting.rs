//! What lasts longer than a config.

use std::sync::Arc;

use autoscan_core::secret::Secret;
use autoscan_core::time::Timestamp;
use tokio::sync::Semaphore;

use crate::places::Slots;
use crate::session::Sessions;
use crate::throttle::Throttle;
use crate::web::Web;

/// What lasts longer than a config.
#[derive(Clone)]
pub(crate) struct Lasting {
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) sessions: Arc<Sessions>,
    /// The places for those who look on.
    pub(crate) slots: Slots,
    /// Who takes in a large request, one at a time.
    pub(crate) large: Arc<Semaphore>,
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
            slots: web.places.live(),
            large: Arc::new(Semaphore::new(1)),
            keys: web.doors.secret_keys.clone(),
            since: web.engine.now(),
        }
    }

    /// The same, with sessions that are signed as `web` says.
    pub(crate) fn renewed(&mut self, web: &Web) {
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
