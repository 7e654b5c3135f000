//! The idempotent producers of a partition: their latest batches and open transactions (KIP-98;
//! Kafka's `ProducerStateManager` and `ProducerAppendInfo`).
//!
//! **Invariant:** [`Producers::stage`] changes nothing and [`Producers::commit`] cannot fail, so
//! memory never runs ahead of the disk: stage, write, commit.
//!
//! **Invariant:** `open` holds exactly the producers whose `txn_start` is set, by that offset.
//!
//! Each producer takes some 250 bytes, from its first batch until it has been inactive for
//! `producer.id.expiration.ms`. Kafka does not bound their number otherwise; here there are at most
//! `max.producers.per.partition`, and those inactive longest are forgotten as if they had expired.
//! As in Kafka, a log start offset that passes a producer's last batch does not remove it. Unlike
//! Kafka, inactivity is counted from the append, not from the batch's timestamp, which the client
//! chose. A snapshot has the append time in the field where Kafka has the batch's timestamp;
//! batches that recovery finds in the log's tail count as active from then.

use std::collections::{BTreeMap, HashMap};

use crate::storage::batch::{BatchView, Header};
use crate::storage::records::records;
use crate::storage::snapshot::ProducerEntry;
use crate::types::{Offset, ProducerId};

/// Number of batches remembered per producer, and so the maximum number in flight.
pub const WINDOW: usize = 5;

const NO_SEQUENCE: i32 = -1;
const NO_EPOCH: i16 = -1;

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staged {
    /// No idempotent producer: append it.
    NotIdempotent,
    /// The producer's next batch: append it.
    Append,
    /// It was appended before: answer with its original location.
    Duplicate {
        /// Base offset of the original.
        base_offset: Offset,
        /// Offset of its last record.
        last_offset: Offset,
        /// Its largest timestamp, or the time of its append, ms since 1970.
        timestamp: i64,
    },
}

/// Why a producer's batch or marker may not be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// A newer epoch of the producer is known.
    #[error("producer {producer_id} has epoch {current}, but the batch has epoch {sent}")]
    StaleEpoch {
        /// The producer's id.
        producer_id: ProducerId,
        /// Epoch of the batch.
        sent: i16,
        /// Current epoch in this partition.
        current: i16,
    },
    /// A batch before this one is missing, or it is older than those that are remembered.
    #[error(
        "producer {producer_id} of epoch {epoch} sent sequence {sent}, but {expected} was expected"
    )]
    OutOfOrder {
        /// The producer's id.
        producer_id: ProducerId,
        /// Epoch of the batch.
        epoch: i16,
        /// Sequence number of the batch.
        sent: i32,
        /// The sequence number that was expected.
        expected: i32,
    },
    /// Its transaction is open, but the batch is not part of it.
    #[error("producer {producer_id} has an open transaction but sent a batch outside of it")]
    InTransaction {
        /// The producer's id.
        producer_id: ProducerId,
    },
    /// The marker comes from a coordinator that has been replaced.
    #[error("the marker has coordinator epoch {sent}, but {current} is known")]
    StaleCoordinator {
        /// Coordinator epoch of the marker.
        sent: i32,
        /// Current coordinator epoch.
        current: i32,
    },
}

/// The end of a transaction, as recorded by a control batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// True for a commit, false for an abort.
    pub committed: bool,
    /// Epoch of the transaction coordinator that requested it.
    pub coordinator_epoch: i32,
}

impl EndTxnMarker {
    /// Reads a control batch; `None` if it is not the end of a transaction (the metadata log has
    /// other types of control batches) or has been emptied by compaction.
    pub fn of(batch: &BatchView<'_>) -> Option<EndTxnMarker> {
        if !batch.header.is_control() || !batch.header.is_idempotent() {
            return None;
        }
        let record = records(batch).ok()?.next()?.ok()?;
        let (key, value) = (record.key?, record.value?);
        let kind = i16::from_be_bytes(*key.get(2..)?.first_chunk()?);
        let coordinator_epoch = i32::from_be_bytes(*value.get(2..)?.first_chunk()?);
        let committed = match kind {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(EndTxnMarker { committed, coordinator_epoch })
    }
}

/// A transaction ended by a marker in this partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletedTxn {
    /// The producer's id.
    pub producer_id: ProducerId,
    /// Offset of its first record in this partition.
    pub first_offset: Offset,
    /// Offset of the marker.
    pub last_offset: Offset,
    /// True if readers with `read_committed` must skip it.
    pub aborted: bool,
    /// The last stable offset after the marker.
    pub last_stable_offset: Offset,
}

