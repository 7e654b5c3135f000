//! The options of consumer groups and committed offsets.
//!
//! Names, types and limits are those of Kafka 4.1 (`GroupCoordinatorConfig`), except
//! `group.max.count`, `group.max.bytes`, `group.member.max.bytes` and
//! `group.coordinator.max.bytes`, which Kafka does not have. Where a default differs, `page.rs`
//! says so and why.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::List;

/// `group.initial.rebalance.delay.ms`.
pub static GROUP_INITIAL_REBALANCE_DELAY_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.initial.rebalance.delay.ms")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long the first rebalance of an empty group waits for more members to join.",
};

/// `group.min.session.timeout.ms`.
pub static GROUP_MIN_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.min.session.timeout.ms")],
    default: 6000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The minimum session timeout of a member of a classic group.",
};

/// `group.max.session.timeout.ms`.
pub static GROUP_MAX_SESSION_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.max.session.timeout.ms")],
    default: 1_800_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum session timeout of a member of a classic group.",
};

/// `group.max.size`.
pub static GROUP_MAX_SIZE: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.max.size")],
    default: i32::MAX,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum number of members of a classic group.",
};

/// `group.max.count`.
pub static GROUP_MAX_COUNT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.max.count")],
    default: 100_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum number of groups. If a data directory has more, they are kept, but no new \
        group is created.",
};

/// `group.max.bytes`.
pub static GROUP_MAX_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.max.bytes")],
    default: 8 * 1024 * 1024,
    check: Check::Between(64 * 1024, 256 * 1024 * 1024),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum memory of the members of one classic group with their metadata and \
        assignments, in bytes; each member counts for at least 1 KiB.",
};

/// `group.member.max.bytes`.
pub static GROUP_MEMBER_MAX_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.member.max.bytes")],
    default: 1024 * 1024,
    check: Check::Between(16 * 1024, 256 * 1024 * 1024),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum size of the data of one member of a classic group, all its protocols \
        together.",
};

/// `group.coordinator.max.bytes`.
pub static GROUP_COORDINATOR_MAX_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("group.coordinator.max.bytes")],
    default: 64 * 1024 * 1024,
    check: Check::AtLeast(1024 * 1024),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum memory of all groups with their members and committed offsets, in bytes. \
        If a data directory has more, all are kept, but nothing that would increase it is \
        accepted.",
};

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

/// `offsets.retention.minutes`.
pub static OFFSETS_RETENTION_MINUTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("offsets.retention.minutes")],
    default: 10_080,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long the committed offsets of a group are kept after its last member has left.",
};

/// `offsets.retention.check.interval.ms`.
pub static OFFSETS_RETENTION_CHECK_INTERVAL_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("offsets.retention.check.interval.ms")],
    default: 600_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How often to check for committed offsets that have expired.",
};

/// `offset.metadata.max.bytes`.
pub static OFFSET_METADATA_MAX_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("offset.metadata.max.bytes")],
    default: 4096,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum size of the metadata that a client may commit with an offset.",
};

/// `offsets.topic.num.partitions`.
pub static OFFSETS_TOPIC_NUM_PARTITIONS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("offsets.topic.num.partitions")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused(
        "partitions distribute load over brokers, and there is one: the topic has one partition",
    ),
    doc: "The number of partitions of the offsets topic when it is created.",
};

/// `offsets.topic.replication.factor`.
pub static OFFSETS_TOPIC_REPLICATION_FACTOR: Entry<i16> = Entry {
    topic: None,
    broker: &[name("offsets.topic.replication.factor")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("there is one broker, and one replica"),
    doc: "The replication factor of the offsets topic.",
};

/// `offsets.topic.segment.bytes`.
pub static OFFSETS_TOPIC_SEGMENT_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("offsets.topic.segment.bytes")],
    default: 104_857_600,
    check: Check::AtLeast(1024 * 1024),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The size of a segment file of the offsets topic.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &GROUP_INITIAL_REBALANCE_DELAY_MS,
    &GROUP_MIN_SESSION_TIMEOUT_MS,
    &GROUP_MAX_SESSION_TIMEOUT_MS,
    &GROUP_MAX_SIZE,
    &GROUP_MAX_COUNT,
    &GROUP_MAX_BYTES,
    &GROUP_MEMBER_MAX_BYTES,
    &GROUP_COORDINATOR_MAX_BYTES,
    &GROUP_CONSUMER_SESSION_TIMEOUT_MS,
    &GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
    &GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS,
    &GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS,
    &GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
    &GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS,
    &GROUP_CONSUMER_MAX_SIZE,
    &GROUP_CONSUMER_ASSIGNORS,
    &GROUP_SHARE_SESSION_TIMEOUT_MS,
    &GROUP_SHARE_MIN_SESSION_TIMEOUT_MS,
    &GROUP_SHARE_MAX_SESSION_TIMEOUT_MS,
    &GROUP_SHARE_HEARTBEAT_INTERVAL_MS,
    &GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS,
    &GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS,
    &GROUP_SHARE_RECORD_LOCK_DURATION_MS,
    &GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS,
    &GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS,
    &GROUP_STREAMS_SESSION_TIMEOUT_MS,
    &GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS,
    &GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS,
    &GROUP_STREAMS_HEARTBEAT_INTERVAL_MS,
    &GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS,
    &GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS,
    &GROUP_STREAMS_NUM_STANDBY_REPLICAS,
    &GROUP_STREAMS_MAX_STANDBY_REPLICAS,
    &OFFSETS_RETENTION_MINUTES,
    &OFFSETS_RETENTION_CHECK_INTERVAL_MS,
    &OFFSET_METADATA_MAX_BYTES,
    &OFFSETS_TOPIC_NUM_PARTITIONS,
    &OFFSETS_TOPIC_REPLICATION_FACTOR,
    &OFFSETS_TOPIC_SEGMENT_BYTES,
];
