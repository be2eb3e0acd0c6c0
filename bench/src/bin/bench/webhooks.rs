//! Webhooks a second, and how long the slowest of a hundred take, beside the floor.

use std::time::Duration;

use anyhow::{Result, ensure};
use autoscan_bench::load::{Figures, Load};

use crate::Effort;
use crate::report::{Row, median};
use crate::server::Server;
use crate::yard::{PASSWORD, Settings, USERNAME, Yard};

const MANY: usize = 64;
const GOAL_MANY: (&str, &str) = ("webhooks/s, 64 connections", "≥ 0.75 of the floor");
const GOAL_ONE: (&str, &str) = ("webhooks/s, 1 connection", "≥ 0.8 of the floor");
const GOAL_SLOW: (&str, &str) = ("p99 at 64 connections", "≤ 2 × the floor's");

/// What one server did in one round.
struct Round {
    many: Figures,
    one: Figures,
}

/// The three rows about webhooks.
pub(crate) fn rows(yard: &Yard, effort: Effort) -> Vec<Row> {
    match measure(yard, effort) {
        Ok((floor, autoscan)) => compare(&floor, &autoscan),
        Err(error) => {
            [GOAL_MANY, GOAL_ONE, GOAL_SLOW].map(|(what, goal)| Row::failed(what, goal, &error)).into()
        }
    }
}

fn measure(yard: &Yard, effort: Effort) -> Result<(Vec<Round>, Vec<Round>)> {
    let (mut floors, mut autoscans) = (Vec::new(), Vec::new());
    for round in 1..=effort.rounds {
        let folder = yard.fresh()?;
        let floor = play(yard.floor(folder.path())?, effort)?;
        show(round, "floor", &floor);
        floors.push(floor);
        let folder = yard.fresh()?;
        let autoscan = play(yard.autoscan(folder.path(), &Settings::intake())?, effort)?;
        show(round, "autoscan", &autoscan);
        autoscans.push(autoscan);
    }
    Ok((floors, autoscans))
}

/// The floor alone, for a look at the machine.
pub(crate) fn floor(yard: &Yard, effort: Effort) -> Result<()> {
    for round in 1..=effort.rounds {
        let folder = yard.fresh()?;
        show(round, "floor", &play(yard.floor(folder.path())?, effort)?);
    }
    Ok(())
}

fn play(server: Server, effort: Effort) -> Result<Round> {
    let load = |connections, time, first| Load {
        address: server.address,
        path: "/triggers/sonarr".to_owned(),
        login: Some((USERNAME.to_owned(), PASSWORD.to_owned())),
        connections,
        requests: 10_000_000,
        time,
        first,
    };
    load(MANY, Duration::from_millis(500), 0).run()?;
    let many = load(MANY, effort.time, 20_000_000).run()?;
    let one = load(1, effort.time, 40_000_000).run()?;
    ensure!(many.refused + one.refused == 0, "{} requests were not answered 200", many.refused + one.refused);
    server.stop()?;
    Ok(Round { many, one })
}

fn show(round: u32, side: &str, figures: &Round) {
    let Round { many, one } = figures;
    eprintln!(
        "round {round}, {side}: 64 connections {:.0}/s, p50 {:.2} ms, p99 {:.2} ms; 1 connection {:.0}/s, p50 {:.2} ms",
        many.per_second, many.p50_ms, many.p99_ms, one.per_second, one.p50_ms
    );
}

fn compare(floor: &[Round], autoscan: &[Round]) -> Vec<Row> {
    let both = |figure: fn(&Round) -> f64| {
        let of = |rounds: &[Round]| median(rounds.iter().map(figure).collect());
        (of(floor), of(autoscan))
    };
    let (floor_many, many) = both(|round| round.many.per_second);
    let (floor_one, one) = both(|round| round.one.per_second);
    let (floor_slow, slow) = both(|round| round.many.p99_ms);
    let rate = |(what, goal), floor: f64, own: f64, least: f64| {
        let ratio = own / floor;
        Row::new(what, goal, format!("{ratio:.2} ({own:.0} of {floor:.0})"), ratio >= least)
    };
    let ratio = slow / floor_slow;
    vec![
        rate(GOAL_MANY, floor_many, many, 0.75),
        rate(GOAL_ONE, floor_one, one, 0.8),
        Row::new(
            GOAL_SLOW.0,
            GOAL_SLOW.1,
            format!("{ratio:.2} × ({slow:.1} ms, floor {floor_slow:.1} ms)"),
            ratio <= 2.0,
        ),
    ]
}