/// A batch of a producer.
#[derive(Debug, Clone, Copy, Default)]
struct BatchMetadata {
    last_sequence: i32,
    offset_delta: i32,
    last_offset: Offset,
    timestamp: i64,
}

impl BatchMetadata {
    fn is(&self, header: &Header) -> bool {
        self.last_sequence == last_sequence(header) && self.offset_delta == header.last_offset_delta
    }
}

/// The latest batches of a producer, oldest first.
#[derive(Debug, Clone, Copy, Default)]
struct RecentBatches {
    batches: [BatchMetadata; WINDOW],
    len: usize,
}

impl RecentBatches {
    fn all(&self) -> &[BatchMetadata] {
        self.batches.get(..self.len).unwrap_or_default()
    }

    fn last_sequence(&self) -> i32 {
        self.all().last().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    fn push(&mut self, batch: BatchMetadata) {
        if self.len == WINDOW {
            self.batches.rotate_left(1);
            self.len -= 1;
        }
        if let Some(place) = self.batches.get_mut(self.len) {
            *place = batch;
            self.len += 1;
        }
    }
}

#[derive(Debug, Clone)]
struct Producer {
    epoch: i16,
    coordinator_epoch: i32,
    window: RecentBatches,
    /// When it was last active, ms since 1970.
    seen_ms: i64,
    txn_start: Option<Offset>,
}

impl Producer {
    fn new() -> Producer {
        Producer {
            epoch: NO_EPOCH,
            coordinator_epoch: -1,
            window: RecentBatches::default(),
            seen_ms: -1,
            txn_start: None,
        }
    }

    /// Returns when it was last active, and at which offset, so that later appends compare greater.
    fn heard_of(&self) -> (i64, Offset) {
        (self.seen_ms, self.window.all().last().map_or(-1, |batch| batch.last_offset))
    }

    /// Enters a new epoch, which begins with an empty window.
    fn enter(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.window.len = 0;
        }
    }

    fn check_epoch(&self, header: &Header) -> Result<(), ProducerError> {
        let (producer_id, sent) = (header.producer_id, header.producer_epoch);
        if sent < self.epoch {
            return Err(ProducerError::StaleEpoch { producer_id, sent, current: self.epoch });
        }
        Ok(())
    }

    fn check_sequence(&self, header: &Header) -> Result<(), ProducerError> {
        let last = match header.producer_epoch == self.epoch {
            true => self.window.last_sequence(),
            false => NO_SEQUENCE,
        };
        let (epoch, sent, expected) =
            (header.producer_epoch, header.base_sequence, sequence_after_last(last));
        // A snapshot may have a producer without an epoch, and then without sequence numbers.
        if sent == expected || self.epoch == NO_EPOCH {
            return Ok(());
        }
        Err(ProducerError::OutOfOrder { producer_id: header.producer_id, epoch, sent, expected })
    }
}

/// The producers of one partition.
#[derive(Debug, Clone, Default)]
pub struct Producers {
    all: HashMap<ProducerId, Producer>,
    /// Open transactions: first offset and producer.
    open: BTreeMap<Offset, ProducerId>,
}

