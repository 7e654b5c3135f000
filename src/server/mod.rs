//! Sockets: accept, frame in, reply out, in order.

pub mod connection;
pub mod control;
pub mod frames;
pub mod gateway;
pub mod listener;
pub mod log_limit;
pub mod outbound;
pub mod places;
