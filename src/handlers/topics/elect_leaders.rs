//! ElectLeaders (43): the leader of every partition is the only broker.
//!
//! v1 election type · v2 flexible

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::errors::NONE;
use crate::handlers::response_list::ResponseList;
use crate::protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use crate::protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};
use crate::wire::response::{CloseReason, Response};

/// Memory of one partition's result beside the topic's name, in bytes, counted twice: as a struct
/// and encoded.
const RESULT_BYTES: usize = 256;

/// The handler.
pub struct ElectLeaders;

impl ListHandler for ElectLeaders {
    type Request = ElectLeadersRequest;

    async fn handle(
        cx: &Context<'_>,
        request: ElectLeadersRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        // If no partition is named, Kafka does not check the type.
        let names_none = request.topic_partitions.as_ref().is_some_and(Vec::is_empty);
        if cx.version >= 1 && !matches!(request.election_type, 0 | 1) && !names_none {
            return refused(cx, list, request).await;
        }
        let Some(topics) = request.topic_partitions else {
            // If all partitions are requested, only those that needed an election are answered.
            for topic in cx.broker.topics.all() {
                let name = StrBytes::from_string(topic.name.clone());
                list.put(&ReplicaElectionResult::default().with_topic(name)).await?;
            }
            return finished(cx, list, NONE).await;
        };
        for topic in topics {
            let live = cx.broker.topics.named(&topic.topic);
            // Each message repeats the topic's name, which may be as long as the request.
            let result_bytes = RESULT_BYTES + 2 * topic.topic.len();
            list.expect(topic.partitions.len().saturating_mul(result_bytes)).await?;
            let results = Vec::with_capacity(topic.partitions.len());
            let mut result = ReplicaElectionResult::default().with_partition_result(results);
            for index in topic.partitions {
                let is_there = live.as_ref().is_some_and(|live| live.partition(index).is_some());
                let name = &*topic.topic;
                let (code, message) = match (&live, is_there) {
                    (_, true) => (
                        Code::ElectionNotNeeded,
                        "Leader election not needed for topic partition.".to_owned(),
                    ),
                    (Some(_), false) => (
                        Code::UnknownTopicOrPartition,
                        format!("No such partition as {name}-{index}"),
                    ),
                    (None, false) => {
                        (Code::UnknownTopicOrPartition, format!("No such topic as {name}"))
                    }
                };
                let partition = PartitionResult::default()
                    .with_partition_id(index)
                    .with_error_code(code.code())
                    .with_error_message(Some(StrBytes::from_string(message)));
                result.partition_result.push(partition);
                list.pause().await;
            }
            list.put(&result.with_topic(topic.topic)).await?;
        }
        finished(cx, list, NONE).await
    }
}

/// Refuses an election of an unknown type, for every requested partition.
async fn refused(
    cx: &Context<'_>,
    mut list: ResponseList<'_>,
    request: ElectLeadersRequest,
) -> Result<Response, CloseReason> {
    let code = Code::InvalidRequest.code();
    let message = StrBytes::from_string(format!("Unknown election type {}", request.election_type));
    for topic in request.topic_partitions.unwrap_or_default() {
        let partitions = topic.partitions.iter().map(|index| {
            PartitionResult::default()
                .with_partition_id(*index)
                .with_error_code(code)
                .with_error_message(Some(message.clone()))
        });
        let result = ReplicaElectionResult::default().with_partition_result(partitions.collect());
        list.put(&result.with_topic(topic.topic)).await?;
    }
    finished(cx, list, code).await
}

async fn finished(
    cx: &Context<'_>,
    list: ResponseList<'_>,
    code: i16,
) -> Result<Response, CloseReason> {
    let tail = usize::from(cx.version >= 2);
    list.into_response(ElectLeadersResponse::default().with_error_code(code), tail).await
}
