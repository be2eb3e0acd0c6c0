//! What proof costs: requests and bytes at servers that hold half a million items, memory, and the time it adds.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use autoscan_testkit::{HttpServer, PretendEmby, PretendJellyfin, PretendLibrary, PretendPlex, Recorded};
use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::report::{Row, median};
use crate::server::Server;
use crate::workspace::{PASSWORD, USERNAME, Workspace};

const ITEMS: usize = 500_000;
/// What autopulse asks for at a time when it looks for an item: the whole library, so many items a page.
const AUTOPULSE_PAGE: usize = 1000;
/// Folders whose cost is counted, of so many files each.
const FOLDERS: usize = 20;
const FILES: usize = 10;
const MANY: usize = 1000;
/// Files whose time to visible is measured.
const TIMED: usize = 5;
/// What the server itself takes over one of them.
const TAKES: Duration = Duration::from_secs(3);
/// Longest wait for all files of a part to be seen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);
/// Drops of websockets, of so many targets, and the pause between two looks whether they are back.
const DROPS: usize = 100;
const SOCKETS: usize = 25;
const BLINK: Duration = Duration::from_millis(20);

const GOAL_COST: (&str, &str) =
    ("proof of a folder of 10 files, 500 000 items at the server", "≤ 2 requests, ≤ 64 kB");
const GOAL_MEMORY: (&str, &str) = ("most PSS while 1 000 folders are proven at 3 targets", "≤ 40 MB");
const GOAL_SOON: (&str, &str) = ("what proof adds to the 3 s that the server takes", "≤ 1 s");
const GOAL_DROPS: (&str, &str) = ("PSS after 100 drops of Plex's websockets, against before", "≤ 1.1 ×");

/// The rows about proof.
pub(crate) fn rows(workspace: &Workspace) -> Vec<Row> {
    let failed =
        |(what, goal): (&'static str, &'static str), error: &anyhow::Error| Row::failed(what, goal, error);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = error.into();
            return [GOAL_COST, GOAL_MEMORY, GOAL_SOON, GOAL_DROPS].map(|goal| failed(goal, &error)).into();
        }
    };
    vec![
        cost(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_COST, &error)),
        memory(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_MEMORY, &error)),
        soon(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_SOON, &error)),
        drops(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_DROPS, &error)),
    ]
}

/// Three servers that see a folder of this machine at `/data`.
pub(crate) struct MediaServers {
    media: TempDir,
    plex: PretendPlex,
    pub(crate) jellyfin: PretendJellyfin,
    emby: PretendEmby,
}

impl MediaServers {
    pub(crate) fn new(workspace: &Workspace, runtime: &Runtime) -> Result<Self> {
        let media = workspace.fresh()?;
        for folder in ["tv", "movies"] {
            std::fs::create_dir(media.path().join(folder))?;
        }
        let library = |id: &str, kind: &str, folder: &str| {
            PretendLibrary::new(id, folder).of(kind).at(&format!("/data/{folder}"))
        };
        let (plex, jellyfin, emby) = runtime.block_on(async {
            let plex = PretendPlex::builder()
                .library(library("1", "show", "tv"))
                .library(library("2", "movie", "movies"));
            let jellyfin = PretendJellyfin::builder()
                .library(library("a1", "tvshows", "tv"))
                .library(library("a2", "movies", "movies"));
            let emby = PretendEmby::builder()
                .library(library("3", "tvshows", "tv"))
                .library(library("4", "movies", "movies"));
            Ok::<_, std::io::Error>((plex.start().await?, jellyfin.start().await?, emby.start().await?))
        })?;
        plex.sees("/data", media.path());
        for holdings in [&jellyfin.holdings, &emby.holdings] {
            holdings.sees("/data", media.path());
            holdings.set_delay(Duration::from_millis(100));
        }
        Ok(Self { media, plex, jellyfin, emby })
    }

