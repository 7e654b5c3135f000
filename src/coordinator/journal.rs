//! The log of the coordinator: the topic that it writes to, and reads at its start.
//!
//! **Invariant:** the records of an id are in one partition, the one that Kafka keeps them in.
//! The number of partitions is taken when the topic is first used: if the topic is given more while
//! the broker runs, records move to other partitions at the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::clock::Now;
use crate::coordinator::log_entries::{LogEntry, OpenTransactions, for_each_entry};
use crate::coordinator::misplaced::{MisplacedRecords, Relocation};
use crate::coordinator::placement::partition_of;
use crate::log::AppendError;
use crate::log::end_txn::EndTxn;
use crate::log::producer::ProducerError;
use crate::log::verification::TxnCheck;
use crate::machine::{MachineRecord, RecordTxn};
use crate::storage::batch_builder::BatchBuilder;
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::partition::Partition;
use crate::topics::registry::LiveTopic;
use crate::types::{Offset, TopicId};

/// Size at which a batch is closed, in bytes, so that ordinary consumers can read it.
const BATCH_BYTES: usize = 512 * 1024;

/// Returns the topic; creates it if it does not exist and the argument is `true`.
pub type Find = Box<dyn Fn(bool) -> Result<Option<Arc<LiveTopic>>, JournalError> + Send + Sync>;

/// Why records could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The topic cannot be created.
    #[error("the topic cannot be created: {0}")]
    Topic(String),
    /// There is no space on the disk to create the topic.
    #[error("the topic cannot be created: {0}")]
    TopicFull(String),
    /// The log cannot be read.
    #[error("the log cannot be read: {0}")]
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

    /// Returns why a transaction may not write, or not end, if that is what it is. The log is as it
    /// was.
    pub fn refusal(&self) -> Option<ProducerError> {
        match self {
            JournalError::Append(ProduceError::Append(AppendError::Producer(error))) => {
                Some(*error)
            }
            _ => None,
        }
    }
}

/// The log of a coordinator.
pub struct Journal<R> {
    find: Find,
    /// The id of the topic, and how many of its partitions are in use.
    partitions: Option<(TopicId, usize)>,
    /// True if a reply has to wait for a sync (`durability = "fsync"`).
    syncs: bool,
    /// The partitions that have been written to since the last sync, with their end offsets.
    unsynced: BTreeMap<i32, (Arc<Partition>, Offset)>,
    record: PhantomData<fn() -> R>,
}

impl<R: MachineRecord> Journal<R> {
    /// Creates a journal on the topic that `find` returns.
    pub fn new(find: Find, syncs: bool) -> Journal<R> {
        let (partitions, unsynced) = (None, BTreeMap::new());
        Journal { find, partitions, syncs, unsynced, record: PhantomData }
    }

    /// Returns true if nothing has ever been written.
    pub fn is_missing(&self) -> bool {
        (self.find)(false).is_ok_and(|topic| topic.is_none())
    }

    /// Returns how many partitions of the topic are in use.
    fn partitions_of(&mut self, topic: &LiveTopic) -> usize {
        match self.partitions {
            Some((id, count)) if id == topic.id => count,
            _ => self.partitions.insert((topic.id, topic.partitions.len())).1,
        }
    }

    /// Calls `visit` with all records: those of each id in order, and only the ones that count if
    /// some are misplaced. Returns how to move those.
    pub fn read(&mut self, mut visit: impl FnMut(R)) -> Result<Relocation<R>, JournalError> {
        let Some(topic) = (self.find)(false)? else { return Ok(Relocation::default()) };
        let count = self.partitions_of(&topic);
        let is_at_home = |record: &R, index| partition_of(record.placement(), count) == index;
        let mut misplaced = MisplacedRecords::default();
        for (index, partition) in topic.partitions.iter().enumerate().take(count) {
            let mut open = OpenTransactions::default();
            entries(partition, |entry| match entry {
                LogEntry::Record { record, txn, .. } if is_at_home(&record, index) => {
                    visit(match txn {
                        Some(txn) => record.in_transaction(txn),
                        None => record,
                    });
                }
                LogEntry::Marker(end) => {
                    open.settle(LogEntry::Marker(end), |at, record| {
                        misplaced.add(index, at, record)
                    });
                    R::of_marker(partition.id.partition, end).into_iter().for_each(&mut visit);
                }
                entry => open.settle(entry, |at, record| misplaced.add(index, at, record)),
            })?;
            if !open.is_empty() {
                tracing::warn!(
                    topic = R::TOPIC,
                    partition = index,
                    "ignored records of open transactions that belong in other partitions"
                );
            }
        }
        let homes: BTreeSet<usize> = misplaced.ids().map(|id| partition_of(id, count)).collect();
        for index in homes {
            let mut open = OpenTransactions::default();
            entries(&topic.partitions[index], |entry| {
                open.settle(entry, |timestamp, record: R| {
                    if is_at_home(&record, index) {
                        misplaced.note_at_home(timestamp, &record);
                    }
                });
            })?;
        }
        let relocation = misplaced.relocation();
        relocation.moved.iter().cloned().for_each(visit);
        Ok(relocation)
    }

