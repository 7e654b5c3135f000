//! Requests about who may do what.

pub mod create_acls;
pub mod delete_acls;
pub mod describe_acls;
pub mod operations;
