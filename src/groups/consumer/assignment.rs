//! The partitions that a member has, gets or gives up.

use crate::types::TopicId;

/// A set of partitions, in the order of topic id and partition. Takes 20 bytes per topic and 4 per
/// partition: a group may have a hundred thousand of them, in several sets each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The topics, each with the end of its partitions in `partitions`. None is without any.
    topics: Vec<(TopicId, u32)>,
    partitions: Vec<i32>,
}

impl Assignment {
    /// Returns how many partitions there are.
    pub fn len(&self) -> usize {
        self.partitions.len()
    }

    /// Returns whether there is no partition.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Returns the partitions of the topic at a position in `topics`.
    fn at(&self, position: usize) -> &[i32] {
        let start = position.checked_sub(1).map_or(0, |before| self.topics[before].1);
        &self.partitions[start as usize..self.topics[position].1 as usize]
    }

    /// Returns the partitions of a topic, sorted.
    pub fn partitions(&self, topic: &TopicId) -> &[i32] {
        let found = self.topics.binary_search_by_key(topic, |(known, _)| *known);
        found.map_or(&[], |position| self.at(position))
    }

    /// Returns whether a partition is in the set.
    pub fn contains(&self, topic: &TopicId, partition: i32) -> bool {
        self.partitions(topic).binary_search(&partition).is_ok()
    }

    /// Iterates over the topics that have partitions, each with these.
    pub fn topics(&self) -> impl Iterator<Item = (TopicId, &[i32])> {
        self.topics.iter().enumerate().map(|(at, (topic, _))| (*topic, self.at(at)))
    }

    /// Iterates over the partitions.
    pub fn iter(&self) -> impl Iterator<Item = (TopicId, i32)> {
        self.topics().flat_map(|(topic, list)| list.iter().map(move |index| (topic, *index)))
    }

    /// Returns the partitions that are in at least one of the two sets.
    pub fn union(&self, other: &Assignment) -> Assignment {
        self.merged(other, |here, there| here || there)
    }

    /// Returns the partitions that are in both sets.
    pub fn intersection(&self, other: &Assignment) -> Assignment {
        self.merged(other, |here, there| here && there)
    }

    /// Returns the partitions that are not in the other set.
    pub fn difference(&self, other: &Assignment) -> Assignment {
        self.merged(other, |here, there| here && !there)
    }

    /// Returns the partitions for which `is_in`, called with whether this set and the other have
    /// one, is true.
    fn merged(&self, other: &Assignment, is_in: fn(bool, bool) -> bool) -> Assignment {
        let (mut here, mut there) = (self.iter().peekable(), other.iter().peekable());
        let mut merged = Assignment::default();
        while let Some(next) = here.peek().into_iter().chain(there.peek()).min().copied() {
            let (in_self, in_other) = (here.next_if_eq(&next), there.next_if_eq(&next));
            if is_in(in_self.is_some(), in_other.is_some()) {
                merged.push(next.0, next.1);
            }
        }
        merged.shrink();
        merged
    }

    /// Appends a partition that comes after all others in the order.
    pub(in crate::groups::consumer) fn push(&mut self, topic: TopicId, partition: i32) {
        debug_assert!(self.iter_last().is_none_or(|last| last < (topic, partition)));
        self.partitions.push(partition);
        let end = self.partitions.len() as u32;
        match self.topics.last_mut() {
            Some((last, its_end)) if *last == topic => *its_end = end,
            _ => self.topics.push((topic, end)),
        }
    }

    fn iter_last(&self) -> Option<(TopicId, i32)> {
        Some((self.topics.last()?.0, *self.partitions.last()?))
    }

    /// Gives back the memory that pushes have reserved and not used.
    pub(in crate::groups::consumer) fn shrink(&mut self) {
        self.topics.shrink_to_fit();
        self.partitions.shrink_to_fit();
    }
}

impl FromIterator<(TopicId, i32)> for Assignment {
    /// Collects partitions in any order; one that comes twice is in the set once.
    fn from_iter<I: IntoIterator<Item = (TopicId, i32)>>(partitions: I) -> Assignment {
        let mut sorted: Vec<(TopicId, i32)> = partitions.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut assignment = Assignment::default();
        for (topic, partition) in sorted {
            assignment.push(topic, partition);
        }
        assignment.shrink();
        assignment
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn set(rng: &mut fastrand::Rng) -> BTreeSet<(TopicId, i32)> {
        let topic = |rng: &mut fastrand::Rng| TopicId::from_u128(rng.u128(1..5));
        (0..rng.usize(0..20)).map(|_| (topic(rng), rng.i32(0..6))).collect()
    }

    #[test]
    fn it_is_as_a_set_of_pairs() {
        let mut rng = fastrand::Rng::with_seed(13);
        for _ in 0..2000 {
            let (one, two) = (set(&mut rng), set(&mut rng));
            let mut order: Vec<(TopicId, i32)> = one.iter().chain(&one).copied().collect();
            rng.shuffle(&mut order);
            let (a, b): (Assignment, Assignment) =
                (order.into_iter().collect(), two.iter().copied().collect());
            assert!(a.iter().eq(one.iter().copied()));
            assert_eq!((a.len(), a.is_empty()), (one.len(), one.is_empty()));
            assert!(a.union(&b).iter().eq(one.union(&two).copied()));
            assert!(a.intersection(&b).iter().eq(one.intersection(&two).copied()));
            assert!(a.difference(&b).iter().eq(one.difference(&two).copied()));
            // Equal sets are equal however they came about.
            assert_eq!(a.difference(&b).union(&a.intersection(&b)), a);
            for (topic, partition) in one.union(&two) {
                assert_eq!(a.contains(topic, *partition), one.contains(&(*topic, *partition)));
                let of_topic = one.iter().filter(|(known, _)| known == topic);
                assert!(a.partitions(topic).iter().eq(of_topic.map(|(_, index)| index)));
            }
            assert!(a.topics().all(|(_, partitions)| !partitions.is_empty()));
        }
    }
}
