//! One consumer group: its members, its epochs, its target assignment.
//!
//! **Invariant:** what outlives the process is changed by [`ConsumerGroup::apply`] alone. Deadlines
//! and what has been checked against the topics are lost with the process and may change in a step.
//!
//! **Invariant:** a partition has at most one owner: the member that has it assigned, or still has
//! to give it up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Now;
use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::member::ConsumerMember;
use crate::groups::consumer::records::{
    ConsumerRecord, CurrentAssignment, EpochsByPartition, GroupEpoch, MemberMetadata, MemberState,
    ResolvedRegex, TargetEpoch,
};
use crate::groups::visits::visit;
use crate::types::TopicId;

/// The epoch of a group without a record (Kafka's `ModernGroup`): the first member gets 2.
const FIRST_EPOCH: i32 = 1;
/// Memory of an owned partition in the indexes and in the assignments of its owner, in bytes.
const PARTITION_BYTES: usize = 160;
/// Memory of a topic or regular expression beside its text, in bytes.
const TOPIC_BYTES: usize = 160;

/// How often the topics of regular expressions are looked for again at most, ms.
const LOOK_AGAIN_MS: i64 = 1000;
/// How many regular expressions one heartbeat has to look for.
const REGEXES_AT_ONCE: usize = 8;

/// The state of a consumer group (Kafka's `ConsumerGroupState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerGroupState {
    /// It has no members.
    Empty,
    /// The target assignment is yet to be computed.
    Assigning,
    /// A member does not have its target assignment yet.
    Reconciling,
    /// Every member has its target assignment.
    Stable,
}

impl ConsumerGroupState {
    /// Returns the name that Kafka's tools show.
    pub fn name(self) -> &'static str {
        match self {
            ConsumerGroupState::Empty => "Empty",
            ConsumerGroupState::Assigning => "Assigning",
            ConsumerGroupState::Reconciling => "Reconciling",
            ConsumerGroupState::Stable => "Stable",
        }
    }
}

/// A regular expression to which members are subscribed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscribedRegex {
    /// The number of those members.
    pub members: usize,
    /// The topics that it matches, once they have been looked for.
    pub resolved: Option<ResolvedRegex>,
    /// The version of the topics for which these are known to be all.
    pub checked_version: Option<i64>,
}

/// A consumer group.
#[derive(Debug, Clone)]
pub struct ConsumerGroup {
    /// Its epoch, and the topics for which it is.
    pub epoch: GroupEpoch,
    /// The epoch of the target assignment.
    pub target: TargetEpoch,
    /// True if the log has the group's own record.
    pub is_recorded: bool,
    /// True if the log has the target's epoch.
    pub has_target: bool,
    /// True if the log has the partitions of the subscribed topics, as Kafka 4.0 wrote them.
    pub has_partition_metadata: bool,
    /// The version of the topics of which the epoch's hash is known to be.
    pub checked_version: Option<i64>,
    /// When a member was last asked to look for the topics of regular expressions, monotonic ms.
    looked_ms: Option<i64>,
    members: BTreeMap<Arc<str>, ConsumerMember>,
    by_instance: BTreeMap<String, Arc<str>>,
    /// How many members name each topic.
    names: BTreeMap<String, usize>,
    regexes: BTreeMap<String, SubscribedRegex>,
    owners: BTreeMap<TopicId, BTreeMap<i32, Arc<str>>>,
    /// When sessions and revocations time out, monotonic ms.
    deadlines: BTreeSet<(i64, Arc<str>)>,
    bytes: usize,
}

impl Default for ConsumerGroup {
    fn default() -> ConsumerGroup {
        ConsumerGroup {
            epoch: GroupEpoch { epoch: FIRST_EPOCH, metadata_hash: 0 },
            target: TargetEpoch { epoch: 0, computed_ms: 0 },
            is_recorded: false,
            has_target: false,
            has_partition_metadata: false,
            checked_version: None,
            looked_ms: None,
            members: BTreeMap::new(),
            by_instance: BTreeMap::new(),
            names: BTreeMap::new(),
            regexes: BTreeMap::new(),
            owners: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            bytes: 0,
        }
    }
}

impl ConsumerGroup {
    /// Returns true if the log has nothing of it.
    pub fn is_bare(&self) -> bool {
        !self.is_recorded
            && !self.has_target
            && !self.has_partition_metadata
            && self.members.is_empty()
            && self.regexes.is_empty()
    }

