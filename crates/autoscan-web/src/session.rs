//! Who looks at a page. A browser holds a signed id in a cookie. Who is logged in is kept in the store, and remembered here.
//!
//! Before the login, and where there is none, nothing is kept: the id itself says when it was made. So a flood of visitors
//! takes no memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::ports::{SessionStore, StoreError};
use autoscan_core::secret::Secret;
use autoscan_core::session::{KeptSession, LONGEST, MOST, SessionPrint};
use autoscan_core::time::Timestamp;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::AccessControl;
use crate::cookie::{self, Keys};

/// How long a page may be open before its visitor logs in.
const ANONYMOUS_LIFETIME: Duration = Duration::from_hours(24);

/// What a page says once, after a form was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// `good`, `wait` or `bad`.
    pub(crate) tone: &'static str,
    /// A sentence.
    pub(crate) text: String,
}

/// One browser.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    print: SessionPrint,
    /// The token that every form of this browser carries.
    pub(crate) csrf: String,
    /// Whether the password was shown.
    pub(crate) logged_in: bool,
    /// When it began; now, where it is more than a visit.
    begun_at: Timestamp,
    /// Whether the store knows it.
    is_kept: bool,
}

impl Session {
    /// The session of this id.
    pub(crate) fn new(id: &str, logged_in: bool, begun_at: Timestamp) -> Self {
        let csrf = text(&derived(id, "csrf"));
        Self { print: print_of(id), csrf, logged_in, begun_at, is_kept: logged_in }
    }

    /// Whether this is the token of this session's forms.
    pub(crate) fn is_token(&self, shown: &str) -> bool {
        self.csrf.as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// Whether another id should take its place before long.
    pub(crate) fn is_old(&self, now: Timestamp) -> bool {
        now.since(self.begun_at) >= ANONYMOUS_LIFETIME / 2
    }
}

/// How a browser reaches us, as far as cookies go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CookieScope<'a> {
    /// By TLS.
    pub(crate) is_secure: bool,
    /// The path under which autoscan is shown, without a slash at its end.
    pub(crate) base: &'a str,
}

/// All sessions.
pub(crate) struct Sessions {
    random: fn(&mut [u8]),
    keys: Keys,
    store: Arc<dyn SessionStore>,
    /// Those of the store that were asked for.
    known: Mutex<HashMap<SessionPrint, KeptSession>>,
    notices: Mutex<HashMap<SessionPrint, (Timestamp, Notice)>>,
    /// Held while a session is read from the store or ended, so that one that is just ended is not remembered.
    turn: tokio::sync::Mutex<()>,
}

