//! Whether a batch belongs to a transaction that its coordinator knows (KIP-890).
//!
//! A batch that opens a transaction in a partition is appended only if the coordinator has just
//! confirmed that the partition is part of it: one that arrives after the end of its transaction
//! would open another one, which nothing ends. A [`VerificationGuard`] is taken before the
//! coordinator is asked, and is void once the transaction has begun or ended here in the meantime
//! (Kafka's `VerificationGuard` and `VerificationStateEntry`).

use std::collections::HashMap;

use crate::storage::batch::Header;
use crate::types::ProducerId;

/// Proves that a verification has not been overtaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerificationGuard(u64);

/// The beginning of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// The transaction is open in the partition: the coordinator need not be asked.
    Ongoing,
    /// The coordinator must be asked; the guard goes with the batch if it confirms.
    Needed(VerificationGuard),
}

/// What is known about the transaction of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxnCheck {
    /// Nothing has to be known: `transaction.partition.verification.enable` is false.
    Unneeded,
    /// Nothing is known: it must be open in the partition.
    Unverified,
    /// Its coordinator has confirmed it.
    Verified(VerificationGuard),
}

/// A verification that has begun.
#[derive(Debug)]
struct Pending {
    guard: VerificationGuard,
    epoch: i16,
    /// The lowest sequence number of the epoch's batches that wait for the verification.
    lowest_sequence: i32,
    /// True if every transaction of the producer has its own epoch.
    bumps_epoch: bool,
    began_ms: i64,
}

/// The verifications that have begun in a partition, at most one per producer.
#[derive(Debug, Default)]
pub struct Verifications {
    pending: HashMap<ProducerId, Pending>,
    last_guard: u64,
}

impl Verifications {
    /// Begins the verification of a batch, or joins that of an earlier batch of the same producer.
    /// If there are more than `most` producers, those whose verification began first are forgotten:
    /// an eighth of them at once.
    pub fn begin(
        &mut self,
        header: &Header,
        bumps_epoch: bool,
        now_ms: i64,
        most: usize,
    ) -> VerificationGuard {
        if self.pending.len() >= most && !self.pending.contains_key(&header.producer_id) {
            self.keep(most - most.div_ceil(8));
        }
        let (epoch, sequence) = (header.producer_epoch, header.base_sequence);
        let pending = self.pending.entry(header.producer_id).or_insert_with(|| {
            self.last_guard += 1;
            Pending {
                guard: VerificationGuard(self.last_guard),
                epoch,
                lowest_sequence: sequence,
                bumps_epoch,
                began_ms: now_ms,
            }
        });
        if epoch > pending.epoch {
            (pending.epoch, pending.lowest_sequence) = (epoch, sequence);
            // Another process of the same transactional id may be a client of the other flow.
            pending.bumps_epoch = bumps_epoch;
        } else if epoch == pending.epoch {
            pending.lowest_sequence = pending.lowest_sequence.min(sequence);
        }
        pending.guard
    }

    /// Returns true if this guard is the one of the producer's verification.
    pub fn is_valid(&self, producer_id: ProducerId, guard: VerificationGuard) -> bool {
        self.pending.get(&producer_id).is_some_and(|pending| pending.guard == guard)
    }

    /// Returns the sequence number that a client's batch must have at most, if a verification of
    /// its producer has begun. `has_batches` is true if the partition remembers batches of the
    /// producer; without any, a producer whose epochs last for one transaction begins at 0.
    pub fn sequence_max(&self, producer_id: ProducerId, has_batches: bool) -> Option<i32> {
        let pending = self.pending.get(&producer_id)?;
        let begins = pending.bumps_epoch && !has_batches;
        Some(if begins { 0 } else { pending.lowest_sequence })
    }

    /// Records that a batch or a marker has been appended: the transaction has begun, or it has
    /// ended. A marker that begins an epoch leaves the verification of that epoch valid.
    pub fn appended(&mut self, header: &Header) {
        if !header.is_transactional() {
            return;
        }
        let begins_epoch = |pending: &Pending| {
            header.is_control() && pending.bumps_epoch && header.producer_epoch == pending.epoch
        };
        if !self.pending.get(&header.producer_id).is_some_and(begins_epoch) {
            self.pending.remove(&header.producer_id);
        }
    }

