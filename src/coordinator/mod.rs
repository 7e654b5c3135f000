//! The shell round the groups' mind: one task that asks it, writes down what it decides, and
//! answers.

pub mod asking;
pub mod backlog;
pub mod driver;
mod gauge;
pub mod journal;
mod refusals;
