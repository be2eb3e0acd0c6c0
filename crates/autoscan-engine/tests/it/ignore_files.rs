//! A file that a person keeps out by an ignore file is missing because of it, for as long as that is so.

use std::time::Duration;

use autoscan_core::cause::{IgnoreFile, KeptOutBy, MissingCause};
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::scan::ScanId;
use autoscan_core::step::StepKind;
use autoscan_testkit::{START, ScriptedTarget, TestEngine, TestSetup};

const FILE: &str = "/tv/Show/Season01/a.mkv";

/// A line that is the whole path below keeps it out; an empty file does, too.
fn keeps_out(text: &str, below: &str) -> Option<KeptOutBy> {
    if text.is_empty() {
        return Some(KeptOutBy::BeingEmpty);
    }
    text.lines().find(|line| *line == below).map(|line| KeptOutBy::Line(line.to_owned()))
}

const EVERY: IgnoreFile = IgnoreFile { name: ".spyignore", only_the_nearest: false, keeps_out };
const NEAREST: IgnoreFile = IgnoreFile { only_the_nearest: true, ..EVERY };

/// An engine whose target shows nothing, and knows ignore files.
fn engine(ignore_file: IgnoreFile) -> TestEngine {
    let target = ScriptedTarget { proves: true, ignore_file: Some(ignore_file), ..ScriptedTarget::default() };
    let setup =
        TestSetup { targets: vec![("plex", target)], minimum_age: 0, check: true, ..TestSetup::default() };
    let harness = TestEngine::start(setup);
    harness.files.put(FILE, 1, START - Duration::from_mins(1));
    harness
}

/// The delivery once it is missing.
async fn missing(harness: &TestEngine) -> (ScanId, Delivery) {
    let scan = harness.send(&format!("created {FILE}")).await.scans[0];
    harness.seconds(1400).await;
    (scan, delivery(harness, scan).await)
}

async fn delivery(harness: &TestEngine, scan: ScanId) -> Delivery {
    let delivery = harness.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!(delivery.state, DeliveryState::Missing);
    delivery
}

fn said(delivery: &Delivery) -> &str {
    delivery.error.as_deref().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_ignore_file_that_keeps_a_file_out_is_its_cause_until_it_is_changed() {
    let harness = engine(EVERY);
    harness.files.write("/tv/Show/Season01/.spyignore", "b.mkv");
    harness.files.write("/tv/Show/.spyignore", "x\nSeason01/a.mkv\n");
    let (scan, found) = missing(&harness).await;
    let expected = "the spy does not show \"/tv/Show/Season01/a.mkv\"; likely cause: the file \"/tv/Show/.spyignore\" keeps it out \
                    by its line \"Season01/a.mkv\": change or delete that line, then retry";
    assert_eq!(said(&found), expected);
    assert_eq!(found.evidence.as_deref(), Some("/tv/Show/.spyignore"));
    assert_eq!(*harness.targets[0].causes_asked.lock().unwrap(), 0, "the server has nothing to add");

    harness.files.write("/tv/Show/.spyignore", "x\n");
    harness.seconds(2 * 3600).await;
    let later = delivery(&harness, scan).await;
    assert!(said(&later).ends_with("likely cause: the spy is blind"), "{}", said(&later));
    assert_eq!(later.evidence, None);
    let steps = harness.engine.timeline(scan).await.unwrap().unwrap();
    assert!(steps.iter().any(|step| step.kind == StepKind::Asked && step.text == said(&later)), "{steps:?}");
    assert_eq!(harness.engine.targets()[0].figures.missing, 1, "it is missing once");
    let asked = *harness.targets[0].causes_asked.lock().unwrap();
    harness.seconds(6 * 3600).await;
    assert_eq!(*harness.targets[0].causes_asked.lock().unwrap(), asked, "any other cause is looked for once");
}

#[tokio::test(start_paused = true)]
async fn an_ignore_file_that_goes_is_no_cause_any_more() {
    let harness = engine(NEAREST);
    harness.files.write("/tv/Show/.spyignore", "");
    let (scan, found) = missing(&harness).await;
    assert!(
        said(&found).contains("\"/tv/Show/.spyignore\" is empty, and so keeps out everything"),
        "{found:?}"
    );
    harness.seconds(3600).await;
    assert_eq!(said(&delivery(&harness, scan).await), said(&found), "it is still there");
    harness.files.remove("/tv/Show/.spyignore");
    harness.seconds(4 * 3600).await;
    assert!(said(&delivery(&harness, scan).await).ends_with("the spy is blind"));
}

#[tokio::test(start_paused = true)]
async fn only_the_nearest_counts_where_the_server_looks_no_further_and_none_above_its_library() {
    let harness = engine(NEAREST);
    harness.files.write("/tv/Show/Season01/.spyignore", "b.mkv");
    harness.files.write("/tv/Show/.spyignore", "Season01/a.mkv");
    assert!(said(&missing(&harness).await.1).ends_with("the spy is blind"));

    let harness = engine(EVERY);
    harness.files.write("/.spyignore", "");
    assert!(said(&missing(&harness).await.1).ends_with("the spy is blind"), "it lies above the library");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_saw_of_an_ignore_file_counts_only_where_it_keeps_the_file_out() {
    let harness = engine(EVERY);
    let cause = MissingCause {
        sentence: "a file \".spyignore\" lies above it".into(),
        remedy: None,
        evidence: Some("/tv/.spyignore".into()),
    };
    *harness.targets[0].cause.lock().unwrap() = Some(cause);
    harness.files.write("/tv/.spyignore", "Other");
    let (scan, found) = missing(&harness).await;
    assert!(said(&found).ends_with("no cause is known; look into the server's own log"), "{found:?}");

    harness.files.break_below("/tv/.spyignore", "no answer");
    harness.engine.retry(scan).await.unwrap();
    harness.seconds(1400).await;
    let blind = delivery(&harness, scan).await;
    assert!(said(&blind).ends_with("likely cause: a file \".spyignore\" lies above it"), "{blind:?}");
    assert_eq!(blind.evidence.as_deref(), Some("/tv/.spyignore"), "and so it is asked for again");
}
