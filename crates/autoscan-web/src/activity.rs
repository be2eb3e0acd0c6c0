//! Tells when a connection makes no progress, so that it does not hold its place for ever. One slow look around a
//! connection costs a busy one nothing, where a timer for every request would.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, interval_at};

/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// Looks at which a header had begun and was not whole: it has between 20 and 30 seconds, whether more of it drips in or not.
const UNFINISHED: u32 = 3;
/// Looks at which nothing went on: two minutes, longer than reverse proxies keep a connection in store. One that is
/// ended earlier than they expect costs a webhook.
const QUIET: u32 = 13;

/// What goes on in a connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    read: AtomicU64,
    written: AtomicU64,
    begun: AtomicU64,
    open: AtomicU64,
    /// What was read when the last request began or was answered: what is read beyond it belongs to the next header.
    taken: AtomicU64,
}

/// A request that is being answered.
pub(crate) struct RequestInFlight(Arc<Activity>);

/// A stream whose bytes are counted.
pub(crate) struct CountedStream<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl Activity {
    /// A request begins; it lasts until the answer drops what this returns.
    pub(crate) fn begin(self: &Arc<Self>) -> RequestInFlight {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        self.take();
        RequestInFlight(Arc::clone(self))
    }

    /// Ends when the connection should: it is idle, or its client neither finishes a header nor reads its answers.
    pub(crate) async fn stalls(&self) {
        let mut looks = interval_at(Instant::now() + LOOK, LOOK);
        let mut done = (0, 0);
        let (mut quiet, mut unfinished) = (0, 0);
        while quiet < QUIET && unfinished < UNFINISHED {
            looks.tick().await;
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let done_now = (count(&self.written), count(&self.begun));
            let is_busy = count(&self.open) > 0;
            let has_header = !is_busy && count(&self.read) != count(&self.taken);
            unfinished = if has_header { unfinished + 1 } else { 0 };
            quiet = if is_busy || done_now != done { 0 } else { quiet + 1 };
            done = done_now;
        }
    }

    /// All that was read belongs to requests that are known.
    fn take(&self) {
        self.taken.store(self.read.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.0.take();
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S> CountedStream<S> {
    /// Counts into `activity`.
    pub(crate) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CountedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        add(&self.activity.read, buffer.filled().len() - before);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.count(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> CountedStream<S> {
    fn count(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = &polled {
            add(&self.activity.written, *written);
        }
        polled
    }
}

fn add(counter: &AtomicU64, bytes: usize) {
    counter.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
}
