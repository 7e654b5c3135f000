//! Requests about who may do what.

pub mod create_acls;
pub mod delete_acls;
pub mod describe_acls;
pub mod operations;

use kafka_protocol::protocol::StrBytes;

use crate::wire::response::CloseReason;

/// Kafka's UNKNOWN among the types of resources, patterns and permissions, and among operations.
const UNKNOWN: i8 = 0;

/// Checks the four of an entry or a filter that come from closed sets.
///
/// # Errors
/// One of them is UNKNOWN. Numbers that are not known are read.
fn check_known(enums: [i8; 4]) -> Result<(), CloseReason> {
    match enums.contains(&UNKNOWN) {
        true => Err(CloseReason::Malformed("an ACL with an element of type UNKNOWN".to_owned())),
        false => Ok(()),
    }
}

/// What creations and deletions are answered where there is no authorizer, in Kafka's words.
const NO_AUTHORIZER: StrBytes = StrBytes::from_static_str("No Authorizer is configured.");
