//! Heartbeat (12): keeps a member's session alive, and tells it when the group rebalances.
//!
//! v3 static members

use std::ops::RangeInclusive;

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use crate::groups::questions;
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::groups::{code_of, identity, no_coordinator};

/// The handler.
pub struct Heartbeat;

impl Handler for Heartbeat {
    const KEY: i16 = 12;
    const NAME: &'static str = "Heartbeat";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    type Request = HeartbeatRequest;
    type Response = HeartbeatResponse;

    async fn handle(cx: &Context<'_>, request: HeartbeatRequest) -> HeartbeatResponse {
        let identity = identity(
            &request.group_id,
            &request.member_id,
            request.group_instance_id,
            request.generation_id,
        );
        let code = match cx.broker.coordinator.ask(questions::Heartbeat(identity)).await {
            Ok(outcome) => code_of(outcome),
            Err(error) => no_coordinator(error).code(),
        };
        HeartbeatResponse::default().with_error_code(code)
    }
}
