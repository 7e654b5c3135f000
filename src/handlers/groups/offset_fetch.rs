//! OffsetFetch (9): the committed offsets of a group. As in Kafka, its id may be empty.
//!
//! * A partition without a committed offset has offset -1 and no error; so has every partition of a
//!   group that does not exist.
//!
//! v2 null topics mean all · v5 leader epoch · v7 require_stable · v8 several groups

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::SemaphorePermit;

use crate::groups::questions::{FetchedOffsets, TopicPartitions};
use crate::groups::records::OffsetAndMetadata;
use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::groups::{long_listing, no_coordinator, text};
use crate::handlers::response_list::ResponseList;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct OffsetFetch;

impl ListHandler for OffsetFetch {
    const KEY: i16 = 9;
    const NAME: &'static str = "OffsetFetch";
    const VERSIONS: RangeInclusive<i16> = 1..=9;
    type Request = OffsetFetchRequest;

    async fn handle(
        cx: &Context<'_>,
        request: OffsetFetchRequest,
    ) -> Result<Response, CloseReason> {
        if cx.version <= 7 {
            let topics = request.topics.map(|topics| {
                topics.into_iter().map(|t| (t.name.to_string(), t.partition_indexes)).collect()
            });
            return one_group(cx, &request.group_id, topics).await;
        }
        let mut list = ResponseList::new(cx, Self::KEY);
        for group in request.groups {
            let topics = group.topics.map(|topics| {
                topics.into_iter().map(|t| (t.name.to_string(), t.partition_indexes)).collect()
            });
            let _turn = turn(&mut list, cx, &topics).await?;
            let fetched = fetched(cx, &group.group_id, topics).await;
            let answer = OffsetFetchResponseGroup::default().with_group_id(group.group_id);
            let answer = match fetched {
                Ok(offsets) => answer.with_topics(offsets.into_iter().map(topic).collect()),
                Err(code) => answer.with_error_code(code.code()),
            };
            list.put(&answer).await?;
        }
        // Followed by tagged fields.
        list.into_response(OffsetFetchResponse::default(), 1).await
    }
}

/// Number of partitions above which a request waits for its turn with other long listings.
const LONG_FROM: usize = 1000;

/// Waits for the turn to fetch the offsets of a group, if there may be many.
///
/// # Errors
///
/// Returns an error if the wait takes too long.
async fn turn<'a>(
    list: &mut ResponseList<'_>,
    cx: &'a Context<'a>,
    wanted: &Option<TopicPartitions>,
) -> Result<Option<SemaphorePermit<'a>>, CloseReason> {
    let partitions = |topics: &TopicPartitions| topics.iter().map(|t| t.1.len()).sum();
    if wanted.as_ref().map_or(usize::MAX, partitions) <= LONG_FROM {
        return Ok(None);
    }
    list.grow_in_turn().await?;
    long_listing(cx).await.map(Some)
}

/// Returns the offsets of these partitions, or of all if none are named.
async fn fetched(
    cx: &Context<'_>,
    group: &str,
    wanted: Option<TopicPartitions>,
) -> Result<FetchedOffsets, Code> {
    let coordinator = &cx.broker.coordinator;
    let fetched = match wanted {
        Some(wanted) => coordinator.fetch_offsets(group, wanted).await,
        None => coordinator.fetch_all_offsets(group).await,
    };
    fetched.map_err(no_coordinator)
}

/// Returns offset, leader epoch and metadata as they are sent.
fn offset_fields(committed: Option<OffsetAndMetadata>) -> (i64, i32, Option<StrBytes>) {
    match committed {
        Some(c) => (c.offset, c.leader_epoch, Some(text(c.metadata))),
        None => (-1, -1, Some(StrBytes::default())),
    }
}

fn topic(
    (name, partitions): (String, Vec<(i32, Option<OffsetAndMetadata>)>),
) -> OffsetFetchResponseTopics {
    let partitions = partitions.into_iter().map(|(index, committed)| {
        let (offset, epoch, metadata) = offset_fields(committed);
        OffsetFetchResponsePartitions::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(epoch)
            .with_metadata(metadata)
    });
    OffsetFetchResponseTopics::default()
        .with_name(TopicName(text(name)))
        .with_partitions(partitions.collect())
}

async fn one_group(
    cx: &Context<'_>,
    group: &str,
    wanted: Option<TopicPartitions>,
) -> Result<Response, CloseReason> {
    let mut list = ResponseList::new(cx, OffsetFetch::KEY);
    let _turn = turn(&mut list, cx, &wanted).await?;
    let (offsets, code) = match fetched(cx, group, wanted).await {
        Ok(offsets) => (offsets, 0),
        Err(code) => (Vec::new(), code.code()),
    };
    for (name, partitions) in offsets {
        let partitions = partitions.into_iter().map(|(index, committed)| {
            let (offset, epoch, metadata) = offset_fields(committed);
            let partition = OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
                .with_metadata(metadata);
            if cx.version >= 5 { partition.with_committed_leader_epoch(epoch) } else { partition }
        });
        let topic = OffsetFetchResponseTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions.collect());
        list.put(&topic).await?;
    }
    // The error of the group, which exists since version 2, and tagged fields.
    let tail = if cx.version >= 2 { 2 } else { 0 } + usize::from(cx.version >= 6);
    list.into_response(OffsetFetchResponse::default().with_error_code(code), tail).await
}
