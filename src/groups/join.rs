//! JoinGroup: who is in, and when everybody is.

use std::sync::Arc;

use crate::clock::Now;
use crate::groups::command::{GroupError, Join, JoinError, Joined, JoinedMember, Reply};
use crate::groups::group::{FirstRebalance, Group, GroupState};
use crate::groups::limits::Limit;
use crate::groups::members::Member;
use crate::groups::records::Record;
use crate::groups::{Groups, Step, Ticket, checked_id};

/// How long a newcomer's join may wait before it is dropped, ms.
const NEWCOMER_MS: i64 = 300_000;
/// How long to wait at least before a join phase to which nobody came is looked at again, ms: a
/// member may have said that its rebalance timeout is 0.
const AGAIN_MS: i64 = 1000;
/// How many ids may be out that nobody has come back with, in all groups. Each is forgotten after
/// its session timeout.
const PENDING_MAX: usize = 100_000;

impl Groups {
    pub(crate) fn join(&mut self, now: Now, ticket: Ticket, join: Join, step: &mut Step) {
        if let Err(fault) = self.try_join(now, ticket, &join, step) {
            step.reply(ticket, Reply::Joined(Err(fault)));
        }
    }

    fn try_join(
        &mut self,
        now: Now,
        ticket: Ticket,
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
            if !groups.has_room(group, &identity.member) {
                group.pending.remove(&identity.member);
                // The last to come back into a group that has become too large is out.
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

    /// Kafka's `acceptJoiningMember`.
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

    /// Refuses a member, or what one that is in the group says now, if it would take too much
    /// memory.
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
        ticket: Ticket,
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
        ticket: Ticket,
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
            // A retry: the answer to the first has been lost.
            GroupState::CompletingRebalance if is_same => {
                self.touch(now, group, id);
                let joined = joined(group, id, is_leader);
                step.reply(ticket, Reply::Joined(Ok(Box::new(joined))));
            }
            GroupState::Stable if is_same && !is_leader => {
                self.touch(now, group, id);
                step.reply(ticket, Reply::Joined(Ok(Box::new(joined(group, id, false)))));
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

    /// An id that nobody had: what the client calls itself, and chance.
    fn new_id(&mut self, prefix: &str) -> String {
        let id = uuid::Builder::from_random_bytes(self.chance.u128(..).to_be_bytes()).into_uuid();
        format!("{prefix}-{id}")
    }

    fn add(
        &mut self,
        now: Now,
        ticket: Ticket,
        join: &Join,
        group: &mut Group,
        id: String,
        step: &mut Step,
    ) {
        group.protocol_type = Some(join.protocol_type.clone());
        if let Some(first) = &mut group.first {
            first.somebody_came = true;
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

    /// The member joins anew with what it says now. A join of it that still waits is answered by
    /// telling it that it has been overtaken.
    fn update(
        &mut self,
        now: Now,
        ticket: Ticket,
        join: &Join,
        group: &mut Group,
        id: &str,
        step: &mut Step,
    ) {
        group.members.set_protocols(id, join.protocols.clone());
        let overtaken = group.members.change(id, |member| {
            member.session_timeout_ms = join.session_timeout_ms;
            member.rebalance_timeout_ms = join.rebalance_timeout_ms;
            // A newcomer that asks again still waits for its first answer.
            let silence_ms =
                if member.is_new { NEWCOMER_MS } else { i64::from(join.session_timeout_ms) };
            member.session_due_ms = now.mono_ms + silence_ms;
            member.joining.replace(ticket)
        });
        if let Some(overtaken) = overtaken.flatten() {
            let fault = JoinError::Refused(GroupError::RebalanceInProgress, id.to_owned());
            step.reply(overtaken, Reply::Joined(Err(fault)));
        }
    }

    /// A static member comes back under a new id; the old one is fenced (KIP-345).
    fn replace_static(
        &mut self,
        now: Now,
        ticket: Ticket,
        join: &Join,
        group: &mut Group,
        (old, new): (&str, &str),
        step: &mut Step,
    ) {
        let previous_leader = group.leader.clone().unwrap_or_default();
        group.members.rename(old, new);
        let waited = group.members.change(new, |m| (m.joining.take(), m.syncing.take()));
        let (joining, syncing) = waited.unwrap_or_default();
        if let Some(waiting) = joining {
            let fenced = JoinError::Refused(GroupError::FencedInstance, old.to_owned());
            step.reply(waiting, Reply::Joined(Err(fenced)));
        }
        if let Some(waiting) = syncing {
            step.reply(waiting, Reply::Synced(Err(GroupError::FencedInstance)));
        }
        if group.leader.as_deref() == Some(old) {
            group.leader = Some(new.into());
        }
        self.update(now, ticket, join, group, new, step);
        if group.phase != GroupState::Stable || group.members.elected() != group.protocol.as_deref()
        {
            self.rebalance_or_complete(now, &join.identity.group, group, step);
            return;
        }
        // Nothing changes but the id: the generation goes on.
        group.members.change(new, |member| member.joining = None);
        let leads = group.leader.as_deref() == Some(new);
        let mut answer = joined(group, new, leads && join.supports_skip_assignment);
        answer.skip_assignment = leads && join.supports_skip_assignment;
        if leads && !join.supports_skip_assignment {
            // An older client that took itself for the leader would assign.
            answer.leader = previous_leader.to_string();
        }
        step.reply(ticket, Reply::Joined(Ok(Box::new(answer))));
        let value = Some(group.value());
        step.records.push(Record::Group { group: join.identity.group.clone(), value });
    }

    /// Begin a rebalance if none is on, else see whether it is complete.
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
                step.reply(waiting, Reply::Synced(Err(GroupError::RebalanceInProgress)));
                // It could say nothing while it waited.
                member.heard_of(now.mono_ms);
            }
        });
        let timeout = group.rebalance_timeout_ms();
        if group.phase == GroupState::Empty {
            let delay = i64::from(self.rules.initial_delay_ms);
            let left_ms = (timeout - delay).max(0);
            group.first = Some(FirstRebalance { left_ms, somebody_came: false });
            group.phase_due_ms = Some(now.mono_ms + delay);
        } else {
            group.phase_due_ms = Some(now.mono_ms + timeout);
        }
        group.enter(GroupState::PreparingRebalance, now.wall_ms);
    }

    /// The time for joining is over, or may be put off once more.
    pub(crate) fn end_join_phase(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        step: &mut Step,
    ) {
        if let Some(first) = &mut group.first
            && first.somebody_came
            && first.left_ms > 0
        {
            let delay = i64::from(self.rules.initial_delay_ms).min(first.left_ms);
            *first = FirstRebalance { left_ms: first.left_ms - delay, somebody_came: false };
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
            // Only static members are left, and none has come back: their sessions decide.
            let wait_ms = group.rebalance_timeout_ms().max(AGAIN_MS);
            group.phase_due_ms = Some(now.mono_ms + wait_ms);
            return;
        }
        group.generation = group.generation.wrapping_add(1).max(0);
        group.phase_due_ms = None;
        if group.members.is_empty() {
            group.protocol = None;
            group.enter(GroupState::Empty, now.wall_ms);
            let value = Some(group.value());
            step.records.push(Record::Group { group: id.to_owned(), value });
            return;
        }
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
            step.reply(ticket, Reply::Joined(Ok(Box::new(answer))));
        }
    }
}

/// Keep the leader if it has joined, else take the first that has. False if nobody has.
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

/// The answer to a member's join.
fn joined(group: &Group, id: &str, with_members: bool) -> Joined {
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
