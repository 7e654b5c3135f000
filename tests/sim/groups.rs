//! Groups whose members come, go, stall and restart, on a broker that crashes.
//!
//! After every step: no two members own a partition in one generation, and each has exactly what
//! its leader gave it; what the log rebuilds is what the machine has, also if there was no room for
//! a record; every request is answered once at most, and no one for someone else. When the world stands still, every group settles
//! within its timeouts; when all have left, nothing is kept of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use ottla::clock::Now;
use ottla::groups::command::{Command, Reply};
use ottla::groups::consumer::catalog::TopicsInMemory;
use ottla::groups::limits::Limits;
use ottla::groups::questions::{Describe, Sync};
use ottla::groups::records::Record;
use ottla::groups::step::Step;
use ottla::groups::{ConsumerGroupRules, GroupCoordinatorConfig, Groups};
use ottla::machine::{Machine, TicketId};

use crate::group_model::{Ledger, Process, State, compacted, kept, nothing_is_owned_twice};
use crate::group_trouble::ending;
use crate::seeds::seeds;

pub const GROUPS: [&str; 2] = ["g", "h"];
/// When the story begins, ms since 1970.
const BEGIN: i64 = 1_700_000_000_000;

/// What becomes of a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its records are written and its replies arrive.
    Done,
    /// The broker dies after its records are written.
    Unsaid,
    /// The broker dies before.
    Lost,
    /// There is no room on the disk for its records.
    Refused,
}

/// The broker, its log and its clients.
pub struct World {
    pub rng: Rng,
    pub now: i64,
    /// When the broker was started.
    born: i64,
    rules: GroupCoordinatorConfig,
    machine: Groups,
    /// A machine that only ever reads the log.
    shadow: Groups,
    log: Vec<Record>,
    next: TicketId,
    /// Who waits for what; `None` for an administrator or one that has hung up.
    owed: BTreeMap<TicketId, (Option<usize>, &'static str)>,
    pub processes: Vec<Process>,
    ledger: Ledger,
    crashes: bool,
    steps: u64,
    /// What happened, a line each.
    pub story: String,
}

/// Classic groups do not look at the topics.
fn topics() -> Arc<TopicsInMemory> {
    Arc::default()
}

impl World {
    pub fn begin(seed: u64) -> World {
        let mut rng = Rng::with_seed(seed);
        let rules = GroupCoordinatorConfig {
            session_timeout_min_ms: 6000,
            session_timeout_max_ms: 1_800_000,
            size_max: if rng.u8(0..3) == 0 { 4 } else { i32::MAX },
            initial_delay_ms: if rng.bool() { 0 } else { 3000 },
            metadata_bytes_max: 8,
            retention_ms: 3_600_000,
            retention_check_ms: 600_000,
            consumer: ConsumerGroupRules::default(),
            limits: Limits::NONE,
        };
        World {
            machine: Groups::new(rules.clone(), topics(), Rng::with_seed(rng.u64(..))),
            shadow: Groups::new(rules.clone(), topics(), Rng::with_seed(0)),
            rng,
            now: 0,
            born: 0,
            rules,
            log: Vec::new(),
            next: 0,
            owed: BTreeMap::new(),
            processes: Vec::new(),
            ledger: Ledger::default(),
            crashes: true,
            steps: 0,
            story: String::new(),
        }
    }

    /// Live through `moments` moments of trouble, then in peace, then let everybody go.
    pub fn live(&mut self, moments: usize) -> Result<(), String> {
        for _ in 0..moments {
            self.moment()?;
        }
        self.crashes = false;
        self.settle()?;
        self.end()
    }

    fn time(&self) -> Now {
        Now { mono_ms: self.now - self.born, wall_ms: BEGIN + self.now }
    }

    pub fn tell(&mut self, what: impl std::fmt::Display) {
        self.story.push_str(&format!("{} {what}\n", self.now));
    }

    fn moment(&mut self) -> Result<(), String> {
        match self.rng.u8(0..20) {
            0..4 => self.pass_time(),
            4 if self.rng.u8(0..3) == 0 => self.crash(),
            5 => self.admin(),
            6 | 7 if self.processes.iter().filter(|p| p.state != State::Gone).count() < 9 => {
                let group = GROUPS[self.rng.usize(..GROUPS.len())];
                let process = Process::new(&mut self.rng, group);
                self.processes.push(process);
                self.act(self.processes.len() - 1)
            }
            8 => match self.someone() {
                Some(who) => self.trouble(who),
                None => Ok(()),
            },
            _ => match self.someone() {
                Some(who) => self.act(who),
                None => Ok(()),
            },
        }
    }

