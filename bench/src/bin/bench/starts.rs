//! From the start of a process to its first 200, with nothing in the database and with a long history.

use anyhow::Result;
use autoscan_bench::load::millis;
use tempfile::TempDir;

use crate::Effort;
use crate::history;
use crate::report::{Row, median};
use crate::workspace::{Settings, Workspace};

const GOAL_EMPTY: (&str, &str) = ("start to first 200, empty", "≤ 1.5 × the floor's");
const GOAL_FULL: (&str, &str) = ("start to first 200, 1 000 000 finished scans", "≤ 2 × the floor's");

/// The two rows about starts.
pub(crate) fn rows(workspace: &Workspace, effort: Effort) -> Vec<Row> {
    let full = prepare(workspace, effort);
    let (full, broken) = match full {
        Ok(folder) => (Some(folder), None),
        Err(error) => (None, Some(Row::failed(GOAL_FULL.0, GOAL_FULL.1, &error))),
    };
    match measure(workspace, effort, full.as_ref()) {
        Ok((floor, empty, long)) => {
            let mut rows = vec![compare(GOAL_EMPTY, floor, empty, 1.5)];
            rows.push(broken.unwrap_or_else(|| compare(GOAL_FULL, floor, long, 2.0)));
            rows
        }
        Err(error) => [GOAL_EMPTY, GOAL_FULL].map(|(what, goal)| Row::failed(what, goal, &error)).into(),
    }
}

/// A folder whose database has a long history.
fn prepare(workspace: &Workspace, effort: Effort) -> Result<TempDir> {
    let folder = workspace.fresh()?;
    workspace.autoscan(folder.path(), &Settings::intake())?.stop()?;
    history::fill(&folder.path().join("autoscan.db"), effort.history)?;
    Ok(folder)
}

/// Medians in milliseconds: the floor, autoscan empty, autoscan with its history.
fn measure(workspace: &Workspace, effort: Effort, full: Option<&TempDir>) -> Result<(f64, f64, f64)> {
    let (mut floors, mut empties, mut fulls) = (Vec::new(), Vec::new(), Vec::new());
    let settings = Settings::intake();
    for _ in 0..effort.starts {
        let folder = workspace.fresh()?;
        let server = workspace.floor(folder.path())?;
        floors.push(millis(server.started_in));
        server.stop()?;
        let folder = workspace.fresh()?;
        let server = workspace.autoscan(folder.path(), &settings)?;
        empties.push(millis(server.started_in));
        server.stop()?;
        if let Some(folder) = full {
            let server = workspace.autoscan(folder.path(), &settings)?;
            fulls.push(millis(server.started_in));
            server.stop()?;
        }
    }
    Ok((median(floors), median(empties), median(fulls)))
}

fn compare((what, goal): (&'static str, &'static str), floor: f64, own: f64, most: f64) -> Row {
    let ratio = own / floor;
    Row::new(what, goal, format!("{ratio:.2} × ({own:.0} ms, floor {floor:.0} ms)"), ratio <= most)
}
