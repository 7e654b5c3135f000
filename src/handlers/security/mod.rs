//! Requests about access control.

pub mod create_acls;
pub mod delete_acls;
pub mod describe_acls;
pub mod operations;

use kafka_protocol::protocol::StrBytes;

use crate::wire::response::CloseReason;

/// Kafka's UNKNOWN of resource types, pattern types, permission types and operations.
const UNKNOWN: i8 = 0;

/// Checks the four enum fields of an entry or a filter.
///
/// # Errors
///
/// Returns an error if one of them is UNKNOWN. Numbers without a meaning are accepted.
fn check_known(enums: [i8; 4]) -> Result<(), CloseReason> {
    match enums.contains(&UNKNOWN) {
        true => Err(CloseReason::Malformed("an ACL with an element of type UNKNOWN".to_owned())),
        false => Ok(()),
    }
}

/// Kafka's message for creations and deletions without an authorizer.
const NO_AUTHORIZER: StrBytes = StrBytes::from_static_str("No Authorizer is configured.");
