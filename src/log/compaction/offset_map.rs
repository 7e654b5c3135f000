//! The last offset of each key (pure): Kafka's `SkimpyOffsetMap`, smaller.
//!
//! A slot has 16 bytes, where Kafka's has 24: 96 bits of a hash that represent the key, and the
//! offset relative to the start of the pass. The hash is keyed with a random number of this
//! process, so that no client can construct two keys that collide; the probability of an accidental
//! collision among ten million keys is about 10^-15.

use std::hash::{BuildHasher, RandomState};

use crate::types::Offset;

/// Bytes per key in a full map.
pub const SLOT_BYTES: usize = 16;

/// Range of offsets that a map can represent; a pass ends before.
const REACH: i64 = u32::MAX as i64 - 1;

/// All zeros if empty; a used slot begins with its offset, counted from 1.
type Slot = [u32; 4];

/// The keys and the last offset of each.
#[derive(Debug)]
pub struct OffsetMap {
    slots: Vec<Slot>,
    hashers: [RandomState; 2],
    len: usize,
    most: usize,
    first: Offset,
    latest: Option<Offset>,
}

impl OffsetMap {
    /// Creates a map for records from `first` on. It takes at most `bytes`, and no more than the
    /// records below `end` can need; `load` (0 to 1) is how full it may get.
    pub fn new(first: Offset, end: Offset, bytes: usize, load: f64) -> OffsetMap {
        let load = load.clamp(0.1, 0.95);
        let needed = (usize::try_from(end - first).unwrap_or(0) as f64 / load) as usize + 2;
        let slots = needed.min(bytes / SLOT_BYTES).max(2);
        OffsetMap {
            slots: vec![[0; 4]; slots],
            hashers: [RandomState::new(), RandomState::new()],
            len: 0,
            most: ((slots as f64 * load) as usize).clamp(1, slots - 1),
            first,
            latest: None,
        }
    }

    /// Records the key at `offset`, which is greater than all before. Returns false, and changes
    /// nothing, if the map is full or the offset is out of range.
    pub fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        let distance = offset - self.first;
        if !(0..=REACH).contains(&distance) {
            return false;
        }
        let hash = self.hash(key);
        let at = self.find(hash);
        let Some(slot) = self.slots.get_mut(at) else { return false };
        if slot[0] == 0 {
            if self.len >= self.most {
                return false;
            }
            self.len += 1;
        }
        *slot = [distance as u32 + 1, hash[0], hash[1], hash[2]];
        self.latest = Some(offset);
        true
    }

    /// Returns the last offset of the key.
    pub fn get(&self, key: &[u8]) -> Option<Offset> {
        let slot = self.slots.get(self.find(self.hash(key)))?;
        (slot[0] != 0).then(|| self.first + i64::from(slot[0]) - 1)
    }

    /// Records that everything up to this offset has been seen, with or without keys.
    pub fn seen_up_to(&mut self, offset: Offset) {
        self.latest = self.latest.max(Some(offset));
    }

    /// Returns the last offset that has been seen.
    pub fn latest(&self) -> Option<Offset> {
        self.latest
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn hash(&self, key: &[u8]) -> [u32; 3] {
        let [one, two] = self.hashers.each_ref().map(|hasher| hasher.hash_one(key));
        [one as u32, (one >> 32) as u32, two as u32]
    }

    /// Returns the key's slot, or the empty one where it would go. There always is one: a map is
    /// never completely full.
    fn find(&self, hash: [u32; 3]) -> usize {
        let all = self.slots.len() as u64;
        let spread = u64::from(hash[0]) | u64::from(hash[1]) << 32;
        // The high half of the product: as uniform as a remainder, and cheaper.
        let mut at = ((u128::from(spread) * u128::from(all)) >> 64) as usize;
        loop {
            match self.slots.get(at) {
                Some(slot) if slot[0] == 0 || slot[1..] == hash => return at,
                Some(_) => at += 1,
                None => at = 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_offset_of_each_key_is_known() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut expected = std::collections::HashMap::new();
        let mut map = OffsetMap::new(1000, 11_000, 1 << 20, 0.9);
        for offset in 1000..11_000 {
            let key = format!("key-{}", rng.u32(0..3000)).into_bytes();
            assert!(map.put(&key, offset));
            expected.insert(key, offset);
        }
        assert_eq!((map.len(), map.latest()), (expected.len(), Some(10_999)));
        assert!(expected.iter().all(|(key, offset)| map.get(key) == Some(*offset)));
        assert_eq!(map.get(b"absent"), None);
    }

    #[test]
    fn a_full_map_takes_known_keys_and_no_new_ones() {
        let mut map = OffsetMap::new(0, 1 << 40, 100 * SLOT_BYTES, 0.5);
        let taken = (0..1000_i64).take_while(|i| map.put(&i.to_be_bytes(), *i)).count();
        assert_eq!((taken, map.len()), (50, 50));
        assert!(map.put(&7_i64.to_be_bytes(), 500));
        assert_eq!((map.get(&7_i64.to_be_bytes()), map.latest()), (Some(500), Some(500)));
        assert_eq!(map.get(&51_i64.to_be_bytes()), None);
    }

    #[test]
    fn a_map_is_no_larger_than_its_records_need() {
        let map = OffsetMap::new(0, 100, usize::MAX, 0.9);
        assert!(map.slots.len() < 120);
        let mut tiny = OffsetMap::new(5, 5, 0, 0.9);
        assert!(tiny.put(b"a", 5) && !tiny.put(b"b", 6));
    }

    #[test]
    fn what_is_out_of_reach_ends_the_pass() {
        let mut map = OffsetMap::new(10, i64::MAX, 1024, 0.9);
        assert!(!map.put(b"a", 9) && !map.put(b"a", 10 + i64::from(u32::MAX)));
        assert!(map.put(b"a", 9 + i64::from(u32::MAX)));
        assert_eq!(map.get(b"a"), Some(9 + i64::from(u32::MAX)));
    }
}
