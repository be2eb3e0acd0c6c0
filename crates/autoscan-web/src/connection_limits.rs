//! How many connections and live streams may be open, so that nobody takes all of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections that are open at the same time at most, however many files the system allows.
const MOST: usize = 4096;
/// So many there are in any case.
const FEWEST: usize = 16;

/// How many connections may be open at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits(usize);

impl ConnectionLimits {
    /// Those of a process that may open so many files: half of them, because the database, servers and media need files too.
    pub fn within(files: u64) -> Self {
        Self(usize::try_from(files / 2).unwrap_or(MOST).clamp(FEWEST, MOST))
    }

    /// All connections.
    pub(crate) fn all(self) -> usize {
        self.0
    }

    /// Connections, of which one address gets half.
    pub(crate) fn connections(self) -> Slots {
        Slots::new(self.0, self.0 / 2)
    }

    /// Live streams: half of the connections, so that the others stay free, and half of these for one address.
    pub(crate) fn live(self) -> Slots {
        Slots::new(self.0 / 2, self.0 / 4)
    }
}

/// Slots of one kind. Clones share them.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Mutex<Taken>>);

struct Taken {
    most: usize,
    most_of_one: usize,
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A place that is taken until this is dropped.
pub(crate) struct Slot {
    slots: Slots,
    network: IpAddr,
}

impl Slots {
    fn new(most: usize, most_of_one: usize) -> Self {
        Self(Arc::new(Mutex::new(Taken { most, most_of_one, all: 0, by_network: HashMap::new() })))
    }

    /// A place, while there is one for this address.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Slot> {
        let network = network(address);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = taken.by_network.get(&network).copied().unwrap_or_default();
        if taken.all >= taken.most || of_one >= taken.most_of_one {
            return None;
        }
        taken.all += 1;
        taken.by_network.insert(network, of_one + 1);
        Some(Slot { slots: self.clone(), network })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(of_one) = taken.by_network.get_mut(&self.network) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}

/// Whoever has one IPv6 address has its whole /64.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) => IpAddr::V6(Ipv6Addr::from_bits(peer.to_bits() & !u128::from(u64::MAX))),
        peer @ IpAddr::V4(_) => peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_files_are_for_connections() {
        for (files, all) in [(0, 16), (256, 128), (1024, 512), (8192, 4096), (1 << 40, 4096)] {
            assert_eq!(ConnectionLimits::within(files).all(), all, "{files}");
        }
    }

    #[test]
    fn nobody_takes_more_than_half_and_all_take_no_more_than_there_are() {
        let slots = ConnectionLimits::within(64).connections();
        let take = |address: &str, many: usize| -> Vec<Slot> {
            (0..many).filter_map(|_| slots.take(address.parse().unwrap())).collect()
        };
        let one = take("192.0.2.1", 100);
        assert_eq!(one.len(), 16);
        let other = take("2001:db8::1", 10);
        assert_eq!((other.len(), take("2001:db8::2", 100).len()), (10, 6), "a /64 is one");
        let third = take("::ffff:192.0.2.1", 1);
        assert!(third.is_empty(), "the same in other words");
        assert_eq!(take("192.0.2.3", 100).len(), 6);
        drop(one);
        assert_eq!(take("192.0.2.1", 100).len(), 16);
    }
}
