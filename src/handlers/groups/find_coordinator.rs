//! FindCoordinator (10): who coordinates a group, a transactional id, a share group's partition.
//!
//! There is one node, so it is always this one. As in Kafka, looking for a group's coordinator
//! makes the topic of the committed offsets: clients that list internal topics rely on it.
//!
//! v0 groups only · v1 key types · v4 several keys

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{BrokerId, FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::answer_list::AnswerList;
use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::wire::reply::{Refusal, Reply, encode};

/// Groups, transactional ids, share groups' partitions.
const KEY_TYPES: RangeInclusive<i8> = 0..=2;
const GROUP: i8 = 0;

/// The handler.
pub struct FindCoordinator;

impl ListHandler for FindCoordinator {
    const KEY: i16 = 10;
    const NAME: &'static str = "FindCoordinator";
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    type Request = FindCoordinatorRequest;

    async fn handle(cx: &Context, request: FindCoordinatorRequest) -> Result<Reply, Refusal> {
        let is_known = KEY_TYPES.contains(&request.key_type);
        if request.key_type == GROUP && (cx.version < 4 || !request.coordinator_keys.is_empty()) {
            cx.broker.prepare_offsets_topic();
        }
        let (host, port) = cx.advertised();
        if cx.version < 4 {
            return encode(Self::KEY, cx.version, cx.correlation_id, &first(cx, is_known));
        }
        let mut list = AnswerList::new(cx, Self::KEY);
        for key in request.coordinator_keys {
            let coordinator = Coordinator::default().with_key(key);
            let coordinator = match is_known {
                true => coordinator
                    .with_node_id(BrokerId(cx.node_id()))
                    .with_host(host.clone())
                    .with_port(port),
                false => coordinator
                    .with_error_code(Code::InvalidRequest.code())
                    .with_error_message(Some(StrBytes::from_static_str("an unknown key type")))
                    .with_node_id(BrokerId(-1))
                    .with_port(-1),
            };
            list.put(&coordinator).await?;
        }
        // Tags follow.
        list.into_reply(&FindCoordinatorResponse::default(), 1).await
    }
}

/// The answer of the versions that know one key only.
fn first(cx: &Context, is_known: bool) -> FindCoordinatorResponse {
    let response = FindCoordinatorResponse::default();
    let (host, port) = cx.advertised();
    match is_known {
        true => response.with_node_id(BrokerId(cx.node_id())).with_host(host).with_port(port),
        false => response
            .with_error_code(Code::InvalidRequest.code())
            .with_error_message(Some(StrBytes::from_static_str("an unknown key type")))
            .with_node_id(BrokerId(-1))
            .with_port(-1),
    }
}
