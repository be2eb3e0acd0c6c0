//! Growing, jittered pauses.

use std::time::Duration;

/// A pause that doubles from `first` up to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure.
    pub first: Duration,
    /// The pause is never longer than this.
    pub most: Duration,
}

impl Backoff {
    /// Between probes of a target that is away: one small request, so that it gets what is its own soon after it is back.
    pub const AWAY: Self = Self { first: Duration::from_secs(1), most: Duration::from_secs(15) };
    /// Between probes of a target that rejects our key: a person must act, so there is no hurry.
    pub const REFUSED: Self = Self { first: Duration::from_secs(15), most: Duration::from_mins(5) };
    /// Between attempts of one delivery that the target did not understand.
    pub const WRONG: Self = Self { first: Duration::from_secs(5), most: Duration::from_mins(1) };

    /// The pause after `failures` failures in a row (1 is the first). `jitter` lies in `0.0..=1.0` and takes away
    /// up to a quarter, so that many lanes do not knock at the same moment.
    pub fn pause(self, failures: u32, jitter: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1 << doublings).min(self.most);
        full.mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_most() {
        let pauses: Vec<u64> = (1..=8).map(|n| Backoff::AWAY.pause(n, 0.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15, 15]);
    }

    #[test]
    fn jitter_takes_away_at_most_a_quarter() {
        assert_eq!(Backoff::AWAY.pause(1, 1.0), Duration::from_millis(750));
        assert_eq!(Backoff::AWAY.pause(u32::MAX, 7.0), Duration::from_millis(11_250));
    }
}
