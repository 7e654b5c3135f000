//! SyncGroup: the leader sends the assignment, and every member receives its part.

use std::collections::HashMap;

use bytes::Bytes;

use crate::clock::Now;
use crate::groups::command::{GroupError, Limit, Reply, Sync, Synced};
use crate::groups::group::{Group, GroupState};
use crate::groups::records::Record;
use crate::groups::step::Step;
use crate::groups::ticket::Ticket;
use crate::groups::{Groups, checked_id};

impl Groups {
    pub(crate) fn sync(&mut self, now: Now, ticket: Ticket, sync: Sync, step: &mut Step) {
        let id = sync.identity.group.clone();
        let outcome = checked_id(&id).and_then(|()| {
            self.with_group(&id, |groups, group| groups.try_sync(now, ticket, sync, group, step))
                .unwrap_or(Err(GroupError::UnknownMember))
        });
        if let Err(fault) = outcome {
            step.reply(ticket, Reply::Synced(Err(fault)));
        }
    }

    fn try_sync(
        &mut self,
        now: Now,
        ticket: Ticket,
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
                step.reply(ticket, Reply::Synced(Ok(synced(group, assignment))));
            }
            GroupState::CompletingRebalance => {
                let overtaken = group.members.change(&identity.member, |member| {
                    member.is_unsynced = false;
                    member.syncing.replace(ticket)
                });
                if let Some(overtaken) = overtaken.flatten() {
                    step.reply(overtaken, Reply::Synced(Err(GroupError::RebalanceInProgress)));
                }
                if group.leader.as_deref() == Some(&identity.member) {
                    let assignments = sync.assignments.into_iter().collect();
                    self.assign(now, &identity.group, group, assignments, step);
                }
            }
        }
        Ok(())
    }

    /// Stores the leader's assignment, answers the members that wait for it and records the group.
    fn assign(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        mut assignments: HashMap<String, Bytes>,
        step: &mut Step,
    ) {
        if let Err(limit) = self.has_room_for_assignments(group, &assignments) {
            self.refuse_assignments(now, id, group, limit, step);
            return;
        }
        group.members.set_assignments(|m| assignments.remove(&*m.id).unwrap_or_default());
        group.enter(GroupState::Stable, now.wall_ms);
        let mut waiting: Vec<(Ticket, Bytes)> = Vec::new();
        group.members.change_each(|member| {
            if let Some(ticket) = member.syncing.take() {
                member.heard_of(now.mono_ms);
                waiting.push((ticket, member.assignment.clone()));
            }
        });
        for (ticket, assignment) in waiting {
            step.reply(ticket, Reply::Synced(Ok(synced(group, assignment))));
        }
        let value = Some(group.value());
        step.records.push(Record::Group { group: id.to_owned(), value });
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
                step.reply(ticket, Reply::Synced(Err(GroupError::GroupLimit(limit))));
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
