//! FindCoordinator (10): who coordinates a group or a transactional id.
//!
//! * There is no coordinator yet, so the answer is COORDINATOR_NOT_AVAILABLE. The API is served
//!   all the same: librdkafka compresses with lz4 only where it sees version 0 of it.

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{BrokerId, FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;

/// The handler.
pub struct FindCoordinator;

impl Handler for FindCoordinator {
    const KEY: i16 = 10;
    const NAME: &'static str = "FindCoordinator";
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    type Request = FindCoordinatorRequest;
    type Response = FindCoordinatorResponse;

    async fn handle(cx: &Context, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
        let code = Code::CoordinatorNotAvailable.code();
        let message = Some(StrBytes::from_static_str("this broker has no coordinators yet"));
        if cx.version < 4 {
            return FindCoordinatorResponse::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_node_id(BrokerId(-1))
                .with_port(-1);
        }
        let coordinators = request.coordinator_keys.into_iter().map(|key| {
            Coordinator::default()
                .with_key(key)
                .with_error_code(code)
                .with_error_message(message.clone())
                .with_node_id(BrokerId(-1))
                .with_port(-1)
        });
        FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
    }
}
