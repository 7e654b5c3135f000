//! One group: its members, its state, its committed offsets.
//!
//! **Invariant:** the leader is a member, or there are no members and no leader; every static
//! member's instance id maps to its member id.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::groups::committed::CommittedOffsets;
use crate::groups::consumer::group::ConsumerGroup;
use crate::groups::consumer::records::ConsumerRecord;
use crate::groups::group_type::GroupType;
use crate::groups::limits::Usage;
use crate::groups::members::{Member, Members};
use crate::groups::pending::PendingMembers;
use crate::groups::pending_offsets::PendingOffsets;
use crate::groups::protocols::{Protocols, protocols_bytes};
use crate::groups::records::{GroupValue, MemberValue, Record};
use crate::groups::visits::visit;
use crate::protocol::decoder::Decoder;

/// Memory of a group beside its id, its members, its pending ids and its offsets, in bytes.
const GROUP_BYTES: usize = 704;
/// Maximum number of topic names that are read from the subscriptions of a group's members. A group
/// that names more is treated as subscribed to everything, so that none of its offsets expires too
/// early.
const TOPICS_READ_MAX: usize = 100_000;

/// State of a group. `Dead` is not represented: such a group does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// It has no members; it may have committed offsets.
    Empty,
    /// Members have to (re)join.
    PreparingRebalance,
    /// All members have joined; the leader's assignment is outstanding.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
}

impl GroupState {
    /// Returns the name that Kafka's tools show.
    pub fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
        }
    }
}

/// A group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its id.
    pub id: Arc<str>,
    /// Its type.
    pub group_type: GroupType,
    /// Its state, if it is a consumer group. What follows, up to the offsets, is that of a classic
    /// group.
    pub consumer: Option<Box<ConsumerGroup>>,
    /// Its state.
    pub phase: GroupState,
    /// When it entered the state, ms since 1970.
    pub state_ms: i64,
    /// The protocol type, such as `consumer`; none for a group that has only committed offsets.
    pub protocol_type: Option<String>,
    /// The generation: the number of rebalances.
    pub generation: i32,
    /// The assignor that was chosen for the generation.
    pub protocol: Option<String>,
    /// The member id of the leader, which computes the assignment.
    pub leader: Option<Arc<str>>,
    /// The members, in the order in which they joined.
    pub members: Members,
    /// Member ids that have been assigned but not used yet.
    pub pending: PendingMembers,
    /// When the state times out, even if members are missing; monotonic ms.
    pub phase_due_ms: Option<i64>,
    /// For a first rebalance: how much longer it may be delayed, and whether a member has joined
    /// since.
    pub first: Option<FirstRebalance>,
    /// The committed offsets, by topic and partition.
    pub offsets: CommittedOffsets,
    /// The offsets in transactions that have not ended.
    pub pending_offsets: PendingOffsets,
    /// True if the log has a record of the group itself.
    pub is_recorded: bool,
    /// The replacement of a static member that is being recorded.
    pub replacing: Option<Box<Replacement>>,
    /// The deadline under which the group is registered, if it has one; monotonic ms.
    pub watched_ms: Option<i64>,
}

/// The delay during which the members of a new group can join (`group.initial.rebalance.delay.ms`).
#[derive(Debug, Clone, Copy)]
pub struct FirstRebalance {
    /// The remaining rebalance timeout, ms.
    pub left_ms: i64,
    /// True if a member joined during the current delay.
    pub member_joined: bool,
}

/// A static member that has restarted, and has a new id (KIP-345).
#[derive(Debug, Clone)]
pub struct Replacement {
    /// The id before.
    pub old: String,
    /// The new id.
    pub new: String,
    /// The protocols that it supports.
    pub protocols: Protocols,
    /// The session timeout, ms.
    pub session_timeout_ms: i32,
    /// The rebalance timeout, ms.
    pub rebalance_timeout_ms: i32,
}

impl Group {
    /// Creates a group without members.
    pub fn new(id: Arc<str>, now_wall_ms: i64) -> Group {
        Group {
            id,
            group_type: GroupType::Classic,
            consumer: None,
            phase: GroupState::Empty,
            state_ms: now_wall_ms,
            protocol_type: None,
            generation: 0,
            protocol: None,
            leader: None,
            members: Members::default(),
            pending: PendingMembers::default(),
            phase_due_ms: None,
            first: None,
            offsets: CommittedOffsets::default(),
            pending_offsets: PendingOffsets::default(),
            is_recorded: false,
            replacing: None,
            watched_ms: None,
        }
    }

