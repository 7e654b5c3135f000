//! Who owns what: the parts of a running broker, its start and its stop.

pub mod advertised;
pub mod checkpoints;
pub mod cleaner;
pub mod config_changes;
pub mod coordinators;
pub mod live_settings;
pub mod loggers;
pub mod memory;
pub mod parts;
pub mod quota_changes;
pub mod scrubber;
pub mod start;
pub mod stop;
pub mod together;
pub mod topic_changes;
pub mod upkeep;
