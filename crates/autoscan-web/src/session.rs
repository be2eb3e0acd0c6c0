//! Who looks at a page. A browser holds a random id in a cookie; everything else stays here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::time::Timestamp;
use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The name of the cookie.
const COOKIE: &str = "autoscan_session";
/// A session that is not used so long is over.
const IDLE: Duration = Duration::from_hours(7 * 24);
/// Sessions that are kept; beyond, the one that was used longest ago is over.
const MOST: usize = 1024;

type Print = [u8; 32];

/// What a page says once, after a form was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// `good`, `wait` or `bad`.
    pub(crate) tone: &'static str,
    /// A sentence.
    pub(crate) text: String,
}

/// One browser.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    print: Print,
    /// The token that every form of this browser carries.
    pub(crate) csrf: String,
    /// Whether the password was shown.
    pub(crate) inside: bool,
    used_at: Timestamp,
    said: Option<Said>,
}

impl Session {
    /// Whether this is the token of this session's forms.
    pub(crate) fn is_token(&self, shown: &str) -> bool {
        self.csrf.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

/// All sessions. Ids are kept as fingerprints: who reads them here cannot use them.
pub(crate) struct Sessions {
    random: fn(&mut [u8]),
    open: Mutex<HashMap<Print, Session>>,
}

impl Sessions {
    /// None yet. `random` fills bytes by chance that cannot be guessed.
    pub(crate) fn new(random: fn(&mut [u8])) -> Self {
        Self { random, open: Mutex::default() }
    }

    /// The session of a request, renewed by its use.
    pub(crate) fn of(&self, headers: &HeaderMap, now: Timestamp) -> Option<Session> {
        let print = print_of(&cookie(headers)?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(&print)?;
        if now.since(session.used_at) >= IDLE {
            open.remove(&print);
            return None;
        }
        session.used_at = now;
        Some(session.clone())
    }

    /// Whether this session still goes on. To ask is no use of it.
    pub(crate) fn goes_on(&self, session: &Session, now: Timestamp) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&session.print).is_some_and(|session| now.since(session.used_at) < IDLE)
    }

    /// Begins a session; answers it with the cookie's value.
    pub(crate) fn begin(&self, inside: bool, now: Timestamp) -> (Session, String) {
        let (id, csrf) = (self.word(), self.word());
        let session = Session { print: print_of(&id), csrf, inside, used_at: now, said: None };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST
            && let Some(oldest) =
                open.values().min_by_key(|session| session.used_at).map(|session| session.print)
        {
            open.remove(&oldest);
        }
        open.insert(session.print, session.clone());
        (session, id)
    }

    /// Ends a session.
    pub(crate) fn end(&self, session: &Session) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&session.print);
    }

    /// Keeps what the next page of this session says.
    pub(crate) fn say(&self, session: &Session, said: Said) {
        if let Some(session) =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&session.print)
        {
            session.said = Some(said);
        }
    }

    /// Takes what the page says, once.
    pub(crate) fn take_said(&self, session: &Session) -> Option<Said> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&session.print)?.said.take()
    }

    fn word(&self) -> String {
        let mut bytes = [0; 32];
        (self.random)(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The cookie that begins a session. `base` is the path under which autoscan is shown.
pub(crate) fn set_cookie(id: &str, base: &str, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let path = if base.is_empty() { "/" } else { base };
    HeaderValue::from_str(&format!("{COOKIE}={id}; Path={path}; HttpOnly; SameSite=Lax{secure}")).ok()
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
}

fn print_of(id: &str) -> Print {
    Sha256::digest(id.as_bytes()).into()
}
