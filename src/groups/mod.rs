//! The group coordinator's state machine (no I/O): `(now, command)` to records and replies.
//!
//! **Invariant:** what outlives the process is changed by `apply` (`dispatch.rs`) alone: a start
//! calls it with the whole log, the driver with the records of each step once they are written. The
//! rest of a group's state (pending requests and their deadlines) is lost with the process, as in
//! Kafka, and may change in a step.
//!
//! **Invariant:** a step looks at no more than a [`SLICE`](limits::SLICE) of items, the members of
//! one group, and the items of its command; if there is more to do, a later step continues.
//!
//! The rules are those of Kafka's `GroupMetadataManager` and `OffsetMetadataManager` for the
//! classic protocol.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::clock::Now;
use crate::groups::deleted_topics::DeletedTopics;
use crate::groups::error::{GroupError, Limit};
use crate::groups::group::Group;
use crate::groups::group_type::GroupType;
use crate::groups::limits::{Limits, Usage};
use crate::groups::open_transactions::OpenTransactions;
use crate::groups::records::OffsetAndMetadata;
use crate::groups::retention_sweep::RetentionSweep;
use crate::groups::topics::CommittedTopics;

use crate::groups::visits::visit;

mod admin;
mod classic;
pub mod command;
pub mod committed;
pub mod consumer;
mod deleted_topics;
mod dispatch;
pub mod error;
pub mod group;
pub mod group_type;
pub mod limits;
pub mod members;
mod offsets;
mod open_transactions;
mod pending;
mod pending_offsets;
pub mod protocols;
pub mod questions;
pub mod records;
mod retention;
mod retention_sweep;
mod small_map;
pub mod step;
mod topics;
mod txn_offsets;
mod visits;

/// The coordinator's configs.
#[derive(Debug, Clone)]
pub struct GroupCoordinatorConfig {
    /// `group.min.session.timeout.ms`.
    pub session_timeout_min_ms: i32,
    /// `group.max.session.timeout.ms`.
    pub session_timeout_max_ms: i32,
    /// `group.max.size`.
    pub size_max: i32,
    /// `group.initial.rebalance.delay.ms`.
    pub initial_delay_ms: i32,
    /// `offset.metadata.max.bytes`.
    pub metadata_bytes_max: i32,
    /// `offsets.retention.minutes`, in ms.
    pub retention_ms: i64,
    /// `offsets.retention.check.interval.ms`.
    pub retention_check_ms: i64,
    /// The limits.
    pub limits: Limits,
}

/// All groups of the coordinator.
#[derive(Debug)]
pub struct Groups {
    rules: GroupCoordinatorConfig,
    groups: HashMap<Arc<str>, Box<Group>>,
    /// The ids of all groups, sorted: decisions must not depend on the order of a hash map.
    ids: BTreeSet<Arc<str>>,
    /// The deadline of each group. May be too early, never too late.
    due: BTreeSet<(i64, Arc<str>)>,
    /// Number of member ids, in all groups, that have been assigned but not used yet.
    pending: usize,
    topics: CommittedTopics,
    open_txns: OpenTransactions,
    usage: Usage,
    random: fastrand::Rng,
    retention_due_ms: Option<i64>,
    sweep: Option<RetentionSweep>,
    deleted_topics: DeletedTopics,
}

impl Groups {
    /// Creates a coordinator without groups.
    pub fn new(rules: GroupCoordinatorConfig, random: fastrand::Rng) -> Groups {
        Groups {
            rules,
            groups: HashMap::new(),
            ids: BTreeSet::new(),
            due: BTreeSet::new(),
            pending: 0,
            topics: CommittedTopics::default(),
            open_txns: OpenTransactions::default(),
            usage: Usage::default(),
            random,
            retention_due_ms: None,
            sweep: None,
            deleted_topics: DeletedTopics::default(),
        }
    }

    pub(crate) fn keep_offset(
        &mut self,
        group: &mut Group,
        topic: &str,
        partition: i32,
        value: OffsetAndMetadata,
    ) {
        if let Err(value) = group.offsets.put(topic, partition, value) {
            let topic = self.topics.add(topic, &group.id);
            group.offsets.put_first(topic, partition, value);
        }
    }

    /// Asserts that the indexes agree with the groups.
    #[cfg(test)]
    fn assert_sound(&self) {
        let mut usage = Usage::default();
        for group in self.groups.values() {
            group.members.assert_sound();
            usage.change(Usage::default(), group.usage());
            let watched = group.watched_ms.map(|due| (due, group.id.clone()));
            assert!(watched.is_none_or(|watched| self.due.contains(&watched)));
            for (topic, ..) in group.offsets.iter() {
                assert!(self.topics.has(topic, &group.id));
            }
            for (topic, _) in group.pending_offsets.partitions() {
                assert!(self.topics.has(topic, &group.id));
            }
            for txn in group.pending_offsets.transactions() {
                assert!(self.open_txns.has(txn, &group.id));
            }
        }
        assert_eq!(usage, self.usage);
        assert!(self.ids.iter().eq(self.in_order().iter().map(|group| &group.id)));
        assert_eq!(self.due.len(), self.groups.values().filter(|g| g.watched_ms.is_some()).count());
    }

