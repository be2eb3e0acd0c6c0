//! The harness: an engine whose disk, clock and servers are in the test's hand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::anchor::{Anchor, Anchors};
use autoscan_core::change::Change;
use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::filter::{Filter, IgnoreList};
use autoscan_core::map::PathMap;
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, TargetPath, TriggerPath};
use autoscan_core::ports::{
    Aftercare, Batching, Care, CareScan, Clock, Hook, Identity, Libraries, Library, Plan, Playback, Proof,
    ReadError, Reading, ScanFilter, Source, Store, Target, TargetScan, Trigger,
};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::redact::Redaction;
use autoscan_core::scan::{Quiet, Scan, ScanId};
use autoscan_core::storm::StormRule;
use autoscan_core::time::Timestamp;
use autoscan_engine::{
    BoundTarget, BoundTrigger, Broken, Engine, FileRules, IntakeReport, MANUAL, Pace, Parts, PathPriority,
    Rules,
};
use autoscan_store::MemoryStore;
use autoscan_testkit::{FakeClock, FakeFiles, FaultyStore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A sender whose body is one change a line: `created /tv/a.mkv`.
struct Lines;

impl Trigger for Lines {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        let text = std::str::from_utf8(hook.body).map_err(|error| ReadError(error.to_string()))?;
        let asked = hook.query.iter().map(|(_, path)| Change::rescan(TriggerPath::parse(path).unwrap()));
        let changes = text.lines().map(change).chain(asked).collect();
        Ok(Reading { event: "Lines".into(), changes, refused: vec![] })
    }
}

fn change(line: &str) -> Change<TriggerPath> {
    let mut words = line.split(' ');
    let (kind, mut path) = (words.next().unwrap(), || TriggerPath::parse(words.next().unwrap()).unwrap());
    match kind {
        "created" => Change::created(path()),
        "replaced" => Change::replaced(path()),
        "deleted" => Change::deleted(path()),
        "gone" => Change::folder_deleted(path()),
        "moved" => Change::moved(path(), path()),
        "rescan" => Change::rescan(path()),
        other => panic!("no such change: {other}"),
    }
}

/// What is heard of every telling.
const CALLS: [&str; 2] = ["POST http://spy/scan → 204", "GET http://spy/status → 200"];

/// A server that remembers what it was told and answers as scripted.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct Spy {
    /// Folders it accepted, with when.
    pub(crate) told: Mutex<Vec<(String, Timestamp)>>,
    /// What it answers to the next calls and probes; then it accepts.
    pub(crate) faults: Mutex<VecDeque<Fault>>,
    /// What it answers to everything while set.
    pub(crate) down: Mutex<Option<Fault>>,
    /// What it answers to every folder.
    pub(crate) not_mine: Mutex<Option<Fault>>,
    /// The folder that brings it down for a moment.
    pub(crate) poison: Option<&'static str>,
    /// The folders that it breaks on while it is well otherwise.
    pub(crate) breaks_on: Mutex<BTreeSet<String>>,
    /// The folders whose code panics.
    pub(crate) panics_on: Mutex<BTreeSet<String>>,
    /// The folders that it breaks on when it is asked for their files.
    pub(crate) asking_breaks_on: Mutex<BTreeSet<String>>,
    /// How long it takes to answer when it is asked for the files of a folder.
    pub(crate) asking_takes: Mutex<BTreeMap<String, Duration>>,
    /// Whether it takes a batch in one call.
    pub(crate) batches: bool,
    /// How many calls there were.
    pub(crate) calls: Mutex<u32>,
    /// How many probes there were.
    pub(crate) probes: Mutex<u32>,
    /// How long it takes over a call.
    pub(crate) takes: Duration,
    /// How long it takes to say who it is.
    pub(crate) probe_takes: Duration,
    /// What tells it when it was told.
    pub(crate) clock: Option<FakeClock>,
    /// Whether it can be asked for files.
    pub(crate) proves: bool,
    /// How long after it was told of a folder it shows what it should; never while this is none.
    pub(crate) shows_after: Mutex<Option<Duration>>,
    /// The folder that brings nothing: only the one above does.
    pub(crate) blind: Option<&'static str>,
    /// What it was asked for: each asking's paths.
    pub(crate) asked: Mutex<Vec<Vec<ExpectedFile>>>,
    /// What it answers to an asking, before anything else.
    pub(crate) ask_faults: Mutex<VecDeque<Fault>>,
    /// What care answers; asked for care only when there is something.
    pub(crate) cares: Mutex<VecDeque<Care>>,
    /// What it was given to care for.
    pub(crate) cared: Mutex<Vec<CareScan>>,
    /// How many people watch.
    pub(crate) playing: Mutex<usize>,
    /// The queue of a folder: its first name, when scans of a queue go one after the other.
    pub(crate) queues: bool,
    /// Whether it knows the names of its queues only once it was told of something.
    pub(crate) learns: bool,
    /// What it holds while it is told.
    pub(crate) answering: tokio::sync::Mutex<()>,
    /// Most calls that were under way at the same time, and now.
    pub(crate) at_once: Mutex<(usize, usize)>,
    /// How many folders a call takes at most; none is any number.
    pub(crate) most: Option<usize>,
    /// Whether its libraries were read.
    pub(crate) read: Mutex<bool>,
    /// What it has.
    pub(crate) libraries: Vec<Library>,
    /// Some files in them.
    pub(crate) samples: Vec<&'static str>,
    /// Whether it never answers when it is asked who it is.
    pub(crate) hangs: bool,
    /// The last scans it was told, with everything.
    pub(crate) scans: Mutex<Vec<TargetScan>>,
}

