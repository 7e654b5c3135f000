//! Transactions on a whole broker whose machine stops between any two writes.
//!
//! Producers of both flows commit, abort, stall until their transactions time out, and fence each
//! other; offsets of a group are part of their transactions; topics are deleted and created again;
//! the broker is killed, or loses power. A reader of committed records sees exactly what was
//! committed, once, in its place; the last stable offset never goes back; offsets come true with
//! their transaction; and at rest nothing is open.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use ottla::clock::Clock;

use crate::seeds::seeds;
use crate::transactions::model::{Model, Outcome, Place};
use crate::transactions::node::{Crashed, Node};
use crate::transactions::producer::{Producer, TIMEOUT_MS, is_retriable};

mod admin;
mod model;
mod node;
mod producer;
mod reader;

/// The group whose offsets are committed.
const GROUP: &str = "g";
/// The topic of which it commits offsets.
const INPUT: &str = "in";
/// The topics that are written to.
const OUTPUT: [&str; 2] = ["a", "b"];
const PARTITIONS: i32 = 2;
/// How often a request is tried again before it hangs.
const TRIES: u32 = 5000;

/// Why a request was not carried out.
#[derive(Debug)]
enum Failure {
    /// With this code, which clients do not try again after.
    Code(i16),
    /// The broker is wrong.
    Wrong(String),
}

/// A broker, its clients, and what must become of what they do.
struct World {
    rng: Rng,
    node: Node,
    model: Model,
    producers: Vec<Producer>,
    next_value: i64,
    stable: BTreeMap<Place, i64>,
    power_losses: u32,
    /// What happened, to read after a failure.
    story: String,
}

impl World {
    async fn begin(seed: u64) -> Result<World, String> {
        let mut rng = Rng::with_seed(seed);
        let node = Node::start(&mut rng).await;
        let ids = ["x", "x", "y", "z"];
        let producers = ids.into_iter().map(|id| Producer::new(id, rng.bool())).collect();
        let mut world = World {
            rng,
            node,
            model: Model::default(),
            producers,
            next_value: 0,
            stable: BTreeMap::new(),
            power_losses: 0,
            story: String::new(),
        };
        for topic in [INPUT, OUTPUT[0], OUTPUT[1]] {
            world.create(topic).await?;
        }
        world.find_coordinator().await?;
        Ok(world)
    }

    async fn live(&mut self) -> Result<(), String> {
        for _ in 0..self.rng.usize(20..80) {
            if self.rng.u8(0..12) == 0 {
                self.node.crash_after(self.rng.u64(0..25));
            }
            match self.rng.u8(0..40) {
                0 => self.restart().await,
                1 => self.time_out().await?,
                2 => self.delete_and_create().await?,
                3..9 => self.read_somewhere().await?,
                _ => {
                    let who = self.rng.usize(0..self.producers.len());
                    self.act(who).await?;
                }
            }
        }
        self.come_to_rest().await?;
        self.check_at_rest().await
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        self.story.push_str(&format!("{what}\n"));
    }

    /// A producer does what is next for it.
    async fn act(&mut self, who: usize) -> Result<(), String> {
        if self.producers[who].producer.is_none() {
            return self.init(who).await;
        }
        if self.producers[who].transaction.is_none() {
            self.producers[who].transaction = Some(self.model.begin());
        }
        let done = match self.rng.u8(0..20) {
            0..11 => self.write(who).await,
            11..14 => self.commit_offset(who).await,
            14..18 => self.end(who, true).await,
            18 => self.end(who, false).await,
            // A new process takes its place.
            _ => {
                self.give_up(who);
                Ok(())
            }
        };
        match done {
            Ok(()) => Ok(()),
            Err(Failure::Wrong(why)) => Err(why),
            Err(Failure::Code(_)) if self.producers[who].is_disturbed => {
                self.give_up(who);
                Ok(())
            }
            Err(Failure::Code(code)) => {
                Err(format!("{code} without a reason for {:?}", self.producers[who]))
            }
        }
    }

