//! Watches the parts of the server that run as long as it does. One that ends by itself, or by a panic, ends the program
//! with a failure, so that what supervises the program starts it again.

use std::sync::{Arc, OnceLock};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The parts of the server, and what broke first.
#[derive(Clone)]
pub(crate) struct Supervisor {
    /// Ends everything.
    stop: CancellationToken,
    failure: Arc<OnceLock<String>>,
}

impl Supervisor {
    /// A part that breaks cancels `stop`.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { stop, failure: Arc::default() }
    }

    /// Runs a part until it is asked to end. Its error is a sentence.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        asked: CancellationToken,
        part: impl Future<Output = Result<(), String>> + Send + 'static,
    ) -> JoinHandle<()> {
        let watch = Watch { name, asked, supervisor: self.clone() };
        tokio::spawn(async move {
            if let Err(reason) = part.await {
                watch.supervisor.fail(format!("{name} failed: {reason}"));
            }
            drop(watch);
        })
    }

    /// What broke first, in a sentence.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    fn fail(&self, reason: String) {
        self.failure.get_or_init(|| reason);
        self.stop.cancel();
    }
}

/// Lives as long as its part.
struct Watch {
    name: &'static str,
    asked: CancellationToken,
    supervisor: Supervisor,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.supervisor.fail(format!("{} broke", self.name));
        } else if !self.asked.is_cancelled() {
            self.supervisor.fail(format!("{} ended by itself", self.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    async fn failure_of(
        asks: bool,
        part: impl Future<Output = Result<(), String>> + Send + 'static,
    ) -> Option<String> {
        let stop = CancellationToken::new();
        let (supervisor, asked) = (Supervisor::new(stop.clone()), stop.child_token());
        if asks {
            asked.cancel();
        }
        let _ended = supervisor.spawn("the engine", asked, part).await;
        assert_eq!(stop.is_cancelled(), supervisor.failure().is_some());
        supervisor.failure().map(str::to_owned)
    }

    #[tokio::test]
    async fn a_part_that_breaks_or_ends_unasked_ends_the_program_with_a_failure() {
        let broken =
            || std::future::poll_fn(|_| -> Poll<Result<(), String>> { panic!("a fault for this test") });
        let fails = |reason: &str| Some(reason.to_owned());
        assert_eq!(failure_of(true, async { Ok(()) }).await, None);
        assert_eq!(failure_of(false, async { Ok(()) }).await, fails("the engine ended by itself"));
        let refused = || async { Err("the disk is gone".to_owned()) };
        assert_eq!(failure_of(false, refused()).await, fails("the engine failed: the disk is gone"));
        assert_eq!(failure_of(true, refused()).await, fails("the engine failed: the disk is gone"));
        for asks in [false, true] {
            assert_eq!(failure_of(asks, broken()).await, fails("the engine broke"), "{asks}");
        }
    }

    #[tokio::test]
    async fn a_part_that_is_cut_off_after_it_was_asked_is_no_failure() {
        let stop = CancellationToken::new();
        let (supervisor, asked) = (Supervisor::new(stop.clone()), stop.child_token());
        let part = supervisor.spawn("the engine", asked.clone(), std::future::pending());
        asked.cancel();
        part.abort();
        let _cut_off = part.await;
        assert_eq!(supervisor.failure(), None);
    }
}
