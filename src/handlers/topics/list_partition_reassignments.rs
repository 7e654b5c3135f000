//! ListPartitionReassignments (46): with one broker, no partition is being reassigned.

use std::ops::RangeInclusive;

use kafka_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::handlers::api::Handler;
use crate::handlers::context::Context;

/// The handler.
pub struct ListPartitionReassignments;

impl Handler for ListPartitionReassignments {
    const KEY: i16 = 46;
    const NAME: &'static str = "ListPartitionReassignments";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    type Request = ListPartitionReassignmentsRequest;
    type Response = ListPartitionReassignmentsResponse;

    async fn handle(
        _: &Context<'_>,
        _: ListPartitionReassignmentsRequest,
    ) -> ListPartitionReassignmentsResponse {
        ListPartitionReassignmentsResponse::default().with_error_message(None)
    }
}
