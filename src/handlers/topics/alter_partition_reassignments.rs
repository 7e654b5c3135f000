//! AlterPartitionReassignments (45): every replica is on the only broker, and stays there.

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_partition_reassignments_request::ReassignablePartition;
use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::api_error::ApiError;
use crate::handlers::context::Context;
use crate::handlers::topics::assignments;
use crate::topics::registry::LiveTopic;

/// The handler.
pub struct AlterPartitionReassignments;

impl Handler for AlterPartitionReassignments {
    const KEY: i16 = 45;
    const NAME: &'static str = "AlterPartitionReassignments";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    type Request = AlterPartitionReassignmentsRequest;
    type Response = AlterPartitionReassignmentsResponse;

    async fn handle(
        cx: &Context,
        request: AlterPartitionReassignmentsRequest,
    ) -> AlterPartitionReassignmentsResponse {
        if request.topics.is_empty() {
            // As in Kafka's controller: nothing is checked, and the message is empty, not null.
            return AlterPartitionReassignmentsResponse::default();
        }
        let responses = request.topics.into_iter().map(|topic| {
            let live = cx.broker.topics.named(&topic.name);
            let partitions = topic.partitions.iter().map(|wanted| {
                let answer = ReassignablePartitionResponse::default()
                    .with_error_message(None)
                    .with_partition_index(wanted.partition_index);
                match reassign(cx.node_id(), &topic.name, live.as_deref(), wanted) {
                    Ok(()) => answer,
                    // Kafka sends the code without a message here.
                    Err(error) if error.code == Code::NoReassignmentInProgress => {
                        answer.with_error_code(error.code.code())
                    }
                    Err(error) => answer
                        .with_error_code(error.code.code())
                        .with_error_message(Some(StrBytes::from_string(error.message))),
                }
            });
            ReassignableTopicResponse::default()
                .with_partitions(partitions.collect())
                .with_name(topic.name.clone())
        });
        AlterPartitionReassignmentsResponse::default()
            .with_error_message(None)
            .with_allow_replication_factor_change(request.allow_replication_factor_change)
            .with_responses(responses.collect())
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
