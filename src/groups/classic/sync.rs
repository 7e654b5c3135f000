//! SyncGroup: the leader sends the assignment, and every member receives its part.

use std::collections::HashMap;

use bytes::Bytes;

use crate::clock::Now;
use crate::groups::error::{GroupError, Limit};
use crate::groups::group::{Group, GroupState};
use crate::groups::questions::{Sync, Synced};
use crate::groups::records::{GroupValue, Record};
use crate::groups::step::Step;
use crate::groups::{Groups, checked_id};
use crate::machine::Ticket;

impl Groups {
    pub(crate) fn sync(&mut self, now: Now, ticket: Ticket<Sync>, sync: Sync, step: &mut Step) {
        let id = sync.identity.group.clone();
        let outcome = checked_id(&id).and_then(|()| {
            self.with_group(&id, |groups, group| groups.try_sync(now, ticket, sync, group, step))
                .unwrap_or(Err(GroupError::UnknownMember))
        });
        if let Err(fault) = outcome {
            step.reply(ticket, Err(fault));
        }
    }

    fn try_sync(
        &mut self,
        now: Now,
        ticket: Ticket<Sync>,
        sync: Sync,
        group: &mut Group,
        step: &mut Step,
    ) -> Result<(), GroupError> {
        let identity = &sync.identity;
        group.validate(&identity.member, identity.instance_id.as_deref())?;
        if identity.generation != group.generation {
            return Err(GroupError::IllegalGeneration);
        }
        let differs = |said: &Option<String>, is: &Option<String>| said.is_some() && said != is;
        if differs(&sync.protocol_type, &group.protocol_type)
            || differs(&sync.protocol, &group.protocol)
        {
            return Err(GroupError::InconsistentProtocol);
        }
        match group.phase {
            GroupState::Empty => return Err(GroupError::UnknownMember),
            GroupState::PreparingRebalance => return Err(GroupError::RebalanceInProgress),
            GroupState::Stable => {
                group.members.change(&identity.member, |member| {
                    member.is_unsynced = false;
                    member.heard_of(now.mono_ms);
                });
                let member = group.members.get(&identity.member);
                let assignment = member.map(|m| m.assignment.clone()).unwrap_or_default();
                step.reply(ticket, Ok(synced(group, assignment)));
            }
            GroupState::CompletingRebalance => {
                let leads = group.leader.as_deref() == Some(&identity.member);
                let overtaken = group.members.change(&identity.member, |member| {
                    // Without room for the assignments the leader has to send them again.
                    member.is_unsynced = leads;
                    if leads {
                        member.heard_of(now.mono_ms);
                    }
                    std::mem::replace(&mut member.syncing, Some(ticket).filter(|_| !leads))
                });
                if let Some(overtaken) = overtaken.flatten() {
                    step.reply(overtaken, Err(GroupError::RebalanceInProgress));
                }
                if leads {
                    let assignments = sync.assignments.into_iter().collect();
                    self.assign(now, ticket, &identity.group, group, assignments, step);
                }
            }
        }
        Ok(())
    }

    /// Records the leader's assignment, which makes the group stable, and answers the members that
    /// wait for it. If it cannot be written, they go on waiting for the leader to send it again.
    fn assign(
        &mut self,
        now: Now,
        ticket: Ticket<Sync>,
        id: &str,
        group: &mut Group,
        mut assignments: HashMap<String, Bytes>,
        step: &mut Step,
    ) {
        if let Err(limit) = self.has_room_for_assignments(group, &assignments) {
            step.reply(ticket, Err(GroupError::GroupLimit(limit)));
            self.refuse_assignments(now, id, group, limit, step);
            return;
        }
        let mut value = GroupValue { state_ms: now.wall_ms, ..group.value() };
        for (member, recorded) in group.members.iter().zip(&mut value.members) {
            recorded.assignment = assignments.remove(&recorded.id).unwrap_or_default();
            let leads = group.leader.as_ref() == Some(&member.id);
            if let Some(ticket) = member.syncing.or(Some(ticket).filter(|_| leads)) {
                step.confirm(ticket, Ok(synced(group, recorded.assignment.clone())));
            }
        }
        step.records.push(Record::Group { group: id.to_owned(), value: Some(value) });
    }

    fn has_room_for_assignments(
        &self,
        group: &Group,
        assignments: &HashMap<String, Bytes>,
    ) -> Result<(), Limit> {
        let (mut before, mut after) = (0, 0);
        for member in group.members.iter() {
            before += member.assignment.len();
            after += assignments.get(&*member.id).map_or(0, Bytes::len);
        }
        let growth = after.saturating_sub(before);
        if growth > 0 && group.members.bytes() + growth > self.rules.limits.group_bytes {
            return Err(Limit::GroupBytes);
        }
        self.has_room_for(growth)
    }

    /// Discards an assignment that exceeds a limit: the members that wait for it receive the error,
    /// and the group rebalances, as in Kafka if the group's record is larger than a batch may be
    /// (`GroupMetadataManager.resetAndPropagateAssignmentWithError`).
    fn refuse_assignments(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        limit: Limit,
        step: &mut Step,
    ) {
        group.members.set_assignments(|_| Bytes::new());
        group.members.change_each(|member| {
            if let Some(ticket) = member.syncing.take() {
                member.heard_of(now.mono_ms);
                step.reply(ticket, Err(GroupError::GroupLimit(limit)));
            }
        });
        self.rebalance_or_complete(now, id, group, step);
    }
}

fn synced(group: &Group, assignment: Bytes) -> Synced {
    Synced {
        protocol_type: group.protocol_type.clone(),
        protocol: group.protocol.clone(),
        assignment,
    }
}
