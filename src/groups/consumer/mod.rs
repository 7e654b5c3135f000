//! Consumer groups (KIP-848): the coordinator assigns the partitions, and each member takes over
//! its part at its own pace, by heartbeats alone.

pub mod assignment;
pub mod assignors;
pub mod catalog;
pub mod commits;
mod describe;
pub mod group;
pub mod heartbeat;
mod identification;
mod leaving;
pub mod member;
mod metadata_hash;
mod planning;
pub mod questions;
mod reconciliation;
pub mod records;
mod regexes;
mod view;
