//! What MPD is told of what is gone or was moved, and of what has other content under its old name, against a pretend MPD.

use std::sync::Arc;
use std::time::Duration;

use crate::media::wait;
use crate::support::{changed, connect, path, rescan, verdict, verdicts};
use autoscan_core::change::{Change, Subject};
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::PretendMpd;
use serde_json::json;

/// A pretend MPD that knows these songs, and the target.
async fn mpd(songs: &[&str]) -> (PretendMpd, Arc<dyn Target>) {
    let mpd = PretendMpd::start(None).await.unwrap();
    let settings = json!({"host": "127.0.0.1", "port": mpd.port(), "music-directory": "/srv/music"});
    let server = connect("mpd", &settings);
    for song in songs {
        mpd.put(song, 1);
    }
    tell(&*server, rescan("/srv/music")).await;
    mpd.forget_commands();
    (mpd, server)
}

async fn tell(server: &dyn Target, scan: TargetScan) {
    assert_eq!(verdicts(&server.scan(&[scan]).await), ["ok"]);
}

/// A scan that is told by the music directory: the nearest folder that is still there.
fn at_the_root(changes: Vec<Change<TargetPath>>) -> TargetScan {
    changed("/srv/music", changes)
}

fn at(song: &str) -> TargetPath {
    path(&format!("/srv/music/{song}"))
}

fn there(song: &str, size: Option<u64>) -> ExpectedFile {
    ExpectedFile { path: at(song), subject: Subject::File, presence: Presence::There { size } }
}

fn gone(song: &str) -> ExpectedFile {
    ExpectedFile { presence: Presence::Gone, ..there(song, None) }
}

/// What MPD was told to look at.
fn told(mpd: &PretendMpd) -> Vec<String> {
    let commands = mpd.commands().into_iter();
    commands.filter(|command| command.starts_with("update ") || command.starts_with("rescan ")).collect()
}

/// What is shown of one file: nothing when it is proven, else why not.
async fn shown(server: &dyn Target, folder: &str, expected: ExpectedFile) -> String {
    let shown = server.proof().unwrap().find(&path(folder), &[expected]).await.unwrap();
    match &shown[0] {
        Observation::Proven => String::new(),
        Observation::NotYet(reason) | Observation::Unknowable(reason) => reason.clone(),
    }
}

#[tokio::test]
async fn what_is_gone_with_its_artist_is_told_itself_at_every_depth() {
    let songs = ["Gone/Al/CD 1/01.mp3", "Gone/Al/CD 1/02.mp3", "Stays/1.mp3"];
    for (change, command) in [
        (Change::folder_deleted(at("Gone")), "update \"Gone\""),
        (Change::folder_deleted(at("Gone/Al")), "update \"Gone/Al\""),
        (Change::folder_deleted(at("Gone/Al/CD 1")), "update \"Gone/Al/CD 1\""),
        (Change::deleted(at("Gone/Al/CD 1/01.mp3")), "update \"Gone/Al/CD 1\""),
        (Change::rescan(at("Gone")), "update \"Gone\""),
        (Change::rescan(at("Gone/Al/CD 1")), "update \"Gone/Al/CD 1\""),
    ] {
        let (mpd, server) = mpd(&songs).await;
        mpd.take("Gone/Al/CD 1/01.mp3");
        mpd.take("Gone/Al/CD 1/02.mp3");
        mpd.put("Untold/1.mp3", 1);
        tell(&*server, at_the_root(vec![change])).await;
        assert_eq!(told(&mpd), [command]);
        assert_eq!(mpd.songs(), ["Stays/1.mp3"], "{command}");
        assert_eq!(shown(&*server, "/srv/music", gone("Gone/Al/CD 1/01.mp3")).await, "");
    }
}