impl Producers {
    /// Checks whether a batch may be appended. Changes nothing.
    ///
    /// An unknown producer may begin with any sequence number: its state may have expired. What the
    /// broker itself writes for a producer (`is_client` false) has no sequence numbers, so that
    /// only its epoch is checked.
    ///
    /// # Errors
    /// The producer is out of date or out of sequence, or the batch is outside its transaction.
    pub fn stage(&self, header: &Header, is_client: bool) -> Result<Staged, ProducerError> {
        if !header.is_idempotent() {
            return Ok(Staged::NotIdempotent);
        }
        let Some(producer) = self.all.get(&header.producer_id) else { return Ok(Staged::Append) };
        if is_client
            && header.producer_epoch == producer.epoch
            && let Some(first) = producer.window.all().iter().find(|batch| batch.is(header))
        {
            return Ok(Staged::Duplicate {
                base_offset: first.last_offset - i64::from(first.offset_delta),
                last_offset: first.last_offset,
                timestamp: first.timestamp,
            });
        }
        producer.check_epoch(header)?;
        if is_client {
            producer.check_sequence(header)?;
        }
        if producer.txn_start.is_some() && !header.is_transactional() {
            return Err(ProducerError::InTransaction { producer_id: header.producer_id });
        }
        Ok(Staged::Append)
    }

    /// Checks whether a marker may be appended. Changes nothing.
    ///
    /// # Errors
    /// The producer or the coordinator is out of date.
    pub fn stage_marker(&self, header: &Header, marker: EndTxnMarker) -> Result<(), ProducerError> {
        let Some(producer) = self.all.get(&header.producer_id) else { return Ok(()) };
        producer.check_epoch(header)?;
        let (sent, current) = (marker.coordinator_epoch, producer.coordinator_epoch);
        if sent < current {
            return Err(ProducerError::StaleCoordinator { sent, current });
        }
        Ok(())
    }

    /// Records a batch that has been appended; `header` has its offset. For control batches there
    /// is [`Producers::commit_marker`].
    pub fn commit(&mut self, header: &Header, now_ms: i64) {
        if !header.is_idempotent() || header.is_control() {
            return;
        }
        let producer = self.all.entry(header.producer_id).or_insert_with(Producer::new);
        producer.enter(header.producer_epoch);
        producer.window.push(BatchMetadata {
            last_sequence: last_sequence(header),
            offset_delta: header.last_offset_delta,
            last_offset: header.last_offset(),
            timestamp: header.max_timestamp,
        });
        producer.seen_ms = now_ms;
        if header.is_transactional() && producer.txn_start.is_none() {
            producer.txn_start = Some(header.base_offset);
            self.open.insert(header.base_offset, header.producer_id);
        }
    }

    /// Records a marker that has been appended; `header` has its offset. Returns the transaction
    /// that it ended, if there was one in this partition.
    pub fn commit_marker(
        &mut self,
        header: &Header,
        marker: EndTxnMarker,
        now_ms: i64,
    ) -> Option<CompletedTxn> {
        if !header.is_idempotent() {
            return None;
        }
        let producer = self.all.entry(header.producer_id).or_insert_with(Producer::new);
        producer.enter(header.producer_epoch);
        producer.coordinator_epoch = marker.coordinator_epoch;
        producer.seen_ms = now_ms;
        let first_offset = producer.txn_start.take()?;
        self.open.remove(&first_offset);
        let last_offset = header.last_offset();
        Some(CompletedTxn {
            producer_id: header.producer_id,
            first_offset,
            last_offset,
            aborted: !marker.committed,
            last_stable_offset: self.first_unstable_offset().unwrap_or(last_offset + 1),
        })
    }

    /// Records a batch that is already in the log: [`Producers::commit`] at recovery. `marker` is
    /// [`EndTxnMarker::of`] the batch if it is a control batch.
    pub fn replay(
        &mut self,
        header: &Header,
        marker: Option<EndTxnMarker>,
        now_ms: i64,
    ) -> Option<CompletedTxn> {
        match marker {
            Some(marker) => self.commit_marker(header, marker, now_ms),
            None => {
                self.commit(header, now_ms);
                None
            }
        }
    }

