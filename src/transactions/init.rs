//! InitProducerId with a transactional id: gives it a producer, and fences the one before.

use crate::clock::Now;
use crate::machine::Ticket;
use crate::transactions::error::TransactionError;
use crate::transactions::partitions::PartitionSet;
use crate::transactions::questions::{InitProducer, ProducerIdAndEpoch};
use crate::transactions::records::{LAST_EPOCH, NONE, Record, TransactionValue};
use crate::transactions::state::{TransactionState, TransactionVersion};
use crate::transactions::{Step, Transactions};

impl Transactions {
    pub(super) fn init_producer(
        &mut self,
        now: Now,
        ticket: Ticket<InitProducer>,
        init: &InitProducer,
        step: &mut Step,
    ) {
        match self.decide_init(now, init) {
            Err(error) => step.reply(ticket, Err(error)),
            Ok((record, answer)) => {
                step.records.push(record);
                step.confirm(ticket, answer);
            }
        }
    }

    /// Returns the record of the change, and the answer once it is written.
    fn decide_init(
        &self,
        now: Now,
        init: &InitProducer,
    ) -> Result<(Record, Result<ProducerIdAndEpoch, TransactionError>), TransactionError> {
        if init.id.is_empty() {
            return Err(TransactionError::EmptyId);
        }
        if !(1..=self.rules.timeout_max_ms).contains(&init.timeout_ms) {
            return Err(TransactionError::InvalidTimeout);
        }
        let value = match self.ids.get(&*init.id) {
            None => first(now, init)?,
            Some(known) if !is_of_id(init.current, known) => return Err(TransactionError::Fenced),
            Some(known) => match known.state {
                TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                    return Err(TransactionError::Concurrent);
                }
                TransactionState::Ongoing => {
                    let record = self.record(&init.id, self.fenced(now, known));
                    // The client asks again until the transaction has been aborted.
                    return Ok((record, Err(TransactionError::Concurrent)));
                }
                _ => renewed(now, known, init)?,
            },
        };
        self.check_room(&init.id, &value)?;
        let (producer_id, epoch) = (value.producer_id, value.epoch);
        Ok((self.record(&init.id, value), Ok(ProducerIdAndEpoch { producer_id, epoch })))
    }

    /// Returns the abort of an open transaction by the coordinator. The epoch is increased, also
    /// beyond the last one that a client can have, so that the producer can do nothing more.
    pub(super) fn fenced(&self, now: Now, known: &TransactionValue) -> TransactionValue {
        let version = (self.finalized)();
        TransactionValue {
            epoch: known.epoch.saturating_add(1),
            last_epoch: if version.bumps_epochs() { known.epoch } else { NONE },
            client_version: version,
            ..known.next(TransactionState::PrepareAbort, now.wall_ms)
        }
    }
}

/// Returns true if a client may know the id by this producer.
fn is_of_id(current: Option<ProducerIdAndEpoch>, known: &TransactionValue) -> bool {
    current.is_none_or(|current| {
        current.producer_id == known.producer_id
            || (current.producer_id == known.previous_producer_id && current.epoch >= LAST_EPOCH)
    })
}

/// Returns the value of a new id.
fn first(now: Now, init: &InitProducer) -> Result<TransactionValue, TransactionError> {
    let producer_id = init.fresh_id.ok_or(TransactionError::ProducerIdNeeded)?;
    Ok(TransactionValue {
        producer_id,
        previous_producer_id: producer_id,
        next_producer_id: NONE.into(),
        epoch: 0,
        last_epoch: NONE,
        timeout_ms: init.timeout_ms,
        state: TransactionState::Empty,
        partitions: PartitionSet::default(),
        update_ms: now.wall_ms,
        start_ms: NONE.into(),
        client_version: TransactionVersion::V0,
    })
}

/// Returns the value of an id without a transaction, with its next epoch; with a new producer id
/// if there is none.
fn renewed(
    now: Now,
    known: &TransactionValue,
    init: &InitProducer,
) -> Result<TransactionValue, TransactionError> {
    let expected = init.current.map(|current| current.epoch);
    let next = TransactionValue {
        timeout_ms: init.timeout_ms,
        partitions: PartitionSet::default(),
        start_ms: NONE.into(),
        ..known.next(TransactionState::Empty, now.wall_ms)
    };
    if known.is_exhausted() {
        if expected.is_some_and(|epoch| epoch != known.epoch) {
            return Err(TransactionError::EpochExhausted);
        }
        let producer_id = init.fresh_id.ok_or(TransactionError::ProducerIdNeeded)?;
        let last_epoch = if expected.is_some() { known.epoch } else { NONE };
        return Ok(TransactionValue { producer_id, epoch: 0, last_epoch, ..next });
    }
    let epoch = known.epoch + 1;
    match expected {
        None => Ok(TransactionValue { epoch, last_epoch: NONE, ..next }),
        Some(expected) if expected == known.epoch => {
            Ok(TransactionValue { epoch, last_epoch: known.epoch, ..next })
        }
        // The client has not received the answer, and asks again.
        Some(expected) if expected == known.last_epoch => Ok(next),
        Some(_) => Err(TransactionError::Fenced),
    }
}
