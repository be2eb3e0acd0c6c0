//! Charts, drawn by the server. What a colour says, a shape says too, and a table says all of it in words.
//!
//! Coordinates are whole numbers in a picture of 4000 × 1720.

use std::time::Duration;

use askama::Template;
use autoscan_engine::Hour;

use super::words;

const LEFT: u64 = 520;
const RIGHT: u64 = 3960;
const TOP: u64 = 140;
const BOTTOM: u64 = 1500;
/// Hours of a day: a chart of so many shows each, one of more shows days in its table.
const DAY: usize = 24;
/// The marks of the axis of times to visible, in milliseconds; they stand equally far apart.
const LADDER: [u64; 9] = [0, 1_000, 5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 86_400_000];

/// A chart with its table.
#[derive(Template)]
#[template(path = "chart.html")]
pub(super) struct Chart {
    /// Begins its ids.
    id: &'static str,
    title: &'static str,
    /// What a person who sees the chart would take from it, in a sentence.
    summary: String,
    is_empty: bool,
    /// Whether shapes must be small, because there are many.
    is_fine: bool,
    guides: Vec<Guide>,
    ticks: Vec<Tick>,
    bars: Vec<Bar>,
    line: String,
    dots: Vec<Spot>,
    spreads: Vec<Spread>,
    marks: Vec<Spot>,
    legend: &'static [(&'static str, &'static str)],
    head: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl askama::filters::HtmlSafe for Chart {}

struct Guide {
    y: u64,
    text: String,
}

struct Tick {
    x: u64,
    text: String,
    anchor: &'static str,
}

struct Bar {
    x: u64,
    y: u64,
    width: u64,
    height: u64,
}

struct Spot {
    x: u64,
    y: u64,
}

/// From the median up to what nearly all were below.
struct Spread {
    x: u64,
    y: u64,
    top: u64,
}

/// Where the hours stand from left to right.
struct Axis {
    hours: u64,
}

impl Axis {
    fn of(hours: &[Hour]) -> Self {
        Self { hours: number(hours.len()).max(1) }
    }

    fn left(&self, at: usize) -> u64 {
        LEFT + (RIGHT - LEFT) * number(at) / self.hours
    }

    fn middle(&self, at: usize) -> u64 {
        u64::midpoint(self.left(at), self.left(at + 1))
    }

    fn ticks(&self) -> Vec<Tick> {
        let (parts, unit, each) = if self.is_day() { (4, "h", 6) } else { (7, "days", 1) };
        let tick = |part: u64| Tick {
            x: LEFT + (RIGHT - LEFT) * part / parts,
            text: match (parts - part) * each {
                0 => "now".to_owned(),
                1 if unit == "days" => "1 day".to_owned(),
                back => format!("{back} {unit}"),
            },
            anchor: if part == parts { "end" } else { "middle" },
        };
        (0..=parts).filter(|part| self.is_day() || part % 2 == 1).map(tick).collect()
    }

