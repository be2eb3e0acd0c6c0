//! Done means seen.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Care;
use autoscan_core::proof::Presence;
use autoscan_core::scan::ScanState;
use autoscan_testkit::START;

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup};

/// A server that shows what it was told of so many seconds later; never when none are given.
fn shows(after: Option<u64>) -> ScriptedTarget {
    ScriptedTarget {
        proves: true,
        shows_after: after.map(Duration::from_secs).into(),
        ..ScriptedTarget::default()
    }
}

fn one(target: ScriptedTarget) -> TestSetup {
    TestSetup { targets: vec![("plex", target)], minimum_age: 0, ..TestSetup::default() }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_sent_until_the_server_shows_the_file_and_seen_then() {
    let harness = TestEngine::start(one(shows(Some(20))));
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    harness.seconds(15).await;
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!((state, error.as_str()), (DeliveryState::Sent, "the spy does not show \"/tv/Show/a.mkv\""));
    assert_eq!(harness.scans().await[0].state, ScanState::Running);
    harness.seconds(10).await;
    let delivery = harness.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!((delivery.state, delivery.error), (DeliveryState::Seen, None));
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
    let late =
        delivery.seen_at.unwrap().since(delivery.sent_at.unwrap()).checked_sub(Duration::from_secs(20));
    assert!(late.unwrap() <= Duration::from_secs(3), "{late:?}");
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"], "once");
    let figures = harness.engine.targets()[0].figures.clone();
    assert_eq!((figures.seen, figures.visible_within[3], figures.visible_within[4]), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_appear_is_told_once_more_by_the_folder_above_and_is_missing_then() {
    let harness = TestEngine::start(one(shows(None)));
    let scan = harness.send("created /tv/Show/Season01/a.mkv").await.scans[0];
    harness.seconds(890).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show/Season01"]);
    harness.seconds(20).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show/Season01", "/tv/Show"]);
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Sent);
    harness.seconds(400).await;
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Missing);
    assert!(error.contains("does not show \"/tv/Show/Season01/a.mkv\""), "{error}");
    assert!(error.contains("likely cause: the spy is blind"), "{error}");
    assert_eq!(harness.scans().await[0].state, ScanState::Attention);
    let asked = harness.targets[0].lookups.lock().unwrap().len();
    assert!(asked < 100, "{asked}");
    harness.seconds(3600).await;
    let again = harness.targets[0].lookups.lock().unwrap().len() - asked;
    assert!((3..10).contains(&again), "it is looked at again now and then: {again}");
    assert_eq!(harness.targets[0].folders().len(), 2, "and not told again");

    *harness.targets[0].shows_after.lock().unwrap() = Some(Duration::ZERO);
    harness.engine.retry(scan).await.unwrap();
    harness.seconds(10).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_seen_when_it_is_there_and_its_scan_needs_no_attention_any_more() {
    let harness = TestEngine::start(one(shows(None)));
    let scan = harness.send("created /tv/Show/Season01/a.mkv").await.scans[0];
    harness.seconds(1300).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Missing);
    let (_, reason) = harness.delivery(scan, "plex").await;
    harness.seconds(3 * 3600).await;
    assert_eq!(harness.delivery(scan, "plex").await, (DeliveryState::Missing, reason), "the reason stays");

    *harness.targets[0].shows_after.lock().unwrap() = Some(Duration::ZERO);
    harness.seconds(2 * 3600 + 300).await;
    let delivery = harness.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!((delivery.state, delivery.error, delivery.next_attempt_at), (DeliveryState::Seen, None, None));
    assert!(delivery.seen_at.is_some());
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn what_stays_missing_is_looked_at_for_a_day_also_after_a_restart_and_while_the_server_is_away() {
    let harness = TestEngine::start(one(shows(None)));
    let scan = harness.send("created /tv/Show/Season01/a.mkv").await.scans[0];
    harness.seconds(1300).await;
    let clock = harness.clock.clone();
    let store = harness.kill().await;
    let again = TestSetup { store: Some(store), clock: Some(clock), ..one(shows(None)) };
    let harness = TestEngine::start(again);
    harness.seconds(3600).await;
    assert!(!harness.targets[0].lookups.lock().unwrap().is_empty());
    harness.targets[0].set_down(Some(Fault::away("no answer")));
    harness.seconds(6 * 3600).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Missing, "an outage decides nothing");
    harness.targets[0].set_down(None);
    harness.seconds(18 * 3600).await;
    let asked = harness.targets[0].lookups.lock().unwrap().len();
    harness.seconds(6 * 3600).await;
    assert_eq!(harness.targets[0].lookups.lock().unwrap().len(), asked, "after a day nobody is asked");
    assert!(asked < 40, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_telling_that_the_server_lost_is_made_again_and_three_times_at_most() {
    let target = shows(None);
    *target.loses_after.lock().unwrap() = Some(Duration::from_mins(2));
    let harness = TestEngine::start(one(target));
    let scan = harness.send("created /tv/Show/Season01/a.mkv").await.scans[0];
    harness.seconds(110).await;
    assert_eq!(harness.targets[0].folders().len(), 1);
    harness.seconds(30).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show/Season01"; 2]);
    let steps = harness.engine.timeline(scan).await.unwrap().unwrap();
    let told_again = "telling it again because the spy does nothing now";
    assert!(steps.iter().any(|step| step.text.contains(told_again)), "{steps:?}");
    harness.seconds(1800).await;
    assert_eq!(harness.targets[0].folders().len(), 3);
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Missing);
}

#[tokio::test(start_paused = true)]
async fn what_was_told_just_before_an_outage_and_is_not_shown_is_told_again_when_the_server_is_back() {
    let harness = TestEngine::start(one(shows(None)));
    let scan = harness.send("created /tv/Show/Season01/a.mkv").await.scans[0];
    harness.seconds(5).await;
    assert_eq!(harness.targets[0].folders().len(), 1);
    harness.targets[0].set_down(Some(Fault::away("it restarts")));
    harness.seconds(30).await;
    harness.targets[0].set_down(None);
    *harness.targets[0].shows_after.lock().unwrap() = Some(Duration::from_secs(500));
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show/Season01"; 2], "what it was told it forgot");
    harness.seconds(600).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
    assert_eq!(harness.targets[0].folders().len(), 2, "once");
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_looked_at_is_compared_with_what_the_server_lists_both_ways() {
    let target = shows(None);
    target.lists(&["/tv/Show/old.mkv", "/tv/Show/S1/here.mkv", "/tv/Other/x.mkv"]);
    let harness = TestEngine::start(TestSetup { check: true, ..one(target) });
    for (file, age) in [("/tv/Show/S1/here.mkv", 10), ("/tv/Show/S1/new.mkv", 100_000)] {
        harness.files.put(file, 1, START - Duration::from_secs(age));
    }
    for newer in 0..20 {
        let file = format!("/tv/Show/S1/{newer}.mkv");
        harness.files.put(&file, 1, START - Duration::from_secs(20));
        harness.targets[0].listed.lock().unwrap().as_mut().unwrap().push(file);
    }
    let scan = harness.send("rescan /tv/Show").await.scans[0];
    harness.seconds(10).await;
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Sent);
    assert_eq!(error, "the spy still lists \"/tv/Show/old.mkv\"", "what is gone is not believed gone");
    harness.targets[0].listed.lock().unwrap().as_mut().unwrap().remove(0);
    harness.seconds(10).await;
    let (state, error) = harness.delivery(scan, "plex").await;
    let expected = "the spy does not list \"/tv/Show/S1/new.mkv\"".to_owned();
    assert_eq!((state, error), (DeliveryState::Sent, expected), "nor is an old file that it does not list");
    harness.targets[0].listed.lock().unwrap().as_mut().unwrap().push("/tv/Show/S1/new.mkv".into());
    harness.seconds(10).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn a_season_that_the_server_overlooks_is_found_by_its_show_but_a_library_is_never_scanned() {
    let mut target = shows(Some(5));
    target.ignores = Some("/tv/Show/Season01");
    let harness = TestEngine::start(one(target));
    let scan = harness.send("created /tv/Show/Season01/a.mkv").await.scans[0];
    let flat = harness.send("created /movies/a.mkv").await.scans[0];
    harness.seconds(1000).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
    assert_eq!(harness.delivery(flat, "plex").await.0, DeliveryState::Seen);

    *harness.targets[0].shows_after.lock().unwrap() = None;
    harness.send("created /movies/Film/a.mkv").await;
    harness.seconds(2000).await;
    assert!(
        !harness.targets[0].folders()[3..].contains(&"/movies".to_owned()),
        "{:?}",
        harness.targets[0].folders()
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_a_server_is_away_does_not_count() {
    let harness = TestEngine::start(one(shows(None)));
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    harness.seconds(60).await;
    harness.targets[0].lookup_faults.lock().unwrap().push_back(Fault::away("restarting"));
    harness.targets[0].set_down(Some(Fault::away("restarting")));
    harness.seconds(7200).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Sent);
    assert_eq!(harness.engine.targets()[0].state, "away");
    harness.targets[0].set_down(None);
    harness.seconds(600).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Sent, "a new while begins");
    *harness.targets[0].shows_after.lock().unwrap() = Some(Duration::ZERO);
    harness.seconds(120).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_not_understood_is_no_outage_and_no_proof() {
    let harness = TestEngine::start(one(shows(Some(0))));
    harness.targets[0].lookup_faults.lock().unwrap().push_back(Fault::wrong("400 to the question"));
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    harness.seconds(3).await;
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!((state, error.as_str()), (DeliveryState::Sent, "400 to the question"));
    assert_eq!(harness.engine.targets()[0].state, "open");
    harness.seconds(3).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_is_under_way_goes_on_after_a_restart() {
    let harness = TestEngine::start(one(shows(None)));
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    harness.seconds(60).await;
    let store = harness.stop().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), ..one(shows(None)) });
    // The clock of the new harness begins anew, a minute earlier.
    harness.seconds(100).await;
    assert!(!harness.targets[0].lookups.lock().unwrap().is_empty());
    assert!(harness.targets[0].folders().is_empty(), "and nothing is told again");
    harness.targets[0].accepted.lock().unwrap().push(("/tv/Show".into(), START));
    *harness.targets[0].shows_after.lock().unwrap() = Some(Duration::ZERO);
    harness.seconds(60).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn proof_that_is_off_and_servers_that_cannot_be_asked_are_done_when_they_were_told() {
    let off = TestEngine::start(TestSetup { proof: 0, ..one(shows(None)) });
    let scan = off.send("created /tv/Show/a.mkv").await.scans[0];
    off.seconds(5).await;
    assert_eq!(off.delivery(scan, "plex").await.0, DeliveryState::Sent);
    assert_eq!(off.scans().await[0].state, ScanState::Done);
    let mute = TestEngine::start(one(ScriptedTarget::default()));
    mute.send("created /tv/Show/a.mkv").await;
    mute.seconds(5).await;
    assert_eq!(mute.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn proof_that_is_switched_off_ends_what_was_to_be_asked() {
    let harness = TestEngine::start(one(shows(None)));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(60).await;
    let store = harness.stop().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), proof: 0, ..one(shows(None)) });
    harness.seconds(200).await;
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
    assert!(harness.targets[0].lookups.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_server_shows_no_item_for_is_told_and_not_called_missing() {
    let harness = TestEngine::start(one(shows(None)));
    let scan = harness.send("created /tv/Show/a.en.srt").await.scans[0];
    harness.seconds(5).await;
    let delivery = harness.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!(delivery.state, DeliveryState::Sent);
    assert!(delivery.note.unwrap().contains("subtitles are no items"));
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn the_disk_says_what_is_asked_for() {
    let harness = TestEngine::start(TestSetup { check: true, ..one(shows(Some(0))) });
    harness.files.put("/tv/Show/a.mkv", 700, START);
    harness.files.put("/tv/Show/back.mkv", 1, START);
    harness.seconds(10).await;
    harness
        .send("created /tv/Show/a.mkv\ndeleted /tv/Show/old.mkv\ndeleted /tv/Show/back.mkv\nreplaced /tv/Show/gone.mkv")
        .await;
    harness.seconds(5).await;
    let asked = harness.targets[0].lookups.lock().unwrap()[0].clone();
    let asked: Vec<_> = asked.iter().map(|one| (one.path.to_string(), one.presence)).collect();
    assert_eq!(
        asked,
        [
            ("/tv/Show/a.mkv".to_owned(), Presence::There { size: Some(700) }),
            ("/tv/Show/old.mkv".to_owned(), Presence::Gone),
            ("/tv/Show/back.mkv".to_owned(), Presence::There { size: Some(1) }),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_was_asked_for_as_a_whole_is_proven_by_its_newest_media() {
    let harness = TestEngine::start(TestSetup { check: true, ..one(shows(Some(0))) });
    for number in 0..30_u64 {
        harness.files.put(
            &format!("/tv/Show/{number}.mkv"),
            number,
            START - Duration::from_secs(1000 - number),
        );
    }
    harness.files.put("/tv/Show/Trailers/t.mkv", 1, START - Duration::from_secs(10));
    harness.files.put("/tv/Show/poster.jpg", 1, START - Duration::from_secs(10));
    harness.send("rescan /tv/Show").await;
    harness.seconds(5).await;
    let asked = harness.targets[0].lookups.lock().unwrap()[0].clone();
    assert_eq!(asked.len(), 10);
    assert_eq!(asked[0].path.as_str(), "/tv/Show/29.mkv");
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn care_follows_what_was_seen_and_is_waited_for() {
    let target = shows(Some(5));
    target.care_answers.lock().unwrap().extend([
        Care::Later("the library is being scanned".into()),
        Care::Done(vec!["analysed \"a\"".into(), "the trash was left alone: 3 anchors are gone".into()]),
    ]);
    let harness = TestEngine::start(TestSetup { anchors: vec!["/tv/.anchor"], ..one(target) });
    harness.files.put("/tv/.anchor", 0, START);
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    harness.seconds(8).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
    assert_eq!(harness.scans().await[0].state, ScanState::Running);
    harness.seconds(5).await;
    let delivery = harness.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!(delivery.note.unwrap(), "analysed \"a\"; the trash was left alone: 3 anchors are gone");
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
    let cared = harness.targets[0].care_calls.lock().unwrap();
    let last = cared.last().unwrap();
    assert!(last.proven);
    assert_eq!(last.guards.len(), 1);
    assert!(last.guards[0].prefix.as_str() == "/tv" && last.guards[0].fallen.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_was_gone_for_ten_seconds_is_a_fallen_guard_for_a_while() {
    let target = shows(Some(0));
    target.care_answers.lock().unwrap().push_back(Care::Done(vec![]));
    let harness = TestEngine::start(TestSetup { check: true, ..one(target) });
    harness.files.mount("/mnt");
    harness.files.put("/mnt/tv/Show/a.mkv", 1, START);
    harness.seconds(10).await;
    harness.send("created /mnt/tv/Show/a.mkv").await;
    harness.seconds(10).await;
    harness.files.unmount("/mnt");
    harness.seconds(10).await;
    harness.files.mount("/mnt");
    harness.files.put("/mnt/tv/Show/b.mkv", 1, START);
    harness.seconds(10).await;
    harness.targets[0].care_answers.lock().unwrap().push_back(Care::Done(vec![]));
    harness.send("created /mnt/tv/Show/b.mkv").await;
    harness.seconds(10).await;
    let cared = harness.targets[0].care_calls.lock().unwrap();
    assert_eq!(cared.len(), 2);
    assert!(cared[0].guards.iter().all(|guard| guard.fallen.is_none()));
    let fallen = cared[1].guards.iter().find_map(|guard| guard.fallen.clone()).unwrap();
    assert!(fallen.contains("was gone"), "{fallen}");
}

#[tokio::test(start_paused = true)]
async fn subtitles_are_told_with_the_film_they_belong_to_and_artwork_with_any_in_its_folder() {
    let harness = TestEngine::start(TestSetup { check: true, ..one(shows(None)) });
    for file in ["Film.mkv", "Film-2.mkv", "Film-2.en.srt", "poster.jpg"] {
        harness.files.put(&format!("/movies/Film/{file}"), 1, START);
    }
    harness.seconds(10).await;
    let companions = async |line: &str| -> Vec<String> {
        harness.send(line).await;
        harness.seconds(5).await;
        let last = harness.targets[0].scans.lock().unwrap().last().unwrap().clone();
        last.companions.iter().map(ToString::to_string).collect()
    };
    assert_eq!(companions("created /movies/Film/Film-2.en.srt").await, ["/movies/Film/Film-2.mkv"]);
    assert_eq!(companions("created /movies/Film/poster.jpg").await.len(), 2);
    let both = "created /movies/Film/Film.mkv\ncreated /movies/Film/poster.jpg";
    assert!(companions(both).await.is_empty(), "a new film is scanned for");
}
