//! OffsetForLeaderEpoch (23): the end offset of a leader epoch (KIP-320).
//!
//! * Epochs begin only where the data directory comes from Apache Kafka; see `log/epochs.rs`.

use kafka_protocol::error::ResponseError as Code;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::data::list_offsets::epoch_fault;
use crate::handlers::errors::unavailable_code;
use crate::handlers::response_list::ResponseList;
use crate::protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use crate::protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use crate::protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use crate::topics::opening::open_written;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct OffsetForLeaderEpoch;

impl ListHandler for OffsetForLeaderEpoch {
    type Request = OffsetForLeaderEpochRequest;

    async fn handle(
        cx: &Context<'_>,
        request: OffsetForLeaderEpochRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        for topic in request.topics {
            let partitions = Vec::with_capacity(topic.partitions.len());
            if let Some(live) = cx.broker.topics.named(&topic.topic) {
                let named = topic.partitions.iter().map(|one| one.partition);
                open_written(named.filter_map(|index| live.partition(index))).await;
            }
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
    if let Some(code) = epoch_fault(wanted.current_leader_epoch, partition) {
        return result.with_error_code(code.code());
    }
    match partition.view() {
        Ok(view) => match view.end_of_epoch(wanted.leader_epoch) {
            Some((epoch, end)) => result.with_leader_epoch(epoch).with_end_offset(end),
            None => result,
        },
        Err(error) => result.with_error_code(unavailable_code(&error).code()),
    }
}
