//! Memory: idle, and with ten thousand folders that wait.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::{Result, ensure};
use autoscan_bench::load::Load;

use crate::report::Row;
use crate::server::Server;
use crate::workspace::{PASSWORD, Settings, USERNAME, Workspace};

const FOLDERS: u64 = 10_000;
/// A server is idle when nothing has happened for this long.
const REST: Duration = Duration::from_secs(2);
const GOAL_IDLE: (&str, &str) = ("PSS idle", "≤ 6 MB");
const GOAL_WAITING: (&str, &str) = ("PSS after 10 000 waiting folders", "≤ 16 MB");

/// The two rows about memory.
pub(crate) fn rows(workspace: &Workspace) -> Vec<Row> {
    match measure(workspace) {
        Ok((idle, waiting)) => vec![
            Row::new(GOAL_IDLE.0, GOAL_IDLE.1, idle.to_string(), idle.all <= 6.0),
            Row::new(GOAL_WAITING.0, GOAL_WAITING.1, waiting.to_string(), waiting.all <= 16.0),
        ],
        Err(error) => [GOAL_IDLE, GOAL_WAITING].map(|(what, goal)| Row::failed(what, goal, &error)).into(),
    }
}

/// The memory of a server at one moment, in megabytes.
struct Memory {
    all: f64,
    own: f64,
}

impl Memory {
    fn of(server: &Server) -> Result<Self> {
        Ok(Self { all: server.pss_mb()?, own: server.own_mb()? })
    }
}

impl Display for Memory {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { all, own } = self;
        write!(out, "{all:.1} MB, {own:.1} of it its own and the rest pages of the program's file")
    }
}

fn measure(workspace: &Workspace) -> Result<(Memory, Memory)> {
    let folder = workspace.fresh()?;
    let server = workspace.autoscan(folder.path(), &Settings::intake())?;
    std::thread::sleep(REST);
    let idle = Memory::of(&server)?;
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
    let waiting = Memory::of(&server)?;
    server.stop()?;
    Ok((idle, waiting))
}
