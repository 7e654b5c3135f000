//! LeaveGroup (13): members leave, or an administrator removes them.
//!
//! v0–2 one member · v3 several, also by instance id (KIP-345)

use kafka_protocol::error::ResponseError as Code;

use crate::groups::questions::LeavingMember;
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::groups::{code_of, no_coordinator, text};
use crate::protocol::messages::leave_group_response::MemberResponse;
use crate::protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

/// The handler.
pub struct LeaveGroup;

impl Handler for LeaveGroup {
    type Request = LeaveGroupRequest;

    async fn handle(cx: &Context<'_>, request: LeaveGroupRequest) -> LeaveGroupResponse {
        let failed = |code: Code| LeaveGroupResponse::default().with_error_code(code.code());
        if request.group_id.is_empty() {
            return failed(Code::InvalidGroupId);
        }
        let members = match cx.version {
            0..=2 => {
                vec![LeavingMember { member: request.member_id.to_string(), instance_id: None }]
            }
            _ => request
                .members
                .into_iter()
                .map(|m| LeavingMember {
                    member: m.member_id.to_string(),
                    instance_id: m.group_instance_id.map(|id| id.to_string()),
                })
                .collect(),
        };
        let left = match cx.broker.coordinator.leave(&request.group_id, members).await {
            Ok(left) => left,
            Err(error) => return failed(no_coordinator(error)),
        };
        if cx.version <= 2 {
            let code = left.into_iter().next().map_or(0, |(_, outcome)| code_of(outcome));
            return LeaveGroupResponse::default().with_error_code(code);
        }
        let members = left.into_iter().map(|(who, outcome)| {
            MemberResponse::default()
                .with_member_id(text(who.member))
                .with_group_instance_id(who.instance_id.map(text))
                .with_error_code(code_of(outcome))
        });
        LeaveGroupResponse::default().with_members(members.collect())
    }
}
