//! OffsetCommit (8): stores the offsets of a group.
//!
//! * Partitions that do not exist are answered individually, before the group is checked; the
//!   others are committed.
//! * As in Kafka, the group's id may be empty.
//!
//! v2–4 retention time · v6 leader epoch · v7 static members · v9 an error code for unknown groups
//! · v10 topic ids

use crate::groups::questions::Commit;
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::group_error_code;
use crate::handlers::groups::commits::{PartitionFields, TopicCommit, commit_existing};
use crate::handlers::groups::{identity, no_coordinator};
use crate::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use crate::protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

/// The handler.
pub struct OffsetCommit;

impl Handler for OffsetCommit {
    type Request = OffsetCommitRequest;

    async fn handle(cx: &Context<'_>, request: OffsetCommitRequest) -> OffsetCommitResponse {
        let topics = request.topics.into_iter().map(to_commit).collect();
        let retention_ms = Some(request.retention_time_ms).filter(|_| cx.version <= 4);
        let identity = identity(
            &request.group_id,
            &request.member_id,
            request.group_instance_id,
            request.generation_id_or_member_epoch,
        );
        let outcomes = commit_existing(cx, cx.version >= 10, topics, async |offsets| {
            let commit = Commit {
                identity,
                retention_ms: retention_ms.filter(|ms| *ms >= 0),
                offsets,
                tells_unknown_group: cx.version >= 9,
            };
            match cx.broker.coordinator.commit(commit).await {
                Ok(outcomes) => outcomes.map_err(group_error_code),
                Err(error) => Err(no_coordinator(error)),
            }
        });
        let topics = outcomes.await.into_iter().map(|((name, id), partitions)| {
            let partition = |(index, code)| {
                OffsetCommitResponsePartition::default()
                    .with_partition_index(index)
                    .with_error_code(code)
            };
            OffsetCommitResponseTopic::default()
                .with_name(name)
                .with_topic_id(id)
                .with_partitions(partitions.into_iter().map(partition).collect())
        });
        OffsetCommitResponse::default().with_topics(topics.collect())
    }
}

fn to_commit(topic: OffsetCommitRequestTopic) -> TopicCommit {
    let fields = |p: OffsetCommitRequestPartition| PartitionFields {
        index: p.partition_index,
        offset: p.committed_offset,
        leader_epoch: p.committed_leader_epoch,
        metadata: p.committed_metadata,
    };
    TopicCommit::new((topic.name, topic.topic_id), topic.partitions.into_iter().map(fields))
}
