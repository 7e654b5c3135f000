//! ConsumerGroupDescribe.

use crate::groups::Groups;
use crate::groups::consumer::catalog::TopicCatalog;
use crate::groups::consumer::heartbeat::not_a_consumer_group;
use crate::groups::consumer::planning::Planning;
use crate::groups::consumer::questions::{
    ConsumerGroupDescription, DescribeConsumers, DescribedConsumer, DescribedTopic, Refusal,
};
use crate::groups::consumer::view::GroupView;
use crate::groups::error::GroupError;
use crate::types::TopicId;

impl Groups {
    /// Returns a consumer group with its members.
    pub(crate) fn describe_consumers(
        &self,
        describe: &DescribeConsumers,
    ) -> Result<ConsumerGroupDescription, Refusal> {
        let id = &describe.group;
        let group = self.groups.get(id.as_str());
        let not_found =
            || Refusal::new(GroupError::GroupNotFound, format!("Group {id} not found."));
        let group = group.ok_or_else(not_found)?.consumer.as_deref();
        let group = group.ok_or_else(|| not_a_consumer_group(id))?;
        let view = GroupView { group, gone: &Default::default(), changed: None, resolved: &[] };
        let planning = Planning {
            view: &view,
            catalog: &*self.catalog,
            assignors: &self.rules.consumer.assignors,
            interval_ms: 0,
        };
        let members = group.members().map(|(id, member)| DescribedConsumer {
            id: id.to_string(),
            epoch: member.current.epoch,
            metadata: member.metadata.clone(),
            assigned: {
                let topics = member.current.assigned.iter();
                let topics = topics.map(|(id, all)| (*id, all.keys().copied().collect()));
                with_names(topics, &*self.catalog)
            },
            target: {
                let topics = member.target.by_topic();
                with_names(topics.map(|(id, all)| (id, all.to_vec())), &*self.catalog)
            },
        });
        Ok(ConsumerGroupDescription {
            state: group.state().name(),
            epoch: group.epoch.epoch,
            assignment_epoch: group.target.epoch,
            assignor: planning.assignor(&view.members()).name().to_owned(),
            members: members.collect(),
        })
    }
}

/// Returns the topics that exist, with their names.
fn with_names(
    topics: impl Iterator<Item = (TopicId, Vec<i32>)>,
    catalog: &dyn TopicCatalog,
) -> Vec<DescribedTopic> {
    let named =
        |(id, partitions)| Some(DescribedTopic { id, name: catalog.name_of(id)?, partitions });
    topics.filter_map(named).collect()
}
