//! ListGroups (16): every group, or those in some states.
//!
//! v4 states · v5 types (KIP-848)

use std::ops::RangeInclusive;

use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{GroupId, ListGroupsRequest, ListGroupsResponse};
use kafka_protocol::protocol::StrBytes;

use crate::groups::input::{Input, Reply};
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::groups::{ask, mismatch, text};

/// The only kind of group that there is so far.
const CLASSIC: &str = "classic";

/// The handler.
pub struct ListGroups;

impl Handler for ListGroups {
    const KEY: i16 = 16;
    const NAME: &'static str = "ListGroups";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    type Request = ListGroupsRequest;
    type Response = ListGroupsResponse;

    async fn handle(cx: &Context, request: ListGroupsRequest) -> ListGroupsResponse {
        let failed = |code: i16| ListGroupsResponse::default().with_error_code(code);
        let listed = match ask(cx, Input::List).await {
            Ok(Reply::Listed(listed)) => listed,
            Ok(other) => return failed(mismatch(&other).code()),
            Err(code) => return failed(code.code()),
        };
        let is_wanted = |filter: &[StrBytes], value: &str| {
            filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        let of_type = is_wanted(&request.types_filter, CLASSIC);
        let groups = listed
            .into_iter()
            .filter(|group| of_type && is_wanted(&request.states_filter, group.state))
            .map(|group| {
                ListedGroup::default()
                    .with_group_id(GroupId(text(group.group)))
                    .with_protocol_type(text(group.protocol_type))
                    .with_group_state(StrBytes::from_static_str(group.state))
                    .with_group_type(StrBytes::from_static_str(CLASSIC))
            });
        ListGroupsResponse::default().with_groups(groups.collect())
    }
}
