//! DescribeQuorum (55): the metadata log's one voter, which is its leader and has all of it.
//!
//! v1 timestamps of replicas · v2 directory ids and the nodes' listeners (KIP-853)

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::throttle::respond;
use crate::metadata::store;
use crate::protocol::messages::describe_quorum_request as request;
use crate::protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use crate::protocol::messages::{DescribeQuorumRequest, DescribeQuorumResponse};
use crate::wire::response::{CloseReason, Response};

/// Maximum number of partitions in a request. Only one has a quorum.
const PARTITIONS_MAX: usize = 1000;

/// The handler.
pub struct DescribeQuorum;

impl ListHandler for DescribeQuorum {
    type Request = DescribeQuorumRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeQuorumRequest,
    ) -> Result<Response, CloseReason> {
        let wanted: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
        if wanted > PARTITIONS_MAX {
            let why = format!("{wanted} partitions are more than the maximum of {PARTITIONS_MAX}");
            return Err(CloseReason::Unaffordable(why));
        }
        respond(cx, response(cx, request))
    }
}

/// Returns true if only the one partition that has a quorum is requested.
fn is_of_metadata(topics: &[request::TopicData]) -> bool {
    let [topic] = topics else { return false };
    let [partition] = topic.partitions.as_slice() else { return false };
    &*topic.topic_name == store::TOPIC && partition.partition_index == 0
}

/// Refuses every partition; like Kafka, the response then lists no nodes.
fn refused(version: i16, topics: Vec<request::TopicData>) -> DescribeQuorumResponse {
    let message = match version {
        ..2 => "",
        2.. => "This server does not host this topic-partition.",
    };
    let topics = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            PartitionData::default()
                .with_partition_index(wanted.partition_index)
                .with_error_code(Code::UnknownTopicOrPartition.code())
                .with_error_message(Some(StrBytes::from_static_str(message)))
        });
        TopicData::default().with_partitions(partitions.collect()).with_topic_name(topic.topic_name)
    });
    DescribeQuorumResponse::default().with_topics(topics.collect())
}

fn response(cx: &Context<'_>, request: DescribeQuorumRequest) -> DescribeQuorumResponse {
    if !is_of_metadata(&request.topics) {
        return refused(cx.version, request.topics);
    }
    let topics = request.topics.into_iter().map(|topic| {
        TopicData::default().with_partitions(vec![quorum(cx)]).with_topic_name(topic.topic_name)
    });
    let response = DescribeQuorumResponse::default().with_topics(topics.collect());
    if cx.version < 2 {
        return response;
    }
    let (host, port) = cx.advertised();
    let listener = Listener::default()
        .with_name(StrBytes::from_static_str("CONTROLLER"))
        .with_host(host)
        .with_port(u16::try_from(port).unwrap_or(0));
    let node = Node::default().with_node_id(cx.node_id()).with_listeners(vec![listener]);
    response.with_nodes(vec![node])
}

fn quorum(cx: &Context<'_>) -> PartitionData {
    let (_, end_offset) = cx.broker.metadata.bounds();
    let voter =
        ReplicaState::default().with_replica_id(cx.node_id()).with_log_end_offset(end_offset);
    let now = cx.broker.clock.now().wall_ms;
    let voter = match cx.version {
        0 => voter,
        _ => voter.with_last_fetch_timestamp(now).with_last_caught_up_timestamp(now),
    };
    let voter = match cx.version {
        0 | 1 => voter,
        _ => voter.with_replica_directory_id(cx.broker.directory_id()),
    };
    PartitionData::default()
        .with_leader_id(cx.node_id())
        .with_leader_epoch(cx.broker.metadata.leader_epoch())
        .with_high_watermark(end_offset)
        .with_current_voters(vec![voter])
}
