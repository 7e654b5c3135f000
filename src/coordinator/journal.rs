//! The log of the coordinator: the partition that it writes to, and reads at its start.

use std::io;
use std::sync::Arc;

use crate::clock::Now;
use crate::groups::records::Record;
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::records::records;
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::names::CONSUMER_OFFSETS;
use crate::topics::partition::Partition;

/// The topic of groups and committed offsets.
pub const TOPIC: &str = CONSUMER_OFFSETS;

/// Size at which a batch is closed, in bytes, so that ordinary consumers can read it.
const BATCH_BYTES: usize = 512 * 1024;

/// Returns the partition; creates the topic if it does not exist and the argument is `true`.
pub type Find = Box<dyn Fn(bool) -> Result<Option<Arc<Partition>>, JournalError> + Send + Sync>;

/// Returns whether a topic of this name exists.
pub type Exists = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Why records could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The topic cannot be created.
    #[error("{TOPIC} cannot be created: {0}")]
    Topic(String),
    /// There is no space on the disk to create the topic.
    #[error("{TOPIC} cannot be created: {0}")]
    TopicFull(String),
    /// The log cannot be read.
    #[error("{TOPIC} cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The records could not be appended.
    #[error(transparent)]
    Append(#[from] ProduceError),
    /// The records could not be flushed to disk.
    #[error(transparent)]
    Sync(#[from] Unavailable),
}

impl JournalError {
    /// Returns true if the disk is full. The same operation may succeed later.
    pub fn is_full(&self) -> bool {
        match self {
            JournalError::TopicFull(_) | JournalError::Sync(Unavailable::Full(_)) => true,
            JournalError::Append(error) => error.is_full(),
            JournalError::Topic(_) | JournalError::Read(_) | JournalError::Sync(_) => false,
        }
    }
}

/// The log of the coordinator.
pub struct Journal {
    find: Find,
    exists: Exists,
    /// True if a reply has to wait for a sync (`durability = "fsync"`).
    sync: bool,
}

impl Journal {
    /// Creates a journal on the partition that `find` returns.
    pub fn new(find: Find, exists: Exists, sync: bool) -> Journal {
        Journal { find, exists, sync }
    }

    /// Returns whether offsets of this topic may be kept.
    pub fn topic_exists(&self, topic: &str) -> bool {
        (self.exists)(topic)
    }

    /// Returns true if nothing has ever been written.
    pub fn is_missing(&self) -> bool {
        (self.find)(false).is_ok_and(|partition| partition.is_none())
    }

    /// Calls `visit` with all records, in order.
    pub fn read(&self, mut visit: impl FnMut(Record)) -> Result<(), JournalError> {
        let Some(partition) = (self.find)(false)? else { return Ok(()) };
        let read = partition.view()?.for_each_batch(|batch| {
            if batch.header.is_control() {
                return Ok(());
            }
            for record in records(batch).map_err(io::Error::other)? {
                let record = record.map_err(io::Error::other)?;
                let Some(key) = &record.key else { continue };
                match Record::decode(key, record.value.as_deref()) {
                    Ok(Some(record)) => visit(record),
                    Ok(None) => {}
                    Err(error) => {
                        let (topic, offset) = (TOPIC, record.offset);
                        tracing::warn!(topic, offset, %error, "skipped an unreadable record");
                    }
                }
            }
            Ok(())
        });
        Ok(read?)
    }

    /// Appends records, in as few batches as possible.
    pub async fn write(&self, now: Now, records: &[Record]) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let partition = (self.find)(true)?;
        let partition =
            partition.ok_or_else(|| JournalError::Topic("it does not exist".to_owned()))?;
        let mut end_offset = 0;
        let mut batch = BatchBuilder::new(0, now.wall_ms);
        let mut bytes = 0;
        for (at, record) in records.iter().enumerate() {
            let (key, value) = record.encode();
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            batch.push(Some(&key), value.as_deref(), &[], now.wall_ms);
            if bytes >= BATCH_BYTES || at + 1 == records.len() {
                let full = std::mem::replace(&mut batch, BatchBuilder::new(0, now.wall_ms));
                end_offset = partition.append_own(now, &full.finish())?.end_offset;
                bytes = 0;
            }
        }
        if self.sync {
            partition.durable(end_offset).await?;
        }
        Ok(())
    }
}
