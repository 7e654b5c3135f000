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
];
