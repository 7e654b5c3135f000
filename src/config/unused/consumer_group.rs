//! The options of consumer groups of KIP-848, which are not served.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::List;

/// `group.consumer.session.timeout.ms`.
pub static GROUP_CONSUMER_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.session.timeout.ms")],
    default: 45_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The session timeout of members of a consumer group (KIP-848).",
};

/// `group.consumer.min.session.timeout.ms`.
pub static GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.min.session.timeout.ms")],
    default: 45_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The minimum session timeout that can be set for a consumer group.",
};

/// `group.consumer.max.session.timeout.ms`.
pub static GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.max.session.timeout.ms")],
    default: 60_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The maximum session timeout that can be set for a consumer group.",
};

/// `group.consumer.heartbeat.interval.ms`.
pub static GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.heartbeat.interval.ms")],
    default: 5000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The heartbeat interval of members of a consumer group.",
};

/// `group.consumer.min.heartbeat.interval.ms`.
pub static GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.min.heartbeat.interval.ms")],
    default: 5000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The minimum heartbeat interval that can be set for a consumer group.",
};

/// `group.consumer.max.heartbeat.interval.ms`.
pub static GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.max.heartbeat.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The maximum heartbeat interval that can be set for a consumer group.",
};

/// `group.consumer.max.size`.
pub static GROUP_CONSUMER_MAX_SIZE: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.max.size")],
    default: i32::MAX,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The maximum number of members of a consumer group.",
};

/// `group.consumer.assignors`.
pub static GROUP_CONSUMER_ASSIGNORS: Entry<List> = Entry {
    topic: None,
    broker: &[name("group.consumer.assignors")],
    default: List(&["uniform", "range"]),
    check: Check::EachOf(&["uniform", "range"]),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The assignors that consumer groups may use; the first is the default.",
};

/// `group.consumer.assignment.interval.ms`.
pub static GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.assignment.interval.ms")],
    default: 1000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The minimum time between two assignments of a consumer group.",
};

/// `group.consumer.min.assignment.interval.ms`.
pub static GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.min.assignment.interval.ms")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The minimum assignment interval that can be set for a consumer group.",
};

/// `group.consumer.max.assignment.interval.ms`.
pub static GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.max.assignment.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("consumer groups of KIP-848 are not served by this version"),
    doc: "The maximum assignment interval that can be set for a consumer group.",
};

/// `group.consumer.assignor.offload.enable`.
pub static GROUP_CONSUMER_ASSIGNOR_OFFLOAD_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("group.consumer.assignor.offload.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &GROUP_CONSUMER_SESSION_TIMEOUT_MS,
    &GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
    &GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS,
    &GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS,
    &GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
    &GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS,
    &GROUP_CONSUMER_MAX_SIZE,
    &GROUP_CONSUMER_ASSIGNORS,
    &GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS,
    &GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS,
    &GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS,
    &GROUP_CONSUMER_ASSIGNOR_OFFLOAD_ENABLE,
];
