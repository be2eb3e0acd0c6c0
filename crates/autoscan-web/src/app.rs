//! What every handler shares.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use autoscan_core::secret::Secret;
use autoscan_core::time::Timestamp;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

use crate::Web;
use crate::answer::Problem;
use crate::api::live::Seats;
use crate::doors::{Address, Locks, Shown};
use crate::pages::{Drafts, Walks};
use crate::session::Sessions;
use crate::throttle::Throttle;

/// The state of the router.
pub(crate) type Shared = Arc<App>;

/// The parts of the web interface.
pub(crate) struct App {
    pub(crate) web: Web,
    pub(crate) locks: Locks,
    pub(crate) throttle: Throttle,
    pub(crate) sessions: Sessions,
    pub(crate) drafts: Drafts,
    /// The places for those who look on.
    pub(crate) seats: Seats,
    /// How far people have come in adding a server.
    pub(crate) walks: Walks,
    /// When it came up.
    pub(crate) since: Timestamp,
}

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// Of a request; requests that came over no connection share one.
    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get().copied().unwrap_or(Self(Ipv4Addr::UNSPECIFIED.into()))
    }
}

impl App {
    /// The path under which autoscan is shown, without a slash at its end: empty, or `/autoscan`.
    pub(crate) fn base(&self) -> &str {
        self.web.base_url.trim_end_matches('/')
    }

    /// Whether this is a request of somebody who is logged in.
    pub(crate) fn is_inside(&self, parts: &Parts) -> bool {
        self.sessions.of(&parts.headers, self.web.engine.now()).is_some_and(|session| session.inside)
    }

    /// Lets a request in, or says why not. `token` is that of the trigger it is for; `acts` is whether it changes
    /// anything.
    pub(crate) fn admit(
        &self,
        parts: &Parts,
        address: Address<'_>,
        token: Option<&Secret>,
        acts: bool,
    ) -> Result<(), Problem> {
        let shown = if self.locks.disabled {
            Shown::Password
        } else {
            self.locks.look(&parts.headers, address, token)
        };
        match shown {
            Shown::Password if acts && is_cross_site(&parts.headers) => Err(Problem::cross_site()),
            Shown::Key | Shown::Password => Ok(()),
            Shown::Nothing => Err(Problem::unauthorized()),
            Shown::Wrong => Err(self.failed(parts, Problem::unauthorized())),
        }
    }

    /// Checks the signature of a webhook, where one is wanted.
    pub(crate) fn check_signature(&self, parts: &Parts, body: &[u8]) -> Result<(), Problem> {
        let Some(signatures) = &self.locks.signatures else { return Ok(()) };
        signatures
            .check(&parts.headers, body, self.web.engine.now())
            .map_err(|problem| self.failed(parts, problem))
    }

    /// Counts a failed login: `problem`, or 429 when there were too many.
    pub(crate) fn failed(&self, parts: &Parts, problem: Problem) -> Problem {
        let wait = self.throttle.failed(Peer::of(parts).0, self.web.engine.now());
        wait.map_or(problem, Problem::too_many_failures)
    }
}

/// Whether the method only looks.
pub(crate) fn only_looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a browser says that a page of another site made it send this (Fetch Metadata). Other clients do not send it.
fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}
