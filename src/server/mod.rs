//! Sockets: accept, frame in, reply out, in order.

pub mod connection;
pub mod control;
pub mod frames;
pub mod gateway;
pub mod holding;
pub mod listener;
pub mod log_limit;
pub mod old_clients;
pub mod outbound;
pub mod places;
pub mod request_memory;
pub mod shared;
pub mod shortage;
