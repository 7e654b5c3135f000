//! One group: its members, its phase, its committed offsets.
//!
//! **Invariant:** the leader is a member, or there is none and no leader either; every static
//! member's instance id leads to its member id.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::groups::committed::CommittedOffsets;
use crate::groups::limits::Usage;
use crate::groups::members::{Member, Members, Protocols};
use crate::groups::pending::Pending;
use crate::groups::records::GroupValue;
use crate::groups::visits::visit;

/// What a group takes beside its id, its members, the ids that are out and its offsets.
const GROUP_BYTES: usize = 640;
/// Of how many topic names in the subscriptions of its members is looked at most. A group that
/// names more is taken to read everything, so that nothing of it is forgotten too early.
const TOPICS_READ_MAX: usize = 100_000;

/// Where a group stands. `Dead` is not kept: such a group is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// Nobody is in it; it may have committed offsets.
    Empty,
    /// Members are to join (again).
    PreparingRebalance,
    /// All have joined; the leader's assignment is awaited.
    CompletingRebalance,
    /// Everybody has an assignment.
    Stable,
}

impl GroupState {
    /// The name that Kafka's tools show.
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
    /// Where it stands.
    pub phase: GroupState,
    /// When it came there, ms since 1970.
    pub state_ms: i64,
    /// `consumer` and the like; none for a group that only ever committed offsets.
    pub protocol_type: Option<String>,
    /// Counts rebalances.
    pub generation: i32,
    /// The assignor that was chosen for the generation.
    pub protocol: Option<String>,
    /// Who assigns.
    pub leader: Option<Arc<str>>,
    /// In the order in which they joined.
    pub members: Members,
    /// Ids that were given out and have not come back yet.
    pub pending: Pending,
    /// When the phase is over, whoever is missing; monotonic ms.
    pub phase_due_ms: Option<i64>,
    /// For a first rebalance: how much longer it may be put off, and whether somebody came since.
    pub first: Option<FirstRebalance>,
    /// What was committed, by topic and partition.
    pub offsets: CommittedOffsets,
    /// True if the log holds a record of the group itself.
    pub is_recorded: bool,
    /// When it is looked at next, if it waits for that; monotonic ms.
    pub watched_ms: Option<i64>,
}

/// The delay that lets the members of a new group arrive together.
#[derive(Debug, Clone, Copy)]
pub struct FirstRebalance {
    /// What is left of the rebalance timeout, ms.
    pub left_ms: i64,
    /// True if a member came during the delay.
    pub somebody_came: bool,
}

impl Group {
    /// A group that nobody has joined.
    pub fn new(id: Arc<str>, now_wall_ms: i64) -> Group {
        Group {
            id,
            phase: GroupState::Empty,
            state_ms: now_wall_ms,
            protocol_type: None,
            generation: 0,
            protocol: None,
            leader: None,
            members: Members::default(),
            pending: Pending::default(),
            phase_due_ms: None,
            first: None,
            offsets: CommittedOffsets::default(),
            is_recorded: false,
            watched_ms: None,
        }
    }

    /// Its share in what there is.
    pub fn usage(&self) -> Usage {
        let own = GROUP_BYTES + self.id.len() + self.pending.bytes();
        Usage {
            groups: 1,
            members: self.members.len(),
            offsets: self.offsets.len(),
            bytes: own + self.members.bytes() + self.offsets.bytes(),
        }
    }

    /// Enter a phase.
    pub fn enter(&mut self, phase: GroupState, now_wall_ms: i64) {
        self.phase = phase;
        self.state_ms = now_wall_ms;
    }

    /// Add a member; the first one leads.
    pub fn add(&mut self, member: Member) {
        self.leader.get_or_insert_with(|| member.id.clone());
        self.members.push(member);
    }

    /// Take a member out; the next one leads if it did.
    pub fn remove(&mut self, id: &str) -> Option<Member> {
        let gone = self.members.remove(id)?;
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.iter().next().map(|member| member.id.clone());
        }
        Some(gone)
    }

    /// The longest time that any member may take to rejoin, ms.
    pub fn rebalance_timeout_ms(&self) -> i64 {
        self.members.iter().map(|m| i64::from(m.rebalance_timeout_ms)).max().unwrap_or(0)
    }

    /// True if nobody is missing.
    pub fn has_all_joined(&self) -> bool {
        self.pending.is_empty() && self.members.joining() == self.members.len()
    }

    /// True if a member with these protocols may be in the group: one of them is known to all that
    /// are in it, the member itself among them if it is (Kafka's
    /// `ClassicGroup.supportsProtocols`).
    pub fn accepts(&self, protocol_type: &str, protocols: &Protocols) -> bool {
        if self.phase == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|(name, _)| self.members.all_know(name))
    }

    /// What the log is told of the group.
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

    /// Take over what the log says: the members of a generation with their assignments. What is
    /// known of a member beside that (who waits, what else it could be assigned by) stays.
    pub fn take_over(&mut self, value: GroupValue, now_mono_ms: i64) {
        self.is_recorded = true;
        self.protocol_type = Some(value.protocol_type).filter(|text| !text.is_empty());
        self.generation = value.generation;
        self.leader = value.leader.map(Arc::from);
        self.state_ms = value.state_ms;
        self.phase = if value.members.is_empty() { GroupState::Empty } else { GroupState::Stable };
        self.phase_due_ms = self.phase_due_ms.filter(|_| self.phase == GroupState::Stable);
        let protocol = value.protocol.clone().unwrap_or_default();
        self.protocol = value.protocol;
        // A step has just said this of its own members.
        if self.members.match_records(&value.members, &protocol) {
            return;
        }
        let mut before = std::mem::take(&mut self.members);
        for told in value.members {
            self.members.push(match before.remove(&told.id) {
                Some(known) => known.updated_from_record(told, &protocol, now_mono_ms),
                None => Member::from_record(told, &protocol, now_mono_ms),
            });
        }
    }

    /// The topics that its members read, if they say so in the way of consumers.
    pub fn subscriptions(&self) -> Option<Subscriptions> {
        if self.protocol_type.as_deref() != Some("consumer") || self.members.is_empty() {
            return None;
        }
        let of = |member: &Member| member.metadata(self.protocol.as_deref());
        Some(Subscriptions(self.members.iter().map(of).collect()))
    }

    /// True if nothing would be lost with it.
    pub fn is_bare(&self) -> bool {
        !self.is_recorded
            && self.members.is_empty()
            && self.pending.is_empty()
            && self.offsets.is_empty()
    }

    /// When something is to be done though nobody asks; monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        let (members, pending) = (self.members.next_due_ms(), self.pending.next_due_ms());
        members.into_iter().chain(pending).chain(self.phase_due_ms).min()
    }
}

/// What the members of a group say that they read (ConsumerProtocolSubscription, all versions).
pub struct Subscriptions(Vec<Bytes>);

impl Subscriptions {
    /// Returns the topics in them, or `None` if they do not say, or name more than is looked at.
    pub fn topics(&self) -> Option<HashSet<&[u8]>> {
        let mut topics = HashSet::new();
        let mut left = TOPICS_READ_MAX;
        for metadata in &self.0 {
            let mut reader = crate::fields::Reader::new(metadata);
            reader.i16().ok()?;
            let count = usize::try_from(reader.i32().ok()?).ok()?;
            left = left.checked_sub(count)?;
            for _ in 0..count {
                visit();
                let length = usize::try_from(reader.i16().ok()?).ok()?;
                topics.insert(reader.take(length).ok()?);
            }
        }
        Some(topics)
    }
}
