//! Who is connected, counted against `max.connections` and `max.connections.per.ip`.
//!
//! When as many are connected as may be, an address that has fewer connections than another one
//! still gets its place: of the address that has most, the connection that has been silent for
//! longest is closed, as Kafka does for its inter-broker listener (`ConnectionQuotas`). So one
//! address cannot keep the others out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

/// How many clients may be connected.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all, and by which option.
    pub all: (i32, &'static str),
    /// From the address of the one who comes: `max.connections.per.ip` and its overrides.
    pub from_there: i32,
}

/// The places that clients have taken, over all listeners.
#[derive(Debug, Default)]
pub struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: i32,
    next: u64,
    by_address: HashMap<IpAddr, BTreeMap<u64, Arc<Guest>>>,
}

/// Who has a place.
#[derive(Debug, Default)]
pub struct Guest {
    heard_ms: AtomicI64,
    must_leave: Notify,
}

impl Guest {
    /// Waits until somebody else has been given the place.
    pub async fn must_leave(&self) {
        self.must_leave.notified().await;
    }
}

/// One client's place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    of: Arc<Places>,
    address: IpAddr,
    number: u64,
    guest: Arc<Guest>,
    took: Option<Taking>,
}

/// Whose place a newcomer has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taking {
    /// The address.
    pub from: IpAddr,
    /// The limit that was reached.
    pub full: Full,
}

/// Why there is no place: the limit, by name, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// The option.
    pub option: &'static str,
    /// Its value.
    pub most: i32,
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Returns a place for a client from this address.
    ///
    /// # Errors
    /// As many clients are connected as may be, and no other address has more of them than this
    /// one. Those stay when a limit is lowered.
    pub fn take(
        self: &Arc<Places>,
        address: IpAddr,
        limits: Limits,
        now_ms: i64,
    ) -> Result<Place, Full> {
        let address = address.to_canonical();
        let mut taken = self.taken();
        let from_there = taken.by_address.get(&address).map_or(0, BTreeMap::len);
        if from_there >= limits.from_there.max(0) as usize {
            return Err(Full { option: "max.connections.per.ip", most: limits.from_there });
        }
        let mut took = None;
        if taken.all >= limits.all.0 {
            let full = Full { option: limits.all.1, most: limits.all.0 };
            let from = taken.make_room(from_there + 1).ok_or(full)?;
            took = Some(Taking { from, full });
        }
        taken.all += 1;
        taken.next += 1;
        let (number, guest) = (taken.next, Arc::new(Guest::default()));
        guest.heard_ms.store(now_ms, Ordering::Relaxed);
        taken.by_address.entry(address).or_default().insert(number, guest.clone());
        Ok(Place { of: self.clone(), address, number, guest, took })
    }
}

impl Taken {
    /// Has the most silent connection leave of the address that has most, if those are more than
    /// so many. Returns the address.
    fn make_room(&mut self, more_than: usize) -> Option<IpAddr> {
        let counts = self.by_address.iter().map(|(address, guests)| (guests.len(), *address));
        let (_, address) = counts.max().filter(|(count, _)| *count > more_than)?;
        let guests = self.by_address.get(&address)?;
        let heard = guests.iter().map(|(n, guest)| (guest.heard_ms.load(Ordering::Relaxed), *n));
        let (_, number) = heard.min()?;
        let guest = self.leave(address, number)?;
        guest.must_leave.notify_one();
        Some(address)
    }

    fn leave(&mut self, address: IpAddr, number: u64) -> Option<Arc<Guest>> {
        let guests = self.by_address.get_mut(&address)?;
        let guest = guests.remove(&number)?;
        if guests.is_empty() {
            self.by_address.remove(&address);
        }
        self.all -= 1;
        Some(guest)
    }
}

impl Place {
    /// Whose place it was until now.
    pub fn took(&self) -> Option<Taking> {
        self.took
    }

    /// Notes that the client was heard from.
    pub fn heard(&self, now_ms: i64) {
        self.guest.heard_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Returns what the client waits on while it is served: somebody else may be given its place.
    pub fn guest(&self) -> Arc<Guest> {
        self.guest.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It is not there any more if somebody else was given the place.
        drop(self.of.taken().leave(self.address, self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn limits(all: i32, from_there: i32) -> Limits {
        Limits { all: (all, "max.connections"), from_there }
    }

    /// True if somebody else was given the place.
    fn must_leave(place: &Place) -> bool {
        let guests = place.of.taken();
        let guests = guests.by_address.get(&place.address);
        guests.is_none_or(|guests| !guests.contains_key(&place.number))
    }

    #[test]
    fn a_place_is_free_again_when_its_client_has_gone() {
        let places = Arc::new(Places::default());
        let first = places.take(ip("10.0.0.1"), limits(2, 9), 0).unwrap();
        let second = places.take(ip("10.0.0.2"), limits(2, 9), 0).unwrap();
        let full = places.take(ip("10.0.0.2"), limits(2, 9), 0).unwrap_err();
        assert_eq!(full, Full { option: "max.connections", most: 2 });
        drop(second);
        drop(places.take(ip("10.0.0.2"), limits(2, 9), 0).unwrap());
        assert_eq!(places.taken().by_address.len(), 1, "nobody is remembered who is not here");
        drop(first);
        assert_eq!(places.taken().all, 0);
    }

    #[test]
    fn each_address_has_its_limit_and_one_is_the_same_in_both_families() {
        let places = Arc::new(Places::default());
        let _one = places.take(ip("10.0.0.1"), limits(100, 1), 0).unwrap();
        let full = Full { option: "max.connections.per.ip", most: 1 };
        assert_eq!(places.take(ip("::ffff:10.0.0.1"), limits(100, 1), 0).unwrap_err(), full);
        let _two = places.take(ip("10.0.0.2"), limits(100, 1), 0).unwrap();
    }

    #[test]
    fn who_has_fewer_connections_gets_the_place_of_the_most_silent_of_who_has_most() {
        let places = Arc::new(Places::default());
        let many: Vec<Place> =
            (0..4).map(|n| places.take(ip("10.0.0.1"), limits(4, 9), n).unwrap()).collect();
        many[0].heard(10);
        let two = places.take(ip("10.0.0.2"), limits(4, 9), 20).unwrap();
        assert_eq!(two.took().unwrap().from, ip("10.0.0.1"));
        let left: Vec<bool> = many.iter().map(must_leave).collect();
        assert_eq!(left, [false, true, false, false], "the second was silent for longest");
        let _three = places.take(ip("10.0.0.2"), limits(4, 9), 21).unwrap();
        // Now both have two: who comes next has no more right to a place than who is here.
        for address in ["10.0.0.1", "10.0.0.2"] {
            assert!(places.take(ip(address), limits(4, 9), 22).is_err(), "{address}");
        }
        let _other = places.take(ip("10.0.0.3"), limits(4, 9), 23).unwrap();
        assert_eq!(places.taken().all, 4);
        drop(many);
        drop(two);
        let taken = places.taken();
        assert_eq!(
            taken.all,
            taken.by_address.values().map(|guests| guests.len() as i32).sum::<i32>()
        );
    }

    #[test]
    fn everybody_has_one_place_and_the_newcomer_is_refused() {
        let places = Arc::new(Places::default());
        let _here: Vec<Place> = (1..4)
            .map(|n| places.take(ip(&format!("10.0.0.{n}")), limits(3, 9), 0).unwrap())
            .collect();
        assert!(places.take(ip("10.0.0.9"), limits(3, 9), 0).is_err());
    }
}
