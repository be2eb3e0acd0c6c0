//! The main job in a minute, without a server of your own: `cargo run --release --example demo`.
//!
//! Starts a pretend Plex, Jellyfin and Emby, a temporary library and autoscan itself; then plays what Sonarr would send and
//! prints what became of it.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autoscan_core::secret::Secret;
use autoscan_http::{BaseUrl, Http, Request, SecretHeader};
use autoscan_testkit::{PretendEmby, PretendJellyfin, PretendLibrary, PretendPlex};
use serde_json::{Value, json};

type Shown = Result<(), Box<dyn Error>>;

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the pretend servers take to look: a real Jellyfin waits a minute.
const TAKES: Duration = Duration::from_secs(2);
const KEY: &str = "demo-key";

#[tokio::main]
async fn main() -> Shown {
    let room = tempfile::tempdir()?;
    let demo = Demo::start(room.path()).await?;
    let config = room.path().join("config.yml");
    let arguments: Vec<OsString> =
        ["autoscan".into(), "serve".into(), "--config".into(), config.into_os_string()].into();
    tokio::spawn(autoscan::run(arguments));
    demo.until("autoscan answers", Value::is_array).await?;
    demo.season_pack().await?;
    demo.upgrade().await?;
    demo.rename().await?;
    demo.vanished_mount().await?;
    demo.server_that_is_down().await?;
    demo.server_that_does_nothing().await?;
    say("\nThat is the main job. Point your own Sonarr at your own autoscan: see README.md.");
    Ok(())
}

fn say(line: &str) {
    let _gone = writeln!(io::stdout().lock(), "{line}");
}

/// The library, the servers and a client of autoscan.
struct Demo {
    media: PathBuf,
    plex: PretendPlex,
    jellyfin: PretendJellyfin,
    emby: PretendEmby,
    http: Http,
    autoscan: BaseUrl,
    key: SecretHeader,
}

impl Demo {
    async fn start(room: &Path) -> Result<Self, Box<dyn Error>> {
        let tv = |id: &str| PretendLibrary::new(id, "TV").at("/data/tv");
        let media = room.join("media");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let key = Secret::new(KEY);
        let demo = Self {
            plex: PretendPlex::builder().library(tv("1").of("show")).start().await?,
            jellyfin: PretendJellyfin::builder().library(tv("a1").of("tvshows")).start().await?,
            emby: PretendEmby::builder().library(tv("7").of("tvshows")).start().await?,
            http: Http::default(),
            autoscan: BaseUrl::parse(&format!("http://127.0.0.1:{port}"))?,
            key: SecretHeader::new("x-api-key", KEY, &key)?,
            media,
        };
        fs::create_dir_all(demo.media.join("tv"))?;
        demo.plex.sees("/data", &demo.media);
        demo.plex.set_scan_time(TAKES);
        for holdings in [&demo.jellyfin.holdings, &demo.emby.holdings] {
            holdings.sees("/data", &demo.media);
            holdings.set_delay(TAKES);
        }
        fs::write(demo.media.join("tv/.mounted"), "")?;
        fs::write(room.join("config.yml"), demo.config(port))?;
        say("A pretend Plex, Jellyfin and Emby see a temporary library as /data/tv; Sonarr calls it /tv.");
        Ok(demo)
    }

    fn config(&self, port: u16) -> String {
        let media = self.media.display();
        let map = format!("map: {{ '{media}': /data }}");
        let (plex, jellyfin, emby) = (self.plex.http.url(), self.jellyfin.http.url(), self.emby.http.url());
        format!(
            "host: 127.0.0.1
port: {port}
minimum-age: 1s
authentication: {{ api-key: {KEY} }}
anchors: ['{media}/tv/.mounted']
files: {{ settle: 0s }}
log: {{ level: error }}
triggers:
  sonarr: [{{ name: sonarr, map: {{ /tv: '{media}/tv' }} }}]
targets:
  plex: [{{ name: plex, url: '{plex}', token: plex-token, proof-within: 5s, {map} }}]
  jellyfin: [{{ name: jellyfin, url: '{jellyfin}', api-key: jellyfin-key, {map} }}]
  emby: [{{ name: emby, url: '{emby}', api-key: emby-key, {map} }}]
"
        )
    }

