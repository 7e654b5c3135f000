//! ConsumerGroupHeartbeat: members join, say what has changed, and get their assignment (Kafka's
//! `GroupMetadataManager.consumerGroupHeartbeat`).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Now;
use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::group::ConsumerGroup;
use crate::groups::consumer::identification::{Identified, identify};
use crate::groups::consumer::member::{ConsumerMember, LEFT_STATIC_EPOCH};
use crate::groups::consumer::planning::{Plan, Planning};
use crate::groups::consumer::questions::{ConsumerBeat, ConsumerHeartbeat, Refusal};
use crate::groups::consumer::reconciliation::{Reconciliation, UnknownState};
use crate::groups::consumer::records::{
    ConsumerRecord, CurrentAssignment, MemberMetadata, ResolvedRegex,
};
use crate::groups::consumer::view::{GroupView, MemberView};
use crate::groups::error::{GroupError, Limit};
use crate::groups::group::Group;
use crate::groups::group_type::GroupType;
use crate::groups::records::Record;
use crate::groups::step::Step;
use crate::groups::{Groups, checked_id};
use crate::machine::Ticket;
use crate::types::TopicId;

impl Groups {
    /// Handles the heartbeat of a member that joins, stays or leaves.
    pub(crate) fn consumer_heartbeat(
        &mut self,
        now: Now,
        ticket: Ticket<ConsumerHeartbeat>,
        beat: &ConsumerHeartbeat,
        step: &mut Step,
    ) {
        let outcome = match beat.epoch {
            -1 | LEFT_STATIC_EPOCH => self.leave_consumer_group(beat, step),
            _ => self.beat(now, beat, step),
        };
        match outcome {
            Ok(answer) => step.confirm(ticket, Ok(Box::new(answer))),
            Err(refusal) => step.reply(ticket, Err(refusal)),
        }
    }

    fn beat(
        &mut self,
        now: Now,
        beat: &ConsumerHeartbeat,
        step: &mut Step,
    ) -> Result<ConsumerBeat, Refusal> {
        checked_id(&beat.group)?;
        if beat.epoch == 0 {
            self.has_room_for_group(&beat.group).map_err(GroupError::GroupLimit)?;
            self.group_or_new(now, &beat.group);
        }
        let outcome = self.with_group(&beat.group, |groups, group| {
            let tombstone = becomes_consumer_group(group, beat.epoch)?;
            let fresh = ConsumerGroup::default();
            let state = group.consumer.as_deref().unwrap_or(&fresh);
            let mut draft = Draft::new(beat, state)?;
            draft.describe_member();
            draft.check_room(groups, state)?;
            let (plan, current) = draft.decide(now, groups)?;
            let mut answer = draft.answer(&current);
            draft.records.extend(plan.records);
            if current != draft.current {
                draft.records.push(ConsumerRecord::Current(beat.member.clone(), Some(current)));
            }
            let id = &beat.group;
            let record = |record| Record::Consumer { group: id.clone(), record };
            step.records.extend(tombstone);
            step.records.extend(draft.records.into_iter().map(record));
            if let Some(state) = &mut group.consumer {
                state.set_deadlines(&beat.member, |member| {
                    let timeout_ms = i64::from(beat.timing.session_timeout_ms);
                    member.session_due_ms = now.mono_ms.saturating_add(timeout_ms);
                });
                state.checked_version = plan.checked_version.or(state.checked_version);
                let refresh_ms = groups.rules.consumer.regex_refresh_ms;
                answer.stale_regexes =
                    state.stale_regexes(now, groups.catalog.version(), refresh_ms);
            }
            Ok(answer)
        });
        outcome.unwrap_or_else(|| Err(not_a_consumer_group(&beat.group)))
    }
}

impl Groups {
    /// Refuses growth of a consumer group beyond the memory that it, or all groups, may have.
    pub(crate) fn has_room_in_consumer_group(
        &self,
        group: &ConsumerGroup,
        growth: usize,
    ) -> Result<(), Limit> {
        if growth > 0 && group.bytes().saturating_add(growth) > self.rules.limits.group_bytes {
            return Err(Limit::GroupBytes);
        }
        self.has_room_for(growth)
    }
}

/// Returns the record that removes the classic group of this id: as in Kafka, one without members
/// is replaced.
fn becomes_consumer_group(group: &Group, epoch: i32) -> Result<Option<Record>, Refusal> {
    if group.consumer.is_some() {
        return Ok(None);
    }
    if epoch != 0 || group.group_type != GroupType::Classic || !group.has_no_members() {
        return Err(not_a_consumer_group(&group.id));
    }
    let id = group.id.to_string();
    Ok(group.is_recorded.then_some(Record::Group { group: id, value: None }))
}