#[tokio::test]
async fn a_song_deleted_from_the_music_directory_itself_is_told_itself() {
    let (mpd, server) = mpd(&["1.mp3", "Stays/1.mp3"]).await;
    mpd.take("1.mp3");
    tell(&*server, at_the_root(vec![Change::deleted(at("1.mp3"))])).await;
    assert_eq!(
        (told(&mpd), mpd.songs()),
        (vec!["update \"1.mp3\"".to_owned()], vec!["Stays/1.mp3".to_owned()])
    );
}

#[tokio::test]
async fn the_songs_of_a_gone_album_are_told_in_one_command() {
    let songs: Vec<String> = (0..100).map(|number| format!("Gone/Al/{number}.mp3")).collect();
    let (mpd, server) = mpd(&songs.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for song in &songs {
        mpd.take(song);
    }
    tell(&*server, at_the_root(songs.iter().map(|song| Change::deleted(at(song))).collect())).await;
    assert_eq!((told(&mpd), mpd.songs()), (vec!["update \"Gone/Al\"".to_owned()], Vec::new()));
}

#[tokio::test]
async fn mpd_is_not_told_of_what_is_gone_and_what_it_does_not_know() {
    let (mpd, server) = mpd(&["Stays/1.mp3"]).await;
    let changes = vec![Change::folder_deleted(at("Stays/Gone")), Change::deleted(at("Gone/Al/1.mp3"))];
    tell(&*server, at_the_root(changes)).await;
    assert!(told(&mpd).is_empty());
    assert_eq!(shown(&*server, "/srv/music", gone("Gone/Al/1.mp3")).await, "");
}

#[tokio::test]
async fn a_song_moved_out_of_an_artist_that_is_gone_is_told_by_its_old_name_too() {
    let (mpd, server) = mpd(&["Gone/Al/1.mp3"]).await;
    mpd.take("Gone/Al/1.mp3");
    mpd.put("New/Al/1.mp3", 1);
    tell(&*server, at_the_root(vec![Change::moved(at("Gone/Al/1.mp3"), at("New/Al/1.mp3"))])).await;
    assert_eq!(told(&mpd), ["update \"Gone/Al\"", "update \"New\""]);
    assert_eq!(mpd.songs(), ["New/Al/1.mp3"]);
}

#[tokio::test]
async fn all_music_is_updated_only_when_a_person_asks_for_it() {
    let (mpd, server) = mpd(&["A/B/1.mp3", "2.mp3"]).await;
    let (file, folder) = (at("A/B/1.mp3"), at("A/B"));
    for change in [
        Change::created(file.clone()),
        Change::modified(file.clone()),
        Change::replaced(file.clone()),
        Change::deleted(file.clone()),
        Change::folder_deleted(folder.clone()),
        Change::moved(file.clone(), at("C/1.mp3")),
        Change::moved(at("C/1.mp3"), file.clone()),
        Change::moved(path("/elsewhere/1.mp3"), file.clone()),
        Change::moved(file.clone(), at("3.mp3")),
        Change::modified(at("2.mp3")),
        Change::modified(at("cover.jpg")),
        Change::rescan(folder.clone()),
        Change::folder_deleted(path("/srv/music")),
    ] {
        for scan in [rescan("/srv/music/A"), at_the_root(Vec::new()), changed("/srv/music/A/B", Vec::new())] {
            let scan = TargetScan { changes: vec![change.clone()], ..scan };
            for result in server.scan(&[scan]).await {
                let verdict = verdict(&result);
                let told_of_all = change == Change::folder_deleted(path("/srv/music"));
                assert!(verdict == "ok" || (told_of_all && verdict == "not mine"), "{change:?}: {verdict}");
            }
        }
    }
    assert_eq!(verdicts(&server.scan(&[at_the_root(Vec::new())]).await), ["not mine"]);
    assert!(!told(&mpd).iter().any(|command| command.ends_with(" \"\"")), "{:?}", told(&mpd));
    tell(&*server, rescan("/srv/music")).await;
    assert_eq!(told(&mpd).last().unwrap(), "update \"\"");
}

#[tokio::test]
async fn a_song_with_other_bytes_and_the_same_time_of_change_is_read_anew() {
    let (mpd, server) = mpd(&["A/B/1.mp3", "A/B/2.mp3"]).await;
    mpd.put_song("A/B/1.mp3", 1, 9);
    tell(&*server, rescan("/srv/music/A/B")).await;
    assert_eq!(mpd.seconds("A/B/1.mp3"), Some(1), "an update leaves it");
    mpd.forget_commands();
    let scan = changed("/srv/music/A/B", vec![Change::modified(at("A/B/1.mp3"))]);
    let plan = server.plan(&scan).await.unwrap();
    assert_eq!(plan.calls[0].body.as_deref(), Some("rescan \"A/B/1.mp3\""));
    tell(&*server, scan).await;
    assert_eq!((told(&mpd), mpd.seconds("A/B/1.mp3")), (vec!["rescan \"A/B/1.mp3\"".to_owned()], Some(9)));
    assert_eq!(shown(&*server, "/srv/music/A/B", there("A/B/1.mp3", Some(52))).await, "");
}

#[tokio::test]
async fn changed_songs_beside_other_changes_are_read_anew_too() {
    let (mpd, server) = mpd(&["A/B/1.mp3", "A/B/2.mp3"]).await;
    mpd.put_song("A/B/1.mp3", 1, 9);
    mpd.put("A/B/3.mp3", 1);
    let changes = vec![
        Change::created(at("A/B/3.mp3")),
        Change::modified(at("A/B/1.mp3")),
        Change::modified(at("A/B/cover.jpg")),
    ];
    tell(&*server, changed("/srv/music/A/B", changes)).await;
    assert_eq!(told(&mpd), ["update \"A/B\"", "rescan \"A/B/1.mp3\""]);
    assert_eq!((mpd.seconds("A/B/1.mp3"), mpd.songs().len()), (Some(9), 3));
}

#[tokio::test]
async fn many_changed_songs_of_a_folder_are_one_command() {
    let songs: Vec<String> = (0..40).map(|number| format!("A/B/{number}.mp3")).collect();
    let (mpd, server) = mpd(&songs.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for song in &songs {
        mpd.put_song(song, 1, 9);
    }
    let changes = songs.iter().map(|song| Change::modified(at(song))).collect();
    tell(&*server, changed("/srv/music/A/B", changes)).await;
    assert_eq!(told(&mpd), ["rescan \"A/B\""]);
    assert!(songs.iter().all(|song| mpd.seconds(song) == Some(9)));
}

#[tokio::test]
async fn a_changed_song_in_a_folder_that_mpd_does_not_know_is_read_with_its_folder() {
    let (mpd, server) = mpd(&["A/Old/1.mp3"]).await;
    mpd.put("A/New/1.mp3", 1);
    tell(&*server, changed("/srv/music/A/New", vec![Change::modified(at("A/New/1.mp3"))])).await;
    assert_eq!(
        told(&mpd),
        ["update \"A/New\""],
        "a rescan below a folder that MPD does not know does nothing"
    );
    assert_eq!(shown(&*server, "/srv/music/A/New", there("A/New/1.mp3", Some(44))).await, "");
}

#[tokio::test]
async fn a_replaced_song_is_proven_when_mpd_has_it_as_it_lies_on_the_disk() {
    let (mpd, server) = mpd(&["A/B/1.mp3"]).await;
    mpd.put_song("A/B/1.mp3", 1, 9);
    tell(&*server, changed("/srv/music/A/B", vec![Change::modified(at("A/B/1.mp3"))])).await;
    let folder = "/srv/music/A/B";
    let reason = shown(&*server, folder, there("A/B/1.mp3", Some(60))).await;
    assert!(reason.contains("with 52 bytes, and it has 60 here; it was told again"), "{reason}");

    // MPD had read the old file from a mount that showed the new one late.
    mpd.put_song("A/B/1.mp3", 2, 17);
    let reason = shown(&*server, folder, there("A/B/1.mp3", Some(60))).await;
    assert!(reason.contains("as of 1, and the file was changed at 2; it was told again"), "{reason}");
    assert_eq!(shown(&*server, folder, there("A/B/1.mp3", Some(60))).await, "");
    assert_eq!(mpd.seconds("A/B/1.mp3"), Some(17));
}

#[tokio::test]
async fn a_song_that_was_not_replaced_is_proven_without_a_look_at_mpds_disk() {
    let (mpd, server) = mpd(&[]).await;
    mpd.put("A/B/1.mp3", 1);
    tell(&*server, changed("/srv/music/A/B", vec![Change::created(at("A/B/1.mp3"))])).await;
    assert_eq!(shown(&*server, "/srv/music/A/B", there("A/B/1.mp3", Some(60))).await, "");
    assert!(!mpd.commands().iter().any(|command| command.starts_with("listfiles")), "{:?}", mpd.commands());
}

#[tokio::test]
async fn what_mpd_forgot_before_a_song_was_replaced_does_not_make_it_doubtful() {
    let (mpd, server) = mpd(&["A/B/1.mp3"]).await;
    mpd.hold_updates(true);
    tell(&*server, changed("/srv/music/A/B", vec![Change::created(at("A/B/2.mp3"))])).await;
    wait(Duration::from_secs(5)).await;
    mpd.restart();
    mpd.hold_updates(false);
    assert!(shown(&*server, "/srv/music/A/B", there("A/B/2.mp3", None)).await.contains("does not list"));
    mpd.put_song("A/B/1.mp3", 1, 9);
    tell(&*server, changed("/srv/music/A/B", vec![Change::modified(at("A/B/1.mp3"))])).await;
    mpd.has_been_up(Duration::from_secs(1));
    assert_eq!(shown(&*server, "/srv/music/A/B", there("A/B/1.mp3", Some(52))).await, "");
}

#[tokio::test]
async fn a_song_that_is_read_anew_right_after_a_restart_is_proven_in_the_end() {
    let (mpd, server) = mpd(&["1.mp3"]).await;
    mpd.hold_updates(true);
    mpd.put_song("1.mp3", 2, 9);
    tell(&*server, at_the_root(vec![Change::created(at("1.mp3"))])).await;
    mpd.restart();
    mpd.hold_updates(false);
    let mut reasons = Vec::new();
    for _ in 0..3 {
        reasons.push(shown(&*server, "/srv/music", there("1.mp3", Some(52))).await);
        wait(Duration::from_secs(2)).await;
        mpd.has_been_up(Duration::from_secs(2));
    }
    assert_eq!((reasons[2].as_str(), mpd.seconds("1.mp3")), ("", Some(9)), "{reasons:?}");
}

/// Why the target believes that MPD lost what it was told so long ago.
async fn lost(server: &dyn Target, scan: &TargetScan, told_ago: Duration) -> Option<String> {
    server.proof().unwrap().lost(scan, told_ago).await
}

#[tokio::test]
async fn what_mpd_forgot_by_being_restarted_is_believed_lost_whatever_it_was() {
    let told_ago = Duration::from_secs(2);
    for change in [
        Change::deleted(at("A/B/2.mp3")),
        Change::folder_deleted(at("Gone")),
        Change::moved(at("Gone/1.mp3"), at("A/B/3.mp3")),
        Change::created(at("A/B/3.mp3")),
        Change::modified(at("A/B/1.mp3")),
    ] {
        let (mpd, server) = mpd(&["A/B/1.mp3", "A/B/2.mp3", "Gone/1.mp3"]).await;
        mpd.hold_updates(true);
        let scan = at_the_root(vec![change]);
        tell(&*server, scan.clone()).await;
        assert_eq!(lost(&*server, &scan, told_ago).await, None, "it goes on: {scan:?}");
        mpd.restart();
        let reason = lost(&*server, &scan, told_ago).await.unwrap();
        assert!(reason.contains("MPD was restarted 0 s ago"), "{reason}");
        mpd.has_been_up(Duration::from_secs(5));
        assert_eq!(lost(&*server, &scan, told_ago).await, None, "it was told after that");
    }
}

#[tokio::test]
async fn what_mpd_forgot_is_not_proven_until_it_was_told_again() {
    for (change, mtime, part) in [
        (Change::modified(at("A/B/1.mp3")), 1, "MPD was restarted before it had ended its update"),
        (Change::created(at("A/B/1.mp3")), 2, "the file was changed at 2; it was told again"),
    ] {
        let (mpd, server) = mpd(&["A/B/1.mp3", "A/B/2.mp3"]).await;
        mpd.put_song("A/B/1.mp3", mtime, 9);
        mpd.take("A/B/2.mp3");
        mpd.hold_updates(true);
        let scan = changed("/srv/music/A/B", vec![change, Change::deleted(at("A/B/2.mp3"))]);
        tell(&*server, scan.clone()).await;
        mpd.restart();
        mpd.hold_updates(false);
        let there = || there("A/B/1.mp3", Some(52));
        for _ in 0..2 {
            assert!(shown(&*server, "/srv/music/A/B", gone("A/B/2.mp3")).await.contains("still lists"));
        }
        let reason = shown(&*server, "/srv/music/A/B", there()).await;
        assert!(reason.contains(part), "{reason}");
        tell(&*server, scan).await;
        mpd.has_been_up(Duration::from_secs(5));
        for expected in [there(), gone("A/B/2.mp3")] {
            assert_eq!(shown(&*server, "/srv/music/A/B", expected).await, "");
        }
        assert_eq!(mpd.seconds("A/B/1.mp3"), Some(9));
    }
}

#[tokio::test]
async fn an_mpd_that_goes_on_is_not_told_again() {
    let (mpd, server) = mpd(&["A/B/1.mp3"]).await;
    mpd.hold_updates(true);
    tell(&*server, changed("/srv/music/A/B", vec![Change::modified(at("A/B/1.mp3"))])).await;
    let reason = shown(&*server, "/srv/music/A/B", there("A/B/1.mp3", Some(44))).await;
    assert!(reason.contains("has not ended its update number 2"), "{reason}");
    assert_eq!(told(&mpd).len(), 1);
}

#[tokio::test]
async fn a_deletion_is_never_told_again_by_the_proof() {
    let (mpd, server) = mpd(&["Gone/1.mp3", "New/1.mp3"]).await;
    mpd.hold_updates(true);
    let moved = Change::moved(at("Gone/1.mp3"), at("New/1.mp3"));
    tell(&*server, at_the_root(vec![moved])).await;
    mpd.restart();
    mpd.forget_commands();
    let expected = [gone("Gone/1.mp3"), there("New/1.mp3", Some(44))];
    server.proof().unwrap().find(&path("/srv/music"), &expected).await.unwrap();
    assert_eq!(told(&mpd), [""; 0], "what guards the disk was not looked at");
}

#[tokio::test]
async fn an_mpd_is_told_and_asked_at_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let settings = json!({"host": socket, "music-directory": "/srv/music"});
    let server = connect("mpd", &settings);
    let reason = server.probe().await.unwrap_err().to_string();
    assert!(reason.contains("there is no such socket; is MPD running"), "{reason}");
    let mpd = PretendMpd::start_at(&socket).unwrap();
    assert_eq!(verdict(&server.probe().await.map(drop)), "ok");
    mpd.put("A/1.mp3", 1);
    tell(&*server, rescan("/srv/music/A")).await;
    assert_eq!(shown(&*server, "/srv/music/A", there("A/1.mp3", Some(44))).await, "");
    mpd.close();
    let mut reason = String::new();
    while !reason.contains("nobody listens at this socket") {
        reason = server.probe().await.unwrap_err().to_string();
    }
}
