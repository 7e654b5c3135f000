//! The connection limits `max.connections` and `max.connections.per.ip`.
//!
//! When a limit is reached, an address with fewer connections than another one is still admitted:
//! of the address with the most connections, the one that has been idle for longest is closed, as
//! Kafka does for its inter-broker listener (`ConnectionQuotas`). So one address cannot keep the
//! others out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, MutexGuard};

use tokio::sync::Notify;

use crate::sync::Mutex;

/// The limits for a new connection.
#[derive(Debug, Clone, Copy)]
pub struct MaxConnections {
    /// The limit in all, and the option that sets it.
    pub total: (i32, &'static str),
    /// The limit of the client's address: `max.connections.per.ip` and its overrides.
    pub per_address: i32,
}

/// The permits in use, over all listeners.
#[derive(Debug, Default)]
pub struct ConnectionLimits {
    counts: Mutex<ConnectionCounts>,
}

#[derive(Debug, Default)]
struct ConnectionCounts {
    all: i32,
    next: u64,
    by_address: HashMap<IpAddr, BTreeMap<u64, Arc<ConnectedClient>>>,
}

/// A connected client, as its connection sees it.
#[derive(Debug, Default)]
pub struct ConnectedClient {
    active_ms: AtomicI64,
    evicted: Notify,
}

impl ConnectedClient {
    /// Waits until the permit goes to another client.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

/// One client's permit to be connected, given back on drop.
#[derive(Debug)]
pub struct ConnectionPermit {
    limits: Arc<ConnectionLimits>,
    address: IpAddr,
    number: u64,
    client: Arc<ConnectedClient>,
    evicted: Option<Eviction>,
}

/// A connection closed in favour of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eviction {
    /// Its address.
    pub from: IpAddr,
    /// The limit that was reached.
    pub limit: LimitReached,
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached {
    /// The option.
    pub option: &'static str,
    /// Its value.
    pub max: i32,
}

impl ConnectionLimits {
    fn counts(&self) -> MutexGuard<'_, ConnectionCounts> {
        self.counts.lock()
    }

    /// Returns a permit for a client from this address.
    ///
    /// # Errors
    /// The limit is reached, and no other address has more connections than this one. Existing
    /// connections stay when a limit is lowered.
    pub fn acquire(
        self: &Arc<ConnectionLimits>,
        address: IpAddr,
        limits: MaxConnections,
        now_ms: i64,
    ) -> Result<ConnectionPermit, LimitReached> {
        let address = address.to_canonical();
        let mut counts = self.counts();
        let from_there = counts.by_address.get(&address).map_or(0, BTreeMap::len);
        if from_there >= limits.per_address.max(0) as usize {
            return Err(LimitReached { option: "max.connections.per.ip", max: limits.per_address });
        }
        let mut took = None;
        if counts.all >= limits.total.0 {
            let full = LimitReached { option: limits.total.1, max: limits.total.0 };
            let from = counts.make_room(from_there + 1).ok_or(full)?;
            took = Some(Eviction { from, limit: full });
        }
        counts.all += 1;
        counts.next += 1;
        let (number, client) = (counts.next, Arc::new(ConnectedClient::default()));
        client.active_ms.store(now_ms, Ordering::Relaxed);
        counts.by_address.entry(address).or_default().insert(number, client.clone());
        Ok(ConnectionPermit { limits: self.clone(), address, number, client, evicted: took })
    }
}

impl ConnectionCounts {
    /// Evicts the longest idle connection of the address with the most, if it has more than
    /// `more_than`. Returns the address.
    fn make_room(&mut self, more_than: usize) -> Option<IpAddr> {
        let counts = self.by_address.iter().map(|(address, clients)| (clients.len(), *address));
        let (_, address) = counts.max().filter(|(count, _)| *count > more_than)?;
        let clients = self.by_address.get(&address)?;
        let heard =
            clients.iter().map(|(n, client)| (client.active_ms.load(Ordering::Relaxed), *n));
        let (_, number) = heard.min()?;
        let client = self.remove(address, number)?;
        client.evicted.notify_one();
        Some(address)
    }

    fn remove(&mut self, address: IpAddr, number: u64) -> Option<Arc<ConnectedClient>> {
        let clients = self.by_address.get_mut(&address)?;
        let client = clients.remove(&number)?;
        if clients.is_empty() {
            self.by_address.remove(&address);
        }
        self.all -= 1;
        Some(client)
    }
}

impl ConnectionPermit {
    /// Returns the eviction that made room for this permit, if any.
    pub fn evicted(&self) -> Option<Eviction> {
        self.evicted
    }

