//! OffsetFetch (9): the committed offsets of a group. As in Kafka, its id may be empty.
//!
//! * A partition without a committed offset has offset -1 and no error; so has every partition of a
//!   group that does not exist.
//!
//! v2 null topics mean all · v5 leader epoch · v7 require_stable · v8 several groups · v10 topic
//! ids

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::SemaphorePermit;

use crate::groups::consumer::questions::CheckMember;
use crate::groups::questions::{FetchedOffset, FetchedOffsets, TopicPartitions};
use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::errors::{NONE, group_error_code};
use crate::handlers::groups::{long_listing, no_coordinator, text};
use crate::handlers::response_list::ResponseList;
use crate::protocol::messages::offset_fetch_request::OffsetFetchRequestTopics;
use crate::protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use crate::protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use crate::types::TopicId;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct OffsetFetch;

impl ListHandler for OffsetFetch {
    type Request = OffsetFetchRequest;

    async fn handle(
        cx: &Context<'_>,
        request: OffsetFetchRequest,
    ) -> Result<Response, CloseReason> {
        if cx.version <= 7 {
            let topics = request.topics.map(|topics| {
                topics.into_iter().map(|t| (t.name.to_string(), t.partition_indexes)).collect()
            });
            return one_group(cx, &request.group_id, topics, request.require_stable).await;
        }
        let mut list = ResponseList::new::<Self::Request>(cx);
        for group in request.groups {
            let (named, unknown) = match group.topics {
                Some(topics) => {
                    let (known, unknown) = named(cx, topics);
                    (Some(known), unknown)
                }
                None => (None, Vec::new()),
            };
            let (ids, topics): (Option<Vec<TopicId>>, Option<TopicPartitions>) = named
                .map(|topics| {
                    let both = |t: OffsetFetchRequestTopics| {
                        (t.topic_id, (t.name.to_string(), t.partition_indexes))
                    };
                    topics.into_iter().map(both).unzip()
                })
                .unzip();
            let _turn = turn(&mut list, cx, &topics).await?;
            let fetched = match check_member(
                cx,
                &group.group_id,
                (group.member_id, group.member_epoch),
            )
            .await
            {
                Ok(()) => fetched(cx, &group.group_id, topics, request.require_stable).await,
                Err(code) => Err(code),
            };
            let answer = OffsetFetchResponseGroup::default().with_group_id(group.group_id);
            let answer = match fetched {
                Ok(offsets) => {
                    let topics = with_ids(cx, ids, offsets).map(topic).chain(unknown);
                    answer.with_topics(topics.collect())
                }
                Err(code) => answer.with_error_code(code.code()),
            };
            list.put(&answer).await?;
        }
        // Followed by tagged fields.
        list.into_response(OffsetFetchResponse::default(), 1).await
    }
}

/// Checks the epoch of a member of a consumer group, if the request names one (v9).
async fn check_member(
    cx: &Context<'_>,
    group: &str,
    (member, epoch): (Option<StrBytes>, i32),
) -> Result<(), Code> {
    let Some(member) = member.filter(|_| cx.version >= 9) else { return Ok(()) };
    let check = CheckMember { group: group.to_owned(), member: member.to_string(), epoch };
    cx.broker.coordinator.ask(check).await.map_err(no_coordinator)?.map_err(group_error_code)
}

/// Returns the topics of a request with their names, and the answer for those whose id is unknown.
fn named(
    cx: &Context<'_>,
    topics: Vec<OffsetFetchRequestTopics>,
) -> (Vec<OffsetFetchRequestTopics>, Vec<OffsetFetchResponseTopics>) {
    if cx.version < 10 {
        return (topics, Vec::new());
    }
    let (mut known, mut unknown) = (Vec::with_capacity(topics.len()), Vec::new());
    for topic in topics {
        match cx.broker.topics.with_id(topic.topic_id) {
            Some(live) => known.push(topic.with_name(text(live.name.clone()))),
            None => unknown.push(unknown_topic(topic)),
        }
    }
    (known, unknown)
}

