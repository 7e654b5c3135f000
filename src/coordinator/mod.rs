//! The driver of coordinators' state machines: one task each that executes commands, writes the
//! resulting records and replies; and the handles of the group and transaction coordinators.

pub mod driver;
pub mod group_coordinator;
pub mod handle;
pub mod journal;
pub mod log_entries;
mod misplaced;
pub mod placement;
mod refusal_log;
mod slices;
pub mod transaction_coordinator;
pub mod usage_monitor;
