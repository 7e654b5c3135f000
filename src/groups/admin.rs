//! Groups as the admin tools see them: ListGroups, DescribeGroups and DeleteGroups.

use std::ops::Bound;
use std::sync::Arc;

use crate::groups::Groups;
use crate::groups::error::GroupError;
use crate::groups::group::GroupState;
use crate::groups::group_type::GroupType;
use crate::groups::limits::SLICE;
use crate::groups::members::Member;
use crate::groups::offsets::forgotten;
use crate::groups::questions::{Delete, DescribedMember, Description, Listing, Progress};
use crate::groups::step::Step;
use crate::groups::visits::visit;
use crate::machine::Ticket;

impl Groups {
    /// Returns the next groups after `after`, in order of their ids, and whether there are more.
    pub(crate) fn list(&self, after: Option<&str>) -> (Vec<Listing>, bool) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut ids = self.ids.range::<str, _>((from, Bound::Unbounded)).inspect(|_| visit());
        let page = ids.by_ref().take(SLICE).filter_map(|id| self.groups.get(id));
        let listed = page.map(|group| Listing {
            group: group.id.to_string(),
            protocol_type: match (group.group_type, &group.protocol_type) {
                (GroupType::Classic, protocol_type) => protocol_type.clone().unwrap_or_default(),
                (unserved, _) => unserved.name().to_owned(),
            },
            group_type: group.group_type,
            state: group.state_name(),
        });
        (listed.collect(), ids.next().is_some())
    }

    pub(crate) fn describe(&self, id: &str) -> Result<Description, GroupError> {
        let group = self.groups.get(id).ok_or(GroupError::GroupNotFound)?;
        if group.group_type != GroupType::Classic {
            return Err(GroupError::NotClassic);
        }
        let is_stable = group.phase == GroupState::Stable;
        let protocol = group.protocol.as_deref().filter(|_| is_stable);
        let member = |m: &Member| DescribedMember {
            id: m.id.to_string(),
            instance_id: m.instance_id.clone(),
            client_id: m.client_id.clone(),
            client_host: m.client_host.clone(),
            metadata: if is_stable { m.metadata(protocol) } else { Default::default() },
            assignment: if is_stable { m.assignment.clone() } else { Default::default() },
        };
        Ok(Description {
            state: group.phase.name(),
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            protocol: protocol.unwrap_or_default().to_owned(),
            members: group.members.iter().map(member).collect(),
        })
    }

    pub(crate) fn delete(&mut self, ticket: Ticket<Delete>, id: &str, step: &mut Step) {
        let outcome = self.try_delete(id, step);
        step.confirm(ticket, outcome);
    }

    /// Writes tombstones for the next slice of the group. Returns whether that is all.
    fn try_delete(&self, id: &str, step: &mut Step) -> Result<Progress, GroupError> {
        let group = self.groups.get(id).ok_or(GroupError::GroupNotFound)?;
        // The members of a group that is not served are not known, and its records are kept.
        if !group.has_no_members() {
            return Err(GroupError::NotEmpty);
        }
        let committed = group.offsets.iter().map(|(topic, partition, _)| (topic, partition));
        let is_pending = |(topic, p): &(&Arc<str>, i32)| group.offsets.get(topic, *p).is_none();
        let pending = group.pending_offsets.partitions().filter(is_pending);
        let mut all = committed.chain(pending);
        let slice = all.by_ref().take(SLICE);
        step.records.extend(slice.map(|(topic, partition)| forgotten(id, topic, partition)));
        if all.next().is_some() {
            return Ok(Progress::ToBeContinued);
        }
        step.records.extend(group.tombstones());
        Ok(Progress::Done)
    }
}
