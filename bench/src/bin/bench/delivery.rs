//! What reaches the targets: how soon, and in how few calls.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use autoscan_bench::body::Body;
use autoscan_bench::connection::{Connection, post_head};
use autoscan_bench::load::{millis, percentile};
use tokio::time::{interval, sleep, timeout};

use crate::Effort;
use crate::pretend::Pretend;
use crate::report::Row;
use crate::workspace::{PASSWORD, Settings, USERNAME, Workspace};

const GOAL_SOON: (&str, &str) = ("POST → scan request at the target, no delays", "≤ 5 ms p50");
const GOAL_FEW: (&str, &str) = ("500 episodes of one season in 2 s", "1 call per target");
const EPISODES: u64 = 500;
const SEASON: Duration = Duration::from_secs(2);
/// Between two webhooks that are followed: a library is told of the next folder when the scan of the last one is over, and
/// that is not what is measured.
const BETWEEN: Duration = Duration::from_millis(120);
/// No call for this long: the last one was made. Longer than the season's quiet time.
const SILENCE: Duration = Duration::from_secs(8);
/// A target that has not been asked by then never will be.
const LONGEST: Duration = Duration::from_secs(15);

/// The two rows about deliveries.
pub(crate) fn rows(workspace: &Workspace, effort: Effort) -> Vec<Row> {
    // The targets answer on a thread of their own while this one starts and stops servers.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = error.into();
            return [GOAL_SOON, GOAL_FEW].map(|(what, goal)| Row::failed(what, goal, &error)).into();
        }
    };
    let soon = runtime.block_on(soon(workspace, effort)).map_or_else(
        |error| Row::failed(GOAL_SOON.0, GOAL_SOON.1, &error),
        |(p50, p99)| {
            let measured = format!("{:.1} ms p50, {:.1} ms p99", millis(p50), millis(p99));
            Row::new(GOAL_SOON.0, GOAL_SOON.1, measured, p50 <= Duration::from_millis(5))
        },
    );
    let few = runtime.block_on(few(workspace)).map_or_else(
        |error| Row::failed(GOAL_FEW.0, GOAL_FEW.1, &error),
        |[plex, jellyfin, emby]| {
            let measured = format!("Plex {plex}, Jellyfin {jellyfin}, Emby {emby}");
            Row::new(GOAL_FEW.0, GOAL_FEW.1, measured, [plex, jellyfin, emby] == [1, 1, 1])
        },
    );
    vec![soon, few]
}

fn request() -> Body {
    Body::after(post_head("/triggers/sonarr", Some((USERNAME, PASSWORD)), Body::length()))
}

/// One webhook after the other, each for a folder of its own: p50 and p99 until the target is asked.
async fn soon(workspace: &Workspace, effort: Effort) -> Result<(Duration, Duration)> {
    let mut target = Pretend::start().await?;
    let settings =
        Settings { minimum_age: "0s", maximum_wait: "2m", targets: vec![("plex", target.address)] };
    let folder = workspace.fresh()?;
    let server = workspace.autoscan(folder.path(), &settings)?;
    let mut connection = Connection::open(server.address).await?;
    let mut body = request();
    let mut times = Vec::new();
    for series in 0..effort.webhooks {
        let sent = Instant::now();
        let status = connection.exchange(body.bytes(series, 1)).await?;
        ensure!(status == 200, "a webhook was answered {status}");
        let asked = timeout(LONGEST, target.calls.recv()).await.context("the target was never asked")?;
        times.push(asked.context("the target is gone")?.duration_since(sent));
        sleep(BETWEEN).await;
    }
    server.stop()?;
    // The first goes through a lane that has only just met its target.
    times.remove(0);
    times.sort_unstable();
    Ok((percentile(&times, 50), percentile(&times, 99)))
}

/// A season, episode by episode: the calls at Plex, Jellyfin and Emby.
async fn few(workspace: &Workspace) -> Result<[usize; 3]> {
    let mut targets = [Pretend::start().await?, Pretend::start().await?, Pretend::start().await?];
    let [plex, jellyfin, emby] = [0, 1, 2].map(|index: usize| targets[index].address);
    let settings = Settings {
        minimum_age: "3s",
        maximum_wait: "2m",
        targets: vec![("plex", plex), ("jellyfin", jellyfin), ("emby", emby)],
    };
    let folder = workspace.fresh()?;
    let server = workspace.autoscan(folder.path(), &settings)?;
    let mut connection = Connection::open(server.address).await?;
    let mut body = request();
    let mut beat = interval(SEASON / u32::try_from(EPISODES)?);
    for episode in 1..=EPISODES {
        beat.tick().await;
        let status = connection.exchange(body.bytes(1, episode)).await?;
        ensure!(status == 200, "a webhook was answered {status}");
    }
    let [plex, jellyfin, emby] = &mut targets;
    let (plex, jellyfin, emby) =
        tokio::join!(plex.count(SILENCE), jellyfin.count(SILENCE), emby.count(SILENCE));
    server.stop()?;
    Ok([plex, jellyfin, emby])
}
