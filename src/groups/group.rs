//! One group: its members, its phase, its committed offsets.
//!
//! **Invariant:** the leader is a member, or there is none and no leader either; every static
//! member's instance id leads to its member id.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::groups::Ticket;
use crate::groups::records::{Committed, GroupValue, MemberValue};

/// Where a group stands. `Dead` is not kept: such a group is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nobody is in it; it may have committed offsets.
    Empty,
    /// Members are to join (again).
    PreparingRebalance,
    /// All have joined; the leader's assignment is awaited.
    CompletingRebalance,
    /// Everybody has an assignment.
    Stable,
}

impl Phase {
    /// The name that Kafka's tools show.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::PreparingRebalance => "PreparingRebalance",
            Phase::CompletingRebalance => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }
}

/// A protocol that a member knows, with its metadata for it. In the order of its preference.
pub type Protocols = Vec<(String, Bytes)>;

/// One member.
#[derive(Debug, Clone)]
pub struct Member {
    /// The id that the coordinator gave it.
    pub id: String,
    /// `group.instance.id` of a static member (KIP-345).
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connected from.
    pub client_host: String,
    /// How long it may be silent, ms.
    pub session_timeout_ms: i32,
    /// How long it may take to rejoin, ms.
    pub rebalance_timeout_ms: i32,
    /// What it can be assigned by.
    pub protocols: Protocols,
    /// What the leader gave it last.
    pub assignment: Bytes,
    /// The JoinGroup that waits for everybody.
    pub joining: Option<Ticket>,
    /// The SyncGroup that waits for the leader.
    pub syncing: Option<Ticket>,
    /// When it is taken for dead, unless it waits or is heard of before; monotonic ms.
    pub session_due_ms: i64,
    /// True until its first join is answered.
    pub is_new: bool,
}

impl Member {
    /// Its metadata for a protocol.
    pub fn metadata(&self, protocol: Option<&str>) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| Some(name.as_str()) == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    /// True if silence means nothing now: the coordinator owes it an answer.
    pub fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }

    /// What it is by the log. A start comes here once for each generation, and the member may have
    /// said something else in each.
    fn taking_over(self, told: MemberValue, protocol: &str, session_due_ms: i64) -> Member {
        let is_same_timeout = self.session_timeout_ms == told.session_timeout_ms;
        let is_same_metadata = self.metadata(Some(protocol)) == told.subscription;
        Member {
            instance_id: told.instance_id,
            client_id: told.client_id,
            client_host: told.client_host,
            session_timeout_ms: told.session_timeout_ms,
            rebalance_timeout_ms: told.rebalance_timeout_ms,
            protocols: match is_same_metadata {
                true => self.protocols,
                false => vec![(protocol.to_owned(), told.subscription)],
            },
            assignment: told.assignment,
            session_due_ms: if is_same_timeout { self.session_due_ms } else { session_due_ms },
            ..self
        }
    }

    fn value(&self, protocol: Option<&str>) -> MemberValue {
        MemberValue {
            id: self.id.clone(),
            instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment: self.assignment.clone(),
        }
    }
}

