//! JoinGroup (11): joins a group's next generation.
//!
//! v1 rebalance timeout · v4 member id required (KIP-394) · v5 static members · v7 protocol type in
//! the response · v9 the leader may skip its assignment (KIP-814)

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::groups::questions::{Join, JoinError, Joined, JoinedMember};
use crate::handlers::api::{Handler, WaitsFor};
use crate::handlers::context::Context;
use crate::handlers::errors::group_error_code;
use crate::handlers::groups::{identity, no_coordinator, text};
use crate::protocol::messages::join_group_response::JoinGroupResponseMember;
use crate::protocol::messages::{JoinGroupRequest, JoinGroupResponse};

/// The handler.
pub struct JoinGroup;

impl Handler for JoinGroup {
    const WAITS_FOR: WaitsFor = WaitsFor::Others;
    type Request = JoinGroupRequest;

    async fn handle(cx: &Context<'_>, request: JoinGroupRequest) -> JoinGroupResponse {
        let member = request.member_id.clone();
        // Version 0 has one timeout for both.
        let rebalance_timeout_ms = match cx.version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        };
        let protocols = request.protocols.into_iter().map(|p| (p.name.to_string(), p.metadata));
        let join = Join {
            identity: identity(&request.group_id, &member, request.group_instance_id, -1),
            client_id: cx.client_id.as_deref().unwrap_or_default().to_owned(),
            client_host: format!("/{}", cx.session.peer.ip().to_canonical()),
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms,
            protocol_type: request.protocol_type.to_string(),
            protocols: protocols.collect(),
            requires_member_id: cx.version >= 4,
            supports_skip_assignment: cx.version >= 9,
        };
        match cx.broker.coordinator.join(join).await {
            Ok(Ok(joined)) => answered(cx.version, *joined),
            Ok(Err(JoinError::MemberIdRequired(id))) => {
                failed(cx.version, Code::MemberIdRequired, text(id))
            }
            Ok(Err(JoinError::Refused(fault, id))) => {
                failed(cx.version, group_error_code(fault), text(id))
            }
            Err(error) => failed(cx.version, no_coordinator(error), member),
        }
    }
}

fn failed(version: i16, code: Code, member: StrBytes) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(code.code())
        .with_generation_id(-1)
        // Null is allowed from version 7 on.
        .with_protocol_name((version < 7).then(StrBytes::default))
        .with_member_id(member)
}

fn answered(version: i16, joined: Joined) -> JoinGroupResponse {
    let protocol = joined.protocol.map(text);
    let member = |m: JoinedMember| {
        let member =
            JoinGroupResponseMember::default().with_member_id(text(m.id)).with_metadata(m.metadata);
        if version >= 5 { member.with_group_instance_id(m.instance_id.map(text)) } else { member }
    };
    JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_type(joined.protocol_type.map(text))
        .with_protocol_name(if version < 7 { Some(protocol.unwrap_or_default()) } else { protocol })
        .with_leader(text(joined.leader))
        .with_member_id(text(joined.member))
        .with_members(joined.members.into_iter().map(member).collect())
        .with_skip_assignment(joined.skip_assignment)
}
