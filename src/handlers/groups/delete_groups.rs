//! DeleteGroups (42): deletes empty groups and their offsets. A group named twice is answered once.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::groups::{code_of, no_coordinator};

/// The handler.
pub struct DeleteGroups;

impl Handler for DeleteGroups {
    const KEY: i16 = 42;
    const NAME: &'static str = "DeleteGroups";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    type Request = DeleteGroupsRequest;
    type Response = DeleteGroupsResponse;

    async fn handle(cx: &Context<'_>, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
        let mut results = Vec::with_capacity(request.groups_names.len());
        let mut seen = HashSet::new();
        for id in request.groups_names {
            if !seen.insert(id.clone()) {
                continue;
            }
            let code = match cx.broker.coordinator.delete(&id).await {
                Ok(outcome) => code_of(outcome),
                Err(error) => no_coordinator(error).code(),
            };
            results.push(DeletableGroupResult::default().with_group_id(id).with_error_code(code));
        }
        DeleteGroupsResponse::default().with_results(results)
    }
}
