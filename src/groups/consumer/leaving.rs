//! Members that leave a consumer group, or are removed from it because they are silent or do not
//! give up their partitions.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Now;
use crate::groups::Groups;
use crate::groups::consumer::group::ConsumerGroup;
use crate::groups::consumer::heartbeat::not_a_consumer_group;
use crate::groups::consumer::identification::{fenced_instance, unknown_instance, unknown_member};
use crate::groups::consumer::member::LEFT_STATIC_EPOCH;
use crate::groups::consumer::questions::{ConsumerBeat, ConsumerHeartbeat, Refusal};
use crate::groups::consumer::records::{
    ConsumerRecord, CurrentAssignment, EpochsByPartition, GroupEpoch, TargetEpoch,
};
use crate::groups::consumer::view::GroupView;
use crate::groups::group::Group;
use crate::groups::records::Record;
use crate::groups::step::Step;

/// How long after a failure to try again to remove members, ms: there may be no room on the disk.
const AGAIN_MS: i64 = 1000;

impl Groups {
    pub(crate) fn leave_consumer_group(
        &self,
        beat: &ConsumerHeartbeat,
        step: &mut Step,
    ) -> Result<ConsumerBeat, Refusal> {
        let group = self.groups.get(beat.group.as_str());
        let group = group.and_then(|group| group.consumer.as_deref());
        let group = group.ok_or_else(|| not_a_consumer_group(&beat.group))?;
        let id = leaving_member(group, beat)?;
        let records = match beat.epoch {
            LEFT_STATIC_EPOCH => vec![left_for_a_while(group, &id)],
            _ => self.without(group, &BTreeSet::from([id])),
        };
        step.records.extend(
            records
                .into_iter()
                .map(|record| Record::Consumer { group: beat.group.clone(), record }),
        );
        Ok(ConsumerBeat {
            member: beat.member.clone(),
            epoch: beat.epoch,
            assignment: None,
            stale_regexes: Vec::new(),
        })
    }

    /// Returns the records that remove members.
    fn without(&self, group: &ConsumerGroup, gone: &BTreeSet<Arc<str>>) -> Vec<ConsumerRecord> {
        let mut records = Vec::new();
        for id in gone {
            records.push(ConsumerRecord::Current(id.to_string(), None));
            records.push(ConsumerRecord::Target(id.to_string(), None));
            records.push(ConsumerRecord::Member(id.to_string(), None));
        }
        let view = GroupView { group, gone, changed: None, resolved: &[] };
        let members = view.members();
        let used: BTreeSet<&str> = members.iter().filter_map(|m| m.metadata.regex()).collect();
        let unused = group
            .regexes()
            .iter()
            .filter(|(regex, known)| known.resolved.is_some() && !used.contains(regex.as_str()));
        records.extend(unused.map(|(regex, _)| ConsumerRecord::Regex(regex.clone(), None)));
        let epoch = group.epoch.epoch.saturating_add(1);
        let metadata_hash = view.metadata_hash(&members, &*self.catalog);
        records.push(ConsumerRecord::Group(Some(GroupEpoch { epoch, metadata_hash })));
        if members.is_empty() {
            let target = TargetEpoch { epoch, computed_ms: 0 };
            records.push(ConsumerRecord::TargetEpoch(Some(target)));
        }
        records
    }

    /// Removes the members of which a session or a revocation has timed out.
    pub(crate) fn expire_consumers(&self, now: Now, id: &str, group: &mut Group, step: &mut Step) {
        let Some(state) = group.consumer.as_deref_mut() else { return };
        let overdue = state.overdue(now.mono_ms);
        if overdue.is_empty() {
            return;
        }
        for member in &overdue {
            state.set_deadlines(member, |member| {
                member.session_due_ms = member.session_due_ms.max(now.mono_ms + AGAIN_MS);
                let due_ms = member.revocation_due_ms;
                member.revocation_due_ms = due_ms.map(|due| due.max(now.mono_ms + AGAIN_MS));
            });
        }
        let group = id.to_owned();
        let record = |record| Record::Consumer { group: group.clone(), record };
        step.records.extend(self.without(state, &overdue).into_iter().map(record));
    }
}

/// Returns the member that leaves.
fn leaving_member(group: &ConsumerGroup, beat: &ConsumerHeartbeat) -> Result<Arc<str>, Refusal> {
    if let Some(instance) = &beat.instance_id {
        let holder = group.with_instance(instance);
        let holder = holder.ok_or_else(|| unknown_instance(&beat.group, instance))?;
        if **holder != *beat.member {
            return Err(fenced_instance(&beat.member, instance, holder));
        }
        return Ok(holder.clone());
    }
    let known = group.members().find(|(id, _)| ***id == *beat.member);
    let (id, _) = known.ok_or_else(|| unknown_member(&beat.group, &beat.member))?;
    Ok(id.clone())
}

/// Returns the record of a static member that may come back: its partitions stay reserved.
fn left_for_a_while(group: &ConsumerGroup, id: &Arc<str>) -> ConsumerRecord {
    let current = group.member(id).map(|member| member.current.clone()).unwrap_or_default();
    let mut assigned = current.assigned;
    // A process that takes its place may commit whatever the epoch at which this one got them.
    assigned.values_mut().flat_map(|all| all.values_mut()).for_each(|epoch| *epoch = 0);
    let left = CurrentAssignment {
        epoch: LEFT_STATIC_EPOCH,
        previous_epoch: current.previous_epoch,
        state: current.state,
        assigned,
        pending_revocation: EpochsByPartition::new(),
    };
    ConsumerRecord::Current(id.to_string(), Some(left))
}
