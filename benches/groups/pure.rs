//! Members that settle on the bare machine: simulated time, a network of 1 ms each way.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use bytes::Bytes;
use ottla::clock::Now;
use ottla::groups::Groups;
use ottla::groups::command::{Command, Reply};
use ottla::groups::error::GroupError;
use ottla::groups::questions::{Heartbeat, JoinError, MemberIdentity, Sync};
use ottla::groups::step::Step;
use ottla::machine::{Machine, TicketId};

use crate::joining;

/// From client to broker or back.
const NETWORK_MS: i64 = 1;
/// The clients' default of `heartbeat.interval.ms`.
const BEAT_MS: i64 = 3000;
/// The share of each member; what it is does not matter here.
const SHARE: &[u8] = b"\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x07\xff\xff\xff\xff";

#[derive(Clone, Copy)]
enum Next {
    Join,
    Sync,
    Beat,
}

struct Member {
    id: String,
    generation: i32,
    /// Whom it gives their shares to.
    followers: Vec<String>,
    next: Next,
    /// The generation in which it has its share.
    settled: i32,
}

struct World {
    groups: Groups,
    now: i64,
    members: Vec<Member>,
    /// When which member sends what is next for it.
    agenda: BinaryHeap<Reverse<(i64, usize)>>,
    waiting: HashMap<TicketId, usize>,
    messages: u64,
    records: u64,
}

/// Let `count` members that start together settle in one group, and say what it took.
pub fn settle(count: usize, initial_delay_ms: i32) {
    let member = |_| Member {
        id: String::new(),
        generation: -1,
        followers: Vec::new(),
        next: Next::Join,
        settled: -1,
    };
    let mut world = World {
        groups: joining::groups(initial_delay_ms),
        now: 0,
        members: (0..count).map(member).collect(),
        agenda: (0..count).map(|who| Reverse((NETWORK_MS, who))).collect(),
        waiting: HashMap::new(),
        messages: 0,
        records: 0,
    };
    let begun = Instant::now();
    let generation = world.run(count);
    println!(
        "{count} members, delay {initial_delay_ms} ms, bare machine: generation {generation}, {} \
         messages, {} records, {:.3} s simulated, {:.0} ms of processor",
        world.messages,
        world.records,
        world.now as f64 / 1e3,
        begun.elapsed().as_secs_f64() * 1e3,
    );
}

impl World {
    /// Until everybody has its share in one generation.
    fn run(&mut self, count: usize) -> i32 {
        loop {
            let due = self.groups.next_due_ms();
            let next = self.agenda.peek().map(|Reverse((at, _))| *at);
            if due.is_some_and(|due| next.is_none_or(|next| due <= next)) {
                self.now = self.now.max(due.unwrap_or_default());
                let step = self.groups.tick(self.time());
                self.take(step);
            } else {
                let Reverse((at, who)) = self.agenda.pop().expect("someone has something to say");
                self.now = self.now.max(at);
                self.say(who);
            }
            let generation = self.members[0].settled;
            let is_settled = |m: &Member| m.settled == generation && m.generation == generation;
            if generation > 0 && self.waiting.is_empty() && self.members.iter().all(is_settled) {
                assert_eq!(self.members.len(), count);
                return generation;
            }
        }
    }

    fn time(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: 1_700_000_000_000 + self.now }
    }

    fn say(&mut self, who: usize) {
        let member = &self.members[who];
        let identity = MemberIdentity {
            group: "g".to_owned(),
            member: member.id.clone(),
            instance_id: None,
            generation: member.generation,
        };
        let input = match member.next {
            Next::Join => joining::join(identity),
            Next::Sync => {
                let share = |id: &String| (id.clone(), Bytes::from_static(SHARE));
                let assignments = member.followers.iter().map(share).collect();
                Command::Sync(Sync { identity, protocol_type: None, protocol: None, assignments })
            }
            Next::Beat => Command::Heartbeat(Heartbeat(identity)),
        };
        let ticket = self.messages;
        self.messages += 1;
        self.waiting.insert(ticket, who);
        let step = self.groups.step(self.time(), ticket, input);
        self.take(step);
    }

    fn take(&mut self, step: Step) {
        self.records += step.records.len() as u64;
        let now = self.time();
        step.records.iter().for_each(|record| self.groups.apply(now, record));
        for (ticket, reply) in step.replies.into_iter().chain(step.confirmations) {
            let who = self.waiting.remove(&ticket).expect("someone asked");
            let wait_ms = self.members[who].hears(reply);
            self.agenda.push(Reverse((self.now + wait_ms, who)));
        }
    }
}

impl Member {
    /// Take in an answer; gives how long until its next message is with the broker.
    fn hears(&mut self, reply: Reply) -> i64 {
        match reply {
            Reply::Joined(Err(JoinError::MemberIdRequired(id))) => self.id = id,
            Reply::Joined(Ok(joined)) => {
                self.generation = joined.generation;
                self.followers = joined.members.into_iter().map(|m| m.id).collect();
                self.next = Next::Sync;
            }
            Reply::Synced(Ok(_)) => {
                self.settled = self.generation;
                self.next = Next::Beat;
                return BEAT_MS;
            }
            Reply::Heartbeat(Ok(())) => return BEAT_MS,
            Reply::Heartbeat(Err(GroupError::RebalanceInProgress))
            | Reply::Synced(Err(GroupError::RebalanceInProgress)) => self.next = Next::Join,
            other => panic!("a well-behaved member is refused: {other:?}"),
        }
        2 * NETWORK_MS
    }
}