    async fn season_pack(&self) -> Shown {
        say("\n1. A season pack: Sonarr imports 20 episodes and sends 20 webhooks.");
        for number in 1..=20 {
            let file = format!("Season 01/Show - S01E{number:02}.mkv");
            self.put(&file)?;
            self.sonarr(&json!({ "eventType": "Download", "episodeFile": { "relativePath": file } })).await?;
        }
        self.finished(1).await
    }

    async fn upgrade(&self) -> Shown {
        say("\n2. An upgrade: a better file takes the place of an episode.");
        fs::remove_file(self.show().join("Season 01/Show - S01E01.mkv"))?;
        self.put("Season 01/Show - S01E01 [2160p].mkv")?;
        self.sonarr(&json!({
            "eventType": "Download",
            "isUpgrade": true,
            "episodeFile": { "relativePath": "Season 01/Show - S01E01 [2160p].mkv" },
            "deletedFiles": [{ "relativePath": "Season 01/Show - S01E01.mkv" }],
        }))
        .await?;
        self.finished(2).await
    }

    async fn rename(&self) -> Shown {
        say("\n3. A rename: the season gets another folder, so both are looked at.");
        fs::rename(self.show().join("Season 01"), self.show().join("Season 1"))?;
        self.sonarr(&json!({
            "eventType": "Rename",
            "renamedEpisodeFiles": [{
                "previousRelativePath": "Season 01/Show - S01E02.mkv",
                "relativePath": "Season 1/Show - S01E02.mkv",
            }],
        }))
        .await?;
        self.finished(4).await
    }

    async fn vanished_mount(&self) -> Shown {
        say("\n4. The mount vanishes: Sonarr reports every episode deleted. Nothing may reach a server.");
        let (tv, away) = (self.media.join("tv"), self.media.join("away"));
        fs::rename(&tv, &away)?;
        fs::create_dir(&tv)?;
        let before = self.told();
        for number in 2..=20 {
            let file = format!("Season 1/Show - S01E{number:02}.mkv");
            self.sonarr(&json!({
                "eventType": "EpisodeFileDelete",
                "deleteReason": "missingFromDisk",
                "episodeFile": { "relativePath": file },
            }))
            .await?;
        }
        let held = |queue: &Value| queue[0]["deliveries"][0]["state"] == "held";
        let queue = self.until("the deletions are held", held).await?;
        say(&format!("   held: {}", queue[0]["deliveries"][0]["error"].as_str().unwrap_or_default()));
        say(&format!("   calls to servers meanwhile: {}", self.told() - before));
        say("   The mount comes back, and the scan goes on by itself:");
        fs::remove_dir(&tv)?;
        fs::rename(&away, &tv)?;
        self.finished(5).await
    }

    async fn server_that_is_down(&self) -> Shown {
        say("\n5. Emby is down: the others are told at once, Emby when it is back.");
        self.emby.http.close().await?;
        self.put("Season 02/Show - S02E01.mkv")?;
        self.sonarr(&json!({
            "eventType": "Download",
            "episodeFile": { "relativePath": "Season 02/Show - S02E01.mkv" },
        }))
        .await?;
        let queue =
            self.until("Plex shows it", |queue| delivery(&queue[0], "plex")["state"] == "seen").await?;
        self.print(&queue[0]);
        self.until("Emby's lane holds", |queue| delivery(&queue[0], "emby")["state"] == "held").await?;
        say("   Emby is back:");
        self.emby.http.reopen()?;
        self.finished(6).await
    }

