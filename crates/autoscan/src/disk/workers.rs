//! Threads that may block, a bounded number for each mount. A mount on which a look hangs gets no further look before that
//! one ends, so that a dead mount costs a bounded number of threads and delays nothing beside it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::lock;

/// Looks on one mount at a time: a mount that hangs keeps this many threads and no more.
const AT_A_TIME: usize = 8;
/// Mounts without a look that are kept in mind.
const SPARE: usize = 64;

/// Why a look has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It took longer than the patience, or an earlier one still hangs.
    Silent,
    /// It broke, by a fault of ours.
    Broken(String),
}

/// The workers of every mount that is looked at.
pub(crate) struct Workers {
    /// How long one look is waited for.
    pub(super) patience: Duration,
    /// Bounded: when there are many, those without a look are forgotten.
    mounts: Mutex<HashMap<PathBuf, Arc<Worker>>>,
}

/// The looks at one mount.
struct Worker {
    places: Arc<Semaphore>,
    /// Looks that were given up and have not ended yet.
    hanging: AtomicUsize,
}

/// Where one look is.
enum Progress {
    Running,
    GivenUp,
    Ended,
}

impl Workers {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, mounts: Mutex::default() }
    }

    /// Runs a look at a mount on a thread that may block, and gives up waiting after the patience.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        mount: &Path,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let worker = self.of(mount);
        if worker.hanging.load(Ordering::SeqCst) > 0 {
            return Err(Unanswered::Silent);
        }
        let place = tokio::time::timeout(self.patience, Arc::clone(&worker.places).acquire_owned());
        let Ok(Ok(place)) = place.await else { return Err(Unanswered::Silent) };
        let progress = Arc::new(Mutex::new(Progress::Running));
        let theirs = (Arc::clone(&worker), Arc::clone(&progress));
        let task = tokio::task::spawn_blocking(move || {
            let answer = look();
            let before = std::mem::replace(&mut *lock(&theirs.1), Progress::Ended);
            if matches!(before, Progress::GivenUp) {
                theirs.0.hanging.fetch_sub(1, Ordering::SeqCst);
            }
            drop(place);
            answer
        });
        match tokio::time::timeout(self.patience, task).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(broken)) => Err(Unanswered::Broken(broken.to_string())),
            Err(_elapsed) => {
                let mut progress = lock(&progress);
                if matches!(*progress, Progress::Running) {
                    *progress = Progress::GivenUp;
                    worker.hanging.fetch_add(1, Ordering::SeqCst);
                }
                Err(Unanswered::Silent)
            }
        }
    }

    fn of(&self, mount: &Path) -> Arc<Worker> {
        let mut all = lock(&self.mounts);
        if let Some(worker) = all.get(mount) {
            return Arc::clone(worker);
        }
        if all.len() >= SPARE {
            all.retain(|_, worker| Arc::strong_count(worker) > 1);
        }
        let worker =
            Arc::new(Worker { places: Arc::new(Semaphore::new(AT_A_TIME)), hanging: AtomicUsize::new(0) });
        all.insert(mount.to_owned(), Arc::clone(&worker));
        worker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_that_hangs_is_given_up_and_the_next_one_does_not_wait_for_it() {
        let (workers, mount) = (Workers::new(Duration::from_millis(20)), Path::new("/mnt"));
        let (end, hang) = std::sync::mpsc::channel::<()>();
        let first = workers.run(mount, move || hang.recv().is_ok()).await;
        assert_eq!(first, Err(Unanswered::Silent));
        assert!(workers.run(mount, || true).await.is_err());
        assert_eq!(workers.run(Path::new("/"), || true).await, Ok(true), "another mount is not held");
        end.send(()).unwrap();
        while workers.run(mount, || true).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn mounts_without_a_look_are_forgotten_and_one_that_hangs_is_not() {
        let workers = Workers::new(Duration::from_millis(20));
        let (end, hang) = std::sync::mpsc::channel::<()>();
        workers.run(Path::new("/hung"), move || hang.recv().is_ok()).await.unwrap_err();
        for number in 0..10 * SPARE {
            workers.run(Path::new(&format!("/{number}")), || ()).await.unwrap();
        }
        assert!(lock(&workers.mounts).len() <= SPARE + 1);
        assert!(workers.run(Path::new("/hung"), || ()).await.is_err());
        end.send(()).unwrap();
    }
}
