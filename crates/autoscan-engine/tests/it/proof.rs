//! Done means seen.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Care;
use autoscan_core::proof::Presence;
use autoscan_core::scan::ScanState;
use autoscan_testkit::START;

use crate::world::{Setup, Spy, World};

/// A server that shows what it was told of so many seconds later; never when none are given.
fn shows(after: Option<u64>) -> Spy {
    Spy { proves: true, shows_after: after.map(Duration::from_secs).into(), ..Spy::default() }
}

fn one(spy: Spy) -> Setup {
    Setup { spies: vec![("plex", spy)], minimum_age: 0, ..Setup::default() }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_sent_until_the_server_shows_the_file_and_seen_then() {
    let world = World::start(one(shows(Some(20))));
    let scan = world.send("created /tv/Show/a.mkv").await.scans[0];
    world.seconds(15).await;
    let (state, error) = world.delivery(scan, "plex").await;
    assert_eq!((state, error.as_str()), (DeliveryState::Sent, "the spy does not show \"/tv/Show/a.mkv\""));
    assert_eq!(world.scans().await[0].state, ScanState::Running);
    world.seconds(10).await;
    let delivery = world.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!((delivery.state, delivery.error), (DeliveryState::Seen, None));
    assert_eq!(world.scans().await[0].state, ScanState::Done);
    let late =
        delivery.seen_at.unwrap().since(delivery.sent_at.unwrap()).checked_sub(Duration::from_secs(20));
    assert!(late.unwrap() <= Duration::from_secs(3), "{late:?}");
    assert_eq!(world.spies[0].folders(), ["/tv/Show"], "once");
    let figures = world.engine.targets()[0].figures.clone();
    assert_eq!((figures.seen, figures.visible_within[3], figures.visible_within[4]), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_appear_is_told_once_more_by_the_folder_above_and_is_missing_then() {
    let world = World::start(one(shows(None)));
    let scan = world.send("created /tv/Show/Season01/a.mkv").await.scans[0];
    world.seconds(890).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show/Season01"]);
    world.seconds(20).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show/Season01", "/tv/Show"]);
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Sent);
    world.seconds(400).await;
    let (state, error) = world.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Missing);
    assert!(error.contains("does not show \"/tv/Show/Season01/a.mkv\""), "{error}");
    assert!(error.contains("likely cause: the spy is blind"), "{error}");
    assert_eq!(world.scans().await[0].state, ScanState::Attention);
    let asked = world.spies[0].asked.lock().unwrap().len();
    assert!(asked < 100, "{asked}");
    world.seconds(3600).await;
    assert_eq!(world.spies[0].asked.lock().unwrap().len(), asked, "nobody is asked for what is given up");

    *world.spies[0].shows_after.lock().unwrap() = Some(Duration::ZERO);
    world.engine.retry(scan).await.unwrap();
    world.seconds(10).await;
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn a_season_that_the_server_overlooks_is_found_by_its_show_but_a_library_is_never_scanned() {
    let mut spy = shows(Some(5));
    spy.blind = Some("/tv/Show/Season01");
    let world = World::start(one(spy));
    let scan = world.send("created /tv/Show/Season01/a.mkv").await.scans[0];
    let flat = world.send("created /movies/a.mkv").await.scans[0];
    world.seconds(1000).await;
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Seen);
    assert_eq!(world.delivery(flat, "plex").await.0, DeliveryState::Seen);

    *world.spies[0].shows_after.lock().unwrap() = None;
    world.send("created /movies/Film/a.mkv").await;
    world.seconds(2000).await;
    assert!(!world.spies[0].folders()[3..].contains(&"/movies".to_owned()), "{:?}", world.spies[0].folders());
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_a_server_is_away_does_not_count() {
    let world = World::start(one(shows(None)));
    let scan = world.send("created /tv/Show/a.mkv").await.scans[0];
    world.seconds(60).await;
    world.spies[0].ask_faults.lock().unwrap().push_back(Fault::away("restarting"));
    world.spies[0].set_down(Some(Fault::away("restarting")));
    world.seconds(7200).await;
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Sent);
    assert_eq!(world.engine.targets()[0].state, "away");
    world.spies[0].set_down(None);
    world.seconds(600).await;
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Sent, "a new while begins");
    *world.spies[0].shows_after.lock().unwrap() = Some(Duration::ZERO);
    world.seconds(120).await;
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_not_understood_is_no_outage_and_no_proof() {
    let world = World::start(one(shows(Some(0))));
    world.spies[0].ask_faults.lock().unwrap().push_back(Fault::wrong("400 to the question"));
    let scan = world.send("created /tv/Show/a.mkv").await.scans[0];
    world.seconds(3).await;
    let (state, error) = world.delivery(scan, "plex").await;
    assert_eq!((state, error.as_str()), (DeliveryState::Sent, "400 to the question"));
    assert_eq!(world.engine.targets()[0].state, "open");
    world.seconds(3).await;
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_is_under_way_goes_on_after_a_restart() {
    let world = World::start(one(shows(None)));
    let scan = world.send("created /tv/Show/a.mkv").await.scans[0];
    world.seconds(60).await;
    let store = world.stop().await;
    let world = World::start(Setup { store: Some(store), ..one(shows(None)) });
    // The clock of the new world begins anew, a minute earlier.
    world.seconds(100).await;
    assert!(!world.spies[0].asked.lock().unwrap().is_empty());
    assert!(world.spies[0].folders().is_empty(), "and nothing is told again");
    world.spies[0].told.lock().unwrap().push(("/tv/Show".into(), START));
    *world.spies[0].shows_after.lock().unwrap() = Some(Duration::ZERO);
    world.seconds(60).await;
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn proof_that_is_off_and_servers_that_cannot_be_asked_are_done_when_they_were_told() {
    let off = World::start(Setup { proof: 0, ..one(shows(None)) });
    let scan = off.send("created /tv/Show/a.mkv").await.scans[0];
    off.seconds(5).await;
    assert_eq!(off.delivery(scan, "plex").await.0, DeliveryState::Sent);
    assert_eq!(off.scans().await[0].state, ScanState::Done);
    let mute = World::start(one(Spy::default()));
    mute.send("created /tv/Show/a.mkv").await;
    mute.seconds(5).await;
    assert_eq!(mute.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn proof_that_is_switched_off_ends_what_was_to_be_asked() {
    let world = World::start(one(shows(None)));
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(60).await;
    let store = world.stop().await;
    let world = World::start(Setup { store: Some(store), proof: 0, ..one(shows(None)) });
    world.seconds(200).await;
    assert_eq!(world.scans().await[0].state, ScanState::Done);
    assert!(world.spies[0].asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_server_shows_no_item_for_is_told_and_not_called_missing() {
    let world = World::start(one(shows(None)));
    let scan = world.send("created /tv/Show/a.en.srt").await.scans[0];
    world.seconds(5).await;
    let delivery = world.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!(delivery.state, DeliveryState::Sent);
    assert!(delivery.note.unwrap().contains("subtitles are no items"));
    assert_eq!(world.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn the_disk_says_what_is_asked_for() {
    let world = World::start(Setup { check: true, ..one(shows(Some(0))) });
    world.files.put("/tv/Show/a.mkv", 700, START);
    world.files.put("/tv/Show/back.mkv", 1, START);
    world.seconds(10).await;
    world
        .send("created /tv/Show/a.mkv\ndeleted /tv/Show/old.mkv\ndeleted /tv/Show/back.mkv\nreplaced /tv/Show/gone.mkv")
        .await;
    world.seconds(5).await;
    let asked = world.spies[0].asked.lock().unwrap()[0].clone();
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
    let world = World::start(Setup { check: true, ..one(shows(Some(0))) });
    for number in 0..30_u64 {
        world.files.put(
            &format!("/tv/Show/{number}.mkv"),
            number,
            START - Duration::from_secs(1000 - number),
        );
    }
    world.files.put("/tv/Show/Trailers/t.mkv", 1, START - Duration::from_secs(10));
    world.files.put("/tv/Show/poster.jpg", 1, START - Duration::from_secs(10));
    world.send("rescan /tv/Show").await;
    world.seconds(5).await;
    let asked = world.spies[0].asked.lock().unwrap()[0].clone();
    assert_eq!(asked.len(), 10);
    assert_eq!(asked[0].path.as_str(), "/tv/Show/29.mkv");
    assert_eq!(world.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn care_follows_what_was_seen_and_is_waited_for() {
    let spy = shows(Some(5));
    spy.cares.lock().unwrap().extend([
        Care::Later("the library is being scanned".into()),
        Care::Done(vec!["analysed \"a\"".into(), "the trash was left alone: 3 anchors are gone".into()]),
    ]);
    let world = World::start(Setup { anchors: vec!["/tv/.anchor"], ..one(spy) });
    world.files.put("/tv/.anchor", 0, START);
    let scan = world.send("created /tv/Show/a.mkv").await.scans[0];
    world.seconds(8).await;
    assert_eq!(world.delivery(scan, "plex").await.0, DeliveryState::Seen);
    assert_eq!(world.scans().await[0].state, ScanState::Running);
    world.seconds(5).await;
    let delivery = world.engine.show(scan).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!(delivery.note.unwrap(), "analysed \"a\"; the trash was left alone: 3 anchors are gone");
    assert_eq!(world.scans().await[0].state, ScanState::Done);
    let cared = world.spies[0].cared.lock().unwrap();
    let last = cared.last().unwrap();
    assert!(last.proven);
    assert_eq!(last.guards.len(), 1);
    assert!(last.guards[0].prefix.as_str() == "/tv" && last.guards[0].fallen.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_was_gone_for_ten_seconds_is_a_fallen_guard_for_a_while() {
    let spy = shows(Some(0));
    spy.cares.lock().unwrap().push_back(Care::Done(vec![]));
    let world = World::start(Setup { check: true, ..one(spy) });
    world.files.mount("/mnt");
    world.files.put("/mnt/tv/Show/a.mkv", 1, START);
    world.seconds(10).await;
    world.send("created /mnt/tv/Show/a.mkv").await;
    world.seconds(10).await;
    world.files.unmount("/mnt");
    world.seconds(10).await;
    world.files.mount("/mnt");
    world.files.put("/mnt/tv/Show/b.mkv", 1, START);
    world.seconds(10).await;
    world.spies[0].cares.lock().unwrap().push_back(Care::Done(vec![]));
    world.send("created /mnt/tv/Show/b.mkv").await;
    world.seconds(10).await;
    let cared = world.spies[0].cared.lock().unwrap();
    assert_eq!(cared.len(), 2);
    assert!(cared[0].guards.iter().all(|guard| guard.fallen.is_none()));
    let fallen = cared[1].guards.iter().find_map(|guard| guard.fallen.clone()).unwrap();
    assert!(fallen.contains("was gone"), "{fallen}");
}

#[tokio::test(start_paused = true)]
async fn subtitles_are_told_with_the_film_they_belong_to_and_artwork_with_any_in_its_folder() {
    let world = World::start(Setup { check: true, ..one(shows(None)) });
    for file in ["Film.mkv", "Film-2.mkv", "Film-2.en.srt", "poster.jpg"] {
        world.files.put(&format!("/movies/Film/{file}"), 1, START);
    }
    world.seconds(10).await;
    let companions = async |line: &str| -> Vec<String> {
        world.send(line).await;
        world.seconds(5).await;
        let last = world.spies[0].scans.lock().unwrap().last().unwrap().clone();
        last.companions.iter().map(ToString::to_string).collect()
    };
    assert_eq!(companions("created /movies/Film/Film-2.en.srt").await, ["/movies/Film/Film-2.mkv"]);
    assert_eq!(companions("created /movies/Film/poster.jpg").await.len(), 2);
    let both = "created /movies/Film/Film.mkv\ncreated /movies/Film/poster.jpg";
    assert!(companions(both).await.is_empty(), "a new film is scanned for");
}
