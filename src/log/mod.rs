//! One partition's log: one owner, no locks, no async.

pub mod admit;
pub mod producers;
pub mod rewrite;
