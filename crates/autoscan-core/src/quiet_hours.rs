//! Hours of the day in which a target is left alone.

use std::time::Duration;

/// A minute of the day, local time.
const DAY: u16 = 24 * 60;

/// Spans of the day, in local time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuietHours(Vec<(u16, u16)>);

impl QuietHours {
    /// Reads spans such as `18:00-23:30` or `22:00-06:00`, which goes over midnight. The error is a sentence.
    pub fn parse<'a>(spans: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        spans.into_iter().map(span).collect::<Result<_, _>>().map(Self)
    }

    /// How long it is still quiet at this minute of the day; none when it is not.
    pub fn left(&self, minute_of_day: u16) -> Option<Duration> {
        let minute = minute_of_day % DAY;
        let left = self.0.iter().filter_map(|&(from, to)| {
            let length = (to + DAY - from) % DAY;
            let into = (minute + DAY - from) % DAY;
            (into < length).then(|| length - into)
        });
        left.max().map(|minutes| Duration::from_secs(u64::from(minutes) * 60))
    }
}

fn span(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("{text:?} is no span of the day; write it as \"18:00-23:30\"");
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (minute(from).ok_or_else(wrong)?, minute(to).ok_or_else(wrong)?);
    if from == to {
        return Err(format!(
            "{text:?} begins and ends at the same minute; to stop for good, pause the target"
        ));
    }
    Ok((from, to))
}

/// `18:30` as minutes; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (hour, minute): (u16, u16) = (digits(hour)?, digits(minute)?);
    let valid = minute < 60 && (hour < 24 || (hour == 24 && minute == 0));
    valid.then(|| (hour * 60 + minute) % DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_go_over_midnight_and_touch_its_end() {
        let hours = QuietHours::parse(["18:00-23:30", "22:00-06:00", "12:00-24:00"]).unwrap();
        for (minute, left) in [
            (18 * 60 - 1, Some(6 * 60 + 1)),
            (6 * 60, None),
            (5 * 60 + 59, Some(1)),
            (23 * 60, Some(7 * 60)),
            (0, Some(6 * 60)),
        ] {
            let left = left.map(|minutes| Duration::from_secs(minutes * 60));
            assert_eq!(hours.left(minute), left, "{minute}");
        }
        assert_eq!(QuietHours::default().left(5), None);
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in
            ["18:00", "18:00-18:00", "25:00-26:00", "6pm-8pm", "1:00-2:00", "18:60-19:00", "24:30-25:00", ""]
        {
            assert!(QuietHours::parse([text]).is_err(), "{text}");
        }
    }
}
