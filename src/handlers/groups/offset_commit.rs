//! OffsetCommit (8): stores the offsets of a group.
//!
//! * Partitions that do not exist are answered individually, before the group is checked; the
//!   others are committed.
//! * As in Kafka, the group's id may be empty.
//!
//! v2–4 retention time · v6 leader epoch · v7 static members · v9 an error code for unknown groups

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use crate::groups::questions::{Commit, OffsetToCommit};
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::group_error_code;
use crate::handlers::groups::by_topic::ByTopic;
use crate::handlers::groups::{code_of, identity, no_coordinator};

/// The handler.
pub struct OffsetCommit;

impl Handler for OffsetCommit {
    const KEY: i16 = 8;
    const NAME: &'static str = "OffsetCommit";
    const VERSIONS: RangeInclusive<i16> = 2..=9;
    type Request = OffsetCommitRequest;
    type Response = OffsetCommitResponse;

    async fn handle(cx: &Context<'_>, request: OffsetCommitRequest) -> OffsetCommitResponse {
        let mut answers = ByTopic::new();
        let there = existing(cx, request.topics, &mut answers);
        if there.is_empty() {
            return answered(answers);
        }
        let offsets = there.iter().flat_map(to_commit).collect();
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
        let outcomes = match cx.broker.coordinator.commit(commit).await {
            Ok(outcomes) => outcomes.map_err(group_error_code),
            Err(error) => Err(no_coordinator(error)),
        };
        let mut outcomes = outcomes.map(Vec::into_iter);
        let of_group = there.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|p| {
                let code = match &mut outcomes {
                    Ok(outcomes) => outcomes.next().map_or(0, code_of),
                    Err(code) => code.code(),
                };
                partition(p.partition_index, code)
            });
            (topic.name, partitions.collect())
        });
        answers.merge(of_group.collect());
        answered(answers)
    }
}

fn partition(index: i32, code: i16) -> OffsetCommitResponsePartition {
    OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(code)
}

/// Returns the partitions of the request that exist, and answers the others.
fn existing(
    cx: &Context<'_>,
    topics: Vec<OffsetCommitRequestTopic>,
    answers: &mut ByTopic<OffsetCommitResponsePartition>,
) -> Vec<OffsetCommitRequestTopic> {
    let unknown = |index| partition(index, Code::UnknownTopicOrPartition.code());
    let mut there = Vec::with_capacity(topics.len());
    for mut topic in topics {
        let Some(live) = cx.broker.topics.named(&topic.name) else {
            let all = topic.partitions.iter().map(|p| unknown(p.partition_index));
            answers.of(&topic.name).extend(all);
            continue;
        };
        topic.partitions.retain(|p| {
            let is_there = live.partition(p.partition_index).is_some();
            if !is_there {
                answers.of(&topic.name).push(unknown(p.partition_index));
            }
            is_there
        });
        if !topic.partitions.is_empty() {
            there.push(topic);
        }
    }
    there
}

fn to_commit(topic: &OffsetCommitRequestTopic) -> impl Iterator<Item = OffsetToCommit> {
    topic.partitions.iter().map(|p| OffsetToCommit {
        topic: topic.name.to_string(),
        partition: p.partition_index,
        offset: p.committed_offset,
        leader_epoch: p.committed_leader_epoch,
        metadata: p.committed_metadata.as_deref().unwrap_or_default().to_owned(),
    })
}

fn answered(answers: ByTopic<OffsetCommitResponsePartition>) -> OffsetCommitResponse {
    let topics = answers.into_topics().into_iter().map(|(name, partitions)| {
        OffsetCommitResponseTopic::default().with_name(name).with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}
