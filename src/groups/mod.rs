//! The group coordinator's mind: a pure machine, `(now, input)` to records and replies.
//!
//! **Invariant:** what is to outlive the process is changed by [`Groups::apply`] alone, which a
//! start does with the whole log and a step with the records that it has just decided on. What
//! else a group has (who waits for whom, until when) is gone with the process, as in Kafka.
//!
//! **Invariant:** no reply to a step may leave before its records are written.
//!
//! Rules as in Kafka's `GroupMetadataManager` and `OffsetMetadataManager` for the classic
//! protocol.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::Now;
use crate::groups::group::Group;
use crate::groups::input::{Fault, Input, Reply};
use crate::groups::records::Record;

mod admin;
pub mod group;
mod heartbeat;
pub mod input;
mod join;
mod offsets;
pub mod records;
mod sync;
mod timers;

/// Whose answer a reply is. Given by whoever asks.
pub type Ticket = u64;

/// What the coordinator's configs say.
#[derive(Debug, Clone)]
pub struct Rules {
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
}

/// What one step has decided.
#[derive(Debug, Default)]
pub struct Step {
    /// To be written, in this order.
    pub records: Vec<Record>,
    /// To be sent once the records are written.
    pub replies: Vec<(Ticket, Reply)>,
}

impl Step {
    fn reply(&mut self, ticket: Ticket, reply: Reply) {
        self.replies.push((ticket, reply));
    }
}

/// All groups of the coordinator.
#[derive(Debug)]
pub struct Groups {
    rules: Rules,
    groups: HashMap<String, Group>,
    /// When which group wants to be looked at. May be too early, never too late.
    due: BTreeSet<(i64, String)>,
    due_of: HashMap<String, i64>,
    /// Ids given out in all groups.
    pending: usize,
    chance: fastrand::Rng,
    retention_due_ms: Option<i64>,
}

impl Groups {
    /// No group yet.
    pub fn new(rules: Rules, chance: fastrand::Rng) -> Groups {
        Groups {
            rules,
            groups: HashMap::new(),
            due: BTreeSet::new(),
            due_of: HashMap::new(),
            pending: 0,
            chance,
            retention_due_ms: None,
        }
    }

    /// Do what is asked. The records are applied already.
    pub fn step(&mut self, now: Now, ticket: Ticket, input: Input) -> Step {
        let mut step = Step::default();
        let group = input.group().map(str::to_owned);
        match input {
            Input::Join(join) => self.join(now, ticket, join, &mut step),
            Input::Sync(sync) => self.sync(now, ticket, sync, &mut step),
            Input::Heartbeat(identity) => {
                let outcome = self.heartbeat(now, &identity);
                step.reply(ticket, Reply::Heartbeat(outcome));
            }
            Input::Leave { group, members } => self.leave(now, ticket, &group, members, &mut step),
            Input::Commit(commit) => self.commit(now, ticket, commit, &mut step),
            Input::FetchOffsets { group, wanted } => {
                step.reply(ticket, Reply::Fetched(self.fetch_offsets(&group, wanted)));
            }
            Input::DeleteOffsets { group, wanted } => {
                self.delete_offsets(ticket, &group, wanted, &mut step);
            }
            Input::Describe { group } => {
                step.reply(ticket, Reply::Described(self.describe(&group).map(Box::new)));
            }
            Input::List => step.reply(ticket, Reply::Listed(self.list())),
            Input::Delete { group } => self.delete(ticket, &group, &mut step),
            Input::TopicDeleted { topic } => {
                self.forget_topic(&topic, &mut step);
                step.reply(ticket, Reply::TopicForgotten);
            }
        }
        self.settle(now, &step, group.as_deref());
        step
    }

    /// Do what time asks for.
    pub fn tick(&mut self, now: Now) -> Step {
        let mut step = Step::default();
        while let Some((due, id)) = self.due.first().cloned().filter(|(due, _)| *due <= now.mono_ms)
        {
            self.due.remove(&(due, id.clone()));
            self.due_of.remove(&id);
            let done = step.records.len();
            self.with_group(&id, |groups, group| groups.expire(now, &id, group, &mut step));
            let part = Step { records: step.records.split_off(done), replies: Vec::new() };
            self.settle(now, &part, Some(&id));
            step.records.extend(part.records);
        }
        if self.retention_due_ms.is_some_and(|due| due <= now.mono_ms) {
            let mut part = Step::default();
            self.expire_offsets(now, &mut part);
            self.settle(now, &part, None);
            step.records.extend(part.records);
        }
        step
    }

