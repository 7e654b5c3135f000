//! The options of streams groups (KIP-1071), which are not served.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::List;

/// The only assignor of tasks.
pub const STICKY: &str = "sticky";

/// `group.streams.session.timeout.ms`.
pub static GROUP_STREAMS_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.session.timeout.ms")],
    default: 45_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The session timeout of members of a streams group (KIP-1071).",
};

/// `group.streams.min.session.timeout.ms`.
pub static GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.min.session.timeout.ms")],
    default: 45_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The minimum session timeout that can be set for a streams group.",
};

/// `group.streams.max.session.timeout.ms`.
pub static GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.max.session.timeout.ms")],
    default: 60_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The maximum session timeout that can be set for a streams group.",
};

/// `group.streams.heartbeat.interval.ms`.
pub static GROUP_STREAMS_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.heartbeat.interval.ms")],
    default: 5000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The heartbeat interval of members of a streams group.",
};

/// `group.streams.min.heartbeat.interval.ms`.
pub static GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.min.heartbeat.interval.ms")],
    default: 5000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The minimum heartbeat interval that can be set for a streams group.",
};

/// `group.streams.max.heartbeat.interval.ms`.
pub static GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.max.heartbeat.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The maximum heartbeat interval that can be set for a streams group.",
};

/// `group.streams.num.standby.replicas`.
pub static GROUP_STREAMS_NUM_STANDBY_REPLICAS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.num.standby.replicas")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The number of standby replicas of each task of a streams group.",
};

/// `group.streams.max.standby.replicas`.
pub static GROUP_STREAMS_MAX_STANDBY_REPLICAS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.max.standby.replicas")],
    default: 2,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The maximum number of standby replicas that can be set for a streams group.",
};

/// `group.streams.assignment.interval.ms`.
pub static GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.assignment.interval.ms")],
    default: 1000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The minimum time between two assignments of a streams group.",
};

/// `group.streams.min.assignment.interval.ms`.
pub static GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.min.assignment.interval.ms")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The minimum assignment interval that can be set for a streams group.",
};

/// `group.streams.max.assignment.interval.ms`.
pub static GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.max.assignment.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The maximum assignment interval that can be set for a streams group.",
};

/// `group.streams.assignor.offload.enable`.
pub static GROUP_STREAMS_ASSIGNOR_OFFLOAD_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("group.streams.assignor.offload.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// `group.streams.initial.rebalance.delay.ms`.
pub static GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.initial.rebalance.delay.ms")],
    default: 3000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "How long the first assignment of an empty streams group waits for more members.",
};

/// `group.streams.rack.aware.assignment.tags`.
pub static GROUP_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS: Entry<List> = Entry {
    topic: None,
    broker: &[name("group.streams.rack.aware.assignment.tags")],
    default: List(&[]),
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The tags of clients across which standby tasks are spread.",
};

/// `group.streams.assignors`.
pub static GROUP_STREAMS_ASSIGNORS: Entry<List> = Entry {
    topic: None,
    broker: &[name("group.streams.assignors")],
    default: List(&[STICKY]),
    check: Check::EachOf(&[STICKY]),
    change: Change::ReadOnly,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The assignors of tasks, the default one first.",
};

/// `group.streams.num.warmup.replicas`.
pub static GROUP_STREAMS_NUM_WARMUP_REPLICAS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.num.warmup.replicas")],
    default: 2,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// `group.streams.max.warmup.replicas`.
pub static GROUP_STREAMS_MAX_WARMUP_REPLICAS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.max.warmup.replicas")],
    default: 20,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// `group.streams.task.offset.interval.ms`.
pub static GROUP_STREAMS_TASK_OFFSET_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.task.offset.interval.ms")],
    default: 60_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// `group.streams.min.task.offset.interval.ms`.
pub static GROUP_STREAMS_MIN_TASK_OFFSET_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.streams.min.task.offset.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// `group.streams.acceptable.recovery.lag`.
pub static GROUP_STREAMS_ACCEPTABLE_RECOVERY_LAG: Entry<i64> = Entry {
    topic: None,
    broker: &[name("group.streams.acceptable.recovery.lag")],
    default: 10_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &GROUP_STREAMS_SESSION_TIMEOUT_MS,
    &GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS,
    &GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS,
    &GROUP_STREAMS_HEARTBEAT_INTERVAL_MS,
    &GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS,
    &GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS,
    &GROUP_STREAMS_NUM_STANDBY_REPLICAS,
    &GROUP_STREAMS_MAX_STANDBY_REPLICAS,
    &GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS,
    &GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS,
    &GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS,
    &GROUP_STREAMS_ASSIGNOR_OFFLOAD_ENABLE,
    &GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS,
    &GROUP_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS,
    &GROUP_STREAMS_ASSIGNORS,
    &GROUP_STREAMS_NUM_WARMUP_REPLICAS,
    &GROUP_STREAMS_MAX_WARMUP_REPLICAS,
    &GROUP_STREAMS_TASK_OFFSET_INTERVAL_MS,
    &GROUP_STREAMS_MIN_TASK_OFFSET_INTERVAL_MS,
    &GROUP_STREAMS_ACCEPTABLE_RECOVERY_LAG,
];