impl Spy {
    fn answer(&self) -> Result<(), Fault> {
        if let Some(fault) = &*self.down.lock().unwrap() {
            return Err(fault.clone());
        }
        self.faults.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }

    /// The folders it accepted.
    pub(crate) fn folders(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|(folder, _)| folder.clone()).collect()
    }

    /// Owns no folder.
    pub(crate) fn set_not_mine(&self) {
        *self.not_mine.lock().unwrap() = Some(Fault::not_mine("no library owns it"));
    }

    /// Goes down, or comes up.
    pub(crate) fn set_down(&self, fault: Option<Fault>) {
        *self.down.lock().unwrap() = fault;
    }
}

#[async_trait]
impl Target for Spy {
    async fn probe(&self) -> Result<Identity, Fault> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.probe_takes).await;
        *self.probes.lock().unwrap() += 1;
        match &*self.down.lock().unwrap() {
            Some(fault) => Err(fault.clone()),
            None => Ok(Identity { product: "Spy".into(), name: None, version: "1".into() }),
        }
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        *self.calls.lock().unwrap() += 1;
        {
            let mut at_once = self.at_once.lock().unwrap();
            at_once.1 += 1;
            at_once.0 = at_once.0.max(at_once.1);
        }
        let answering = self.answering.lock().await;
        tokio::time::sleep(self.takes.min(Duration::from_millis(5))).await;
        drop(answering);
        tokio::time::sleep(self.takes).await;
        self.at_once.lock().unwrap().1 -= 1;
        self.scans.lock().unwrap().extend(batch.iter().cloned());
        let panics = self.panics_on.lock().unwrap().clone();
        assert!(!batch.iter().any(|scan| panics.contains(scan.folder.as_str())), "as asked");
        let mut answers = vec![];
        for scan in batch {
            let poisoned = self.poison == Some(scan.folder.as_str());
            let broken = poisoned || self.breaks_on.lock().unwrap().contains(scan.folder.as_str());
            let not_mine = self.not_mine.lock().unwrap().clone();
            let answer = match not_mine {
                Some(fault) => Err(fault),
                None if broken => Err(Fault::away("500")),
                None => self.answer(),
            };
            if answer.is_ok() {
                let at = self.clock.as_ref().unwrap().now();
                self.told.lock().unwrap().push((scan.folder.to_string(), at));
            }
            answers.push(answer);
        }
        answers
    }

    fn batching(&self) -> Batching {
        if self.batches { Batching::UpTo(self.most.unwrap_or(usize::MAX)) } else { Batching::One }
    }

    fn queue(&self, scan: &TargetScan) -> Option<String> {
        if self.learns && self.told.lock().unwrap().is_empty() {
            return None;
        }
        let name = scan.folder.0.components().next().unwrap_or_default();
        Some(if self.queues { name.to_owned() } else { String::new() })
    }

    async fn plan(&self, _: &TargetScan) -> Result<Plan, Fault> {
        Ok(Plan { libraries: vec![], calls: vec![] })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        self.proves.then_some(self as &dyn Proof)
    }

    fn aftercare(&self) -> Option<&dyn Aftercare> {
        Some(self)
    }

    fn playback(&self) -> Option<&dyn Playback> {
        Some(self)
    }
}

#[async_trait]
impl Libraries for Spy {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        if let Some(fault) = &*self.down.lock().unwrap() {
            return Err(fault.clone());
        }
        *self.read.lock().unwrap() = true;
        Ok(self.libraries.clone())
    }

    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.read.lock().unwrap().then(|| (self.libraries.clone().into(), Duration::ZERO))
    }

    async fn samples(&self, _: &[Library]) -> Vec<String> {
        self.samples.iter().map(|path| (*path).to_owned()).collect()
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        folder.0.depth() > 1
    }
}

