//! The offsets that one group has committed.

use std::sync::Arc;

use crate::groups::records::OffsetAndMetadata;
use crate::groups::small_map::SmallMap;

/// What a topic takes beside its offsets: its entry here, and the group's in the index of topics.
const TOPIC_BYTES: usize = 96;
/// What an offset takes beside its metadata.
const OFFSET_BYTES: usize = 96;

/// Committed offsets by topic and partition.
#[derive(Debug, Clone, Default)]
pub struct CommittedOffsets {
    topics: SmallMap<Arc<str>, SmallMap<i32, OffsetAndMetadata>>,
    count: usize,
    bytes: usize,
}

/// Returns about how many bytes an offset with this metadata takes.
pub fn offset_bytes(metadata: &str) -> usize {
    OFFSET_BYTES + metadata.len()
}

impl CommittedOffsets {
    /// Returns whether nothing is committed.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns how many partitions have an offset.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns about how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the offset of a partition.
    pub fn get(&self, topic: &str, partition: i32) -> Option<&OffsetAndMetadata> {
        self.topics.get(topic)?.get(&partition)
    }

    /// Returns whether a partition of this topic has an offset.
    pub fn has_topic(&self, topic: &str) -> bool {
        self.topics.get(topic).is_some()
    }

    /// Returns by how many bytes they would grow with this offset, if they would.
    pub fn growth(&self, topic: &str, partition: i32, metadata: &str) -> usize {
        match self.topics.get(topic).map(|partitions| partitions.get(&partition)) {
            Some(Some(known)) => metadata.len().saturating_sub(known.metadata.len()),
            Some(None) => offset_bytes(metadata),
            None => TOPIC_BYTES + offset_bytes(metadata),
        }
    }

    /// Keeps an offset of a topic that has one already. Gives it back if the topic has none.
    ///
    /// # Errors
    ///
    /// Returns the offset if there is none of the topic.
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

    /// Keeps the first offset of a topic.
    pub fn put_first(&mut self, topic: Arc<str>, partition: i32, value: OffsetAndMetadata) {
        self.bytes += TOPIC_BYTES + offset_bytes(&value.metadata);
        self.count += 1;
        let mut partitions = SmallMap::default();
        partitions.insert(partition, value);
        self.topics.insert(topic, partitions);
    }

    /// Forgets an offset. Returns whether it was the last one of its topic.
    pub fn remove(&mut self, topic: &str, partition: i32) -> bool {
        let Some(partitions) = self.topics.get_mut(topic) else { return false };
        let Some(gone) = partitions.remove(&partition) else { return false };
        self.bytes -= offset_bytes(&gone.metadata);
        self.count -= 1;
        let is_last = partitions.is_empty();
        if is_last {
            self.topics.remove(topic);
            self.bytes -= TOPIC_BYTES;
        }
        is_last
    }

    /// Walks through them by topic and partition, from this partition of this topic on.
    pub fn from<'a>(
        &'a self,
        (topic, partition): (&'a str, i32),
    ) -> impl Iterator<Item = (&'a Arc<str>, i32, &'a OffsetAndMetadata)> {
        self.topics.from(topic).flat_map(move |(name, partitions)| {
            let from = if &**name == topic { partition } else { i32::MIN };
            partitions.from(&from).map(move |(partition, value)| (name, *partition, value))
        })
    }

    /// Walks through all of them by topic and partition.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, i32, &OffsetAndMetadata)> {
        self.from(("", i32::MIN))
    }

    /// Walks through the partitions of a topic.
    pub fn of_topic(&self, topic: &str) -> impl Iterator<Item = i32> {
        self.topics.get(topic).into_iter().flat_map(|partitions| partitions.iter().map(|(p, _)| *p))
    }
}
