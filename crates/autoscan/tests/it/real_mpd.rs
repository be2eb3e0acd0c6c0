//! A real Music Player Daemon, where this machine has one: what is called seen can be heard.

use std::fs::{self, File, FileTimes};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::harness::{Home, PATIENCE, Program, free_port};
use crate::media_setup::{all_done, newest};
use crate::songs::flac;

/// The password of MPD.
const PASSWORD: &str = "s3cret \"word\"";

/// A home with music, and an MPD that plays it.
struct Setup {
    home: Home,
    mpd: Child,
    port: u16,
}

impl Drop for Setup {
    fn drop(&mut self) {
        let _gone = self.mpd.kill().and_then(|()| self.mpd.wait());
    }
}

/// The settings by which autoscan reaches MPD.
const REACHED: &str = "host: 127.0.0.1, music-directory: /srv/music";

impl Setup {
    /// None where MPD is not installed.
    fn new(keys: &str) -> Option<Self> {
        Self::reached_by(&format!("{REACHED}{keys}"))
    }

    /// With these settings of the target; `PLACE` in them is the home's folder.
    fn reached_by(settings: &str) -> Option<Self> {
        let (home, port) = (Home::new(""), free_port());
        let place = home.path("").to_str().unwrap().trim_end_matches('/').to_owned();
        fs::create_dir_all(home.path("music")).unwrap();
        home.write("mpd.conf", &configuration(&place, port));
        let usual = fs::read_to_string(home.path("config.yml")).unwrap();
        let lines = format!(
            "files: {{ settle: 0s }}\ntriggers: {{ lidarr: [{{ name: lidarr, map: {{ /music: {place}/music }} }}] }}\ntargets:\n  mpd: [{{ name: mpd, port: {port}, password: '{PASSWORD}', map: {{ {place}/music: /srv/music }}, {} }}]\n",
            settings.replace("PLACE", &place)
        );
        home.write("config.yml", &format!("{usual}{lines}"));
        let Ok(mpd) = start(&home) else {
            eprintln!("skipped: this machine has no MPD (Debian's package mpd)");
            return None;
        };
        let setup = Self { home, mpd, port };
        let start = Instant::now();
        // An MPD without a database reads all music once at its start: songs put there meanwhile would be known untold.
        while !setup.is_idle() {
            assert!(start.elapsed() < PATIENCE, "MPD does not listen, or does not end its first update");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(setup)
    }

    /// Kills MPD.
    fn kill(&mut self) {
        self.mpd.kill().and_then(|()| self.mpd.wait()).unwrap();
    }

    /// Starts it again.
    fn start(&mut self) {
        self.mpd = start(&self.home).unwrap();
    }

    /// Whether MPD answers and updates nothing.
    fn is_idle(&self) -> bool {
        let status = self.answer("status").unwrap_or_default();
        status.iter().any(|line| line.starts_with("state: "))
            && !status.iter().any(|line| line.starts_with("updating_db: "))
    }

    /// The lines that MPD answers to a command.
    fn answer(&self, command: &str) -> std::io::Result<Vec<String>> {
        let mut mpd = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(mpd, "password {}\n{command}\nclose\n", quoted(PASSWORD))?;
        BufReader::new(mpd).lines().collect()
    }

    /// Writes a song of so many seconds, changed last at this second: MPD compares whole ones.
    fn put(&self, file: &str, seconds: u64, change: u64) {
        let path = self.home.path(&format!("music/{file}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, flac(file, seconds)).unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + change);
        let times = FileTimes::new().set_modified(changed);
        File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    }

    /// What MPD says of a song: none when it does not know it.
    fn heard(&self, file: &str) -> Option<u64> {
        let lines = self.answer(&format!("lsinfo {}", quoted(file))).unwrap();
        lines.iter().find_map(|line| line.strip_prefix("Time: ").map(|time| time.parse().unwrap()))
    }
}

/// Starts the MPD of this home.
fn start(home: &Home) -> std::io::Result<Child> {
    let mut mpd = Command::new("mpd");
    mpd.arg("--no-daemon").arg("--stderr").arg(home.path("mpd.conf"));
    mpd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// A word of a command to MPD.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn configuration(place: &str, port: u16) -> String {
    format!(
        "music_directory \"{place}/music\"\ndb_file \"{place}/mpd.db\"\nbind_to_address \"127.0.0.1\"\nbind_to_address \"{place}/mpd.socket\"\nport \"{port}\"\n\
         auto_update \"no\"\nzeroconf_enabled \"no\"\npassword \"{}@read,control\"\ndefault_permissions \"\"\n\
         audio_output {{\n  type \"null\"\n  name \"none\"\n}}\n",
        PASSWORD.replace('"', "\\\"")
    )
}

/// Lidarr imported files of an artist, perhaps instead of others.
fn imported(program: &Program, artist: &str, files: &[&str], instead_of: &[&str]) {
    let list = |files: &[&str]| -> Value {
        files.iter().map(|file| json!({"path": format!("/music/{artist}/{file}")})).collect()
    };
    let body = json!({
        "eventType": "Download", "isUpgrade": !instead_of.is_empty(),
        "artist": { "path": format!("/music/{artist}") },
        "trackFiles": list(files), "deletedFiles": list(instead_of),
    });
    let answer = program.ask("POST", "/triggers/lidarr", &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Lidarr reports something else of an artist.
fn reported(program: &Program, artist: &str, event: &str, more: &Value) {
    let mut body = json!({ "eventType": event, "artist": { "path": format!("/music/{artist}") } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(program.ask("POST", "/triggers/lidarr", &body.to_string()).status, 200);
}

fn seen(program: &Program, scans: usize) {
    program.until("it is seen", || all_done(program, scans));
    let delivery = newest(program, "mpd");
    assert_eq!(delivery["state"], "seen", "{delivery}\n{}", program.printed());
}

#[test]
fn new_changed_and_deleted_albums_are_seen_when_they_can_be_heard() {
    let Some(setup) = Setup::new("") else { return };
    // An empty folder of music would look like a mount that is gone.
    setup.put("Another/Album/01.flac", 1, 1);
    let artist = "Somebody \"é\" 100% \\ & Co";
    let program = setup.home.serve();

    for file in ["Album/CD 1/01.flac", "Album/CD 1/02.flac"] {
        setup.put(&format!("{artist}/{file}"), 3, 1);
    }
    imported(&program, artist, &["Album/CD 1/01.flac", "Album/CD 1/02.flac"], &[]);
    seen(&program, 1);
    assert_eq!(
        setup.heard(&format!("{artist}/Album/CD 1/02.flac")),
        Some(3),
        "three levels that MPD did not know"
    );

    setup.put(&format!("{artist}/Album/CD 1/01.flac"), 8, 2);
    imported(&program, artist, &["Album/CD 1/01.flac"], &["Album/CD 1/01.flac"]);
    seen(&program, 2);
    assert_eq!(setup.heard(&format!("{artist}/Album/CD 1/01.flac")), Some(8));

    fs::remove_file(setup.home.path(&format!("music/{artist}/Album/CD 1/02.flac"))).unwrap();
    setup.put(&format!("{artist}/Album/CD 1/02 better.flac"), 5, 1);
    imported(&program, artist, &["Album/CD 1/02 better.flac"], &["Album/CD 1/02.flac"]);
    seen(&program, 3);
    assert_eq!(setup.heard(&format!("{artist}/Album/CD 1/02.flac")), None);
    assert_eq!(setup.heard(&format!("{artist}/Album/CD 1/02 better.flac")), Some(5));

    fs::remove_dir_all(setup.home.path(&format!("music/{artist}"))).unwrap();
    reported(&program, artist, "ArtistDelete", &json!({ "deletedFiles": true }));
    seen(&program, 4);
    assert_eq!(setup.heard(&format!("{artist}/Album/CD 1/01.flac")), None);
    assert_eq!(setup.heard("Another/Album/01.flac"), None, "all music was updated, and nobody asked for it");
}

#[test]
fn a_song_replaced_with_the_same_time_of_change_is_heard_as_it_is_now() {
    let reached = "host: PLACE/mpd.socket, music-directory: /srv/music";
    let Some(setup) = Setup::reached_by(reached) else { return };
    setup.put("Somebody/Album/01.flac", 3, 1);
    let program = setup.home.serve();
    imported(&program, "Somebody", &["Album/01.flac"], &[]);
    seen(&program, 1);
    setup.put("Somebody/Album/01.flac", 9, 1);
    imported(&program, "Somebody", &["Album/01.flac"], &["Album/01.flac"]);
    seen(&program, 2);
    assert_eq!(setup.heard("Somebody/Album/01.flac"), Some(9));
    let checked = setup.home.ends(&["check"]);
    assert!(checked.out.contains("/mpd.socket") && checked.out.contains("MPD protocol 0."), "{checked:?}");
}

#[test]
fn a_song_moved_out_of_an_artist_that_is_gone_is_heard_by_its_new_name_alone() {
    let Some(setup) = Setup::new("") else { return };
    setup.put("Gone/Album/CD 1/01.flac", 3, 1);
    setup.put("Untold/Album/01.flac", 3, 1);
    let program = setup.home.serve();
    imported(&program, "Gone", &["Album/CD 1/01.flac"], &[]);
    seen(&program, 1);
    let music = setup.home.path("music");
    fs::create_dir_all(music.join("New/Album")).unwrap();
    fs::rename(music.join("Gone/Album/CD 1/01.flac"), music.join("New/Album/01.flac")).unwrap();
    fs::remove_dir_all(music.join("Gone")).unwrap();
    let renamed = json!({ "renamedTrackFiles": [{
        "previousPath": "/music/Gone/Album/CD 1/01.flac", "path": "/music/New/Album/01.flac",
    }] });
    reported(&program, "New", "Rename", &renamed);
    seen(&program, 3);
    assert_eq!(setup.heard("Gone/Album/CD 1/01.flac"), None);
    assert_eq!(setup.heard("New/Album/01.flac"), Some(3));
    assert_eq!(setup.heard("Untold/Album/01.flac"), None, "all music was updated, and nobody asked for it");
}

#[test]
fn a_wrong_music_directory_is_said_where_a_song_is_missing() {
    let Some(setup) = Setup::reached_by("host: 127.0.0.1, music-directory: /srv, proof-within: 2s") else {
        return;
    };
    setup.put("Somebody/Album/01.flac", 3, 1);
    let program = setup.home.serve();
    imported(&program, "Somebody", &["Album/01.flac"], &[]);
    program.until("it is missing", || newest(&program, "mpd")["state"] == "missing");
    let error = newest(&program, "mpd")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("MPD does not see the folder \"music/Somebody/Album\""), "{error}");
    assert!(error.contains("No such file or directory") && error.contains("`music-directory`"), "{error}");
}

#[test]
fn what_mpd_is_told_to_ignore_is_missing_with_its_cause() {
    let Some(setup) = Setup::new(", proof-within: 2s") else { return };
    setup.put("Somebody/Album/01.flac", 3, 1);
    setup.put("Somebody/Album/02.flac", 3, 1);
    setup.home.write("music/Somebody/Album/.mpdignore", "02.flac\n");
    let program = setup.home.serve();
    imported(&program, "Somebody", &["Album/01.flac", "Album/02.flac"], &[]);
    program.until("it is missing", || newest(&program, "mpd")["state"] == "missing");
    let error = newest(&program, "mpd")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("02.flac") && error.contains("made no song of it"), "{error}");
    assert_eq!(setup.heard("Somebody/Album/01.flac"), Some(3));
}

#[test]
fn an_mpd_that_is_down_gets_everything_when_it_is_back() {
    let Some(mut setup) = Setup::new("") else { return };
    setup.kill();
    let program = setup.home.serve();
    setup.put("Somebody/Album/01.flac", 3, 1);
    imported(&program, "Somebody", &["Album/01.flac"], &[]);
    program.until("it is held", || newest(&program, "mpd")["state"] == "held");
    let error = newest(&program, "mpd")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("is MPD running"), "{error}");
    setup.start();
    program.ask("POST", "/api/v1/targets/mpd/test", "{}");
    seen(&program, 1);
    assert_eq!(setup.heard("Somebody/Album/01.flac"), Some(3));
    let checked = setup.home.ends(&["check"]);
    assert!(checked.out.contains("MPD protocol 0."), "{checked:?}");
}

/// So many songs keep MPD at work for a while.
const SONGS: usize = 4000;

#[test]
fn what_mpd_had_not_done_when_it_was_killed_is_told_again_at_once() {
    let Some(mut setup) = Setup::new("") else { return };
    setup.put("Stays/Album/01.flac", 3, 1);
    setup.put("Gone/Album/01.flac", 3, 1);
    let program = setup.home.serve();
    imported(&program, "Gone", &["Album/01.flac"], &[]);
    seen(&program, 1);
    for number in 0..SONGS {
        setup.put(&format!("Slow/Album/{number}.flac"), 3, 1);
    }
    setup.answer("update \"Slow\"").unwrap();
    fs::remove_dir_all(setup.home.path("music/Gone")).unwrap();
    reported(&program, "Gone", "ArtistDelete", &json!({ "deletedFiles": true }));
    program.until("it is told", || newest(&program, "mpd")["state"] == "sent");
    if setup.heard("Gone/Album/01.flac").is_none() {
        eprintln!("skipped: this MPD had done all before it could be killed");
        return;
    }
    setup.kill();
    setup.start();
    seen(&program, 2);
    assert!(program.printed().contains("MPD was restarted"), "{}", program.printed());
    assert_eq!((setup.heard("Gone/Album/01.flac"), setup.heard("Slow/Album/0.flac")), (None, None));
}