    /// Returns the first offset of the oldest open transaction. `read_committed` readers stop
    /// there; without one, the last stable offset is the high watermark.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        self.open.keys().next().copied()
    }

    /// Forgets producers that have been inactive for `expiration_ms` and have no open transaction.
    /// Returns how many were forgotten.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) -> usize {
        let before = self.all.len();
        self.all.retain(|_, producer| {
            // A timestamp in the future would keep its producer until then.
            producer.seen_ms = producer.seen_ms.min(now_ms);
            producer.txn_start.is_some() || now_ms.saturating_sub(producer.seen_ms) < expiration_ms
        });
        before - self.all.len()
    }

    /// Forgets producers if there are more than `most`: those inactive longest, and an eighth of
    /// them at once, so that a client that invents ids does not cause a search of all of them for
    /// each new id.
    pub fn forget_beyond(&mut self, most: usize) {
        if self.all.len() > most {
            self.keep(most - most / 8);
        }
    }

    /// Forgets the producers that have been inactive longest, until `count` are left or only those
    /// with an open transaction.
    pub fn keep(&mut self, count: usize) {
        let Some(surplus) = self.all.len().checked_sub(count).filter(|surplus| *surplus > 0) else {
            return;
        };
        let idle = self.all.iter().filter(|(_, producer)| producer.txn_start.is_none());
        let mut idle: Vec<_> = idle.map(|(id, producer)| (producer.heard_of(), *id)).collect();
        if surplus < idle.len() {
            idle.select_nth_unstable(surplus);
        }
        for (_, id) in idle.into_iter().take(surplus) {
            self.all.remove(&id);
        }
    }

    /// Returns the number of known producers.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns true if no producer is known.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the end of each producer's last batch of data, if there is one, and its epoch:
    /// compaction must keep these, so that a restart restores the same state.
    pub fn last_written(&self) -> HashMap<ProducerId, (Option<Offset>, i16)> {
        let last = |producer: &Producer| producer.window.all().last().map(|b| b.last_offset);
        self.all.iter().map(|(id, producer)| (*id, (last(producer), producer.epoch))).collect()
    }

    /// Returns the entries of a snapshot, by producer id, with only the newest batch of each
    /// window.
    pub fn to_entries(&self) -> Vec<ProducerEntry> {
        let mut entries: Vec<_> =
            self.all.iter().map(|(id, producer)| entry(*id, producer)).collect();
        entries.sort_unstable_by_key(|entry| entry.producer_id);
        entries
    }

    /// Restores the producers of a snapshot.
    pub fn from_entries(entries: impl IntoIterator<Item = ProducerEntry>) -> Producers {
        let mut producers = Producers::default();
        for entry in entries {
            let mut producer = Producer {
                epoch: entry.producer_epoch,
                coordinator_epoch: entry.coordinator_epoch,
                seen_ms: entry.timestamp,
                txn_start: entry.txn_first_offset,
                ..Producer::new()
            };
            if entry.last_offset >= 0 {
                producer.window.push(BatchMetadata {
                    last_sequence: entry.last_sequence,
                    offset_delta: entry.offset_delta,
                    last_offset: entry.last_offset,
                    timestamp: entry.timestamp,
                });
            }
            let twice = producers.all.insert(entry.producer_id, producer);
            if let Some(first_offset) = twice.and_then(|earlier| earlier.txn_start) {
                producers.open.remove(&first_offset);
            }
            if let Some(first_offset) = entry.txn_first_offset {
                producers.open.insert(first_offset, entry.producer_id);
            }
        }
        producers
    }
}

fn entry(producer_id: ProducerId, producer: &Producer) -> ProducerEntry {
    let last = producer.window.all().last();
    ProducerEntry {
        producer_id,
        producer_epoch: producer.epoch,
        last_sequence: last.map_or(NO_SEQUENCE, |batch| batch.last_sequence),
        last_offset: last.map_or(-1, |batch| batch.last_offset),
        offset_delta: last.map_or(0, |batch| batch.offset_delta),
        timestamp: producer.seen_ms,
        coordinator_epoch: producer.coordinator_epoch,
        txn_first_offset: producer.txn_start,
    }
}

/// Returns the sequence number of a batch's last record; -1 if the batch has none.
fn last_sequence(header: &Header) -> i32 {
    if header.base_sequence < 0 { NO_SEQUENCE } else { header.last_sequence() }
}

/// Returns the sequence number that follows `last`, or the first one.
fn sequence_after_last(last: i32) -> i32 {
    last.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests;
