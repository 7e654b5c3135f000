//! What a request names more than once.

use std::collections::HashSet;
use std::hash::Hash;

/// Returns the names that come more than once. Kafka refuses them, all of their places in the list
/// together, and does nothing to what they name.
pub fn named_twice<K: Eq + Hash + Clone>(names: impl Iterator<Item = K>) -> HashSet<K> {
    let mut seen = HashSet::new();
    names.filter(|name| !seen.insert(name.clone())).collect()
}