    fn fill(&self) {
        self.plex.fill("1", ITEMS / 10 * 9);
        self.plex.fill("2", ITEMS / 10);
        self.jellyfin.holdings.fill(ITEMS);
        self.emby.holdings.fill(ITEMS);
    }

    pub(crate) fn put(&self, file: &str) -> Result<()> {
        let path = self.media.path().join(file);
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        Ok(std::fs::write(path, "film")?)
    }

    pub(crate) fn autoscan(
        &self,
        workspace: &Workspace,
        folder: &Path,
        only: Option<&str>,
    ) -> Result<Server> {
        let map = format!("map: {{ {}: /data }}", self.media.path().display());
        let targets = [
            ("plex", format!("url: '{}', token: plex-token", self.plex.http.url())),
            ("jellyfin", format!("url: '{}', api-key: jellyfin-key", self.jellyfin.http.url())),
            ("emby", format!("url: '{}', api-key: emby-key", self.emby.http.url())),
        ];
        let wanted = targets.iter().filter(|(kind, _)| only.is_none_or(|only| only == *kind));
        let targets = wanted.fold(String::new(), |text, (kind, keys)| {
            text + &format!("  {kind}: [{{ name: {kind}, {keys}, {map} }}]\n")
        });
        let lines = format!(
            "minimum-age: 0s\nfiles: {{ settle: 0s }}\ntriggers: {{ sonarr: [{{ name: sonarr }}] }}\ntargets:\n{targets}"
        );
        workspace.autoscan_with(folder, &lines)
    }

    /// Reports new files of one series, as Sonarr does when an import is complete.
    fn import(&self, server: &Server, series: &str, files: &[String]) -> Result<()> {
        let series = self.media.path().join(series);
        let files: Vec<Value> = files.iter().map(|file| json!({ "relativePath": file })).collect();
        let body = json!({
            "eventType": "Download", "series": { "path": series }, "episodeFiles": files,
        });
        request(server.address, "POST", "/triggers/sonarr", &body.to_string())?;
        Ok(())
    }

    /// Asks for a scan of these paths below the media.
    pub(crate) fn ask(&self, server: &Server, paths: &[String]) -> Result<()> {
        let paths: Vec<_> = paths.iter().map(|path| self.media.path().join(path)).collect();
        let body = json!({ "paths": paths }).to_string();
        request(server.address, "POST", "/api/v1/scans", &body)?;
        Ok(())
    }
}

/// A request with the password; the answer as JSON.
fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<Value> {
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{USERNAME}:{PASSWORD}"));
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic {login}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("an answer without a body")?;
    ensure!(head.contains(" 200 ") || head.contains(" 202 "), "{method} {path} was answered {head}");
    Ok(serde_json::from_str(body)?)
}

