//! Options that groups and client metrics subscriptions have, and the broker does not.

use crate::config::check::Check;
use crate::config::choices::IsolationLevel;
use crate::config::entry::{Change, Effect, Entry};
use crate::config::value::{List, Text};

/// `share.auto.offset.reset` of a group.
pub static SHARE_AUTO_OFFSET_RESET: Entry<Text> = Entry {
    topic: None,
    broker: &[],
    default: Text("latest"),
    check: Check::OffsetReset,
    change: Change::Live,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "Where a share group starts to read a partition: at its earliest record, at its end, or \
        at a duration before now.",
};

/// `share.isolation.level` of a group.
pub static SHARE_ISOLATION_LEVEL: Entry<IsolationLevel> = Entry {
    topic: None,
    broker: &[],
    default: IsolationLevel::ReadUncommitted,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "Whether a share group receives records of open and aborted transactions.",
};

/// `interval.ms` of a client metrics subscription.
pub static INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[],
    default: 300_000,
    check: Check::Between(100, 3_600_000),
    change: Change::Live,
    effect: Effect::Unused("client metrics are not served"),
    doc: "How often a client pushes its metrics.",
};

/// `match` of a client metrics subscription.
pub static MATCH: Entry<List> = Entry {
    topic: None,
    broker: &[],
    default: List(&[]),
    check: Check::Clients,
    change: Change::Live,
    effect: Effect::Unused("client metrics are not served"),
    doc: "Which clients push their metrics; if empty, all of them.",
};

/// `metrics` of a client metrics subscription.
pub static METRICS: Entry<List> = Entry {
    topic: None,
    broker: &[],
    default: List(&[]),
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("client metrics are not served"),
    doc: "The prefixes of the names of the metrics that are pushed. * means all of them.",
};
