//! How MPD is told and asked, against a pretend MPD.

use std::sync::Arc;

use crate::support::{AWKWARD, changed, connect, new_files, path, random_names, rescan, verdict, verdicts};
use autoscan_core::change::{Change, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::ports::Target;
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::{MpdTrouble, PretendMpd};
use serde_json::json;

async fn mpd() -> (PretendMpd, Arc<dyn Target>) {
    let mpd = PretendMpd::start(Some("s3cret \"word\"")).await.unwrap();
    let settings = json!({
        "host": "127.0.0.1", "port": mpd.port(), "music-directory": "/srv/music/", "password": "s3cret \"word\"\n",
    });
    let server = connect("mpd", &settings);
    (mpd, server)
}

fn there(text: &str) -> ExpectedFile {
    ExpectedFile { path: path(text), subject: Subject::File, presence: Presence::There { size: Some(44) } }
}

fn gone(text: &str) -> ExpectedFile {
    ExpectedFile { presence: Presence::Gone, ..there(text) }
}

fn folder(text: &str, presence: Presence) -> ExpectedFile {
    ExpectedFile { path: path(text), subject: Subject::Folder, presence }
}

fn words(shown: &[Observation]) -> Vec<&'static str> {
    let word = |shown: &Observation| match shown {
        Observation::Proven => "proven",
        Observation::NotYet(_) => "not yet",
        Observation::Unknowable(_) => "unknowable",
    };
    shown.iter().map(word).collect()
}

async fn found(server: &dyn Target, at: &str, expected: &[ExpectedFile]) -> Vec<&'static str> {
    words(&server.proof().unwrap().find(&path(at), expected).await.unwrap())
}

