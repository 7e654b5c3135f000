//! Consumer groups (KIP-848) whose members come, go, stall and restart, while topics grow and
//! vanish, on a broker that crashes and that at times has no room for a record.
//!
//! After every step no two members have a partition: neither by the coordinator's records nor, at
//! one epoch, by what they were told. What the log rebuilds is what the machine has. When the
//! members are left in peace, every partition of a subscribed topic is soon someone's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use fastrand::Rng;
use ottla::clock::Now;
use ottla::groups::command::{Command, Reply};
use ottla::groups::consumer::assignment::Assignment;
use ottla::groups::consumer::catalog::{TopicCatalog, TopicsInMemory};
use ottla::groups::consumer::questions::{
    ConsumerBeat, ConsumerHeartbeat, DescribeConsumers, GroupTiming, Refusal, ResolvedRegexes,
};
use ottla::groups::consumer::records::{ConsumerRecord, ResolvedRegex};
use ottla::groups::error::GroupError;
use ottla::groups::limits::Limits;
use ottla::groups::records::Record;
use ottla::groups::{ConsumerGroupRules, GroupCoordinatorConfig, Groups};
use ottla::machine::Machine;

use crate::group_model::compacted;
use crate::seeds::seeds;

/// When the story begins, ms since 1970.
const BEGIN: i64 = 1_700_000_000_000;
const GROUP: &str = "g";
const TOPICS: [&str; 4] = ["a", "b", "ab", "c"];
const SESSION_MS: i64 = 45_000;
const REBALANCE_MS: i64 = 30_000;
const BEAT_MS: i64 = 5000;
const INTERVAL_MS: i64 = 1000;
/// Heartbeats of each member after which a group that is left in peace has settled: one to notice,
/// one to give up, one to acknowledge that, one to get the rest; and the wait for the next target.
const BEATS_TO_SETTLE: usize = 8;

type Partition = (ottla::types::TopicId, i32);

/// A consumer.
struct Process {
    id: String,
    instance: Option<String>,
    names: BTreeSet<&'static str>,
    /// A prefix, as a regular expression.
    prefix: Option<&'static str>,
    is_new_subscription: bool,
    epoch: i32,
    /// What it reads, with its epoch when it was told so.
    owned: BTreeMap<Partition, i32>,
    /// True if the coordinator does not know yet what it reads.
    is_unsaid: bool,
    /// True if an answer was lost: as Kafka's clients do, it says everything again.
    says_all: bool,
    due: i64,
    is_gone: bool,
}

struct World {
    rng: Rng,
    machine: Groups,
    rules: GroupCoordinatorConfig,
    topics: Arc<TopicsInMemory>,
    log: Vec<Record>,
    processes: Vec<Process>,
    now: i64,
    next: u64,
    in_peace: bool,
    story: String,
}

impl World {
    fn begin(seed: u64) -> World {
        let rules = GroupCoordinatorConfig {
            session_timeout_min_ms: 6000,
            session_timeout_max_ms: 1_800_000,
            size_max: i32::MAX,
            initial_delay_ms: 0,
            metadata_bytes_max: 8,
            retention_ms: 3_600_000,
            retention_check_ms: 600_000,
            consumer: ConsumerGroupRules::default(),
            limits: Limits::NONE,
        };
        let topics = Arc::new(TopicsInMemory::default());
        topics.put("a", 3);
        World {
            rng: Rng::with_seed(seed),
            machine: Groups::new(rules.clone(), topics.clone(), Rng::with_seed(0)),
            rules,
            topics,
            log: Vec::new(),
            processes: Vec::new(),
            now: 0,
            next: 0,
            in_peace: false,
            story: String::new(),
        }
    }

