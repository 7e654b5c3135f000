//! SyncGroup: the leader says who gets what, and everybody learns it.

use std::collections::HashMap;

use bytes::Bytes;

use crate::clock::Now;
use crate::groups::group::{Group, Phase};
use crate::groups::input::{Fault, Reply, Sync, Synced};
use crate::groups::records::Record;
use crate::groups::{Groups, Step, Ticket, checked_id};

impl Groups {
    pub(crate) fn sync(&mut self, now: Now, ticket: Ticket, sync: Sync, step: &mut Step) {
        let id = sync.identity.group.clone();
        let outcome = checked_id(&id).and_then(|()| {
            self.with_group(&id, |groups, group| groups.try_sync(now, ticket, sync, group, step))
                .unwrap_or(Err(Fault::UnknownMember))
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
    ) -> Result<(), Fault> {
        let identity = &sync.identity;
        group.validate(&identity.member, identity.instance_id.as_deref())?;
        if identity.generation != group.generation {
            return Err(Fault::IllegalGeneration);
        }
        let differs = |said: &Option<String>, is: &Option<String>| said.is_some() && said != is;
        if differs(&sync.protocol_type, &group.protocol_type)
            || differs(&sync.protocol, &group.protocol)
        {
            return Err(Fault::InconsistentProtocol);
        }
        match group.phase {
            Phase::Empty => return Err(Fault::UnknownMember),
            Phase::PreparingRebalance => return Err(Fault::RebalanceInProgress),
            Phase::Stable => {
                group.unsynced.remove(&identity.member);
                self.touch(now, group, &identity.member);
                let synced = synced(group, &identity.member);
                step.reply(ticket, Reply::Synced(Ok(synced)));
            }
            Phase::CompletingRebalance => {
                group.unsynced.remove(&identity.member);
                if let Some(member) = group.member_mut(&identity.member)
                    && let Some(overtaken) = member.syncing.replace(ticket)
                {
                    step.reply(overtaken, Reply::Synced(Err(Fault::RebalanceInProgress)));
                }
                if group.leader.as_deref() == Some(&identity.member) {
                    let assignments = sync.assignments.into_iter().collect();
                    self.assign(now, &identity.group, group, assignments, step);
                }
            }
        }
        Ok(())
    }

    /// The leader has decided: everybody who waits is told, and the log.
    fn assign(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        mut assignments: HashMap<String, Bytes>,
        step: &mut Step,
    ) {
        for member in &mut group.members {
            member.assignment = assignments.remove(&member.id).unwrap_or_default();
        }
        group.enter(Phase::Stable, now.wall_ms);
        let waiting: Vec<(String, Ticket)> = group
            .members
            .iter_mut()
            .filter_map(|m| m.syncing.take().map(|ticket| (m.id.clone(), ticket)))
            .collect();
        for (member, ticket) in waiting {
            self.touch(now, group, &member);
            step.reply(ticket, Reply::Synced(Ok(synced(group, &member))));
        }
        let value = Some(group.value());
        step.records.push(Record::Group { group: id.to_owned(), value });
    }
}

fn synced(group: &Group, member: &str) -> Synced {
    Synced {
        protocol_type: group.protocol_type.clone(),
        protocol: group.protocol.clone(),
        assignment: group.member(member).map(|m| m.assignment.clone()).unwrap_or_default(),
    }
}