    /// Moves misplaced records to where they belong.
    pub fn relocate(&mut self, now: Now, relocation: &Relocation<R>) -> Result<(), JournalError> {
        self.append(now, &relocation.moved, |_| {})?;
        let topic = self.topic()?;
        let count = self.partitions_of(&topic);
        let home = |(_, record): &(usize, R)| partition_of(record.placement(), count);
        // A power loss may keep a later write and lose this one, or one of an earlier process.
        for index in relocation.removed.iter().map(home).collect::<BTreeSet<usize>>() {
            topic.partitions[index].flush()?;
        }
        let mut removed: BTreeMap<usize, Vec<&R>> = BTreeMap::new();
        for (index, record) in &relocation.removed {
            removed.entry(*index).or_default().push(record);
        }
        // As old as can be: such a tombstone counts for nothing where the record belongs.
        self.append_to(Now { wall_ms: 0, ..now }, removed, |_| {})
    }

    /// Appends records, in as few batches as possible, and calls `written` with each one as soon as
    /// it is in the log. On an error the others are not.
    pub fn append(
        &mut self,
        now: Now,
        records: &[R],
        written: impl FnMut(&R),
    ) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let topic = self.topic()?;
        let count = self.partitions_of(&topic);
        let mut placed: BTreeMap<usize, Vec<&R>> = BTreeMap::new();
        for record in records {
            placed.entry(home_of(record, count)).or_default().push(record);
        }
        self.append_to(now, placed, written)
    }

    fn topic(&self) -> Result<Arc<LiveTopic>, JournalError> {
        (self.find)(true)?.ok_or_else(|| JournalError::Topic("it does not exist".to_owned()))
    }

    fn append_to(
        &mut self,
        now: Now,
        records: BTreeMap<usize, Vec<&R>>,
        mut written: impl FnMut(&R),
    ) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let topic = self.topic()?;
        for (index, records) in records {
            let partition = topic.partitions.get(index);
            let missing = || JournalError::Topic(format!("it has no partition {index}"));
            let partition = partition.ok_or_else(missing)?;
            for (append, records) in appends(now, &records) {
                let end_offset = append.run(partition, now)?;
                if self.syncs {
                    let end = (partition.clone(), end_offset);
                    self.unsynced.insert(partition.id.partition, end);
                }
                records.iter().for_each(|record| written(record));
            }
        }
        Ok(())
    }

    /// Returns once everything that was appended is durable, if replies have to wait for that.
    pub async fn sync(&mut self) -> Result<(), JournalError> {
        let unsynced = std::mem::take(&mut self.unsynced);
        let sync = |(partition, end): (Arc<Partition>, Offset)| {
            tokio::spawn(async move { partition.durable(end).await })
        };
        let syncing: Vec<_> = unsynced.into_values().map(sync).collect();
        for synced in syncing {
            synced.await.map_err(|error| JournalError::Read(io::Error::other(error)))??;
        }
        Ok(())
    }
}

/// Calls `visit` with each entry of a partition, in order.
fn entries<R: MachineRecord>(
    partition: &Partition,
    visit: impl FnMut(LogEntry<R>),
) -> Result<(), JournalError> {
    // Nothing has to be opened of a partition that has never been used.
    if partition.is_unused() {
        return Ok(());
    }
    partition.open()?;
    Ok(for_each_entry(&partition.id, &partition.view()?, visit)?)
}

