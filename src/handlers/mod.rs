//! What each request does; the API table is in `table.rs`.

pub mod api;
pub mod api_error;
pub mod cluster;
pub mod configs;
pub mod context;
pub mod data;
pub mod duplicates;
pub mod errors;
pub mod groups;
pub mod memory;
#[cfg(feature = "cli")]
pub mod page;
pub mod patterns;
pub mod request_cost;
pub mod response_list;
pub mod runner;
pub mod security;
pub mod session;
pub mod table;
pub mod throttle;
pub mod topics;
pub mod transactions;
