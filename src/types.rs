//! Types shared between rooms.

use std::ops::ControlFlow;
use std::path::Path;

/// A logical position in a partition. A byte in a file is a *position*, never an offset.
///
/// An *end offset* is one past the last; a *last offset* is the last; there is no third.
pub type Offset = i64;

/// A topic's identity (KIP-516). A topic created again under the same name gets a new one.
pub type TopicId = uuid::Uuid;

/// The id of a data directory.
pub type DirectoryId = uuid::Uuid;

/// The id of an idempotent producer (KIP-98). -1 on the wire means none.
pub type ProducerId = i64;

/// The producer id of a batch that is not idempotent.
pub const NO_PRODUCER_ID: ProducerId = -1;

/// Called with the number of bytes that were just read or written. It may block to limit the rate,
/// or break off the work.
pub type Throttler<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's index, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Returns the identity of one partition.
    pub fn new(topic: impl Into<String>, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.into(), partition }
    }

    /// Returns the partition to which a directory belongs by its name, such as `topic-0`.
    pub fn of_dir(dir: &Path) -> Option<TopicPartition> {
        let (topic, partition) = dir.file_name()?.to_str()?.rsplit_once('-')?;
        Some(TopicPartition::new(topic, partition.parse().ok()?))
    }
}

impl std::fmt::Display for TopicPartition {
    /// Writes the name of the partition's directory in Kafka: `topic-0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}
