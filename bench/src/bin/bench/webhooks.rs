//! Webhooks a second, and how long the slowest of a hundred take, beside the floor.

use std::time::Duration;

use anyhow::{Result, ensure};
use autoscan_bench::load::{Figures, Load};

use crate::Effort;
use crate::report::{Row, median};
use crate::server::Server;
use crate::workspace::{PASSWORD, Settings, USERNAME, Workspace};

/// Connections of a load by many.
pub(crate) const MANY: usize = 64;
const GOAL_MANY: (&str, &str) = ("webhooks/s, 64 connections", "≥ 0.85 of the floor");
const GOAL_ONE: (&str, &str) = ("webhooks/s, 1 connection", "≥ 0.9 of the floor");
const GOAL_SLOW: (&str, &str) = ("p99 at 64 connections", "≤ 1.3 × the floor's");

/// What one server did in one round.
struct Round {
    many: Figures,
    one: Figures,
}

/// The three rows about webhooks.
pub(crate) fn rows(workspace: &Workspace, effort: Effort) -> Vec<Row> {
    match measure(workspace, effort) {
        Ok((floor, autoscan)) => compare(&floor, &autoscan),
        Err(error) => {
            [GOAL_MANY, GOAL_ONE, GOAL_SLOW].map(|(what, goal)| Row::failed(what, goal, &error)).into()
        }
    }
}

/// Both servers stand beside each other, and each load is given to one right after the other: what the disk does meanwhile
/// meets both.
fn measure(workspace: &Workspace, effort: Effort) -> Result<(Vec<Round>, Vec<Round>)> {
    let (mut floors, mut autoscans) = (Vec::new(), Vec::new());
    for round in 1..=effort.rounds {
        let (near, far) = (workspace.fresh()?, workspace.fresh()?);
        let floor = workspace.floor(near.path())?;
        let autoscan = workspace.autoscan(far.path(), &Settings::intake())?;
        for server in [&floor, &autoscan] {
            play(server, MANY, Duration::from_millis(500), 0)?;
        }
        let (floor_many, many) =
            (play(&floor, MANY, effort.time, 1)?, play(&autoscan, MANY, effort.time, 1)?);
        let (floor_one, one) = (play(&floor, 1, effort.time, 2)?, play(&autoscan, 1, effort.time, 2)?);
        floors.push(Round { many: floor_many, one: floor_one });
        autoscans.push(Round { many, one });
        show(round, "floor", &floors[floors.len() - 1]);
        show(round, "autoscan", &autoscans[autoscans.len() - 1]);
        floor.stop()?;
        autoscan.stop()?;
    }
    Ok((floors, autoscans))
}

/// The floor alone, for a look at the machine.
pub(crate) fn floor(workspace: &Workspace, effort: Effort) -> Result<()> {
    for round in 1..=effort.rounds {
        let folder = workspace.fresh()?;
        let server = workspace.floor(folder.path())?;
        let many = play(&server, MANY, effort.time, 0)?;
        let one = play(&server, 1, effort.time, 1)?;
        show(round, "floor", &Round { many, one });
        server.stop()?;
    }
    Ok(())
}

/// One load; `part` keeps its series apart from those of the others.
pub(crate) fn play(server: &Server, connections: usize, time: Duration, part: u64) -> Result<Figures> {
    let load = Load {
        address: server.address,
        path: "/triggers/sonarr".to_owned(),
        login: Some((USERNAME.to_owned(), PASSWORD.to_owned())),
        connections,
        requests: 10_000_000,
        time,
        first: part * 20_000_000,
    };
    let figures = load.run()?;
    ensure!(figures.refused == 0, "{} requests were not answered 200", figures.refused);
    Ok(figures)
}

fn show(round: u32, side: &str, figures: &Round) {
    let Round { many, one } = figures;
    eprintln!(
        "round {round}, {side}: 64 connections {:.0}/s, p50 {:.2} ms, p99 {:.2} ms; 1 connection {:.0}/s, p50 {:.2} ms",
        many.per_second, many.p50_ms, many.p99_ms, one.per_second, one.p50_ms
    );
}

/// Medians, and the median of the rounds' own ratios.
fn compare(floor: &[Round], autoscan: &[Round]) -> Vec<Row> {
    let of = |rounds: &[Round], figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    let ratio = |figure: fn(&Round) -> f64| {
        median(floor.iter().zip(autoscan).map(|(floor, own)| figure(own) / figure(floor)).collect())
    };
    let rate = |(what, goal), figure: fn(&Round) -> f64, least: f64| {
        let (times, own, floor) = (ratio(figure), of(autoscan, figure), of(floor, figure));
        Row::new(what, goal, format!("{times:.2} ({own:.0} of {floor:.0})"), times >= least)
    };
    let slow: fn(&Round) -> f64 = |round| round.many.p99_ms;
    let (times, own, floor_slow) = (ratio(slow), of(autoscan, slow), of(floor, slow));
    vec![
        rate(GOAL_MANY, |round| round.many.per_second, 0.85),
        rate(GOAL_ONE, |round| round.one.per_second, 0.9),
        Row::new(
            GOAL_SLOW.0,
            GOAL_SLOW.1,
            format!("{times:.2} × ({own:.1} ms, floor {floor_slow:.1} ms)"),
            times <= 1.3,
        ),
    ]
}
