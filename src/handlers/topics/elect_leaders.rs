//! ElectLeaders (43): the leader of every partition is the only broker there is.
//!
//! v1 election type · v2 flexible

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;

/// The handler.
pub struct ElectLeaders;

impl Handler for ElectLeaders {
    const KEY: i16 = 43;
    const NAME: &'static str = "ElectLeaders";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    type Request = ElectLeadersRequest;
    type Response = ElectLeadersResponse;

    async fn handle(cx: &Context, request: ElectLeadersRequest) -> ElectLeadersResponse {
        // Null means all, and of all only those are answered that needed an election.
        let wanted = request.topic_partitions.unwrap_or_default();
        let results = wanted.into_iter().map(|topic| {
            let live = cx.broker.registry.named(&topic.topic);
            let partitions = topic.partitions.iter().map(|index| {
                let is_there = live.as_ref().is_some_and(|live| live.partition(*index).is_some());
                let (code, message) = match is_there {
                    true => (Code::ElectionNotNeeded, "Leader election not needed."),
                    false => (Code::UnknownTopicOrPartition, "There is no such partition."),
                };
                PartitionResult::default()
                    .with_partition_id(*index)
                    .with_error_code(code.code())
                    .with_error_message(Some(StrBytes::from_static_str(message)))
            });
            ReplicaElectionResult::default()
                .with_partition_result(partitions.collect())
                .with_topic(topic.topic.clone())
        });
        ElectLeadersResponse::default().with_replica_election_results(results.collect())
    }
}
