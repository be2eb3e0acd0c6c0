//! Wrong credentials are counted by the address they come from, so that a password cannot be guessed. Right ones always
//! pass, even from an address that guesses: senders behind one proxy share its address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::time::Timestamp;

use crate::places::network;

/// Wrong credentials that are answered as such within [`WINDOW`].
const FREE: u32 = 20;
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses that are remembered; beyond, the one that began first is forgotten.
const MOST_ADDRESSES: usize = 1024;

#[derive(Clone, Copy)]
struct Failures {
    since: Timestamp,
    count: u32,
}

/// The failed logins of the last minute.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<IpAddr, Failures>>);

impl Throttle {
    /// After how many seconds `peer` may guess again, when it failed too often.
    pub(crate) fn wait(&self, peer: IpAddr, now: Timestamp) -> Option<u64> {
        let peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        peers.get(&network(peer)).and_then(|failures| failures.wait(FREE, now))
    }

    /// Counts one failure of `peer`. Answers after how many seconds it may guess again, when it failed too often.
    pub(crate) fn failed(&self, peer: IpAddr, now: Timestamp) -> Option<u64> {
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = network(peer);
        if peers.len() >= MOST_ADDRESSES && !peers.contains_key(&peer) {
            forget(&mut peers, now);
        }
        let failures = peers.entry(peer).or_insert(Failures { since: now, count: 0 });
        if now.since(failures.since) >= WINDOW {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
        failures.wait(FREE + 1, now)
    }
}

impl Failures {
    /// The seconds that are left of the window, when there were so many.
    fn wait(self, most: u32, now: Timestamp) -> Option<u64> {
        let left = WINDOW.saturating_sub(now.since(self.since));
        (self.count >= most && !left.is_zero()).then(|| left.as_secs().max(1))
    }
}

/// Makes room: what is over goes, or else the oldest.
fn forget(peers: &mut HashMap<IpAddr, Failures>, now: Timestamp) {
    peers.retain(|_, failures| now.since(failures.since) < WINDOW);
    if peers.len() >= MOST_ADDRESSES
        && let Some(oldest) = peers.iter().min_by_key(|(_, failures)| failures.since).map(|(peer, _)| *peer)
    {
        peers.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn twenty_failures_a_minute_are_free_and_a_minute_later_all_is_forgotten() {
        let throttle = Throttle::default();
        let peer = "192.0.2.1".parse().unwrap();
        for _ in 0..20 {
            assert_eq!(throttle.failed(peer, at(0)), None);
        }
        assert_eq!(throttle.wait(peer, at(15)), Some(45));
        assert_eq!(throttle.wait(peer, at(60)), None);
        assert_eq!(throttle.wait("192.0.2.2".parse().unwrap(), at(15)), None);
        assert_eq!(throttle.failed(peer, at(15)), Some(45));
        assert_eq!(throttle.failed("::ffff:192.0.2.1".parse().unwrap(), at(15)), Some(45));
        assert_eq!(throttle.failed("192.0.2.2".parse().unwrap(), at(15)), None);
        assert_eq!(throttle.failed(peer, at(60)), None);
    }

    #[test]
    fn one_ipv6_network_is_one_peer() {
        let throttle = Throttle::default();
        let last = (0..=20_u128)
            .map(|host| throttle.failed(Ipv6Addr::from_bits((0x2001_0db8 << 96) + host).into(), at(0)))
            .last();
        assert_eq!(last, Some(Some(60)));
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_the_memory() {
        let throttle = Throttle::default();
        for address in 0..5_000_u32 {
            throttle.failed(std::net::Ipv4Addr::from_bits(address).into(), at(0));
        }
        assert_eq!(throttle.0.lock().unwrap().len(), MOST_ADDRESSES);
    }
}