fn unknown_topic(topic: OffsetFetchRequestTopics) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.into_iter().map(|index| {
        OffsetFetchResponsePartitions::default()
            .with_partition_index(index)
            .with_committed_offset(-1)
            .with_metadata(Some(StrBytes::default()))
            .with_error_code(Code::UnknownTopicId.code())
    });
    OffsetFetchResponseTopics::default()
        .with_topic_id(topic.topic_id)
        .with_partitions(partitions.collect())
}

/// The offsets of one topic.
type TopicOffsets = (String, Vec<(i32, FetchedOffset)>);

/// Returns the offsets with the ids of their topics: those of the request, or where it wants all,
/// those of the topics that exist.
fn with_ids(
    cx: &Context<'_>,
    ids: Option<Vec<TopicId>>,
    offsets: FetchedOffsets,
) -> impl Iterator<Item = (TopicId, TopicOffsets)> {
    let by_id = cx.version >= 10;
    let mut ids = ids.map(Vec::into_iter);
    offsets.into_iter().filter_map(move |topic| {
        let id = match &mut ids {
            Some(ids) => ids.next()?,
            None if by_id => cx.broker.topics.named(&topic.0)?.id,
            None => TopicId::nil(),
        };
        Some((id, topic))
    })
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
    requires_stable: bool,
) -> Result<FetchedOffsets, Code> {
    let coordinator = &cx.broker.coordinator;
    let fetched = match wanted {
        Some(wanted) => coordinator.fetch_offsets(group, wanted, requires_stable).await,
        None => coordinator.fetch_all_offsets(group, requires_stable).await,
    };
    fetched.map_err(no_coordinator)
}

/// Returns offset, leader epoch, metadata and error code as they are sent.
fn offset_fields(fetched: FetchedOffset) -> (i64, i32, Option<StrBytes>, i16) {
    match fetched {
        Ok(Some(c)) => (c.offset, c.leader_epoch, Some(text(c.metadata)), NONE),
        Ok(None) => (-1, -1, Some(StrBytes::default()), NONE),
        Err(error) => (-1, -1, Some(StrBytes::default()), group_error_code(error).code()),
    }
}

fn topic((id, (name, partitions)): (TopicId, TopicOffsets)) -> OffsetFetchResponseTopics {
    let partitions = partitions.into_iter().map(|(index, committed)| {
        let (offset, epoch, metadata, code) = offset_fields(committed);
        OffsetFetchResponsePartitions::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(epoch)
            .with_metadata(metadata)
            .with_error_code(code)
    });
    OffsetFetchResponseTopics::default()
        .with_name(text(name))
        .with_topic_id(id)
        .with_partitions(partitions.collect())
}

async fn one_group(
    cx: &Context<'_>,
    group: &str,
    wanted: Option<TopicPartitions>,
    requires_stable: bool,
) -> Result<Response, CloseReason> {
    let mut list = ResponseList::new::<OffsetFetchRequest>(cx);
    let _turn = turn(&mut list, cx, &wanted).await?;
    let (offsets, code) = match fetched(cx, group, wanted, requires_stable).await {
        Ok(offsets) => (offsets, 0),
        Err(code) => (Vec::new(), code.code()),
    };
    for (name, partitions) in offsets {
        let partitions = partitions.into_iter().map(|(index, committed)| {
            let (offset, epoch, metadata, code) = offset_fields(committed);
            let partition = OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
                .with_metadata(metadata)
                .with_error_code(code);
            if cx.version >= 5 { partition.with_committed_leader_epoch(epoch) } else { partition }
        });
        let topic = OffsetFetchResponseTopic::default()
            .with_name(text(name))
            .with_partitions(partitions.collect());
        list.put(&topic).await?;
    }
    // The error of the group, which exists since version 2, and tagged fields.
    let tail = if cx.version >= 2 { 2 } else { 0 } + usize::from(cx.version >= 6);
    list.into_response(OffsetFetchResponse::default().with_error_code(code), tail).await
}
