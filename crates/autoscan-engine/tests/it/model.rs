//! The engine against a simple model of its laws, over thousands of random steps: changes, faults, panics, pauses, a store
//! that refuses, a clock that is set, reloads and kills. In the end, when everything is well again, every target was told
//! of every folder after its last change, and every scan is done.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::ports::{Hook, ScanFilter};
use autoscan_core::scan::ScanState;
use autoscan_store::MemoryStore;
use autoscan_testkit::FakeClock;

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup, name};

const TARGETS: [&str; 2] = ["plex", "jellyfin"];
const FOLDERS: u64 = 6;
const STEPS: u64 = 80;

/// Chance that can be had again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn folder(&mut self) -> String {
        format!("/tv/Show{}", self.below(FOLDERS))
    }
}

/// What must still happen: how many tellings there were at a target when a change of a folder was accepted.
type Owed = BTreeMap<(usize, String), usize>;

struct Run {
    chance: Chance,
    clock: FakeClock,
    harness: TestEngine,
    owed: Owed,
    paused: [bool; 2],
}

fn setup(clock: &FakeClock, store: Option<Arc<MemoryStore>>, batches: bool) -> TestSetup {
    let target = |batches| {
        let target =
            ScriptedTarget { batches, proves: true, batch_size: Some(3), ..ScriptedTarget::default() };
        *target.shows_after.lock().unwrap() = Some(Duration::from_secs(1));
        target
    };
    let targets = vec![(TARGETS[0], target(false)), (TARGETS[1], target(batches))];
    TestSetup { targets, store, clock: Some(clock.clone()), ..TestSetup::default() }
}

impl Run {
    fn new(seed: u64) -> Self {
        let clock = FakeClock::new();
        let harness = TestEngine::start(setup(&clock, None, !seed.is_multiple_of(2)));
        Self {
            chance: Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            clock,
            harness,
            owed: Owed::new(),
            paused: [false; 2],
        }
    }

    async fn change(&mut self) {
        let (folder, file) = (self.chance.folder(), self.chance.below(4));
        let body = format!("created {folder}/{file}.mkv");
        let hook = Hook { query: &[], content_type: None, body: body.as_bytes() };
        if self.harness.engine.take(&name("sonarr"), &hook).await.is_err() {
            return;
        }
        for (at, target) in self.harness.targets.iter().enumerate() {
            self.owed.insert((at, folder.clone()), target.folders().len());
        }
    }

    /// Takes off what was told since.
    fn settle_accounts(&mut self) {
        let targets = &self.harness.targets;
        self.owed.retain(|(at, folder), since| !targets[*at].folders()[*since..].contains(folder));
    }

    async fn restart(mut self, kill: bool) -> Self {
        self.settle_accounts();
        self.owed.values_mut().for_each(|since| *since = 0);
        let Self { chance, clock, harness, owed, paused } = self;
        let store = if kill { harness.kill().await } else { harness.stop().await };
        let harness = TestEngine::start(setup(&clock, Some(store), false));
        Self { chance, clock, harness, owed, paused }
    }

    async fn pause(&mut self) {
        let at = usize::try_from(self.chance.below(2)).unwrap();
        let engine = &self.harness.engine;
        let done = if self.paused[at] {
            engine.resume(Some(TARGETS[at])).await
        } else {
            engine.pause(Some(TARGETS[at]), None).await
        };
        if done.is_ok() {
            self.paused[at] = !self.paused[at];
        }
        if self.paused[at] && done.is_ok() {
            self.harness.seconds(2).await;
            let told = self.harness.targets[at].folders().len();
            self.harness.seconds(60).await;
            assert_eq!(
                self.harness.targets[at].folders().len(),
                told,
                "nothing reaches a target that is paused"
            );
        }
    }

    fn break_something(&mut self) {
        let (folder, kind) = (self.chance.folder(), self.chance.below(6));
        let at = usize::try_from(self.chance.below(2)).unwrap();
        let target = &self.harness.targets[at];
        let toggle = |set: &std::sync::Mutex<std::collections::BTreeSet<String>>| {
            let mut set = set.lock().unwrap();
            if !set.remove(&folder) {
                set.insert(folder.clone());
            }
        };
        match kind {
            0 => target.set_down(Some(Fault::away("down"))),
            1 => target.set_down(Some(Fault::refused("the key was rejected"))),
            2 => target.set_down(None),
            3 => toggle(&target.breaks_on),
            4 => toggle(&target.panics_on),
            _ => toggle(&target.lookup_breaks_on),
        }
    }

    async fn step(mut self) -> Self {
        match self.chance.below(20) {
            0..=6 => self.change().await,
            7..=10 => {
                let seconds = self.chance.below(40);
                self.harness.seconds(seconds).await;
            }
            11..=13 => self.break_something(),
            14 => {
                let from = self.harness.faulty_store.writes();
                let count = self.chance.below(12);
                self.harness.faulty_store.refuse(from..from + count);
            }
            15 => self.pause().await,
            16 if self.chance.once_in(2) => self.clock.set_back(Duration::from_hours(5)),
            16 => self.clock.set_forward(Duration::from_hours(3)),
            17 => self = self.restart(false).await,
            18 => self = self.restart(true).await,
            _ => {
                let filter = ScanFilter { limit: 1, ..ScanFilter::default() };
                if let Ok(page) = self.harness.engine.list(filter).await
                    && let Some(scan) = page.scans.first()
                {
                    // A store that refuses says so, and nothing is changed then.
                    let _answer = self.harness.engine.retry(scan.id).await;
                }
            }
        }
        self
    }

    /// Everything is well again: nothing may be owed after a while.
    async fn end(mut self, seed: u64) {
        self.harness.faulty_store.refuse(0..0);
        for target in &self.harness.targets {
            target.set_down(None);
            for set in [&target.breaks_on, &target.panics_on, &target.lookup_breaks_on] {
                set.lock().unwrap().clear();
            }
        }
        self.harness.engine.resume(None).await.unwrap();
        for _ in 0..3 {
            self.harness.seconds(400).await;
            for scan in self.harness.scans().await {
                if scan.state == ScanState::Attention {
                    self.harness.engine.retry(scan.id).await.unwrap();
                }
            }
        }
        self.harness.seconds(400).await;
        self.settle_accounts();
        assert_eq!(self.owed, Owed::new(), "seed {seed}");
        let open: Vec<_> =
            self.harness.scans().await.into_iter().filter(|scan| scan.state != ScanState::Done).collect();
        assert!(open.is_empty(), "seed {seed}: {open:#?}");
        let stats = self.harness.engine.stats().await.unwrap();
        assert_eq!((stats.waiting, stats.running, stats.attention), (0, 0, 0), "seed {seed}");
    }
}

async fn holds_for(seeds: RangeInclusive<u64>) {
    for seed in seeds {
        let mut run = Run::new(seed);
        for _ in 0..STEPS {
            run = run.step().await;
        }
        run.end(seed).await;
    }
}

// Several tests, so that they run side by side and none of them takes minutes.
#[tokio::test(start_paused = true)]
async fn whatever_happens_in_runs_1_to_10_every_target_is_told_of_every_folder_after_its_last_change() {
    holds_for(1..=10).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_in_runs_11_to_20_every_target_is_told_of_every_folder_after_its_last_change() {
    holds_for(11..=20).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_in_runs_21_to_30_every_target_is_told_of_every_folder_after_its_last_change() {
    holds_for(21..=30).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_in_runs_31_to_40_every_target_is_told_of_every_folder_after_its_last_change() {
    holds_for(31..=40).await;
}
