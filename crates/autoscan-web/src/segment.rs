//! The one variable segment of a route.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::answer::Problem;

/// The one variable segment of a route, decoded.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        segment.map(|Path(text)| Self(text)).map_err(|_not_utf8| Problem::no_route())
    }
}