/// What is appended to a partition at once.
enum Append {
    /// A batch, and what is known about its transaction.
    Batch(Vec<u8>, TxnCheck),
    /// The end of a transaction.
    Marker(EndTxn),
}

impl Append {
    /// Appends it. Returns the end offset.
    fn run(&self, partition: &Arc<Partition>, now: Now) -> Result<Offset, ProduceError> {
        let info = match self {
            Append::Batch(bytes, check) => partition.append_own(now, bytes, *check),
            Append::Marker(end) => partition.append_marker(now, end),
        };
        Ok(info?.end_offset)
    }
}

/// Encodes records of one partition: as batches, each of one transaction or of none, and markers.
/// Returns each with its records.
fn appends<'a, R: MachineRecord>(now: Now, records: &'a [&'a R]) -> Vec<(Append, &'a [&'a R])> {
    let mut appends = Vec::new();
    let mut rest = records;
    while let [first, ..] = rest {
        let (append, count) = match first.marker() {
            Some((_, end)) => (Append::Marker(end), 1),
            None => batch(now, rest, first.transaction()),
        };
        let (of_append, later) = rest.split_at(count);
        appends.push((append, of_append));
        rest = later;
    }
    appends
}

/// Encodes the first records as a batch, as many as are of this transaction and fit in. Returns how
/// many that are.
fn batch<R: MachineRecord>(now: Now, records: &[&R], txn: Option<RecordTxn>) -> (Append, usize) {
    let mut batch = BatchBuilder::new(0, now.wall_ms);
    if let Some(txn) = txn {
        batch = batch.producer(txn.producer_id, txn.producer_epoch, -1).transactional();
    }
    let (mut bytes, mut count) = (0, 0);
    let belongs = |record: &&&R| record.marker().is_none() && record.transaction() == txn;
    for record in records.iter().take_while(belongs) {
        let (key, value) = record.encode();
        bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        count += 1;
        batch.push(Some(&key), value.as_deref(), &[], now.wall_ms);
        if bytes >= BATCH_BYTES {
            break;
        }
    }
    (Append::Batch(batch.finish(), txn.map_or(TxnCheck::Unneeded, |txn| txn.check)), count)
}

/// Returns the partition of a record, among `count`.
fn home_of<R: MachineRecord>(record: &R, count: usize) -> usize {
    let named = record.marker().map(|(partition, _)| partition);
    let named = named.or_else(|| record.transaction().map(|txn| txn.partition));
    match named.map(usize::try_from) {
        Some(Ok(index)) => index,
        _ => partition_of(record.placement(), count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;
    use crate::config::resolve::TopicConfig;
    use crate::groups::records::{OffsetAndMetadata, Record};
    use crate::log::end_txn::EndTxnMarker;
    use crate::log::recovery::RecoveryCheckpoint;
    use crate::storage::sim_disk::SimDisk;
    use crate::topics::maintenance::MaintenanceQueue;
    use crate::topics::names::CONSUMER_OFFSETS;
    use crate::topics::partition::PartitionContext;
    use crate::types::TopicPartition;

    const NOW: Now = Now { mono_ms: 0, wall_ms: 1_700_000_000_000 };

    /// Returns a topic of two partitions on a disk.
    fn topic(disk: &SimDisk) -> Arc<LiveTopic> {
        let id = TopicId::from_u128(1);
        let partition = |index| {
            let name = TopicPartition::new(CONSUMER_OFFSETS.to_owned(), index);
            let context = PartitionContext {
                disk: Arc::new(disk.clone()),
                dir: format!("/{name}").into(),
                checkpoint: RecoveryCheckpoint {
                    clean: false,
                    recovery_point: 0,
                    log_start_offset: 0,
                    index_interval_bytes: 4096,
                    producers_max: 10,
                },
                leader_epoch: 0,
                clock: Arc::new(SimClock::default()),
                maintenance: MaintenanceQueue::new().0,
                disk_space: Arc::default(),
                producers: Arc::default(),
                recovery: Arc::default(),
                syncs_recovered: false,
                stopping: tokio::sync::watch::channel(false).1,
            };
            Arc::new(Partition::new(name, id, Arc::new(TopicConfig::default()), context))
        };
        let partitions = (0..2).map(partition).collect();
        Arc::new(LiveTopic { name: CONSUMER_OFFSETS.to_owned(), id, partitions })
    }

    fn journal(topic: Arc<LiveTopic>) -> Journal<Record> {
        Journal::new(Box::new(move |_| Ok(Some(topic.clone()))), false)
    }

    #[test]
    fn a_log_that_another_thread_recovers_can_be_used_once_it_is_open() {
        for seed in 0..300 {
            let topic = topic(&SimDisk::new(seed));
            let partition = &topic.partitions[0];
            partition.queue_recovery();
            let both = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    partition.open().unwrap();
                });
                both.wait();
                partition.open().unwrap();
                assert!(partition.view().is_ok(), "it is still said to be recovering");
            });
        }
    }

    /// Reads the log, and moves what is misplaced. Returns the groups with their offsets.
    fn read(disk: &SimDisk) -> BTreeMap<String, Option<i64>> {
        let mut journal = journal(topic(disk));
        let mut offsets = BTreeMap::new();
        let relocation = journal
            .read(|record| match record {
                Record::Offset { group, value, .. } => {
                    offsets.insert(group, value.map(|value| value.offset));
                }
                other => panic!("{other:?}"),
            })
            .expect("a log");
        let later = Now { wall_ms: NOW.wall_ms + 1000, ..NOW };
        journal.relocate(later, &relocation).expect("room");
        offsets
    }

    #[test]
    fn a_power_loss_while_records_are_moved_loses_none() {
        for seed in 0..100 {
            let disk = SimDisk::new(seed);
            let of = |group: &str| Record::Offset {
                group: group.to_owned(),
                topic: "t".to_owned(),
                partition: 0,
                value: Some(OffsetAndMetadata {
                    offset: 5,
                    leader_epoch: -1,
                    metadata: String::new(),
                    commit_ms: NOW.wall_ms,
                    expire_ms: None,
                }),
            };
            let groups = ["a", "b", "c", "d"];
            let records = groups.map(of);
            let mut journal = journal(topic(&disk));
            let misplaced = BTreeMap::from([(0, records.iter().collect())]);
            journal.append_to(NOW, misplaced, |_| {}).expect("room");
            disk.settle();
            let all = groups.map(|group| (group.to_owned(), Some(5)));
            assert_eq!(read(&disk), BTreeMap::from(all.clone()));
            // The process may have been killed in between.
            let disk = if seed % 2 == 0 { disk.crash() } else { disk.kill() };
            assert_eq!(read(&disk), BTreeMap::from(all.clone()), "{seed}");
            assert_eq!(read(&disk.crash()), BTreeMap::from(all), "{seed}");
        }
    }

    #[test]
    fn of_misplaced_records_in_transactions_the_committed_ones_are_moved() {
        for committed in [true, false] {
            let disk = SimDisk::new(1);
            let txn = RecordTxn {
                partition: 0,
                producer_id: 7,
                producer_epoch: 0,
                check: TxnCheck::Unneeded,
            };
            let groups = ["a", "b", "c", "d"];
            let mut records: Vec<Record> = groups
                .map(|group| Record::TxnOffset {
                    txn,
                    group: group.to_owned(),
                    topic: "t".to_owned(),
                    partition: 0,
                    value: OffsetAndMetadata {
                        offset: 5,
                        leader_epoch: -1,
                        metadata: String::new(),
                        commit_ms: NOW.wall_ms,
                        expire_ms: None,
                    },
                })
                .into();
            let marker = EndTxnMarker { committed, coordinator_epoch: 0 };
            let end = EndTxn { producer_id: 7, producer_epoch: 0, marker, bumps_epoch: false };
            records.push(Record::TxnEnd { partition: 0, end });
            journal(topic(&disk)).append(NOW, &records, |_| {}).expect("room");
            let mut visited = Vec::new();
            let relocation = journal(topic(&disk)).read(|record| visited.push(record));
            let moved = relocation.expect("a log").moved;
            let moved: Vec<&str> = moved.iter().map(MachineRecord::placement).collect();
            let misplaced: Vec<&str> =
                groups.into_iter().filter(|group| partition_of(group, 2) == 1).collect();
            assert!(!misplaced.is_empty() && misplaced.len() < groups.len());
            assert_eq!(moved, if committed { misplaced } else { Vec::new() });
            assert!(visited.iter().any(|record| record.transaction() == Some(txn)), "at home");
        }
    }
}
