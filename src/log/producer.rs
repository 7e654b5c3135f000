//! The state of one producer in a partition: its epoch, its latest batches, its open transaction.

use crate::storage::batch::Header;
use crate::types::{Offset, ProducerId};

/// Number of batches remembered per producer, and so the maximum number in flight.
pub const WINDOW: usize = 5;

pub(super) const NO_SEQUENCE: i32 = -1;
const NO_EPOCH: i16 = -1;

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
    /// The batch would begin a transaction that the coordinator has not confirmed.
    #[error("producer {producer_id} sent a batch that is not part of an ongoing transaction")]
    NotInTransaction {
        /// The producer's id.
        producer_id: ProducerId,
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

/// A batch of a producer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BatchMetadata {
    pub(super) last_sequence: i32,
    pub(super) offset_delta: i32,
    pub(super) last_offset: Offset,
    pub(super) timestamp: i64,
}

impl BatchMetadata {
    pub(super) fn is(&self, header: &Header) -> bool {
        self.last_sequence == last_sequence(header) && self.offset_delta == header.last_offset_delta
    }
}

/// The latest batches of a producer, oldest first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RecentBatches {
    batches: [BatchMetadata; WINDOW],
    len: usize,
}

impl RecentBatches {
    pub(super) fn all(&self) -> &[BatchMetadata] {
        self.batches.get(..self.len).unwrap_or_default()
    }

    pub(super) fn last_sequence(&self) -> i32 {
        self.all().last().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    pub(super) fn push(&mut self, batch: BatchMetadata) {
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
pub(super) struct Producer {
    pub(super) epoch: i16,
    pub(super) coordinator_epoch: i32,
    pub(super) window: RecentBatches,
    /// When it was last active, ms since 1970.
    pub(super) seen_ms: i64,
    pub(super) txn_start: Option<Offset>,
}

impl Producer {
    pub(super) fn new() -> Producer {
        Producer {
            epoch: NO_EPOCH,
            coordinator_epoch: -1,
            window: RecentBatches::default(),
            seen_ms: -1,
            txn_start: None,
        }
    }

    /// Returns when it was last active, and at which offset, so that later appends compare greater.
    pub(super) fn heard_of(&self) -> (i64, Offset) {
        (self.seen_ms, self.window.all().last().map_or(-1, |batch| batch.last_offset))
    }

    /// Enters a new epoch, which begins with an empty window.
    pub(super) fn enter(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.window.len = 0;
        }
    }

    pub(super) fn check_epoch(&self, header: &Header) -> Result<(), ProducerError> {
        let (producer_id, sent) = (header.producer_id, header.producer_epoch);
        if sent < self.epoch {
            return Err(ProducerError::StaleEpoch { producer_id, sent, current: self.epoch });
        }
        Ok(())
    }

    pub(super) fn check_sequence(&self, header: &Header) -> Result<(), ProducerError> {
        let last = match header.producer_epoch == self.epoch {
            true => self.window.last_sequence(),
            false => NO_SEQUENCE,
        };
        let expected = sequence_after_last(last);
        // A snapshot may have a producer without an epoch, and then without sequence numbers.
        if header.base_sequence == expected || self.epoch == NO_EPOCH {
            return Ok(());
        }
        Err(out_of_order(header, expected))
    }

    /// Returns the earlier batch of which this one is a duplicate.
    pub(super) fn original(&self, header: &Header) -> Option<&BatchMetadata> {
        let may_be = has_sequence(header) && header.producer_epoch == self.epoch;
        self.window.all().iter().find(|batch| may_be && batch.is(header))
    }
}

/// Returns true if the batch has sequence numbers: those that the broker itself writes have none.
pub(super) fn has_sequence(header: &Header) -> bool {
    header.base_sequence >= 0
}

/// Returns the sequence number of a batch's last record; -1 if the batch has none.
pub(super) fn last_sequence(header: &Header) -> i32 {
    if has_sequence(header) { header.last_sequence() } else { NO_SEQUENCE }
}

pub(super) fn out_of_order(header: &Header, expected: i32) -> ProducerError {
    ProducerError::OutOfOrder {
        producer_id: header.producer_id,
        epoch: header.producer_epoch,
        sent: header.base_sequence,
        expected,
    }
}

/// Returns the sequence number that follows `last`, or the first one.
fn sequence_after_last(last: i32) -> i32 {
    last.checked_add(1).unwrap_or(0)
}