    fn someone(&mut self) -> Option<usize> {
        let live = |at: &usize| self.processes[*at].state != State::Gone;
        let all: Vec<usize> = (0..self.processes.len()).filter(live).collect();
        self.rng.choice(all)
    }

    /// A client does what is next for it.
    pub fn act(&mut self, who: usize) -> Result<(), String> {
        let now = self.now;
        let process = &mut self.processes[who];
        if process.stalled_until > now {
            return Ok(());
        }
        match process.next_input(now) {
            Some(input) => self.ask(Some(who), input),
            None if process.state == State::In && self.rng.u8(0..3) == 0 => {
                let commit = process.commit(&mut self.rng);
                self.ask(Some(who), commit)
            }
            None => Ok(()),
        }
    }

    pub fn ask(&mut self, who: Option<usize>, input: Command) -> Result<(), String> {
        let ticket = self.next;
        self.next += 1;
        let (kind, sync) = match &input {
            Command::Join(_) => ("Joined", None),
            Command::Sync(sync) => ("Synced", Some(sync.clone())),
            Command::Heartbeat(_) => ("Heartbeat", None),
            Command::Leave(_) => ("Left", None),
            Command::Commit(_) => ("Committed", None),
            Command::CommitInTxn(_) => ("CommittedInTxn", None),
            Command::EndOfTxn(_) => ("TxnEnded", None),
            Command::FetchOffsets(_) => ("Fetched", None),
            Command::DeleteOffsets(_) => ("Deleted", None),
            Command::Describe(_) => ("Described", None),
            Command::FetchAllOffsets(_) => ("FetchedAll", None),
            Command::List(_) => ("Listed", None),
            Command::Delete(_) => ("GroupDeleted", None),
            Command::TopicDeleted(_) => ("TopicForgotten", None),
            // They have a story of their own.
            Command::ConsumerHeartbeat(_)
            | Command::ResolvedRegexes(_)
            | Command::CheckMember(_)
            | Command::DescribeConsumers(_) => return Err(format!("{input:?}")),
        };
        if let Some(who) = who {
            self.processes[who].owed = Some(ticket);
        }
        self.tell(format_args!("{ticket}: {who:?} {input:?}"));
        self.owed.insert(ticket, (who, kind));
        let step = self.machine.step(self.time(), ticket, input);
        let mut replies = step.replies.iter().chain(&step.confirmations);
        if !matches!(kind, "Joined" | "Synced") && !replies.any(|(t, _)| *t == ticket) {
            return Err(format!("{ticket} ({kind}) is not answered at once"));
        }
        self.take(step, Some(ticket), sync.as_ref())
    }

    /// Time comes to what is due, or stops somewhere.
    fn pass_time(&mut self) -> Result<(), String> {
        let due = self.machine.next_due_ms().map(|due| due + self.born);
        match (self.rng.u8(0..8), due) {
            (0..2, Some(due)) => self.now = self.now.max(due),
            (2, _) => self.now += self.rng.i64(0..60_000),
            (3, _) => self.now += self.rng.i64(0..10_000),
            _ => self.now += self.rng.i64(0..500),
        }
        self.tick()
    }

    fn tick(&mut self) -> Result<(), String> {
        let step = self.machine.tick(self.time());
        let due = self.machine.next_due_ms();
        if due.is_some_and(|due| due <= self.time().mono_ms) {
            return Err(format!("still due at {due:?} after a tick at {:?}", self.time()));
        }
        self.take(step, None, None)
    }

    /// What a step has decided takes its way, or the broker dies on it.
    fn take(
        &mut self,
        step: Step,
        ticket: Option<TicketId>,
        sync: Option<&Sync>,
    ) -> Result<(), String> {
        let fate = match self.rng.u8(0..120) {
            0 if self.crashes => Fate::Lost,
            1 if self.crashes => Fate::Unsaid,
            2..6 if self.crashes && !step.records.is_empty() => Fate::Refused,
            _ => Fate::Done,
        };
        // Whatever room is left takes the first records.
        let written = match fate {
            Fate::Done | Fate::Unsaid => step.records.len(),
            Fate::Refused => self.rng.usize(..step.records.len()),
            Fate::Lost => 0,
        };
        if written > 0 {
            let now = self.time();
            for record in step.records.into_iter().take(written) {
                self.tell(format_args!("  {record:?}"));
                self.ledger.note(&record, sync)?;
                self.machine.apply(now, &record);
                self.shadow.apply(now, &record);
                self.log.push(record);
            }
        }
        if matches!(fate, Fate::Lost | Fate::Unsaid) {
            return self.crash();
        }
        for (ticket, reply) in step.replies {
            self.answer(ticket, reply)?;
        }
        match fate {
            Fate::Refused => self.refuse(ticket, &step.confirmations),
            _ => {
                for (ticket, reply) in step.confirmations {
                    self.answer(ticket, reply)?;
                }
            }
        }
        self.check()
    }

