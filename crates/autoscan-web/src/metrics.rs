//! Figures as Prometheus reads them: its text format 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// The format's name, for the header `Content-Type`.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It goes up only.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is spread over classes.
    Histogram,
}

/// Figures of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// The name.
    pub(crate) name: &'static str,
    /// What it is, for a person.
    pub(crate) help: &'static str,
    /// What it is, for Prometheus.
    pub(crate) kind: Kind,
    /// The figures.
    pub(crate) samples: Vec<Sample>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// What follows the family's name: `_bucket`, `_sum` and `_count` of a histogram.
    pub(crate) suffix: &'static str,
    /// What tells it from the others.
    pub(crate) labels: Vec<(&'static str, String)>,
    /// The figure.
    pub(crate) value: Value,
}

/// A figure's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// How many.
    Count(u64),
    /// How long.
    Seconds(Duration),
}

impl Sample {
    /// A figure with these labels.
    pub(crate) fn new<const N: usize>(labels: [(&'static str, &str); N], value: Value) -> Self {
        Self::of_histogram("", labels, value)
    }

    fn of_histogram<const N: usize>(
        suffix: &'static str,
        labels: [(&'static str, &str); N],
        value: Value,
    ) -> Self {
        let labels = labels.into_iter().map(|(name, text)| (name, text.to_owned())).collect();
        Self { suffix, labels, value }
    }
}

/// A histogram's figures of one label: `within` says how many lie at or below each class's upper end in seconds, `count`
/// and `sum` hold for all.
pub(crate) fn histogram(
    label: (&'static str, &str),
    within: impl IntoIterator<Item = (u64, u64)>,
    count: u64,
    sum: Duration,
) -> Vec<Sample> {
    let ends = within.into_iter().map(|(end, count)| (end.to_string(), count));
    ends.chain([("+Inf".to_owned(), count)])
        .map(|(end, count)| Sample::of_histogram("_bucket", [label, ("le", &end)], Value::Count(count)))
        .chain([
            Sample::of_histogram("_sum", [label], Value::Seconds(sum)),
            Sample::of_histogram("_count", [label], Value::Count(count)),
        ])
        .collect()
}

/// The families as text. One without figures is left out.
pub(crate) fn render(families: &[Family]) -> String {
    families.iter().filter(|family| !family.samples.is_empty()).map(Family::to_string).collect()
}

impl Display for Family {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let name = self.name;
        writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", Escaped(self.help, false))?;
        for sample in &self.samples {
            writeln!(out, "{name}{sample}")?;
        }
        Ok(())
    }
}

impl Display for Sample {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(self.suffix)?;
        for (place, (name, text)) in self.labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            write!(out, "{before}{name}=\"{}\"", Escaped(text, true))?;
        }
        let end = if self.labels.is_empty() { "" } else { "}" };
        write!(out, "{end} {}", self.value)
    }
}

impl Display for Value {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(out),
            Self::Seconds(time) => time.as_secs_f64().fmt(out),
        }
    }
}

/// Text in which a backslash and the end of a line are escaped, and quotes where it stands between quotes.
struct Escaped<'a>(&'a str, bool);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self(text, quoted) = self;
        for part in text.split_inclusive(['\\', '\n', '"']) {
            let (plain, special) = match part.char_indices().next_back() {
                Some((at, '\\')) => (&part[..at], "\\\\"),
                Some((at, '\n')) => (&part[..at], "\\n"),
                Some((at, '"')) if *quoted => (&part[..at], "\\\""),
                _ => (part, ""),
            };
            write!(out, "{plain}{special}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(kind: Kind, samples: Vec<Sample>) -> Family {
        Family { name: "autoscan_x", help: "A \"thing\".", kind, samples }
    }

    #[test]
    fn a_family_is_its_help_its_type_and_its_figures() {
        let text = render(&[
            family(
                Kind::Counter,
                vec![
                    Sample::new([("target", "plex"), ("state", "seen")], Value::Count(u64::MAX)),
                    Sample::new([], Value::Seconds(Duration::from_millis(1500))),
                ],
            ),
            family(Kind::Gauge, vec![]),
        ]);
        assert_eq!(
            text,
            "# HELP autoscan_x A \"thing\".\n# TYPE autoscan_x counter\n\
             autoscan_x{target=\"plex\",state=\"seen\"} 18446744073709551615\nautoscan_x 1.5\n"
        );
    }

    #[test]
    fn a_histogram_ends_with_everything_and_tells_sum_and_count() {
        let samples = histogram(("target", "plex"), [(1, 0), (10, 2)], 3, Duration::from_secs(70));
        assert_eq!(
            render(&[family(Kind::Histogram, samples)]),
            "# HELP autoscan_x A \"thing\".\n# TYPE autoscan_x histogram\n\
             autoscan_x_bucket{target=\"plex\",le=\"1\"} 0\n\
             autoscan_x_bucket{target=\"plex\",le=\"10\"} 2\n\
             autoscan_x_bucket{target=\"plex\",le=\"+Inf\"} 3\n\
             autoscan_x_sum{target=\"plex\"} 70\n\
             autoscan_x_count{target=\"plex\"} 3\n"
        );
    }

    #[test]
    fn what_would_end_a_value_is_escaped() {
        for (text, label, help) in [
            ("", "", ""),
            ("plain é 港", "plain é 港", "plain é 港"),
            ("a\"b", "a\\\"b", "a\"b"),
            ("\\\n\"", "\\\\\\n\\\"", "\\\\\\n\""),
            ("a\nb\n", "a\\nb\\n", "a\\nb\\n"),
            ("\\n", "\\\\n", "\\\\n"),
        ] {
            assert_eq!(Escaped(text, true).to_string(), label);
            assert_eq!(Escaped(text, false).to_string(), help);
        }
    }
}
