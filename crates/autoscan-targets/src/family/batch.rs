//! The results of a batch: what fails for one scan is that scan's alone, unless the server as a whole is away.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::ports::{Target, TargetScan};

/// What a call said of the server as a whole, where a probe can ask for nothing that proves it, is believed by probes for so long:
/// those that follow the call at once, and not the one that tries again later.
pub(crate) const BELIEVED: Duration = Duration::from_secs(3);

/// The results of a batch, as they come. A call that failed is under suspicion until a probe right after it says whose fault
/// that is: the server's, which ends the batch, or its own. The first failure is looked into at once, and the next ones when
/// there are twice as many as the last time, so that a hundred bad folders are seven probes and an outage in the middle of a
/// batch is noticed soon.
pub(crate) struct BatchResults<'a> {
    target: &'a dyn Target,
    /// None for what was not told yet.
    results: Vec<Option<Result<(), Fault>>>,
    suspects: Vec<usize>,
    /// How many calls failed since the last probe…
    failures: usize,
    /// … and how many make the next one due.
    probe_after: usize,
    stopped: Option<Fault>,
}

impl<'a> BatchResults<'a> {
    /// Nothing was told yet of this many scans.
    pub(crate) fn new(target: &'a dyn Target, scans: usize) -> Self {
        Self {
            target,
            results: vec![None; scans],
            suspects: Vec::new(),
            failures: 0,
            probe_after: 1,
            stopped: None,
        }
    }

    /// Whether the server takes nothing more of this batch.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Whether something is known of the scan already.
    pub(crate) fn has_failed(&self, scan: usize) -> bool {
        matches!(self.results[scan], Some(Err(_)))
    }

    /// How many more calls may fail before that is looked into: one at least.
    pub(crate) fn failures_until_probe(&self) -> usize {
        self.probe_after.saturating_sub(self.failures).max(1)
    }

    /// Whether the server is there although a call for these scans failed. Otherwise the failure is kept, and ends the batch.
    pub(crate) async fn is_server_well(&mut self, scans: &[usize], fault: &Fault) -> bool {
        match self.target.probe().await {
            Ok(_) => true,
            Err(server) => {
                let shown = if matches!(server, Fault::Away { .. }) { fault } else { &server };
                self.keep(scans, &Err(shown.clone()));
                self.suspects.clear();
                self.stopped = Some(server);
                false
            }
        }
    }

    /// Keeps what came of one call, and finds out whose fault a failure is when that is due.
    pub(crate) async fn add(&mut self, scan: usize, result: Result<(), Fault>) {
        self.keep(&[scan], &result);
        self.probe_if_due().await;
    }

    /// Keeps what came of a call that was for these scans. A failure is never undone by a later success.
    pub(crate) fn keep(&mut self, scans: &[usize], result: &Result<(), Fault>) {
        if result.as_ref().is_err_and(is_suspicious) {
            self.failures += 1;
            self.suspects.extend(scans);
        }
        if let Err(fault @ Fault::Busy { .. }) = result {
            self.stopped.get_or_insert_with(|| fault.clone());
        }
        for &scan in scans {
            if !self.has_failed(scan) {
                self.results[scan] = Some(result.clone());
            }
        }
    }

    /// Finds out whose fault the failures are, when that is due.
    pub(crate) async fn probe_if_due(&mut self) {
        if self.failures >= self.probe_after && !self.is_stopped() {
            self.probe_after = self.probe_after.saturating_mul(2);
            self.probe().await;
        }
    }

    async fn probe(&mut self) {
        let verdict = self.target.probe().await;
        self.failures = 0;
        for scan in self.suspects.drain(..) {
            let Some(Err(fault)) = &mut self.results[scan] else { continue };
            match &verdict {
                Ok(_) => *fault = Fault::wrong(format!("{}; the server is well otherwise", fault.reason())),
                // The server says better than a single call why it takes nothing.
                Err(Fault::Away { .. }) if matches!(fault, Fault::Away { .. }) => {}
                Err(of_all) => *fault = of_all.clone(),
            }
        }
        self.stopped = verdict.err();
    }

    /// The results, in order. What was not told because the server takes nothing has the server's fault.
    pub(crate) async fn end(mut self) -> Vec<Result<(), Fault>> {
        if !self.suspects.is_empty() && !self.is_stopped() {
            self.probe().await;
        }
        let rest = self.stopped.map_or(Ok(()), Err);
        self.results.into_iter().map(|result| result.unwrap_or_else(|| rest.clone())).collect()
    }
}

