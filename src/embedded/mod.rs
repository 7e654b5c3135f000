//! A broker inside another program: for tests, and for programs that bring their own broker.

pub mod broker;
pub mod builder;
pub mod error;
pub mod running;
pub mod topics;
