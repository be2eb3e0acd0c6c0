//! The queue of refreshes: one worker, one after the other, and nothing is merged (Jellyfin 12.0.0, measured: eight walks of
//! one library are eight walks).

use std::time::Duration;

/// The refreshes that wait, and the one under way.
#[derive(Debug, Default)]
pub(crate) struct RefreshQueue {
    jobs: Vec<Job>,
    /// How long the refresh of one item takes.
    pub(crate) refresh_takes: Duration,
    /// How long the walk of a whole library takes.
    pub(crate) walk_takes: Duration,
    /// How many walks of whole libraries there were.
    pub(crate) walks: usize,
}

/// A refresh of an item, or the walk of a library.
#[derive(Debug)]
struct Job {
    paths: Vec<String>,
    /// The library that is walked.
    library: Option<String>,
    begins: Duration,
    takes: Duration,
    done_at: Duration,
    recursive: bool,
    /// Whether the walk has listed what is new, and not read it yet.
    listed: bool,
}

/// What a refresh does at a moment.
#[derive(Debug)]
pub(crate) struct Step {
    at: Duration,
    /// The items that are looked at.
    pub(crate) paths: Vec<String>,
    pub(crate) recursive: bool,
    /// Whether the files are only listed, and read later.
    pub(crate) lists: bool,
    /// Whether a whole library is walked.
    pub(crate) is_walk: bool,
}

impl RefreshQueue {
    /// A refresh waits for its turn.
    pub(crate) fn push(
        &mut self,
        paths: Vec<String>,
        library: Option<String>,
        recursive: bool,
        now: Duration,
    ) {
        let begins = self.jobs.last().map_or(now, |job| job.done_at.max(now));
        let takes = if library.is_some() { self.walk_takes } else { self.refresh_takes };
        self.walks += usize::from(library.is_some());
        let done_at = begins + takes;
        self.jobs.push(Job { paths, library, begins, takes, done_at, recursive, listed: false });
    }

    /// What is done by now, in order.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<Step> {
        let mut steps = Vec::new();
        for job in &mut self.jobs {
            let half = job.begins + job.takes / 2;
            if job.library.is_some() && !job.listed && job.begins < job.done_at && half <= now {
                job.listed = true;
                steps.push(Step { at: half, lists: true, is_walk: true, ..Step::of(job) });
            }
        }
        for job in self.jobs.extract_if(.., |job| job.done_at <= now) {
            steps.push(Step { at: job.done_at, is_walk: job.library.is_some(), ..Step::of(&job) });
        }
        steps.sort_by_key(|step| step.at);
        steps
    }

    /// How the library stands: `Idle`, `Queued`, or `Active` with its progress.
    pub(crate) fn status(&self, library: &str, now: Duration) -> (&'static str, Option<f64>) {
        let mut waits = false;
        for job in self.jobs.iter().filter(|job| job.library.as_deref() == Some(library)) {
            if job.begins <= now && now < job.done_at {
                let share = now.saturating_sub(job.begins).as_secs_f64() / job.takes.as_secs_f64();
                return ("Active", Some(100.0 * share));
            }
            waits = true;
        }
        (if waits { "Queued" } else { "Idle" }, None)
    }

    /// The server starts anew.
    pub(crate) fn clear(&mut self) {
        self.jobs.clear();
    }
}

impl Step {
    fn of(job: &Job) -> Self {
        Self {
            at: job.done_at,
            paths: job.paths.clone(),
            recursive: job.recursive,
            lists: false,
            is_walk: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_walks_of_one_library_are_eight_and_one_after_the_other() {
        let second = Duration::from_secs(1);
        let mut queue = RefreshQueue { walk_takes: second * 10, ..RefreshQueue::default() };
        for _ in 0..8 {
            queue.push(vec!["/tv".to_owned()], Some("1".to_owned()), true, Duration::ZERO);
        }
        queue.push(vec!["/movies/a".to_owned()], None, true, Duration::ZERO);
        assert_eq!(queue.walks, 8);
        assert!(matches!(queue.status("1", second * 5), ("Active", Some(at)) if (at - 50.0).abs() < 0.1));
        assert_eq!(queue.status("2", second).0, "Idle");
        assert!(queue.due(second * 5).iter().all(|step| step.lists));
        assert_eq!(queue.due(second * 79).iter().filter(|step| !step.lists).count(), 7);
        assert_eq!(queue.status("1", second * 80).0, "Queued");
        assert_eq!(queue.due(second * 80).iter().filter(|step| !step.lists).count(), 2);
        assert_eq!(queue.status("1", second * 81).0, "Idle");
    }
}
