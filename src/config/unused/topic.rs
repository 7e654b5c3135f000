//! Options of topics, together with the broker's defaults for them: replication, remote storage.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{List, Unset, unset};

/// `preallocate`.
pub static PREALLOCATE: Entry<bool> = Entry {
    topic: Some("preallocate"),
    broker: &[name("log.preallocate")],
    default: false,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused(
        "files grow with their records, and a full disk loses no acknowledged record",
    ),
    doc: "Whether the whole size of a segment file is allocated when it is created.",
};

/// `unclean.leader.election.enable`.
pub static UNCLEAN_LEADER_ELECTION_ENABLE: Entry<bool> = Entry {
    topic: Some("unclean.leader.election.enable"),
    broker: &[name("unclean.leader.election.enable")],
    default: false,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("the only replica lacks no records"),
    doc: "Whether a replica that lacks records may become leader. There is one replica, which \
        lacks none.",
};

/// `leader.replication.throttled.replicas`.
pub static LEADER_REPLICATION_THROTTLED_REPLICAS: Entry<List> = Entry {
    topic: Some("leader.replication.throttled.replicas"),
    broker: &[],
    default: List(&[]),
    check: Check::Replicas,
    change: Change::Live,
    effect: Effect::Unused("there is nothing to replicate"),
    doc: "Replicas to which the leader's replication throttle applies. There is nothing to \
        replicate.",
};

/// `follower.replication.throttled.replicas`.
pub static FOLLOWER_REPLICATION_THROTTLED_REPLICAS: Entry<List> = Entry {
    topic: Some("follower.replication.throttled.replicas"),
    broker: &[],
    default: List(&[]),
    check: Check::Replicas,
    change: Change::Live,
    effect: Effect::Unused("there is nothing to replicate"),
    doc: "Replicas to which the follower's replication throttle applies. There is nothing to \
        replicate.",
};

/// `remote.storage.enable`.
pub static REMOTE_STORAGE_ENABLE: Entry<bool> = Entry {
    topic: Some("remote.storage.enable"),
    broker: &[],
    default: false,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("there is no remote storage; true is refused"),
    doc: "Whether closed segments are copied to remote storage.",
};

/// `local.retention.ms`.
pub static LOCAL_RETENTION_MS: Entry<i64> = Entry {
    topic: Some("local.retention.ms"),
    broker: &[name("log.local.retention.ms")],
    default: -2,
    check: Check::AtLeast(-2),
    change: Change::Live,
    effect: Effect::Unused("there is no remote storage"),
    doc: "How long a segment that is also in remote storage stays on the local disk. -2 means as \
        long as retention.ms, -1 for ever.",
};

/// `local.retention.bytes`.
pub static LOCAL_RETENTION_BYTES: Entry<i64> = Entry {
    topic: Some("local.retention.bytes"),
    broker: &[name("log.local.retention.bytes")],
    default: -2,
    check: Check::AtLeast(-2),
    change: Change::Live,
    effect: Effect::Unused("there is no remote storage"),
    doc: "The local size of a partition whose segments are also in remote storage. -2 means the \
        same as retention.bytes, -1 no limit.",
};

/// `remote.log.copy.disable`.
pub static REMOTE_LOG_COPY_DISABLE: Entry<bool> = Entry {
    topic: Some("remote.log.copy.disable"),
    broker: &[],
    default: false,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("there is no remote storage"),
    doc: "Whether segments are no longer copied to remote storage, but only read from it.",
};

/// `remote.log.delete.on.disable`.
pub static REMOTE_LOG_DELETE_ON_DISABLE: Entry<bool> = Entry {
    topic: Some("remote.log.delete.on.disable"),
    broker: &[],
    default: false,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("there is no remote storage"),
    doc: "Whether the segments in remote storage are deleted when remote.storage.enable is \
        turned off.",
};

/// `remote.copy.lag.ms`.
pub static REMOTE_COPY_LAG_MS: Entry<i64> = Entry {
    topic: Some("remote.copy.lag.ms"),
    broker: &[name("log.remote.copy.lag.ms")],
    default: 0,
    check: Check::AtLeast(-1),
    change: Change::Live,
    effect: Effect::Unused("there is no remote storage"),
    doc: "How old a closed segment must be before it is copied to remote storage. -1 means as \
        old as local.retention.ms.",
};

/// `remote.copy.lag.bytes`.
pub static REMOTE_COPY_LAG_BYTES: Entry<i64> = Entry {
    topic: Some("remote.copy.lag.bytes"),
    broker: &[name("log.remote.copy.lag.bytes")],
    default: -1,
    check: Check::AtLeast(-1),
    change: Change::Live,
    effect: Effect::Unused("there is no remote storage"),
    doc: "How far behind the end of the log a closed segment must be before it is copied to \
        remote storage. -1 means as far as local.retention.bytes.",
};

/// `errors.deadletterqueue.group.enable`.
pub static ERRORS_DEADLETTERQUEUE_GROUP_ENABLE: Entry<bool> = Entry {
    topic: Some("errors.deadletterqueue.group.enable"),
    broker: &[],
    default: false,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("share groups are not served by this version"),
    doc: "Whether the topic may be a dead letter topic of share groups.",
};

/// `internal.segment.bytes`.
pub static INTERNAL_SEGMENT_BYTES: Entry<Unset<i32>> = Entry {
    topic: Some("internal.segment.bytes"),
    broker: &[],
    default: unset(),
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &PREALLOCATE,
    &UNCLEAN_LEADER_ELECTION_ENABLE,
    &LEADER_REPLICATION_THROTTLED_REPLICAS,
    &FOLLOWER_REPLICATION_THROTTLED_REPLICAS,
    &REMOTE_STORAGE_ENABLE,
    &LOCAL_RETENTION_MS,
    &LOCAL_RETENTION_BYTES,
    &REMOTE_LOG_COPY_DISABLE,
    &REMOTE_LOG_DELETE_ON_DISABLE,
    &REMOTE_COPY_LAG_MS,
    &REMOTE_COPY_LAG_BYTES,
    &ERRORS_DEADLETTERQUEUE_GROUP_ENABLE,
    &INTERNAL_SEGMENT_BYTES,
];
