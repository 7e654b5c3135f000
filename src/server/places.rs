//! Who is connected, counted against `max.connections` and `max.connections.per.ip`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// How many clients may be connected.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all: `max.connections`.
    pub all: i32,
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
    by_address: HashMap<IpAddr, i32>,
}

/// One client's place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    of: Arc<Places>,
    address: IpAddr,
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

    /// A place for a client from this address.
    ///
    /// # Errors
    /// As many clients are connected as may be. Those stay when a limit is lowered.
    pub fn take(self: &Arc<Places>, address: IpAddr, limits: Limits) -> Result<Place, Full> {
        let address = address.to_canonical();
        let mut taken = self.taken();
        if taken.all >= limits.all {
            return Err(Full { option: "max.connections", most: limits.all });
        }
        let from_there = taken.by_address.get(&address).copied().unwrap_or(0);
        if from_there >= limits.from_there {
            return Err(Full { option: "max.connections.per.ip", most: limits.from_there });
        }
        taken.all += 1;
        taken.by_address.insert(address, from_there + 1);
        Ok(Place { of: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        taken.all -= 1;
        if let Some(from_there) = taken.by_address.get_mut(&self.address) {
            *from_there -= 1;
            if *from_there == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_free_again_when_its_client_has_gone() {
        let places = Arc::new(Places::default());
        let limits = Limits { all: 2, from_there: 9 };
        let _first = places.take(ip("10.0.0.1"), limits).unwrap();
        let second = places.take(ip("10.0.0.1"), limits).unwrap();
        let full = places.take(ip("10.0.0.2"), limits).unwrap_err();
        assert_eq!(full, Full { option: "max.connections", most: 2 });
        drop(second);
        drop(places.take(ip("10.0.0.2"), limits).unwrap());
        assert_eq!(places.taken().by_address.len(), 1, "nobody is remembered who is not here");
    }

    #[test]
    fn each_address_has_its_limit_and_one_is_the_same_in_both_families() {
        let places = Arc::new(Places::default());
        let limits = Limits { all: 100, from_there: 1 };
        let _one = places.take(ip("10.0.0.1"), limits).unwrap();
        let full = Full { option: "max.connections.per.ip", most: 1 };
        assert_eq!(places.take(ip("::ffff:10.0.0.1"), limits).unwrap_err(), full);
        let _two = places.take(ip("10.0.0.2"), limits).unwrap();
    }
}
