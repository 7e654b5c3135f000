//! The options of classic groups, of all groups, and of committed offsets.
//!
//! Names, types and limits are those of Kafka 4.4 (`GroupCoordinatorConfig`), except
//! `group.max.count`, `group.max.bytes`, `group.member.max.bytes` and
//! `group.coordinator.max.bytes`, which Kafka does not have. Where a default differs, `page.rs`
//! says so and why.

use crate::config::check::Check;
use crate::config::choices::{Choices, GroupProtocol};
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `group.coordinator.rebalance.protocols`.
pub static GROUP_COORDINATOR_REBALANCE_PROTOCOLS: Entry<Choices<GroupProtocol>> = Entry {
    topic: None,
    broker: &[name("group.coordinator.rebalance.protocols")],
    default: Choices(&[GroupProtocol::Classic, GroupProtocol::Consumer, GroupProtocol::Streams]),
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The protocols that groups may use, as far as this version serves them; classic must be \
        among them. Consumer groups need `group.version` 1 as well.",
};

/// `group.initial.rebalance.delay.ms`.
pub static GROUP_INITIAL_REBALANCE_DELAY_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("group.initial.rebalance.delay.ms")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long the first rebalance of an empty group waits for more members to join; 10 ms at \
          least.",
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
    effect: Effect::Acts,
    doc: "The number of partitions of the offsets topic when it is created, at most \
          `max.partitions`.",
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
    &GROUP_COORDINATOR_REBALANCE_PROTOCOLS,
    &GROUP_INITIAL_REBALANCE_DELAY_MS,
    &GROUP_MIN_SESSION_TIMEOUT_MS,
    &GROUP_MAX_SESSION_TIMEOUT_MS,
    &GROUP_MAX_SIZE,
    &GROUP_MAX_COUNT,
    &GROUP_MAX_BYTES,
    &GROUP_MEMBER_MAX_BYTES,
    &GROUP_COORDINATOR_MAX_BYTES,
    &OFFSETS_RETENTION_MINUTES,
    &OFFSETS_RETENTION_CHECK_INTERVAL_MS,
    &OFFSET_METADATA_MAX_BYTES,
    &OFFSETS_TOPIC_NUM_PARTITIONS,
    &OFFSETS_TOPIC_SEGMENT_BYTES,
];
