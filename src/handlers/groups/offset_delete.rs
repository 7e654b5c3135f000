//! OffsetDelete (47): a group forgets where it was in some partitions (KIP-496).

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse, TopicName};

use crate::groups::input::{Input, Reply};
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::of_group;
use crate::handlers::groups::{ask, code_of, mismatch, text};

/// The handler.
pub struct OffsetDelete;

impl Handler for OffsetDelete {
    const KEY: i16 = 47;
    const NAME: &'static str = "OffsetDelete";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    type Request = OffsetDeleteRequest;
    type Response = OffsetDeleteResponse;

    async fn handle(cx: &Context, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
        let failed = |code: Code| OffsetDeleteResponse::default().with_error_code(code.code());
        let wanted = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|p| p.partition_index).collect();
            (topic.name.to_string(), partitions)
        });
        let input =
            Input::DeleteOffsets { group: request.group_id.to_string(), wanted: wanted.collect() };
        let deleted = match ask(cx, input).await {
            Ok(Reply::Deleted(Ok(deleted))) => deleted,
            Ok(Reply::Deleted(Err(fault))) => return failed(of_group(fault)),
            Ok(other) => return failed(mismatch(&other)),
            Err(code) => return failed(code),
        };
        let topics = deleted.into_iter().map(|(name, partitions)| {
            let live = cx.broker.registry.named(&name);
            let partitions = partitions.into_iter().map(|(index, outcome)| {
                let is_there = live.as_ref().is_some_and(|live| live.partition(index).is_some());
                let code = match outcome {
                    Ok(()) if !is_there => Code::UnknownTopicOrPartition.code(),
                    outcome => code_of(outcome),
                };
                OffsetDeleteResponsePartition::default()
                    .with_partition_index(index)
                    .with_error_code(code)
            });
            OffsetDeleteResponseTopic::default()
                .with_partitions(partitions.collect())
                .with_name(TopicName(text(name.clone())))
        });
        OffsetDeleteResponse::default().with_topics(topics.collect())
    }
}
