//! EndTxn: a transaction is committed or aborted. It is answered once that is written; the markers
//! follow.

use crate::clock::Now;
use crate::machine::Ticket;
use crate::transactions::error::TransactionError;
use crate::transactions::questions::{EndTransaction, ProducerIdAndEpoch, TransactionalProducer};
use crate::transactions::records::{LAST_EPOCH, TransactionValue};
use crate::transactions::state::{TransactionResult, TransactionState, TransactionVersion};
use crate::transactions::{Step, Transactions};

/// What a request to end a transaction leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The transaction ends.
    Ends,
    /// A transaction is aborted that has no partitions.
    EndsEmpty,
    /// It has ended already: the client has not received the answer, and asks again.
    HasEnded,
}

impl Transactions {
    pub(super) fn end_transaction(
        &mut self,
        now: Now,
        ticket: Ticket<EndTransaction>,
        end: &EndTransaction,
        step: &mut Step,
    ) {
        match self.decide_end(now, end) {
            Err(error) => step.reply(ticket, Err(error)),
            Ok((None, producer)) => step.reply(ticket, Ok(producer)),
            Ok((Some(value), producer)) => {
                step.records.push(self.record(&end.producer.id, value));
                step.confirm(ticket, Ok(producer));
            }
        }
    }

    /// Returns the next value, if anything changes, and the producer of the next transaction.
    fn decide_end(
        &self,
        now: Now,
        end: &EndTransaction,
    ) -> Result<(Option<TransactionValue>, ProducerIdAndEpoch), TransactionError> {
        let EndTransaction { producer, result, client_version, fresh_id } = end;
        if producer.id.is_empty() {
            return Err(TransactionError::EmptyId);
        }
        let known = self.ids.get(&*producer.id).ok_or(TransactionError::ProducerIdMapping)?;
        let bumps = client_version.bumps_epochs();
        let outcome = match bumps {
            true => outcome_with_new_epoch(known, producer, *result)?,
            false => outcome(known, producer, *result)?,
        };
        if outcome == Outcome::HasEnded {
            return Ok((None, producer_of(known)));
        }
        let mut next = known.next(result.prepared(), now.wall_ms);
        next.client_version = match bumps {
            true => *client_version,
            false => TransactionVersion::V0,
        };
        if bumps {
            if known.is_exhausted() {
                next.next_producer_id = fresh_id.ok_or(TransactionError::ProducerIdNeeded)?;
            }
            (next.epoch, next.last_epoch) = (known.epoch.saturating_add(1), known.epoch);
        }
        if outcome == Outcome::EndsEmpty {
            next.start_ms = now.wall_ms;
        }
        let producer = producer_of(&next.completed(now.wall_ms));
        Ok((Some(next), producer))
    }
}

fn producer_of(value: &TransactionValue) -> ProducerIdAndEpoch {
    ProducerIdAndEpoch { producer_id: value.producer_id, epoch: value.epoch }
}

/// Returns what a request of the classic flow leads to.
fn outcome(
    known: &TransactionValue,
    producer: &TransactionalProducer,
    result: TransactionResult,
) -> Result<Outcome, TransactionError> {
    if known.producer_id != producer.producer_id {
        return Err(TransactionError::ProducerIdMapping);
    }
    if known.epoch != producer.epoch {
        return Err(TransactionError::Fenced);
    }
    match known.state {
        TransactionState::Ongoing => Ok(Outcome::Ends),
        state if state == result.completed() => Ok(Outcome::HasEnded),
        state if state == result.prepared() => Err(TransactionError::Concurrent),
        _ => Err(TransactionError::InvalidState),
    }
}

/// Returns what a request leads to if every transaction has its own epoch (KIP-890). A request
/// with the epoch before the current one is a retry.
fn outcome_with_new_epoch(
    known: &TransactionValue,
    producer: &TransactionalProducer,
    result: TransactionResult,
) -> Result<Outcome, TransactionError> {
    let is_after_exhaustion = known.previous_producer_id == producer.producer_id
        && producer.epoch == LAST_EPOCH
        && known.epoch == 0;
    let is_bumped = producer.epoch.checked_add(1) == Some(known.epoch);
    let is_retry = is_after_exhaustion || is_bumped;
    if known.producer_id != producer.producer_id && !is_after_exhaustion {
        return Err(TransactionError::ProducerIdMapping);
    }
    let is_current = known.epoch == producer.epoch;
    let is_valid = match known.state {
        TransactionState::Empty | TransactionState::Ongoing => is_current,
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => is_bumped,
        TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
            is_retry || is_current
        }
    };
    if !is_valid {
        return Err(TransactionError::Fenced);
    }
    match known.state {
        TransactionState::Ongoing => Ok(Outcome::Ends),
        state if state.is_prepared() && state == result.prepared() => {
            Err(TransactionError::Concurrent)
        }
        state if is_retry && state == result.completed() => Ok(Outcome::HasEnded),
        state if state.is_at_rest() && !is_retry && result == TransactionResult::Abort => {
            Ok(Outcome::EndsEmpty)
        }
        _ => Err(TransactionError::InvalidState),
    }
}
