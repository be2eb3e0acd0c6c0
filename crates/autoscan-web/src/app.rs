//! What every handler shares.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::secret::Secret;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};

use crate::access::{AccessControl, Presented, UrlSecrets};
use crate::answer::Problem;
use crate::caller::Caller;
use crate::fingerprint::Fingerprint;
use crate::password::Tried;
use crate::process_state::ProcessState;
use crate::session::{CookieScope, Session};
use crate::web::Web;

/// How long an address that failed too often waits for each answer.
const SLOWLY: Duration = Duration::from_secs(1);

/// The state of the router.
pub(crate) type Shared = Arc<App>;

/// The parts of the web interface.
pub(crate) struct App {
    pub(crate) web: Web,
    pub(crate) access: AccessControl,
    /// What outlives this config.
    pub(crate) process: ProcessState,
}

impl App {
    /// The path under which autoscan is shown, without a slash at its end: empty, or `/autoscan`.
    pub(crate) fn base(&self) -> &str {
        self.web.base_url.trim_end_matches('/')
    }

    /// How a browser reaches us.
    fn cookie_scope(&self, parts: &Parts) -> CookieScope<'_> {
        CookieScope { is_secure: Caller::of(parts).is_secure, base: self.base() }
    }

    /// The session of a request. Where authentication is off, every visitor's is as good as one of somebody who logged in.
    pub(crate) async fn session(&self, parts: &Parts) -> Result<Option<Session>, Problem> {
        let now = self.web.engine.now();
        Ok(self.process.sessions.of(&parts.headers, self.cookie_scope(parts), &self.access, now).await?)
    }

    /// Begins a visit; answers it with its cookie.
    pub(crate) fn begin_anonymous(&self, parts: &Parts) -> (Session, Option<HeaderValue>) {
        self.process.sessions.begin_anonymous(self.cookie_scope(parts), self.web.engine.now())
    }

    /// Logs a browser in; answers its cookie.
    pub(crate) async fn begin_session(&self, parts: &Parts) -> Result<HeaderValue, Problem> {
        let begun = self
            .process
            .sessions
            .begin(self.cookie_scope(parts), &self.access, self.web.engine.now())
            .await?;
        begun.ok_or_else(|| Problem::internal("this machine gives no random numbers".to_owned()))
    }

    /// Lets a request in, or says why not. `token` is that of the trigger it is for; `acts` is whether it changes
    /// anything.
    pub(crate) async fn admit(
        &self,
        parts: &Parts,
        address: UrlSecrets<'_>,
        token: Option<&Secret>,
        acts: bool,
    ) -> Result<(), Problem> {
        if self.access.disabled {
            return by_this_site(parts, acts);
        }
        let shown = self.access.look(&parts.headers, address, token);
        self.judge(parts, shown, acts).await
    }

    /// The same for what pages ask too: a session will do. By one alone only its own pages act: they know its token.
    pub(crate) async fn admit_page(&self, parts: &Parts, acts: bool) -> Result<(), Problem> {
        if self.access.disabled {
            return by_this_site(parts, acts);
        }
        let shown = self.access.look(&parts.headers, UrlSecrets::default(), None);
        if !matches!(shown, Presented::Nothing) {
            return self.judge(parts, shown, acts).await;
        }
        let session = self.session(parts).await?.filter(|session| session.logged_in);
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

    async fn judge(&self, parts: &Parts, shown: Presented, acts: bool) -> Result<(), Problem> {
        let credential = shown.credential();
        let (by_password, wrong) = match shown {
            Presented::Nothing => return Err(Problem::unauthorized_for(&parts.headers)),
            Presented::Key(_) => (false, 0),
            Presented::Password(_) => (true, 0),
            Presented::Wrong(count) => (false, count),
            Presented::Perhaps(pair, count) => {
                self.try_password(parts, &pair, count).await?;
                return by_this_site(parts, acts);
            }
        };
        self.may_try(parts, credential).await?;
        let Some(credential) = credential else { return Err(self.wrong(parts, wrong).await) };
        self.process.throttle.succeeded(Caller::of(parts).address, credential);
        if by_password { by_this_site(parts, acts) } else { Ok(()) }
    }

    /// Tries a name and password. `count` is how many credentials the request brought, which all count when none is right.
    pub(crate) async fn try_password(&self, parts: &Parts, pair: &[u8], count: u32) -> Result<(), Problem> {
        let credential = Fingerprint::of(pair);
        self.may_try(parts, Some(credential)).await?;
        match self.access.tries(pair).await {
            Tried::Right => {
                self.process.throttle.succeeded(Caller::of(parts).address, credential);
                Ok(())
            }
            Tried::Wrong => Err(self.wrong(parts, count).await),
            Tried::Busy => Err(Problem::busy()),
        }
    }

    /// Tries the secret segment of the single-URL routes: whether it is right.
    pub(crate) async fn try_server_pass(&self, parts: &Parts, segment: &str) -> Result<bool, Problem> {
        if !self.access.has_server_pass() {
            return Ok(false);
        }
        let credential = Fingerprint::of(segment.as_bytes());
        self.may_try(parts, Some(credential)).await?;
        if self.access.is_server_pass(credential) {
            self.process.throttle.succeeded(Caller::of(parts).address, credential);
            return Ok(true);
        }
        Err(self.failed(parts, 1, Problem::no_route()).await)
    }

    /// Checks the signature of a webhook, where one is wanted.
    pub(crate) async fn check_signature(&self, parts: &Parts, body: &[u8]) -> Result<(), Problem> {
        let Some(signatures) = &self.access.signatures else { return Ok(()) };
        match signatures.check(&parts.headers, body, self.web.engine.now()) {
            Ok(()) => Ok(()),
            Err(problem) => Err(self.failed(parts, 1, problem).await),
        }
    }

    /// Refuses an address that failed too often, unless this credential was right before from there.
    async fn may_try(&self, parts: &Parts, credential: Option<Fingerprint>) -> Result<(), Problem> {
        match self.process.throttle.wait(Caller::of(parts).address, credential) {
            Some(seconds) => Err(refused_slowly(seconds).await),
            None => Ok(()),
        }
    }

    async fn wrong(&self, parts: &Parts, count: u32) -> Problem {
        self.failed(parts, count, Problem::unauthorized_for(&parts.headers)).await
    }

    /// Counts so many failures: `problem`, or 429 when there were too many.
    async fn failed(&self, parts: &Parts, count: u32, problem: Problem) -> Problem {
        match self.process.throttle.failed(Caller::of(parts).address, count) {
            Some(seconds) => refused_slowly(seconds).await,
            None => problem,
        }
    }
}

/// A browser sends a password by itself, whoever made it send the request.
fn by_this_site(parts: &Parts, acts: bool) -> Result<(), Problem> {
    if acts && !Caller::of(parts).is_from_here(&parts.headers) {
        return Err(Problem::cross_site());
    }
    Ok(())
}

/// Where what was right before from an address passes, it tells a guesser at the same address that it is right. So who waits is
/// answered slowly: one connection guesses once a second, and there are only so many connections.
async fn refused_slowly(seconds: u64) -> Problem {
    tokio::time::sleep(SLOWLY).await;
    Problem::too_many_failures(seconds)
}

/// Whether the method only looks.
pub(crate) fn only_looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
