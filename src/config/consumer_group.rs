//! The options of consumer groups (KIP-848).
//!
//! Names, types, limits and defaults are those of Kafka 4.4 (`GroupCoordinatorConfig`). The bounds
//! hold for the broker's value and for those of groups (`resources.rs`).

use crate::config::check::Check;
use crate::config::choices::{Assignor, Choices, MigrationPolicy};
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `group.consumer.session.timeout.ms`.
pub static GROUP_CONSUMER_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.session.timeout.ms")],
    default: 45_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The session timeout of members of a consumer group (KIP-848).",
};

/// `group.consumer.min.session.timeout.ms`.
pub static GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.min.session.timeout.ms")],
    default: 45_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The minimum session timeout that can be set for a consumer group.",
};

/// `group.consumer.max.session.timeout.ms`.
pub static GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.max.session.timeout.ms")],
    default: 60_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum session timeout that can be set for a consumer group.",
};

/// `group.consumer.heartbeat.interval.ms`.
pub static GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.heartbeat.interval.ms")],
    default: 5000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The heartbeat interval of members of a consumer group.",
};

/// `group.consumer.min.heartbeat.interval.ms`.
pub static GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.min.heartbeat.interval.ms")],
    default: 5000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The minimum heartbeat interval that can be set for a consumer group.",
};

/// `group.consumer.max.heartbeat.interval.ms`.
pub static GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.max.heartbeat.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum heartbeat interval that can be set for a consumer group.",
};

/// `group.consumer.max.size`.
pub static GROUP_CONSUMER_MAX_SIZE: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.max.size")],
    default: i32::MAX,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum number of members of a consumer group; that of a classic group is \
        `group.max.size`.",
};

/// `group.consumer.assignors`.
pub static GROUP_CONSUMER_ASSIGNORS: Entry<Choices<Assignor>> = Entry {
    topic: None,
    broker: &[name("group.consumer.assignors")],
    default: Choices(&[Assignor::Uniform, Assignor::Range]),
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The assignors that consumer groups may use; the first is the default.",
};

/// `group.consumer.assignment.interval.ms`.
pub static GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.assignment.interval.ms")],
    default: 1000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The minimum time between two assignments of a consumer group.",
};

/// `group.consumer.min.assignment.interval.ms`.
pub static GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.min.assignment.interval.ms")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The minimum assignment interval that can be set for a consumer group.",
};

/// `group.consumer.max.assignment.interval.ms`.
pub static GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.max.assignment.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum assignment interval that can be set for a consumer group.",
};

/// `group.consumer.migration.policy`.
pub static GROUP_CONSUMER_MIGRATION_POLICY: Entry<MigrationPolicy> = Entry {
    topic: None,
    broker: &[name("group.consumer.migration.policy")],
    default: MigrationPolicy::Bidirectional,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "In which direction a group with members changes between the classic protocol and that of \
        KIP-848: to the latter is an upgrade.",
};

/// `group.consumer.regex.refresh.interval.ms`.
pub static GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.consumer.regex.refresh.interval.ms")],
    default: 600_000,
    check: Check::AtLeast(10_000),
    change: Change::ReadOnly,
    effect: Effect::Hidden,
    doc: "How often the topics that match the patterns of a consumer group are looked up again. \
        Kafka does not document it.",
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
    &GROUP_CONSUMER_MIGRATION_POLICY,
    &GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS,
];
