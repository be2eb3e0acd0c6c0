//! What new films, shows and episodes cost a Jellyfin that takes its time over a scan of a library.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;

use crate::proof::{MediaServers, PATIENCE, all_done};
use crate::report::Row;
use crate::server::Server;
use crate::workspace::Workspace;

/// Films that come at once, and how long a scan of their library takes.
const FILMS: usize = 50;
const FILMS_TAKE: Duration = Duration::from_secs(6);
/// Shows that come in a burst, and how long a scan of their library takes: one of 10 000 items.
const SHOWS: usize = 8;
const SHOWS_TAKE: Duration = Duration::from_secs(15);
/// A stream of imports into one library, and how often one comes.
const IMPORTS: usize = 10;
const EVERY: Duration = Duration::from_millis(4500);
/// Jellyfin's own wait after a report, which nothing here must wait for.
const DELAY: Duration = Duration::from_mins(1);

const GOAL_FILMS: (&str, &str) =
    ("50 new films at once at Jellyfin", "≤ 100 requests, 1 scan of the library");
const GOAL_SHOWS: (&str, &str) =
    ("8 new shows in a burst at a Jellyfin library of 10 000 items", "≤ 2 scans of the library");
const GOAL_EPISODE: (&str, &str) = ("a new episode of a known season at Jellyfin", "≤ 3 requests");
const GOAL_STREAM: (&str, &str) =
    ("a new show every 4.5 s at a Jellyfin whose delay is 60 s", "each seen within 15 s");
const GOAL_RESTART: (&str, &str) =
    ("a scan that Jellyfin forgets in a restart that nobody sees", "the file shown within 120 s");

/// The rows about scans of libraries.
pub(crate) fn rows(workspace: &Workspace) -> Vec<Row> {
    let goals = [GOAL_FILMS, GOAL_SHOWS, GOAL_EPISODE, GOAL_STREAM, GOAL_RESTART];
    let failed =
        |(what, goal): (&'static str, &'static str), error: &anyhow::Error| Row::failed(what, goal, error);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = error.into();
            return goals.map(|goal| failed(goal, &error)).into();
        }
    };
    vec![
        films(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_FILMS, &error)),
        shows(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_SHOWS, &error)),
        episode(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_EPISODE, &error)),
        stream(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_STREAM, &error)),
        restart(workspace, &runtime).unwrap_or_else(|error| failed(GOAL_RESTART, &error)),
    ]
}

/// A Jellyfin whose scans of a library take so long, and an autoscan that has proven one file of it.
fn begin(
    workspace: &Workspace,
    runtime: &Runtime,
    takes: Duration,
) -> Result<(MediaServers, tempfile::TempDir, Server)> {
    let servers = MediaServers::new(workspace, runtime)?;
    servers.jellyfin.holdings.set_delay(DELAY);
    let folder = workspace.fresh()?;
    let server = servers.autoscan(workspace, folder.path(), Some("jellyfin"))?;
    let first = "tv/Known/Season 01/Known - S01E01.mkv".to_owned();
    servers.put(&first)?;
    servers.ask(&server, &[first])?;
    all_done(&server, 1, || Ok(()))?;
    servers.jellyfin.holdings.set_walk_takes(takes);
    servers.jellyfin.http.forget_calls();
    Ok((servers, folder, server))
}

fn films(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let (servers, _folder, server) = begin(workspace, runtime, FILMS_TAKE)?;
    let files: Vec<String> =
        (0..FILMS).map(|number| format!("movies/Film {number}/Film {number}.mkv")).collect();
    files.iter().try_for_each(|file| servers.put(file))?;
    let before = servers.jellyfin.holdings.walks();
    servers.ask(&server, &files)?;
    all_done(&server, FILMS + 1, || Ok(()))?;
    let (requests, scans) = (servers.jellyfin.http.call_count(), servers.jellyfin.holdings.walks() - before);
    server.stop()?;
    let measured = format!("{requests} requests, {scans} scan of the library");
    Ok(Row::new(GOAL_FILMS.0, GOAL_FILMS.1, measured, requests <= 100 && scans == 1))
}