    /// There is no room for a step's records: its client is answered that there is no coordinator.
    fn refuse(&mut self, ticket: Option<TicketId>, confirmations: &[(TicketId, Reply)]) {
        self.tell(format_args!("  no room for {ticket:?}"));
        let Some(ticket) = ticket.filter(|own| confirmations.iter().any(|(t, _)| t == own)) else {
            return;
        };
        if let Some((Some(who), _)) = self.owed.remove(&ticket)
            && self.processes[who].owed == Some(ticket)
        {
            self.processes[who].disconnect();
        }
    }

    fn answer(&mut self, ticket: TicketId, reply: Reply) -> Result<(), String> {
        self.tell(format_args!("  {ticket}: {reply:?}"));
        let Some((who, kind)) = self.owed.remove(&ticket) else {
            return Err(format!("{ticket} is answered though no one waits for it: {reply:?}"));
        };
        if !format!("{reply:?}").starts_with(kind) {
            return Err(format!("{ticket} waits for {kind} and gets {reply:?}"));
        }
        let Some(who) = who else { return Ok(()) };
        if self.processes[who].owed != Some(ticket) {
            return Ok(());
        }
        let era = self.ledger.era(&self.processes[who].group);
        if let Reply::Synced(Ok(synced)) = &reply
            && !self.ledger.confirms(&self.processes[who], &synced.assignment)
        {
            return Err(format!("{:?} got {synced:?}, which no one said", self.processes[who]));
        }
        let new_id = match &reply {
            Reply::Joined(Ok(joined)) => Some(joined.member.clone()),
            _ => None,
        };
        let others = self.processes.iter().enumerate().filter(|(at, _)| *at != who);
        if new_id.is_some_and(|id| others.map(|(_, p)| &p.member).any(|other| *other == id)) {
            return Err(format!("two processes have one member id: {reply:?}"));
        }
        self.processes[who].hears(self.now, era, reply)
    }

    /// The broker dies and comes back with what its log says, compacted or not.
    fn crash(&mut self) -> Result<(), String> {
        self.born = self.now;
        let chance = Rng::with_seed(self.rng.u64(..));
        let mut machine = Groups::new(self.rules.clone(), topics(), chance);
        if self.rng.bool() {
            self.log = compacted(&self.log);
        }
        self.log.iter().for_each(|record| machine.apply(self.time(), record));
        self.machine = machine;
        self.owed.clear();
        self.processes.iter_mut().for_each(Process::disconnect);
        self.tell("the broker was started again");
        self.tick_after_start()?;
        self.check()
    }

    /// A start ticks before anything else; what it writes cannot be lost here.
    fn tick_after_start(&mut self) -> Result<(), String> {
        let before = std::mem::replace(&mut self.crashes, false);
        let outcome = self.tick();
        self.crashes = before;
        outcome
    }
}

impl World {
    fn phase(&mut self, group: &str) -> Option<(&'static str, BTreeSet<String>)> {
        let input = Command::Describe(Describe { group: group.to_owned() });
        let step = self.machine.step(self.time(), TicketId::MAX, input);
        match step.replies.into_iter().next() {
            Some((_, Reply::Described(Ok(described)))) => {
                let members = described.members.iter().map(|member| member.id.clone());
                Some((described.state, members.collect()))
            }
            _ => None,
        }
    }

    /// What must hold after every step.
    fn check(&mut self) -> Result<(), String> {
        nothing_is_owned_twice(&self.processes)?;
        let (mut live, shadow) = (kept(&self.machine), kept(&self.shadow));
        for (group, reported) in &shadow {
            let has = live.entry(group.clone()).or_default();
            // In the middle of a rebalance the log still knows the generation before.
            if has.value.is_none() && reported.value.is_some() && self.is_rebalancing(group) {
                has.value.clone_from(&reported.value);
            }
        }
        if live != shadow {
            return Err(format!("the machine has {live:#?}\nthe log says {shadow:#?}"));
        }
        self.steps += 1;
        if self.steps.is_multiple_of(32) {
            let mut rebuilt = Groups::new(self.rules.clone(), topics(), Rng::with_seed(1));
            let records = compacted(&self.log);
            records.iter().for_each(|record| rebuilt.apply(self.time(), record));
            if kept(&rebuilt) != shadow {
                return Err(format!("compaction changes {shadow:#?} to {:#?}", kept(&rebuilt)));
            }
        }
        Ok(())
    }

