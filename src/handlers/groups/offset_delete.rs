//! OffsetDelete (47): deletes the offsets of a group for some partitions (KIP-496).
//!
//! * Whether a partition exists is checked before whether the group is subscribed to it.

use kafka_protocol::error::ResponseError as Code;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::group_error_code;
use crate::handlers::groups::by_topic::ByTopic;
use crate::handlers::groups::{code_of, no_coordinator, text};
use crate::protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

/// The handler.
pub struct OffsetDelete;

impl Handler for OffsetDelete {
    type Request = OffsetDeleteRequest;

    async fn handle(cx: &Context<'_>, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
        let failed = |code: Code| OffsetDeleteResponse::default().with_error_code(code.code());
        let unknown = Code::UnknownTopicOrPartition.code();
        let (mut answers, mut there) = (ByTopic::new(), Vec::new());
        for topic in request.topics {
            let live = cx.broker.topics.named(&topic.name);
            let is_there = |index| live.as_ref().is_some_and(|l| l.partition(index).is_some());
            let indexes = topic.partitions.iter().map(|p| p.partition_index);
            let (known, others): (Vec<i32>, Vec<i32>) = indexes.partition(|index| is_there(*index));
            if live.is_none() || !others.is_empty() {
                let others = others.into_iter().map(|index| partition(index, unknown));
                answers.of(&topic.name).extend(others);
            }
            if !known.is_empty() {
                there.push((topic.name.to_string(), known));
            }
        }
        // An error of the group precedes all others, even if there is nothing to delete.
        let deleted = match cx.broker.coordinator.delete_offsets(&request.group_id, there).await {
            Ok(Ok(deleted)) => deleted,
            Ok(Err(fault)) => return failed(group_error_code(fault)),
            Err(error) => return failed(no_coordinator(error)),
        };
        let of_group = deleted.into_iter().map(|(name, partitions)| {
            let partitions =
                partitions.into_iter().map(|(p, outcome)| partition(p, code_of(outcome)));
            (text(name), partitions.collect())
        });
        answers.merge(of_group.collect());
        let topics = answers.into_topics().into_iter().map(|(name, partitions)| {
            OffsetDeleteResponseTopic::default().with_name(name).with_partitions(partitions)
        });
        OffsetDeleteResponse::default().with_topics(topics.collect())
    }
}

fn partition(index: i32, code: i16) -> OffsetDeleteResponsePartition {
    OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(code)
}
