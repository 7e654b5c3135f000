//! DescribeProducers (61): the producers of partitions, with their open transactions (KIP-664).
//!
//! * The time of a producer is that of its last append, not its last batch's timestamp.
//! * As in Kafka, a partition that is named twice is answered twice.

use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::errors::{UNKNOWN_TOPIC_OR_PARTITION, unavailable_code};
use crate::handlers::response_list::ResponseList;
use crate::protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use crate::protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};
use crate::storage::snapshot::ProducerEntry;
use crate::topics::opening::open_all;
use crate::topics::partition::Partition;
use crate::topics::registry::LiveTopic;
use crate::wire::response::{CloseReason, Response};

/// Bytes of one producer in a response, in memory.
const PRODUCER_BYTES: usize = size_of::<ProducerState>();

/// The handler.
pub struct DescribeProducers;

impl ListHandler for DescribeProducers {
    type Request = DescribeProducersRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeProducersRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        for topic in request.topics {
            let live = cx.broker.topics.named(&topic.name);
            let mut response = TopicResponse::default();
            let mut bytes = 0;
            for index in topic.partition_indexes {
                let found = live.as_ref().and_then(|topic| topic.partition(index));
                if let Some(partition) = found {
                    open_all([partition].into_iter()).await;
                    bytes += partition.producers_known() * PRODUCER_BYTES;
                    list.expect(bytes).await?;
                }
                response.partitions.push(described(live.as_deref(), found, index));
                list.pause().await;
            }
            list.put(&response.with_name(topic.name)).await?;
        }
        list.into_response(DescribeProducersResponse::default(), 1).await
    }
}

fn described(
    topic: Option<&LiveTopic>,
    partition: Option<&Arc<Partition>>,
    index: i32,
) -> PartitionResponse {
    let response = PartitionResponse::default().with_partition_index(index);
    let Some(partition) = partition else {
        // As in Kafka, only an unknown topic has a message.
        let message = topic.is_none().then_some(UNKNOWN_TOPIC_OR_PARTITION);
        return response
            .with_error_code(Code::UnknownTopicOrPartition.code())
            .with_error_message(message.map(StrBytes::from_static_str));
    };
    match partition.with_log(|log| log.producers().to_entries()) {
        Ok(entries) => response.with_active_producers(entries.iter().map(producer_state).collect()),
        Err(error) => response.with_error_code(unavailable_code(&error).code()),
    }
}

fn producer_state(entry: &ProducerEntry) -> ProducerState {
    ProducerState::default()
        .with_producer_id(entry.producer_id)
        .with_producer_epoch(i32::from(entry.producer_epoch))
        .with_last_sequence(entry.last_sequence)
        .with_last_timestamp(entry.timestamp)
        .with_coordinator_epoch(entry.coordinator_epoch)
        .with_current_txn_start_offset(entry.txn_first_offset.unwrap_or(-1))
}
