//! Heartbeat and LeaveGroup: who is still there.

use crate::clock::Now;
use crate::groups::group::{Group, Phase};
use crate::groups::input::{Fault, Identity, JoinFault, Leaving, Reply};
use crate::groups::{Groups, Step, Ticket, checked_id};

impl Group {
    /// `Err` unless this is a member under this name.
    pub(crate) fn validate(&self, member: &str, instance_id: Option<&str>) -> Result<(), Fault> {
        if let Some(instance_id) = instance_id {
            return match self.members.with_instance(instance_id) {
                Some(known) if *known.id == *member => Ok(()),
                Some(_) => Err(Fault::FencedInstance),
                None => Err(Fault::UnknownMember),
            };
        }
        self.members.get(member).map(drop).ok_or(Fault::UnknownMember)
    }
}

impl Groups {
    pub(crate) fn heartbeat(&mut self, now: Now, identity: &Identity) -> Result<(), Fault> {
        checked_id(&identity.group)?;
        let beat = |groups: &mut Groups, group: &mut Group| {
            group.validate(&identity.member, identity.instance_id.as_deref())?;
            if identity.generation != group.generation {
                return Err(Fault::IllegalGeneration);
            }
            match group.phase {
                Phase::Empty => Err(Fault::UnknownMember),
                phase => {
                    groups.touch(now, group, &identity.member);
                    match phase {
                        Phase::PreparingRebalance => Err(Fault::RebalanceInProgress),
                        _ => Ok(()),
                    }
                }
            }
        };
        self.with_group(&identity.group, beat).unwrap_or(Err(Fault::UnknownMember))
    }

    /// The member was heard of.
    pub(crate) fn touch(&mut self, now: Now, group: &mut Group, member: &str) {
        group.members.change(member, |member| member.heard_of(now.mono_ms));
    }

    pub(crate) fn leave(
        &mut self,
        now: Now,
        ticket: Ticket,
        id: &str,
        leaving: Vec<Leaving>,
        step: &mut Step,
    ) {
        let all = leaving.clone();
        let left = self.with_group(id, |groups, group| {
            let outcomes: Vec<_> = leaving
                .into_iter()
                .map(|one| {
                    let outcome = groups.leave_one(group, &one, step);
                    (one, outcome)
                })
                .collect();
            if outcomes.iter().any(|(_, outcome)| outcome.is_ok()) {
                groups.after_departure(now, id, group, step);
            }
            outcomes
        });
        let unknown = || all.into_iter().map(|one| (one, Err(Fault::UnknownMember))).collect();
        step.reply(ticket, Reply::Left(left.unwrap_or_else(unknown)));
    }

    fn leave_one(
        &mut self,
        group: &mut Group,
        leaving: &Leaving,
        step: &mut Step,
    ) -> Result<(), Fault> {
        let instance_id = leaving.instance_id.as_deref();
        let id = match (leaving.member.as_str(), instance_id) {
            ("", Some(instance)) => {
                group.members.with_instance(instance).ok_or(Fault::UnknownMember)?.id.clone()
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

    /// Take a member out; whatever it waits for ends here.
    pub(crate) fn remove(&mut self, group: &mut Group, id: &str, step: &mut Step) {
        let Some(gone) = group.remove(id) else { return };
        if let Some(waiting) = gone.joining {
            let fault = JoinFault::Refused(Fault::UnknownMember, String::new());
            step.reply(waiting, Reply::Joined(Err(fault)));
        }
        if let Some(waiting) = gone.syncing {
            step.reply(waiting, Reply::Synced(Err(Fault::UnknownMember)));
        }
    }

    /// Somebody is gone: the others share anew, or need wait no longer.
    pub(crate) fn after_departure(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        step: &mut Step,
    ) {
        match group.phase {
            Phase::Empty => {}
            Phase::PreparingRebalance | Phase::CompletingRebalance | Phase::Stable => {
                self.rebalance_or_complete(now, id, group, step);
            }
        }
    }
}
