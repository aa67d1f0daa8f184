//! How many connections one address may have at once: whoever holds his open leaves places to the others.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often the log says at most that connections are refused: whoever is refused does not decide how much is written.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// The bits of an IPv6 address that are given to one customer of a network; the others he chooses himself.
const OWN_BITS: u32 = 64;

/// Of so many places, those that one address may have: half, so that there is one for somebody else.
pub const fn share(places: usize) -> usize {
    if places < 2 { 1 } else { places / 2 }
}

/// Counts them. Clones are the same.
#[derive(Clone, Debug)]
pub struct Peers {
    max: usize,
    here: Arc<Mutex<Here>>,
}

#[derive(Debug, Default)]
struct Here {
    /// Only those that have a connection: no more than there are connections.
    of: HashMap<IpAddr, usize>,
    told: Option<Instant>,
    /// How many were refused and not told.
    refused: u64,
}

/// The right to one connection, until this is dropped.
#[derive(Debug)]
pub struct Seat {
    address: IpAddr,
    peers: Peers,
}

impl Peers {
    /// So many for each address.
    pub fn new(max: usize) -> Self {
        Self { max, here: Arc::default() }
    }

    /// One more for this address; nothing, if it has as many as it may.
    pub fn seat(&self, address: IpAddr) -> Option<Seat> {
        let address = network(address);
        let mut here = self.here();
        let of = here.of.entry(address).or_default();
        if *of < self.max {
            *of += 1;
            return Some(Seat { address, peers: self.clone() });
        }
        if *of == 0 {
            here.of.remove(&address);
        }
        here.refused += 1;
        let now = Instant::now();
        if here.told.is_none_or(|told| now - told >= TOLD_EVERY) {
            let (refused, max) = (here.refused, self.max);
            tracing::warn!(
                refused,
                max,
                "one address has too many connections; if it is our own proxy, start with `--behind-proxy`"
            );
            (here.told, here.refused) = (Some(now), 0);
        }
        None
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut here = self.peers.here();
        if let Some(of) = here.of.get_mut(&self.address) {
            *of -= 1;
            if *of == 0 {
                here.of.remove(&self.address);
            }
        }
    }
}

/// What of an address is one customer's.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(
            v6.to_bits() >> (u128::BITS - OWN_BITS) << (u128::BITS - OWN_BITS),
        )),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_has_its_share_and_others_have_theirs() {
        let peers = Peers::new(2);
        let here: Vec<_> = (0..2).map(|_| peers.seat(address("192.0.2.1")).unwrap()).collect();
        assert!(peers.seat(address("192.0.2.1")).is_none());
        assert!(peers.seat(address("::ffff:192.0.2.1")).is_none(), "the same, written otherwise");
        assert!(peers.seat(address("192.0.2.2")).is_some());
        drop(here);
        assert!(peers.here().of.is_empty(), "who is gone is forgotten");
        assert!(peers.seat(address("192.0.2.1")).is_some());
    }

    #[test]
    fn a_customer_of_a_network_is_one_whichever_of_his_addresses_he_takes() {
        let peers = Peers::new(1);
        let _here = peers.seat(address("2001:db8:0:1::1")).unwrap();
        assert!(peers.seat(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(peers.seat(address("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn whatever_there_is_one_has_a_place_and_where_there_are_two_not_all() {
        for places in [0, 1, 2, 3, 256] {
            assert!(share(places) >= 1);
            assert!(places < 2 || share(places) < places);
        }
        let closed = Peers::new(0);
        assert!(closed.seat(address("192.0.2.1")).is_none());
        assert!(closed.here().of.is_empty());
    }
}
