//! The options that nothing reads: their values are checked, stored and shown, so that files and
//! tools written for Kafka work.
//!
//! Names, types and limits are Kafka's. Where a default differs, `page.rs` says so and why. When a
//! feature is served, its rows move to the file of the section that they are in.

/// An option of the broker to which nothing else refers: its name, default, check, when it can
/// change, why it has no effect, and what it is for.
macro_rules! reported {
    ($name:literal, $default:expr, $check:expr, $change:ident, $why:expr, $doc:literal) => {
        &Entry {
            topic: None,
            broker: &[name($name)],
            default: $default,
            check: $check,
            change: Change::$change,
            effect: Effect::Unused($why),
            doc: $doc,
        }
    };
}

/// The same for one that is internal to Kafka.
macro_rules! internal {
    ($name:literal, $default:expr, $check:expr) => {
        &Entry {
            topic: None,
            broker: &[name($name)],
            default: $default,
            check: $check,
            change: Change::ReadOnly,
            effect: Effect::Internal,
            doc: "Internal to Apache Kafka.",
        }
    };
}

pub mod broker;
pub mod consumer_group;
pub mod coordinator;
pub mod machine;
pub mod offsets_topic;
pub mod quorum;
pub mod remote_storage;
pub mod replication;
pub mod resources;
pub mod sasl;
pub mod security;
pub mod share_coordinator;
pub mod share_group;
pub mod streams_group;
pub mod topic;
pub mod transaction;
