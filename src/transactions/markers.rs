//! The markers that end transactions.
//!
//! The task that writes them asks for the next ones and reports the previous ones in the same
//! question. A transaction whose markers are all written is complete.

use std::sync::Arc;

use crate::clock::Now;
use crate::machine::Ticket;
use crate::transactions::partitions::TopicPartitions;
use crate::transactions::questions::{NextMarkers, TransactionMarkers, TransactionalProducer};
use crate::transactions::{SLICE, Step, Transactions};

impl Transactions {
    pub(super) fn next_markers(
        &mut self,
        now: Now,
        ticket: Ticket<NextMarkers>,
        next: NextMarkers,
        step: &mut Step,
    ) {
        for written in next.written {
            let producer = &written.producer;
            let is_current = self.ids.get(&*producer.id).is_some_and(|known| {
                known.producer_id == producer.producer_id && known.epoch == producer.epoch
            });
            if is_current {
                self.markers.note(now, written);
            }
        }
        self.markers.await_next(ticket);
        self.advance_markers(now, step);
    }

    /// Does what is due: completes transactions, and hands out markers.
    pub(super) fn advance_markers(&mut self, now: Now, step: &mut Step) {
        for id in self.markers.take_complete(now, SLICE) {
            if let Some(known) = self.ids.get(&id) {
                step.records.push(self.record(&id, known.completed(now.wall_ms)));
            }
        }
        if let Some((writer, taken)) = self.markers.take_next(now, SLICE) {
            let of = |(id, partitions)| self.markers_of(&id, partitions);
            step.reply(writer, taken.into_iter().filter_map(of).collect());
        }
    }

    fn markers_of(&self, id: &Arc<str>, partitions: TopicPartitions) -> Option<TransactionMarkers> {
        let known = self.ids.get(id)?;
        Some(TransactionMarkers {
            producer: TransactionalProducer {
                id: id.to_string(),
                producer_id: known.producer_id,
                epoch: known.epoch,
            },
            result: known.result(),
            client_version: known.client_version,
            partitions,
        })
    }
}
