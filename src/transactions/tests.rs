//! The machine in simulated time, with its log and the partitions that it has markers written to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI16, Ordering};

use crate::clock::Now;
use crate::machine::{Machine, MachineRecord, Question};
use crate::transactions::command::{Command, Reply};
use crate::transactions::error::TransactionError;
use crate::transactions::partitions::TopicPartitions;
use crate::transactions::questions::{
    AddPartitions, DescribeTransaction, EndTransaction, InitProducer, ListTransactionalIds,
    MarkersWritten, NextMarkers, ProducerIdAndEpoch, TransactionDescription, TransactionMarkers,
    TransactionalProducer, VerifyPartitions,
};
use crate::transactions::records::{LAST_EPOCH, Record};
use crate::transactions::state::{TransactionResult, TransactionState, TransactionVersion};
use crate::transactions::{SLICE, Step, TransactionCoordinatorConfig, Transactions};

mod ends;
mod lifetimes;
mod markers;
mod producers;

const V0: TransactionVersion = TransactionVersion::V0;
const V2: TransactionVersion = TransactionVersion::V2;

const RULES: TransactionCoordinatorConfig = TransactionCoordinatorConfig {
    timeout_max_ms: 900_000,
    timeout_check_ms: 10_000,
    expiration_ms: 604_800_000,
    expiration_check_ms: 3_600_000,
    ids_max: 10_000,
    bytes_max: 64 * 1024 * 1024,
};

/// A coordinator, its log, and the task that writes markers.
struct Sim {
    machine: Transactions,
    log: BTreeMap<Vec<u8>, Vec<u8>>,
    now: Now,
    rules: TransactionCoordinatorConfig,
    level: Arc<AtomicI16>,
    tickets: u64,
    replies: BTreeMap<u64, Reply>,
    fresh_id: i64,
    /// True if the disk is full.
    is_full: bool,
    /// The ticket of the task that writes markers.
    writer: Option<u64>,
}

impl Sim {
    fn new(level: TransactionVersion) -> Sim {
        Sim::with(level, RULES)
    }

    fn with(level: TransactionVersion, rules: TransactionCoordinatorConfig) -> Sim {
        let level = Arc::new(AtomicI16::new(level.level()));
        Sim {
            machine: machine(&rules, &level),
            log: BTreeMap::new(),
            now: Now { mono_ms: 0, wall_ms: 1_700_000_000_000 },
            rules,
            level,
            tickets: 0,
            replies: BTreeMap::new(),
            fresh_id: 0,
            is_full: false,
            writer: None,
        }
    }

    /// Does what a driver does with a step.
    fn take(&mut self, step: Step) {
        self.replies.extend(step.replies);
        if self.is_full && !step.records.is_empty() {
            return;
        }
        for record in &step.records {
            let (key, value) = record.encode();
            match value {
                Some(value) => drop(self.log.insert(key, value)),
                None => drop(self.log.remove(&key)),
            }
            self.machine.apply(self.now, record);
        }
        self.replies.extend(step.confirmations);
    }

    fn send(&mut self, command: Command) -> u64 {
        self.tickets += 1;
        let step = self.machine.step(self.now, self.tickets, command);
        self.take(step);
        self.tickets
    }

    fn ask<Q>(&mut self, question: Q) -> Q::Answer
    where
        Q: Question<Command = Command, Reply = Reply>,
    {
        let ticket = self.send(question.into_command());
        Q::answer(self.replies.remove(&ticket).expect("a reply")).expect("its answer")
    }

    /// Moves the clocks, and does what is due.
    fn pass(&mut self, ms: i64) {
        self.now.mono_ms += ms;
        self.now.wall_ms += ms;
        for _ in 0..100 {
            if self.machine.next_due_ms().is_none_or(|due| due > self.now.mono_ms) {
                return;
            }
            let step = self.machine.tick(self.now);
            self.take(step);
        }
        panic!("there is always something due");
    }

