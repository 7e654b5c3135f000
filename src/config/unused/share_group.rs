//! The options of share groups (KIP-932), which are not served.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `group.share.session.timeout.ms`.
pub static GROUP_SHARE_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.session.timeout.ms")],
    default: 45_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The session timeout of members of a share group (KIP-932).",
};

/// `group.share.min.session.timeout.ms`.
pub static GROUP_SHARE_MIN_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.min.session.timeout.ms")],
    default: 45_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The minimum session timeout that can be set for a share group.",
};

/// `group.share.max.session.timeout.ms`.
pub static GROUP_SHARE_MAX_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.max.session.timeout.ms")],
    default: 60_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The maximum session timeout that can be set for a share group.",
};

/// `group.share.heartbeat.interval.ms`.
pub static GROUP_SHARE_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.heartbeat.interval.ms")],
    default: 5000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The heartbeat interval of members of a share group.",
};

/// `group.share.min.heartbeat.interval.ms`.
pub static GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.min.heartbeat.interval.ms")],
    default: 5000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The minimum heartbeat interval that can be set for a share group.",
};

/// `group.share.max.heartbeat.interval.ms`.
pub static GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.max.heartbeat.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The maximum heartbeat interval that can be set for a share group.",
};

/// `group.share.record.lock.duration.ms`.
pub static GROUP_SHARE_RECORD_LOCK_DURATION_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.record.lock.duration.ms")],
    default: 30_000,
    check: Check::Between(1000, 3_600_000),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "How long a record is locked for the member of a share group that acquired it.",
};

/// `group.share.min.record.lock.duration.ms`.
pub static GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.min.record.lock.duration.ms")],
    default: 15_000,
    check: Check::Between(1000, 30_000),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The minimum lock duration that can be set for a share group.",
};

/// `group.share.max.record.lock.duration.ms`.
pub static GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.max.record.lock.duration.ms")],
    default: 60_000,
    check: Check::Between(30_000, 3_600_000),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The maximum lock duration that can be set for a share group.",
};

/// `group.share.assignment.interval.ms`.
pub static GROUP_SHARE_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.assignment.interval.ms")],
    default: 1000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The minimum time between two assignments of a share group.",
};

/// `group.share.min.assignment.interval.ms`.
pub static GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.min.assignment.interval.ms")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The minimum assignment interval that can be set for a share group.",
};

/// `group.share.max.assignment.interval.ms`.
pub static GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.max.assignment.interval.ms")],
    default: 15_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The maximum assignment interval that can be set for a share group.",
};

/// `group.share.assignor.offload.enable`.
pub static GROUP_SHARE_ASSIGNOR_OFFLOAD_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("group.share.assignor.offload.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// `group.share.delivery.count.limit`.
pub static GROUP_SHARE_DELIVERY_COUNT_LIMIT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.delivery.count.limit")],
    default: 5,
    check: Check::Between(2, 10),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "How often a record is delivered to members of a share group.",
};

/// `group.share.min.delivery.count.limit`.
pub static GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.min.delivery.count.limit")],
    default: 2,
    check: Check::Between(2, 5),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The minimum number of deliveries that can be set for a share group.",
};

/// `group.share.max.delivery.count.limit`.
pub static GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.max.delivery.count.limit")],
    default: 10,
    check: Check::Between(5, 25),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The maximum number of deliveries that can be set for a share group.",
};

/// `group.share.partition.max.record.locks`.
pub static GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.partition.max.record.locks")],
    default: 2000,
    check: Check::Between(100, 10_000),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "How many records of a partition may be locked by members of a share group.",
};

/// `group.share.min.partition.max.record.locks`.
pub static GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.min.partition.max.record.locks")],
    default: 100,
    check: Check::Between(100, 2000),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The minimum number of locks that can be set for a share group.",
};

/// `group.share.max.partition.max.record.locks`.
pub static GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.share.max.partition.max.record.locks")],
    default: 4000,
    check: Check::Between(2000, 10_000),
    change: Change::ReadOnly,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The maximum number of locks that can be set for a share group.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &GROUP_SHARE_SESSION_TIMEOUT_MS,
    &GROUP_SHARE_MIN_SESSION_TIMEOUT_MS,
    &GROUP_SHARE_MAX_SESSION_TIMEOUT_MS,
    &GROUP_SHARE_HEARTBEAT_INTERVAL_MS,
    &GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS,
    &GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS,
    &GROUP_SHARE_RECORD_LOCK_DURATION_MS,
    &GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS,
    &GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS,
    &GROUP_SHARE_ASSIGNMENT_INTERVAL_MS,
    &GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS,
    &GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS,
    &GROUP_SHARE_ASSIGNOR_OFFLOAD_ENABLE,
    &GROUP_SHARE_DELIVERY_COUNT_LIMIT,
    &GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT,
    &GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT,
    &GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS,
    &GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS,
    &GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS,
];
