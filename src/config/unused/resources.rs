//! Options that groups and client metrics subscriptions have, and the broker does not
//! have as they are.

use crate::config::check::Check;
use crate::config::choices::IsolationLevel;
use crate::config::entry::{Change, Effect, Entry};
use crate::config::unused::streams_group::{GROUP_STREAMS_ASSIGNORS, STICKY};
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

/// `share.renew.acknowledge.enable` of a group.
pub static SHARE_RENEW_ACKNOWLEDGE_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[],
    default: true,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "Whether members of a share group may renew the locks of records.",
};

/// `errors.deadletterqueue.topic.name` of a group.
pub static ERRORS_DEADLETTERQUEUE_TOPIC_NAME: Entry<Text> = Entry {
    topic: None,
    broker: &[],
    default: Text(""),
    check: Check::NotInternalTopic,
    change: Change::Live,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "The topic of the records that a share group has given up. If empty, there is none.",
};

/// `errors.deadletterqueue.copy.record.enable` of a group.
pub static ERRORS_DEADLETTERQUEUE_COPY_RECORD_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[],
    default: false,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "Whether such a record is copied with its key, value and headers.",
};

/// `streams.assignor.name` of a group: the first one of the broker, unless the group has its own.
pub static STREAMS_ASSIGNOR_NAME: Entry<Text> = Entry {
    topic: None,
    broker: GROUP_STREAMS_ASSIGNORS.broker,
    default: Text(STICKY),
    check: Check::OneOf(&[STICKY]),
    change: Change::Live,
    effect: Effect::Unused("streams groups are not served by this version"),
    doc: "The assignor of a streams group's tasks.",
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
