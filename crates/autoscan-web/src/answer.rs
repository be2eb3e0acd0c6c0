//! What is answered: `{"status","message"}` when it went well, `{"error","code"}` when it did not.

use std::borrow::Cow;

use autoscan_core::path::PathRefusal;
use autoscan_core::ports::StoreError;
use autoscan_engine::IntakeError;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::cookie;

/// Seconds after which a sender may try again when the database could not be written.
const STORE_PAUSE: u64 = 10;

/// A refusal or failure, as the caller sees it.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    error: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<Cause>>,
}

/// The sentence of an answer, for a page that shows it.
#[derive(Clone, Debug)]
pub(crate) struct AnswerSentence(pub(crate) String);

/// Why a request failed, for the log alone: an answer carries it to the place that logs.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) String);

#[derive(Serialize)]
struct ProblemBody<'a> {
    error: &'a str,
    code: &'a str,
}

#[derive(Serialize)]
struct SuccessBody<'a> {
    status: &'static str,
    message: &'a str,
}

impl Problem {
    /// A problem with a status, a code and a sentence.
    pub(crate) fn new(status: StatusCode, code: &'static str, error: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, error: error.into(), headers: Vec::new(), cause: None }
    }

    /// 400: the request could not be read.
    pub(crate) fn bad_request(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", error)
    }

    /// 401: nobody, or nobody known. A browser asks for the password.
    pub(crate) fn unauthorized() -> Self {
        let error = "The credentials are missing or wrong: send Basic, X-Api-Key or a Bearer token";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", error)
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"autoscan\""))
    }

    /// The same, as the sender can use it: a browser asks for the password only where a person opened the address, and not
    /// in the middle of a page of ours, whose session is over.
    pub(crate) fn unauthorized_for(headers: &HeaderMap) -> Self {
        let has = |name| headers.contains_key(name);
        let is_fetch = headers.get("sec-fetch-mode").is_some_and(|mode| mode != "navigate");
        let is_page = is_fetch || has("x-requested-with") || has("x-csrf-token") || cookie::is_there(headers);
        if is_page { Self::logged_out() } else { Self::unauthorized() }
    }

    /// 401: the session is over.
    pub(crate) fn logged_out() -> Self {
        let error = "You are not logged in (any more): log in and send it again";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", error)
    }

    /// 403: a session acts without its token.
    pub(crate) fn no_token() -> Self {
        let error =
            "The token of the session is missing or wrong: send it in the header X-CSRF-Token, or send a key";
        Self::new(StatusCode::FORBIDDEN, "CSRF", error)
    }

    /// 503: too many passwords are tried at once.
    pub(crate) fn busy() -> Self {
        let error = "Too many passwords are being tried: nothing was done, send it again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", error)
            .with(header::RETRY_AFTER, STORE_PAUSE.into())
    }

    /// 503: other large requests are taken in.
    pub(crate) fn large_requests() -> Self {
        let error = "Other large requests are being stored: nothing was stored, send fewer paths at once or send it again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", error)
            .with(header::RETRY_AFTER, STORE_PAUSE.into())
    }

    /// 401: the signature of the body is missing or wrong.
    pub(crate) fn signature(error: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "SIGNATURE", error)
    }

    /// 403: a browser acts for another site.
    pub(crate) fn cross_site() -> Self {
        let error = "Another site made the browser send this: open autoscan itself, or send a key";
        Self::new(StatusCode::FORBIDDEN, "CSRF", error)
    }

    /// 404: no such address. Every unknown one looks the same.
    pub(crate) fn no_route() -> Self {
        Self::not_found("There is nothing at this address")
    }

    /// 404: no such thing.
    pub(crate) fn not_found(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", error)
    }

    /// 405: the router names the methods that are understood.
    pub(crate) fn method_not_allowed() -> Self {
        let error = "This address does not understand the method: the header Allow names those it does";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", error)
    }

    /// 405: only `allow` is understood.
    pub(crate) fn only(allow: &'static str) -> Self {
        Self::method_not_allowed().with(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// 422: understood, but a path is not believed.
    pub(crate) fn path_refused(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "PATH_REFUSED", error)
    }

    /// 429: too many wrong credentials from one address.
    pub(crate) fn too_many_failures(seconds: u64) -> Self {
        let error = "Too many wrong credentials came from this address: wait a minute";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_FAILURES", error)
            .with(header::RETRY_AFTER, seconds.into())
    }

    /// 500: the sentence says nothing; `cause` is for the log.
    pub(crate) fn internal(cause: String) -> Self {
        Self {
            cause: Some(Box::new(Cause(cause))),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Internal server error")
        }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Gives its headers to an answer that says it in other words.
    pub(crate) fn lend_headers(self, response: &mut Response) {
        response.headers_mut().extend(self.headers);
    }

    /// What is said to the caller.
    pub(crate) fn sentence(&self) -> &str {
        &self.error
    }

    /// The same, with a header.
    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same, and the connection ends after it: the rest of the request is not read.
    #[must_use]
    pub(crate) fn and_close(self) -> Self {
        self.with(header::CONNECTION, HeaderValue::from_static("close"))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let unavailable = |sentence| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "STORE", sentence)
                .with(header::RETRY_AFTER, STORE_PAUSE.into())
        };
        match error {
            StoreError::NotWritable(_) | StoreError::Locked => Self {
                cause: Some(Box::new(Cause(error.to_string()))),
                ..unavailable("The database cannot be written: nothing was stored, send it again later")
            },
            StoreError::Closed => {
                unavailable("autoscan is stopping: nothing was stored, send it again later")
            }
            StoreError::Broken(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::UnknownTrigger => Self::not_found("There is no trigger of this name"),
            IntakeError::UnknownTarget(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "UNKNOWN_TARGET", error.to_string())
            }
            IntakeError::Unreadable(reason) => Self::bad_request(reason.to_string()),
            IntakeError::Store(error) => error.into(),
        }
    }
}

impl From<PathRefusal> for Problem {
    fn from(refusal: PathRefusal) -> Self {
        Self::path_refused(format!("Nothing was stored: {refusal}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = json(self.status, &ProblemBody { error: &self.error, code: self.code });
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(AnswerSentence(self.error.into_owned()));
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(*cause);
        }
        response
    }
}

/// 200 and a sentence.
pub(crate) fn success(message: &str) -> Response {
    let mut response = json(StatusCode::OK, &SuccessBody { status: "success", message });
    response.extensions_mut().insert(AnswerSentence(message.to_owned()));
    response
}

/// A JSON answer. What cannot be written as JSON is a 500.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let kind = HeaderValue::from_static("application/json");
            let mut response = (status, bytes).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(error) => {
            Problem::internal(format!("an answer could not be written as JSON: {error}")).into_response()
        }
    }
}

/// A proxy must not answer in our place.
pub(crate) fn fresh(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
