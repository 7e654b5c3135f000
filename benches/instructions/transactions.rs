//! A transaction in the coordinator's state machine: partitions are added, it ends, and its markers
//! are written.

use ottla::clock::Now;
use ottla::machine::{Machine, Question};
use ottla::transactions::command::{Command, Reply};
use ottla::transactions::error::TransactionError;
use ottla::transactions::questions::{
    AddPartitions, EndTransaction, InitProducer, MarkersWritten, NextMarkers, TransactionalProducer,
};
use ottla::transactions::state::{TransactionResult, TransactionVersion};
use ottla::transactions::{TransactionCoordinatorConfig, Transactions};

use crate::{Work, log};

const NOW: Now = log::STILL;
const VERSION: TransactionVersion = TransactionVersion::V0;

struct World {
    machine: Transactions,
    tickets: u64,
    replies: Vec<(u64, Reply)>,
    producer: TransactionalProducer,
    /// The ticket of the task that writes markers.
    writer: u64,
}

/// Each call is one transaction of the same producer in two partitions.
pub fn cycle() -> Work {
    let rules = TransactionCoordinatorConfig {
        timeout_max_ms: 900_000,
        timeout_check_ms: 10_000,
        expiration_ms: 604_800_000,
        expiration_check_ms: 3_600_000,
        ids_max: 10_000,
        bytes_max: 64 * 1024 * 1024,
    };
    let producer = TransactionalProducer { id: "id".to_owned(), producer_id: -1, epoch: -1 };
    let machine = Transactions::new(rules, Box::new(|| VERSION));
    let mut world = World { machine, tickets: 0, replies: Vec::new(), producer, writer: 0 };
    world.begin();
    Box::new(move |_| world.cycle())
}

impl World {
    /// Sends a command and does what a driver does with its steps. Returns its ticket.
    fn send(&mut self, command: Command) -> u64 {
        self.tickets += 1;
        let mut step = self.machine.step(NOW, self.tickets, command);
        loop {
            self.replies.extend(step.replies);
            step.records.iter().for_each(|record| self.machine.apply(NOW, record));
            self.replies.extend(step.confirmations);
            if self.machine.next_due_ms().is_none_or(|due| due > NOW.mono_ms) {
                return self.tickets;
            }
            step = self.machine.tick(NOW);
        }
    }

    fn take(&mut self, ticket: u64) -> Option<Reply> {
        let place = self.replies.iter().position(|(of, _)| *of == ticket)?;
        Some(self.replies.swap_remove(place).1)
    }

    fn ask<Q>(&mut self, question: Q) -> Q::Answer
    where
        Q: Question<Command = Command, Reply = Reply>,
    {
        let ticket = self.send(question.into_command());
        Q::answer(self.take(ticket).expect("a reply")).expect("its answer")
    }

    fn begin(&mut self) {
        let init = InitProducer {
            id: self.producer.id.clone(),
            timeout_ms: 60_000,
            current: None,
            fresh_id: None,
        };
        let first = self.ask(init.clone());
        let answer = match first {
            Err(TransactionError::ProducerIdNeeded) => {
                self.ask(InitProducer { fresh_id: Some(1), ..init })
            }
            other => other,
        };
        let producer = answer.expect("a producer");
        self.producer.producer_id = producer.producer_id;
        self.producer.epoch = producer.epoch;
        self.writer = self.send(Command::NextMarkers(NextMarkers { written: Vec::new() }));
    }

    fn cycle(&mut self) {
        let add = AddPartitions {
            producer: self.producer.clone(),
            partitions: vec![("topic".to_owned(), vec![0, 1])],
            client_version: VERSION,
        };
        self.ask(add).expect("an open transaction");
        let end = EndTransaction {
            producer: self.producer.clone(),
            result: TransactionResult::Commit,
            client_version: VERSION,
            fresh_id: None,
        };
        self.ask(end).expect("a transaction that ends");
        let reply = self.take(self.writer).expect("markers to write");
        let markers = NextMarkers::answer(reply).expect("markers");
        let done = |producer| MarkersWritten { producer, failed: Vec::new() };
        let written = markers.into_iter().map(|markers| done(markers.producer)).collect();
        self.writer = self.send(Command::NextMarkers(NextMarkers { written }));
    }
}
