//! DeleteGroups (42): empty groups go, with their offsets.

use std::ops::RangeInclusive;

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use crate::groups::input::{Input, Reply};
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::groups::{ask, code_of, mismatch};

/// The handler.
pub struct DeleteGroups;

impl Handler for DeleteGroups {
    const KEY: i16 = 42;
    const NAME: &'static str = "DeleteGroups";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    type Request = DeleteGroupsRequest;
    type Response = DeleteGroupsResponse;

    async fn handle(cx: &Context, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
        let mut results = Vec::with_capacity(request.groups_names.len());
        for id in request.groups_names {
            let code = match ask(cx, Input::Delete { group: id.to_string() }).await {
                Ok(Reply::GroupDeleted(outcome)) => code_of(outcome),
                Ok(other) => mismatch(&other).code(),
                Err(code) => code.code(),
            };
            results.push(DeletableGroupResult::default().with_group_id(id).with_error_code(code));
        }
        DeleteGroupsResponse::default().with_results(results)
    }
}