    /// Forgets the verifications that began `expiration_ms` ago or earlier.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.pending.retain(|_, pending| {
            pending.began_ms = pending.began_ms.min(now_ms);
            now_ms.saturating_sub(pending.began_ms) < expiration_ms
        });
    }

    fn keep(&mut self, count: usize) {
        let mut guards: Vec<u64> = self.pending.values().map(|pending| pending.guard.0).collect();
        let Some(surplus) = guards.len().checked_sub(count).filter(|surplus| *surplus > 0) else {
            return;
        };
        // Guards are given in ascending order.
        let (_, last, _) = guards.select_nth_unstable(surplus - 1);
        let last = *last;
        self.pending.retain(|_, pending| pending.guard.0 > last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::batch_builder::BatchBuilder;

    fn batch(producer_id: i64, epoch: i16, sequence: i32) -> Header {
        let mut builder = BatchBuilder::new(0, 0).producer(producer_id, epoch, sequence);
        builder.push(None, None, &[], 0);
        Header::read(&builder.transactional().finish()).unwrap()
    }

    fn marker(producer_id: i64, epoch: i16) -> Header {
        let mut builder = BatchBuilder::new(0, 0).producer(producer_id, epoch, -1);
        builder.push(None, None, &[], 0);
        Header::read(&builder.transactional().control().finish()).unwrap()
    }

    #[test]
    fn a_guard_is_void_once_the_transaction_has_begun_or_ended() {
        let mut all = Verifications::default();
        for end in [batch(1, 0, 0), marker(1, 1)] {
            let guard = all.begin(&batch(1, 0, 0), false, 0, 10);
            assert_eq!(all.begin(&batch(1, 0, 3), false, 0, 10), guard, "they share it");
            assert!(all.is_valid(1, guard) && !all.is_valid(2, guard));
            all.appended(&end);
            assert!(!all.is_valid(1, guard));
            assert_ne!(all.begin(&batch(1, 0, 0), false, 0, 10), guard);
            all = Verifications::default();
        }
    }

    #[test]
    fn the_marker_that_begins_an_epoch_leaves_its_verification_valid() {
        let mut all = Verifications::default();
        let guard = all.begin(&batch(1, 5, 0), true, 0, 10);
        all.appended(&marker(1, 5));
        assert!(all.is_valid(1, guard));
        all.appended(&marker(1, 6));
        assert!(!all.is_valid(1, guard));
        let guard = all.begin(&batch(1, 5, 0), false, 0, 10);
        all.appended(&marker(1, 5));
        assert!(!all.is_valid(1, guard), "epochs that last");
    }

    #[test]
    fn the_first_batch_to_be_appended_is_the_one_that_was_sent_first() {
        let mut all = Verifications::default();
        assert_eq!(all.sequence_max(1, false), None);
        all.begin(&batch(1, 0, 7), false, 0, 10);
        assert_eq!(all.sequence_max(1, false), Some(7));
        all.begin(&batch(1, 0, 4), false, 0, 10);
        all.begin(&batch(1, 0, 9), false, 0, 10);
        assert_eq!(all.sequence_max(1, true), Some(4));
        all.begin(&batch(1, 1, 6), false, 0, 10);
        assert_eq!(all.sequence_max(1, true), Some(6), "of the newest epoch");
        all.begin(&batch(2, 0, 7), true, 0, 10);
        assert_eq!(all.sequence_max(2, false), Some(0));
        assert_eq!(all.sequence_max(2, true), Some(7));
        all.begin(&batch(2, 1, 7), false, 0, 10);
        assert_eq!(all.sequence_max(2, false), Some(7), "a newer epoch of the classic flow");
    }

    #[test]
    fn their_number_and_their_age_are_bounded() {
        let mut all = Verifications::default();
        let guards: Vec<_> = (0..100).map(|id| all.begin(&batch(id, 0, 0), true, id, 16)).collect();
        assert!(all.pending.len() <= 16);
        assert!(!all.is_valid(0, guards[0]) && all.is_valid(99, guards[99]));
        all.expire(99 + 50, 50);
        assert!(all.pending.is_empty());
    }
}
