//! What mends a cause is offered while the cause stands, done when a person asks for it, and verified afterwards.

use std::time::Duration;

use autoscan_core::cause::{MissingCause, Remedy};
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::fault::Fault;
use autoscan_core::ports::Library;
use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::step::StepKind;
use autoscan_engine::RemedyError;
use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup, library};

fn remedy() -> Remedy {
    Remedy::ScanLibrary { library: "Films".into(), id: "7".into() }
}

fn empty_library() -> MissingCause {
    MissingCause {
        sentence: "the library \"Films\" lists nothing at all".into(),
        remedy: Some(remedy()),
        evidence: None,
    }
}

/// A target that shows nothing and says that its library is empty.
fn setup() -> TestSetup {
    let target = ScriptedTarget {
        proves: true,
        cause: Some(empty_library()).into(),
        libraries: vec![Library { id: "7".into(), ..library("Films", &["/films"]) }],
        libraries_read: true.into(),
        ..ScriptedTarget::default()
    };
    TestSetup { targets: vec![("plex", target)], minimum_age: 0, ..TestSetup::default() }
}

async fn missing(harness: &TestEngine) -> ScanId {
    let scan = harness.send("created /films/Film/a.mkv").await.scans[0];
    harness.seconds(1400).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Missing);
    scan
}

async fn delivery(harness: &TestEngine, scan: ScanId) -> Delivery {
    harness.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0)
}

fn done(harness: &TestEngine) -> Vec<Remedy> {
    harness.targets[0].remedies_applied.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_person_has_a_whole_library_scanned_once_and_the_file_is_verified_afterwards() {
    let harness = TestEngine::start(setup());
    let scan = missing(&harness).await;
    assert_eq!(delivery(&harness, scan).await.remedy, Some(remedy()));
    harness.seconds(12 * 3600).await;
    assert_eq!(done(&harness), [], "never by itself");
    let told = harness.targets[0].folders().len();

    *harness.targets[0].shows_after.lock().unwrap() = Some(Duration::ZERO);
    let outcome = harness.engine.remedy(scan, "plex", "the page").await.unwrap();
    assert_eq!((outcome.remedy, done(&harness)), (remedy(), vec![remedy()]));
    let asked = &outcome.scan.deliveries[0];
    assert_eq!((asked.state, &asked.error, &asked.remedy), (DeliveryState::Sent, &None, &None));
    assert_eq!(outcome.scan.state, ScanState::Running);
    harness.seconds(10).await;
    assert_eq!(delivery(&harness, scan).await.state, DeliveryState::Seen);
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
    assert_eq!(harness.targets[0].folders().len(), told, "its folder needed no further telling");
    let steps = harness.engine.timeline(scan).await.unwrap().unwrap();
    let says = "a person asked for a scan of the whole library \"Films\"";
    assert!(steps.iter().any(|step| step.kind == StepKind::Sent && step.text == says), "{steps:?}");

    let again = harness.engine.remedy(scan, "plex", "the page").await.unwrap_err();
    assert_eq!(again.to_string(), "plex was not asked: its delivery is seen now and offers no remedy");
    assert_eq!(done(&harness).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_remedy_outlives_a_restart_and_goes_with_its_cause() {
    let harness = TestEngine::start(setup());
    let scan = missing(&harness).await;
    let clock = harness.clock.clone();
    let store = harness.kill().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), clock: Some(clock), ..setup() });
    assert_eq!(delivery(&harness, scan).await.remedy, Some(remedy()));
    *harness.targets[0].cause.lock().unwrap() = None;
    harness.seconds(3 * 3600).await;
    let later = delivery(&harness, scan).await;
    assert_eq!((later.state, later.remedy), (DeliveryState::Missing, None));
    assert!(later.error.unwrap().ends_with("the spy is blind"));
    let refused = harness.engine.remedy(scan, "plex", "the page").await.unwrap_err();
    assert!(matches!(refused, RemedyError::NothingToMend { state: DeliveryState::Missing, .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_does_not_accept_stays_missing_with_its_remedy() {
    let harness = TestEngine::start(setup());
    let scan = missing(&harness).await;
    for fault in [Fault::away("the connection was refused"), Fault::wrong("it refuses to scan it alone")] {
        harness.targets[0].faults.lock().unwrap().push_back(fault.clone());
        let refused = harness.engine.remedy(scan, "plex", "the page").await.unwrap_err();
        let reason = fault.reason();
        let said = format!(
            "plex did not accept it: {reason}. The delivery stays missing; try again, or do it at the server"
        );
        assert_eq!(refused.to_string(), said);
        let delivery = delivery(&harness, scan).await;
        assert_eq!((delivery.state, delivery.remedy), (DeliveryState::Missing, Some(remedy())));
    }
    let unknown = harness.engine.remedy(scan, "emby", "the page").await.unwrap_err();
    assert_eq!(unknown, RemedyError::NoTarget("emby".into()));
    assert_eq!(harness.engine.remedy(ScanId(99), "plex", "the page").await, Err(RemedyError::NoScan));
}

#[tokio::test(start_paused = true)]
async fn no_library_is_scanned_while_an_anchor_in_it_is_gone() {
    let of_it =
        TestSetup { anchors: vec!["/films/.mounted", "/films/remote/.mounted", "/tv/.mounted"], ..setup() };
    let harness = TestEngine::start(TestSetup { check: true, ..of_it });
    for file in ["/films/.mounted", "/films/remote/.mounted", "/tv/.mounted", "/films/Film/a.mkv"] {
        harness.files.put(file, 1, autoscan_testkit::START);
    }
    let scan = missing(&harness).await;
    harness.files.remove("/films/remote/.mounted");
    let refused = harness.engine.remedy(scan, "plex", "the page").await.unwrap_err().to_string();
    assert!(
        refused.starts_with("plex was not asked: the anchor \"/films/remote/.mounted\" is missing"),
        "{refused}"
    );
    assert_eq!(done(&harness), []);
    harness.files.put("/films/remote/.mounted", 1, autoscan_testkit::START);
    harness.files.remove("/tv/.mounted");
    harness.seconds(16 * 60).await;
    harness.engine.remedy(scan, "plex", "the page").await.unwrap();
    assert_eq!(done(&harness), [remedy()], "another anchor does not matter");
}
