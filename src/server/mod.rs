//! The network layer: accepts connections, reads requests and writes responses in order. A broker
//! with its listeners is booted and stopped here, too.

pub mod boot;
pub mod connection;
pub mod connection_limits;
pub mod control;
pub mod frame_ledger;
pub mod frames;
pub mod gateway;
pub mod listener;
pub mod log_limit;
pub mod old_clients;
pub mod outbound;
pub mod patience;
pub mod request;
pub mod request_memory;
pub mod request_permit;
pub mod shared;
pub mod shortage;
pub mod transport;
pub mod turn;
