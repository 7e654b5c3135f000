//! Partitions by topic.

use std::collections::BTreeMap;

use crate::types::TopicId;

/// Partitions by topic, both in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignment(BTreeMap<TopicId, Vec<i32>>);

impl Assignment {
    /// Returns the number of partitions.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a partition is among them.
    pub fn contains(&self, topic: TopicId, partition: i32) -> bool {
        self.0.get(&topic).is_some_and(|all| all.binary_search(&partition).is_ok())
    }

    /// Iterates over the partitions, by topic and number.
    pub fn iter(&self) -> impl Iterator<Item = (TopicId, i32)> {
        self.0.iter().flat_map(|(topic, all)| all.iter().map(|partition| (*topic, *partition)))
    }

    /// Iterates over the topics with their partitions.
    pub fn by_topic(&self) -> impl Iterator<Item = (TopicId, &[i32])> {
        self.0.iter().map(|(topic, all)| (*topic, &all[..]))
    }

    /// Returns about how much memory they take, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.values().map(|all| 48 + 4 * all.len()).sum()
    }
}

impl FromIterator<(TopicId, i32)> for Assignment {
    fn from_iter<I: IntoIterator<Item = (TopicId, i32)>>(partitions: I) -> Assignment {
        let mut topics: BTreeMap<TopicId, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in partitions {
            topics.entry(topic).or_default().push(partition);
        }
        for partitions in topics.values_mut() {
            partitions.sort_unstable();
            partitions.dedup();
        }
        Assignment(topics)
    }
}
