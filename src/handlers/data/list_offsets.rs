//! ListOffsets (2): the offset for a timestamp, or for a special value.
//!
//! * -1 latest (the LSO for read_committed) · -2 earliest · -3 largest timestamp (v7, KIP-734) ·
//!   -4 earliest local (v8) · -5 latest tiered (v9), which never exists · -6 is not served
//! * A timestamp is answered with the first record at or after it.

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::duplicates::by_partition;
use crate::handlers::errors::unavailable_code;
use crate::handlers::response_list::ResponseList;
use crate::log::LEADER_EPOCH;
use crate::log::view::View;
use crate::topics::opening::open_all;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct ListOffsets;

impl ListHandler for ListOffsets {
    const KEY: i16 = 2;
    const NAME: &'static str = "ListOffsets";
    const VERSIONS: RangeInclusive<i16> = 1..=10;
    type Request = ListOffsetsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: ListOffsetsRequest,
    ) -> Result<Response, CloseReason> {
        let committed = request.isolation_level == 1;
        if !matches!(request.isolation_level, 0 | 1) {
            return unknown_isolation(cx, request).await;
        }
        let named = request.topics.iter().flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|wanted| (&topic.name, wanted.partition_index, Ok(wanted)))
        });
        // Each partition may be named only once.
        let topics = by_partition(named, |known, again| *known = again.and_then(Err));
        let mut list = ResponseList::new(cx, Self::KEY);
        open_wanted(cx, &request.topics).await;
        for (name, partitions) in topics {
            let answers = Vec::with_capacity(partitions.len());
            let mut response = ListOffsetsTopicResponse::default().with_partitions(answers);
            for (_, wanted) in partitions {
                response.partitions.push(match wanted {
                    Ok(wanted) => listed(cx, name, wanted, committed),
                    Err(wanted) => failed(wanted, Code::InvalidRequest),
                });
                list.pause().await;
            }
            list.put(&response.with_name(name.clone())).await?;
        }
        finished(cx, list).await
    }
}

/// Refuses every partition: Kafka fails on an unknown isolation level, without details.
async fn unknown_isolation(
    cx: &Context<'_>,
    request: ListOffsetsRequest,
) -> Result<Response, CloseReason> {
    let mut list = ResponseList::new(cx, ListOffsets::KEY);
    for topic in request.topics {
        let partitions = topic.partitions.iter().map(|p| failed(p, Code::UnknownServerError));
        let response = ListOffsetsTopicResponse::default().with_partitions(partitions.collect());
        list.put(&response.with_name(topic.name)).await?;
    }
    finished(cx, list).await
}

async fn finished(cx: &Context<'_>, list: ResponseList<'_>) -> Result<Response, CloseReason> {
    let tail = usize::from(cx.version >= 6);
    list.into_response(ListOffsetsResponse::default(), tail).await
}

/// Opens the logs that are read below, so that opening them does not block other tasks.
async fn open_wanted(cx: &Context<'_>, topics: &[ListOffsetsTopic]) {
    let mut wanted = Vec::new();
    for topic in topics {
        let Some(live) = cx.broker.topics.named(&topic.name) else { continue };
        let indexes = topic.partitions.iter().map(|partition| partition.partition_index);
        let closed = indexes.filter_map(|index| live.partition(index)).filter(|one| !one.is_open());
        wanted.extend(closed.cloned());
    }
    open_all(wanted.iter()).await;
}

/// Returns the error for the leader epoch that a client has; -1 means that it sends none.
pub fn epoch_fault(current_leader_epoch: i32) -> Option<Code> {
    match current_leader_epoch {
        -1 | LEADER_EPOCH => None,
        epoch if epoch < LEADER_EPOCH => Some(Code::FencedLeaderEpoch),
        _ => Some(Code::UnknownLeaderEpoch),
    }
}

fn answer(wanted: &ListOffsetsPartition) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse::default()
        .with_partition_index(wanted.partition_index)
        .with_timestamp(-1)
        .with_offset(-1)
        .with_leader_epoch(-1)
}

fn failed(wanted: &ListOffsetsPartition, code: Code) -> ListOffsetsPartitionResponse {
    answer(wanted).with_error_code(code.code())
}

fn listed(
    cx: &Context<'_>,
    topic: &str,
    wanted: &ListOffsetsPartition,
    committed: bool,
) -> ListOffsetsPartitionResponse {
    // Kafka checks this before it looks for the partition.
    if !is_served(cx.version, wanted.timestamp) {
        return failed(wanted, Code::UnsupportedVersion);
    }
    let live = cx.broker.topics.named(topic);
    let Some(partition) = live.as_ref().and_then(|t| t.partition(wanted.partition_index)) else {
        return failed(wanted, Code::UnknownTopicOrPartition);
    };
    if let Some(code) = epoch_fault(wanted.current_leader_epoch) {
        return failed(wanted, code);
    }
    let view = match partition.view() {
        Ok(view) => view,
        Err(error) => return failed(wanted, unavailable_code(&error)),
    };
    match found(&view, wanted.timestamp, committed) {
        Ok(Some((timestamp, offset))) => {
            let epoch = if cx.version >= 4 { LEADER_EPOCH } else { -1 };
            answer(wanted).with_timestamp(timestamp).with_offset(offset).with_leader_epoch(epoch)
        }
        Ok(None) => answer(wanted),
        Err(code) => failed(wanted, code),
    }
}

/// Returns true if a request of this version may have this timestamp.
fn is_served(version: i16, timestamp: i64) -> bool {
    match timestamp {
        -3 => version >= 7,
        -4 => version >= 8,
        -5 => version >= 9,
        timestamp => timestamp >= -2,
    }
}

fn found(view: &View, timestamp: i64, committed: bool) -> Result<Option<(i64, i64)>, Code> {
    let below = if committed { view.last_stable_offset } else { view.end_offset };
    let disk = |error: std::io::Error| {
        tracing::error!(%error, "could not look up an offset by timestamp");
        Code::KafkaStorageError
    };
    match timestamp {
        -1 => Ok(Some((-1, below))),
        -2 => Ok(Some((-1, view.log_start_offset))),
        -3 => Ok(view.latest_timestamp().map_err(disk)?.map(|f| (f.timestamp, f.offset))),
        -4 => Ok(Some((-1, view.log_start_offset))),
        -5 => Ok(None),
        timestamp => {
            let found = view.first_at_or_after(timestamp, below).map_err(disk)?;
            Ok(found.map(|f| (f.timestamp, f.offset)))
        }
    }
}