#[async_trait]
impl Proof for Spy {
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        self.asked.lock().unwrap().push(expected.to_vec());
        let takes = self.asking_takes.lock().unwrap().get(folder.as_str()).copied();
        tokio::time::sleep(takes.unwrap_or_default()).await;
        assert!(!self.panics_on.lock().unwrap().contains(folder.as_str()), "as asked");
        if self.asking_breaks_on.lock().unwrap().contains(folder.as_str()) {
            return Err(Fault::away("500"));
        }
        if let Some(fault) = &*self.down.lock().unwrap() {
            return Err(fault.clone());
        }
        if let Some(fault) = self.ask_faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        let now = self.clock.as_ref().unwrap().now();
        let told = self.told.lock().unwrap().clone();
        let above = folder.0.parent().map(|above| above.to_string());
        let looked = told.iter().filter(|(told, _)| {
            let blind = self.blind == Some(told.as_str());
            !blind && (told == folder.0.as_str() || Some(told) == above.as_ref())
        });
        let after = *self.shows_after.lock().unwrap();
        let shown = looked.last().zip(after).is_some_and(|((_, at), after)| now.since(*at) >= after);
        let one = |one: &ExpectedFile| match one.path.0.file_name() {
            Some(name) if name.contains(".srt") => Observation::Unknowable("subtitles are no items".into()),
            _ if shown => Observation::Proven,
            _ => Observation::NotYet(format!("the spy does not show {:?}", one.path.0.as_str())),
        };
        Ok(expected.iter().map(one).collect())
    }

    async fn why_missing(&self, _: &ExpectedFile) -> Option<String> {
        Some("the spy is blind".into())
    }
}

#[async_trait]
impl Aftercare for Spy {
    fn concerns(&self, _: &TargetScan) -> bool {
        !self.cares.lock().unwrap().is_empty()
    }

    async fn care(&self, care: &CareScan) -> Result<Care, Fault> {
        self.cared.lock().unwrap().push(care.clone());
        Ok(self.cares.lock().unwrap().pop_front().unwrap_or(Care::Done(vec![])))
    }
}

#[async_trait]
impl Playback for Spy {
    async fn playing(&self) -> Result<usize, Fault> {
        Ok(*self.playing.lock().unwrap())
    }
}

/// What a world is made of.
pub(crate) struct Setup {
    pub(crate) spies: Vec<(&'static str, Spy)>,
    pub(crate) anchors: Vec<&'static str>,
    pub(crate) check: bool,
    pub(crate) minimum_age: u64,
    pub(crate) maps: Vec<(&'static str, &'static str)>,
    pub(crate) pace: Pace,
    pub(crate) proof: u64,
    pub(crate) storm: Option<StormRule>,
    pub(crate) priorities: Vec<PathPriority>,
    pub(crate) store: Option<Arc<MemoryStore>>,
    pub(crate) source: Option<Arc<dyn Source>>,
    /// The clock of the world before this one.
    pub(crate) clock: Option<FakeClock>,
    /// Writes that the store refuses, by their number.
    pub(crate) refused: Range<u64>,
    /// What the target called `plex` is not told of.
    pub(crate) exclude: Vec<&'static str>,
    /// What no target and no source may say.
    pub(crate) hidden: Vec<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            spies: vec![("plex", Spy::default())],
            anchors: vec![],
            check: false,
            minimum_age: 10,
            maps: vec![],
            pace: Pace::default(),
            proof: 900,
            storm: None,
            priorities: vec![],
            store: None,
            source: None,
            clock: None,
            refused: 0..0,
            exclude: vec![],
            hidden: vec![],
        }
    }
}

/// An engine that runs.
pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<MemoryStore>,
    /// What the engine has of it.
    pub(crate) faulty: Arc<FaultyStore>,
    pub(crate) files: Arc<FakeFiles>,
    pub(crate) spies: Vec<Arc<Spy>>,
    stop: CancellationToken,
    pub(crate) clock: FakeClock,
    running: JoinHandle<Result<(), Broken>>,
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A library with these folders.
pub(crate) fn library(title: &str, folders: &[&str]) -> Library {
    let folders = folders.iter().map(|folder| (*folder).to_owned()).collect();
    Library { id: title.to_owned(), title: title.to_owned(), kind: "show".to_owned(), folders }
}

pub(crate) fn local(text: &str) -> LocalPath {
    LocalPath::parse(text).unwrap()
}

fn trigger(
    called: &str,
    kind: &'static str,
    maps: &[(&'static str, &'static str)],
    minimum_age: u64,
) -> BoundTrigger {
    BoundTrigger {
        name: name(called),
        kind,
        priority: 0,
        quiet: Quiet { minimum_age: Duration::from_secs(minimum_age), maximum_wait: Duration::from_mins(2) },
        map: PathMap::new(maps.iter().copied(), []).unwrap(),
        filter: Filter::default(),
        targets: None,
        token: None,
        reader: Arc::new(Lines),
        source: None,
    }
}