    /// Returns the group's share in the usage of all groups.
    pub fn usage(&self) -> Usage {
        // Kept until the next record if there was no room for its own.
        let replacing = self.replacing.as_ref().map_or(0, |new| protocols_bytes(&new.protocols));
        let own = GROUP_BYTES + self.id.len() + self.pending.bytes() + replacing;
        let consumer = self.consumer.as_deref();
        let members = self.members.bytes() + consumer.map_or(0, ConsumerGroup::bytes);
        Usage {
            groups: 1,
            members: self.members.len() + consumer.map_or(0, ConsumerGroup::len),
            offsets: self.offsets.len(),
            bytes: own + members + self.offsets.bytes() + self.pending_offsets.bytes(),
        }
    }

    /// Enters a state.
    pub fn enter(&mut self, phase: GroupState, now_wall_ms: i64) {
        self.phase = phase;
        self.state_ms = now_wall_ms;
    }

    /// Adds a member; the first one becomes the leader.
    pub fn add(&mut self, member: Member) {
        self.leader.get_or_insert_with(|| member.id.clone());
        self.members.push(member);
    }

    /// Removes a member; if it was the leader, the next one becomes the leader.
    pub fn remove(&mut self, id: &str) -> Option<Member> {
        let gone = self.members.remove(id)?;
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.iter().next().map(|member| member.id.clone());
        }
        Some(gone)
    }

    /// Returns the longest rebalance timeout of all members, ms.
    pub fn rebalance_timeout_ms(&self) -> i64 {
        self.members.iter().map(|m| i64::from(m.rebalance_timeout_ms)).max().unwrap_or(0)
    }

    /// Returns true if all known members have joined.
    pub fn has_all_joined(&self) -> bool {
        self.pending.is_empty() && self.members.joining() == self.members.len()
    }

    /// Returns true if a member with these protocols may be in the group: one of them is supported
    /// by all members, including this one if it is a member already (Kafka's
    /// `ClassicGroup.supportsProtocols`).
    pub fn accepts(&self, protocol_type: &str, protocols: &Protocols) -> bool {
        if self.phase == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|(name, _)| self.members.all_know(name))
    }

    /// Returns the value of the group's record.
    pub fn value(&self) -> GroupValue {
        GroupValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.as_deref().map(str::to_owned),
            state_ms: self.state_ms,
            members: self.members.iter().map(|m| m.value(self.protocol.as_deref())).collect(),
        }
    }

    /// Applies a record from the log: the members of a generation with their assignments. What else
    /// is known of a member (pending requests, its other protocols) is kept.
    pub fn take_over(&mut self, value: GroupValue, now_mono_ms: i64) {
        let completes = self.phase == GroupState::CompletingRebalance;
        self.is_recorded = true;
        self.protocol_type = Some(value.protocol_type).filter(|text| !text.is_empty());
        self.generation = value.generation;
        self.leader = value.leader.map(Arc::from);
        self.state_ms = value.state_ms;
        self.phase = if value.members.is_empty() { GroupState::Empty } else { GroupState::Stable };
        self.phase_due_ms = self.phase_due_ms.filter(|_| self.phase == GroupState::Stable);
        let protocol = value.protocol.clone().unwrap_or_default();
        self.protocol = value.protocol;
        self.take_over_members(value.members, &protocol, now_mono_ms);
        if completes {
            self.note_synced(now_mono_ms);
        }
    }

    fn take_over_members(&mut self, records: Vec<MemberValue>, protocol: &str, now_mono_ms: i64) {
        let ids = |new: &str| records.iter().any(|record| record.id == new);
        if let Some(replacement) = self.replacing.take().filter(|static_| ids(&static_.new)) {
            self.replace_static(*replacement, now_mono_ms);
        }
        if self.members.match_records(&records, protocol) {
            let mut assigned = records.into_iter().map(|record| record.assignment);
            self.members.set_assignments(|_| assigned.next().unwrap_or_default());
            return;
        }
        let mut before = std::mem::take(&mut self.members);
        for record in records {
            self.members.push(match before.remove(&record.id) {
                Some(known) => known.updated_from_record(record, protocol, now_mono_ms),
                None => Member::from_record(record, protocol, now_mono_ms),
            });
        }
    }

    /// Notes that the members that waited for their assignments have them: their answers follow
    /// the record.
    fn note_synced(&mut self, now_mono_ms: i64) {
        let leader = self.leader.clone();
        self.members.change_each(|member| {
            if member.syncing.take().is_some() || leader.as_ref() == Some(&member.id) {
                member.is_unsynced = false;
                member.heard_of(now_mono_ms);
            }
        });
    }

    /// Gives a static member the id and the data of the process that has taken its place.
    fn replace_static(&mut self, replacement: Replacement, now_mono_ms: i64) {
        let Replacement { old, new, protocols, session_timeout_ms, rebalance_timeout_ms } =
            replacement;
        self.members.rename(&old, &new);
        self.members.set_protocols(&new, protocols);
        self.members.change(&new, |member| {
            member.session_timeout_ms = session_timeout_ms;
            member.rebalance_timeout_ms = rebalance_timeout_ms;
            member.heard_of(now_mono_ms);
        });
    }

    /// Returns the subscriptions of the members, if they use the consumer protocol.
    pub fn subscriptions(&self) -> Option<Subscriptions> {
        if self.protocol_type.as_deref() != Some("consumer") || self.members.is_empty() {
            return None;
        }
        let of = |member: &Member| member.metadata(self.protocol.as_deref());
        Some(Subscriptions(self.members.iter().map(of).collect()))
    }

    /// Returns true if it has no members, and is not of a type whose members are not known.
    pub fn has_no_members(&self) -> bool {
        match (self.group_type, &self.consumer) {
            (GroupType::Classic, _) => self.phase == GroupState::Empty,
            (GroupType::Consumer, Some(group)) => group.is_empty(),
            _ => false,
        }
    }

    /// Returns the records that remove it, beside those of its offsets.
    pub fn tombstones(&self) -> Vec<Record> {
        let group = || self.id.to_string();
        match &self.consumer {
            Some(consumer) => {
                let records = consumer.records().into_iter();
                let tombstone = |record: ConsumerRecord| Record::Consumer {
                    group: group(),
                    record: record.tombstone(),
                };
                records.map(tombstone).collect()
            }
            None => vec![Record::Group { group: group(), value: None }],
        }
    }

    /// Returns the name of the state that Kafka's tools show.
    pub fn state_name(&self) -> &'static str {
        self.consumer.as_ref().map_or(self.phase.name(), |group| group.state().name())
    }

    /// Returns true if removing the group would lose nothing.
    pub fn is_bare(&self) -> bool {
        self.group_type == GroupType::Classic
            && !self.is_recorded
            && self.members.is_empty()
            && self.pending.is_empty()
            && self.offsets.is_empty()
            && self.pending_offsets.is_empty()
    }

    /// Returns when the group next has something to do without a request; monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        let (members, pending) = (self.members.next_due_ms(), self.pending.next_due_ms());
        let consumers = self.consumer.as_ref().and_then(|group| group.next_due_ms());
        members.into_iter().chain(pending).chain(self.phase_due_ms).chain(consumers).min()
    }
}

/// The subscriptions of a group's members (ConsumerProtocolSubscription, all versions).
pub struct Subscriptions(Vec<Bytes>);

impl Subscriptions {
    /// Returns the subscribed topics, or `None` if they are not known or are more than are read.
    pub fn topics(&self) -> Option<HashSet<Bytes>> {
        let mut topics = HashSet::new();
        let mut left = TOPICS_READ_MAX;
        for metadata in &self.0 {
            // Of all its fields only the first is read, and without a list of its own.
            let mut decoder = Decoder::new(metadata, 0, false, 0);
            decoder.i16("version").ok()?;
            let count = usize::try_from(decoder.i32("Topics").ok()?).ok()?;
            left = left.checked_sub(count)?;
            for _ in 0..count {
                visit();
                topics.insert(decoder.string("Topics").ok()?.into_bytes());
            }
        }
        Some(topics)
    }
}
