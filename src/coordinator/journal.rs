//! The log of the coordinator: the topic that it writes to, and reads at its start.
//!
//! **Invariant:** the records of a group are in one partition, the one that Kafka keeps them in.
//! The number of partitions is taken when the topic is first used: if the topic is given more while
//! the broker runs, groups move to other partitions at the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use crate::clock::Now;
use crate::coordinator::misplaced::{MisplacedRecords, Relocation};
use crate::coordinator::placement::partition_of;
use crate::groups::records::Record;
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::records::records;
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::names::CONSUMER_OFFSETS;
use crate::topics::partition::Partition;
use crate::topics::registry::LiveTopic;
use crate::types::{Offset, TopicId};

/// The topic of groups and committed offsets.
pub const TOPIC: &str = CONSUMER_OFFSETS;

/// Size at which a batch is closed, in bytes, so that ordinary consumers can read it.
const BATCH_BYTES: usize = 512 * 1024;

/// Returns the topic; creates it if it does not exist and the argument is `true`.
pub type Find = Box<dyn Fn(bool) -> Result<Option<Arc<LiveTopic>>, JournalError> + Send + Sync>;

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
    /// The id of the topic, and how many of its partitions hold groups.
    partitions: Option<(TopicId, usize)>,
    /// True if a reply has to wait for a sync (`durability = "fsync"`).
    sync: bool,
}

impl Journal {
    /// Creates a journal on the topic that `find` returns.
    pub fn new(find: Find, exists: Exists, sync: bool) -> Journal {
        Journal { find, exists, partitions: None, sync }
    }

    /// Returns whether offsets of this topic may be kept.
    pub fn topic_exists(&self, topic: &str) -> bool {
        (self.exists)(topic)
    }

    /// Returns true if nothing has ever been written.
    pub fn is_missing(&self) -> bool {
        (self.find)(false).is_ok_and(|topic| topic.is_none())
    }

    /// Returns how many partitions of the topic hold groups.
    fn partitions_of(&mut self, topic: &LiveTopic) -> usize {
        match self.partitions {
            Some((id, count)) if id == topic.id => count,
            _ => self.partitions.insert((topic.id, topic.partitions.len())).1,
        }
    }

    /// Calls `visit` with all records: those of each group in order, and only the ones that count
    /// if some are not in the partition of their group. Returns how to move those.
    pub fn read(&mut self, mut visit: impl FnMut(Record)) -> Result<Relocation, JournalError> {
        let Some(topic) = (self.find)(false)? else { return Ok(Relocation::default()) };
        let count = self.partitions_of(&topic);
        let mut misplaced = MisplacedRecords::default();
        for (index, partition) in topic.partitions.iter().enumerate().take(count) {
            for_each_record(partition, |timestamp, record| {
                match partition_of(record.group(), count) == index {
                    true => visit(record),
                    false => misplaced.add(index, timestamp, record),
                }
            })?;
        }
        let homes: BTreeSet<usize> =
            misplaced.groups().map(|group| partition_of(group, count)).collect();
        for index in homes {
            for_each_record(&topic.partitions[index], |timestamp, record| {
                if partition_of(record.group(), count) == index {
                    misplaced.note_at_home(timestamp, &record);
                }
            })?;
        }
        let relocation = misplaced.relocation();
        relocation.moved.iter().cloned().for_each(visit);
        Ok(relocation)
    }

    /// Moves misplaced records to the partition of their group.
    pub async fn relocate(
        &mut self,
        now: Now,
        relocation: &Relocation,
    ) -> Result<(), JournalError> {
        self.write(now, &relocation.moved).await?;
        let removed = relocation.removed.iter().map(|(partition, record)| (*partition, record));
        // As old as can be: such a tombstone counts for nothing in the partition of the group.
        self.write_to(Now { wall_ms: 0, ..now }, removed).await
    }

    /// Appends records to the partitions of their groups, in as few batches as possible.
    pub async fn write(&mut self, now: Now, records: &[Record]) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let topic = self.topic()?;
        let count = self.partitions_of(&topic);
        let placed = records.iter().map(|record| (partition_of(record.group(), count), record));
        self.write_to(now, placed).await
    }

    fn topic(&self) -> Result<Arc<LiveTopic>, JournalError> {
        (self.find)(true)?.ok_or_else(|| JournalError::Topic("it does not exist".to_owned()))
    }

    async fn write_to(
        &self,
        now: Now,
        records: impl Iterator<Item = (usize, &Record)>,
    ) -> Result<(), JournalError> {
        let mut by_partition: BTreeMap<usize, Vec<&Record>> = BTreeMap::new();
        records.for_each(|(index, record)| by_partition.entry(index).or_default().push(record));
        if by_partition.is_empty() {
            return Ok(());
        }
        let topic = self.topic()?;
        let mut written = Vec::new();
        for (index, records) in by_partition {
            let partition = topic.partitions.get(index);
            let missing = || JournalError::Topic(format!("it has no partition {index}"));
            let partition = partition.ok_or_else(missing)?;
            written.push((partition, append(partition, now, &records)?));
        }
        if self.sync {
            for (partition, end_offset) in written {
                partition.durable(end_offset).await?;
            }
        }
        Ok(())
    }
}

/// Appends records to a partition. Returns the offset after the last one.
fn append(
    partition: &Arc<Partition>,
    now: Now,
    records: &[&Record],
) -> Result<Offset, ProduceError> {
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
    Ok(end_offset)
}

/// Calls `visit` with the timestamp of each record of a partition, in order, and the record.
fn for_each_record(
    partition: &Partition,
    mut visit: impl FnMut(i64, Record),
) -> Result<(), JournalError> {
    // Nothing has to be opened of a partition that no group has used.
    if partition.is_unused() {
        return Ok(());
    }
    let read = partition.view()?.for_each_batch(|batch| {
        if batch.header.is_control() {
            return Ok(());
        }
        for record in records(batch).map_err(io::Error::other)? {
            let record = record.map_err(io::Error::other)?;
            let Some(key) = &record.key else { continue };
            match Record::decode(key, record.value.as_deref()) {
                Ok(Some(known)) => visit(record.timestamp, known),
                Ok(None) => {}
                Err(error) => {
                    let (partition, offset) = (partition.id.partition, record.offset);
                    tracing::warn!(
                        topic = TOPIC, partition, offset, %error, "skipped an unreadable record"
                    );
                }
            }
        }
        Ok(())
    });
    Ok(read?)
}