fn shows(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let (servers, _folder, server) = begin(workspace, runtime, SHOWS_TAKE)?;
    let before = servers.jellyfin.holdings.walks();
    for number in 0..SHOWS {
        let file = format!("tv/Show {number}/Season 01/Show {number} - S01E01.mkv");
        servers.put(&file)?;
        servers.ask(&server, &[file])?;
        std::thread::sleep(Duration::from_millis(500));
    }
    all_done(&server, SHOWS + 1, || Ok(()))?;
    let scans = servers.jellyfin.holdings.walks() - before;
    server.stop()?;
    Ok(Row::new(GOAL_SHOWS.0, GOAL_SHOWS.1, format!("{scans} scans of the library"), scans <= 2))
}

fn episode(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let (servers, _folder, server) = begin(workspace, runtime, SHOWS_TAKE)?;
    let file = "tv/Known/Season 01/Known - S01E02.mkv".to_owned();
    servers.put(&file)?;
    servers.ask(&server, &[file])?;
    all_done(&server, 2, || Ok(()))?;
    let requests = servers.jellyfin.http.call_count();
    server.stop()?;
    Ok(Row::new(GOAL_EPISODE.0, GOAL_EPISODE.1, format!("{requests} requests"), requests <= 3))
}

fn stream(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let (servers, _folder, server) = begin(workspace, runtime, Duration::from_secs(1))?;
    let mut put: Vec<(String, Instant)> = Vec::new();
    let mut slowest = Duration::ZERO;
    let mut look = |put: &mut Vec<(String, Instant)>| {
        put.retain(|(file, at)| {
            let shown = servers.jellyfin.holdings.shown(&format!("/data/{file}"));
            let is_shown = shown.is_some_and(|(_, read)| read);
            if is_shown {
                slowest = slowest.max(at.elapsed());
            }
            !is_shown
        });
    };
    for number in 0..IMPORTS {
        let file = format!("tv/Stream {number}/Season 01/Stream {number} - S01E01.mkv");
        servers.put(&file)?;
        servers.ask(&server, std::slice::from_ref(&file))?;
        put.push((file, Instant::now()));
        let next = Instant::now() + EVERY;
        while Instant::now() < next {
            look(&mut put);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    all_done(&server, IMPORTS + 1, || {
        look(&mut put);
        Ok(())
    })?;
    look(&mut put);
    server.stop()?;
    put.is_empty().then_some(()).context("a show was called seen that is not shown")?;
    let measured = format!("the slowest after {:.1} s", slowest.as_secs_f64());
    Ok(Row::new(GOAL_STREAM.0, GOAL_STREAM.1, measured, slowest <= Duration::from_secs(15)))
}

/// Jellyfin starts anew before it has scanned what it was told, between two questions.
fn restart(workspace: &Workspace, runtime: &Runtime) -> Result<Row> {
    let (servers, _folder, server) = begin(workspace, runtime, SHOWS_TAKE)?;
    let file = "tv/Lost/Season 01/Lost - S01E01.mkv".to_owned();
    servers.put(&file)?;
    let before = servers.jellyfin.holdings.walks();
    servers.ask(&server, std::slice::from_ref(&file))?;
    let began = Instant::now();
    while servers.jellyfin.holdings.walks() == before {
        ensure!(began.elapsed() < PATIENCE, "Jellyfin was never told");
        std::thread::sleep(Duration::from_millis(20));
    }
    servers.jellyfin.holdings.restart();
    servers.jellyfin.holdings.set_walk_takes(Duration::from_secs(1));
    let lost = Instant::now();
    let path = format!("/data/{file}");
    while servers.jellyfin.holdings.shown(&path).is_none() {
        ensure!(lost.elapsed() < PATIENCE, "it was never told again");
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = lost.elapsed();
    all_done(&server, 2, || Ok(()))?;
    server.stop()?;
    let measured = format!("after {:.0} s", took.as_secs_f64());
    Ok(Row::new(GOAL_RESTART.0, GOAL_RESTART.1, measured, took <= Duration::from_mins(2)))
}
