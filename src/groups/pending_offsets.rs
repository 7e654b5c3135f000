//! The offsets of one group that are part of open transactions: they count once their transaction
//! is committed (Kafka's `pendingTransactionalOffsets` and `openTransactions`).
//!
//! **Invariant:** `by_partition` names exactly the txns that have an offset of the partition
//! in `by_txn`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::groups::records::OffsetAndMetadata;
use crate::groups::visits::visit;

/// Memory of a pending offset beside the topic and the metadata, in bytes: no less than that of the
/// committed offset that it may become.
const PENDING_BYTES: usize = 320;

/// A transaction: the partition of the coordinator's log in which its marker will be, and the id of
/// its producer.
pub type TxnKey = (i32, i64);

/// Pending offsets by transaction, and by partition.
#[derive(Debug, Clone, Default)]
pub struct PendingOffsets {
    by_txn: BTreeMap<TxnKey, BTreeMap<Arc<str>, BTreeMap<i32, PendingOffset>>>,
    by_partition: BTreeMap<Arc<str>, BTreeMap<i32, OpenPartition>>,
    /// Number of offsets recorded so far.
    recorded: u64,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct PendingOffset {
    /// Its place among all offsets recorded: of two transactions, the later record counts,
    /// whichever ends first.
    order: u64,
    value: OffsetAndMetadata,
}

#[derive(Debug, Clone, Default)]
struct OpenPartition {
    txns: BTreeSet<TxnKey>,
    /// Offsets with a smaller order no longer count: a later one has been committed.
    settled_below: u64,
    /// When the latest of them was recorded, ms since 1970.
    latest_ms: i64,
}

/// Returns the approximate memory of a pending offset, in bytes.
pub fn pending_bytes(topic: &str, metadata: &str) -> usize {
    PENDING_BYTES + topic.len() + metadata.len()
}

impl PendingOffsets {
    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }

    /// Returns the approximate memory that they take, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns true if a transaction with an offset of this partition is open.
    pub fn has(&self, topic: &str, partition: i32) -> bool {
        let partitions = self.by_partition.get(topic);
        partitions.is_some_and(|partitions| partitions.contains_key(&partition))
    }

    /// Returns true if a transaction with an offset of this topic is open.
    pub fn has_topic(&self, topic: &str) -> bool {
        self.by_partition.contains_key(topic)
    }

    /// Iterates over the partitions of open transactions, by topic and partition.
    pub fn partitions(&self) -> impl Iterator<Item = (&Arc<str>, i32)> {
        let all = self.by_partition.iter();
        all.flat_map(|(topic, partitions)| partitions.keys().map(move |index| (topic, *index)))
    }

    /// Iterates over all offsets: the transaction, the topic, the partition, the offset.
    pub fn iter(&self) -> impl Iterator<Item = (TxnKey, &str, i32, &OffsetAndMetadata)> {
        self.by_txn.iter().flat_map(|(txn, topics)| {
            topics.iter().flat_map(move |(topic, partitions)| {
                partitions.iter().map(move |(p, pending)| (*txn, &**topic, *p, &pending.value))
            })
        })
    }

    /// Iterates over the transactions.
    #[cfg(test)]
    pub fn transactions(&self) -> impl Iterator<Item = TxnKey> {
        self.by_txn.keys().copied()
    }

    /// Iterates over the partitions of a topic, each with the time at which its latest offset was
    /// recorded, ms since 1970.
    pub fn of_topic(&self, topic: &str) -> impl Iterator<Item = (i32, i64)> {
        let partitions = self.by_partition.get(topic).into_iter().flatten();
        partitions.map(|(index, open)| (*index, open.latest_ms))
    }

    /// Returns the bytes by which this offset would grow the memory of the group; 0 if it would
    /// not.
    pub fn growth(&self, txn: TxnKey, topic: &str, partition: i32, metadata: &str) -> usize {
        let topics = self.by_txn.get(&txn);
        let known = topics.and_then(|topics| topics.get(topic)?.get(&partition));
        match known {
            Some(known) => metadata.len().saturating_sub(known.value.metadata.len()),
            None => pending_bytes(topic, metadata),
        }
    }

    /// Adds an offset of a producer's transaction; it replaces the one before of the partition.
    pub fn put(&mut self, txn: TxnKey, topic: &Arc<str>, partition: i32, value: OffsetAndMetadata) {
        visit();
        let order = self.next_order();
        let open = self.by_partition.entry(topic.clone()).or_default();
        let open = open.entry(partition).or_default();
        open.txns.insert(txn);
        open.latest_ms = value.commit_ms;
        self.bytes += pending_bytes(topic, &value.metadata);
        let topics = self.by_txn.entry(txn).or_default();
        let partitions = topics.entry(topic.clone()).or_default();
        if let Some(before) = partitions.insert(partition, PendingOffset { order, value }) {
            self.bytes -= pending_bytes(topic, &before.value.metadata);
        }
    }

    /// Notes that an offset of this partition was committed outside of a transaction: those that
    /// were recorded before it no longer count.
    pub fn committed(&mut self, topic: &str, partition: i32) {
        let order = self.next_order();
        let open = self.by_partition.get_mut(topic);
        if let Some(open) = open.and_then(|partitions| partitions.get_mut(&partition)) {
            open.settled_below = order;
        }
    }

