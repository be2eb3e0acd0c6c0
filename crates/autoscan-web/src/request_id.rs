//! The id that every answer carries, so that a line of the log can be found by what a sender was told.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header of the answer.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
const LONGEST: usize = 128;

/// Makes ids that do not repeat within a run and hardly between runs. They are no secret.
pub(crate) struct RequestIds(AtomicU64);

impl RequestIds {
    /// Starts somewhere else in every run.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(RandomState::new().build_hasher().finish()))
    }

    /// The sender's own id when it is printable and short, or else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        [CORRELATION, HEADER]
            .into_iter()
            .filter_map(|name| headers.get(name))
            .find(|value| is_printable(value.as_bytes()))
            .cloned()
            .unwrap_or_else(|| self.next())
    }

    fn next(&self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut left = scatter(self.0.fetch_add(1, Ordering::Relaxed));
        let text: [u8; 16] = std::array::from_fn(|_| {
            left = left.rotate_left(4);
            DIGITS[usize::try_from(left & 15).unwrap_or_default()]
        });
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("none"))
    }
}

fn is_printable(value: &[u8]) -> bool {
    (1..=LONGEST).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
}

/// The finish of `SplitMix64`: one to one, and neighbours look unlike.
fn scatter(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_do_not_repeat() {
        let ids = RequestIds::new();
        let seen: HashSet<_> = (0..10_000).map(|_| ids.of(&HeaderMap::new())).collect();
        assert_eq!(seen.len(), 10_000);
        assert!(seen.iter().all(|id| id.len() == 16));
    }

    #[test]
    fn a_senders_id_is_kept_when_it_is_printable_and_short() {
        let longest = "x".repeat(128);
        for (value, kept) in [
            ("abc-1", true),
            (&longest, true),
            (&"x".repeat(129), false),
            ("a b", false),
            ("", false),
            ("\u{e9}", false),
        ] {
            for name in [CORRELATION, HEADER] {
                let headers =
                    HeaderMap::from_iter([(name, HeaderValue::from_bytes(value.as_bytes()).unwrap())]);
                assert_eq!(RequestIds::new().of(&headers) == value, kept, "{value:?}");
            }
        }
    }

    #[test]
    fn the_correlation_id_goes_first() {
        let headers = HeaderMap::from_iter([
            (HEADER, HeaderValue::from_static("one")),
            (CORRELATION, HeaderValue::from_static("two")),
        ]);
        assert_eq!(RequestIds::new().of(&headers), "two");
    }
}
