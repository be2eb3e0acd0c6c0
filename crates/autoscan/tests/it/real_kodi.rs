//! A real Kodi under a pretend screen, where this machine has one: what is called seen is in its library.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Home, Program, free_port};
use crate::media_setup::{all_done, newest};
use crate::songs::flac;

/// Kodi takes its time to start.
const START: Duration = Duration::from_mins(2);

/// What a video source holds stands only in Kodi's database; its own pages set it.
const CONTENT: &str = "INSERT INTO path (strPath, strContent, strScraper, scanRecursive, useFolderNames, noUpdate, exclude) VALUES ('MEDIA/movies/', 'movies', 'metadata.local', 2147483647, 1, 0, 0), ('MEDIA/tv/', 'tvshows', 'metadata.local', 0, 0, 0, 0);";

const SETTINGS: &str = r#"<settings version="2">
<setting id="services.webserver">true</setting><setting id="services.webserverport">PORT</setting>
<setting id="services.webserverauthentication">true</setting>
<setting id="services.webserverusername">kodi</setting><setting id="services.webserverpassword">hunter2</setting>
<setting id="services.zeroconf">false</setting><setting id="services.upnp">false</setting>
<setting id="general.addonupdates">2</setting>
</settings>"#;

const SOURCES: &str = r#"<sources>
<video><default pathversion="1"></default>
<source><name>Films</name><path pathversion="1">MEDIA/movies/</path></source>
<source><name>Shows</name><path pathversion="1">MEDIA/tv/</path></source></video>
<music><default pathversion="1"></default>
<source><name>Music</name><path pathversion="1">MEDIA/music/</path></source></music>
</sources>"#;

/// A program that is killed when the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// A home with media, a screen and a Kodi.
struct Setup {
    home: Home,
    media: String,
    port: u16,
    /// The number of the screen, and the program that it is.
    screen: (String, Killed),
    kodi: Option<Killed>,
}

/// The Kodi of this machine, and its screen.
fn installed() -> Option<(PathBuf, Killed, String)> {
    let places = fs::read_dir("/usr/lib").ok()?;
    let kodi =
        places.flatten().map(|place| place.path().join("kodi/kodi.bin")).find(|file| file.is_file())?;
    let mut xvfb = Command::new("Xvfb");
    xvfb.args(["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"]);
    let mut xvfb = xvfb.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut number = String::new();
    BufReader::new(xvfb.stdout.take()?).read_line(&mut number).ok()?;
    Some((kodi, Killed(xvfb), format!(":{}", number.trim())))
}

impl Setup {
    /// None where Kodi or its screen is not installed.
    fn new() -> Option<Self> {
        let Some((program, xvfb, screen)) = installed() else {
            eprintln!(
                "skipped: this machine has no Kodi and Xvfb (Debian's packages kodi, xvfb, libgl1-mesa-dri)"
            );
            return None;
        };
        let (home, port) = (Home::new(""), free_port());
        let media = home.path("media").to_str().unwrap().to_owned();
        for folder in ["movies", "tv", "music"] {
            fs::create_dir_all(home.path(&format!("media/{folder}"))).unwrap();
        }
        home.write("kodi/.kodi/userdata/guisettings.xml", &SETTINGS.replace("PORT", &port.to_string()));
        home.write("kodi/.kodi/userdata/sources.xml", &SOURCES.replace("MEDIA", &media));
        let usual = fs::read_to_string(home.path("config.yml")).unwrap();
        let map = |name: &str| format!("{name}: [{{ name: {name}, map: {{ /media: {media} }} }}]");
        let lines = format!(
            "files: {{ settle: 0s }}\ntriggers:\n  {}\n  {}\n  {}\ntargets:\n  kodi: [{{ name: kodi, url: 'http://127.0.0.1:{port}', username: kodi, password: hunter2 }}]\n",
            map("lidarr"),
            map("radarr"),
            map("sonarr")
        );
        home.write("config.yml", &format!("{usual}{lines}"));
        let mut setup = Self { home, media, port, screen: (screen, xvfb), kodi: None };
        setup.start(&program);
        setup.set_content(&program)?;
        Some(setup)
    }

