//! OffsetFetch (9): where a group is.
//!
//! * What was never committed has offset -1 and no error; so has everything of a group that is
//!   not there.
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

use crate::groups::input::{Input, Offsets, Reply, Wanted};
use crate::groups::records::Committed;
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::groups::{ask, mismatch, text};

/// The handler.
pub struct OffsetFetch;

impl Handler for OffsetFetch {
    const KEY: i16 = 9;
    const NAME: &'static str = "OffsetFetch";
    const VERSIONS: RangeInclusive<i16> = 1..=9;
    type Request = OffsetFetchRequest;
    type Response = OffsetFetchResponse;

    async fn handle(cx: &Context, request: OffsetFetchRequest) -> OffsetFetchResponse {
        if cx.version <= 7 {
            let topics = request.topics.map(|topics| {
                topics.into_iter().map(|t| (t.name.to_string(), t.partition_indexes)).collect()
            });
            return one_group(fetched(cx, request.group_id.to_string(), topics).await, cx.version);
        }
        let mut groups = Vec::with_capacity(request.groups.len());
        for group in request.groups {
            let topics = group.topics.map(|topics| {
                topics.into_iter().map(|t| (t.name.to_string(), t.partition_indexes)).collect()
            });
            let fetched = fetched(cx, group.group_id.to_string(), topics).await;
            let answer = OffsetFetchResponseGroup::default().with_group_id(group.group_id);
            groups.push(match fetched {
                Ok(offsets) => answer.with_topics(offsets.into_iter().map(topic).collect()),
                Err(code) => answer.with_error_code(code.code()),
            });
        }
        OffsetFetchResponse::default().with_groups(groups)
    }
}

async fn fetched(cx: &Context, group: String, wanted: Wanted) -> Result<Offsets, Code> {
    if group.is_empty() {
        return Err(Code::InvalidGroupId);
    }
    match ask(cx, Input::FetchOffsets { group, wanted }).await? {
        Reply::Fetched(offsets) => Ok(offsets),
        other => Err(mismatch(&other)),
    }
}

/// Offset, leader epoch and metadata as they are answered.
fn told(committed: Option<Committed>) -> (i64, i32, Option<StrBytes>) {
    match committed {
        Some(c) => (c.offset, c.leader_epoch, Some(text(c.metadata))),
        None => (-1, -1, Some(StrBytes::default())),
    }
}

fn topic((name, partitions): (String, Vec<(i32, Option<Committed>)>)) -> OffsetFetchResponseTopics {
    let partitions = partitions.into_iter().map(|(index, committed)| {
        let (offset, epoch, metadata) = told(committed);
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

fn one_group(fetched: Result<Offsets, Code>, version: i16) -> OffsetFetchResponse {
    let offsets = match fetched {
        Ok(offsets) => offsets,
        Err(code) => return OffsetFetchResponse::default().with_error_code(code.code()),
    };
    let topics = offsets.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_iter().map(|(index, committed)| {
            let (offset, epoch, metadata) = told(committed);
            let partition = OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
                .with_metadata(metadata);
            if version >= 5 { partition.with_committed_leader_epoch(epoch) } else { partition }
        });
        OffsetFetchResponseTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions.collect())
    });
    OffsetFetchResponse::default().with_topics(topics.collect())
}