    fn is_rebalancing(&mut self, group: &str) -> bool {
        let phase = self.phase(group).map(|(name, _)| name);
        matches!(phase, Some("PreparingRebalance" | "CompletingRebalance"))
    }

    /// All do as they are asked, and no one comes or goes: the groups must come to rest in time.
    fn settle(&mut self) -> Result<(), String> {
        self.tell("peace");
        self.processes.iter_mut().for_each(|process| process.stalled_until = 0);
        let longest = |of: fn(&Process) -> i32| self.processes.iter().map(of).max().unwrap_or(0);
        let (session, rebalance) = (longest(|p| p.session_ms), longest(|p| p.rebalance_ms));
        let limit = self.now + i64::from(2 * session + 4 * rebalance + self.rules.initial_delay_ms);
        loop {
            let mut went_on = true;
            while went_on {
                went_on = false;
                for who in 0..self.processes.len() {
                    if let Some(input) = self.processes[who].next_input(self.now) {
                        self.ask(Some(who), input)?;
                        went_on = true;
                    }
                }
            }
            if self.is_settled() {
                break;
            }
            if self.now > limit {
                return Err(format!(
                    "not settled in time: {:#?}\n{:#?}",
                    self.machine, self.processes
                ));
            }
            let beats = self.processes.iter().filter(|p| p.state == State::In).map(|p| p.beat_due);
            let due = self.machine.next_due_ms().map(|due| due + self.born);
            let next = beats.chain(due).min();
            self.now = self.now.max(next.ok_or("nothing will ever happen")?);
            self.tick()?;
        }
        match self.owed.is_empty() {
            true => Ok(()),
            false => Err(format!("settled, but {:?} are not answered", self.owed)),
        }
    }

    fn is_settled(&mut self) -> bool {
        GROUPS.into_iter().all(|group| {
            let of_group = |p: &&Process| p.group == group && p.state != State::Gone;
            let live: Vec<&Process> = self.processes.iter().filter(of_group).collect();
            let ids: BTreeSet<String> = live.iter().map(|p| p.member.clone()).collect();
            let are_in =
                live.iter().all(|p| p.state == State::In && p.generation == live[0].generation);
            match self.phase(group) {
                Some(("Stable", members)) => are_in && members == ids,
                Some(("Empty", _)) | None => ids.is_empty(),
                _ => false,
            }
        })
    }

    /// Everybody leaves, and time passes until nothing is left.
    fn end(&mut self) -> Result<(), String> {
        for who in 0..self.processes.len() {
            if self.processes[who].state == State::In {
                let leave = self.processes[who].leave();
                self.ask(Some(who), leave)?;
            }
        }
        // Every transaction ends, however often that is tried.
        for end in (0..2).flat_map(|p| (0..3).map(move |id| ending(p, id, p == 0))) {
            for _ in 0..20 {
                self.ask(None, Command::EndOfTxn(end.clone()))?;
            }
        }
        for _ in 0..1000 {
            let Some(due) = self.machine.next_due_ms() else { break };
            self.now = self.now.max(due + self.born);
            self.tick()?;
        }
        if !self.machine.is_empty() || self.machine.next_due_ms().is_some() {
            return Err(format!("something is left: {:#?}", self.machine));
        }
        match kept(&self.shadow).is_empty() {
            true => Ok(()),
            false => Err(format!("the log keeps {:#?}", self.shadow)),
        }
    }
}

/// Live through one world, and if it goes wrong tell its story.
pub fn live(seed: u64) -> World {
    let mut world = World::begin(seed);
    let moments = world.rng.usize(50..300);
    if let Err(error) = world.live(moments) {
        panic!("seed {seed}: {}\n{error}", world.story);
    }
    world
}

#[test]
fn groups_keep_their_promises_whatever_happens() {
    for seed in seeds(200) {
        live(seed);
    }
}

#[test]
fn one_seed_tells_one_story_of_groups() {
    for seed in 0..20 {
        assert!(live(seed).story == live(seed).story, "seed {seed}");
    }
}
