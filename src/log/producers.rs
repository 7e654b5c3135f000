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

use crate::log::end_txn::{CompletedTxn, EndTxn, EndTxnMarker};
use crate::log::producer::{
    BatchMetadata, NO_SEQUENCE, Producer, ProducerError, has_sequence, last_sequence, out_of_order,
};
use crate::log::verification::{TxnCheck, Verifications};
use crate::storage::batch::Header;
use crate::storage::snapshot::ProducerEntry;
use crate::types::{Offset, ProducerId};

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
    /// broker itself writes for a producer has no sequence numbers, so that only its epoch is
    /// checked. `check` is what is known about the batch's transaction.
    ///
    /// # Errors
    /// The producer is out of date or out of sequence, or the batch is outside its transaction.
    pub fn stage(
        &self,
        header: &Header,
        check: TxnCheck,
        verifications: &Verifications,
    ) -> Result<Staged, ProducerError> {
        if !header.is_idempotent() {
            return Ok(Staged::NotIdempotent);
        }
        let producer_id = header.producer_id;
        let producer = self.all.get(&producer_id);
        if let Some(first) = producer.and_then(|producer| producer.original(header)) {
            return Ok(Staged::Duplicate {
                base_offset: first.last_offset - i64::from(first.offset_delta),
                last_offset: first.last_offset,
                timestamp: first.timestamp,
            });
        }
        if let Some(producer) = producer {
            producer.check_epoch(header)?;
        }
        if header.is_transactional() && !self.is_ongoing(producer_id, header.producer_epoch) {
            let is_confirmed = match check {
                TxnCheck::Unneeded => true,
                TxnCheck::Unverified => false,
                TxnCheck::Verified(guard) => verifications.is_valid(producer_id, guard),
            };
            if !is_confirmed {
                return Err(ProducerError::NotInTransaction { producer_id });
            }
        }
        if has_sequence(header) {
            let has_batches = producer.is_some_and(|producer| !producer.window.all().is_empty());
            let most = verifications.sequence_max(producer_id, has_batches);
            if let Some(expected) = most.filter(|most| header.base_sequence > *most) {
                return Err(out_of_order(header, expected));
            }
            if let Some(producer) = producer {
                producer.check_sequence(header)?;
            }
        }
        if producer.is_some_and(|producer| producer.txn_start.is_some())
            && !header.is_transactional()
        {
            return Err(ProducerError::InTransaction { producer_id });
        }
        Ok(Staged::Append)
    }

    /// Copies a producer from `others`, unless it is known already.
    pub(super) fn adopt(&mut self, others: &Producers, producer_id: ProducerId) {
        if let Some(producer) = others.all.get(&producer_id)
            && !self.all.contains_key(&producer_id)
        {
            self.all.insert(producer_id, producer.clone());
        }
    }

    /// Returns true if the producer has an open transaction of this epoch.
    fn is_ongoing(&self, producer_id: ProducerId, epoch: i16) -> bool {
        let producer = self.all.get(&producer_id);
        producer.is_some_and(|producer| producer.txn_start.is_some() && producer.epoch == epoch)
    }

    /// Checks whether the coordinator has to be asked about the transaction of a batch.
    ///
    /// # Errors
    /// A newer epoch of the producer is known.
    pub fn needs_verification(&self, header: &Header) -> Result<bool, ProducerError> {
        if let Some(producer) = self.all.get(&header.producer_id) {
            producer.check_epoch(header)?;
        }
        Ok(!self.is_ongoing(header.producer_id, header.producer_epoch))
    }

    /// Checks whether a marker may be appended. Changes nothing.
    ///
    /// If transactions have their own epochs, the marker's must be a new one (Kafka's
    /// `ProducerAppendInfo.checkProducerEpoch`). A coordinator that repeats a marker, because it
    /// does not know that the first one was written, is obeyed.
    ///
    /// # Errors
    /// The producer or the coordinator is out of date.
    pub fn stage_marker(&self, end: &EndTxn) -> Result<(), ProducerError> {
        let EndTxn { producer_id, producer_epoch: sent, marker, bumps_epoch } = *end;
        let Some(producer) = self.all.get(&producer_id) else { return Ok(()) };
        let current = producer.epoch;
        let is_repeated = producer.txn_start.is_none() || sent == i16::MAX;
        let is_stale = sent < current || (sent == current && bumps_epoch && !is_repeated);
        if is_stale {
            return Err(ProducerError::StaleEpoch { producer_id, sent, current });
        }
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

#[cfg(test)]
mod tests;