/// Waits until so many scans are done; `meanwhile` is called between two looks.
pub(crate) fn all_done(
    server: &Server,
    count: usize,
    mut meanwhile: impl FnMut() -> Result<()>,
) -> Result<()> {
    let began = Instant::now();
    loop {
        let stats = request(server.address, "GET", "/api/v1/stats", "")?;
        let number = |key: &str| stats["scans"][key].as_u64().or(stats[key].as_u64()).unwrap_or_default();
        ensure!(number("attention") == 0, "a file was not seen: {stats}");
        if number("done") >= u64::try_from(count)? {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("not all files were seen within {PATIENCE:?}: {stats}");
        }
        meanwhile()?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether a call asks for items, and not for a scan or for the libraries.
fn asks(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    path.ends_with("/all") && target.contains("type=")
        || path.contains("/library/metadata/")
        || path.ends_with("/library/search")
        || path.to_lowercase().ends_with("/items")
}

/// Requests and bytes a folder, at the server that is asked most.
fn cost(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let servers = MediaServers::new(workspace, runtime)?;
    servers.fill();
    let folder = workspace.fresh()?;
    let server = servers.autoscan(workspace, folder.path(), None)?;
    // The libraries are read, and the series is known, before anything is counted.
    servers.put("tv/Series/Season 00/Series - S00E01.mkv")?;
    servers.ask(&server, &["tv/Series/Season 00/Series - S00E01.mkv".to_owned()])?;
    all_done(&server, 1, || Ok(()))?;
    let stages: [(&str, &HttpServer); 3] =
        [("Plex", &servers.plex.http), ("Jellyfin", &servers.jellyfin.http), ("Emby", &servers.emby.http)];
    let mut worst = (0.0_f64, 0.0_f64);
    let mut told = Vec::new();
    let before = stages.map(|(_, pretend)| {
        pretend.forget_calls();
        pretend.bytes_answered()
    });
    for number in 0..FOLDERS {
        let name = format!("New {number}");
        let files: Vec<String> =
            (0..FILES).map(|file| format!("Season 01/{name} - S01E{file:02}.mkv")).collect();
        files.iter().try_for_each(|file| servers.put(&format!("tv/{name}/{file}")))?;
        servers.import(&server, &format!("tv/{name}"), &files)?;
    }
    all_done(&server, FOLDERS + 1, || Ok(()))?;
    for ((name, pretend), before) in stages.into_iter().zip(before) {
        // What Jellyfin and Emby are asked before the last of them is told belongs to the telling.
        let calls = pretend.calls();
        let told_at = calls.iter().rposition(|call| call.method == "POST").unwrap_or_default();
        let asked = |calls: &[Recorded]| {
            calls.iter().filter(|call| call.method == "GET" && asks(&call.target)).count()
        };
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let [requests, all, kilobytes] = [
            asked(&calls[told_at..]) as f64,
            asked(&calls) as f64,
            (pretend.bytes_answered() - before) as f64 / 1024.0,
        ]
        .map(|sum| sum / FOLDERS as f64);
        worst = (worst.0.max(requests), worst.1.max(kilobytes));
        let before =
            if all > requests { format!(" ({all:.1} with those before it is told)") } else { String::new() };
        told.push(format!("{name} {requests:.1}{before} and {kilobytes:.1} kB in all"));
    }
    server.stop()?;
    let pages = ITEMS.div_ceil(AUTOPULSE_PAGE);
    let megabytes = page_of(&servers)? * pages / (1024 * 1024);
    let measured = format!(
        "{} (autopulse reads the library: {pages} requests and {megabytes} MB at this Jellyfin)",
        told.join(", ")
    );
    Ok(Row::new(GOAL_COST.0, GOAL_COST.1, measured, worst.0 <= 2.0 && worst.1 <= 64.0))
}

/// The size in bytes of one page of the kind that autopulse reads.
fn page_of(servers: &MediaServers) -> Result<usize> {
    let url = servers.jellyfin.http.url();
    let address: SocketAddr = url.trim_start_matches("http://").parse()?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    write!(
        stream,
        "GET /Items?Recursive=true&Fields=Path&EnableImages=false&EnableTotalRecordCount=false&ParentId=a1&Limit={AUTOPULSE_PAGE}&StartIndex=0 HTTP/1.1\r\n\
         Host: localhost\r\nConnection: close\r\nAuthorization: MediaBrowser Token=\"jellyfin-key\"\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "the page was not answered");
    Ok(answer.len())
}

/// The most memory while a thousand folders are told and proven at three targets.
fn memory(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let servers = MediaServers::new(workspace, runtime)?;
    let folder = workspace.fresh()?;
    let server = servers.autoscan(workspace, folder.path(), None)?;
    let mut files = Vec::new();
    for number in 0..MANY {
        let file = format!("tv/Show {number}/Season 01/Show {number} - S01E01.mkv");
        servers.put(&file)?;
        files.push(file);
    }
    for some in files.chunks(100) {
        servers.ask(&server, some)?;
    }
    let mut most = 0.0_f64;
    let began = Instant::now();
    all_done(&server, MANY, || {
        most = most.max(server.pss_mb()?);
        Ok(())
    })?;
    let took = began.elapsed().as_secs();
    server.stop()?;
    Ok(Row::new(GOAL_MEMORY.0, GOAL_MEMORY.1, format!("{most:.1} MB, all in {took} s"), most <= 40.0))
}

/// How much later than the server showed a file it is called seen: Plex, which tells of itself, and Emby, which is asked.
fn soon(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let mut worst = 0.0_f64;
    let mut told = Vec::new();
    for target in ["plex", "emby"] {
        let servers = MediaServers::new(workspace, runtime)?;
        servers.plex.set_scan_time(TAKES);
        servers.emby.holdings.set_walk_takes(TAKES);
        let folder = workspace.fresh()?;
        let server = servers.autoscan(workspace, folder.path(), Some(target))?;
        let mut added = Vec::new();
        for number in 0..TIMED {
            let file = format!("movies/Film {number}/Film {number}.mkv");
            servers.put(&file)?;
            servers.ask(&server, std::slice::from_ref(&file))?;
            let path = format!("/data/{file}");
            let shown = moment_when(|| {
                Ok(match target {
                    "plex" => servers.plex.item(&path).is_some(),
                    _ => servers.emby.holdings.shown(&path).is_some_and(|(_, is_read)| is_read),
                })
            })?;
            let seen = moment_when(|| {
                let page = request(server.address, "GET", "/api/v1/scans?limit=1", "")?;
                Ok(page["scans"][0]["deliveries"][0]["state"] == "seen")
            })?;
            added.push(seen.duration_since(shown).as_secs_f64() * 1000.0);
        }
        server.stop()?;
        let median = median(added);
        worst = worst.max(median);
        told.push(format!("{target} {median:.0} ms"));
    }
    Ok(Row::new(GOAL_SOON.0, GOAL_SOON.1, told.join(", "), worst <= 1000.0))
}

/// The moment at which something is so for the first time.
fn moment_when(so: impl Fn() -> Result<bool>) -> Result<Instant> {
    let began = Instant::now();
    while !so()? {
        ensure!(began.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(Instant::now())
}

/// Memory before and after a hundred drops of websockets: of many targets at once, because each comes back after a pause
/// that grows.
fn drops(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let servers = MediaServers::new(workspace, runtime)?;
    let folder = workspace.fresh()?;
    let (media, url) = (servers.media.path().display(), servers.plex.http.url());
    let targets = (0..SOCKETS).fold(String::new(), |text, number| {
        text + &format!(
            "    - {{ name: plex-{number}, url: '{url}', token: plex-token, map: {{ {media}: /data }} }}\n"
        )
    });
    let lines = format!("minimum-age: 0s\nfiles: {{ settle: 0s }}\ntargets:\n  plex:\n{targets}");
    let server = workspace.autoscan_with(folder.path(), &lines)?;
    servers.put("movies/Film/Film.mkv")?;
    servers.ask(&server, &["movies/Film/Film.mkv".to_owned()])?;
    all_done(&server, 1, || Ok(()))?;
    let all_open = || {
        let began = Instant::now();
        while servers.plex.http.open_sockets() != SOCKETS {
            ensure!(began.elapsed() < PATIENCE, "not every websocket came back");
            std::thread::sleep(BLINK);
        }
        Ok(())
    };
    all_open()?;
    let before = server.pss_mb()?;
    for _ in 0..DROPS / SOCKETS {
        servers.plex.http.cut_sockets();
        std::thread::sleep(BLINK * 5);
        all_open()?;
    }
    let after = server.pss_mb()?;
    server.stop()?;
    let measured =
        format!("{:.2} × ({before:.1} and {after:.1} MB), {SOCKETS} of {SOCKETS} open", after / before);
    Ok(Row::new(GOAL_DROPS.0, GOAL_DROPS.1, measured, after / before <= 1.1))
}
