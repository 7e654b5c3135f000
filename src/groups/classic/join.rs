//! JoinGroup: admission of members, and the join phase of a rebalance.

use std::sync::Arc;

use crate::clock::Now;
use crate::groups::error::{GroupError, Limit};
use crate::groups::group::{FirstRebalance, Group, GroupState};
use crate::groups::group_type::GroupType;
use crate::groups::members::Member;
use crate::groups::questions::{Join, JoinError, Joined, JoinedMember};
use crate::groups::records::{GroupValue, Record};
use crate::groups::step::Step;
use crate::groups::{Groups, checked_id};
use crate::machine::Ticket;

/// How long the join of a new member may wait before it is dropped, ms.
const NEWCOMER_MS: i64 = 300_000;
/// Minimum wait before a join phase that no member has joined is checked again, ms: a member may
/// have sent a rebalance timeout of 0.
const AGAIN_MS: i64 = 1000;
/// Maximum number of member ids, in all groups, that have been assigned but not used yet. Each is
/// dropped after its session timeout.
const PENDING_MAX: usize = 100_000;

impl Groups {
    pub(crate) fn join(&mut self, now: Now, ticket: Ticket<Join>, join: Join, step: &mut Step) {
        if let Err(fault) = self.try_join(now, ticket, &join, step) {
            step.reply(ticket, Err(fault));
        }
    }

    fn try_join(
        &mut self,
        now: Now,
        ticket: Ticket<Join>,
        join: &Join,
        step: &mut Step,
    ) -> Result<(), JoinError> {
        let identity = &join.identity;
        let refused = |fault| JoinError::Refused(fault, identity.member.clone());
        checked_id(&identity.group).map_err(refused)?;
        let (least, most) = (self.rules.session_timeout_min_ms, self.rules.session_timeout_max_ms);
        if !(least..=most).contains(&join.session_timeout_ms) {
            return Err(refused(GroupError::InvalidSessionTimeout));
        }
        if identity.member.is_empty() {
            self.has_room_for_group(&identity.group)
                .map_err(|limit| refused(GroupError::GroupLimit(limit)))?;
            self.group_or_new(now, &identity.group);
        }
        let outcome = self.with_group(&identity.group, |groups, group| {
            if group.group_type == GroupType::Consumer && group.has_no_members() {
                // As in Kafka, it becomes a classic group and keeps its offsets.
                step.records.extend(group.tombstones());
            } else if group.group_type != GroupType::Classic {
                let fault = GroupError::InconsistentProtocol;
                return Err(JoinError::Refused(fault, String::new()));
            }
            if !groups.has_room(group, &identity.member) {
                group.pending.remove(&identity.member);
                // In a group that has become too large, the last members to rejoin are removed.
                if group.members.get(&identity.member).is_some() {
                    groups.remove(group, &identity.member, step);
                    groups.after_departure(now, &identity.group, group, step);
                }
                return Err(JoinError::Refused(GroupError::GroupFull, String::new()));
            }
            if !group.accepts(&join.protocol_type, &join.protocols) {
                return Err(refused(GroupError::InconsistentProtocol));
            }
            if let Err(limit) = groups.has_room_for_member(group, join) {
                group.pending.remove(&identity.member);
                return Err(refused(GroupError::GroupLimit(limit)));
            }
            match identity.member.as_str() {
                "" => groups.join_newcomer(now, ticket, join, group, step),
                _ => groups.join_again(now, ticket, join, group, step),
            }
        });
        outcome.unwrap_or_else(|| Err(refused(GroupError::UnknownMember)))
    }

    /// Returns whether the member may join under `group.max.size` (Kafka's `acceptJoiningMember`).
    fn has_room(&self, group: &Group, member: &str) -> bool {
        let most = usize::try_from(self.rules.size_max).unwrap_or(0);
        let known = group.members.get(member);
        match group.phase {
            GroupState::Empty => true,
            GroupState::PreparingRebalance => {
                known.is_some_and(|m| m.joining.is_some()) || group.members.joining() < most
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                known.is_some() || group.members.len() < most
            }
        }
    }

    /// Checks that a new member, or the new data of one that is in the group, fits into the memory
    /// limits.
    fn has_room_for_member(&self, group: &Group, join: &Join) -> Result<(), Limit> {
        let identity = &join.identity;
        let known = match (identity.member.as_str(), &identity.instance_id) {
            ("", Some(instance)) => group.members.with_instance(instance),
            (member, _) => group.members.get(member),
        };
        let before = known.map_or(0, |member| member.bytes() - member.assignment.len());
        let growth = join.bytes().saturating_sub(before);
        let wanted = group.members.bytes().saturating_add(growth);
        if growth > 0 && wanted > self.rules.limits.group_bytes {
            return Err(Limit::GroupBytes);
        }
        self.has_room_for(growth)
    }

