//! Static members that restart (KIP-345).

use crate::clock::Now;
use crate::groups::Groups;
use crate::groups::classic::join::joined;
use crate::groups::error::GroupError;
use crate::groups::group::{Group, GroupState, Replacement};
use crate::groups::protocols::Protocols;
use crate::groups::questions::{Join, JoinError};
use crate::groups::records::{GroupValue, Record};
use crate::groups::step::Step;
use crate::machine::Ticket;

impl Groups {
    /// Replaces the id of a static member that has restarted; the old id is fenced. In a stable
    /// group only the id changes, with a record, and the generation stays, unless the member's
    /// protocols make another one the group's.
    pub(crate) fn replace_static(
        &mut self,
        now: Now,
        ticket: Ticket<Join>,
        join: &Join,
        group: &mut Group,
        (old, new): (&str, &str),
        step: &mut Step,
    ) {
        if group.phase == GroupState::Stable && keeps_protocol(group, old, &join.protocols) {
            record_replacement(ticket, join, group, (old, new), step);
            return;
        }
        group.members.rename(old, new);
        let waited = group.members.change(new, |m| (m.joining.take(), m.syncing.take()));
        let (joining, syncing) = waited.unwrap_or_default();
        if let Some(waiting) = joining {
            let fenced = JoinError::Refused(GroupError::FencedInstance, old.to_owned());
            step.reply(waiting, Err(fenced));
        }
        if let Some(waiting) = syncing {
            step.reply(waiting, Err(GroupError::FencedInstance));
        }
        if group.leader.as_deref() == Some(old) {
            group.leader = Some(new.into());
        }
        self.update(now, ticket, join, group, new, step);
        self.rebalance_or_complete(now, &join.identity.group, group, step);
    }
}

/// Returns whether the group's protocol stays the same if a member has these protocols.
fn keeps_protocol(group: &mut Group, member: &str, protocols: &Protocols) -> bool {
    let before = group.members.get(member).map(|member| member.protocols.clone());
    group.members.set_protocols(member, protocols.clone());
    let keeps = group.members.elected() == group.protocol.as_deref();
    group.members.set_protocols(member, before.unwrap_or_default());
    keeps
}

/// Records the new id. The members change with the record.
fn record_replacement(
    ticket: Ticket<Join>,
    join: &Join,
    group: &mut Group,
    (old, new): (&str, &str),
    step: &mut Step,
) {
    let leads = group.leader.as_deref() == Some(old);
    let skips = leads && join.supports_skip_assignment;
    let protocol = join.protocols.iter().find(|(name, _)| Some(name) == group.protocol.as_ref());
    let metadata = protocol.map(|(_, metadata)| metadata.clone()).unwrap_or_default();
    let mut answer = joined(group, new, skips);
    answer.skip_assignment = skips;
    // An older client that believed itself the leader would compute an assignment.
    if skips {
        new.clone_into(&mut answer.leader);
    }
    for member in answer.members.iter_mut().filter(|member| member.id == old) {
        new.clone_into(&mut member.id);
        member.metadata = metadata.clone();
    }
    let mut value: GroupValue = group.value();
    if leads {
        value.leader = Some(new.to_owned());
    }
    for member in value.members.iter_mut().filter(|member| member.id == old) {
        new.clone_into(&mut member.id);
        member.session_timeout_ms = join.session_timeout_ms;
        member.rebalance_timeout_ms = join.rebalance_timeout_ms;
        member.subscription = metadata.clone();
    }
    group.replacing = Some(Box::new(Replacement {
        old: old.to_owned(),
        new: new.to_owned(),
        protocols: join.protocols.clone(),
        session_timeout_ms: join.session_timeout_ms,
        rebalance_timeout_ms: join.rebalance_timeout_ms,
    }));
    step.confirm(ticket, Ok(Box::new(answer)));
    step.records.push(Record::Group { group: join.identity.group.clone(), value: Some(value) });
}
