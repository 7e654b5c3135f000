//! AlterReplicaLogDirs (34): there is one log directory, so every replica is where it should be
//! already, or is to be moved to a directory that does not exist.
//!
//! * The checks are those of Kafka's ReplicaManager: a name too long for a move, the directory, the
//!   partition.
//! * If a partition is named more than once, the last directory counts.
//!
//! v2 flexible

use kafka_protocol::error::ResponseError as Code;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::duplicates::last_of_each;
use crate::handlers::errors::NONE;
use crate::protocol::messages::alter_replica_log_dirs_request::AlterReplicaLogDirTopic;
use crate::protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use crate::protocol::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};

/// The handler.
pub struct AlterReplicaLogDirs;

/// What Kafka appends to a partition's name for the directory of its future replica, in bytes: a
/// dot, an id of 32 digits, `-future`.
const FUTURE_BYTES: usize = 40;
/// Maximum length of a directory name, in bytes.
const NAME_BYTES_MAX: usize = 255;

impl Handler for AlterReplicaLogDirs {
    type Request = AlterReplicaLogDirsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: AlterReplicaLogDirsRequest,
    ) -> AlterReplicaLogDirsResponse {
        let ours = cx.broker.data_dir.display().to_string();
        let topics = request.dirs.into_iter().flat_map(|dir| {
            let is_ours = *dir.path == *ours;
            dir.topics.into_iter().map(move |topic| (is_ours, topic))
        });
        let named = topics.flat_map(|(is_ours, topic)| {
            let AlterReplicaLogDirTopic { name, partitions, .. } = topic;
            partitions.into_iter().map(move |index| (name.clone(), index, is_ours))
        });
        let results = last_of_each(named).into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(index, is_ours)| {
                AlterReplicaLogDirPartitionResult::default()
                    .with_partition_index(index)
                    .with_error_code(moved(cx, &name, index, is_ours))
            });
            AlterReplicaLogDirTopicResult::default()
                .with_partitions(partitions.collect())
                .with_topic_name(name.clone())
        });
        AlterReplicaLogDirsResponse::default().with_results(results.collect())
    }
}

fn moved(cx: &Context<'_>, topic: &str, index: i32, to_ours: bool) -> i16 {
    if topic.len() + 1 + index.to_string().len() + FUTURE_BYTES > NAME_BYTES_MAX {
        return Code::InvalidTopicException.code();
    }
    if !to_ours {
        return Code::LogDirNotFound.code();
    }
    let live = cx.broker.topics.named(topic);
    match live.as_ref().and_then(|live| live.partition(index)) {
        None => Code::UnknownTopicOrPartition.code(),
        Some(partition) if partition.is_offline() => Code::KafkaStorageError.code(),
        Some(_) => NONE,
    }
}
