//! AlterPartitionReassignments (45): every replica is on the only broker, and stays there.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::api_error::ApiError;
use crate::handlers::context::Context;
use crate::handlers::response_list::ResponseList;
use crate::handlers::topics::assignments;
use crate::protocol::messages::alter_partition_reassignments_request::ReassignablePartition;
use crate::protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use crate::protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};
use crate::topics::registry::LiveTopic;
use crate::wire::response::{CloseReason, Response};

/// Memory of one partition's result beside the topic's name, in bytes, counted twice: as a struct
/// and encoded.
const RESULT_BYTES: usize = 256;

/// The handler.
pub struct AlterPartitionReassignments;

impl ListHandler for AlterPartitionReassignments {
    type Request = AlterPartitionReassignmentsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: AlterPartitionReassignmentsRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        if request.topics.is_empty() {
            // As in Kafka's controller: nothing is checked, and the message is empty, not null.
            return list.into_response(AlterPartitionReassignmentsResponse::default(), 1).await;
        }
        for topic in request.topics {
            let live = cx.broker.topics.named(&topic.name);
            // Each message repeats the topic's name, which may be as long as the request.
            let result_bytes = RESULT_BYTES + 2 * topic.name.len();
            list.expect(topic.partitions.len().saturating_mul(result_bytes)).await?;
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for wanted in &topic.partitions {
                partitions.push(response(cx.node_id(), &topic.name, live.as_deref(), wanted));
                list.pause().await;
            }
            let response = ReassignableTopicResponse::default()
                .with_partitions(partitions)
                .with_name(topic.name);
            list.put(&response).await?;
        }
        let response = AlterPartitionReassignmentsResponse::default()
            .with_error_message(None)
            .with_allow_replication_factor_change(request.allow_replication_factor_change);
        list.into_response(response, 1).await
    }
}

fn response(
    node: i32,
    name: &str,
    topic: Option<&LiveTopic>,
    wanted: &ReassignablePartition,
) -> ReassignablePartitionResponse {
    let response = ReassignablePartitionResponse::default()
        .with_error_message(None)
        .with_partition_index(wanted.partition_index);
    match reassign(node, name, topic, wanted) {
        Ok(()) => response,
        // Kafka sends the code without a message here.
        Err(error) if error.code == Code::NoReassignmentInProgress => {
            response.with_error_code(error.code.code())
        }
        Err(error) => response
            .with_error_code(error.code.code())
            .with_error_message(Some(StrBytes::from_string(error.message))),
    }
}

fn reassign(
    node: i32,
    name: &str,
    topic: Option<&LiveTopic>,
    wanted: &ReassignablePartition,
) -> Result<(), ApiError> {
    let index = wanted.partition_index;
    let unknown = |message| Err(ApiError::new(Code::UnknownTopicOrPartition, message));
    match topic {
        None => return unknown(format!("Unable to find a topic named {name}.")),
        Some(topic) if topic.partition(index).is_none() => {
            return unknown(format!("Unable to find partition {name}:{index}."));
        }
        Some(_) => {}
    }
    let Some(replicas) = wanted.replicas.as_deref() else {
        return Err(ApiError::new(Code::NoReassignmentInProgress, ""));
    };
    match assignments::fault(node, replicas) {
        None => Ok(()),
        Some(message) => Err(ApiError::new(Code::InvalidReplicaAssignment, message)),
    }
}
