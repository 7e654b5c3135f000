//! Correlation of commands with their replies.

/// Identifies the request to which a reply belongs. Chosen by the caller.
pub type Ticket = u64;