    /// Records that the client was active.
    pub fn note_activity(&self, now_ms: i64) {
        self.client.active_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Returns the client, so that its connection can watch for its eviction.
    pub fn client(&self) -> Arc<ConnectedClient> {
        self.client.clone()
    }
}

impl Drop for ConnectionPermit {
    /// Gives the permit back: every connection that was accepted ends here, and would be counted as
    /// closed here.
    fn drop(&mut self) {
        // It has been removed already if it was evicted.
        drop(self.limits.counts().remove(self.address, self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn limits(all: i32, from_there: i32) -> MaxConnections {
        MaxConnections { total: (all, "max.connections"), per_address: from_there }
    }

    /// Returns true if the permit went to another client.
    fn must_leave(place: &ConnectionPermit) -> bool {
        let clients = place.limits.counts();
        let clients = clients.by_address.get(&place.address);
        clients.is_none_or(|clients| !clients.contains_key(&place.number))
    }

    #[test]
    fn a_place_is_free_again_when_its_client_has_gone() {
        let places = Arc::new(ConnectionLimits::default());
        let first = places.acquire(ip("10.0.0.1"), limits(2, 9), 0).unwrap();
        let second = places.acquire(ip("10.0.0.2"), limits(2, 9), 0).unwrap();
        let full = places.acquire(ip("10.0.0.2"), limits(2, 9), 0).unwrap_err();
        assert_eq!(full, LimitReached { option: "max.connections", max: 2 });
        drop(second);
        drop(places.acquire(ip("10.0.0.2"), limits(2, 9), 0).unwrap());
        assert_eq!(
            places.counts().by_address.len(),
            1,
            "addresses without connections are forgotten"
        );
        drop(first);
        assert_eq!(places.counts().all, 0);
    }

    #[test]
    fn each_address_has_its_limit_and_one_is_the_same_in_both_families() {
        let places = Arc::new(ConnectionLimits::default());
        let _one = places.acquire(ip("10.0.0.1"), limits(100, 1), 0).unwrap();
        let full = LimitReached { option: "max.connections.per.ip", max: 1 };
        assert_eq!(places.acquire(ip("::ffff:10.0.0.1"), limits(100, 1), 0).unwrap_err(), full);
        let _two = places.acquire(ip("10.0.0.2"), limits(100, 1), 0).unwrap();
    }

    #[test]
    fn who_has_fewer_connections_gets_the_place_of_the_most_silent_of_who_has_most() {
        let places = Arc::new(ConnectionLimits::default());
        let many: Vec<ConnectionPermit> =
            (0..4).map(|n| places.acquire(ip("10.0.0.1"), limits(4, 9), n).unwrap()).collect();
        many[0].note_activity(10);
        let two = places.acquire(ip("10.0.0.2"), limits(4, 9), 20).unwrap();
        assert_eq!(two.evicted().unwrap().from, ip("10.0.0.1"));
        let left: Vec<bool> = many.iter().map(must_leave).collect();
        assert_eq!(left, [false, true, false, false], "the second was idle for longest");
        let _three = places.acquire(ip("10.0.0.2"), limits(4, 9), 21).unwrap();
        // Now both have two: a new client has no more right to a permit than the connected ones.
        for address in ["10.0.0.1", "10.0.0.2"] {
            assert!(places.acquire(ip(address), limits(4, 9), 22).is_err(), "{address}");
        }
        let _other = places.acquire(ip("10.0.0.3"), limits(4, 9), 23).unwrap();
        assert_eq!(places.counts().all, 4);
        drop(many);
        drop(two);
        let counts = places.counts();
        assert_eq!(
            counts.all,
            counts.by_address.values().map(|clients| clients.len() as i32).sum::<i32>()
        );
    }

    #[test]
    fn everybody_has_one_place_and_the_newcomer_is_refused() {
        let places = Arc::new(ConnectionLimits::default());
        let _here: Vec<ConnectionPermit> = (1..4)
            .map(|n| places.acquire(ip(&format!("10.0.0.{n}")), limits(3, 9), 0).unwrap())
            .collect();
        assert!(places.acquire(ip("10.0.0.9"), limits(3, 9), 0).is_err());
    }
}