    /// Returns the approximate memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Iterates over the members, by id.
    pub fn members(&self) -> impl Iterator<Item = (&Arc<str>, &ConsumerMember)> {
        self.members.iter().inspect(|_| visit())
    }

    /// Returns a member.
    pub fn member(&self, id: &str) -> Option<&ConsumerMember> {
        visit();
        self.members.get(id)
    }

    /// Returns the id of the member with this instance id.
    pub fn with_instance(&self, instance_id: &str) -> Option<&Arc<str>> {
        visit();
        self.by_instance.get(instance_id)
    }

    /// Returns the state.
    pub fn state(&self) -> ConsumerGroupState {
        if self.members.is_empty() {
            return ConsumerGroupState::Empty;
        }
        if self.epoch.epoch > self.target.epoch {
            return ConsumerGroupState::Assigning;
        }
        let is_behind = |member: &ConsumerMember| !member.is_reconciled_to(self.target.epoch);
        match self.members().any(|(_, member)| is_behind(member)) {
            true => ConsumerGroupState::Reconciling,
            false => ConsumerGroupState::Stable,
        }
    }

    /// Returns the regular expressions that are subscribed to or resolved.
    pub fn regexes(&self) -> &BTreeMap<String, SubscribedRegex> {
        &self.regexes
    }