    fn join_newcomer(
        &mut self,
        now: Now,
        ticket: Ticket<Join>,
        join: &Join,
        group: &mut Group,
        step: &mut Step,
    ) -> Result<(), JoinError> {
        let instance = join.identity.instance_id.as_deref();
        let id = self.new_id(instance.unwrap_or(&join.client_id));
        if let Some(old) =
            instance.and_then(|i| group.members.with_instance(i)).map(|m| m.id.clone())
        {
            self.replace_static(now, ticket, join, group, (&old, &id), step);
            return Ok(());
        }
        if instance.is_none() && join.requires_member_id {
            if self.pending >= PENDING_MAX {
                return Err(JoinError::Refused(GroupError::Unavailable, String::new()));
            }
            group.pending.insert(&id, now.mono_ms + i64::from(join.session_timeout_ms));
            return Err(JoinError::MemberIdRequired(id));
        }
        self.add(now, ticket, join, group, id, step);
        Ok(())
    }

    fn join_again(
        &mut self,
        now: Now,
        ticket: Ticket<Join>,
        join: &Join,
        group: &mut Group,
        step: &mut Step,
    ) -> Result<(), JoinError> {
        let identity = &join.identity;
        let id = identity.member.as_str();
        let refused = |fault| JoinError::Refused(fault, id.to_owned());
        if identity.instance_id.is_none() && group.pending.remove(id) {
            self.add(now, ticket, join, group, id.to_owned(), step);
            return Ok(());
        }
        group.validate(id, identity.instance_id.as_deref()).map_err(refused)?;
        let is_leader = group.leader.as_deref() == Some(id);
        let is_same = group.members.get(id).is_some_and(|m| m.protocols == join.protocols);
        match group.phase {
            // A retry: the first response has been lost.
            GroupState::CompletingRebalance if is_same => {
                self.touch(now, group, id);
                let joined = joined(group, id, is_leader);
                step.reply(ticket, Ok(Box::new(joined)));
            }
            GroupState::Stable if is_same && !is_leader => {
                self.touch(now, group, id);
                step.reply(ticket, Ok(Box::new(joined(group, id, false))));
            }
            GroupState::PreparingRebalance
            | GroupState::CompletingRebalance
            | GroupState::Stable => {
                self.update(now, ticket, join, group, id, step);
                self.rebalance_or_complete(now, &identity.group, group, step);
            }
            GroupState::Empty => return Err(refused(GroupError::UnknownMember)),
        }
        Ok(())
    }

    /// Returns a new unique member id: the client id and a random UUID.
    fn new_id(&mut self, prefix: &str) -> String {
        let id = uuid::Builder::from_random_bytes(self.random.u128(..).to_be_bytes()).into_uuid();
        format!("{prefix}-{id}")
    }

    fn add(
        &mut self,
        now: Now,
        ticket: Ticket<Join>,
        join: &Join,
        group: &mut Group,
        id: String,
        step: &mut Step,
    ) {
        group.protocol_type = Some(join.protocol_type.clone());
        if let Some(first) = &mut group.first {
            first.member_joined = true;
        }
        group.add(Member {
            id: id.into(),
            instance_id: join.identity.instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            session_timeout_ms: join.session_timeout_ms,
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            protocols: join.protocols.clone(),
            assignment: Default::default(),
            joining: Some(ticket),
            syncing: None,
            is_unsynced: false,
            session_due_ms: now.mono_ms + NEWCOMER_MS,
            is_new: true,
        });
        self.rebalance_or_complete(now, &join.identity.group, group, step);
    }

    /// Updates a member that rejoins with the data of its request. An earlier join of it that is
    /// still waiting is answered with REBALANCE_IN_PROGRESS.
    pub(crate) fn update(
        &mut self,
        now: Now,
        ticket: Ticket<Join>,
        join: &Join,
        group: &mut Group,
        id: &str,
        step: &mut Step,
    ) {
        group.members.set_protocols(id, join.protocols.clone());
        let overtaken = group.members.change(id, |member| {
            member.session_timeout_ms = join.session_timeout_ms;
            member.rebalance_timeout_ms = join.rebalance_timeout_ms;
            // A new member that retries is still waiting for its first response.
            let silence_ms =
                if member.is_new { NEWCOMER_MS } else { i64::from(join.session_timeout_ms) };
            member.session_due_ms = now.mono_ms + silence_ms;
            member.joining.replace(ticket)
        });
        if let Some(overtaken) = overtaken.flatten() {
            let fault = JoinError::Refused(GroupError::RebalanceInProgress, id.to_owned());
            step.reply(overtaken, Err(fault));
        }
    }

    /// Starts a rebalance if none is in progress, else completes it if possible.
    pub(crate) fn rebalance_or_complete(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        step: &mut Step,
    ) {
        if group.phase != GroupState::PreparingRebalance {
            self.begin_rebalance(now, group, step);
        }
        if group.first.is_none() && group.has_all_joined() {
            self.complete_join(now, id, group, step);
        } else if group.phase_due_ms.is_some_and(|due| due <= now.mono_ms) {
            self.end_join_phase(now, id, group, step);
        }
    }