    fn is_day(&self) -> bool {
        self.hours <= number(DAY)
    }
}

/// How much came in and how much was scanned.
pub(super) fn activity(hours: &[Hour]) -> Chart {
    let axis = Axis::of(hours);
    let most = hours.iter().map(|hour| hour.changes.max(finished(hour))).max().unwrap_or(0);
    let top = round_up(most);
    let y = |value: u64| BOTTOM - (BOTTOM - TOP) * value / top;
    let bar = |(at, hour): (usize, &Hour)| {
        let (left, right) = (axis.left(at), axis.left(at + 1));
        let gap = (right - left) / 6;
        Bar {
            x: left + gap,
            y: y(hour.changes),
            width: right - left - 2 * gap,
            height: BOTTOM - y(hour.changes),
        }
    };
    let spots =
        || hours.iter().enumerate().map(|(at, hour)| Spot { x: axis.middle(at), y: y(finished(hour)) });
    let line: Vec<String> = spots().map(|spot| format!("{},{}", spot.x, spot.y)).collect();
    let mark =
        |(at, hour): (usize, &Hour)| (hour.attention > 0).then(|| Spot { x: axis.middle(at), y: TOP - 50 });
    Chart {
        id: "activity",
        title: "Changes and scans per hour",
        summary: activity_summary(hours),
        is_empty: most == 0,
        is_fine: !axis.is_day(),
        guides: [0, top / 2, top].map(|value| Guide { y: y(value), text: words::number_of(value) }).into(),
        ticks: axis.ticks(),
        bars: hours.iter().enumerate().filter(|(_, hour)| hour.changes > 0).map(bar).collect(),
        line: line.join(" "),
        dots: if axis.is_day() { spots().collect() } else { Vec::new() },
        spreads: Vec::new(),
        marks: hours.iter().enumerate().filter_map(mark).collect(),
        legend: &[("bar", "changes"), ("line", "scans finished"), ("mark", "some need attention")],
        head: &["Changes", "Scans done", "Need attention"],
        rows: rows(hours, |hours| {
            let sum = |field: fn(&Hour) -> u64| words::number_of(hours.iter().map(field).sum());
            vec![sum(|hour| hour.changes), sum(|hour| hour.done), sum(|hour| hour.attention)]
        }),
    }
}

/// How long it took until files were visible.
pub(super) fn visible(hours: &[Hour]) -> Chart {
    let axis = Axis::of(hours);
    let longest = hours.iter().filter_map(|hour| hour.visible_p95.max(hour.visible_median)).max();
    let rungs =
        1 + LADDER.iter().position(|rung| millis(longest) <= *rung).unwrap_or(LADDER.len() - 1).max(3);
    let ladder = &LADDER[..rungs];
    let y = |duration: Duration| BOTTOM - (BOTTOM - TOP) * climb(ladder, millis(Some(duration))) / 1000;
    let spread = |(at, hour): (usize, &Hour)| {
        let (median, most) = (hour.visible_median?, hour.visible_p95?);
        Some(Spread { x: axis.middle(at), y: y(median), top: y(most) })
    };
    let spreads: Vec<Spread> = hours.iter().enumerate().filter_map(spread).collect();
    Chart {
        id: "visible",
        title: "Time until files were visible",
        summary: visible_summary(hours),
        is_empty: spreads.is_empty(),
        is_fine: !axis.is_day(),
        guides: ladder
            .iter()
            .map(|rung| Duration::from_millis(*rung))
            .map(|rung| Guide { y: y(rung), text: words::span(rung) })
            .collect(),
        ticks: axis.ticks(),
        bars: Vec::new(),
        line: String::new(),
        dots: Vec::new(),
        spreads,
        marks: Vec::new(),
        legend: &[("dot", "half were faster"), ("spread", "19 of 20 were faster")],
        head: &["Seen", "Half within", "19 of 20 within", "Slowest"],
        rows: rows(hours, |hours| {
            let most = |field: fn(&Hour) -> Option<Duration>| {
                hours.iter().filter_map(field).max().map_or_else(|| "–".to_owned(), words::span)
            };
            vec![
                words::number_of(hours.iter().map(|hour| hour.seen).sum()),
                most(|hour| hour.visible_median),
                most(|hour| hour.visible_p95),
                most(|hour| hour.visible_slowest),
            ]
        }),
    }
}

/// The table: a row for each hour of a day, or for each day of more. Newest first.
fn rows(hours: &[Hour], cells: impl Fn(&[Hour]) -> Vec<String>) -> Vec<Vec<String>> {
    let each = if hours.len() <= DAY { 1 } else { DAY };
    let row = |chunk: &[Hour]| {
        let exact = chunk.last().map(|hour| words::moment(hour.start)).unwrap_or_default();
        let name = if each == 1 { exact.get(..16) } else { chunk.first().map(|_| &exact[..10]) };
        let mut row = vec![name.unwrap_or(&exact).to_owned()];
        row.extend(cells(chunk));
        row
    };
    hours.rchunks(each).map(row).collect()
}

fn activity_summary(hours: &[Hour]) -> String {
    let (changes, finished, attention): (u64, u64, u64) = hours
        .iter()
        .fold((0, 0, 0), |sum, hour| (sum.0 + hour.changes, sum.1 + finished(hour), sum.2 + hour.attention));
    if changes + finished == 0 {
        return format!("Nothing came in during the last {}.", period(hours));
    }
    let busiest = hours.iter().max_by_key(|hour| hour.changes).filter(|hour| hour.changes > 0);
    let busiest = busiest.map(|hour| {
        let clock = words::moment(hour.start);
        format!(
            " Most came in the hour from {}: {}.",
            clock.get(..16).unwrap_or(&clock),
            words::number_of(hour.changes)
        )
    });
    format!(
        "In the last {}: {}, {} finished, {} of them in need of attention.{}",
        period(hours),
        words::count(changes, "change", "changes"),
        words::count(finished, "scan", "scans"),
        words::number_of(attention),
        busiest.unwrap_or_default()
    )
}

fn visible_summary(hours: &[Hour]) -> String {
    let seen: u64 = hours.iter().map(|hour| hour.seen).sum();
    let slowest = hours.iter().filter_map(|hour| hour.visible_slowest).max();
    match slowest {
        Some(slowest) if seen > 0 => format!(
            "In the last {}: {} seen at a target, the slowest {} after it was first reported.",
            period(hours),
            words::count(seen, "delivery was", "deliveries were"),
            words::span(slowest)
        ),
        _ => format!("No file was seen at a target during the last {}.", period(hours)),
    }
}

fn period(hours: &[Hour]) -> &'static str {
    if hours.len() <= DAY { "day" } else { "week" }
}

