//! What surrounds every request: its id, who sent it, the log, the headers of every answer, and a 500 where a handler panics.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::answer::{Cause, Problem};
use crate::caller::{Caller, Network};
use crate::request_id::{HEADER, RequestIds};

/// What an answer says where its handler says nothing else: it is what it claims to be, stands in nobody's frame, and its
/// address, which may hold a secret, is told to no other site.
const GUARDS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// JSON that is opened as a page loads and runs nothing.
const JSON_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Whoever came by TLS comes by TLS for half a year. Not for other names below ours, which are not ours to decide on.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=15552000");

/// Wraps a service in an [`Envelope`].
#[derive(Clone)]
pub(crate) struct EnvelopeLayer {
    ids: Arc<RequestIds>,
    trusted: Arc<[Network]>,
}

/// A service whose answers carry `X-Request-Id`.
#[derive(Clone)]
pub(crate) struct Envelope<S> {
    inner: S,
    around: EnvelopeLayer,
}

/// What the log says of a request: never its address, which may hold a secret, but the pattern of its route.
struct RequestLog {
    id: HeaderValue,
    method: Method,
    route: Option<MatchedPath>,
    is_secure: bool,
}

impl EnvelopeLayer {
    /// `trusted` are the proxies that are believed.
    pub(crate) fn new(trusted: &[Network]) -> Self {
        Self { ids: Arc::new(RequestIds::new()), trusted: trusted.into() }
    }
}

impl<S> Layer<S> for EnvelopeLayer {
    type Service = Envelope<S>;

    fn layer(&self, inner: S) -> Envelope<S> {
        Envelope { inner, around: self.clone() }
    }
}

impl<S> Service<Request> for Envelope<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let peer = request.extensions().get().copied();
        let caller = Caller::new(peer, request.headers(), &self.around.trusted);
        request.extensions_mut().insert(caller);
        let log = RequestLog {
            id: self.around.ids.of(request.headers()),
            method: request.method().clone(),
            route: request.extensions().get().cloned(),
            is_secure: caller.is_secure,
        };
        // At the level of errors, so that whatever is logged of this request says whose it is.
        let span = tracing::error_span!("request", request_id = log.id.to_str().unwrap_or_default());
        let answer = span.in_scope(|| AssertUnwindSafe(self.inner.call(request)).catch_unwind());
        let answered = async move {
            let mut response = match answer.await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_panic) => Problem::internal("a handler panicked".to_owned()).into_response(),
            };
            log.note(&mut response);
            guard(response.headers_mut(), log.is_secure);
            response.headers_mut().insert(HEADER, log.id);
            Ok(response)
        };
        Box::pin(answered.instrument(span))
    }
}

fn guard(headers: &mut HeaderMap, is_secure: bool) {
    for (name, value) in GUARDS {
        headers.entry(name).or_insert(value);
    }
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(JSON_POLICY);
    }
    if is_secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, ONLY_TLS);
    }
}

impl RequestLog {
    fn note(&self, response: &mut Response) {
        let route = self.route.as_ref().map_or("(none)", MatchedPath::as_str);
        let (method, status) = (&self.method, response.status());
        match response.extensions_mut().remove::<Cause>() {
            Some(Cause(cause)) if status == StatusCode::INTERNAL_SERVER_ERROR => {
                tracing::error!(%method, route, cause, "a request failed; nothing of it was kept");
            }
            Some(Cause(cause)) => {
                tracing::warn!(%method, route, cause, "a request was not stored; it is lost unless its sender sends it again, and Sonarr and Radarr do not");
            }
            None => tracing::debug!(%method, route, status = status.as_u16(), "answered"),
        }
    }
}
