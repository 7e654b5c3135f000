//! AddPartitionsToTxn: partitions join a transaction, and the first ones begin it.

use crate::clock::Now;
use crate::machine::Ticket;
use crate::transactions::error::TransactionError;
use crate::transactions::questions::{
    AddPartitions, TransactionalProducer, VerifiedPartitions, VerifyPartitions,
};
use crate::transactions::records::{Record, TransactionValue};
use crate::transactions::state::TransactionState;
use crate::transactions::{Step, Transactions};

impl Transactions {
    pub(super) fn add_partitions(
        &mut self,
        now: Now,
        ticket: Ticket<AddPartitions>,
        add: AddPartitions,
        step: &mut Step,
    ) {
        match self.decide_add(now, add) {
            Err(error) => step.reply(ticket, Err(error)),
            Ok(None) => step.reply(ticket, Ok(())),
            Ok(Some(record)) => {
                step.records.push(record);
                step.confirm(ticket, Ok(()));
            }
        }
    }

    /// Returns the record of the change, if anything changes.
    fn decide_add(&self, now: Now, add: AddPartitions) -> Result<Option<Record>, TransactionError> {
        let known = self.of_producer(&add.producer)?;
        let is_ongoing = known.state == TransactionState::Ongoing;
        if is_ongoing && known.partitions.contains_all(&add.partitions) {
            return Ok(None);
        }
        let mut next = known.next(TransactionState::Ongoing, now.wall_ms);
        if !is_ongoing {
            next.start_ms = now.wall_ms;
        }
        next.client_version = add.client_version;
        next.partitions.extend(add.partitions);
        self.check_room(&add.producer.id, &next)?;
        Ok(Some(self.record(&add.producer.id, next)))
    }

    pub(super) fn verify_partitions(
        &self,
        verify: VerifyPartitions,
    ) -> Result<VerifiedPartitions, TransactionError> {
        let known = self.of_producer(&verify.producer)?;
        let topic = |(topic, indexes): (String, Vec<i32>)| {
            let is_in = |index| (index, known.partitions.contains(&topic, index));
            let verified = indexes.into_iter().map(is_in).collect();
            (topic, verified)
        };
        Ok(verify.partitions.into_iter().map(topic).collect())
    }

    /// Returns the value of an id if the producer is its current one and no markers are written.
    fn of_producer(
        &self,
        producer: &TransactionalProducer,
    ) -> Result<&TransactionValue, TransactionError> {
        if producer.id.is_empty() {
            return Err(TransactionError::EmptyId);
        }
        let known = self.ids.get(&*producer.id).ok_or(TransactionError::ProducerIdMapping)?;
        if known.producer_id != producer.producer_id {
            return Err(TransactionError::ProducerIdMapping);
        }
        if known.epoch != producer.epoch {
            return Err(TransactionError::Fenced);
        }
        match known.state.is_prepared() {
            true => Err(TransactionError::Concurrent),
            false => Ok(known),
        }
    }
}
