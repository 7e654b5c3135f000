//! The shell round the groups' mind: one task that asks it, writes down what it decides, and
//! answers.

pub mod backlog;
pub mod driver;
pub mod handle;
pub mod journal;
mod refusals;
mod usage_monitor;
