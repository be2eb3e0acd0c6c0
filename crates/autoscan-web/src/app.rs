//! What every handler shares.

use std::sync::Arc;

use autoscan_core::secret::Secret;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};

use crate::Web;
use crate::answer::Problem;
use crate::caller::Caller;
use crate::doors::{Address, Locks, Shown};
use crate::password::Tried;
use crate::session::{Session, Way};
use crate::site::Lasting;

/// The state of the router.
pub(crate) type Shared = Arc<App>;

/// The parts of the web interface.
pub(crate) struct App {
    pub(crate) web: Web,
    pub(crate) locks: Locks,
    /// What outlives this config.
    pub(crate) lasting: Lasting,
}

impl App {
    /// The path under which autoscan is shown, without a slash at its end: empty, or `/autoscan`.
    pub(crate) fn base(&self) -> &str {
        self.web.base_url.trim_end_matches('/')
    }

    /// How a browser reaches us.
    fn way(&self, parts: &Parts) -> Way<'_> {
        Way { is_secure: Caller::of(parts).is_secure, base: self.base() }
    }

    /// The session of a request. Where authentication is off, every visitor's is as good as one of somebody who logged in.
    pub(crate) async fn session(&self, parts: &Parts) -> Result<Option<Session>, Problem> {
        let now = self.web.engine.now();
        Ok(self.lasting.sessions.of(&parts.headers, self.way(parts), &self.locks, now).await?)
    }

    /// Begins a visit; answers it with its cookie.
    pub(crate) fn visit(&self, parts: &Parts) -> (Session, Option<HeaderValue>) {
        self.lasting.sessions.visit(self.way(parts), self.web.engine.now())
    }

    /// Logs a browser in; answers its cookie.
    pub(crate) async fn begin_session(&self, parts: &Parts) -> Result<HeaderValue, Problem> {
        let begun = self.lasting.sessions.begin(self.way(parts), &self.locks, self.web.engine.now()).await?;
        begun.ok_or_else(|| Problem::internal("this machine gives no random numbers".to_owned()))
    }

    /// Lets a request in, or says why not. `token` is that of the trigger it is for; `acts` is whether it changes
    /// anything.
    pub(crate) async fn admit(
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
        self.judge(parts, shown, acts).await
    }

    /// The same for what pages ask too: a session will do. By one alone only its own pages act: they know its token.
    pub(crate) async fn admit_page(&self, parts: &Parts, acts: bool) -> Result<(), Problem> {
        if self.locks.disabled {
            return self.judge(parts, Shown::Password, acts).await;
        }
        let shown = self.locks.look(&parts.headers, Address::default(), None);
        if !matches!(shown, Shown::Nothing) {
            return self.judge(parts, shown, acts).await;
        }
        let session = self.session(parts).await?.filter(|session| session.inside);
        let Some(session) = session else { return Err(Problem::unauthorized_for(&parts.headers)) };
        if !acts {
            return Ok(());
        }
        if !Caller::of(parts).is_from_here(&parts.headers) {
            return Err(Problem::cross_site());
        }
        let token = parts.headers.get("x-csrf-token").and_then(|token| token.to_str().ok());
        if token.is_some_and(|token| session.is_token(token)) { Ok(()) } else { Err(Problem::no_token()) }
    }

    async fn judge(&self, parts: &Parts, shown: Shown, acts: bool) -> Result<(), Problem> {
        match shown {
            // A browser sends a password by itself, whoever made it send the request.
            Shown::Password if acts && !Caller::of(parts).is_from_here(&parts.headers) => {
                Err(Problem::cross_site())
            }
            Shown::Key | Shown::Password => Ok(()),
            Shown::Perhaps(pair) => {
                self.try_password(parts, &pair).await?;
                Box::pin(self.judge(parts, Shown::Password, acts)).await
            }
            Shown::Nothing => Err(Problem::unauthorized_for(&parts.headers)),
            Shown::Wrong => Err(self.failed(parts, Problem::unauthorized_for(&parts.headers))),
        }
    }

    /// Tries a name and password, and counts a wrong one. From where too many were wrong none is tried: to try costs.
    pub(crate) async fn try_password(&self, parts: &Parts, pair: &[u8]) -> Result<(), Problem> {
        if let Some(wait) = self.lasting.throttle.wait(Caller::of(parts).address, self.web.engine.now()) {
            return Err(Problem::too_many_failures(wait));
        }
        match self.locks.tries(pair).await {
            Tried::Right => Ok(()),
            Tried::Wrong => Err(self.failed(parts, Problem::unauthorized_for(&parts.headers))),
            Tried::Busy => Err(Problem::busy()),
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
        let wait = self.lasting.throttle.failed(Caller::of(parts).address, self.web.engine.now());
        wait.map_or(problem, Problem::too_many_failures)
    }
}

/// Whether the method only looks.
pub(crate) fn only_looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
