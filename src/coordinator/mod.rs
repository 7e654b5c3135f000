//! The driver of the group coordinator's state machine: one task that executes commands, writes the
//! resulting records and replies.

pub mod backlog;
pub mod driver;
pub mod handle;
pub mod journal;
mod misplaced;
mod placement;
mod refusals;
mod usage_monitor;
