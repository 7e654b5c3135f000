//! The committed offsets of one group.

use std::sync::Arc;

use crate::groups::records::OffsetAndMetadata;
use crate::groups::small_map::SmallMap;

/// Memory of a topic beside its offsets, in bytes: its entry here, and the group's entry in the
/// index of topics.
const TOPIC_BYTES: usize = 96;
/// Memory of an offset beside its metadata, in bytes.
const OFFSET_BYTES: usize = 96;

/// Committed offsets by topic and partition.
#[derive(Debug, Clone, Default)]
pub struct CommittedOffsets {
    topics: SmallMap<Arc<str>, SmallMap<i32, OffsetAndMetadata>>,
    count: usize,
    bytes: usize,
}

/// Returns the approximate memory of an offset with this metadata, in bytes.
pub fn offset_bytes(metadata: &str) -> usize {
    OFFSET_BYTES + metadata.len()
}

impl CommittedOffsets {
    /// Returns whether nothing has been committed.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns how many partitions have an offset.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns the approximate memory that the offsets take, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the committed offset of a partition.
    pub fn get(&self, topic: &str, partition: i32) -> Option<&OffsetAndMetadata> {
        self.topics.get(topic)?.get(&partition)
    }

    /// Returns whether a partition of this topic has an offset.
    pub fn has_topic(&self, topic: &str) -> bool {
        self.topics.get(topic).is_some()
    }

    /// Returns the bytes by which this offset would grow the memory of the group; 0 if it would
    /// not.
    pub fn growth(&self, topic: &str, partition: i32, metadata: &str) -> usize {
        match self.topics.get(topic).map(|partitions| partitions.get(&partition)) {
            Some(Some(known)) => metadata.len().saturating_sub(known.metadata.len()),
            Some(None) => offset_bytes(metadata),
            None => TOPIC_BYTES + offset_bytes(metadata),
        }
    }

    /// Stores an offset of a topic that has at least one already.
    ///
    /// # Errors
    ///
    /// Returns the offset if the topic has none.
    pub fn put(
        &mut self,
        topic: &str,
        partition: i32,
        value: OffsetAndMetadata,
    ) -> Result<(), OffsetAndMetadata> {
        let Some(partitions) = self.topics.get_mut(topic) else { return Err(value) };
        self.bytes += offset_bytes(&value.metadata);
        match partitions.insert(partition, value) {
            Some(before) => self.bytes -= offset_bytes(&before.metadata),
            None => self.count += 1,
        }
        Ok(())
    }

    /// Stores the first offset of a topic.
    pub fn put_first(&mut self, topic: Arc<str>, partition: i32, value: OffsetAndMetadata) {
        self.bytes += TOPIC_BYTES + offset_bytes(&value.metadata);
        self.count += 1;
        let mut partitions = SmallMap::default();
        partitions.insert(partition, value);
        self.topics.insert(topic, partitions);
    }

    /// Removes an offset.
    pub fn remove(&mut self, topic: &str, partition: i32) {
        let Some(partitions) = self.topics.get_mut(topic) else { return };
        let Some(gone) = partitions.remove(&partition) else { return };
        self.bytes -= offset_bytes(&gone.metadata);
        self.count -= 1;
        if partitions.is_empty() {
            self.topics.remove(topic);
            self.bytes -= TOPIC_BYTES;
        }
    }

    /// Iterates over the offsets by topic and partition, starting at this partition of this topic.
    pub fn from<'a>(
        &'a self,
        (topic, partition): (&'a str, i32),
    ) -> impl Iterator<Item = (&'a Arc<str>, i32, &'a OffsetAndMetadata)> {
        self.topics.from(topic).flat_map(move |(name, partitions)| {
            let from = if &**name == topic { partition } else { i32::MIN };
            partitions.from(&from).map(move |(partition, value)| (name, *partition, value))
        })
    }

    /// Iterates over all offsets by topic and partition.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, i32, &OffsetAndMetadata)> {
        self.from(("", i32::MIN))
    }

    /// Iterates over the partitions of a topic that have an offset.
    pub fn of_topic(&self, topic: &str) -> impl Iterator<Item = (i32, &OffsetAndMetadata)> {
        let partitions = self.topics.get(topic).into_iter();
        partitions.flat_map(|partitions| partitions.iter().map(|(p, offset)| (*p, offset)))
    }
}