    fn start(&mut self, program: &PathBuf) {
        let mut kodi = Command::new(program);
        kodi.args(["--windowing=x11", "--audio-backend=null", "--standalone"]);
        kodi.env("HOME", self.home.path("kodi")).env("DISPLAY", &self.screen.0);
        kodi.env("KODI_HOME", "/usr/share/kodi").env("LIBGL_ALWAYS_SOFTWARE", "1");
        kodi.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.kodi = Some(Killed(kodi.spawn().unwrap()));
        let start = Instant::now();
        while self.call("JSONRPC.Ping", &json!({})).is_none() {
            assert!(start.elapsed() < START, "Kodi does not answer");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Stops Kodi, writes into its database what the sources hold, and starts it again. None without a program for that.
    fn set_content(&mut self, program: &PathBuf) -> Option<()> {
        self.call("Application.Quit", &json!({}));
        let mut kodi = self.kodi.take().unwrap();
        let start = Instant::now();
        while kodi.0.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < START, "Kodi does not stop");
            std::thread::sleep(Duration::from_millis(100));
        }
        let folder = fs::read_dir(self.home.path("kodi/.kodi/userdata/Database")).unwrap();
        let is_video = |path: &PathBuf| {
            path.to_str().is_some_and(|path| path.contains("/MyVideos") && !path.ends_with("-wal"))
        };
        let database = folder.flatten().map(|file| file.path()).find(is_video).unwrap();
        let Ok(written) =
            Command::new("sqlite3").arg(database).arg(CONTENT.replace("MEDIA", &self.media)).status()
        else {
            eprintln!("skipped: this machine has no sqlite3");
            return None;
        };
        assert!(written.success());
        self.start(program);
        Some(())
    }

    /// What Kodi answers to a method.
    fn call(&self, method: &str, params: &Value) -> Option<Value> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(START)).unwrap();
        let head = format!(
            "POST /jsonrpc HTTP/1.0\r\nAuthorization: Basic a29kaTpodW50ZXIy\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str::<Value>(answer.split_once("\r\n\r\n")?.1).ok()?.get("result").cloned()
    }

    /// The files that a list of Kodi's library names, sorted, below the media.
    fn files(&self, method: &str, list: &str) -> Vec<String> {
        let result = self.call(method, &json!({"properties": ["file"]})).unwrap();
        let items = result[list].as_array().cloned().unwrap_or_default();
        let mut files: Vec<String> = items
            .iter()
            .map(|item| item["file"].as_str().unwrap().replace(&format!("{}/", self.media), ""))
            .collect();
        files.sort();
        files
    }

    /// A video with the information that Kodi's local scraper reads.
    fn video(&self, name: &str, information: &str) {
        self.home.write(&format!("media/{name}.mkv"), "no film, but its name counts");
        self.home.write(&format!("media/{name}.nfo"), information);
    }

    /// Scans all that Kodi has, which lists every folder, and waits for the end.
    fn scan_everything(&self) {
        for (method, flag) in
            [("VideoLibrary.Scan", "IsScanningVideo"), ("AudioLibrary.Scan", "IsScanningMusic")]
        {
            self.call(method, &json!({"showdialogs": false})).unwrap();
            let (start, flag) = (Instant::now(), format!("Library.{flag}"));
            let mut idle = 0;
            // The flag comes a moment after the answer.
            while idle < 5 {
                assert!(start.elapsed() < START, "Kodi does not end its scan");
                std::thread::sleep(Duration::from_millis(100));
                let flags = self.call("XBMC.GetInfoBooleans", &json!({"booleans": [flag]})).unwrap();
                idle = if flags[&flag] == true { 0 } else { idle + 1 };
            }
        }
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.home.path(&format!("media/{name}"))).unwrap();
    }
}