    /// Removes all offsets of a partition. Returns the transactions of which nothing is left.
    pub fn remove(&mut self, topic: &str, partition: i32) -> Vec<TxnKey> {
        let mut idle = Vec::new();
        let Some(partitions) = self.by_partition.get_mut(topic) else { return idle };
        let Some(open) = partitions.remove(&partition) else { return idle };
        if partitions.is_empty() {
            self.by_partition.remove(topic);
        }
        for txn in open.txns {
            visit();
            let Some(topics) = self.by_txn.get_mut(&txn) else { continue };
            let Some(partitions) = topics.get_mut(topic) else { continue };
            if let Some(gone) = partitions.remove(&partition) {
                self.bytes -= pending_bytes(topic, &gone.value.metadata);
            }
            if partitions.is_empty() {
                topics.remove(topic);
            }
            if topics.is_empty() {
                self.by_txn.remove(&txn);
                idle.push(txn);
            }
        }
        idle
    }

    /// Ends a producer's transaction. Returns its offsets; those with `None` were overtaken by a
    /// later one.
    pub fn end(&mut self, txn: TxnKey, committed: bool) -> Vec<EndedOffset> {
        let topics = self.by_txn.remove(&txn).unwrap_or_default();
        let mut ended = Vec::new();
        for (topic, partitions) in topics {
            for (partition, PendingOffset { order, value }) in partitions {
                visit();
                self.bytes -= pending_bytes(&topic, &value.metadata);
                let counts = self.close(txn, &topic, partition, committed.then_some(order));
                let value = Some(value).filter(|_| counts);
                ended.push(EndedOffset { topic: topic.clone(), partition, value });
            }
        }
        ended
    }

    /// Takes a partition out of a producer's transaction. Returns whether its offset, if it was
    /// committed with this order, counts.
    fn close(&mut self, txn: TxnKey, topic: &str, partition: i32, committed: Option<u64>) -> bool {
        let Some(partitions) = self.by_partition.get_mut(topic) else { return false };
        let Some(open) = partitions.get_mut(&partition) else { return false };
        open.txns.remove(&txn);
        let counts = committed.is_some_and(|order| order >= open.settled_below);
        if let Some(order) = committed.filter(|_| counts) {
            open.settled_below = order;
        }
        if open.txns.is_empty() {
            partitions.remove(&partition);
        }
        if partitions.is_empty() {
            self.by_partition.remove(topic);
        }
        counts
    }

    fn next_order(&mut self) -> u64 {
        self.recorded += 1;
        self.recorded
    }
}

/// An offset whose transaction has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedOffset {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset, if it was committed and counts.
    pub value: Option<OffsetAndMetadata>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(offset: i64) -> OffsetAndMetadata {
        let metadata = "m".repeat(offset as usize);
        OffsetAndMetadata { offset, leader_epoch: -1, metadata, commit_ms: offset, expire_ms: None }
    }

    fn put(pending: &mut PendingOffsets, producer: i64, partition: i32, value: i64) {
        let topic: Arc<str> = Arc::from("t");
        let growth = pending.growth((0, producer), "t", partition, &offset(value).metadata);
        let before = pending.bytes();
        pending.put((0, producer), &topic, partition, offset(value));
        assert!(pending.bytes() <= before + growth);
    }

    fn committed(pending: &mut PendingOffsets, producer: i64) -> Vec<(i32, Option<i64>)> {
        let ended = pending.end((0, producer), true).into_iter();
        ended.map(|ended| (ended.partition, ended.value.map(|value| value.offset))).collect()
    }

    #[test]
    fn of_two_transactions_the_later_record_counts_whichever_ends_first() {
        for first in [1, 2] {
            let mut pending = PendingOffsets::default();
            put(&mut pending, 1, 0, 10);
            put(&mut pending, 2, 0, 5);
            let ends = [committed(&mut pending, first), committed(&mut pending, 3 - first)];
            let expected = match first {
                1 => [vec![(0, Some(10))], vec![(0, Some(5))]],
                _ => [vec![(0, Some(5))], vec![(0, None)]],
            };
            assert_eq!(ends, expected);
            assert!(pending.is_empty() && pending.bytes() == 0);
        }
    }

    #[test]
    fn a_commit_outside_overtakes_what_was_recorded_before_it() {
        let mut pending = PendingOffsets::default();
        put(&mut pending, 1, 0, 10);
        put(&mut pending, 1, 1, 10);
        pending.committed("t", 0);
        assert!(pending.has("t", 0), "the transaction is still open");
        put(&mut pending, 2, 0, 20);
        assert_eq!(committed(&mut pending, 1), [(0, None), (1, Some(10))]);
        assert!(pending.has("t", 0) && !pending.has("t", 1));
        assert_eq!(committed(&mut pending, 2), [(0, Some(20))]);
        assert_eq!(pending.bytes(), 0);
    }

    #[test]
    fn an_aborted_or_removed_offset_leaves_nothing() {
        let mut pending = PendingOffsets::default();
        put(&mut pending, 1, 0, 10);
        put(&mut pending, 1, 0, 3);
        put(&mut pending, 2, 0, 10);
        put(&mut pending, 2, 7, 10);
        assert!(pending.end((0, 1), false).iter().all(|ended| ended.value.is_none()));
        assert!(pending.remove("t", 0).is_empty() && !pending.has("t", 0));
        assert_eq!(pending.remove("t", 7), [(0, 2)]);
        assert!(!pending.has_topic("t"));
        assert!(pending.is_empty() && pending.bytes() == 0);
        assert_eq!(committed(&mut pending, 2), []);
    }
}
