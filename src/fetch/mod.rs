//! The read path above partitions: plan, read, wait, read again; fetch sessions.

pub mod poll;
pub mod session;
pub mod sessions;