    fn begin_rebalance(&mut self, now: Now, group: &mut Group, step: &mut Step) {
        if group.phase == GroupState::CompletingRebalance {
            group.members.set_assignments(|_| Default::default());
        }
        group.members.change_each(|member| {
            member.is_unsynced = false;
            if let Some(waiting) = member.syncing.take() {
                step.reply(waiting, Err(GroupError::RebalanceInProgress));
                // It could not send heartbeats while it was waiting.
                member.heard_of(now.mono_ms);
            }
        });
        let timeout = group.rebalance_timeout_ms();
        if group.phase == GroupState::Empty {
            let delay = i64::from(self.rules.initial_delay_ms);
            let left_ms = (timeout - delay).max(0);
            group.first = Some(FirstRebalance { left_ms, member_joined: false });
            group.phase_due_ms = Some(now.mono_ms + delay);
        } else {
            group.phase_due_ms = Some(now.mono_ms + timeout);
        }
        group.enter(GroupState::PreparingRebalance, now.wall_ms);
    }

    /// Ends the join phase at its timeout, or delays a first rebalance once more.
    pub(crate) fn end_join_phase(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        step: &mut Step,
    ) {
        if let Some(first) = &mut group.first
            && first.member_joined
            && first.left_ms > 0
        {
            let delay = i64::from(self.rules.initial_delay_ms).min(first.left_ms);
            *first = FirstRebalance { left_ms: first.left_ms - delay, member_joined: false };
            group.phase_due_ms = Some(now.mono_ms + delay);
            return;
        }
        self.complete_join(now, id, group, step);
    }

    fn complete_join(&mut self, now: Now, id: &str, group: &mut Group, step: &mut Step) {
        let missing = |m: &Member| m.joining.is_none() && m.instance_id.is_none();
        let gone: Vec<_> =
            group.members.iter().filter(|m| missing(m)).map(|m| m.id.clone()).collect();
        gone.iter().for_each(|id| drop(group.remove(id)));
        group.first = None;
        if !elect_leader(group) {
            // Only static members are left, and none has rejoined: their sessions decide.
            let wait_ms = group.rebalance_timeout_ms().max(AGAIN_MS);
            group.phase_due_ms = Some(now.mono_ms + wait_ms);
            return;
        }
        let generation = group.generation.wrapping_add(1).max(0);
        if group.members.is_empty() {
            let value =
                GroupValue { generation, protocol: None, state_ms: now.wall_ms, ..group.value() };
            step.records.push(Record::Group { group: id.to_owned(), value: Some(value) });
            // The record makes it empty. If there is no room for it on the disk, it is tried again.
            group.phase_due_ms = Some(now.mono_ms + AGAIN_MS);
            return;
        }
        group.generation = generation;
        group.protocol = group.members.elected().map(str::to_owned);
        group.enter(GroupState::CompletingRebalance, now.wall_ms);
        group.phase_due_ms = Some(now.mono_ms + group.rebalance_timeout_ms());
        let mut waiting = Vec::new();
        group.members.change_each(|member| {
            member.is_unsynced = true;
            member.is_new = false;
            member.heard_of(now.mono_ms);
            waiting.extend(member.joining.take().map(|ticket| (ticket, member.id.clone())));
        });
        for (ticket, member) in waiting {
            let leads = group.leader.as_deref() == Some(&*member);
            let answer = joined(group, &member, leads);
            step.reply(ticket, Ok(Box::new(answer)));
        }
    }
}

/// Keeps the leader if it has joined, else elects the first member that has. Returns false if no
/// member has joined.
fn elect_leader(group: &mut Group) -> bool {
    let has_joined =
        |id: &Arc<str>| group.members.get(id).is_some_and(|member| member.joining.is_some());
    if group.members.is_empty() {
        group.leader = None;
        return true;
    }
    if group.leader.as_ref().is_some_and(has_joined) {
        return true;
    }
    match group.members.iter().find(|member| member.joining.is_some()) {
        Some(first) => {
            group.leader = Some(first.id.clone());
            true
        }
        None => false,
    }
}

/// Returns the response to a member's join.
pub(crate) fn joined(group: &Group, id: &str, with_members: bool) -> Joined {
    let protocol = group.protocol.as_deref();
    let member = |m: &Member| JoinedMember {
        id: m.id.to_string(),
        instance_id: m.instance_id.clone(),
        metadata: m.metadata(protocol),
    };
    Joined {
        member: id.to_owned(),
        generation: group.generation,
        protocol_type: group.protocol_type.clone(),
        protocol: group.protocol.clone(),
        leader: group.leader.as_deref().unwrap_or_default().to_owned(),
        members: if with_members { group.members.iter().map(member).collect() } else { Vec::new() },
        skip_assignment: false,
    }
}
