//! The options that nothing reads: their values are checked, stored and shown, so that files and
//! tools written for Kafka work.
//!
//! Names, types and limits are Kafka's. Where a default differs, `page.rs` says so and why. When a
//! feature is served, its rows move to the file of the section that they are in.

pub mod broker;
pub mod consumer_group;
pub mod offsets_topic;
pub mod resources;
pub mod security;
pub mod share_group;
pub mod streams_group;
pub mod topic;
pub mod transaction;
