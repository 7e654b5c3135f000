//! Heartbeat (12): keeps a member's session alive, and tells it when the group rebalances.
//!
//! v3 static members

use crate::groups::questions;
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::groups::{code_of, identity, no_coordinator};
use crate::protocol::messages::{HeartbeatRequest, HeartbeatResponse};

/// The handler.
pub struct Heartbeat;

impl Handler for Heartbeat {
    type Request = HeartbeatRequest;

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
