//! The driver of coordinators' state machines: one task each that executes commands, writes the
//! resulting records and replies; and the handle of the group coordinator.

pub mod driver;
pub mod group_coordinator;
pub mod handle;
pub mod journal;
mod misplaced;
mod placement;
mod refusal_log;
mod slices;
pub mod usage_monitor;