/// A group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Where it stands.
    pub phase: Phase,
    /// When it came there, ms since 1970.
    pub state_ms: i64,
    /// `consumer` and the like; none for a group that only ever committed offsets.
    pub protocol_type: Option<String>,
    /// Counts rebalances.
    pub generation: i32,
    /// The assignor that was chosen for the generation.
    pub protocol: Option<String>,
    /// Who assigns.
    pub leader: Option<String>,
    /// In the order in which they joined.
    pub members: Vec<Member>,
    /// Ids that were given out and have not come back yet, and until when they may.
    pub pending: BTreeMap<String, i64>,
    /// Members of this generation that have not synced yet.
    pub unsynced: BTreeSet<String>,
    /// When the phase is over, whoever is missing; monotonic ms.
    pub phase_due_ms: Option<i64>,
    /// For a first rebalance: how much longer it may be put off, and whether somebody came since.
    pub first: Option<FirstRebalance>,
    /// What was committed, by topic and partition.
    pub offsets: BTreeMap<String, BTreeMap<i32, Committed>>,
    /// True if the log holds a record of the group itself.
    pub is_recorded: bool,
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
    pub fn new(now_wall_ms: i64) -> Group {
        Group {
            phase: Phase::Empty,
            state_ms: now_wall_ms,
            protocol_type: None,
            generation: 0,
            protocol: None,
            leader: None,
            members: Vec::new(),
            pending: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            phase_due_ms: None,
            first: None,
            offsets: BTreeMap::new(),
            is_recorded: false,
        }
    }

    /// A member by id.
    pub fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// A member by id, to change.
    pub fn member_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    /// The member with this instance id.
    pub fn static_member(&self, instance_id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.instance_id.as_deref() == Some(instance_id))
    }

    /// Enter a phase.
    pub fn enter(&mut self, phase: Phase, now_wall_ms: i64) {
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
        let at = self.members.iter().position(|member| member.id == id)?;
        let gone = self.members.remove(at);
        self.unsynced.remove(id);
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.first().map(|member| member.id.clone());
        }
        Some(gone)
    }

    /// The longest time that any member may take to rejoin, ms.
    pub fn rebalance_timeout_ms(&self) -> i64 {
        self.members.iter().map(|m| i64::from(m.rebalance_timeout_ms)).max().unwrap_or(0)
    }

    /// How many members wait for the end of the join phase.
    pub fn joined(&self) -> usize {
        self.members.iter().filter(|member| member.joining.is_some()).count()
    }

    /// True if nobody is missing.
    pub fn has_all_joined(&self) -> bool {
        self.pending.is_empty() && self.joined() == self.members.len()
    }

    /// Protocols that every member knows, but for `except`, in the order of the first member.
    fn common_protocols(&self, except: Option<&str>) -> Option<Vec<&str>> {
        let mut members = self.members.iter().filter(|m| Some(m.id.as_str()) != except);
        let first = members.next()?;
        let rest: Vec<&Member> = members.collect();
        let known = |name: &str, m: &Member| m.protocols.iter().any(|(n, _)| n == name);
        let names = first.protocols.iter().map(|(name, _)| name.as_str());
        Some(names.filter(|name| rest.iter().all(|m| known(name, m))).collect())
    }

    /// True if a member with these protocols has one in common with all others.
    pub fn accepts(&self, protocol_type: &str, protocols: &Protocols, of: Option<&str>) -> bool {
        if protocol_type.is_empty() || protocols.is_empty() {
            return false;
        }
        let is_of_type = self.protocol_type.as_deref() == Some(protocol_type);
        if !self.members.is_empty() && !is_of_type {
            return false;
        }
        let Some(common) = self.common_protocols(of) else { return true };
        is_of_type && protocols.iter().any(|(name, _)| common.contains(&name.as_str()))
    }

    /// The protocol with the most votes, each member voting for its first that all know; of
    /// several, the one that was voted for first.
    pub fn elect_protocol(&self) -> Option<String> {
        let common = self.common_protocols(None)?;
        let mut votes: Vec<(&str, usize)> = Vec::new();
        for member in &self.members {
            let mut names = member.protocols.iter().map(|(name, _)| name.as_str());
            let Some(choice) = names.find(|name| common.contains(name)) else { continue };
            match votes.iter_mut().find(|(name, _)| *name == choice) {
                Some((_, count)) => *count += 1,
                None => votes.push((choice, 1)),
            }
        }
        let most = votes.iter().map(|(_, count)| *count).max()?;
        votes.iter().find(|(_, count)| *count == most).map(|(name, _)| (*name).to_owned())
    }

    /// What the log is told of the group.
    pub fn value(&self) -> GroupValue {
        GroupValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
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
        self.leader = value.leader;
        self.state_ms = value.state_ms;
        self.phase = if value.members.is_empty() { Phase::Empty } else { Phase::Stable };
        self.phase_due_ms = self.phase_due_ms.filter(|_| self.phase == Phase::Stable);
        let protocol = value.protocol.clone().unwrap_or_default();
        self.protocol = value.protocol;
        let mut before = std::mem::take(&mut self.members);
        for told in value.members {
            let known = before.iter().position(|m| m.id == told.id).map(|at| before.remove(at));
            let session_due_ms = now_mono_ms + i64::from(told.session_timeout_ms);
            let member = match known {
                Some(known) => known.taking_over(told, &protocol, session_due_ms),
                None => Member {
                    id: told.id,
                    instance_id: told.instance_id,
                    client_id: told.client_id,
                    client_host: told.client_host,
                    session_timeout_ms: told.session_timeout_ms,
                    rebalance_timeout_ms: told.rebalance_timeout_ms,
                    protocols: vec![(protocol.clone(), told.subscription)],
                    assignment: told.assignment,
                    joining: None,
                    syncing: None,
                    session_due_ms,
                    is_new: false,
                },
            };
            self.members.push(member);
        }
    }

    /// The topics that its members read, if they say so in the way of consumers.
    pub fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if self.protocol_type.as_deref() != Some("consumer") || self.members.is_empty() {
            return None;
        }
        let mut topics = BTreeSet::new();
        for member in &self.members {
            topics.extend(subscription_topics(&member.metadata(self.protocol.as_deref()))?);
        }
        Some(topics)
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
        let sessions = self.members.iter().filter(|m| !m.is_waiting()).map(|m| m.session_due_ms);
        let newcomers = self
            .members
            .iter()
            .filter(|m| m.is_new && m.joining.is_some())
            .map(|m| m.session_due_ms);
        let pending = self.pending.values().copied();
        sessions.chain(newcomers).chain(pending).chain(self.phase_due_ms).min()
    }
}

/// The topics in a consumer's subscription (ConsumerProtocolSubscription, all versions).
fn subscription_topics(metadata: &[u8]) -> Option<Vec<String>> {
    let mut reader = crate::fields::Reader::new(metadata);
    reader.i16().ok()?;
    reader.old_list(|r| r.old_string()).ok()
}
