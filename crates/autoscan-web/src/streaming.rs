//! Answers that go on until somebody leaves. What HTTP needs to read and answer requests is given back once such an answer
//! has begun: a page that is left open then costs a third.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Response, Version};
use futures_util::{FutureExt as _, stream};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Marks an answer whose body goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streaming;

/// The body that a connection goes on with, once HTTP has written the head of its answer.
#[derive(Clone, Default)]
pub(crate) struct StreamBody(Arc<Mutex<Option<Body>>>);

impl StreamBody {
    /// Keeps the body of a streamed answer. The head that is left ends with the connection and not by a count, so that
    /// whatever is written after it is its body: in HTTP/1.1 a body of unknown length comes in chunks, in 1.0 as it is.
    pub(crate) fn keep(&self, answer: Response<Body>) -> Response<Body> {
        if answer.extensions().get::<Streaming>().is_none() {
            return answer;
        }
        let (mut head, body) = answer.into_parts();
        head.version = Version::HTTP_10;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        Response::from_parts(head, Body::from_stream(stream::empty::<io::Result<bytes::Bytes>>()))
    }

    /// The body, if there was a streamed answer.
    pub(crate) fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// As much as is written at once of what is there: one write is cheaper than several.
const AT_ONCE: usize = 4096;

/// Writes a body as it comes, until it ends or the client leaves. What the client still says is not listened to.
pub(crate) async fn write_stream<S>(stream: &mut S, mut body: Body) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut unheard = [0; 64];
    loop {
        tokio::select! {
            frame = body.frame() => {
                let Some(frame) = frame else { return Ok(()) };
                let frame = frame.map_err(io::Error::other)?;
                let Ok(bytes) = frame.into_data() else { continue };
                let mut bytes = Vec::from(bytes);
                while bytes.len() < AT_ONCE
                    && let Some(Some(more)) = body.frame().now_or_never()
                {
                    bytes.extend(more.map_err(io::Error::other)?.into_data().unwrap_or_default());
                }
                stream.write_all(&bytes).await?;
                stream.flush().await?;
            }
            read = stream.read(&mut unheard) => if read? == 0 { return Ok(()) }
        }
    }
}
