//! Tests of the coordinator's rules, one by one, in simulated time.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Now;
use crate::groups::command::{Command, Reply};
use crate::groups::consumer::catalog::TopicsInMemory;
use crate::groups::error::{GroupError, Limit};
use crate::groups::limits::{Limits, SLICE, Usage};
use crate::groups::questions::{
    Commit, Delete, DeleteOffsets, Describe, Description, FetchAllOffsets, FetchOffsets,
    FetchedOffset, Heartbeat, Join, JoinError, Joined, Leave, LeavingMember, List, MemberIdentity,
    OffsetToCommit, Progress, Sync, Synced, TopicDeleted,
};
use crate::groups::records::{OffsetAndMetadata, Record};
use crate::groups::step::Step;
use crate::groups::{ConsumerGroupRules, GroupCoordinatorConfig, Groups};
use crate::machine::{Machine, TicketId};

mod admin;
mod commits;
mod consumers;
mod elections;
mod heartbeats;
mod joins;
mod limits;
mod rebalances;
mod records;
mod retention;
mod statics;
mod steps;
mod transactions;

/// The time at which every test begins, ms since 1970.
const BEGIN: i64 = 1_700_000_000_000;
const SESSION: i64 = 10_000;
const REBALANCE: i64 = 60_000;
/// A consumer's subscription to the topic `t`.
const READS_T: &[u8] = b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff";

/// A state machine, its clock, and everything that it has written and replied.
struct Lab {
    groups: Groups,
    topics: Arc<TopicsInMemory>,
    now: i64,
    next: TicketId,
    records: Vec<Record>,
    said: BTreeMap<TicketId, Reply>,
}

fn rules() -> GroupCoordinatorConfig {
    GroupCoordinatorConfig {
        session_timeout_min_ms: 6000,
        session_timeout_max_ms: 1_800_000,
        size_max: i32::MAX,
        initial_delay_ms: 0,
        metadata_bytes_max: 16,
        retention_ms: 3_600_000,
        retention_check_ms: 600_000,
        consumer: ConsumerGroupRules::default(),
        limits: Limits::NONE,
    }
}

/// Returns a JoinGroup for the group `g` as most consumers send it.
fn join(member: &str) -> Join {
    Join {
        identity: MemberIdentity {
            group: "g".to_owned(),
            member: member.to_owned(),
            instance_id: None,
            generation: -1,
        },
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: SESSION as i32,
        rebalance_timeout_ms: REBALANCE as i32,
        protocol_type: "consumer".to_owned(),
        protocols: protocols(&["range"]),
        requires_member_id: true,
        supports_skip_assignment: true,
    }
}

/// Returns the same from a static member.
fn static_join(member: &str, instance: &str) -> Join {
    let mut join = join(member);
    join.identity.instance_id = Some(instance.to_owned());
    join
}

fn protocols(names: &[&str]) -> Vec<(String, Bytes)> {
    names.iter().map(|name| ((*name).to_owned(), Bytes::from_static(READS_T))).collect()
}

fn identity(member: &str, generation: i32) -> MemberIdentity {
    MemberIdentity { generation, ..join(member).identity }
}

fn static_identity(member: &str, instance: &str, generation: i32) -> MemberIdentity {
    MemberIdentity { generation, ..static_join(member, instance).identity }
}

fn leaving(member: &str, instance: Option<&str>) -> LeavingMember {
    LeavingMember { member: member.to_owned(), instance_id: instance.map(str::to_owned) }
}

fn to_commit(topic: &str, partition: i32, offset: i64) -> OffsetToCommit {
    let (topic, metadata) = (topic.to_owned(), String::new());
    OffsetToCommit { topic, partition, offset, leader_epoch: 0, metadata }
}

fn commit(identity: MemberIdentity, offsets: Vec<OffsetToCommit>) -> Commit {
    Commit { identity, retention_ms: None, offsets, tells_unknown_group: false }
}

impl Lab {
    fn new() -> Lab {
        Lab::with(rules())
    }

