//! Everything that autoscan must reach, measured side by side with the floor in one run and printed as a table.

mod delivery;
mod history;
mod library_scans;
mod machine;
mod memory;
mod pages;
mod pretend;
mod proof;
mod report;
mod scale;
mod server;
mod starts;
mod webhooks;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use crate::report::Row;
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(about = "Measures autoscan beside the floor and prints goal, figure and verdict as a table")]
struct Arguments {
    /// A look of about a minute: fewer rounds, a shorter history. Its figures are not kept.
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Keep the table in this file.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Only this part.
    #[arg(long, conflicts_with = "write")]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The floor alone.
    Floor,
    /// Webhooks a second.
    Webhooks,
    /// Start to first 200.
    Starts,
    /// Memory.
    Memory,
    /// What reaches the targets.
    Delivery,
    /// The pages and those who watch.
    Pages,
    /// What proof costs.
    Proof,
    /// What scans of libraries cost.
    LibraryScans,
    /// The store's queries at a thousand rows and at a million.
    Scale,
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    /// Rounds of floor and autoscan, in turn.
    rounds: u32,
    /// How long each load lasts.
    time: Duration,
    /// Starts of each kind.
    starts: u32,
    /// Finished scans in the long history.
    history: u64,
    /// Webhooks that are followed to the target.
    webhooks: u64,
    /// Runs of the store's example.
    scales: u32,
}

impl Effort {
    const FULL: Self = Self {
        rounds: 9,
        time: Duration::from_secs(2),
        starts: 9,
        history: 1_000_000,
        webhooks: 300,
        scales: 3,
    };
    const QUICK: Self =
        Self { rounds: 3, time: Duration::from_secs(1), starts: 3, history: 50_000, webhooks: 50, scales: 1 };
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let workspace = Workspace::new()?;
    let machine = machine::facts(workspace.folder());
    eprintln!("{}", machine.join("\n"));
    if arguments.only == Some(Part::Floor) {
        webhooks::floor(&workspace, effort)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = measure(&workspace, effort, arguments.only);
    let how = how(effort);
    println!("{}\n{how}", report::table(&rows));
    if let Some(file) = arguments.write {
        std::fs::write(&file, report::page(&rows, &machine, &how))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let all = rows.iter().all(Row::is_measured);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(workspace: &Workspace, effort: Effort, only: Option<Part>) -> Vec<Row> {
    let wanted = |part| only.is_none_or(|only| only == part);
    let mut rows = Vec::new();
    if wanted(Part::Webhooks) {
        rows.extend(webhooks::rows(workspace, effort));
    }
    if wanted(Part::Starts) {
        rows.extend(starts::rows(workspace, effort));
    }
    if wanted(Part::Memory) {
        rows.extend(memory::rows(workspace));
    }
    if wanted(Part::Delivery) {
        rows.extend(delivery::rows(workspace, effort));
    }
    if wanted(Part::Proof) {
        rows.extend(proof::rows(workspace));
    }
    if wanted(Part::LibraryScans) {
        rows.extend(library_scans::rows(workspace));
    }
    if wanted(Part::Pages) {
        rows.extend(pages::rows(workspace, effort));
    }
    if wanted(Part::Scale) {
        rows.extend(scale::rows(workspace, effort));
    }
    rows
}

fn how(effort: Effort) -> String {
    let Effort { rounds, time, starts, history, webhooks, scales } = effort;
    format!(
        "Medians of {rounds} rounds of {time:?} for each load (both servers side by side, and the ratio of each round), of {starts} starts, of {webhooks} webhooks followed \
         to the target\nand of {scales} runs of the store's example. Every webhook is distinct, for a folder of its own, \
         and answered after\nits commit (`synchronous = FULL`). The long history is {history} finished scans."
    )
}
