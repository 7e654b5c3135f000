//! ListOffsets (2): the offset for a timestamp, or for a special value.
//!
//! * -1 latest (the LSO for read_committed) · -2 earliest · -3 largest timestamp (v7, KIP-734) ·
//!   -4 earliest local (v8) · -5 latest tiered (v9) and -6 earliest pending upload (v11, KIP-1023),
//!   which never exist: there is no remote storage
//! * A timestamp is answered with the first record at or after it.

use std::cmp::Ordering;
use std::io;

use kafka_protocol::error::ResponseError as Code;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::duplicates::by_partition;
use crate::handlers::errors::unavailable_code;
use crate::handlers::response_list::ResponseList;
use crate::log::view::View;
use crate::protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use crate::storage::record_input::MalformedRecord;
use crate::storage::records::MalformedRecordAt;
use crate::topics::opening::open_written;
use crate::topics::partition::Partition;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct ListOffsets;

impl ListHandler for ListOffsets {
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
        let mut list = ResponseList::new::<Self::Request>(cx);
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
    let mut list = ResponseList::new::<ListOffsetsRequest>(cx);
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
    open_written(wanted.iter()).await;
}

/// Returns the error for the leader epoch that a client has; -1 means that it sends none.
pub fn epoch_fault(current_leader_epoch: i32, partition: &Partition) -> Option<Code> {
    match current_leader_epoch.cmp(&partition.leader_epoch()) {
        _ if current_leader_epoch == -1 => None,
        Ordering::Equal => None,
        Ordering::Less => Some(Code::FencedLeaderEpoch),
        Ordering::Greater => Some(Code::UnknownLeaderEpoch),
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
    if let Some(code) = epoch_fault(wanted.current_leader_epoch, partition) {
        return failed(wanted, code);
    }
    let view = match partition.view() {
        Ok(view) => view,
        Err(error) => return failed(wanted, unavailable_code(&error)),
    };
    let limit = partition.config().max_decompressed_message_bytes;
    match found(&view, wanted.timestamp, committed, limit) {
        Ok(Some((timestamp, offset))) => {
            let epoch = view.epochs.of(offset).filter(|_| cx.version >= 4).unwrap_or(-1);
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
        -6 => version >= 11,
        timestamp => timestamp >= -2,
    }
}

/// Looks up an offset. No record of a compressed batch that is read may have more than
/// `record_bytes_max` bytes.
fn found(
    view: &View,
    timestamp: i64,
    committed: bool,
    record_bytes_max: i32,
) -> Result<Option<(i64, i64)>, Code> {
    let below = if committed { view.last_stable_offset } else { view.end_offset };
    match timestamp {
        -1 => Ok(Some((-1, below))),
        -2 => Ok(Some((-1, view.log_start_offset))),
        -3 => {
            let found = view.latest_timestamp(record_bytes_max).map_err(|e| code_of(&e))?;
            // As in Kafka, an earlier record does not take its place.
            Ok(found.filter(|f| f.offset < below).map(|f| (f.timestamp, f.offset)))
        }
        -4 => Ok(Some((-1, view.log_start_offset))),
        -5 | -6 => Ok(None),
        timestamp => {
            let found = view.first_at_or_after(timestamp, below, record_bytes_max);
            Ok(found.map_err(|e| code_of(&e))?.map(|f| (f.timestamp, f.offset)))
        }
    }
}

fn code_of(error: &io::Error) -> Code {
    tracing::error!(%error, "could not look up an offset by timestamp");
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<MalformedRecordAt>());
    match inner.map(|at| &at.fault) {
        Some(MalformedRecord::TooLarge { .. }) => Code::InvalidRecord,
        _ => Code::KafkaStorageError,
    }
}
