//! Reads request bodies, within a size and a time.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use serde::de::DeserializeOwned;

use crate::answer::Problem;

/// The largest body that is read, in bytes.
const LARGEST: u64 = 4 << 20;
/// A whole body must have come in by then, however slowly.
const TIME: Duration = Duration::from_secs(30);
/// What is read and thrown away of a body that is not wanted, so that its sender gets to see the answer.
const THROWN_AWAY: u64 = 64 << 20;

/// The whole body.
pub(crate) async fn read(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > LARGEST {
        return Err(reject(parts, body, too_large()).await);
    }
    tokio::time::timeout(TIME, collect(body)).await.unwrap_or_else(|_elapsed| Err(too_slow()))
}

/// The whole body as JSON.
pub(crate) async fn read_json<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let (parts, body) = request.into_parts();
    parse_json(&read(&parts, body).await?)
}

/// A body as JSON.
pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("The body is not the JSON that belongs here: {error}")))
}

/// A refusal, given once the unwanted body is off the wire: given earlier, a sender that is still writing would see a
/// broken connection in its place.
pub(crate) async fn reject(parts: &Parts, body: Body, problem: Problem) -> Problem {
    if body.is_end_stream() {
        return problem;
    }
    let is_held_back = parts.headers.contains_key(header::EXPECT);
    if !is_held_back && tokio::time::timeout(TIME, discard(body)).await.unwrap_or(false) {
        return problem;
    }
    problem.and_close()
}

async fn collect(mut body: Body) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(data) = next_data(&mut body).await? {
        if length(&all) + length(&first) + length(&data) > LARGEST {
            drop((first, all));
            return Err(if discard(body).await { too_large() } else { too_large().and_close() });
        }
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        all.extend_from_slice(&std::mem::take(&mut first));
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// The next piece; none at the end.
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| Problem::bad_request(format!("The body broke off: {error}")).and_close())?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Reads to the end and keeps nothing; false when there is no end in sight.
async fn discard(mut body: Body) -> bool {
    let mut read = 0;
    while read <= THROWN_AWAY {
        match next_data(&mut body).await {
            Ok(Some(data)) => read += length(&data),
            Ok(None) => return true,
            Err(_broken) => return false,
        }
    }
    false
}

/// The `Content-Type`, when it is text.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

fn length(data: &[u8]) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "TOO_LARGE",
        "The body is larger than 4 MiB: send fewer paths at once",
    )
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "TOO_SLOW", "The body did not come in within 30 seconds")
        .and_close()
}
