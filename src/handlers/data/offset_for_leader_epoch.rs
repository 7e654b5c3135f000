//! OffsetForLeaderEpoch (23): where a leader epoch ended (KIP-320).
//!
//! * A single node has one epoch; its end is the log's end.

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::data::list_offsets::epoch_fault;
use crate::handlers::errors::of_unavailable;
use crate::log::LEADER_EPOCH;

/// The handler.
pub struct OffsetForLeaderEpoch;

impl Handler for OffsetForLeaderEpoch {
    const KEY: i16 = 23;
    const NAME: &'static str = "OffsetForLeaderEpoch";
    const VERSIONS: RangeInclusive<i16> = 2..=4;
    type Request = OffsetForLeaderEpochRequest;
    type Response = OffsetForLeaderEpochResponse;

    async fn handle(
        cx: &Context,
        request: OffsetForLeaderEpochRequest,
    ) -> OffsetForLeaderEpochResponse {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|p| ended(cx, &topic.topic, p)).collect();
            OffsetForLeaderTopicResult::default()
                .with_topic(topic.topic)
                .with_partitions(partitions)
        });
        OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
    }
}

fn ended(cx: &Context, topic: &str, wanted: &OffsetForLeaderPartition) -> EpochEndOffset {
    let result = EpochEndOffset::default()
        .with_partition(wanted.partition)
        .with_leader_epoch(-1)
        .with_end_offset(-1);
    let live = cx.broker.registry.named(topic);
    let Some(partition) = live.as_ref().and_then(|t| t.partition(wanted.partition)) else {
        return result.with_error_code(Code::UnknownTopicOrPartition.code());
    };
    if let Some(code) = epoch_fault(wanted.current_leader_epoch) {
        return result.with_error_code(code.code());
    }
    match partition.view() {
        Ok(view) if wanted.leader_epoch == LEADER_EPOCH => {
            result.with_leader_epoch(LEADER_EPOCH).with_end_offset(view.end_offset)
        }
        Ok(_) => result,
        Err(error) => result.with_error_code(of_unavailable(&error).code()),
    }
}
