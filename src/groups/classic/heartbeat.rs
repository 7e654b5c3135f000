//! Heartbeat and LeaveGroup.

use crate::clock::Now;
use crate::groups::error::GroupError;
use crate::groups::group::{Group, GroupState};
use crate::groups::questions::{JoinError, Leave, LeavingMember, MemberIdentity};
use crate::groups::step::Step;
use crate::groups::{Groups, checked_id};
use crate::machine::Ticket;

impl Group {
    /// Checks that a member with this id and instance id is in the group.
    pub(crate) fn validate(
        &self,
        member: &str,
        instance_id: Option<&str>,
    ) -> Result<(), GroupError> {
        if let Some(instance_id) = instance_id {
            return match self.members.with_instance(instance_id) {
                Some(known) if *known.id == *member => Ok(()),
                Some(_) => Err(GroupError::FencedInstance),
                None => Err(GroupError::UnknownMember),
            };
        }
        self.members.get(member).map(drop).ok_or(GroupError::UnknownMember)
    }
}

impl Groups {
    pub(crate) fn heartbeat(
        &mut self,
        now: Now,
        identity: &MemberIdentity,
    ) -> Result<(), GroupError> {
        checked_id(&identity.group)?;
        let beat = |groups: &mut Groups, group: &mut Group| {
            group.validate(&identity.member, identity.instance_id.as_deref())?;
            if identity.generation != group.generation {
                return Err(GroupError::IllegalGeneration);
            }
            match group.phase {
                GroupState::Empty => Err(GroupError::UnknownMember),
                phase => {
                    groups.touch(now, group, &identity.member);
                    match phase {
                        GroupState::PreparingRebalance => Err(GroupError::RebalanceInProgress),
                        _ => Ok(()),
                    }
                }
            }
        };
        self.with_group(&identity.group, beat).unwrap_or(Err(GroupError::UnknownMember))
    }

    /// Restarts the session of a member.
    pub(crate) fn touch(&mut self, now: Now, group: &mut Group, member: &str) {
        group.members.change(member, |member| member.heard_of(now.mono_ms));
    }

    pub(crate) fn leave(&mut self, now: Now, ticket: Ticket<Leave>, leave: Leave, step: &mut Step) {
        let Leave { group: id, members: leaving } = &leave;
        let left = self.with_group(id, |groups, group| {
            let outcomes: Vec<_> = leaving
                .iter()
                .map(|one| (one.clone(), groups.leave_one(group, one, step)))
                .collect();
            if outcomes.iter().any(|(_, outcome)| outcome.is_ok()) {
                groups.after_departure(now, id, group, step);
            }
            outcomes
        });
        let unknown =
            || leaving.iter().map(|one| (one.clone(), Err(GroupError::UnknownMember))).collect();
        step.reply(ticket, left.unwrap_or_else(unknown));
    }

    fn leave_one(
        &mut self,
        group: &mut Group,
        leaving: &LeavingMember,
        step: &mut Step,
    ) -> Result<(), GroupError> {
        let instance_id = leaving.instance_id.as_deref();
        let id = match (leaving.member.as_str(), instance_id) {
            ("", Some(instance)) => {
                group.members.with_instance(instance).ok_or(GroupError::UnknownMember)?.id.clone()
            }
            (member, _) => member.into(),
        };
        if instance_id.is_none() && group.pending.remove(&id) {
            return Ok(());
        }
        group.validate(&id, instance_id)?;
        self.remove(group, &id, step);
        Ok(())
    }

    /// Removes a member; a request of it that is still waiting is answered.
    pub(crate) fn remove(&mut self, group: &mut Group, id: &str, step: &mut Step) {
        let Some(gone) = group.remove(id) else { return };
        if let Some(waiting) = gone.joining {
            let fault = JoinError::Refused(GroupError::UnknownMember, String::new());
            step.reply(waiting, Err(fault));
        }
        if let Some(waiting) = gone.syncing {
            step.reply(waiting, Err(GroupError::UnknownMember));
        }
    }

    /// Reacts to the departure of a member: starts a rebalance, or completes one that waited for
    /// it.
    pub(crate) fn after_departure(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        step: &mut Step,
    ) {
        match group.phase {
            GroupState::Empty => {}
            GroupState::PreparingRebalance
            | GroupState::CompletingRebalance
            | GroupState::Stable => {
                self.rebalance_or_complete(now, id, group, step);
            }
        }
    }
}
