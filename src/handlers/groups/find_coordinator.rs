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

use crate::handlers::api::Handler;
use crate::handlers::context::Context;

/// Groups, transactional ids, share groups' partitions.
const KEY_TYPES: RangeInclusive<i8> = 0..=2;
const GROUP: i8 = 0;

/// The handler.
pub struct FindCoordinator;

impl Handler for FindCoordinator {
    const KEY: i16 = 10;
    const NAME: &'static str = "FindCoordinator";
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    type Request = FindCoordinatorRequest;
    type Response = FindCoordinatorResponse;

    async fn handle(cx: &Context, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
        let is_known = KEY_TYPES.contains(&request.key_type);
        if request.key_type == GROUP && (cx.version < 4 || !request.coordinator_keys.is_empty()) {
            cx.broker.prepare_offsets_topic();
        }
        let (host, port) = cx.advertised();
        if cx.version < 4 {
            let response = FindCoordinatorResponse::default();
            return match is_known {
                true => {
                    response.with_node_id(BrokerId(cx.node_id())).with_host(host).with_port(port)
                }
                false => response
                    .with_error_code(Code::InvalidRequest.code())
                    .with_error_message(Some(StrBytes::from_static_str("an unknown key type")))
                    .with_node_id(BrokerId(-1))
                    .with_port(-1),
            };
        }
        let coordinators = request.coordinator_keys.into_iter().map(|key| {
            let coordinator = Coordinator::default().with_key(key);
            match is_known {
                true => coordinator
                    .with_node_id(BrokerId(cx.node_id()))
                    .with_host(host.clone())
                    .with_port(port),
                false => coordinator
                    .with_error_code(Code::InvalidRequest.code())
                    .with_error_message(Some(StrBytes::from_static_str("an unknown key type")))
                    .with_node_id(BrokerId(-1))
                    .with_port(-1),
            }
        });
        FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
    }
}
