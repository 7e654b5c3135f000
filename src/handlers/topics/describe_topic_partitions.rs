//! DescribeTopicPartitions (75): topics by name, a page at a time (KIP-966).
//!
//! * Names are answered in order; the cursor names the first partition of the next page.

use std::collections::BTreeSet;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::response_list::ResponseList;
use crate::handlers::security::operations;
use crate::protocol::message::Message;
use crate::protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::protocol::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use crate::topics::names;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct DescribeTopicPartitions;

impl ListHandler for DescribeTopicPartitions {
    type Request = DescribeTopicPartitionsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeTopicPartitionsRequest,
    ) -> Result<Response, CloseReason> {
        if let Some(code) = fault(&request) {
            return refused(cx, request, code).await;
        }
        let all = request.topics.is_empty();
        let names: BTreeSet<String> = if all {
            cx.broker.topics.all().iter().map(|topic| topic.name.clone()).collect()
        } else {
            request.topics.iter().map(|topic| topic.name.to_string()).collect()
        };
        let limit = cx.broker.config.max_request_partition_size_limit;
        let mut left = request.response_partition_limit.clamp(1, limit.max(1)) as usize;
        let from = request.cursor.map(|c| (c.topic_name.to_string(), c.partition_index.max(0)));
        let mut list = ResponseList::new::<Self::Request>(cx);
        let mut next = None;
        for name in names {
            let skip = match &from {
                Some((first, _)) if name < *first => continue,
                Some((first, partition)) if name == *first => *partition as usize,
                _ => 0,
            };
            if left == 0 {
                next = Some(cursor(&name, 0));
                break;
            }
            let topic = described(cx, &name, skip, left);
            let shown = topic.partitions.len();
            let total = cx.broker.topics.named(&name).map_or(0, |t| t.partitions.len());
            left -= shown;
            list.put(&topic).await?;
            if skip + shown < total {
                next = Some(cursor(&name, skip + shown));
                break;
            }
        }
        // What follows the topics: the cursor, if there is one, and tagged fields. A throttle time
        // and the number of topics precede them.
        let response = DescribeTopicPartitionsResponse::default().with_next_cursor(next);
        let bytes = response.size(cx.version).unwrap_or(0);
        list.into_response(response, bytes.saturating_sub(5)).await
    }
}

/// Returns the error for a whole request. The cursor has to name one of the topics; without a
/// cursor Kafka uses the empty name as its topic and fails.
fn fault(request: &DescribeTopicPartitionsRequest) -> Option<Code> {
    let names = |name: &StrBytes| request.topics.iter().any(|topic| topic.name == *name);
    match &request.cursor {
        Some(cursor) => {
            let is_among = request.topics.is_empty() || names(&cursor.topic_name);
            (!is_among || cursor.partition_index < 0).then_some(Code::InvalidRequest)
        }
        None => names(&StrBytes::default()).then_some(Code::UnknownServerError),
    }
}

/// Refuses every topic of a request.
async fn refused(
    cx: &Context<'_>,
    request: DescribeTopicPartitionsRequest,
    code: Code,
) -> Result<Response, CloseReason> {
    let mut list = ResponseList::new::<DescribeTopicPartitionsRequest>(cx);
    for topic in request.topics {
        let topic = DescribeTopicPartitionsResponseTopic::default()
            .with_name(Some(topic.name))
            .with_error_code(code.code());
        list.put(&topic).await?;
    }
    let response = DescribeTopicPartitionsResponse::default();
    let bytes = response.size(cx.version).unwrap_or(0);
    list.into_response(response, bytes.saturating_sub(5)).await
}

fn cursor(name: &str, partition: usize) -> Cursor {
    Cursor::default()
        .with_topic_name(StrBytes::from_string(name.to_owned()))
        .with_partition_index(partition as i32)
}

fn described(
    cx: &Context<'_>,
    name: &str,
    skip: usize,
    most: usize,
) -> DescribeTopicPartitionsResponseTopic {
    let node_id = cx.node_id();
    let response = DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(StrBytes::from_string(name.to_owned())));
    let Some(topic) = cx.broker.topics.named(name) else {
        let code = if names::fault(name).is_some() {
            Code::InvalidTopicException
        } else {
            Code::UnknownTopicOrPartition
        };
        return response
            .with_topic_authorized_operations(operations::WITH_TOPIC)
            .with_error_code(code.code());
    };
    let partitions = topic.partitions.iter().skip(skip).take(most).map(|partition| {
        DescribeTopicPartitionsResponsePartition::default()
            .with_partition_index(partition.id.partition)
            .with_leader_id(node_id)
            .with_leader_epoch(partition.leader_epoch())
            .with_replica_nodes(vec![node_id])
            .with_isr_nodes(vec![node_id])
            // Empty, not null: the Java admin client reads these lists without a null check.
            .with_eligible_leader_replicas(Some(Vec::new()))
            .with_last_known_elr(Some(Vec::new()))
    });
    response
        .with_topic_id(topic.id)
        .with_is_internal(names::is_internal(name))
        .with_topic_authorized_operations(operations::WITH_TOPIC)
        .with_partitions(partitions.collect())
}
