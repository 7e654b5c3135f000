//! DeleteRecords (21): advances the log start offset of partitions.
//!
//! * The new log start offset is on disk when the response is sent, unless the disk is full; the
//!   segments below it are deleted after `file.delete.delay.ms`.
//! * If a partition is named more than once, the last offset counts, as in Kafka.

use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::broker::maintenance;
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::duplicates::last_of_each;
use crate::handlers::errors::unavailable_code;
use crate::protocol::messages::delete_records_request::DeleteRecordsTopic;
use crate::protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use crate::protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use crate::topics::names;
use crate::topics::opening::open_all;
use crate::topics::partition::Partition;
use crate::topics::registry::LiveTopic;
use crate::types::Offset;

/// The handler.
pub struct DeleteRecords;

impl Handler for DeleteRecords {
    type Request = DeleteRecordsRequest;

    async fn handle(cx: &Context<'_>, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
        let mut changed = Vec::new();
        let named = request.topics.into_iter().flat_map(|topic| {
            let DeleteRecordsTopic { name, partitions, .. } = topic;
            let offsets = partitions.into_iter().map(|p| (p.partition_index, p.offset));
            offsets.map(move |(index, offset)| (name.clone(), index, offset))
        });
        let topics = last_of_each(named);
        open_wanted(cx, &topics).await;
        let topics = topics.into_iter().map(|(name, partitions)| {
            let live = cx.broker.topics.named(&name);
            let partitions = partitions.into_iter().map(|(index, offset)| {
                let result = DeleteRecordsPartitionResult::default().with_partition_index(index);
                match delete(live.as_deref(), index, offset) {
                    Ok((partition, low)) => {
                        changed.push(partition);
                        result.with_low_watermark(low)
                    }
                    Err(code) => result.with_low_watermark(-1).with_error_code(code.code()),
                }
            });
            DeleteRecordsTopicResult::default()
                .with_partitions(partitions.collect())
                .with_name(name)
        });
        let response = DeleteRecordsResponse::default().with_topics(topics.collect());
        if !changed.is_empty() {
            save(cx, changed).await;
        }
        response
    }
}

/// Opens the logs, so that opening them does not block other tasks.
async fn open_wanted(cx: &Context<'_>, topics: &[(StrBytes, Vec<(i32, Offset)>)]) {
    let mut wanted = Vec::new();
    for (name, partitions) in topics {
        let Some(live) = cx.broker.topics.named(name) else { continue };
        wanted.extend(partitions.iter().filter_map(|(index, _)| live.partition(*index).cloned()));
    }
    open_all(wanted.iter()).await;
}

fn delete(
    topic: Option<&LiveTopic>,
    index: i32,
    offset: Offset,
) -> Result<(Arc<Partition>, Offset), Code> {
    let topic = topic.ok_or(Code::UnknownTopicOrPartition)?;
    let partition = topic.partition(index).ok_or(Code::UnknownTopicOrPartition)?;
    if names::is_internal(&topic.name) {
        return Err(Code::InvalidTopicException);
    }
    let cleanup = partition.config().cleanup;
    if cleanup.compact && !cleanup.delete {
        return Err(Code::PolicyViolation);
    }
    if offset < -1 {
        return Err(Code::OffsetOutOfRange);
    }
    match partition.delete_before(offset) {
        Ok(Some(low)) => Ok((partition.clone(), low)),
        Ok(None) => Err(Code::OffsetOutOfRange),
        Err(error) => Err(unavailable_code(&error)),
    }
}

async fn save(cx: &Context<'_>, changed: Vec<Arc<Partition>>) {
    let broker = cx.broker.clone();
    let saving =
        tokio::task::spawn_blocking(move || maintenance::retire_durably(&broker, &changed));
    if let Err(error) = saving.await {
        tracing::error!(%error, "could not save the log start offsets of DeleteRecords");
    }
}