    /// A producer's process ends; what it left is for the next one of its id.
    fn give_up(&mut self, who: usize) {
        let producer = &mut self.producers[who];
        if let Some(transaction) = producer.transaction {
            self.model.abandon(transaction);
        }
        let bumps = self.rng.bool();
        *producer = Producer::new(producer.id, bumps);
    }

    async fn init(&mut self, who: usize) -> Result<(), String> {
        let request = self.producers[who].init();
        let answer = self.ask(5, &request, |answer| answer.error_code).await;
        let answer = answer.map_err(|failure| format!("no producer: {failure:?}"))?;
        self.producers[who].begin_epoch((answer.producer_id, answer.producer_epoch));
        self.producers[who].is_disturbed = false;
        let (producer_id, epoch) = (answer.producer_id, answer.producer_epoch);
        let story = format!("{who} is {producer_id} {epoch}: {:?}", self.producers[who]);
        self.tell(story);
        let id = self.producers[who].id;
        for other in 0..self.producers.len() {
            let producer = &mut self.producers[other];
            if other != who && producer.id == id {
                producer.is_disturbed = true;
                if let Some(transaction) = producer.transaction {
                    self.model.abandon(transaction);
                }
            }
        }
        Ok(())
    }

    async fn write(&mut self, who: usize) -> Result<(), Failure> {
        let topic = OUTPUT[self.rng.usize(0..OUTPUT.len())];
        let partition = self.rng.i32(0..PARTITIONS);
        if !self.producers[who].bumps && !self.producers[who].added.contains(&(topic, partition)) {
            let request = self.producers[who].add(topic, partition);
            self.ask(3, &request, |answer| {
                let results = &answer.results_by_topic_v3_and_below[0];
                results.results_by_partition[0].partition_error_code
            })
            .await?;
        }
        self.producers[who].added.insert((topic, partition));
        self.next_value += 1;
        let value = format!("v{}", self.next_value);
        let place = self.model.place(topic, partition);
        let transaction = self.producers[who].transaction.expect("a transaction");
        self.model.transactions[transaction].writes.push((place, None, value.clone()));
        let now_ms = self.node.clock.now().wall_ms;
        let request = self.producers[who].produce(topic, partition, now_ms, &value);
        let version = self.producers[who].produce_version();
        self.tell(format_args!("{who} writes {value} in {transaction} to {place:?}"));
        let code = |answer: &ottla::protocol::messages::ProduceResponse| {
            answer.responses[0].partition_responses[0].error_code
        };
        let answer = self.ask(version, &request, code).await?;
        let offset = answer.responses[0].partition_responses[0].base_offset;
        let writes = &mut self.model.transactions[transaction].writes;
        writes.last_mut().expect("this write").1 = Some(offset);
        self.producers[who].produced(topic, partition);
        Ok(())
    }

    async fn commit_offset(&mut self, who: usize) -> Result<(), Failure> {
        let partition = self.rng.i32(0..PARTITIONS);
        if !self.producers[who].bumps {
            let request = self.producers[who].add_offsets();
            self.ask(3, &request, |answer| answer.error_code).await?;
        }
        self.producers[who].added.insert((INPUT, partition));
        self.next_value += 1;
        let offset = self.next_value;
        let transaction = self.producers[who].transaction.expect("a transaction");
        self.tell(format_args!("{who} commits offset {offset} in {transaction}"));
        self.model.offsets.entry(partition).or_default().push((transaction, offset));
        let request = self.producers[who].offsets(partition, offset);
        let version = self.producers[who].offsets_version();
        self.ask(version, &request, |answer| answer.topics[0].partitions[0].error_code).await?;
        Ok(())
    }