    fn time(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: BEGIN + self.now }
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.story, "{:>8} {what}", self.now);
    }

    /// Takes a step as the driver does. Returns the replies.
    fn take(&mut self, step: ottla::groups::step::Step) -> Vec<Reply> {
        let mut replies: Vec<Reply> = step.replies.into_iter().map(|(_, reply)| reply).collect();
        if !self.in_peace && !step.records.is_empty() && self.rng.u8(0..20) == 0 {
            self.tell(format_args!("no room"));
            return replies;
        }
        let now = self.time();
        for record in &step.records {
            self.machine.apply(now, record);
        }
        self.log.extend(step.records);
        replies.extend(step.confirmations.into_iter().map(|(_, reply)| reply));
        replies
    }

    fn ask(&mut self, command: Command) -> Option<Reply> {
        self.next += 1;
        let step = self.machine.step(self.time(), self.next, command);
        self.take(step).pop()
    }

    fn tick(&mut self) {
        let mut turns = 0;
        while self.machine.next_due_ms().is_some_and(|due| due <= self.now) {
            let step = self.machine.tick(self.time());
            self.take(step);
            turns += 1;
            assert!(turns < 1000, "it is always due");
        }
    }

    fn matching(&self, prefix: &str) -> ResolvedRegex {
        let topics = self.topics.matching(|name| name.starts_with(prefix));
        ResolvedRegex {
            topics: topics.iter().map(|name| Arc::from(name.as_str())).collect(),
            version: self.topics.version(),
            resolved_ms: BEGIN + self.now,
        }
    }

    fn heartbeat(&self, who: usize, epoch: i32) -> ConsumerHeartbeat {
        let process = &self.processes[who];
        let joins = epoch == 0;
        let says_all = joins || process.says_all;
        let says_subscription = says_all || process.is_new_subscription;
        let prefix = process.prefix.map(|prefix| format!("{prefix}.*"));
        let owned: Assignment = match joins {
            true => Assignment::default(),
            false => process.owned.keys().copied().collect(),
        };
        let names = || process.names.iter().map(|name| (*name).to_owned()).collect();
        ConsumerHeartbeat {
            group: GROUP.to_owned(),
            member: process.id.clone(),
            epoch,
            instance_id: process.instance.clone(),
            rack_id: None,
            client_id: "client".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            rebalance_timeout_ms: if says_all { REBALANCE_MS as i32 } else { -1 },
            topic_names: says_subscription.then(names),
            topic_regex: says_subscription.then(|| prefix.unwrap_or_default()),
            resolved: process.prefix.map(|prefix| self.matching(prefix)),
            server_assignor: None,
            owned: (says_all || process.is_unsaid).then_some(owned),
            timing: GroupTiming {
                session_timeout_ms: SESSION_MS as i32,
                heartbeat_interval_ms: BEAT_MS as i32,
                assignment_interval_ms: INTERVAL_MS as i32,
            },
        }
    }

    /// Lets a member send a heartbeat, of which the answer may be lost.
    fn beat(&mut self, who: usize) {
        let epoch = self.processes[who].epoch;
        let beat = self.heartbeat(who, epoch);
        let reply = self.ask(Command::ConsumerHeartbeat(beat));
        self.processes[who].due = self.now + BEAT_MS;
        self.processes[who].says_all = true;
        let Some(Reply::ConsumerBeat(outcome)) = reply else { return };
        let is_lost = !self.in_peace && self.rng.u8(0..10) == 0;
        self.tell(format_args!("{who} {epoch}: {outcome:?} {is_lost}"));
        if is_lost {
            return;
        }
        self.processes[who].says_all = false;
        match outcome {
            Ok(beat) => self.hear(who, *beat),
            Err(refusal) => self.refused(who, &refusal),
        }
    }

    fn hear(&mut self, who: usize, beat: ConsumerBeat) {
        let process = &mut self.processes[who];
        process.epoch = beat.epoch;
        process.is_unsaid = false;
        process.is_new_subscription = false;
        if let Some(assignment) = beat.assignment {
            let told: BTreeSet<Partition> = assignment.iter().collect();
            process.owned.retain(|partition, _| told.contains(partition));
            for partition in told {
                process.owned.entry(partition).or_insert(beat.epoch);
            }
            process.is_unsaid = true;
        }
        let prefixes = beat.stale_regexes.into_iter();
        let regexes: Vec<(String, ResolvedRegex)> = prefixes
            .map(|regex| {
                let found = self.matching(regex.trim_end_matches(".*"));
                (regex, found)
            })
            .collect();
        if !regexes.is_empty() {
            let group = GROUP.to_owned();
            let assignment_interval_ms = INTERVAL_MS as i32;
            let resolved = ResolvedRegexes { group, regexes, assignment_interval_ms };
            self.ask(Command::ResolvedRegexes(resolved));
        }
    }

    fn refused(&mut self, who: usize, refusal: &Refusal) {
        let process = &mut self.processes[who];
        match refusal.error {
            GroupError::FencedEpoch | GroupError::UnknownMember | GroupError::GroupNotFound => {
                process.epoch = 0;
                process.owned.clear();
            }
            // The one before has to leave, or to fall silent.
            GroupError::UnreleasedInstance => {}
            GroupError::FencedInstance => {
                process.owned.clear();
                process.is_gone = true;
            }
            other => panic!("{other:?}"),
        }
    }

    fn come(&mut self) {
        let number = self.next;
        let is_static = self.rng.u8(0..3) == 0;
        let instance = is_static.then(|| format!("i{}", self.rng.u8(0..3)));
        self.next += 1;
        self.processes.push(Process {
            id: format!("m{number}"),
            instance,
            names: BTreeSet::new(),
            prefix: None,
            is_new_subscription: true,
            epoch: 0,
            owned: BTreeMap::new(),
            is_unsaid: true,
            says_all: false,
            due: self.now,
            is_gone: false,
        });
        self.subscribe(self.processes.len() - 1);
    }

    fn subscribe(&mut self, who: usize) {
        let names = TOPICS.into_iter().filter(|_| self.rng.bool()).collect();
        let prefix = match self.rng.u8(0..3) {
            0 => Some("a"),
            1 => Some(""),
            _ => None,
        };
        let process = &mut self.processes[who];
        (process.names, process.prefix) = (names, prefix);
        process.is_new_subscription = true;
    }

    /// Something happens.
    fn moment(&mut self) {
        self.now += self.rng.i64(0..3000);
        self.tick();
        let who = (!self.processes.is_empty()).then(|| self.rng.usize(0..self.processes.len()));
        match (self.rng.u8(0..24), who) {
            (0 | 1, _) if self.processes.len() < 8 => self.come(),
            (2, Some(who)) => {
                // It may come back as another process, if it is a static member.
                let epoch = if self.processes[who].instance.is_some() { -2 } else { -1 };
                if self.processes[who].epoch > 0 {
                    let beat = self.heartbeat(who, epoch);
                    self.ask(Command::ConsumerHeartbeat(beat));
                }
                self.processes.remove(who);
            }
            (3, Some(who)) => drop(self.processes.remove(who)),
            (4, Some(who)) => self.processes[who].due = self.now + self.rng.i64(0..2 * SESSION_MS),
            (5, Some(who)) => self.subscribe(who),
            (6, _) => {
                let name = TOPICS[self.rng.usize(0..TOPICS.len())];
                let more = self.rng.i32(1..4);
                let now = self.topics.named(name).map_or(0, |topic| topic.partitions);
                self.topics.put(name, now + more);
                self.tell(format_args!("{name} has {more} more"));
            }
            (7, _) => {
                let name = TOPICS[self.rng.usize(0..TOPICS.len())];
                self.topics.remove(name);
                self.tell(format_args!("{name} is gone"));
            }
            (8, _) => self.crash(),
            _ => {}
        }
        self.processes.retain(|process| !process.is_gone);
        for who in 0..self.processes.len() {
            if self.processes[who].due <= self.now {
                self.beat(who);
                self.check();
            }
        }
        self.check();
    }

    /// The broker dies and comes back with what its log says, compacted or not.
    fn crash(&mut self) {
        self.tell(format_args!("the broker was started again"));
        if self.rng.bool() {
            self.log = compacted(&self.log);
        }
        self.machine = self.rebuilt(&self.log);
    }

    fn rebuilt(&self, log: &[Record]) -> Groups {
        let mut machine = Groups::new(self.rules.clone(), self.topics.clone(), Rng::with_seed(0));
        log.iter().for_each(|record| machine.apply(self.time(), record));
        machine
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{}\n{what}\n{:#?}", self.story, self.machine.durable())
    }

    fn check(&self) {
        let durable = self.machine.durable();
        let consumers = durable.get(GROUP).and_then(|group| group.consumer.as_ref());
        let mut owners: BTreeMap<Partition, &str> = BTreeMap::new();
        for record in consumers.into_iter().flatten() {
            let ConsumerRecord::Current(id, Some(current)) = record else { continue };
            for (topic, partitions) in current.assigned.iter().chain(&current.pending_revocation) {
                for partition in partitions.keys() {
                    if owners.insert((*topic, *partition), id).is_some_and(|other| other != id) {
                        self.fail(&format!("{topic} {partition} has two owners"));
                    }
                }
            }
        }
        let mut told: BTreeSet<(Partition, i32)> = BTreeSet::new();
        for process in &self.processes {
            for (partition, epoch) in &process.owned {
                if !told.insert((*partition, *epoch)) {
                    self.fail(&format!("two were told that {partition:?} is theirs at {epoch}"));
                }
            }
        }
        for log in [self.log.clone(), compacted(&self.log)] {
            if self.rebuilt(&log).durable() != durable {
                self.fail("the log says something else");
            }
        }
    }

    /// No one comes or goes any more: soon everything is someone's.
    fn settle(&mut self) {
        self.in_peace = true;
        self.tell(format_args!("peace"));
        // Those of which nothing will be heard again have to time out first.
        let begin = self.now;
        while self.now < begin + 2 * SESSION_MS + REBALANCE_MS {
            self.beat_all();
        }
        for _ in 0..BEATS_TO_SETTLE {
            self.beat_all();
        }
        let described =
            self.ask(Command::DescribeConsumers(DescribeConsumers { group: GROUP.into() }));
        let Some(Reply::ConsumersDescribed(described)) = described else { return };
        let state = described.map_or("none", |group| group.state);
        let active = self.processes.iter().filter(|process| process.epoch > 0).count();
        let expected: &[&str] = if active > 0 { &["Stable"] } else { &["Empty", "none"] };
        if !expected.contains(&state) {
            self.fail(&format!("{active} members are {state}"));
        }
        self.check_all_owned();
    }

    fn beat_all(&mut self) {
        self.now += BEAT_MS;
        self.tick();
        for who in 0..self.processes.len() {
            self.beat(who);
            self.check();
        }
        self.processes.retain(|process| !process.is_gone);
    }

    fn check_all_owned(&self) {
        let owned = |partition: &Partition| {
            self.processes.iter().filter(|process| process.owned.contains_key(partition)).count()
        };
        for name in self.topics.matching(|_| true) {
            let reads = |process: &&Process| {
                process.epoch > 0
                    && (process.names.contains(name.as_str())
                        || process.prefix.is_some_and(|prefix| name.starts_with(prefix)))
            };
            let is_read = self.processes.iter().any(|process| reads(&process));
            let topic = self.topics.named(&name).expect("a topic");
            for partition in 0..topic.partitions {
                let owners = owned(&(topic.id, partition));
                if owners != usize::from(is_read) {
                    self.fail(&format!("{name} {partition} has {owners} owners"));
                }
            }
        }
    }
}

fn live(seed: u64) -> World {
    let mut world = World::begin(seed);
    for _ in 0..world.rng.usize(20..120) {
        world.moment();
    }
    world.settle();
    world
}

#[test]
fn consumer_groups_keep_their_promises_whatever_happens() {
    for seed in seeds(100) {
        live(seed);
    }
}

#[test]
fn one_seed_tells_one_story_of_consumer_groups() {
    for seed in 0..10 {
        assert!(live(seed).story == live(seed).story, "seed {seed}");
    }
}
