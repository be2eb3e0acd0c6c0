//! What surrounds every request: its id, the log, and a 500 where a handler panics.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Layer, Service};

use crate::answer::{Cause, Problem};
use crate::request_id::{HEADER, RequestIds};

/// Wraps a service in an [`Envelope`].
#[derive(Clone)]
pub(crate) struct EnvelopeLayer(Arc<RequestIds>);

/// A service whose answers carry `X-Request-Id`.
#[derive(Clone)]
pub(crate) struct Envelope<S> {
    inner: S,
    ids: Arc<RequestIds>,
}

/// What the log says of a request: never its address, which may hold a secret, but the pattern of its route.
struct Outline {
    id: HeaderValue,
    method: Method,
    route: Option<MatchedPath>,
}

impl EnvelopeLayer {
    pub(crate) fn new() -> Self {
        Self(Arc::new(RequestIds::new()))
    }
}

impl<S> Layer<S> for EnvelopeLayer {
    type Service = Envelope<S>;

    fn layer(&self, inner: S) -> Envelope<S> {
        Envelope { inner, ids: Arc::clone(&self.0) }
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

    fn call(&mut self, request: Request) -> Self::Future {
        let outline = Outline {
            id: self.ids.of(request.headers()),
            method: request.method().clone(),
            route: request.extensions().get().cloned(),
        };
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let mut response = match answer.await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_panic) => Problem::internal("a handler panicked".to_owned()).into_response(),
            };
            outline.note(&mut response);
            response.headers_mut().insert(HEADER, outline.id);
            Ok(response)
        })
    }
}

impl Outline {
    fn note(&self, response: &mut Response) {
        let route = self.route.as_ref().map_or("(none)", MatchedPath::as_str);
        let (id, method, status) = (&self.id, &self.method, response.status());
        match response.extensions_mut().remove::<Cause>() {
            Some(Cause(cause)) if status == StatusCode::INTERNAL_SERVER_ERROR => {
                tracing::error!(request_id = ?id, %method, route, cause, "a request failed; nothing of it was kept");
            }
            Some(Cause(cause)) => {
                tracing::warn!(request_id = ?id, %method, route, cause, "a request was put off; its sender was told to come again");
            }
            None => tracing::debug!(request_id = ?id, %method, route, status = status.as_u16(), "answered"),
        }
    }
}
