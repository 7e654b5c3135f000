//! DeleteGroups (42): deletes empty groups and their offsets. A group named twice is answered once.

use std::collections::HashSet;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::groups::{code_of, no_coordinator};
use crate::protocol::messages::delete_groups_response::DeletableGroupResult;
use crate::protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

/// The handler.
pub struct DeleteGroups;

impl Handler for DeleteGroups {
    type Request = DeleteGroupsRequest;

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
