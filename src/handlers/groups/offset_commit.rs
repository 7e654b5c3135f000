//! OffsetCommit (8): a group remembers where it is.
//!
//! * Partitions that do not exist are answered each for itself; the others are committed.
//!
//! v2–4 retention time · v6 leader epoch · v7 static members · v9 an unknown group has its code

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use crate::groups::input::{Commit, Fault, Input, Reply, ToCommit};
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::of_group;
use crate::handlers::groups::{ask, code_of, identity, mismatch};

/// The handler.
pub struct OffsetCommit;

impl Handler for OffsetCommit {
    const KEY: i16 = 8;
    const NAME: &'static str = "OffsetCommit";
    const VERSIONS: RangeInclusive<i16> = 2..=9;
    type Request = OffsetCommitRequest;
    type Response = OffsetCommitResponse;

    async fn handle(cx: &Context, request: OffsetCommitRequest) -> OffsetCommitResponse {
        let existing = existing(cx, &request.topics);
        let offsets = to_commit(&request.topics, &existing);
        let retention_ms = Some(request.retention_time_ms).filter(|_| cx.version <= 4);
        let commit = Commit {
            identity: identity(
                &request.group_id,
                &request.member_id,
                request.group_instance_id,
                request.generation_id_or_member_epoch,
            ),
            retention_ms: retention_ms.filter(|ms| *ms >= 0),
            offsets,
            tells_unknown_group: cx.version >= 9,
        };
        let outcome = match ask(cx, Input::Commit(commit)).await {
            Ok(Reply::Committed(Ok(outcomes))) => Ok(outcomes.into()),
            Ok(Reply::Committed(Err(fault))) => Err(of_group(fault)),
            Ok(other) => Err(mismatch(&other)),
            Err(code) => Err(code),
        };
        answered(request.topics, &existing, outcome)
    }
}

/// For each partition of the request whether it exists; asked once, for it may change.
fn existing(cx: &Context, topics: &[OffsetCommitRequestTopic]) -> Vec<bool> {
    let of_topic = |topic: &OffsetCommitRequestTopic| {
        let live = cx.broker.registry.named(&topic.name);
        let is_there = |index| live.as_ref().is_some_and(|live| live.partition(index).is_some());
        topic.partitions.iter().map(|p| is_there(p.partition_index)).collect::<Vec<_>>()
    };
    topics.iter().flat_map(of_topic).collect()
}

fn to_commit(topics: &[OffsetCommitRequestTopic], existing: &[bool]) -> Vec<ToCommit> {
    let all = topics.iter().flat_map(|topic| topic.partitions.iter().map(move |p| (topic, p)));
    let there = all.zip(existing).filter(|(_, is_there)| **is_there);
    there
        .map(|((topic, p), _)| ToCommit {
            topic: topic.name.to_string(),
            partition: p.partition_index,
            offset: p.committed_offset,
            leader_epoch: p.committed_leader_epoch,
            metadata: p.committed_metadata.as_deref().unwrap_or_default().to_owned(),
        })
        .collect()
}

fn answered(
    topics: Vec<OffsetCommitRequestTopic>,
    existing: &[bool],
    mut outcome: Result<VecDeque<Result<(), Fault>>, Code>,
) -> OffsetCommitResponse {
    let mut existing = existing.iter();
    let mut one = |index: i32| {
        let is_there = existing.next().is_some_and(|is_there| *is_there);
        let code = match &mut outcome {
            Err(code) => code.code(),
            Ok(_) if !is_there => Code::UnknownTopicOrPartition.code(),
            Ok(outcomes) => outcomes.pop_front().map_or(0, code_of),
        };
        OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(code)
    };
    let topics = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|p| one(p.partition_index)).collect();
        OffsetCommitResponseTopic::default().with_name(topic.name).with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}
