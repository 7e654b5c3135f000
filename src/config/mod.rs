//! THE TABLE of configuration, its layers and what they resolve to.

pub mod broker;
pub mod check;
pub mod cleaner;
pub mod described;
pub mod dynamic;
pub mod endpoint;
pub mod entry;
pub mod environment;
pub mod error;
pub mod file;
pub mod group;
pub mod group_config;
pub mod kafka_environment;
pub mod layers;
pub mod listeners;
pub mod live;
pub mod page;
pub mod quota;
pub mod resolve;
pub mod resources;
pub mod scrub;
pub mod settings;
pub mod table;
pub mod topic;
pub mod transaction;
pub mod value;
