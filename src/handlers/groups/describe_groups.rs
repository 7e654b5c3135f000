//! DescribeGroups (15): groups with their members.
//!
//! v3 authorized operations · v4 static members · v6 an error code for unknown groups

use std::collections::HashSet;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::groups::error::GroupError;
use crate::groups::questions::{Describe, DescribedMember, Description};
use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::errors::{NONE, group_error_code};
use crate::handlers::groups::{long_listing, no_coordinator, text};
use crate::handlers::response_list::ResponseList;
use crate::handlers::security::operations;
use crate::protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use crate::protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use crate::wire::response::{self, CloseReason};

/// Members' metadata and assignments are not copied, but the response may keep them alive beyond
/// the group's next generation: at most this much of them counts as memory of the response, in
/// bytes.
const COUNTED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The handler.
pub struct DescribeGroups;

impl ListHandler for DescribeGroups {
    type Request = DescribeGroupsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeGroupsRequest,
    ) -> Result<response::Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        let mut named = HashSet::new();
        let mut counted_bytes = 0;
        for id in request.groups {
            let turn = long_listing(cx).await?;
            let describe = Describe { group: id.to_string() };
            let described = match cx.broker.coordinator.ask(describe).await {
                Ok(Ok(description)) => whole(cx.version, *description),
                Ok(Err(GroupError::GroupNotFound)) => {
                    dead(cx.version, || format!("Group {} not found.", &*id))
                }
                Ok(Err(GroupError::NotClassic)) => {
                    dead(cx.version, || format!("Group {} is not a classic group.", &*id))
                }
                Ok(Err(fault)) => failed(group_error_code(fault)),
                Err(error) => failed(no_coordinator(error)),
            };
            let mut described = described.with_group_id(id.clone());
            if request.include_authorized_operations && described.error_code == NONE {
                described.authorized_operations = operations::WITH_GROUP;
            }
            let encoded = list.encode(&described)?;
            drop(turn);
            let mut shared_bytes = encoded.shared_bytes;
            if shared_bytes > 0 && named.insert(id) {
                let counted = shared_bytes.min(COUNTED_BYTES_MAX - counted_bytes);
                (shared_bytes, counted_bytes) = (shared_bytes - counted, counted_bytes + counted);
            }
            list.put_encoded(1, encoded.pieces, shared_bytes).await?;
        }
        let tail = usize::from(cx.version >= 5);
        list.into_response(DescribeGroupsResponse::default(), tail).await
    }
}

fn failed(code: Code) -> DescribedGroup {
    DescribedGroup::default().with_error_code(code.code())
}

/// Returns the description of a group that does not exist, or not as a classic one.
fn dead(version: i16, why: impl FnOnce() -> String) -> DescribedGroup {
    let dead = DescribedGroup::default().with_group_state(StrBytes::from_static_str("Dead"));
    if version < 6 {
        return dead;
    }
    dead.with_error_code(Code::GroupIdNotFound.code()).with_error_message(Some(text(why())))
}

fn whole(version: i16, description: Description) -> DescribedGroup {
    let member = |m: DescribedMember| {
        let member = DescribedGroupMember::default()
            .with_member_id(text(m.id))
            .with_client_id(text(m.client_id))
            .with_client_host(text(m.client_host))
            .with_member_metadata(m.metadata)
            .with_member_assignment(m.assignment);
        if version >= 4 { member.with_group_instance_id(m.instance_id.map(text)) } else { member }
    };
    DescribedGroup::default()
        .with_group_state(StrBytes::from_static_str(description.state))
        .with_protocol_type(text(description.protocol_type))
        .with_protocol_data(text(description.protocol))
        .with_members(description.members.into_iter().map(member).collect())
}