impl Sessions {
    /// Those of the store. `random` fills bytes by chance that cannot be guessed; the first of `keys` signs, all are
    /// believed. Without a key one is made, and a restart ends all sessions.
    pub(crate) fn new(random: fn(&mut [u8]), keys: &[Secret], store: Arc<dyn SessionStore>) -> Self {
        let made = || chance(random).map(Secret::new);
        let keys = if keys.is_empty() { Keys::new(made().as_slice()) } else { Keys::new(keys) };
        Self {
            random,
            keys,
            store,
            known: Mutex::default(),
            notices: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// The session of a request, renewed by its use.
    pub(crate) async fn of(
        &self,
        headers: &HeaderMap,
        scope: CookieScope<'_>,
        access: &AccessControl,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let mut visit = None;
        for id in self.keys.ids(headers, &cookie::name(scope.is_secure, scope.base)) {
            match id.strip_prefix("v.") {
                Some(rest) => visit = visit.or_else(|| anonymous_session(id, rest, access.disabled, now)),
                None if self.is_logged_in(id, access, now).await? => {
                    return Ok(Some(Session::new(id, true, now)));
                }
                None => {}
            }
        }
        Ok(visit)
    }

    /// Whether this session still goes on. To ask is no use of it.
    pub(crate) fn goes_on(&self, session: &Session, now: Timestamp) -> bool {
        !session.is_kept || self.known().get(&session.print).is_some_and(|session| !session.is_over(now))
    }

    async fn is_logged_in(
        &self,
        id: &str,
        access: &AccessControl,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let print = print_of(id);
        let known = self.known().get(&print).cloned();
        let Some(session) = (match known {
            Some(session) => Some(session),
            None => self.read(print).await?,
        }) else {
            return Ok(false);
        };
        let same: bool = session.credentials.ct_eq(&derived(id, access.credentials())).into();
        if !same || session.is_over(now) {
            self.end(print).await?;
            return Ok(false);
        }
        if session.wants_renewal(now) {
            if let Some(known) = self.known().get_mut(&print) {
                known.used_at = now;
            }
            if let Err(error) = self.store.renew_session(print, now).await {
                tracing::debug!(%error, "the use of a session could not be written down");
            }
        }
        Ok(true)
    }

    async fn read(&self, print: SessionPrint) -> Result<Option<KeptSession>, StoreError> {
        let _turn = self.turn.lock().await;
        let session = self.store.session(print).await?;
        if let Some(session) = &session {
            remember(&mut self.known(), print, session.clone(), |session| session.used_at);
        }
        Ok(session)
    }

    /// Begins a visit; answers it with the cookie.
    pub(crate) fn begin_anonymous(
        &self,
        scope: CookieScope<'_>,
        now: Timestamp,
    ) -> (Session, Option<HeaderValue>) {
        let id = chance(self.random).map(|chance| format!("v.{}.{chance}", now.as_millis()));
        let cookie = id.as_deref().and_then(|id| self.keys.sign(id));
        let cookie = cookie.and_then(|value| cookie::set(&value, None, scope.is_secure, scope.base));
        (Session::new(id.as_deref().unwrap_or_default(), false, now), cookie)
    }

    /// Begins a session, after the password was shown; answers its cookie.
    pub(crate) async fn begin(
        &self,
        scope: CookieScope<'_>,
        access: &AccessControl,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, StoreError> {
        let Some(id) = chance(self.random).map(|chance| format!("s.{chance}")) else { return Ok(None) };
        let print = print_of(&id);
        let credentials = derived(&id, access.credentials());
        let session = KeptSession { print, credentials, begun_at: now, used_at: now };
        self.store.begin_session(session.clone()).await?;
        remember(&mut self.known(), print, session, |session| session.used_at);
        let value = self.keys.sign(&id);
        Ok(value.and_then(|value| cookie::set(&value, Some(LONGEST.as_secs()), scope.is_secure, scope.base)))
    }

    /// Ends a session: its cookie is worth nothing from now on.
    pub(crate) async fn leave(&self, session: &Session) -> Result<(), StoreError> {
        self.end(session.print).await
    }

    async fn end(&self, print: SessionPrint) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        self.store.end_session(print).await?;
        self.known().remove(&print);
        Ok(())
    }

    /// Keeps what the next page of this session says.
    pub(crate) fn notify(&self, session: &Session, notices: Notice, now: Timestamp) {
        let mut all = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        remember(&mut all, session.print, (now, notices), |(at, _)| *at);
    }

    /// Takes what the page says, once.
    pub(crate) fn take_said(&self, session: &Session) -> Option<Notice> {
        let mut all = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&session.print).map(|(_, notices)| notices)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<SessionPrint, KeptSession>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts an entry into a map of [`MOST`]: beyond, the oldest goes.
fn remember<K: Copy + Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: V, age: fn(&V) -> Timestamp) {
    if map.len() >= MOST
        && !map.contains_key(&key)
        && let Some(oldest) = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| *key)
    {
        map.remove(&oldest);
    }
    map.insert(key, value);
}

/// The visit that an id tells of: `rest` is the moment it began, and chance.
fn anonymous_session(id: &str, rest: &str, logged_in: bool, now: Timestamp) -> Option<Session> {
    let begun_at = Timestamp::from_millis(rest.split_once('.')?.0.parse().ok()?);
    (now.since(begun_at) < ANONYMOUS_LIFETIME)
        .then(|| Session { logged_in, ..Session::new(id, false, begun_at) })
}

/// Chance as text. None when the machine has none to give: ids that can be guessed would be worse than no login.
fn chance(random: fn(&mut [u8])) -> Option<String> {
    let mut bytes = [0; 32];
    random(&mut bytes);
    (bytes != [0; 32]).then(|| text(&bytes))
}

fn text(bytes: &[u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn print_of(id: &str) -> SessionPrint {
    Sha256::digest(id.as_bytes()).into()
}

/// A fingerprint of `what` that only who knows the id can make, or try guesses against.
fn derived(id: &str, what: &str) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(id.as_bytes()).map(|mac| mac.chain_update(what));
    mac.map(|mac| mac.finalize().into_bytes().into()).unwrap_or_default()
}
