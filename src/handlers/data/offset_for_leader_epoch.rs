//! OffsetForLeaderEpoch (23): the end offset of a leader epoch (KIP-320).
//!
//! * A single node has one epoch; its end is the log end offset.

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::data::list_offsets::epoch_fault;
use crate::handlers::errors::unavailable_code;
use crate::handlers::response_list::ResponseList;
use crate::log::LEADER_EPOCH;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct OffsetForLeaderEpoch;

impl ListHandler for OffsetForLeaderEpoch {
    const KEY: i16 = 23;
    const NAME: &'static str = "OffsetForLeaderEpoch";
    const VERSIONS: RangeInclusive<i16> = 2..=4;
    type Request = OffsetForLeaderEpochRequest;

    async fn handle(
        cx: &Context<'_>,
        request: OffsetForLeaderEpochRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new(cx, Self::KEY);
        for topic in request.topics {
            let partitions = Vec::with_capacity(topic.partitions.len());
            let mut result = OffsetForLeaderTopicResult::default().with_partitions(partitions);
            for partition in &topic.partitions {
                result.partitions.push(ended(cx, &topic.topic, partition));
                list.pause().await;
            }
            list.put(&result.with_topic(topic.topic)).await?;
        }
        let tail = usize::from(cx.version >= 4);
        list.into_response(OffsetForLeaderEpochResponse::default(), tail).await
    }
}

fn ended(cx: &Context<'_>, topic: &str, wanted: &OffsetForLeaderPartition) -> EpochEndOffset {
    let result = EpochEndOffset::default()
        .with_partition(wanted.partition)
        .with_leader_epoch(-1)
        .with_end_offset(-1);
    let live = cx.broker.topics.named(topic);
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
        // What came before the first epoch ends where that begins.
        Ok(view) if wanted.leader_epoch < -1 => {
            result.with_leader_epoch(wanted.leader_epoch).with_end_offset(view.log_start_offset)
        }
        Ok(_) => result,
        Err(error) => result.with_error_code(unavailable_code(&error).code()),
    }
}
