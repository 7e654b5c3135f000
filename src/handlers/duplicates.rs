//! Duplicates in a request.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Returns the names that occur more than once. Kafka refuses all their occurrences together, and
/// does nothing to what they name.
pub fn named_twice<K: Eq + Hash + Clone>(names: impl Iterator<Item = K>) -> HashSet<K> {
    let mut seen = HashSet::new();
    names.filter(|name| !seen.insert(name.clone())).collect()
}

/// Returns the value of each partition, by topic, in the order in which the partitions are first
/// named. A later value of the same partition is passed to `again` with the earlier one: in Kafka
/// partitions are the keys of a map. A topic without partitions is omitted.
pub fn by_partition<T: Eq + Hash + Clone, V>(
    named: impl Iterator<Item = (T, i32, V)>,
    mut again: impl FnMut(&mut V, V),
) -> Vec<(T, Vec<(i32, V)>)> {
    let mut topics: Vec<(T, Vec<(i32, V)>)> = Vec::new();
    let (mut topic_places, mut places) = (HashMap::new(), HashMap::new());
    for (topic, index, value) in named {
        let topic_place = *topic_places.entry(topic.clone()).or_insert_with(|| {
            topics.push((topic, Vec::new()));
            topics.len() - 1
        });
        let Some((_, partitions)) = topics.get_mut(topic_place) else { continue };
        match places.get(&(topic_place, index)).and_then(|place: &usize| partitions.get_mut(*place))
        {
            Some((_, known)) => again(known, value),
            None => {
                places.insert((topic_place, index), partitions.len());
                partitions.push((index, value));
            }
        }
    }
    topics
}

/// Returns the last value of each partition, by topic.
pub fn last_of_each<T: Eq + Hash + Clone, V>(
    named: impl Iterator<Item = (T, i32, V)>,
) -> Vec<(T, Vec<(i32, V)>)> {
    by_partition(named, |known, last| *known = last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_is_said_of_a_partition_stands_where_it_was_first_named() {
        let named = [("a", 1, 'x'), ("b", 1, 'y'), ("a", 0, 'z'), ("b", 1, 'u'), ("a", 1, 'v')];
        let last = last_of_each(named.into_iter());
        assert_eq!(last, [("a", vec![(1, 'v'), (0, 'z')]), ("b", vec![(1, 'u')])]);
        assert_eq!(last_of_each(std::iter::empty::<(&str, i32, char)>()), []);
    }
}
