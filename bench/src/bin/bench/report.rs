//! The table that is printed and kept.

use std::fmt::Write;

/// What was found where the time and the bytes go: written by hand, and kept with the figures.
const PROFILE: &str = include_str!("../../../PROFILE.md");

/// One goal and what was measured for it.
#[derive(Debug)]
pub(crate) struct Row {
    what: &'static str,
    goal: &'static str,
    measured: String,
    met: Option<bool>,
}

impl Row {
    /// A goal that is met or not.
    pub(crate) fn new(what: &'static str, goal: &'static str, measured: String, met: bool) -> Self {
        Self { what, goal, measured, met: Some(met) }
    }

    /// A goal that could not be measured, and why.
    pub(crate) fn failed(what: &'static str, goal: &'static str, reason: &anyhow::Error) -> Self {
        Self { what, goal, measured: format!("not measured: {reason:#}"), met: None }
    }

    /// Whether there is a figure.
    pub(crate) fn is_measured(&self) -> bool {
        self.met.is_some()
    }
}

/// The middle value; of an even number of values the lower of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// The rows as a Markdown table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from("| what | goal | measured | met |\n|---|---|---|---|\n");
    for Row { what, goal, measured, met } in rows {
        let met = match met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "–",
        };
        let measured = measured.replace('|', "\\|").replace('\n', " ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {what} | {goal} | {measured} | {met} |");
    }
    text
}

/// The page that is kept beside the bench.
pub(crate) fn page(rows: &[Row], machine: &[String], how: &str) -> String {
    let machine = machine.iter().fold(String::new(), |text, fact| text + "- " + fact + "\n");
    format!(
        "# Figures\n\nWritten by `scripts/bench --write`. Both sides ran on the same machine in the same run, in turn; \
         only the ratios\nmean something elsewhere.\n\n{}\n{how}\n\n## What a profile of one webhook said\n\n{PROFILE}\n\
         ## Machine\n\n{machine}",
        table(rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_one_of_the_values() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0]) - 1.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }

    #[test]
    fn a_table_says_which_goals_were_met_and_which_could_not_be_measured() {
        let rows = [
            Row::new("a", "≤ 1", "0.5".to_owned(), true),
            Row::new("b", "≤ 1", "2 | 3".to_owned(), false),
            Row::failed("c", "≤ 1", &anyhow::anyhow!("no such program")),
        ];

        let table = table(&rows);

        assert!(table.contains("| a | ≤ 1 | 0.5 | yes |"), "{table}");
        assert!(table.contains("| b | ≤ 1 | 2 \\| 3 | **no** |"), "{table}");
        assert!(table.contains("| c | ≤ 1 | not measured: no such program | – |"), "{table}");
    }
}