    /// Lets the task report what it has written. Returns what it is to write next.
    fn exchange(&mut self, written: Vec<MarkersWritten>) -> Vec<TransactionMarkers> {
        if self.writer.is_none() || !written.is_empty() {
            self.writer = Some(self.send(Command::NextMarkers(NextMarkers { written })));
        }
        self.pass(0);
        let reply = self.writer.and_then(|ticket| self.replies.remove(&ticket));
        let Some(reply) = reply else { return Vec::new() };
        self.writer = None;
        NextMarkers::answer(reply).expect("markers")
    }

    /// Writes all markers. Returns them.
    fn write_markers(&mut self) -> Vec<TransactionMarkers> {
        let (mut all, mut written) = (Vec::new(), Vec::new());
        loop {
            let markers = self.exchange(written);
            if markers.is_empty() {
                return all;
            }
            written = markers.iter().map(|markers| done(markers, Vec::new())).collect();
            all.extend(markers);
        }
    }

    /// Replaces the machine by one that has read the log.
    fn crash(&mut self) {
        self.machine = machine(&self.rules, &self.level);
        for (key, value) in &self.log {
            let record = Record::decode(key, Some(value)).expect("sound").expect("known");
            self.machine.apply(self.now, &record);
        }
        (self.writer, self.replies) = (None, BTreeMap::new());
    }

    fn init_from(
        &mut self,
        id: &str,
        current: Option<(i64, i16)>,
    ) -> Result<(i64, i16), TransactionError> {
        let mut init = InitProducer {
            id: id.to_owned(),
            timeout_ms: 60_000,
            current: current.map(|(producer_id, epoch)| ProducerIdAndEpoch { producer_id, epoch }),
            fresh_id: None,
        };
        let mut answer = self.ask(init.clone());
        if answer == Err(TransactionError::ProducerIdNeeded) {
            init.fresh_id = Some(self.fresh_id);
            self.fresh_id += 1;
            answer = self.ask(init);
        }
        answer.map(|producer| (producer.producer_id, producer.epoch))
    }

    fn init(&mut self, id: &str) -> TransactionalProducer {
        let (producer_id, epoch) = self.init_from(id, None).expect("a producer");
        TransactionalProducer { id: id.to_owned(), producer_id, epoch }
    }

    fn add(&mut self, of: &TransactionalProducer, topic: &str) -> Result<(), TransactionError> {
        let client_version = TransactionVersion::of_level(self.level.load(Ordering::Relaxed));
        let partitions = partitions(topic, &[0, 1]);
        self.ask(AddPartitions { producer: of.clone(), partitions, client_version })
    }

    fn end(
        &mut self,
        of: &TransactionalProducer,
        result: TransactionResult,
        client_version: TransactionVersion,
    ) -> Result<(i64, i16), TransactionError> {
        let mut end =
            EndTransaction { producer: of.clone(), result, client_version, fresh_id: None };
        let mut answer = self.ask(end.clone());
        if answer == Err(TransactionError::ProducerIdNeeded) {
            end.fresh_id = Some(self.fresh_id);
            self.fresh_id += 1;
            answer = self.ask(end);
        }
        answer.map(|producer| (producer.producer_id, producer.epoch))
    }

    fn describe(&mut self, id: &str) -> TransactionDescription {
        self.ask(DescribeTransaction { id: id.to_owned() }).expect("the id")
    }

    fn state(&mut self, id: &str) -> TransactionState {
        self.describe(id).state
    }
}

fn machine(rules: &TransactionCoordinatorConfig, level: &Arc<AtomicI16>) -> Transactions {
    let level = level.clone();
    let finalized = move || TransactionVersion::of_level(level.load(Ordering::Relaxed));
    Transactions::new(rules.clone(), Box::new(finalized))
}

fn partitions(topic: &str, indexes: &[i32]) -> TopicPartitions {
    vec![(topic.to_owned(), indexes.to_vec())]
}

fn done(markers: &TransactionMarkers, failed: TopicPartitions) -> MarkersWritten {
    MarkersWritten { producer: markers.producer.clone(), failed }
}

fn at(of: &TransactionalProducer, (producer_id, epoch): (i64, i16)) -> TransactionalProducer {
    TransactionalProducer { id: of.id.clone(), producer_id, epoch }
}