/// The updates that were asked for.
fn updates(mpd: &PretendMpd) -> Vec<String> {
    let commands = mpd.commands().into_iter();
    commands.filter_map(|command| command.strip_prefix("update ").map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_new_album_is_updated_and_then_shown() {
    let (mpd, server) = mpd().await;
    mpd.put("Artist/Old/1.flac", 1);
    assert_eq!(verdicts(&server.scan(&[rescan("/srv/music/Artist/Old")]).await), ["ok"]);
    mpd.put("Artist/New/1.flac", 2);
    mpd.put("Artist/New/2.FLAC", 2);
    let scan = new_files("/srv/music/Artist/New", &["1.flac", "2.FLAC"]);
    let expected = [there("/srv/music/Artist/New/1.flac"), there("/srv/music/Artist/New/2.FLAC")];
    assert_eq!(found(&*server, "/srv/music/Artist/New", &expected).await, ["not yet", "not yet"]);
    assert_eq!(verdicts(&server.scan(&[scan]).await), ["ok"]);
    assert_eq!(updates(&mpd), ["\"Artist\"", "\"Artist/New\""]);
    assert_eq!(found(&*server, "/srv/music/Artist/New", &expected).await, ["proven", "proven"]);
}

#[tokio::test]
async fn the_highest_folder_that_mpd_does_not_know_is_updated_and_never_all_music() {
    let (mpd, server) = mpd().await;
    mpd.put("Known/A/1.mp3", 1);
    server.scan(&[rescan("/srv/music/Known/A")]).await;
    mpd.put("Box/CD 1/Bonus/1.mp3", 1);
    mpd.put("Known/B/CD 2/1.mp3", 1);
    mpd.forget_commands();
    let batch = [rescan("/srv/music/Box/CD 1/Bonus"), rescan("/srv/music/Known/B/CD 2")];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok"]);
    assert_eq!(updates(&mpd), ["\"Box\"", "\"Known/B\""]);
    assert_eq!(mpd.songs(), ["Box/CD 1/Bonus/1.mp3", "Known/A/1.mp3", "Known/B/CD 2/1.mp3"]);
}

#[tokio::test]
async fn files_in_the_music_directory_itself_are_updated_one_by_one() {
    let (mpd, server) = mpd().await;
    mpd.put("1.mp3", 1);
    mpd.put("2.mp3", 1);
    mpd.put("Deep/3.mp3", 1);
    assert_eq!(verdicts(&server.scan(&[new_files("/srv/music", &["1.mp3", "2.mp3"])]).await), ["ok"]);
    assert_eq!(mpd.songs(), ["1.mp3", "2.mp3"]);
    assert_eq!(verdicts(&server.scan(&[rescan("/srv/music")]).await), ["ok"], "a person asked for all of it");
    assert_eq!(mpd.songs().len(), 3);
}

#[tokio::test]
async fn a_name_arrives_byte_for_byte() {
    let (mpd, server) = mpd().await;
    let names: Vec<String> = AWKWARD.iter().map(|&name| name.to_owned()).chain(random_names(100)).collect();
    for name in &names {
        mpd.put(&format!("Artist/{name}/{name}.ogg"), 1);
    }
    let folders: Vec<String> = names.iter().map(|name| format!("/srv/music/Artist/{name}")).collect();
    let batch: Vec<_> = folders.iter().map(|folder| rescan(folder)).collect();
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    for (name, folder) in names.iter().zip(&folders) {
        let expected = [there(&format!("{folder}/{name}.ogg"))];
        assert_eq!(found(&*server, folder, &expected).await, ["proven"], "{folder}");
    }
}

#[tokio::test]
async fn what_was_deleted_is_gone_after_the_update() {
    let (mpd, server) = mpd().await;
    mpd.put("A/B/1.mp3", 1);
    mpd.put("A/B/2.mp3", 1);
    server.scan(&[rescan("/srv/music/A/B")]).await;
    mpd.take("A/B/1.mp3");
    let expected = [gone("/srv/music/A/B/1.mp3"), there("/srv/music/A/B/2.mp3")];
    assert_eq!(found(&*server, "/srv/music/A/B", &expected).await, ["not yet", "proven"]);
    let scan = changed("/srv/music/A/B", vec![Change::deleted(path("/srv/music/A/B/1.mp3"))]);
    assert_eq!(verdicts(&server.scan(&[scan]).await), ["ok"]);
    assert_eq!(found(&*server, "/srv/music/A/B", &expected).await, ["proven", "proven"]);
    mpd.take("A/B/2.mp3");
    server.scan(&[changed("/srv/music/A", vec![Change::folder_deleted(path("/srv/music/A/B"))])]).await;
    assert_eq!(
        found(&*server, "/srv/music/A", &[folder("/srv/music/A/B", Presence::Gone)]).await,
        ["proven"]
    );
}

#[tokio::test]
async fn a_song_changed_in_place_is_proven_by_the_end_of_its_update() {
    let (mpd, server) = mpd().await;
    mpd.put("A/B/1.mp3", 1);
    server.scan(&[rescan("/srv/music/A/B")]).await;
    mpd.hold_updates(true);
    mpd.put("A/B/1.mp3", 2);
    let scan = changed("/srv/music/A/B", vec![Change::modified(path("/srv/music/A/B/1.mp3"))]);
    assert_eq!(verdicts(&server.scan(&[scan]).await), ["ok"]);
    let shown = server
        .proof()
        .unwrap()
        .find(&path("/srv/music/A/B"), &[there("/srv/music/A/B/1.mp3")])
        .await
        .unwrap();
    assert!(
        matches!(&shown[0], Observation::NotYet(reason) if reason.contains("update number 2")),
        "{shown:?}"
    );
    mpd.hold_updates(false);
    assert_eq!(found(&*server, "/srv/music/A/B", &[there("/srv/music/A/B/1.mp3")]).await, ["proven"]);
    assert_eq!(mpd.changed("A/B/1.mp3"), Some(2));
}

#[tokio::test]
async fn what_mpd_makes_no_song_of_is_unknowable() {
    let (mpd, server) = mpd().await;
    mpd.put("A/B/1.mp3", 1);
    server.scan(&[rescan("/srv/music/A/B")]).await;
    let expected = [
        there("/srv/music/A/B/1.mp3"),
        there("/srv/music/A/B/cover.jpg"),
        there("/srv/music/A/B/booklet.pdf"),
        there("/srv/music/A/B/no ending"),
        gone("/srv/music/A/B/1.lrc"),
        folder("/srv/music/A/Artwork", Presence::There { size: None }),
        there("/elsewhere/1.mp3"),
    ];
    let shown =
        ["proven", "unknowable", "unknowable", "unknowable", "unknowable", "unknowable", "unknowable"];
    assert_eq!(found(&*server, "/srv/music/A/B", &expected).await, shown);
}

#[tokio::test]
async fn why_a_song_is_missing_is_said() {
    let (mpd, server) = mpd().await;
    mpd.put("A/B/1.mp3", 1);
    for (file, part) in [
        ("/srv/music/A/B/1.mp3", "sees the file \"1.mp3\" but made no song of it"),
        ("/srv/music/A/B/2.mp3", "does not see the file \"2.mp3\" in \"A/B\""),
        (
            "/srv/music/Nowhere/2.mp3",
            "does not see the folder \"Nowhere\" in its music directory (Failed to open /srv/music/Nowhere: No such file \
             or directory): is `music-directory`",
        ),
    ] {
        let why = server.proof().unwrap().why_missing(&there(file)).await.unwrap();
        assert!(why.contains(part), "{why}");
    }
    assert_eq!(server.proof().unwrap().why_missing(&there("/elsewhere/1.mp3")).await, None);
}

#[tokio::test]
async fn a_folder_outside_the_music_directory_is_not_ours() {
    let (mpd, server) = mpd().await;
    let results =
        server.scan(&[rescan("/srv/music2/A"), rescan("D:\\music\\A"), rescan("/srv/music/A")]).await;
    assert_eq!(verdicts(&results), ["not mine", "not mine", "ok"]);
    let reason = results[0].as_ref().unwrap_err().to_string();
    assert!(reason.contains("\"/srv/music2/A\"") && reason.contains("\"/srv/music\""), "{reason}");
    assert_eq!(updates(&mpd), ["\"A\""]);
    for (folder, below) in [("/srv/music/A", true), ("/srv/music", false), ("/srv/music2/A", false)] {
        assert_eq!(server.libraries().unwrap().is_below_a_root(&path(folder)).await, below, "{folder}");
    }
    assert_eq!(server.libraries().unwrap().read().await.unwrap()[0].folders, ["/srv/music"]);
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let (mpd, server) = mpd().await;
    let plan = server.plan(&rescan("/srv/music/A \"b\"/C")).await.unwrap();
    assert_eq!(plan.calls[0].body.as_deref(), Some(r#"update "A \"b\"""#));
    assert_eq!(plan.calls[0].url, format!("mpd://127.0.0.1:{}", mpd.port()));
    assert!(updates(&mpd).is_empty());
}

#[tokio::test]
async fn a_probe_proves_the_password_and_its_permissions() {
    let (mpd, server) = mpd().await;
    let identity = server.probe().await.unwrap();
    assert_eq!((identity.product.as_str(), identity.version.as_str()), ("MPD", "protocol 0.23.5"));
    assert_eq!(server.playback().unwrap().playing().await, Ok(0));
    mpd.set_playing(true);
    assert_eq!(server.playback().unwrap().playing().await, Ok(1));
    let settings = |password| json!({"host": "127.0.0.1", "port": mpd.port(), "music-directory": "/m", "password": password});
    for (password, part) in
        [(json!("hunter2"), "check `password`"), (json!(null), "permissions `read` and `control`")]
    {
        let stranger = connect("mpd", &settings(password));
        let fault = stranger.probe().await.unwrap_err();
        assert!(matches!(&fault, Fault::Refused { reason } if reason.contains(part)), "{fault:?}");
        assert!(!fault.reason().contains("hunter2"));
        assert_eq!(verdicts(&stranger.scan(&[rescan("/m/A")]).await), ["refused"]);
    }
}

#[tokio::test]
async fn a_full_queue_delays_a_scan_and_not_the_lane() {
    let (mpd, server) = mpd().await;
    mpd.hold_updates(true);
    let batch: Vec<_> = (0..40).map(|at| rescan(&format!("/srv/music/A{at}"))).collect();
    let verdicts = verdicts(&server.scan(&batch).await);
    assert!(verdicts[..32].iter().all(|verdict| verdict == "ok"), "{verdicts:?}");
    assert!(verdicts[32..].iter().all(|verdict| verdict == "later 5"), "{verdicts:?}");
}

#[tokio::test]
async fn every_trouble_is_an_outage_that_ends() {
    for trouble in [MpdTrouble::NoMpd, MpdTrouble::Garbage, MpdTrouble::Endless, MpdTrouble::HangsUp] {
        let (mpd, server) = mpd().await;
        mpd.set_trouble(Some(trouble));
        assert_eq!(
            verdicts(&server.scan(&[rescan("/srv/music/A"), rescan("/srv/music/B")]).await),
            ["away", "away"]
        );
        assert_eq!(verdict(&server.probe().await.map(drop)), "away", "{trouble:?}");
        assert!(
            server
                .proof()
                .unwrap()
                .find(&path("/srv/music/A"), &[there("/srv/music/A/1.mp3")])
                .await
                .is_err()
        );
        mpd.set_trouble(None);
        assert_eq!(verdict(&server.probe().await.map(drop)), "ok", "{trouble:?}");
    }
}

#[tokio::test]
async fn an_mpd_that_hangs_or_is_down_is_away() {
    let (mpd, server) = mpd().await;
    mpd.set_trouble(Some(MpdTrouble::Silent));
    // The clock runs ahead while nothing happens, so the deadline comes at once.
    tokio::time::pause();
    let fault = server.probe().await.unwrap_err();
    assert!(matches!(&fault, Fault::Away { reason } if reason.contains("within 30 s")), "{fault:?}");
    tokio::time::resume();
    mpd.close();
    let mut reason = String::new();
    while !reason.contains("is MPD running") {
        reason = server.probe().await.unwrap_err().to_string();
    }
}
