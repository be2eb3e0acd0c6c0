//! Sources that stream: what they report is stored once, whatever fails meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::Change;
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{Reading, Source, SourceBatch, SourceFault, Store, StoreError};
use autoscan_core::storm::StormRule;
use autoscan_store::MemoryStore;

use autoscan_testkit::{TestEngine, TestSetup, name};

/// A list of batches, of which the place is the number of those that were read. What it answers instead, once each, may be
/// put before it.
#[derive(Default)]
struct Script {
    batches: Vec<Vec<Change<TriggerPath>>>,
    faults: Mutex<VecDeque<SourceFault>>,
    panics: Mutex<u32>,
    /// The places that it was asked to go on from.
    asked: Mutex<Vec<Option<String>>>,
}

impl Script {
    fn of(batches: &[&[&str]]) -> Self {
        let created = |path: &&str| Change::created(TriggerPath::parse(path).unwrap());
        let batches = batches.iter().map(|paths| paths.iter().map(created).collect()).collect();
        Self { batches, ..Self::default() }
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|place| place.clone().unwrap_or_else(|| "start".to_owned())).collect()
    }
}

#[async_trait]
impl Source for Script {
    async fn next(&self, place: Option<&str>) -> Result<SourceBatch, SourceFault> {
        self.asked.lock().unwrap().push(place.map(str::to_owned));
        if let Some(fault) = self.faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        let panics = std::mem::take(&mut *self.panics.lock().unwrap());
        assert_eq!(panics, 0, "as asked, with the token s3cret");
        let read = place.map_or(0, |place| place.parse::<usize>().unwrap());
        match self.batches.get(read) {
            Some(changes) => {
                let reading = Reading { changes: changes.clone(), ..Reading::default() };
                Ok(SourceBatch { reading, place: (read + 1).to_string() })
            }
            None => std::future::pending().await,
        }
    }
}

fn start(script: &Arc<Script>, setup: TestSetup) -> TestEngine {
    TestEngine::start(TestSetup { source: Some(Arc::clone(script) as Arc<_>), ..setup })
}

async fn folders(harness: &TestEngine) -> Vec<String> {
    harness.scans().await.iter().map(|scan| scan.folder.to_string()).collect()
}