    /// Returns whether a member is subscribed to the topic.
    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        let matches = |regex: &SubscribedRegex| {
            let topics = regex.resolved.as_ref().map(|resolved| &resolved.topics);
            let is_there = |topics: &Vec<Arc<str>>| {
                topics.binary_search_by(|known| (**known).cmp(topic)).is_ok()
            };
            regex.members > 0 && topics.is_some_and(is_there)
        };
        self.names.contains_key(topic) || self.regexes.values().any(matches)
    }

    /// Returns regular expressions whose topics have to be looked for again, and asks for no others
    /// for a while.
    pub fn stale_regexes(&mut self, now: Now, version: i64, refresh_ms: i64) -> Vec<String> {
        let is_early = |last| now.mono_ms - last < LOOK_AGAIN_MS;
        if self.regexes.is_empty() || self.looked_ms.is_some_and(is_early) {
            return Vec::new();
        }
        let is_stale = |regex: &SubscribedRegex| {
            let is_old = |resolved: &ResolvedRegex| resolved.is_older(now, refresh_ms);
            regex.members > 0
                && (regex.checked_version != Some(version)
                    || regex.resolved.as_ref().is_none_or(is_old))
        };
        let all = self.regexes.iter().inspect(|_| visit());
        let stale = all.filter(|(_, regex)| is_stale(regex)).map(|(regex, _)| regex.clone());
        let stale: Vec<String> = stale.take(REGEXES_AT_ONCE).collect();
        self.looked_ms = Some(now.mono_ms);
        stale
    }

    /// Notes that the topics of a regular expression are those of this version.
    pub fn note_checked(&mut self, regex: &str, version: i64) {
        if let Some(regex) = self.regexes.get_mut(regex) {
            regex.checked_version = Some(version);
        }
    }

    /// Returns the member that has a partition, or still has to give it up.
    pub fn owner(&self, topic: TopicId, partition: i32) -> Option<&Arc<str>> {
        self.owners.get(&topic)?.get(&partition)
    }

    /// Returns when a session or a revocation times out, monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// Returns the members of which a session or a revocation has timed out.
    pub fn overdue(&self, now_mono_ms: i64) -> BTreeSet<Arc<str>> {
        let due = self.deadlines.iter().take_while(|(due, _)| *due <= now_mono_ms);
        due.map(|(_, id)| id.clone()).inspect(|_| visit()).collect()
    }

    /// Changes a member's deadlines.
    pub fn set_deadlines(&mut self, id: &str, change: impl FnOnce(&mut ConsumerMember)) {
        let Some((id, member)) = self.members.get_key_value(id) else { return };
        for due in member.deadlines() {
            self.deadlines.remove(&(due, id.clone()));
        }
        let id = id.clone();
        let Some(member) = self.members.get_mut(&id) else { return };
        change(member);
        self.deadlines.extend(member.deadlines().map(|due| (due, id.clone())));
    }

    /// Returns the records that make the group what it is.
    pub fn records(&self) -> Vec<ConsumerRecord> {
        let mut all = Vec::new();
        for (id, member) in &self.members {
            let ConsumerMember { metadata, target, current, .. } = member.clone();
            all.push(ConsumerRecord::Current(id.to_string(), Some(current)));
            all.push(ConsumerRecord::Target(id.to_string(), Some(target)));
            all.push(ConsumerRecord::Member(id.to_string(), Some(Box::new(metadata))));
        }
        all.extend(self.has_target.then_some(ConsumerRecord::TargetEpoch(Some(self.target))));
        let regexes = self.regexes.iter();
        let resolved = regexes.filter_map(|(regex, known)| Some((regex, known.resolved.clone()?)));
        all.extend(resolved.map(|(regex, of)| ConsumerRecord::Regex(regex.clone(), Some(of))));
        if self.has_partition_metadata {
            all.push(ConsumerRecord::PartitionMetadata(Some(Bytes::new())));
        }
        all.extend(self.is_recorded.then_some(ConsumerRecord::Group(Some(self.epoch))));
        all
    }

    /// Applies a record of the log. `session_timeout_ms` is that of members of which nothing has
    /// been heard yet.
    pub fn apply(&mut self, now: Now, record: &ConsumerRecord, session_timeout_ms: i32) {
        match record {
            ConsumerRecord::Group(value) => {
                self.is_recorded = value.is_some();
                self.epoch = value.unwrap_or(ConsumerGroup::default().epoch);
            }
            ConsumerRecord::PartitionMetadata(value) => {
                self.has_partition_metadata = value.is_some();
            }
            ConsumerRecord::Member(id, Some(metadata)) => {
                self.put_metadata(now, id, metadata, session_timeout_ms);
            }
            ConsumerRecord::Member(id, None) => self.remove(id),
            ConsumerRecord::TargetEpoch(value) => {
                self.has_target = value.is_some();
                self.target = value.unwrap_or(ConsumerGroup::default().target);
            }
            ConsumerRecord::Target(id, Some(target)) => {
                self.member_or_new(now, id, session_timeout_ms);
                self.put_target(id, target.clone());
            }
            ConsumerRecord::Target(id, None) => self.put_target(id, Assignment::default()),
            ConsumerRecord::Current(id, Some(current)) => {
                self.member_or_new(now, id, session_timeout_ms);
                self.put_current(now, id, current.clone());
            }
            ConsumerRecord::Current(id, None) => {
                self.put_current(now, id, CurrentAssignment::default());
            }
            ConsumerRecord::Regex(regex, resolved) => self.put_resolved(regex, resolved.as_ref()),
        }
    }

    /// Returns a member; creates it if it does not exist. A record of any type does, as in Kafka:
    /// in a compacted log a member's assignment may come before what it says of itself.
    fn member_or_new(&mut self, now: Now, id: &str, session_timeout_ms: i32) -> Arc<str> {
        if let Some((id, _)) = self.members.get_key_value(id) {
            return id.clone();
        }
        let id: Arc<str> = Arc::from(id);
        let member = ConsumerMember::new(now.mono_ms + i64::from(session_timeout_ms));
        self.deadlines.extend(member.deadlines().map(|due| (due, id.clone())));
        self.bytes += member.bytes() + id.len();
        self.members.insert(id.clone(), member);
        id
    }

    fn put_metadata(
        &mut self,
        now: Now,
        id: &str,
        metadata: &MemberMetadata,
        session_timeout_ms: i32,
    ) {
        let id = self.member_or_new(now, id, session_timeout_ms);
        let Some(member) = self.members.get_mut(&id) else { return };
        self.bytes = self.bytes - member.bytes();
        let before = std::mem::replace(&mut member.metadata, metadata.clone());
        self.bytes += member.bytes();
        self.unlearn(&before, &id);
        self.learn(metadata, &id);
    }

    fn learn(&mut self, metadata: &MemberMetadata, id: &Arc<str>) {
        if let Some(instance) = &metadata.instance_id {
            self.by_instance.insert(instance.clone(), id.clone());
        }
        for name in &metadata.topic_names {
            visit();
            match self.names.get_mut(name) {
                Some(members) => *members += 1,
                None => {
                    self.bytes += TOPIC_BYTES + name.len();
                    self.names.insert(name.clone(), 1);
                }
            }
        }
        if let Some(regex) = metadata.regex() {
            self.regex(regex).members += 1;
        }
    }

    fn unlearn(&mut self, metadata: &MemberMetadata, id: &Arc<str>) {
        if let Some(instance) = &metadata.instance_id
            && self.by_instance.get(instance) == Some(id)
        {
            self.by_instance.remove(instance);
        }
        for name in &metadata.topic_names {
            visit();
            let Some(members) = self.names.get_mut(name) else { continue };
            *members -= 1;
            if *members == 0 {
                self.bytes -= TOPIC_BYTES + name.len();
                self.names.remove(name);
            }
        }
        if let Some(regex) = metadata.regex() {
            self.regex(regex).members -= 1;
            self.forget_regex(regex);
        }
    }

    fn regex(&mut self, regex: &str) -> &mut SubscribedRegex {
        if !self.regexes.contains_key(regex) {
            self.bytes += TOPIC_BYTES + regex.len();
        }
        self.regexes.entry(regex.to_owned()).or_default()
    }

    fn put_resolved(&mut self, regex: &str, resolved: Option<&ResolvedRegex>) {
        if resolved.is_none() && !self.regexes.contains_key(regex) {
            return;
        }
        let known = self.regex(regex);
        let before = std::mem::replace(&mut known.resolved, resolved.cloned());
        self.bytes += resolved.map_or(0, ResolvedRegex::bytes);
        self.bytes -= before.map_or(0, |before| before.bytes());
        self.forget_regex(regex);
    }

    fn forget_regex(&mut self, regex: &str) {
        if self.regexes.get(regex).is_some_and(|r| r.members == 0 && r.resolved.is_none()) {
            self.bytes -= TOPIC_BYTES + regex.len();
            self.regexes.remove(regex);
        }
    }

    fn put_target(&mut self, id: &str, target: Assignment) {
        let Some(member) = self.members.get_mut(id) else { return };
        self.bytes -= member.bytes();
        member.target = target;
        self.bytes += member.bytes();
    }

    fn put_current(&mut self, now: Now, id: &str, current: CurrentAssignment) {
        let Some((id, member)) = self.members.get_key_value(id) else { return };
        let id = id.clone();
        let before = member.current.clone();
        self.disown(&id, &before.assigned);
        self.disown(&id, &before.pending_revocation);
        self.own(&id, &current.assigned);
        self.own(&id, &current.pending_revocation);
        self.set_deadlines(&id, |member| {
            // It has the whole time again for each change, as in Kafka.
            let timeout_ms = i64::from(member.metadata.rebalance_timeout_ms.max(0));
            member.revocation_due_ms = (current.state == MemberState::UnrevokedPartitions)
                .then(|| now.mono_ms.saturating_add(timeout_ms));
        });
        let Some(member) = self.members.get_mut(&id) else { return };
        self.bytes -= member.bytes();
        member.current = current;
        self.bytes += member.bytes();
    }

    fn own(&mut self, id: &Arc<str>, partitions: &EpochsByPartition) {
        for (topic, partitions) in partitions {
            let owners = self.owners.entry(*topic).or_default();
            for partition in partitions.keys() {
                visit();
                if owners.insert(*partition, id.clone()).is_none() {
                    self.bytes += PARTITION_BYTES;
                }
            }
        }
    }

    fn disown(&mut self, id: &Arc<str>, partitions: &EpochsByPartition) {
        for (topic, partitions) in partitions {
            let Some(owners) = self.owners.get_mut(topic) else { continue };
            for partition in partitions.keys() {
                visit();
                if owners.get(partition) == Some(id) {
                    owners.remove(partition);
                    self.bytes -= PARTITION_BYTES;
                }
            }
            if owners.is_empty() {
                self.owners.remove(topic);
            }
        }
    }

    fn remove(&mut self, id: &str) {
        self.set_deadlines(id, |member| member.revocation_due_ms = None);
        let Some((id, member)) = self.members.remove_entry(id) else { return };
        for due in member.deadlines() {
            self.deadlines.remove(&(due, id.clone()));
        }
        self.bytes -= member.bytes() + id.len();
        self.disown(&id, &member.current.assigned);
        self.disown(&id, &member.current.pending_revocation);
        self.unlearn(&member.metadata, &id);
    }
}