fn rules(anchors: Vec<Anchor>, check: bool) -> Rules {
    Rules {
        ignore: IgnoreList::new([".DS_Store", "/@eaDir/"]),
        anchors: Anchors::new(anchors),
        files: FileRules { check, settle: Duration::from_secs(5), give_up: Duration::from_mins(10) },
        history: Duration::from_hours(24),
        priorities: vec![],
        storm: None,
    }
}

impl Setup {
    fn target(&self, called: &str, spy: &Arc<Spy>) -> BoundTarget {
        BoundTarget {
            name: name(called),
            kind: "spy",
            url: "http://spy".into(),
            map: PathMap::default(),
            filter: match called {
                "plex" => Filter::new([], self.exclude.iter().copied()).unwrap(),
                _ => Filter::default(),
            },
            pace: self.pace.clone(),
            proof: (self.proof > 0).then(|| Duration::from_secs(self.proof)),
            before: None,
            after: None,
            server: Arc::clone(spy) as Arc<dyn Target>,
        }
    }
}

fn redaction(hidden: &[&str]) -> Redaction {
    let redaction = Redaction::default();
    redaction.learn(hidden.iter().copied());
    redaction
}

impl World {
    /// Starts it.
    pub(crate) fn start(mut setup: Setup) -> Self {
        let clock = setup.clock.take().unwrap_or_default();
        let files = Arc::new(FakeFiles::new());
        let store = setup.store.take().unwrap_or_else(|| Arc::new(MemoryStore::new(Arc::new(clock.clone()))));
        let faulty = Arc::new(FaultyStore::new(Arc::clone(&store) as Arc<dyn Store>));
        faulty.refuse(setup.refused.clone());
        let spies: Vec<(&str, Arc<Spy>)> = std::mem::take(&mut setup.spies)
            .into_iter()
            .map(|(name, spy)| (name, Arc::new(Spy { clock: Some(clock.clone()), ..spy })))
            .collect();
        let target = |(called, spy): &(&str, Arc<Spy>)| setup.target(called, spy);
        let anchors = setup.anchors.iter().map(|file| Anchor::guarding_its_folder(local(file)).unwrap());
        let engine = Engine::new(Parts {
            store: Arc::clone(&faulty) as Arc<dyn Store>,
            clock: Arc::new(clock.clone()),
            files: Arc::clone(&files) as Arc<_>,
            jitter: || 0.0,
            redaction: redaction(&setup.hidden),
            overhear: |telling| Box::pin(async { (telling.await, CALLS.map(str::to_owned).into()) }),
            triggers: ["sonarr", MANUAL]
                .map(|kind| BoundTrigger {
                    source: setup.source.clone().filter(|_| kind == "sonarr"),
                    ..trigger(kind, kind, &setup.maps, setup.minimum_age)
                })
                .into(),
            targets: spies.iter().map(target).collect(),
            rules: Rules {
                storm: setup.storm,
                priorities: setup.priorities.clone(),
                ..rules(anchors.collect(), setup.check)
            },
        });
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::clone(&engine).run(stop.clone()));
        Self {
            engine,
            store,
            faulty,
            files,
            spies: spies.into_iter().map(|(_, spy)| spy).collect(),
            stop,
            clock,
            running,
        }
    }

    /// A request of Sonarr: one change a line.
    pub(crate) async fn send(&self, lines: &str) -> IntakeReport {
        let hook = Hook { query: &[], content_type: None, body: lines.as_bytes() };
        self.engine.take(&name("sonarr"), &hook).await.unwrap()
    }

    /// Lets seconds pass.
    pub(crate) async fn seconds(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// All scans, oldest first.
    pub(crate) async fn scans(&self) -> Vec<Scan> {
        let filter = ScanFilter { limit: 500, ..ScanFilter::default() };
        let mut scans = self.engine.list(filter).await.unwrap().scans;
        scans.reverse();
        scans
    }

    /// One delivery's state and error.
    pub(crate) async fn delivery(&self, scan: ScanId, target: &str) -> (DeliveryState, String) {
        let scan = self.engine.show(scan).await.unwrap().unwrap();
        let delivery = scan.deliveries.into_iter().find(|d| d.target.as_str() == target).unwrap();
        (delivery.state, delivery.error.unwrap_or_default())
    }

    /// Ends it as a kill does, and hands out its store.
    pub(crate) async fn kill(self) -> Arc<MemoryStore> {
        self.running.abort();
        let _killed = self.running.await;
        self.store
    }

    /// Stops it softly and hands out its store.
    pub(crate) async fn stop(self) -> Arc<MemoryStore> {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
        self.store
    }
}