fn sent(program: &Program, trigger: &str, body: &Value) {
    let answer = program.ask("POST", &format!("/triggers/{trigger}"), &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn seen(program: &Program, scans: usize) {
    program.until("it is seen", || all_done(program, scans));
    let delivery = newest(program, "kodi");
    assert_eq!(delivery["state"], "seen", "{delivery}\n{}", program.printed());
}

#[test]
fn music_films_and_shows_are_seen_when_they_are_in_the_library() {
    let Some(setup) = Setup::new() else { return };
    // An empty folder would look like a mount that is gone.
    for folder in ["movies", "tv", "music"] {
        setup.home.write(&format!("media/{folder}/Other/readme.txt"), "x");
    }
    let program = setup.home.serve();
    let checked = setup.home.ends(&["check"]);
    assert!(checked.out.contains("Kodi 2"), "{checked:?}");
    music(&setup, &program);
    films(&setup, &program);
    shows(&setup, &program);
    films_at_once(&setup, &program);
    album_deleted(&setup, &program);
    after_full_scans(&setup, &program);
    film_deleted(&setup, &program);
}

fn music(setup: &Setup, program: &Program) {
    let album = "music/Somebody é & Co/Album 100% 'x'";
    let imported = |files: &[&str], instead_of: &[&str]| {
        let list = |files: &[&str]| -> Value {
            files.iter().map(|file| json!({"path": format!("/media/{album}/{file}")})).collect()
        };
        let artist = json!({"path": "/media/music/Somebody é & Co"});
        sent(
            program,
            "lidarr",
            &json!({
                "eventType": "Download", "isUpgrade": !instead_of.is_empty(), "artist": artist,
                "trackFiles": list(files), "deletedFiles": list(instead_of),
            }),
        );
    };
    let put = |file: &str, seconds: u64| {
        let path = setup.home.path(&format!("media/{album}/{file}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, flac(file, seconds)).unwrap();
    };
    put("01.flac", 3);
    put("02.flac", 3);
    imported(&["01.flac", "02.flac"], &[]);
    seen(program, 1);
    assert_eq!(setup.files("AudioLibrary.GetSongs", "songs").len(), 2);
    put("03.flac", 9);
    setup.remove(&format!("{album}/02.flac"));
    imported(&["03.flac"], &["02.flac"]);
    seen(program, 2);
    let songs = setup.files("AudioLibrary.GetSongs", "songs");
    assert_eq!(songs, [format!("{album}/01.flac"), format!("{album}/03.flac")]);
}

fn films(setup: &Setup, program: &Program) {
    let film = "movies/4K/Film & Co (2000)/Film_& Co (2000)";
    setup.video(film, "<movie><title>Film and Co</title><year>2000</year></movie>");
    let movie = json!({"folderPath": "/media/movies/4K/Film & Co (2000)", "tmdbId": 1});
    let of_it = json!({"relativePath": "Film_& Co (2000).mkv"});
    sent(program, "radarr", &json!({"eventType": "Download", "movie": movie, "movieFile": of_it}));
    seen(program, 3);
    assert_eq!(setup.files("VideoLibrary.GetMovies", "movies"), [format!("{film}.mkv")]);
    setup.remove(&format!("{film}.mkv"));
    sent(
        program,
        "radarr",
        &json!({"eventType": "MovieFileDelete", "deleteReason": "manual", "movie": movie, "movieFile": of_it}),
    );
    seen(program, 4);
    assert!(setup.files("VideoLibrary.GetMovies", "movies").is_empty());
}

fn shows(setup: &Setup, program: &Program) {
    let episode = |season: u32| format!("tv/A Show/Season {season}/A Show - S0{season}E01");
    let imported = |season: u32| {
        let about = format!(
            "<episodedetails><title>Pilot</title><season>{season}</season><episode>1</episode></episodedetails>"
        );
        setup.video(&episode(season), &about);
        let file = format!("Season {season}/A Show - S0{season}E01.mkv");
        sent(
            program,
            "sonarr",
            &json!({"eventType": "Download", "series": {"path": "/media/tv/A Show"}, "episodeFile": {"relativePath": file}}),
        );
    };
    setup.home.write("media/tv/A Show/tvshow.nfo", "<tvshow><title>A Show</title></tvshow>");
    imported(1);
    seen(program, 5);
    imported(2);
    seen(program, 6);
    let files = [1, 2].map(|season| format!("{}.mkv", episode(season)));
    assert_eq!(setup.files("VideoLibrary.GetEpisodes", "episodes"), files);
    fs::remove_dir_all(setup.home.path("media/tv/A Show")).unwrap();
    let gone =
        json!({"eventType": "SeriesDelete", "deletedFiles": true, "series": {"path": "/media/tv/A Show"}});
    sent(program, "sonarr", &gone);
    seen(program, 7);
    assert!(setup.files("VideoLibrary.GetEpisodes", "episodes").is_empty());
    assert!(setup.files("VideoLibrary.GetTVShows", "tvshows").is_empty());
}

/// Radarr imported a film that was just written.
fn film_imported(setup: &Setup, program: &Program, name: &str) {
    let about = format!("<movie><title>{name}</title><year>2001</year></movie>");
    setup.video(&format!("movies/{name}/{name}"), &about);
    let movie = json!({"folderPath": format!("/media/movies/{name}"), "tmdbId": 7});
    let file = json!({"relativePath": format!("{name}.mkv")});
    sent(program, "radarr", &json!({"eventType": "Download", "movie": movie, "movieFile": file}));
}

/// Twenty films at once, in a source that Kodi listed before they came.
fn films_at_once(setup: &Setup, program: &Program) {
    setup.call("Files.GetDirectory", &json!({"directory": format!("{}/movies/", setup.media)})).unwrap();
    for at in 0..20 {
        film_imported(setup, program, &format!("New {at} (2001)"));
    }
    seen(program, 27);
    assert_eq!(setup.files("VideoLibrary.GetMovies", "movies").len(), 20);
}

fn album_deleted(setup: &Setup, program: &Program) {
    let artist = "music/Somebody é & Co";
    fs::remove_dir_all(setup.home.path(&format!("media/{artist}/Album 100% 'x'"))).unwrap();
    let other = format!("{artist}/Another album/01.flac");
    let path = setup.home.path(&format!("media/{other}"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, flac("01.flac", 3)).unwrap();
    let artist = json!({"path": format!("/media/{artist}")});
    sent(
        program,
        "lidarr",
        &json!({"eventType": "AlbumDelete", "deletedFiles": true, "artist": artist, "album": {"title": "x"}}),
    );
    seen(program, 28);
    assert_eq!(setup.files("AudioLibrary.GetSongs", "songs"), [other]);
}

/// What comes after Kodi listed everything is found: a film, a show whose name is that of a folder of extras, and an album.
fn after_full_scans(setup: &Setup, program: &Program) {
    setup.scan_everything();
    film_imported(setup, program, "After (2001)");
    seen(program, 29);
    let episode = "tv/Extras/Season 1/Extras - S01E01";
    setup.home.write("media/tv/Extras/tvshow.nfo", "<tvshow><title>Extras</title></tvshow>");
    let about = "<episodedetails><title>Pilot</title><season>1</season><episode>1</episode></episodedetails>";
    setup.video(episode, about);
    let file = json!({"relativePath": "Season 1/Extras - S01E01.mkv"});
    let series = json!({"path": "/media/tv/Extras"});
    sent(program, "sonarr", &json!({"eventType": "Download", "series": series, "episodeFile": file}));
    seen(program, 30);
    let song = "music/Newcomer/Debut/01.flac";
    let path = setup.home.path(&format!("media/{song}"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, flac("Debut", 3)).unwrap();
    let songs = json!([{"path": format!("/media/{song}")}]);
    let artist = json!({"path": "/media/music/Newcomer"});
    sent(program, "lidarr", &json!({"eventType": "Download", "artist": artist, "trackFiles": songs}));
    seen(program, 31);
    assert_eq!(setup.files("VideoLibrary.GetMovies", "movies").len(), 21);
    assert_eq!(setup.files("VideoLibrary.GetEpisodes", "episodes"), [format!("{episode}.mkv")]);
    assert!(setup.files("AudioLibrary.GetSongs", "songs").contains(&song.to_owned()));
}

/// A film is forgotten, and a new one after it found.
fn film_deleted(setup: &Setup, program: &Program) {
    fs::remove_dir_all(setup.home.path("media/movies/After (2001)")).unwrap();
    let movie = json!({"folderPath": "/media/movies/After (2001)", "tmdbId": 7});
    sent(program, "radarr", &json!({"eventType": "MovieDelete", "deletedFiles": true, "movie": movie}));
    seen(program, 32);
    film_imported(setup, program, "Last (2001)");
    seen(program, 33);
    let films = setup.files("VideoLibrary.GetMovies", "movies");
    let (gone, new) = ("movies/After (2001)/After (2001).mkv", "movies/Last (2001)/Last (2001).mkv");
    assert!(!films.contains(&gone.to_owned()) && films.contains(&new.to_owned()), "{films:?}");
}
