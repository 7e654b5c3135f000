//! ListPartitionReassignments (46): with one broker, no partition is being reassigned.

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

/// The handler.
pub struct ListPartitionReassignments;

impl Handler for ListPartitionReassignments {
    type Request = ListPartitionReassignmentsRequest;

    async fn handle(
        _: &Context<'_>,
        _: ListPartitionReassignmentsRequest,
    ) -> ListPartitionReassignmentsResponse {
        ListPartitionReassignmentsResponse::default().with_error_message(None)
    }
}
