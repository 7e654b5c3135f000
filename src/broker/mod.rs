//! The running broker: its parts, its start, its background tasks and its stop.

pub mod advertised;
pub mod background_errors;
pub mod cleaner;
pub mod config_changes;
pub mod coordinators;
pub mod first_topics;
pub mod health;
pub mod health_monitor;
pub mod loggers;
pub mod maintenance;
mod marker_writer;
pub mod memory_budget;
pub mod parallel;
pub mod quota_changes;
pub mod recovery;
pub mod request_resources;
pub mod scrubber;
pub mod start;
pub mod state;
pub mod stop;
pub mod tasks;
pub mod transactions;