    fn with(rules: GroupCoordinatorConfig) -> Lab {
        let topics = Arc::new(TopicsInMemory::default());
        Lab {
            groups: Groups::new(rules, topics.clone(), fastrand::Rng::with_seed(1)),
            topics,
            now: 0,
            next: 0,
            records: Vec::new(),
            said: BTreeMap::new(),
        }
    }

    fn time(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: BEGIN + self.now }
    }

    /// Writes and applies the records of a step, and takes its replies.
    fn take(&mut self, step: Step) {
        let now = self.time();
        step.records.iter().for_each(|record| self.groups.apply(now, record));
        self.records.extend(step.records);
        for (ticket, reply) in step.replies.into_iter().chain(step.confirmations) {
            assert!(self.said.insert(ticket, reply).is_none(), "{ticket} is answered again");
        }
    }

    fn ask(&mut self, input: Command) -> TicketId {
        let ticket = self.next;
        self.next += 1;
        let step = self.groups.step(self.time(), ticket, input);
        self.take(step);
        self.groups.assert_sound();
        ticket
    }

    /// Advances the clock, calling `tick` whenever a deadline is due.
    fn pass(&mut self, ms: i64) {
        let until = self.now + ms;
        while let Some(due) = self.groups.next_due_ms().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            let step = self.groups.tick(self.time());
            self.take(step);
        }
        self.now = until;
    }

    /// Restarts the broker from its records.
    fn crash(&mut self) {
        self.groups = Groups::new(
            self.groups.rules.clone(),
            self.topics.clone(),
            fastrand::Rng::with_seed(2),
        );
        let now = self.time();
        self.records.iter().for_each(|record| self.groups.apply(now, record));
    }

    fn join(&mut self, join: &Join) -> TicketId {
        self.ask(Command::Join(join.clone()))
    }

    fn answered(&self, ticket: TicketId) -> bool {
        self.said.contains_key(&ticket)
    }

    #[track_caller]
    fn joined(&mut self, ticket: TicketId) -> Joined {
        match self.said.remove(&ticket) {
            Some(Reply::Joined(Ok(joined))) => *joined,
            other => panic!("not joined: {other:?}"),
        }
    }

    #[track_caller]
    fn refused(&mut self, ticket: TicketId) -> GroupError {
        match self.said.remove(&ticket) {
            Some(Reply::Joined(Err(JoinError::Refused(fault, _)))) => fault,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Returns the id that a new member is assigned to join with.
    #[track_caller]
    fn new_id(&mut self, join: &Join) -> String {
        let ticket = self.join(join);
        match self.said.remove(&ticket) {
            Some(Reply::Joined(Err(JoinError::MemberIdRequired(id)))) => id,
            other => panic!("no id: {other:?}"),
        }
    }

    fn sync(&mut self, identity: MemberIdentity, gives: &[(&str, &'static str)]) -> TicketId {
        let give = |(id, bytes): &(&str, &'static str)| ((*id).to_owned(), Bytes::from(*bytes));
        let assignments = gives.iter().map(give).collect();
        self.ask(Command::Sync(Sync { identity, protocol_type: None, protocol: None, assignments }))
    }

    #[track_caller]
    fn synced(&mut self, ticket: TicketId) -> Result<Synced, GroupError> {
        match self.said.remove(&ticket) {
            Some(Reply::Synced(outcome)) => outcome,
            other => panic!("not synced: {other:?}"),
        }
    }

    /// Returns the assignment of a member, as text.
    #[track_caller]
    fn given(&mut self, ticket: TicketId) -> String {
        let synced = self.synced(ticket).expect("an assignment");
        String::from_utf8(synced.assignment.to_vec()).expect("text")
    }

    fn beat(&mut self, identity: MemberIdentity) -> Result<(), GroupError> {
        let ticket = self.ask(Command::Heartbeat(Heartbeat(identity)));
        match self.said.remove(&ticket) {
            Some(Reply::Heartbeat(outcome)) => outcome,
            other => panic!("no heartbeat: {other:?}"),
        }
    }

    fn leave(&mut self, members: &[LeavingMember]) -> Vec<Result<(), GroupError>> {
        let ticket =
            self.ask(Command::Leave(Leave { group: "g".to_owned(), members: members.to_vec() }));
        match self.said.remove(&ticket) {
            Some(Reply::Left(left)) => left.into_iter().map(|(_, outcome)| outcome).collect(),
            other => panic!("no member left: {other:?}"),
        }
    }

    fn commit(&mut self, commit: Commit) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        let ticket = self.ask(Command::Commit(commit));
        match self.said.remove(&ticket) {
            Some(Reply::Committed(outcome)) => outcome,
            other => panic!("no commit: {other:?}"),
        }
    }

    /// Commits an offset of one partition of `t`.
    fn commit_as(&mut self, identity: MemberIdentity) -> Result<(), GroupError> {
        self.commit(commit(identity, vec![to_commit("t", 0, 1)])).map(drop)
    }

    /// Returns the committed offset of a partition.
    fn offset(&self, group: &str, topic: &str, partition: i32) -> Option<OffsetAndMetadata> {
        self.fetched(group, topic, partition, false).expect("an offset, or none")
    }

    fn fetched(&self, group: &str, topic: &str, p: i32, requires_stable: bool) -> FetchedOffset {
        let wanted = vec![(topic.to_owned(), vec![p])];
        let fetch = FetchOffsets { group: group.to_owned(), wanted, requires_stable };
        self.groups.fetch_offsets(fetch).remove(0).1.remove(0).1
    }

    fn described(&self, group: &str) -> Result<Description, GroupError> {
        self.groups.describe(group)
    }

    /// Returns the state of `g`, `Dead` if there is no such group.
    fn phase(&self) -> &'static str {
        self.described("g").map_or("Dead", |described| described.state)
    }

    fn members(&self) -> Vec<String> {
        let described = self.described("g").expect("a group");
        described.members.into_iter().map(|member| member.id).collect()
    }

    /// Makes `g` stable with `count` dynamic members; the first leads. Returns their ids.
    fn stable(&mut self, count: usize) -> Vec<String> {
        let ids: Vec<String> = (0..count).map(|_| self.new_id(&join(""))).collect();
        let mut tickets: Vec<TicketId> = ids.iter().map(|id| self.join(&join(id))).collect();
        if count > 1 && self.answered(tickets[0]) {
            // Without a delay the first one was alone; it joins again with the others.
            self.joined(tickets[0]);
            tickets[0] = self.join(&join(&ids[0]));
        }
        let generation = tickets.into_iter().map(|t| self.joined(t).generation).last();
        let generation = generation.expect("a member");
        let given: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "given")).collect();
        let leader = self.sync(identity(&ids[0], generation), &given);
        assert_eq!(self.given(leader), "given");
        for id in &ids[1..] {
            let ticket = self.sync(identity(id, generation), &[]);
            assert_eq!(self.given(ticket), "given");
        }
        assert_eq!(self.phase(), "Stable");
        ids
    }

    fn generation(&self) -> i32 {
        self.groups.groups["g"].generation
    }

    /// Makes `g` stable with static members `a`, `b` and so on; the first leads. Returns their ids.
    fn stable_static(&mut self, instances: &[&str]) -> Vec<String> {
        let first = self.join(&static_join("", instances[0]));
        let mut ids = vec![self.joined(first).member];
        let mut last = 1;
        for instance in &instances[1..] {
            let ticket = self.join(&static_join("", instance));
            let again: Vec<TicketId> = ids
                .clone()
                .iter()
                .zip(instances)
                .map(|(id, instance)| self.join(&static_join(id, instance)))
                .collect();
            again.into_iter().for_each(|ticket| drop(self.joined(ticket)));
            let joined = self.joined(ticket);
            (last, _) = (joined.generation, ids.push(joined.member));
        }
        let given: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "given")).collect();
        for (at, (id, instance)) in ids.iter().zip(instances).enumerate() {
            let given: &[(&str, &str)] = if at == 0 { &given } else { &[] };
            let ticket = self.sync(static_identity(id, instance, last), given);
            assert_eq!(self.given(ticket), "given");
        }
        assert_eq!(self.phase(), "Stable");
        ids
    }
}