/// Whether a fault may be the call's own as well as the server's. A pause that a server asks for is its own wish.
pub(crate) fn is_suspicious(fault: &Fault) -> bool {
    matches!(fault, Fault::Away { .. } | Fault::Refused { .. })
}

/// Tells each scan by a call of its own, one after the other.
pub(crate) async fn one_by_one<'a, F, T>(
    target: &dyn Target,
    batch: &'a [TargetScan],
    tell: F,
) -> Vec<Result<(), Fault>>
where
    F: Fn(&'a TargetScan) -> T,
    T: Future<Output = Result<(), Fault>>,
{
    let mut results = BatchResults::new(target, batch.len());
    for (at, scan) in batch.iter().enumerate() {
        if results.is_stopped() {
            break;
        }
        results.add(at, tell(scan).await).await;
    }
    results.end().await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use autoscan_core::path::TargetPath;
    use autoscan_core::ports::{Identity, Plan};

    use super::*;

    /// A server whose calls end as they are listed, and which is there until it was called so often.
    struct ScriptedServer {
        results: Vec<Result<(), Fault>>,
        there_for: usize,
        called: AtomicUsize,
        probes: Mutex<Vec<usize>>,
    }

    #[async_trait]
    impl Target for ScriptedServer {
        async fn probe(&self) -> Result<Identity, Fault> {
            let called = self.called.load(Ordering::Relaxed);
            self.probes.lock().unwrap().push(called);
            if called > self.there_for {
                return Err(Fault::away("nobody is there"));
            }
            Ok(Identity { product: String::new(), name: None, version: String::new() })
        }

        async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
            one_by_one(self, batch, |_| async {
                let at = self.called.fetch_add(1, Ordering::Relaxed);
                if at >= self.there_for { Err(Fault::away("refused")) } else { self.results[at].clone() }
            })
            .await
        }

        async fn plan(&self, _: &TargetScan) -> Result<Plan, Fault> {
            Err(Fault::wrong("no plan"))
        }
    }

    /// The results as letters, the calls that were made and how many there had been at each probe.
    async fn told(letters: &str, there_for: usize) -> (String, usize, Vec<usize>) {
        let result = |letter| match letter {
            'a' => Err(Fault::away("500")),
            'r' => Err(Fault::refused("403")),
            'b' => Err(Fault::Busy { after: std::time::Duration::ZERO, reason: "429".to_owned() }),
            'w' => Err(Fault::wrong("404")),
            _ => Ok(()),
        };
        let server = ScriptedServer {
            results: letters.chars().map(result).collect(),
            there_for,
            called: AtomicUsize::default(),
            probes: Mutex::default(),
        };
        let scan = TargetScan {
            folder: TargetPath::parse("/tv/A").unwrap(),
            changes: Vec::new(),
            companions: Vec::new(),
        };
        let results = server.scan(&vec![scan; letters.len()]).await;
        let letter = |result: &Result<(), Fault>| match result {
            Ok(()) => '.',
            Err(Fault::Away { .. }) => 'a',
            Err(Fault::Busy { .. }) => 'b',
            Err(Fault::Refused { .. }) => 'r',
            Err(_) => 'w',
        };
        let probes = server.probes.lock().unwrap().clone();
        (results.iter().map(letter).collect(), server.called.into_inner(), probes)
    }

    #[tokio::test]
    async fn a_call_that_fails_while_the_server_is_there_harms_its_scan_alone() {
        for (calls, shown, made, probes) in [
            ("....", "....", 4, vec![]),
            ("a...", "w...", 4, vec![1]),
            (".r.w", ".w.w", 4, vec![2]),
            ("...a", "...w", 4, vec![4]),
            ("a.a.", "w.w.", 4, vec![1, 4]),
            ("aaaaaaaaaa", "wwwwwwwwww", 10, vec![1, 3, 7, 10]),
            // A server that asks for a pause is asked for nothing more.
            (".b..", ".bbb", 2, vec![]),
        ] {
            assert_eq!(told(calls, usize::MAX).await, (shown.to_owned(), made, probes), "{calls}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_away_ends_the_batch() {
        for (calls, there_for, shown, made) in
            [("......", 0, "aaaaaa", 1), ("......", 2, "..aaaa", 3), ("a.....", 2, "w.aaaa", 4)]
        {
            let (results, called, _) = told(calls, there_for).await;
            assert_eq!((results.as_str(), called), (shown, made), "{calls}");
        }
    }
}