async fn bookmark(store: &MemoryStore) -> Option<String> {
    store.bookmark(&name("sonarr")).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn batches_are_stored_one_after_the_other_each_with_the_place_behind_it() {
    let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"], &["/tv/B/b.mkv", "/tv/B/c.mkv"]]));
    let harness = start(&script, TestSetup::default());
    harness.seconds(60).await;

    assert_eq!(folders(&harness).await, ["/tv/A", "/tv/B"]);
    assert_eq!(harness.targets[0].folders(), ["/tv/A", "/tv/B"]);
    assert_eq!(script.asked(), ["start", "1", "2"], "nothing is read twice");
    assert_eq!(bookmark(&harness.store).await.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_cannot_be_stored_is_stored_once_it_can_be() {
    let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"], &["/tv/B/b.mkv"]]));
    let harness = start(&script, TestSetup::default());
    harness.faulty_store.fail(Some(StoreError::NotWritable("the disk is full".into())));
    harness.seconds(300).await;
    assert_eq!(folders_kept(&harness).await, [""; 0]);
    assert!(script.asked().len() <= 1, "what was read is not read again: {:?}", script.asked());

    harness.faulty_store.fail(None);
    harness.seconds(60).await;

    assert_eq!(folders(&harness).await, ["/tv/A", "/tv/B"]);
    assert_eq!(script.asked(), ["start", "1", "2"], "nothing is read twice or left out");
}

/// What is stored, whatever the engine's store says.
async fn folders_kept(harness: &TestEngine) -> Vec<String> {
    let page =
        harness.store.list(autoscan_core::ports::ScanFilter { limit: 500, ..Default::default() }).await;
    page.unwrap().scans.iter().map(|scan| scan.folder.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn each_write_may_be_refused_and_each_batch_is_stored_once() {
    for refused in 0..30 {
        let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"], &[], &["/tv/B/b.mkv"]]));
        let harness = start(&script, TestSetup { refused: refused..refused + 10, ..TestSetup::default() });
        harness.seconds(120).await;

        assert_eq!(folders(&harness).await, ["/tv/A", "/tv/B"], "refused from write {refused} on");
        assert_eq!(script.asked(), ["start", "1", "2", "3"], "refused from write {refused} on");
        assert_eq!(bookmark(&harness.store).await.as_deref(), Some("3"), "refused from write {refused} on");
        harness.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_stored_at_the_tenth_try_is_counted_once() {
    let deleted =
        (0..9).map(|n| Change::deleted(TriggerPath::parse(&format!("/tv/A/{n}.mkv")).unwrap())).collect();
    let script = Arc::new(Script { batches: vec![deleted], ..Script::default() });
    let wait = SourceFault::Busy { after: Duration::from_secs(5), reason: "quota".into() };
    script.faults.lock().unwrap().push_back(wait);
    let rule = StormRule { share: 30, within: Duration::from_mins(1), at_least: 50 };
    let harness = start(&script, TestSetup { storm: Some(rule), ..TestSetup::default() });
    harness.files.make_folder("/tv/A");
    harness.seconds(1).await;
    harness.faulty_store.fail(Some(StoreError::NotWritable("the disk is full".into())));
    harness.seconds(14).await;
    harness.faulty_store.fail(None);
    harness.seconds(60).await;

    assert_eq!(
        harness.targets[0].folders(),
        ["/tv/A"],
        "nine deletions are no storm, however often they are stored"
    );
    let sonarr =
        harness.engine.triggers().into_iter().find(|trigger| trigger.name == name("sonarr")).unwrap();
    assert_eq!((sonarr.events, sonarr.changes), (2, 9), "once not stored, then stored: {:?}", sonarr.recent);
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_moves_the_bookmark() {
    let script = Arc::new(Script::of(&[&[], &[]]));
    let harness = start(&script, TestSetup::default());
    harness.seconds(1).await;

    assert_eq!(bookmark(&harness.store).await.as_deref(), Some("2"));
    assert_eq!(folders(&harness).await, [""; 0]);
    let sonarr =
        harness.engine.triggers().into_iter().find(|trigger| trigger.name == name("sonarr")).unwrap();
    assert_eq!(sonarr.events, 0, "a look that found nothing is no event: {:?}", sonarr.recent);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_asked_with_growing_pauses_and_recovers() {
    let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"]]));
    let away = || SourceFault::Away("the drive does not answer".into());
    script.faults.lock().unwrap().extend(std::iter::repeat_with(away).take(6));
    let harness = start(&script, TestSetup::default());
    harness.seconds(2).await;
    assert_eq!(script.asked().len(), 2, "one second after the first fault, two after the second");
    let sonarr =
        harness.engine.triggers().into_iter().find(|trigger| trigger.name == name("sonarr")).unwrap();
    assert_eq!(sonarr.refused, 1, "an outage is noted once: {:?}", sonarr.recent);

    harness.seconds(120).await;

    assert_eq!(script.asked().len(), 8, "six faults, the batch, and what comes after it");
    assert_eq!(folders(&harness).await, ["/tv/A"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_asks_for_time_or_rejects_the_key_is_left_alone_for_that_long() {
    for (fault, early, late) in [
        (SourceFault::Busy { after: Duration::from_mins(30), reason: "quota".into() }, 1790, 20),
        (SourceFault::Refused("the key was rejected".into()), 10, 10),
    ] {
        let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"]]));
        script.faults.lock().unwrap().push_back(fault.clone());
        let harness = start(&script, TestSetup::default());
        harness.seconds(early).await;
        assert_eq!(script.asked().len(), 1, "{fault}");
        harness.seconds(late).await;
        assert_eq!(script.asked().len(), 3, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_whose_code_panics_harms_only_itself() {
    let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"]]));
    *script.panics.lock().unwrap() = 1;
    let harness = start(&script, TestSetup { hidden: vec!["s3cret"], ..TestSetup::default() });
    harness.send("created /tv/B/b.mkv").await;
    harness.seconds(60).await;

    let mut told = harness.targets[0].folders();
    told.sort();
    assert_eq!(told, ["/tv/A", "/tv/B"], "the engine runs, and the source is read again");
    let sonarr =
        harness.engine.triggers().into_iter().find(|trigger| trigger.name == name("sonarr")).unwrap();
    let said = format!("{:?}", sonarr.recent);
    assert!(said.contains("please report it") && !said.contains("s3cret"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_from_the_bookmark() {
    let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"]]));
    let harness = start(&script, TestSetup::default());
    harness.seconds(60).await;
    let clock = harness.clock.clone();
    let store = harness.stop().await;

    let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"], &["/tv/B/b.mkv"]]));
    let setup = TestSetup { store: Some(store), clock: Some(clock), ..TestSetup::default() };
    let harness = start(&script, setup);
    harness.seconds(60).await;

    assert_eq!(script.asked(), ["1", "2"]);
    assert_eq!(harness.targets[0].folders(), ["/tv/B"]);
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_reading_and_storing_loses_nothing() {
    let script = Arc::new(Script::of(&[&["/tv/A/a.mkv"]]));
    let harness = start(&script, TestSetup { refused: 1..u64::MAX, ..TestSetup::default() });
    harness.seconds(60).await;
    assert_eq!(script.asked(), ["start"], "it was read, and could not be stored");
    let clock = harness.clock.clone();
    let store = harness.kill().await;
    assert_eq!(bookmark(&store).await, None);

    let setup = TestSetup { store: Some(store), clock: Some(clock), ..TestSetup::default() };
    let harness = start(&script, setup);
    harness.seconds(60).await;

    assert_eq!(script.asked(), ["start", "start", "1"]);
    assert_eq!(harness.targets[0].folders(), ["/tv/A"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_no_source() {
    let script = Arc::new(Script::default());
    let harness = start(&script, TestSetup::default());
    harness.seconds(60).await;
    assert_eq!(script.asked(), ["start"], "it waits for something to say");
    let clock = harness.clock.clone();
    let before = autoscan_core::ports::Clock::now(&clock);
    harness.stop().await;
    let took = autoscan_core::ports::Clock::now(&clock).since(before);
    assert!(took < Duration::from_secs(1), "{took:?}");

    let script = Arc::new(Script::default());
    script
        .faults
        .lock()
        .unwrap()
        .push_back(SourceFault::Busy { after: Duration::from_hours(1), reason: "quota".into() });
    let harness = start(&script, TestSetup { clock: Some(clock.clone()), ..TestSetup::default() });
    harness.seconds(60).await;
    let before = autoscan_core::ports::Clock::now(&clock);
    harness.stop().await;
    let took = autoscan_core::ports::Clock::now(&clock).since(before);
    assert!(took < Duration::from_secs(1), "nor for the pause after a fault: {took:?}");
}