    async fn server_that_does_nothing(&self) -> Shown {
        say("\n6. Plex says 200 to everything and does nothing. Nobody is told that this is done:");
        self.plex.set_deaf(true);
        self.put("Season 03/Show - S03E01.mkv")?;
        self.sonarr(&json!({
            "eventType": "Download",
            "episodeFile": { "relativePath": "Season 03/Show - S03E01.mkv" },
        }))
        .await?;
        let missing = |queue: &Value| queue[0]["state"] == "attention";
        let queue = self.until("the file is missing at Plex", missing).await?;
        self.print(&queue[0]);
        say("   Plex works again, and somebody presses retry:");
        self.plex.set_deaf(false);
        let id = queue[0]["id"].to_string();
        let retry = Request::post(&self.autoscan, &["api", "v1", "scans", &id, "retry"]).secret(&self.key);
        self.http.send(&retry).await?;
        self.finished(7).await
    }

    fn show(&self) -> PathBuf {
        self.media.join("tv/Show")
    }

    fn put(&self, file: &str) -> io::Result<()> {
        let path = self.show().join(file);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, "film")
    }

    /// How many calls told a server of something.
    fn told(&self) -> usize {
        let (jellyfin, emby) = (&self.jellyfin.http, &self.emby.http);
        let of = |pretend: &autoscan_testkit::HttpServer| {
            let calls = pretend.calls();
            calls.iter().filter(|call| call.method == "POST" && !call.path.ends_with("ValidatePath")).count()
        };
        self.plex.scans().len() + of(jellyfin) + of(emby)
    }

    /// A webhook as Sonarr sends it.
    async fn sonarr(&self, event: &Value) -> Shown {
        let mut body = json!({ "series": { "title": "Show", "path": "/tv/Show" }, "instanceName": "Sonarr" });
        if let (Some(all), Some(event)) = (body.as_object_mut(), event.as_object()) {
            all.extend(event.clone());
        }
        let request = Request::post(&self.autoscan, &["triggers", "sonarr"]).secret(&self.key).json(&body);
        self.http.send(&request).await?;
        Ok(())
    }

    /// Waits until there are `count` scans and all are done, and prints the newest.
    async fn finished(&self, count: usize) -> Shown {
        let done = |queue: &Value| {
            queue
                .as_array()
                .is_some_and(|all| all.len() == count && all.iter().all(|scan| scan["state"] == "done"))
        };
        let queue = self.until("every server is told", done).await?;
        self.print(&queue[0]);
        Ok(())
    }

    /// The journey of one scan.
    fn print(&self, scan: &Value) {
        let changes = scan["changes"].as_array().map_or(0, Vec::len);
        let folder = scan["folder"].as_str().unwrap_or_default();
        let folder = folder.strip_prefix(&self.media.display().to_string()).unwrap_or(folder);
        say(&format!("   scan {} of …{folder}, changed paths: {changes}", scan["id"]));
        if let Some(note) = scan["note"].as_str() {
            say(&format!("     note: {}", note.replace(&self.media.display().to_string(), "…")));
        }
        for told in scan["deliveries"].as_array().into_iter().flatten() {
            let error = told["error"].as_str().map_or_else(String::new, |error| format!(": {error}"));
            let visible = told["time_to_visible_ms"].as_f64();
            let visible =
                visible.map_or_else(String::new, |ms| format!(", {:.1} s after the webhook", ms / 1000.0));
            let state = told["state"].as_str().unwrap_or_default();
            say(&format!("     {:<9}{state}{visible}{error}", told["target"].as_str().unwrap_or_default()));
        }
        say(&format!("   calls so far: {}", self.told()));
    }

    /// Waits until the queue, newest first, is as it should be.
    async fn until(&self, what: &str, so: impl Fn(&Value) -> bool) -> Result<Value, Box<dyn Error>> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let request =
                Request::get(&self.autoscan, &["api", "v1", "scans"]).secret(&self.key).at_most(1 << 24);
            if let Ok(answer) = self.http.send(&request).await
                && let Ok(page) = answer.json::<Value>()
                && so(&page["scans"])
            {
                return Ok(page["scans"].clone());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("never: {what}").into())
    }
}

fn delivery<'a>(scan: &'a Value, target: &str) -> &'a Value {
    let all = scan["deliveries"].as_array();
    all.and_then(|all| all.iter().find(|told| told["target"] == target)).unwrap_or(&Value::Null)
}