    async fn end(&mut self, who: usize, committed: bool) -> Result<(), Failure> {
        let transaction = self.producers[who].transaction.expect("a transaction");
        // Clients do not end what has not begun.
        if self.producers[who].added.is_empty() {
            return Ok(());
        }
        let outcome = self.model.transactions[transaction].outcome;
        if committed && outcome == Outcome::Open {
            self.model.transactions[transaction].outcome = Outcome::Committing;
        }
        self.tell(format_args!("{who} ends {transaction}: {committed}"));
        let request = self.producers[who].end(committed);
        let version = self.producers[who].end_version();
        let answer = self.ask(version, &request, |answer| answer.error_code).await?;
        let outcome = &mut self.model.transactions[transaction].outcome;
        if *outcome == Outcome::Aborted && committed {
            return Err(Failure::Wrong(format!("{transaction} is aborted, and was committed")));
        }
        *outcome = if committed { Outcome::Committed } else { Outcome::Aborted };
        self.tell(format_args!("{who} has ended {transaction}"));
        if self.producers[who].bumps {
            self.producers[who].begin_epoch((answer.producer_id, answer.producer_epoch));
        }
        self.producers[who].ended();
        Ok(())
    }

    /// Asks until there is an answer that is not to be tried again; after a crash as well.
    async fn ask<R: ottla::protocol::message::Request>(
        &mut self,
        version: i16,
        request: &R,
        code_of: impl Fn(&R::Response) -> i16,
    ) -> Result<R::Response, Failure> {
        for _ in 0..TRIES {
            match self.node.ask(version, request).await {
                Ok(answer) => match code_of(&answer) {
                    0 => return Ok(answer),
                    _ if self.node.has_stopped() => self.restart().await,
                    code if !is_retriable(code) => {
                        self.tell(format_args!("{}: {code}", R::NAME));
                        return Err(Failure::Code(code));
                    }
                    _ => {
                        self.node.clock.advance(10);
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                },
                Err(Crashed) if self.node.has_stopped() => self.restart().await,
                Err(Crashed) => return Err(Failure::Wrong("the connection ended".to_owned())),
            }
        }
        Err(Failure::Wrong(format!("{} is never answered", R::NAME)))
    }

    async fn restart(&mut self) {
        self.node.restart(&mut self.rng).await;
        self.tell("the broker has restarted");
        if self.node.power_losses > self.power_losses {
            self.power_losses = self.node.power_losses;
            // A reader may have seen what was not durable yet.
            self.stable.clear();
        }
    }

    /// Every open transaction times out.
    async fn time_out(&mut self) -> Result<(), String> {
        self.tell("all time out");
        for producer in &mut self.producers {
            producer.is_disturbed |= producer.transaction.is_some();
            if let Some(transaction) = producer.transaction.filter(|_| !producer.added.is_empty()) {
                self.model.abandon(transaction);
            }
        }
        self.node.clock.advance(i64::from(TIMEOUT_MS));
        // A crash puts off the check for timeouts.
        while self.open_transactions().await?.iter().any(|open| open.ends_with("Ongoing")) {
            self.node.clock.advance(20_000);
        }
        Ok(())
    }

    /// The clients have gone: what is open times out, and all markers are written.
    async fn come_to_rest(&mut self) -> Result<(), String> {
        for who in 0..self.producers.len() {
            self.give_up(who);
        }
        self.node.clock.advance(i64::from(TIMEOUT_MS) + 20_000);
        let mut open = Vec::new();
        for _ in 0..TRIES {
            open = self.open_transactions().await?;
            if open.is_empty() && !self.node.has_stopped() {
                return Ok(());
            }
            if self.node.has_stopped() {
                self.restart().await;
            }
            self.node.clock.advance(1000);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(format!("never ending: {open:?}"))
    }
}

/// Lives through one world.
fn live(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let lived = runtime.expect("a runtime").block_on(async {
        let mut world = World::begin(seed).await?;
        let lived = world.live().await;
        lived.map_err(|why| format!("{}{why}", world.story))
    });
    if let Err(why) = lived {
        panic!("OTTLA_SEED={seed}:\n{why}");
    }
}

#[test]
fn what_is_committed_is_read_exactly_once_whatever_happens() {
    let seeds = Mutex::new(seeds(40));
    let next = || seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
    // A world mostly waits: for its disk to stop, for a broker to end.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    live(seed);
                }
            });
        }
    });
}
