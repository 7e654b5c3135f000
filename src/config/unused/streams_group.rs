//! The options of streams groups (KIP-1071), which are not served.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

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
];
