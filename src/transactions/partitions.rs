//! The partitions of a transaction.

use std::collections::{BTreeMap, BTreeSet};

/// Partitions by topic, as requests and answers have them.
pub type TopicPartitions = Vec<(String, Vec<i32>)>;

/// Approximate memory of a topic beside its name, in bytes.
const TOPIC_BYTES: usize = 128;
/// Approximate memory of a partition, in bytes.
const PARTITION_BYTES: usize = 8;

/// A set of partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionSet(BTreeMap<String, BTreeSet<i32>>);

impl PartitionSet {
    /// Returns the set of these partitions.
    pub fn of(partitions: impl IntoIterator<Item = (String, Vec<i32>)>) -> PartitionSet {
        let mut set = PartitionSet::default();
        set.extend(partitions);
        set
    }

    /// Adds partitions.
    pub fn extend(&mut self, partitions: impl IntoIterator<Item = (String, Vec<i32>)>) {
        for (topic, indexes) in partitions {
            if !indexes.is_empty() {
                self.0.entry(topic).or_default().extend(indexes);
            }
        }
    }

    /// Returns true if the partition is in the set.
    pub fn contains(&self, topic: &str, partition: i32) -> bool {
        self.0.get(topic).is_some_and(|partitions| partitions.contains(&partition))
    }

    /// Returns true if all of these are in the set.
    pub fn contains_all(&self, partitions: &[(String, Vec<i32>)]) -> bool {
        partitions.iter().all(|(topic, all)| all.iter().all(|index| self.contains(topic, *index)))
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Returns them by topic.
    pub fn to_vec(&self) -> TopicPartitions {
        let indexes = |set: &BTreeSet<i32>| set.iter().copied().collect();
        self.0.iter().map(|(topic, set)| (topic.clone(), indexes(set))).collect()
    }

    /// Returns the approximate memory that they take, and not less than the bytes of their record.
    pub fn bytes(&self) -> usize {
        let of = |(topic, set): (&String, &BTreeSet<i32>)| {
            topic.len() + TOPIC_BYTES + set.len() * PARTITION_BYTES
        };
        self.0.iter().map(of).sum()
    }
}
