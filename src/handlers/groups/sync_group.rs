//! SyncGroup (14): receives the leader's assignment, and returns each member's.
//!
//! v3 static members · v5 protocol type and name are checked

use kafka_protocol::error::ResponseError as Code;

use crate::groups::questions::Sync;
use crate::handlers::api::{Handler, WaitsFor};
use crate::handlers::context::Context;
use crate::handlers::errors::group_error_code;
use crate::handlers::groups::{identity, no_coordinator, text};
use crate::protocol::messages::{SyncGroupRequest, SyncGroupResponse};

/// The handler.
pub struct SyncGroup;

impl Handler for SyncGroup {
    const WAITS_FOR: WaitsFor = WaitsFor::Others;
    type Request = SyncGroupRequest;

    async fn handle(cx: &Context<'_>, request: SyncGroupRequest) -> SyncGroupResponse {
        let failed = |code: Code| SyncGroupResponse::default().with_error_code(code.code());
        // From version 5 on both are required (KIP-559).
        if cx.version >= 5 && (request.protocol_type.is_none() || request.protocol_name.is_none()) {
            return failed(Code::InconsistentGroupProtocol);
        }
        let assignments = request.assignments.into_iter();
        let sync = Sync {
            identity: identity(
                &request.group_id,
                &request.member_id,
                request.group_instance_id,
                request.generation_id,
            ),
            protocol_type: request.protocol_type.map(|text| text.to_string()),
            protocol: request.protocol_name.map(|text| text.to_string()),
            assignments: assignments.map(|a| (a.member_id.to_string(), a.assignment)).collect(),
        };
        match cx.broker.coordinator.sync(sync).await {
            Ok(Ok(synced)) => SyncGroupResponse::default()
                .with_protocol_type(synced.protocol_type.map(text))
                .with_protocol_name(synced.protocol.map(text))
                .with_assignment(synced.assignment),
            Ok(Err(fault)) => failed(group_error_code(fault)),
            Err(error) => failed(no_coordinator(error)),
        }
    }
}
