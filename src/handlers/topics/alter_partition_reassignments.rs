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
use crate::handlers::context::Context;
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
        let responses = request.topics.into_iter().map(|topic| {
            let live = cx.broker.registry.named(&topic.name);
            let partitions = topic.partitions.iter().map(|wanted| {
                let answer = ReassignablePartitionResponse::default()
                    .with_error_message(None)
                    .with_partition_index(wanted.partition_index);
                match reassign(cx.node_id(), live.as_deref(), wanted) {
                    Ok(()) => answer,
                    Err((code, message)) => answer
                        .with_error_code(code.code())
                        .with_error_message(Some(StrBytes::from_string(message))),
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
    topic: Option<&LiveTopic>,
    wanted: &ReassignablePartition,
) -> Result<(), (Code, String)> {
    let partition = topic.and_then(|topic| topic.partition(wanted.partition_index));
    if partition.is_none() {
        let message = "There is no such partition.".to_owned();
        return Err((Code::UnknownTopicOrPartition, message));
    }
    match wanted.replicas.as_deref() {
        None => {
            let message = "No partition reassignment found.".to_owned();
            Err((Code::NoReassignmentInProgress, message))
        }
        Some([only]) if only.0 == node => Ok(()),
        Some(_) => {
            let message = format!("there is no broker but {node} to put a replica on");
            Err((Code::InvalidReplicaAssignment, message))
        }
    }
}