/// Returns the refusal for a group that does not exist, or not as a consumer group.
pub(crate) fn not_a_consumer_group(id: &str) -> Refusal {
    Refusal::new(GroupError::GroupNotFound, format!("Group {id} is not a consumer group."))
}

/// A heartbeat while it is decided on.
struct Draft<'a> {
    beat: &'a ConsumerHeartbeat,
    group: &'a ConsumerGroup,
    /// The member as the group knows it, or the one whose place it takes.
    before: Option<&'a ConsumerMember>,
    /// The static member whose place it takes.
    replaced: BTreeSet<Arc<str>>,
    is_new: bool,
    metadata: MemberMetadata,
    /// What the member has so far.
    current: CurrentAssignment,
    has_subscription_changed: bool,
    /// True if a new target assignment has to be computed.
    bumps: bool,
    /// The topics that the member's regular expression matches, if the group did not know them.
    resolved: Vec<(String, ResolvedRegex)>,
    records: Vec<ConsumerRecord>,
}

impl<'a> Draft<'a> {
    fn new(beat: &'a ConsumerHeartbeat, group: &'a ConsumerGroup) -> Result<Draft<'a>, Refusal> {
        let (before, replaced) = match identify(group, beat)? {
            Identified::New => (None, None),
            Identified::Known(member) => (Some(member), None),
            Identified::Replaces(id, member) => (Some(member), Some(id.clone())),
        };
        let current = before.map(|member| member.current.clone()).unwrap_or_default();
        let is_replacing = replaced.is_some();
        Ok(Draft {
            beat,
            group,
            before,
            replaced: replaced.into_iter().collect(),
            is_new: before.is_none(),
            metadata: before.map(|member| member.metadata.clone()).unwrap_or_default(),
            current: match is_replacing {
                true => CurrentAssignment { epoch: 0, previous_epoch: 0, ..current },
                false => current,
            },
            has_subscription_changed: false,
            bumps: false,
            resolved: Vec::new(),
            records: Vec::new(),
        })
    }

    /// Takes over what the member says of itself.
    fn describe_member(&mut self) {
        let beat = self.beat;
        let old = self.metadata.clone();
        let metadata = &mut self.metadata;
        metadata.client_id.clone_from(&beat.client_id);
        metadata.client_host.clone_from(&beat.client_host);
        metadata.classic = None;
        let or = |new: &Option<String>, old: Option<String>| new.clone().or(old);
        metadata.instance_id = or(&beat.instance_id, metadata.instance_id.take());
        metadata.rack_id = or(&beat.rack_id, metadata.rack_id.take());
        metadata.server_assignor = or(&beat.server_assignor, metadata.server_assignor.take());
        metadata.topic_regex = or(&beat.topic_regex, metadata.topic_regex.take());
        if beat.rebalance_timeout_ms != -1 {
            metadata.rebalance_timeout_ms = beat.rebalance_timeout_ms;
        }
        if let Some(names) = &beat.topic_names {
            metadata.topic_names.clone_from(names);
        }
        self.replace_static();
        if self.is_new || !self.replaced.is_empty() || old != self.metadata {
            let metadata = Box::new(self.metadata.clone());
            self.records.push(ConsumerRecord::Member(beat.member.clone(), Some(metadata)));
        }
        self.finish_replacing();
        let names_changed = old.topic_names != self.metadata.topic_names;
        let regex_changed = old.regex() != self.metadata.regex();
        self.has_subscription_changed = names_changed || regex_changed;
        self.bumps =
            names_changed || self.is_new || old.server_assignor != self.metadata.server_assignor;
        if regex_changed {
            self.change_regex(old.regex());
        }
    }

    /// Removes the static member whose place this one takes.
    fn replace_static(&mut self) {
        for old in &self.replaced {
            self.records.push(ConsumerRecord::Current(old.to_string(), None));
            self.records.push(ConsumerRecord::Target(old.to_string(), None));
            self.records.push(ConsumerRecord::Member(old.to_string(), None));
        }
    }

    /// Gives this one what the static member had.
    fn finish_replacing(&mut self) {
        let Some(old) = self.before.filter(|_| !self.replaced.is_empty()) else { return };
        let id = &self.beat.member;
        self.records.push(ConsumerRecord::Target(id.clone(), Some(old.target.clone())));
        self.records.push(ConsumerRecord::Current(id.clone(), Some(self.current.clone())));
    }

    /// Notes that the member has another regular expression than `old`, or none.
    fn change_regex(&mut self, old: Option<&str>) {
        let known = old.and_then(|old| Some((old, self.group.regexes().get(old)?)));
        if let Some((old, known)) = known
            && known.members == 1
            && known.resolved.is_some()
        {
            self.records.push(ConsumerRecord::Regex(old.to_owned(), None));
        }
        self.bumps = true;
        let Some(new) = self.metadata.regex() else { return };
        let is_known = self.group.regexes().get(new).is_some_and(|known| known.resolved.is_some());
        if let Some(resolved) = self.beat.resolved.as_ref().filter(|_| !is_known) {
            self.records.push(ConsumerRecord::Regex(new.to_owned(), Some(resolved.clone())));
            self.resolved.push((new.to_owned(), resolved.clone()));
        }
    }

    /// Refuses a member for which there is no room.
    fn check_room(&self, groups: &Groups, group: &ConsumerGroup) -> Result<(), Refusal> {
        let rules = &groups.rules;
        if self.is_new && group.len() >= rules.consumer.size_max {
            let message = format!(
                "The consumer group has reached its maximum capacity of {} members.",
                rules.consumer.size_max
            );
            return Err(Refusal::new(GroupError::GroupFull, message));
        }
        let resolved: usize = self.resolved.iter().map(|(_, resolved)| resolved.bytes()).sum();
        let after = ConsumerMember { metadata: self.metadata.clone(), ..ConsumerMember::new(0) };
        let before = self.before.map_or(0, |member| member.metadata.bytes());
        if after.bytes() > rules.limits.member_bytes {
            return Err(GroupError::GroupLimit(Limit::MemberBytes).into());
        }
        let growth = match self.is_new {
            true => after.bytes() + self.beat.member.len(),
            false => self.metadata.bytes().saturating_sub(before),
        };
        let room = groups.has_room_in_consumer_group(group, growth + resolved);
        room.map_err(|limit| GroupError::GroupLimit(limit).into())
    }

    /// Returns what the group is to do, and what the member gets.
    fn decide(&self, now: Now, groups: &Groups) -> Result<(Plan, CurrentAssignment), Refusal> {
        let none = Assignment::default();
        let target = self.before.map_or(&none, |member| &member.target);
        let view = GroupView {
            group: self.group,
            gone: &self.replaced,
            changed: Some(MemberView { id: &self.beat.member, metadata: &self.metadata, target }),
            resolved: &self.resolved,
        };
        let catalog = &*groups.catalog;
        let planning = Planning {
            view: &view,
            catalog,
            assignors: &groups.rules.consumer.assignors,
            interval_ms: self.beat.timing.assignment_interval_ms,
        };
        let plan = planning.plan(now, self.bumps);
        let is_reconciled =
            ConsumerMember { current: self.current.clone(), ..ConsumerMember::new(0) }
                .is_reconciled_to(plan.target_epoch);
        if is_reconciled && !self.has_subscription_changed {
            return Ok((plan, self.current.clone()));
        }
        let topics = view.topics_of(&self.metadata, catalog);
        let reconciliation = Reconciliation {
            target_epoch: plan.target_epoch,
            target: plan.own_target.as_ref().unwrap_or(target),
            has_subscription_changed: self.has_subscription_changed,
            owned: self.beat.owned.as_ref(),
            is_subscribed_to: &|topic: TopicId| topics.contains(&topic),
            is_taken: &|topic, partition| self.group.owner(topic, partition).is_some(),
        };
        let current = reconciliation.next(&self.current).map_err(|UnknownState| {
            let message = "The consumer group member is in a unknown state. The member must \
                           abandon all its partitions and rejoin.";
            Refusal::new(GroupError::FencedEpoch, message)
        })?;
        Ok((plan, current))
    }

    fn answer(&self, current: &CurrentAssignment) -> ConsumerBeat {
        let says_all = self.beat.epoch == 0 || self.beat.is_full();
        let before = self.before.map(|member| &member.current.assigned);
        let assigned = || {
            let topics = current.assigned.iter();
            topics.flat_map(|(topic, all)| all.keys().map(|p| (*topic, *p))).collect()
        };
        ConsumerBeat {
            member: self.beat.member.clone(),
            epoch: current.epoch,
            assignment: (says_all || before != Some(&current.assigned)).then(assigned),
            stale_regexes: Vec::new(),
        }
    }
}