fn finished(hour: &Hour) -> u64 {
    hour.done + hour.attention
}

fn millis(duration: Option<Duration>) -> u64 {
    duration.map_or(0, |duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn number(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

/// The next even number that reads well on an axis: 2, 4, 6, 8, 10, 12, 16, 20, 40, ….
fn round_up(most: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [2, 4, 6, 8, 10, 12, 16] {
            if let Some(end) = power.checked_mul(step).filter(|end| *end >= most) {
                return end;
            }
        }
        match power.checked_mul(10) {
            Some(next) => power = next,
            None => return u64::MAX,
        }
    }
}

/// How high a value stands on a ladder, in thousandths.
fn climb(ladder: &[u64], value: u64) -> u64 {
    let steps = number(ladder.len()).saturating_sub(1).max(1);
    let Some(above) = ladder.iter().position(|rung| value <= *rung) else { return 1000 };
    let Some(below) = above.checked_sub(1) else { return 0 };
    let within = 1000 * (value - ladder[below]) / (ladder[above] - ladder[below]);
    (1000 * number(below) + within) / steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use autoscan_core::time::Timestamp;

    fn hours(count: usize) -> Vec<Hour> {
        let hour = |at: usize| Hour {
            start: Timestamp::from_millis(1_767_225_600_000) + Duration::from_hours(number(at)),
            changes: number(at) * 3,
            done: number(at),
            attention: u64::from(at == 5),
            seen: number(at),
            visible_median: (at > 0).then(|| Duration::from_secs(12)),
            visible_p95: (at > 0).then(|| Duration::from_mins(3)),
            visible_slowest: (at > 0).then(|| Duration::from_mins(4)),
        };
        (0..count).map(hour).collect()
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, end) in [
            (0, 2),
            (2, 2),
            (3, 4),
            (5, 6),
            (7, 8),
            (9, 10),
            (11, 12),
            (17, 20),
            (47, 60),
            (61, 80),
            (81, 100),
            (100_001, 120_000),
        ] {
            assert_eq!(round_up(most), end, "{most}");
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn times_climb_a_ladder() {
        let ladder = &LADDER[..5];
        for (value, height) in
            [(0, 0), (500, 125), (1_000, 250), (3_000, 375), (60_000, 1000), (90_000, 1000)]
        {
            assert_eq!(climb(ladder, value), height, "{value}");
        }
    }

    #[test]
    fn a_week_is_drawn_by_the_hour_and_told_by_the_day() {
        let day = activity(&hours(24));
        assert_eq!((day.bars.len(), day.rows.len(), day.marks.len()), (23, 24, 1));
        let week = activity(&hours(168));
        assert_eq!((week.bars.len(), week.rows.len()), (167, 7));
        assert_eq!(week.rows[6][..2], ["2026-01-01", "828"].map(str::to_owned));
        assert_eq!(visible(&hours(24)).spreads.len(), 23);
    }

    #[test]
    fn everything_lies_within_the_picture() {
        for chart in [activity(&hours(24)), activity(&hours(168)), visible(&hours(24)), visible(&hours(168))]
        {
            assert!(chart.bars.iter().all(|bar| bar.x >= LEFT && bar.x + bar.width <= RIGHT));
            assert!(chart.bars.iter().all(|bar| bar.y >= TOP && bar.y + bar.height == BOTTOM));
            assert!(chart.spreads.iter().all(|one| one.top <= one.y && one.top >= TOP && one.y <= BOTTOM));
            assert!(chart.guides.iter().all(|guide| (TOP..=BOTTOM).contains(&guide.y)));
            assert!(chart.ticks.iter().all(|tick| tick.x <= RIGHT));
        }
    }

    #[test]
    fn hours_in_which_nothing_happened_are_said_to_be_so() {
        let quiet: Vec<Hour> = hours(1);
        assert!(activity(&quiet).is_empty && visible(&quiet).is_empty);
        assert_eq!(activity(&quiet).summary, "Nothing came in during the last day.");
        assert!(activity(&[]).is_empty && visible(&[]).is_empty);
    }
}
