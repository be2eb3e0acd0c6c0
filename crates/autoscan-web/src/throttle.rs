//! Wrong credentials are counted by the address they come from, so that none can be guessed. An address that failed too
//! often is refused for a while, whatever it shows: a right credential that passed would tell a guesser that it is right. Only
//! what was right before from that very address still passes, so that senders behind one proxy keep working.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::connection_limits::network;
use crate::fingerprint::Fingerprint;

/// Wrong credentials that are answered as such within [`WINDOW`].
const FREE: u32 = 20;
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses that are remembered; beyond, the one that began first is forgotten.
const MOST_ADDRESSES: usize = 1024;
/// Right credentials that are remembered; beyond, the one that was not used for longest is forgotten.
const MOST_RIGHT: usize = 1024;

#[derive(Clone, Copy)]
struct Failures {
    since: Instant,
    count: u32,
}

/// The failed logins of the last minute. Time is that of the runtime, which only goes forward: a clock that is set back must
/// not prolong a lock-out.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<Peers>);

#[derive(Default)]
struct Peers {
    failures: HashMap<IpAddr, Failures>,
    /// What was right from where, and when it was used last.
    right: HashMap<(IpAddr, Fingerprint), Instant>,
}

impl Throttle {
    /// After how many seconds `peer` may try this credential; none: now. None of the credential's own is known of one that
    /// cannot be right.
    pub(crate) fn wait(&self, peer: IpAddr, credential: Option<Fingerprint>) -> Option<u64> {
        let (peers, peer) = (self.peers(), network(peer));
        let wait = peers.failures.get(&peer)?.wait(FREE, Instant::now())?;
        let was_right = credential.is_some_and(|credential| peers.right.contains_key(&(peer, credential)));
        (!was_right).then_some(wait)
    }

    /// Counts so many failures of `peer`. Answers after how many seconds it may guess again, when it failed too often.
    pub(crate) fn failed(&self, peer: IpAddr, count: u32) -> Option<u64> {
        let (mut peers, peer, now) = (self.peers(), network(peer), Instant::now());
        if peers.failures.len() >= MOST_ADDRESSES && !peers.failures.contains_key(&peer) {
            peers.forget(now);
        }
        let failures = peers.failures.entry(peer).or_insert(Failures { since: now, count: 0 });
        if now.duration_since(failures.since) >= WINDOW {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(count);
        failures.wait(FREE + 1, now)
    }

    /// Remembers that this credential was right, shown by `peer`.
    pub(crate) fn succeeded(&self, peer: IpAddr, credential: Fingerprint) {
        let (mut peers, key, now) = (self.peers(), (network(peer), credential), Instant::now());
        if peers.right.len() >= MOST_RIGHT
            && !peers.right.contains_key(&key)
            && let Some(oldest) = peers.right.iter().min_by_key(|(_, used)| **used).map(|(key, _)| *key)
        {
            peers.right.remove(&oldest);
        }
        peers.right.insert(key, now);
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    /// The seconds that are left of the window, when there were so many.
    fn wait(self, most: u32, now: Instant) -> Option<u64> {
        let left = WINDOW.saturating_sub(now.duration_since(self.since));
        (self.count >= most && !left.is_zero()).then(|| left.as_secs().max(1))
    }
}

impl Peers {
    /// Makes room: what is over goes, or else the oldest.
    fn forget(&mut self, now: Instant) {
        self.failures.retain(|_, failures| now.duration_since(failures.since) < WINDOW);
        if self.failures.len() >= MOST_ADDRESSES
            && let Some(oldest) =
                self.failures.iter().min_by_key(|(_, failures)| failures.since).map(|(peer, _)| *peer)
        {
            self.failures.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::time::advance;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_failures_a_minute_are_free_and_a_minute_later_all_is_forgotten() {
        let throttle = Throttle::default();
        let (peer, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..20 {
            assert_eq!(throttle.failed(peer, 1), None);
        }
        advance(Duration::from_secs(15)).await;
        assert_eq!(throttle.wait(peer, None), Some(45));
        assert_eq!(throttle.wait(other, None), None);
        assert_eq!(throttle.failed(peer, 1), Some(45));
        assert_eq!(throttle.failed(address("::ffff:192.0.2.1"), 1), Some(45));
        assert_eq!(throttle.failed(other, 1), None);
        advance(Duration::from_secs(45)).await;
        assert_eq!(throttle.wait(peer, None), None);
        assert_eq!(throttle.failed(peer, 1), None);
    }

    #[tokio::test(start_paused = true)]
    async fn while_an_address_waits_only_what_was_right_from_there_passes() {
        let throttle = Throttle::default();
        let (peer, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let (known, unknown) = (Fingerprint::of(b"known"), Fingerprint::of(b"unknown"));
        throttle.succeeded(peer, known);
        throttle.succeeded(other, unknown);
        throttle.failed(peer, 20);
        assert_eq!(throttle.wait(peer, Some(known)), None);
        assert_eq!(throttle.wait(peer, Some(unknown)), Some(60));
        assert_eq!(throttle.wait(peer, None), Some(60));
        assert_eq!(throttle.wait(other, Some(unknown)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_ipv6_network_is_one_peer() {
        let throttle = Throttle::default();
        let last = (0..=20_u128)
            .map(|host| throttle.failed(Ipv6Addr::from_bits((0x2001_0db8 << 96) + host).into(), 1))
            .last();
        assert_eq!(last, Some(Some(60)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_does_not_grow_the_memory() {
        let throttle = Throttle::default();
        for address in 0..5_000_u32 {
            throttle.failed(Ipv4Addr::from_bits(address).into(), 1);
            throttle.succeeded(Ipv4Addr::from_bits(address).into(), Fingerprint::of(b"right"));
        }
        assert_eq!(throttle.peers().failures.len(), MOST_ADDRESSES);
        assert_eq!(throttle.peers().right.len(), MOST_RIGHT);
    }
}
