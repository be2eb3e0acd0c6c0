//! Durations as people write them in a config: `10s`, `2m`, `1h30m`, `30d`, `250ms`. A unit is required.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration from the config, with its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long something took, in the words of sentences: `350 ms`, `1.2 s`, `12 s`, `3 min 20 s`, `12 min`, `1 h 20 min`,
/// `3 days`.
pub fn in_words(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let two = |(large, its_word), (small, word)| match millis % large / small {
        0 => format!("{} {its_word}", millis / large),
        rest => format!("{} {its_word} {rest} {word}", millis / large),
    };
    match millis {
        0 => "0 s".to_owned(),
        1..SECOND => format!("{millis} ms"),
        SECOND..10_000 if millis / 100 % 10 > 0 => format!("{}.{} s", millis / SECOND, millis / 100 % 10),
        SECOND..MINUTE => format!("{} s", millis / SECOND),
        MINUTE..600_000 => two((MINUTE, "min"), (SECOND, "s")),
        600_000..HOUR => format!("{} min", millis / MINUTE),
        HOUR..36_000_000 => two((HOUR, "h"), (MINUTE, "min")),
        36_000_000..172_800_000 => format!("{} h", millis / HOUR),
        172_800_000.. => format!("{} days", millis / DAY),
    }
}

/// Units and their length in milliseconds; longer names first so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

impl Span {
    /// Reads `10s`, `1h30m`, `0s`. The error is a sentence for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let fault = || {
            format!(
                "{text:?} is not a duration: write a number and a unit, such as 500ms, 10s, 2m, 1h30m or 30d"
            )
        };
        let mut rest = text;
        let mut total: u64 = 0;
        if rest.is_empty() {
            return Err(fault());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number: u64 = rest[..digits].parse().map_err(|_not_a_number| fault())?;
            rest = &rest[digits..];
            let (unit, millis) = UNITS
                .into_iter()
                .find(|(unit, _)| {
                    rest.strip_prefix(unit).is_some_and(|after| {
                        after.is_empty() || after.starts_with(|c: char| c.is_ascii_digit())
                    })
                })
                .ok_or_else(fault)?;
            rest = &rest[unit.len()..];
            total = number.checked_mul(millis).and_then(|part| total.checked_add(part)).ok_or_else(fault)?;
        }
        Ok(Self(Duration::from_millis(total)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return out.write_str("0s");
        }
        for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            if left >= millis {
                write!(out, "{}{unit}", left / millis)?;
                left %= millis;
            }
        }
        Ok(())
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "span",
            "pattern": "^([0-9]+(ms|s|m|h|d|w))+$",
            "description": "A number and a unit: 500ms, 10s, 2m, 1h30m, 30d."
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        for (millis, words) in [
            (0, "0 s"),
            (350, "350 ms"),
            (1_249, "1.2 s"),
            (2_000, "2 s"),
            (12_900, "12 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (725_000, "12 min"),
            (4_800_000, "1 h 20 min"),
            (40_000_000, "11 h"),
            (300_000_000, "3 days"),
        ] {
            assert_eq!(in_words(Duration::from_millis(millis)), words);
        }
    }

    #[test]
    fn durations_read_as_written() {
        for (text, millis) in [
            ("0s", 0),
            ("250ms", 250),
            ("10s", 10_000),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("30d", 2_592_000_000),
        ] {
            let span = Span::parse(text).unwrap();
            assert_eq!(span.0.as_millis(), millis, "{text}");
            assert_eq!(span.to_string(), text);
        }
    }

    #[test]
    fn a_duration_without_a_unit_is_refused() {
        for text in ["10", "", "s", "10 s", "-1s", "1.5h", "10sec", "99999999999999999999s"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }
}
