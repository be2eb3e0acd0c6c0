//! Whether the store's questions take longer when it holds more, as its own example measures it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::Effort;
use crate::report::{Row, median};
use crate::workspace::Workspace;

const GOAL: (&str, &str) = ("claim, absorb, list at 1 000 000 rows vs 1 000", "≤ 1.5 ×");
/// What the example calls them.
const QUESTIONS: [&str; 3] = ["claim 1", "absorb", "list 50"];

/// One question, asked in a long history and in a long queue.
#[derive(Debug, PartialEq)]
struct Ratio {
    state: String,
    question: String,
    times: f64,
}

/// The row about scale.
pub(crate) fn rows(workspace: &Workspace, effort: Effort) -> Vec<Row> {
    let row = measure(workspace, effort).map_or_else(
        |error| Row::failed(GOAL.0, GOAL.1, &error),
        |ratios| {
            let worst = ratios.iter().map(|ratio| ratio.times).fold(0.0, f64::max);
            let each: Vec<String> = ratios
                .iter()
                .map(|Ratio { state, question, times }| format!("{question} ({state}) {times:.2}"))
                .collect();
            Row::new(GOAL.0, GOAL.1, format!("at most {worst:.2} ×: {}", each.join(", ")), worst <= 1.5)
        },
    );
    vec![row]
}

/// The medians of several runs of the example, which measures one size after the other.
fn measure(workspace: &Workspace, effort: Effort) -> Result<Vec<Ratio>> {
    let mut runs = Vec::new();
    for _ in 0..effort.scales {
        runs.push(run(workspace, effort)?);
    }
    let mut ratios = runs.pop().context("the store's example was never run")?;
    for (at, ratio) in ratios.iter_mut().enumerate() {
        let others = runs.iter().map(|run| run[at].times);
        ratio.times = median(others.chain([ratio.times]).collect());
    }
    Ok(ratios)
}

fn run(workspace: &Workspace, effort: Effort) -> Result<Vec<Ratio>> {
    let folder = workspace.fresh()?;
    let output = Command::new(workspace.program("examples/scale")?)
        .arg(effort.history.to_string())
        .env("TMPDIR", folder.path())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run the store's example")?;
    ensure!(output.status.success(), "the store's example ended with {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let ratios: Vec<Ratio> = text.lines().filter_map(read).collect();
    eprintln!("scale: {ratios:?}");
    ensure!(ratios.len() == 2 * QUESTIONS.len(), "the store's example did not print {QUESTIONS:?}");
    Ok(ratios)
}

/// Reads `ratio done absorb: 1000 rows 1.0, 1000000 rows 1.1, ratio 1.10`, when it is one of the questions.
fn read(line: &str) -> Option<Ratio> {
    let (head, figures) = line.strip_prefix("ratio ")?.split_once(": ")?;
    let (state, question) = head.split_once(' ')?;
    let times = figures.rsplit_once("ratio ")?.1.parse().ok()?;
    QUESTIONS.contains(&question).then(|| Ratio {
        state: state.to_owned(),
        question: question.to_owned(),
        times,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_questions_that_have_a_goal_are_read() {
        let line = "ratio waiting claim 1: 1000 rows 20.1, 1000000 rows 22.3, ratio 1.11";

        let expected = Ratio { state: "waiting".to_owned(), question: "claim 1".to_owned(), times: 1.11 };
        assert_eq!(read(line), Some(expected));
        assert_eq!(read("ratio done stats: 1000 rows 1.0, 1000000 rows 1.0, ratio 1.00"), None);
        assert_eq!(read("commit bare insert: 200.0"), None);
    }
}