    /// When [`Groups::tick`] has something to do, monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        let first = self.due.first().map(|(due, _)| *due);
        first.into_iter().chain(self.retention_due_ms).min()
    }

    /// Take in one record of the log.
    pub fn apply(&mut self, now: Now, record: &Record) {
        match record {
            Record::Offset { group, topic, partition, value: Some(value) } => {
                let group = self.group_or_new(now, group);
                let topic = group.offsets.entry(topic.clone()).or_default();
                topic.insert(*partition, value.clone());
            }
            Record::Offset { group: id, topic, partition, value: None } => {
                let Some(group) = self.groups.get_mut(id) else { return };
                if let Some(partitions) = group.offsets.get_mut(topic) {
                    partitions.remove(partition);
                    if partitions.is_empty() {
                        group.offsets.remove(topic);
                    }
                }
                self.forget_if_bare(id);
            }
            Record::Group { group: id, value: Some(value) } => {
                self.group_or_new(now, id).take_over(value.clone(), now.mono_ms);
                self.watch(id);
            }
            Record::Group { group: id, value: None } => {
                let Some(group) = self.groups.get_mut(id) else { return };
                let (offsets, pending) =
                    (std::mem::take(&mut group.offsets), std::mem::take(&mut group.pending));
                *group = Group { offsets, pending, ..Group::new(now.wall_ms) };
                self.forget_if_bare(id);
            }
        }
        if self.retention_due_ms.is_none() && !self.groups.is_empty() {
            self.retention_due_ms = Some(now.mono_ms + self.rules.retention_check_ms);
        }
    }

    /// Every topic of which something is committed.
    pub fn topics(&self) -> BTreeSet<String> {
        self.groups.values().flat_map(|group| group.offsets.keys().cloned()).collect()
    }

    /// True if nothing is kept of any group: no id, no time, no offset.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.due.is_empty() && self.due_of.is_empty() && self.pending == 0
    }

    /// What the log would rebuild, to compare with what it does rebuild.
    pub fn durable(&self) -> BTreeMap<String, Durable> {
        let recorded = |(id, group): (&String, &Group)| {
            let is_settled = !matches!(
                group.phase,
                group::Phase::PreparingRebalance | group::Phase::CompletingRebalance
            );
            let value = (group.is_recorded && is_settled).then(|| group.value());
            (id.clone(), Durable { value, offsets: group.offsets.clone() })
        };
        self.groups.iter().map(recorded).collect()
    }

    /// All groups in the order of their ids: what is decided must not hang on a hash's chance.
    fn in_order(&self) -> Vec<(&String, &Group)> {
        let mut all: Vec<_> = self.groups.iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    fn group_or_new(&mut self, now: Now, id: &str) -> &mut Group {
        self.groups.entry(id.to_owned()).or_insert_with(|| Group::new(now.wall_ms))
    }

    /// Work on a group with all of `self` at hand.
    fn with_group<T>(
        &mut self,
        id: &str,
        work: impl FnOnce(&mut Groups, &mut Group) -> T,
    ) -> Option<T> {
        let mut group = self.groups.remove(id)?;
        let pending = group.pending.len();
        let outcome = work(self, &mut group);
        self.pending = self.pending - pending + group.pending.len();
        self.groups.insert(id.to_owned(), group);
        Some(outcome)
    }

    /// Apply what a step has decided, and note when its group is due next.
    fn settle(&mut self, now: Now, step: &Step, group: Option<&str>) {
        for record in &step.records {
            self.apply(now, record);
        }
        if let Some(id) = group {
            self.forget_if_bare(id);
            self.watch(id);
        }
    }

    fn watch(&mut self, id: &str) {
        let Some(due) = self.groups.get(id).and_then(Group::next_due_ms) else { return };
        let known = self.due_of.get(id).copied();
        if known.is_some_and(|known| known <= due) {
            return;
        }
        if let Some(known) = known {
            self.due.remove(&(known, id.to_owned()));
        }
        self.due.insert((due, id.to_owned()));
        self.due_of.insert(id.to_owned(), due);
    }

    fn forget_if_bare(&mut self, id: &str) {
        if self.groups.get(id).is_some_and(Group::is_bare) {
            self.groups.remove(id);
            if let Some(due) = self.due_of.remove(id) {
                self.due.remove(&(due, id.to_owned()));
            }
        }
    }
}

/// What the log knows of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durable {
    /// The group itself, if it is recorded and not in the middle of a rebalance.
    pub value: Option<records::GroupValue>,
    /// Its offsets.
    pub offsets: BTreeMap<String, BTreeMap<i32, records::Committed>>,
}

/// `Err` for an id that no group may have.
fn checked_id(id: &str) -> Result<(), Fault> {
    if id.is_empty() { Err(Fault::InvalidGroupId) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
