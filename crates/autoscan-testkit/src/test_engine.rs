//! The harness of the engine: its disk, clock, store and targets are in the test's hand.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "what goes wrong in a test must fail it")]

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::anchor::{Anchor, Anchors};
use autoscan_core::delivery::DeliveryState;
use autoscan_core::filter::{Filter, IgnoreList};
use autoscan_core::map::PathMap;
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Hook, Library, ScanFilter, Source, Store, Target, Trigger};
use autoscan_core::redact::Redaction;
use autoscan_core::scan::{Quiet, Scan, ScanId};
use autoscan_core::secret::Secret;
use autoscan_core::storm::StormRule;
use autoscan_engine::{
    BoundTarget, BoundTrigger, Broken, Engine, FileRules, History, IntakeReport, MANUAL, Pace, Parts,
    PathPriority, Rules,
};
use autoscan_store::MemoryStore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::FakeClock;
use crate::faulty_store::FaultyStore;
use crate::files::FakeFiles;
use crate::readers::LineReader;
use crate::scripted_target::ScriptedTarget;

/// What is heard of every telling.
const CALLS: [&str; 2] = ["POST http://spy/scan → 204", "GET http://spy/status → 200"];

/// What an engine for tests is made of.
pub struct TestSetup {
    /// The triggers: name, kind and token.
    pub triggers: Vec<(&'static str, &'static str, Option<&'static str>)>,
    /// What reads the requests of all triggers.
    pub reader: Arc<dyn Trigger>,
    /// The map of all triggers.
    pub maps: Vec<(&'static str, &'static str)>,
    /// How many seconds a folder must be quiet.
    pub minimum_age: u64,
    /// A source that the trigger `sonarr` has.
    pub source: Option<Arc<dyn Source>>,
    /// The targets by their names.
    pub targets: Vec<(&'static str, ScriptedTarget)>,
    /// The kind of all targets.
    pub kind: &'static str,
    /// The address of all targets.
    pub url: &'static str,
    /// The product and version of all targets.
    pub identity: (&'static str, &'static str),
    /// What the target called `plex` is not told of.
    pub exclude: Vec<&'static str>,
    /// How fast targets are told.
    pub pace: Pace,
    /// For how many seconds files are looked for; 0 turns proof off.
    pub proof: u64,
    /// Files that guard their folders.
    pub anchors: Vec<&'static str>,
    /// Whether the gate waits for files.
    pub check: bool,
    /// From how many deletions on they are held.
    pub storm: Option<StormRule>,
    /// Paths that go first.
    pub priorities: Vec<PathPriority>,
    /// The store of the engine before this one.
    pub store: Option<Arc<MemoryStore>>,
    /// What was counted by the engine before this one.
    pub history: Arc<History>,
    /// The clock of the engine before this one.
    pub clock: Option<FakeClock>,
    /// Writes that the store refuses, by their number.
    pub refused: Range<u64>,
    /// What no target and no source may say.
    pub hidden: Vec<&'static str>,
}

impl Default for TestSetup {
    fn default() -> Self {
        Self {
            triggers: vec![("sonarr", "sonarr", None), (MANUAL, MANUAL, None)],
            reader: Arc::new(LineReader),
            maps: vec![],
            minimum_age: 10,
            source: None,
            targets: vec![("plex", ScriptedTarget::default())],
            kind: "spy",
            url: "http://spy",
            identity: ("Spy", "1"),
            exclude: vec![],
            pace: Pace::default(),
            proof: 900,
            anchors: vec![],
            check: false,
            storm: None,
            priorities: vec![],
            store: None,
            history: Arc::default(),
            clock: None,
            refused: 0..0,
            hidden: vec![],
        }
    }
}

/// An engine and what it stands on.
pub struct TestEngine {
    /// The engine.
    pub engine: Arc<Engine>,
    /// What is stored.
    pub store: Arc<MemoryStore>,
    /// The store as the engine sees it.
    pub faulty_store: Arc<FaultyStore>,
    /// The disk.
    pub files: Arc<FakeFiles>,
    /// The targets in the order of the setup.
    pub targets: Vec<Arc<ScriptedTarget>>,
    /// The time.
    pub clock: FakeClock,
    stop: CancellationToken,
    running: Option<JoinHandle<Result<(), Broken>>>,
}

/// A name that is one.
pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A local path that is one.
pub fn local(text: &str) -> LocalPath {
    LocalPath::parse(text).unwrap()
}

/// A library with these folders.
pub fn library(title: &str, folders: &[&str]) -> Library {
    let folders = folders.iter().map(|folder| (*folder).to_owned()).collect();
    Library { id: title.to_owned(), title: title.to_owned(), kind: "show".to_owned(), folders }
}

impl TestSetup {
    fn bound_triggers(&self) -> Vec<BoundTrigger> {
        let bound = |(called, kind, token): &(&str, &'static str, Option<&str>)| BoundTrigger {
            name: name(called),
            kind,
            priority: 0,
            quiet: Quiet {
                minimum_age: Duration::from_secs(self.minimum_age),
                maximum_wait: Duration::from_mins(2),
            },
            map: PathMap::new(self.maps.iter().copied(), []).unwrap(),
            filter: Filter::default(),
            targets: None,
            token: token.map(Secret::new),
            reader: Arc::clone(&self.reader),
            source: self.source.clone().filter(|_| *called == "sonarr"),
        };
        self.triggers.iter().map(bound).collect()
    }

    fn bound_target(&self, called: &str, target: &Arc<ScriptedTarget>) -> BoundTarget {
        let excluded = if called == "plex" { self.exclude.as_slice() } else { &[] };
        BoundTarget {
            name: name(called),
            kind: self.kind,
            url: self.url.into(),
            map: PathMap::default(),
            filter: Filter::new([], excluded.iter().copied()).unwrap(),
            pace: self.pace.clone(),
            proof: (self.proof > 0).then(|| Duration::from_secs(self.proof)),
            before: None,
            after: None,
            server: Arc::clone(target) as Arc<dyn Target>,
        }
    }

    fn redaction(&self) -> Redaction {
        let redaction = Redaction::default();
        redaction.learn(self.hidden.iter().copied());
        redaction
    }

    fn rules(&self) -> Rules {
        let anchors = self.anchors.iter().map(|file| Anchor::guarding_its_folder(local(file)).unwrap());
        Rules {
            ignore: IgnoreList::new([".DS_Store", "/@eaDir/"]),
            anchors: Anchors::new(anchors.collect()),
            files: FileRules {
                check: self.check,
                settle: Duration::from_secs(5),
                give_up: Duration::from_mins(10),
            },
            history: Duration::from_hours(24),
            priorities: self.priorities.clone(),
            storm: self.storm,
        }
    }
}

impl TestEngine {
    /// An engine that takes requests in and does nothing else.
    pub fn at_rest(mut setup: TestSetup) -> Self {
        let clock = setup.clock.take().unwrap_or_default();
        let files = Arc::new(FakeFiles::new());
        let store = setup.store.take();
        let store = store.unwrap_or_else(|| Arc::new(MemoryStore::new(Arc::new(clock.clone()))));
        let faulty_store = Arc::new(FaultyStore::new(Arc::clone(&store) as Arc<dyn Store>));
        faulty_store.refuse(setup.refused.clone());
        let (identity, of_time) = (setup.identity, Some(&clock));
        let placed = |(called, target)| {
            (called, Arc::new(ScriptedTarget { clock: of_time.cloned(), identity, ..target }))
        };
        let targets: Vec<(&str, Arc<ScriptedTarget>)> =
            std::mem::take(&mut setup.targets).into_iter().map(placed).collect();
        let engine = Engine::new(Parts {
            store: Arc::clone(&faulty_store) as Arc<dyn Store>,
            clock: Arc::new(clock.clone()),
            files: Arc::clone(&files) as Arc<_>,
            jitter: || 0.0,
            redaction: setup.redaction(),
            overhear: |telling| Box::pin(async { (telling.await, CALLS.map(str::to_owned).into()) }),
            history: Arc::clone(&setup.history),
            triggers: setup.bound_triggers(),
            targets: targets.iter().map(|(called, target)| setup.bound_target(called, target)).collect(),
            rules: setup.rules(),
        });
        Self {
            engine,
            store,
            faulty_store,
            files,
            targets: targets.into_iter().map(|(_, target)| target).collect(),
            clock,
            stop: CancellationToken::new(),
            running: None,
        }
    }

    /// An engine that runs.
    pub fn start(setup: TestSetup) -> Self {
        let at_rest = Self::at_rest(setup);
        let running = tokio::spawn(Arc::clone(&at_rest.engine).run(at_rest.stop.clone()));
        Self { running: Some(running), ..at_rest }
    }

    /// A request of Sonarr: one change a line.
    pub async fn send(&self, lines: &str) -> IntakeReport {
        let hook = Hook { query: &[], content_type: None, body: lines.as_bytes() };
        self.engine.take(&name("sonarr"), &hook).await.unwrap()
    }

    /// Lets seconds pass.
    pub async fn seconds(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// All scans, oldest first.
    pub async fn scans(&self) -> Vec<Scan> {
        let filter = ScanFilter { limit: 500, ..ScanFilter::default() };
        let mut scans = self.engine.list(filter).await.unwrap().scans;
        scans.reverse();
        scans
    }

    /// One delivery's state and error.
    pub async fn delivery(&self, scan: ScanId, target: &str) -> (DeliveryState, String) {
        let scan = self.engine.show(scan).await.unwrap().unwrap();
        let delivery = scan.deliveries.into_iter().find(|d| d.target.as_str() == target).unwrap();
        (delivery.state, delivery.error.unwrap_or_default())
    }

    /// Ends it as a kill does, and hands out its store.
    pub async fn kill(self) -> Arc<MemoryStore> {
        if let Some(running) = self.running {
            running.abort();
            let _killed = running.await;
        }
        self.store
    }

    /// Stops it softly and hands out its store.
    pub async fn stop(self) -> Arc<MemoryStore> {
        self.stop.cancel();
        if let Some(running) = self.running {
            running.await.unwrap().unwrap();
        }
        self.store
    }
}
