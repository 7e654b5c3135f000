//! Groups as tools see them: listed, described, deleted.

use crate::groups::group::{Member, Phase};
use crate::groups::input::{DescribedMember, Description, Fault, Listing, Reply};
use crate::groups::offsets::forgotten;
use crate::groups::records::Record;
use crate::groups::{Groups, Step, Ticket, checked_id};

impl Groups {
    pub(crate) fn list(&self) -> Vec<Listing> {
        let mut all: Vec<Listing> = self
            .groups
            .iter()
            .map(|(id, group)| Listing {
                group: id.clone(),
                protocol_type: group.protocol_type.clone().unwrap_or_default(),
                state: group.phase.name(),
            })
            .collect();
        all.sort_by(|a, b| a.group.cmp(&b.group));
        all
    }

    pub(crate) fn describe(&self, id: &str) -> Result<Description, Fault> {
        checked_id(id)?;
        let group = self.groups.get(id).ok_or(Fault::GroupNotFound)?;
        let is_stable = group.phase == Phase::Stable;
        let protocol = group.protocol.as_deref().filter(|_| is_stable);
        let member = |m: &Member| DescribedMember {
            id: m.id.clone(),
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

    pub(crate) fn delete(&mut self, ticket: Ticket, id: &str, step: &mut Step) {
        let outcome = checked_id(id).and_then(|()| {
            let group = self.groups.get(id).ok_or(Fault::GroupNotFound)?;
            if group.phase != Phase::Empty {
                return Err(Fault::NotEmpty);
            }
            for (topic, partitions) in &group.offsets {
                let all = partitions.keys();
                step.records.extend(all.map(|partition| forgotten(id, topic, *partition)));
            }
            step.records.push(Record::Group { group: id.to_owned(), value: None });
            Ok(())
        });
        step.reply(ticket, Reply::GroupDeleted(outcome));
    }
}
