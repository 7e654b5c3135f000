//! Requests about records.

pub mod delete_records;
pub mod describe_producers;
pub mod fetch;
pub mod list_offsets;
pub mod offset_for_leader_epoch;
pub mod plain_produce;
pub mod produce;
