//! ListGroups (16): every group, or those in some states.
//!
//! v4 states · v5 types (KIP-848)

use std::collections::HashSet;

use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::groups::{long_listing, no_coordinator, text};
use crate::handlers::response_list::ResponseList;
use crate::handlers::throttle::respond;
use crate::protocol::messages::list_groups_response::ListedGroup;
use crate::protocol::messages::{ListGroupsRequest, ListGroupsResponse};
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct ListGroups;

impl ListHandler for ListGroups {
    type Request = ListGroupsRequest;

    async fn handle(cx: &Context<'_>, request: ListGroupsRequest) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        list.grow_in_turn().await?;
        let _turn = long_listing(cx).await?;
        let listed = match cx.broker.coordinator.list().await {
            Ok(listed) => listed,
            Err(error) => {
                let code = no_coordinator(error).code();
                let response = ListGroupsResponse::default().with_error_code(code);
                return respond(cx, response);
            }
        };
        let is_wanted = |filter: &HashSet<String>, value: &str| {
            filter.is_empty() || filter.contains(&value.to_ascii_lowercase())
        };
        let states = lowercase(&request.states_filter);
        let types = lowercase(&request.types_filter);
        for group in listed {
            let group_type = group.group_type.name();
            if !is_wanted(&types, group_type) || !is_wanted(&states, group.state) {
                continue;
            }
            let listed = ListedGroup::default()
                .with_group_id(text(group.group))
                .with_protocol_type(text(group.protocol_type))
                .with_group_state(StrBytes::from_static_str(group.state))
                .with_group_type(StrBytes::from_static_str(group_type));
            list.put(&listed).await?;
        }
        let tail = usize::from(cx.version >= 3);
        list.into_response(ListGroupsResponse::default(), tail).await
    }
}

/// Returns a filter in lower case: it is case-insensitive.
fn lowercase(filter: &[StrBytes]) -> HashSet<String> {
    filter.iter().map(|wanted| wanted.to_ascii_lowercase()).collect()
}
