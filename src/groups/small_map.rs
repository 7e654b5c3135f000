//! A sorted map that takes no more memory than its entries while they are few: most groups commit a
//! few partitions of one topic, and a B-tree node has room for eleven.

use std::borrow::Borrow;
use std::collections::{BTreeMap, btree_map};
use std::slice;

use crate::groups::visits::visit;

/// Maximum number of entries in the list form.
const FEW: usize = 8;

/// A sorted map.
#[derive(Debug, Clone)]
pub enum SmallMap<K, V> {
    /// At most [`FEW`] entries, sorted by key.
    Few(Vec<(K, V)>),
    /// More than that.
    Many(BTreeMap<K, V>),
}

impl<K: Ord, V> Default for SmallMap<K, V> {
    fn default() -> SmallMap<K, V> {
        SmallMap::Few(Vec::new())
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        match self {
            SmallMap::Few(list) => list.len(),
            SmallMap::Many(tree) => tree.len(),
        }
    }

    /// Returns whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn position<Q: Ord + ?Sized>(list: &[(K, V)], key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        list.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    /// Returns the value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        visit();
        match self {
            SmallMap::Few(list) => Self::position(list, key).ok().map(|at| &list[at].1),
            SmallMap::Many(tree) => tree.get(key),
        }
    }

    /// Returns a mutable reference to the value of a key.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        visit();
        match self {
            SmallMap::Few(list) => Self::position(list, key).ok().map(|at| &mut list[at].1),
            SmallMap::Many(tree) => tree.get_mut(key),
        }
    }

    /// Inserts a value. Returns the value that it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        visit();
        match self {
            SmallMap::Few(list) => match Self::position(list, &key) {
                Ok(at) => Some(std::mem::replace(&mut list[at].1, value)),
                Err(at) if list.len() < FEW => {
                    list.reserve_exact(1);
                    list.insert(at, (key, value));
                    None
                }
                Err(_) => {
                    let mut tree: BTreeMap<K, V> = std::mem::take(list).into_iter().collect();
                    tree.insert(key, value);
                    *self = SmallMap::Many(tree);
                    None
                }
            },
            SmallMap::Many(tree) => tree.insert(key, value),
        }
    }

    /// Removes a key. Returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        visit();
        match self {
            SmallMap::Few(list) => Self::position(list, key).ok().map(|at| list.remove(at).1),
            SmallMap::Many(tree) => {
                let gone = tree.remove(key);
                // Not at [`FEW`]: a single entry that comes and goes must not convert the map each
                // time.
                if tree.len() <= FEW / 2 {
                    *self = SmallMap::Few(std::mem::take(tree).into_iter().collect());
                }
                gone
            }
        }
    }

    /// Iterates over the entries in the order of their keys.
    pub fn iter(&self) -> Entries<'_, K, V> {
        match self {
            SmallMap::Few(list) => Entries::Few(list.iter()),
            SmallMap::Many(tree) => Entries::Many(tree.range::<K, _>(..)),
        }
    }

    /// Iterates over the entries starting at this key.
    pub fn from<Q: Ord + ?Sized>(&self, key: &Q) -> Entries<'_, K, V>
    where
        K: Borrow<Q>,
    {
        match self {
            SmallMap::Few(list) => {
                let at = Self::position(list, key).unwrap_or_else(|at| at);
                Entries::Few(list[at..].iter())
            }
            SmallMap::Many(tree) => {
                let from = std::ops::Bound::Included(key);
                Entries::Many(tree.range::<Q, _>((from, std::ops::Bound::Unbounded)))
            }
        }
    }
}

/// The entries of a [`SmallMap`] in the order of their keys.
pub enum Entries<'a, K, V> {
    /// Entries of a list.
    Few(slice::Iter<'a, (K, V)>),
    /// Entries of a tree.
    Many(btree_map::Range<'a, K, V>),
}

impl<'a, K, V> Iterator for Entries<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        visit();
        match self {
            Entries::Few(list) => list.next().map(|(key, value)| (key, value)),
            Entries::Many(tree) => tree.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_a_tree_while_it_grows_and_shrinks() {
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut map, mut tree) = (SmallMap::default(), BTreeMap::new());
        for round in 0..4000 {
            let key = rng.i32(0..24);
            // It grows for 100 rounds, then shrinks.
            if rng.bool() == (round / 100 % 2 == 0) || rng.u8(0..3) == 0 {
                assert_eq!(map.insert(key, round), tree.insert(key, round));
            } else {
                assert_eq!(map.remove(&key), tree.remove(&key));
            }
            assert!(map.iter().eq(tree.iter()));
            assert!(map.from(&key).eq(tree.range(key..)));
            assert_eq!((map.get(&key), map.len()), (tree.get(&key), tree.len()));
            assert_eq!(
                matches!(map, SmallMap::Few(_)),
                map.len() <= FEW / 2 || matches!(map, SmallMap::Few(_))
            );
        }
    }
}
