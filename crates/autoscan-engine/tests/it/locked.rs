//! A database that another program keeps locked: senders wait for it, because they send a webhook only once.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::ports::{Hook, StoreError};
use autoscan_engine::{Engine, IntakeError, IntakeReport};
use autoscan_testkit::{TestEngine, TestSetup, name};
use tokio::task::JoinHandle;

type Taken = Result<IntakeReport, IntakeError>;

/// A webhook of a new file, sent while the test goes on.
fn send(engine: &Arc<Engine>, path: &str) -> JoinHandle<Taken> {
    let (engine, body) = (Arc::clone(engine), format!("created {path}"));
    tokio::spawn(async move {
        let hook = Hook { query: &[], content_type: None, body: body.as_bytes() };
        engine.take(&name("sonarr"), &hook).await
    })
}

fn is_locked(taken: &Taken) -> bool {
    matches!(taken, Err(IntakeError::Store(StoreError::Locked)))
}

#[tokio::test(start_paused = true)]
async fn a_webhook_waits_for_a_locked_database_and_is_stored_once_it_is_free() {
    let harness = TestEngine::start(TestSetup::default());
    harness.faulty_store.fail(Some(StoreError::Locked));
    let sent = send(&harness.engine, "/tv/Show/a.mkv");
    harness.seconds(50).await;
    assert!(!sent.is_finished(), "it is neither refused nor answered 200");

    harness.faulty_store.fail(None);
    harness.seconds(1).await;

    assert_eq!(sent.await.unwrap().unwrap().scans.len(), 1);
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_refused_after_a_minute_before_its_sender_gives_up() {
    let harness = TestEngine::start(TestSetup::default());
    harness.faulty_store.fail(Some(StoreError::Locked));
    let sent = send(&harness.engine, "/tv/Show/a.mkv");
    harness.seconds(65).await;

    assert!(sent.is_finished());
    assert!(is_locked(&sent.await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_said_at_once() {
    let harness = TestEngine::start(TestSetup::default());
    harness.faulty_store.fail(Some(StoreError::NotWritable("the disk is full".to_owned())));
    let sent = tokio::time::timeout(Duration::from_millis(100), send(&harness.engine, "/tv/Show/a.mkv"));

    let taken = sent.await.expect("it does not wait").unwrap();
    assert!(matches!(taken, Err(IntakeError::Store(StoreError::NotWritable(_)))), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_wait_and_the_others_are_refused_at_once() {
    let harness = TestEngine::start(TestSetup::default());
    harness.faulty_store.fail(Some(StoreError::Locked));
    let sent: Vec<_> =
        (0..300).map(|number| send(&harness.engine, &format!("/tv/Show{number}/a.mkv"))).collect();
    harness.seconds(5).await;
    let refused = sent.iter().filter(|sent| sent.is_finished()).count();
    assert_eq!(refused, 300 - 250);

    harness.faulty_store.fail(None);
    harness.seconds(1).await;

    assert!(sent.iter().all(JoinHandle::is_finished));
    assert_eq!(harness.scans().await.len(), 250);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_refused_in_the_end_is_counted_as_lost_and_that_is_kept() {
    let harness = TestEngine::start(TestSetup::default());
    harness.seconds(1).await;
    harness.faulty_store.fail(Some(StoreError::Locked));
    let since = harness.engine.now();
    let sent = [send(&harness.engine, "/tv/Show/a.mkv"), send(&harness.engine, "/tv/Show/b.mkv")];
    harness.seconds(65).await;
    assert!(sent.iter().all(JoinHandle::is_finished));
    let view = harness.engine.triggers().remove(0);
    assert_eq!((view.lost, view.refused, view.events), (2, 2, 0));
    assert!(view.lost_since.is_some_and(|at| at >= since));
    let [event] = &view.recent[..] else { panic!("{:?}", view.recent) };
    assert_eq!((event.times, event.refused), (2, true));
    assert!(event.outcome.starts_with("lost unless caught up: the database cannot be written"), "{event:?}");

    harness.faulty_store.fail(None);
    harness.seconds(2).await;
    let clock = Some(harness.clock.clone());
    let store = harness.stop().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), clock, ..TestSetup::default() });
    harness.seconds(1).await;
    let kept = harness.engine.triggers().remove(0);
    assert_eq!((kept.lost, kept.lost_since), (2, view.lost_since));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_asks_for_and_is_refused_is_not_lost() {
    let harness = TestEngine::start(TestSetup::default());
    harness.faulty_store.fail(Some(StoreError::NotWritable("full".to_owned())));
    let path = autoscan_core::path::TriggerPath::parse("/tv/Show").unwrap();
    harness.engine.ask(vec![path], None).await.unwrap_err();
    assert!(harness.engine.triggers().iter().all(|trigger| trigger.lost == 0));
}
