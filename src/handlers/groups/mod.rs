//! Consumer groups and committed offsets.

use std::time::Duration;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::SemaphorePermit;

use crate::groups::error::GroupError;
use crate::groups::questions::MemberIdentity;
use crate::handlers::context::Context;
use crate::handlers::errors::coordinator_error_code;
use crate::machine::CoordinatorNotAvailable;
use crate::wire::response::CloseReason;

mod by_topic;
pub mod commits;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod delete_groups;
pub mod describe_groups;
pub mod find_coordinator;
pub mod heartbeat;
pub mod join_group;
pub mod leave_group;
pub mod list_groups;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod sync_group;

/// Why a request of a consumer group is refused as UNSUPPORTED_VERSION.
const NOT_SERVED: &str = "The consumer group protocol is turned off: group.version is 0, or \
                          group.coordinator.rebalance.protocols has no consumer.";

/// How long a long listing waits for its turn.
const LISTING_PATIENCE: Duration = Duration::from_secs(10);

/// Returns the code for a coordinator that cannot be asked.
pub fn no_coordinator(error: CoordinatorNotAvailable) -> Code {
    coordinator_error_code(&error)
}

/// Waits for the turn of a long listing: a copy of all groups, or of a group's offsets or members.
/// The permit is kept until the response is encoded, which bounds the number of such copies.
///
/// # Errors
///
/// Returns an error if the wait takes too long.
async fn long_listing<'a>(cx: &'a Context<'a>) -> Result<SemaphorePermit<'a>, CloseReason> {
    let late = || CloseReason::Unaffordable("timed out waiting for long listings".to_owned());
    cx.broker.resources.long_listing_turn(LISTING_PATIENCE).await.ok_or_else(late)
}

/// Returns the member on whose behalf a request is made.
pub fn identity(
    group: &str,
    member: &str,
    instance: Option<StrBytes>,
    generation: i32,
) -> MemberIdentity {
    MemberIdentity {
        group: group.to_owned(),
        member: member.to_owned(),
        instance_id: instance.map(|id| id.to_string()),
        generation,
    }
}

fn text(s: String) -> StrBytes {
    StrBytes::from_string(s)
}

/// Returns the code of an outcome; 0 for success.
fn code_of(outcome: Result<(), GroupError>) -> i16 {
    outcome.err().map_or(0, |fault| crate::handlers::errors::group_error_code(fault).code())
}
