//! Memory: idle, and with ten thousand folders that wait.

use std::time::Duration;

use anyhow::{Result, ensure};
use autoscan_bench::load::Load;

use crate::report::Row;
use crate::yard::{PASSWORD, Settings, USERNAME, Yard};

const FOLDERS: u64 = 10_000;
/// A server is idle when nothing has happened for this long.
const REST: Duration = Duration::from_secs(2);
const GOAL_IDLE: (&str, &str) = ("PSS idle", "≤ 10 MB");
const GOAL_WAITING: (&str, &str) = ("PSS after 10 000 waiting folders", "≤ 16 MB");

/// The two rows about memory.
pub(crate) fn rows(yard: &Yard) -> Vec<Row> {
    match measure(yard) {
        Ok((idle, waiting)) => vec![
            Row::new(GOAL_IDLE.0, GOAL_IDLE.1, format!("{idle:.1} MB"), idle <= 10.0),
            Row::new(GOAL_WAITING.0, GOAL_WAITING.1, format!("{waiting:.1} MB"), waiting <= 16.0),
        ],
        Err(error) => [GOAL_IDLE, GOAL_WAITING].map(|(what, goal)| Row::failed(what, goal, &error)).into(),
    }
}

fn measure(yard: &Yard) -> Result<(f64, f64)> {
    let folder = yard.fresh()?;
    let server = yard.autoscan(folder.path(), &Settings::intake())?;
    std::thread::sleep(REST);
    let idle = server.pss_mb()?;
    let load = Load {
        address: server.address,
        path: "/triggers/sonarr".to_owned(),
        login: Some((USERNAME.to_owned(), PASSWORD.to_owned())),
        connections: 8,
        requests: FOLDERS,
        time: Duration::from_mins(2),
        first: 0,
    };
    let figures = load.run()?;
    ensure!(figures.answered == FOLDERS, "only {} of {FOLDERS} webhooks were answered 200", figures.answered);
    std::thread::sleep(REST);
    let waiting = server.pss_mb()?;
    server.stop()?;
    Ok((idle, waiting))
}
