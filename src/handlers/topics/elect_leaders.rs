//! ElectLeaders (43): the leader of every partition is the only broker there is.
//!
//! v1 election type · v2 flexible

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::answer_list::AnswerList;
use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::wire::reply::{Refusal, Reply};

/// The memory of one partition's result beside the topic's name, twice: as a struct and encoded.
const RESULT_BYTES: usize = 256;

/// The handler.
pub struct ElectLeaders;

impl ListHandler for ElectLeaders {
    const KEY: i16 = 43;
    const NAME: &'static str = "ElectLeaders";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    type Request = ElectLeadersRequest;

    async fn handle(cx: &Context, request: ElectLeadersRequest) -> Result<Reply, Refusal> {
        let mut list = AnswerList::new(cx, Self::KEY);
        // Null means all, and of all only those are answered that needed an election.
        for topic in request.topic_partitions.unwrap_or_default() {
            let live = cx.broker.registry.named(&topic.topic);
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
        let tail = usize::from(cx.version >= 2);
        list.into_reply(&ElectLeadersResponse::default(), tail).await
    }
}