    #[cfg(test)]
    fn in_order(&self) -> Vec<&Group> {
        let mut all: Vec<&Group> = self.groups.values().map(|group| &**group).collect();
        all.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Returns the limits.
    pub fn limits(&self) -> Limits {
        self.rules.limits
    }

    /// Returns the usage of all groups.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Returns every topic that has committed offsets.
    pub fn topics(&self) -> BTreeSet<String> {
        self.topics.names()
    }

    /// Returns true if there is no state at all: no id, no deadline, no offset.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
            && self.due.is_empty()
            && self.pending == 0
            && self.open_txns.is_empty()
            && self.usage == Usage::default()
            && self.ids.is_empty()
            && self.topics.names().is_empty()
            && self.deleted_topics.due_ms().is_none()
    }

    /// Returns the state that the log has to rebuild, for comparison with what it does rebuild.
    pub fn durable(&self) -> BTreeMap<String, PersistedGroup> {
        let recorded = |id: &Arc<str>, group: &Group| {
            let is_settled = !matches!(
                group.phase,
                group::GroupState::PreparingRebalance | group::GroupState::CompletingRebalance
            );
            let value = (group.is_recorded && is_settled).then(|| group.value());
            let mut offsets: BTreeMap<String, BTreeMap<i32, OffsetAndMetadata>> = BTreeMap::new();
            for (topic, partition, value) in group.offsets.iter() {
                offsets.entry(topic.to_string()).or_default().insert(partition, value.clone());
            }
            let pending = group.pending_offsets.iter();
            let pending =
                pending.map(|(txn, topic, p, value)| (txn, topic.to_string(), p, value.offset));
            (id.to_string(), PersistedGroup { value, offsets, pending: pending.collect() })
        };
        self.groups.iter().map(|(id, group)| recorded(id, group)).collect()
    }

    fn group_or_new(&mut self, now: Now, id: &str) {
        if self.groups.contains_key(id) {
            return;
        }
        let id: Arc<str> = Arc::from(id);
        let group = Box::new(Group::new(id.clone(), now.wall_ms));
        self.usage.change(Usage::default(), group.usage());
        self.ids.insert(id.clone());
        self.groups.insert(id, group);
    }

    /// Notes that a group has a record of a type that is not served, or no longer has it.
    fn note_type(&mut self, now: Now, id: &str, group_type: GroupType, is_recorded: bool) {
        if is_recorded {
            self.group_or_new(now, id);
        }
        self.with_group(id, |_, group| match is_recorded {
            true => group.group_type = group_type,
            false if group.group_type == group_type => group.group_type = GroupType::Classic,
            // The tombstone comes after the record of another type.
            false => {}
        });
        self.forget_if_bare(id);
    }

    /// Returns how many groups there are of a type.
    pub fn count_of(&self, group_type: GroupType) -> usize {
        self.groups.values().filter(|group| group.group_type == group_type).count()
    }

    /// Refuses a new group if the maximum number has been reached.
    fn has_room_for_group(&self, id: &str) -> Result<(), Limit> {
        let is_known = self.groups.contains_key(id);
        match is_known || self.groups.len() < self.rules.limits.groups {
            true => Ok(()),
            false => Err(Limit::Groups),
        }
    }

    /// Refuses growth beyond the memory of all groups.
    fn has_room_for(&self, growth: usize) -> Result<(), Limit> {
        let wanted = self.usage.bytes.saturating_add(growth);
        match growth == 0 || wanted <= self.rules.limits.bytes {
            true => Ok(()),
            false => Err(Limit::Bytes),
        }
    }

    /// Calls `work` with a group and all of `self`.
    fn with_group<T>(
        &mut self,
        id: &str,
        work: impl FnOnce(&mut Groups, &mut Group) -> T,
    ) -> Option<T> {
        visit();
        let (id, mut group) = self.groups.remove_entry(id)?;
        let (pending, usage) = (group.pending.len(), group.usage());
        let outcome = work(self, &mut group);
        self.pending = self.pending - pending + group.pending.len();
        self.usage.change(usage, group.usage());
        self.groups.insert(id, group);
        Some(outcome)
    }

    /// Registers the next deadline of a group, or removes the group if nothing is left of it.
    fn settle(&mut self, id: &str) {
        self.forget_if_bare(id);
        self.watch(id);
    }

    fn watch(&mut self, id: &str) {
        let Some(group) = self.groups.get_mut(id) else { return };
        let Some(due) = group.next_due_ms() else { return };
        if group.watched_ms.is_some_and(|known| known <= due) {
            return;
        }
        if let Some(known) = group.watched_ms.replace(due) {
            self.due.remove(&(known, group.id.clone()));
        }
        self.due.insert((due, group.id.clone()));
    }

    fn forget_if_bare(&mut self, id: &str) {
        if !self.groups.get(id).is_some_and(|group| group.is_bare()) {
            return;
        }
        let Some(group) = self.groups.remove(id) else { return };
        self.usage.change(group.usage(), Usage::default());
        self.ids.remove(id);
        if let Some(due) = group.watched_ms {
            self.due.remove(&(due, group.id));
        }
    }
}

/// The state of a group that the log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersistedGroup {
    /// The group itself, if it has a record and is not in the middle of a rebalance.
    pub value: Option<records::GroupValue>,
    /// Its offsets.
    pub offsets: BTreeMap<String, BTreeMap<i32, records::OffsetAndMetadata>>,
    /// Its offsets in open transactions: the transaction, the topic, the partition, the offset.
    pub pending: Vec<((i32, i64), String, i32, i64)>,
}

/// Refuses an id that no group may have.
fn checked_id(id: &str) -> Result<(), GroupError> {
    if id.is_empty() { Err(GroupError::InvalidGroupId) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
