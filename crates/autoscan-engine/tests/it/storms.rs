//! Many deletions at once are held.

use autoscan_core::delivery::DeliveryState;
use autoscan_core::storm::StormRule;
use autoscan_testkit::START;

use crate::world::{Setup, World};

fn stormy() -> Setup {
    Setup {
        storm: Some(StormRule::default()),
        check: true,
        minimum_age: 0,
        maps: vec![("/tv", "/mnt/tv")],
        ..Setup::default()
    }
}

/// So many shows of one file each below `/mnt/tv`.
fn fill(world: &World, shows: std::ops::Range<usize>) {
    for show in shows {
        world.files.put(&format!("/mnt/tv/Show{show}/a.mkv"), 1, START);
    }
}

/// Reports the deletion of the files of these shows; and they are gone from the disk.
async fn delete(world: &World, shows: std::ops::Range<usize>) {
    for show in shows {
        world.files.remove(&format!("/mnt/tv/Show{show}/a.mkv"));
        world.send(&format!("deleted /tv/Show{show}/a.mkv")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_deletions_is_held_and_said_and_a_person_releases_it() {
    let world = World::start(stormy());
    fill(&world, 0..100);
    delete(&world, 0..60).await;
    world.seconds(1000).await;
    let told = world.spies[0].folders().len();
    assert_eq!(told, 0, "what looks like a lost mount reaches nobody");
    let scan = world.scans().await[0].id;
    let (state, error) = world.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("60 files under \"/mnt/tv\"") && error.contains("retry"), "{error}");
    world.send("created /tv/Show90/b.mkv").await;
    world.files.put("/mnt/tv/Show90/b.mkv", 1, START);
    world.seconds(20).await;
    assert_eq!(world.spies[0].folders(), ["/mnt/tv/Show90"], "what is no deletion flows");
    world.engine.retry(scan).await.unwrap();
    world.seconds(30).await;
    assert_eq!(world.spies[0].folders().len(), 61, "one word of a person releases them all");
}

#[tokio::test(start_paused = true)]
async fn a_storm_survives_a_restart() {
    let world = World::start(stormy());
    fill(&world, 0..100);
    delete(&world, 0..60).await;
    world.seconds(60).await;
    let files = world.files.clone();
    let store = world.stop().await;
    let world = World::start(Setup { store: Some(store), ..stormy() });
    drop(files);
    fill(&world, 60..100);
    world.seconds(300).await;
    assert!(world.spies[0].folders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_an_anchor_stands_and_the_files_are_gone_it_ends_by_itself() {
    let world = World::start(Setup { anchors: vec!["/mnt/tv/.anchor"], ..stormy() });
    world.files.put("/mnt/tv/.anchor", 0, START);
    fill(&world, 0..100);
    delete(&world, 0..60).await;
    world.seconds(30).await;
    assert!(world.spies[0].folders().is_empty(), "not before it is calm");
    world.seconds(60).await;
    assert_eq!(world.spies[0].folders().len(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_still_there_is_not_really_gone() {
    let world = World::start(Setup { anchors: vec!["/mnt/tv/.anchor"], ..stormy() });
    world.files.put("/mnt/tv/.anchor", 0, START);
    fill(&world, 0..100);
    delete(&world, 0..60).await;
    world.files.put("/mnt/tv/Show0/a.mkv", 1, START);
    world.seconds(600).await;
    assert_eq!(world.spies[0].folders().len(), 59);
    assert!(!world.spies[0].folders().contains(&"/mnt/tv/Show0".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_tidies_makes_no_storm() {
    let few = World::start(stormy());
    fill(&few, 0..100);
    delete(&few, 0..49).await;
    few.seconds(60).await;
    assert_eq!(few.spies[0].folders().len(), 49);
    let of_many = World::start(stormy());
    fill(&of_many, 0..400);
    delete(&of_many, 0..60).await;
    of_many.seconds(60).await;
    assert_eq!(of_many.spies[0].folders().len(), 60);
    let slowly = World::start(stormy());
    fill(&slowly, 0..100);
    for show in 0..60 {
        delete(&slowly, show..show + 1).await;
        slowly.seconds(2).await;
    }
    slowly.seconds(30).await;
    assert_eq!(slowly.spies[0].folders().len(), 60);
}

#[tokio::test(start_paused = true)]
async fn sixty_upgrades_in_a_minute_are_no_storm() {
    let world = World::start(stormy());
    fill(&world, 0..60);
    for show in 0..60 {
        world.files.remove(&format!("/mnt/tv/Show{show}/a.mkv"));
        world.files.put(&format!("/mnt/tv/Show{show}/b.mkv"), 1, START);
        world.send(&format!("created /tv/Show{show}/b.mkv\ndeleted /tv/Show{show}/a.mkv")).await;
    }
    world.seconds(30).await;
    assert_eq!(world.spies[0].folders().len(), 60);
}
