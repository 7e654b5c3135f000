//! The options of topics, together with the broker's defaults for them.
//!
//! Names, types, limits and defaults are those of Kafka 4.4 (`LogConfig`,
//! `ServerTopicConfigSynonyms`).

use crate::config::check::Check;
use crate::config::choices::{Cleanup, Compression, TimestampType};
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::{name, scaled};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// `cleanup.policy`.
pub static CLEANUP_POLICY: Entry<Cleanup> = Entry {
    topic: Some("cleanup.policy"),
    broker: &[name("log.cleanup.policy")],
    default: Cleanup { delete: true, compact: false },
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How old records are removed: delete removes old segments by age and size, compact \
        keeps the newest record of each key; both together are allowed. Records without a key \
        are refused if compact is set.",
};

/// `retention.ms`.
pub static RETENTION_MS: Entry<i64> = Entry {
    topic: Some("retention.ms"),
    broker: &[
        name("log.retention.ms"),
        scaled("log.retention.minutes", MINUTE_MS),
        scaled("log.retention.hours", HOUR_MS),
    ],
    default: 7 * DAY_MS,
    check: Check::AtLeast(-1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How long a closed segment is kept after its newest record. -1 keeps it for ever.",
};

/// `retention.bytes`.
pub static RETENTION_BYTES: Entry<i64> = Entry {
    topic: Some("retention.bytes"),
    broker: &[name("log.retention.bytes")],
    default: -1,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The size that a partition may reach before its oldest segments are deleted. A negative \
        number means no limit.",
};

/// `segment.bytes`.
pub static SEGMENT_BYTES: Entry<i32> = Entry {
    topic: Some("segment.bytes"),
    broker: &[name("log.segment.bytes")],
    default: 1024 * 1024 * 1024,
    check: Check::AtLeast(1024 * 1024),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum size of a segment file: a batch that would exceed it starts the next one.",
};

/// `segment.ms`.
pub static SEGMENT_MS: Entry<i64> = Entry {
    topic: Some("segment.ms"),
    broker: &[name("log.roll.ms"), scaled("log.roll.hours", HOUR_MS)],
    default: 7 * DAY_MS,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The age, counted from its first record, at which a segment is closed and the next one \
        started, so that old records can be deleted although the segment is not full.",
};

/// `segment.jitter.ms`.
pub static SEGMENT_JITTER_MS: Entry<i64> = Entry {
    topic: Some("segment.jitter.ms"),
    broker: &[name("log.roll.jitter.ms"), scaled("log.roll.jitter.hours", HOUR_MS)],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum random reduction of segment.ms, so that not all partitions roll at once.",
};

/// `segment.index.bytes`.
pub static SEGMENT_INDEX_BYTES: Entry<i32> = Entry {
    topic: Some("segment.index.bytes"),
    broker: &[name("log.index.size.max.bytes")],
    default: 10 * 1024 * 1024,
    check: Check::AtLeast(4),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum size of the index of a segment; a full index starts the next segment.",
};

/// `index.interval.bytes`.
pub static INDEX_INTERVAL_BYTES: Entry<i32> = Entry {
    topic: Some("index.interval.bytes"),
    broker: &[name("log.index.interval.bytes")],
    default: 4096,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "Bytes of log between two index entries: fewer bytes find a record with less reading, \
        and take more space.",
};

/// `max.message.bytes`.
pub static MAX_MESSAGE_BYTES: Entry<i32> = Entry {
    topic: Some("max.message.bytes"),
    broker: &[name("message.max.bytes")],
    default: 1_048_588,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum size of a batch of records, compressed as the producer sent it.",
};

/// `max.decompressed.message.bytes`.
pub static MAX_DECOMPRESSED_MESSAGE_BYTES: Entry<i32> = Entry {
    topic: Some("max.decompressed.message.bytes"),
    broker: &[name("max.decompressed.message.bytes")],
    default: i32::MAX - 8,
    check: Check::Between(1, i32::MAX as i64 - 8),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum size of a record in a compressed batch once it is decompressed. A batch with \
        a larger one is refused; one that is in the log already is not searched for a timestamp, \
        and its log is not compacted.",
};

/// `compression.type`.
pub static COMPRESSION_TYPE: Entry<Compression> = Entry {
    topic: Some("compression.type"),
    broker: &[name("compression.type")],
    default: Compression::Producer,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How batches are stored: producer keeps them as they were sent; the others recompress \
        those that were sent otherwise.",
};

/// `compression.gzip.level`.
pub static COMPRESSION_GZIP_LEVEL: Entry<i32> = Entry {
    topic: Some("compression.gzip.level"),
    broker: &[name("compression.gzip.level")],
    default: -1,
    check: Check::OrBetween(-1, 1, 9),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The compression level if compression.type is gzip. -1 is gzip's own default.",
};

/// `compression.lz4.level`.
pub static COMPRESSION_LZ4_LEVEL: Entry<i32> = Entry {
    topic: Some("compression.lz4.level"),
    broker: &[name("compression.lz4.level")],
    default: 9,
    check: Check::Between(1, 17),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The compression level if compression.type is lz4. As in Kafka, 9 is the fast \
        compressor, not a level between 8 and 10; above 10 the result is the same.",
};

/// `compression.zstd.level`.
pub static COMPRESSION_ZSTD_LEVEL: Entry<i32> = Entry {
    topic: Some("compression.zstd.level"),
    broker: &[name("compression.zstd.level")],
    default: 3,
    check: Check::Between(-131_072, 22),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The compression level if compression.type is zstd.",
};

/// `message.timestamp.type`.
pub static MESSAGE_TIMESTAMP_TYPE: Entry<TimestampType> = Entry {
    topic: Some("message.timestamp.type"),
    broker: &[name("log.message.timestamp.type")],
    default: TimestampType::CreateTime,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "Which timestamp a record has: the producer's (CreateTime) or that of its append to the \
        log (LogAppendTime).",
};

/// `message.timestamp.before.max.ms`.
pub static MESSAGE_TIMESTAMP_BEFORE_MAX_MS: Entry<i64> = Entry {
    topic: Some("message.timestamp.before.max.ms"),
    broker: &[name("log.message.timestamp.before.max.ms")],
    default: i64::MAX,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How far the timestamp of a record may be behind the broker's clock; older records are \
        refused. Only with CreateTime.",
};

/// `message.timestamp.after.max.ms`.
pub static MESSAGE_TIMESTAMP_AFTER_MAX_MS: Entry<i64> = Entry {
    topic: Some("message.timestamp.after.max.ms"),
    broker: &[name("log.message.timestamp.after.max.ms")],
    default: HOUR_MS,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How far the timestamp of a record may be ahead of the broker's clock; later records \
        are refused. Only with CreateTime.",
};

/// `min.insync.replicas`.
pub static MIN_INSYNC_REPLICAS: Entry<i32> = Entry {
    topic: Some("min.insync.replicas"),
    broker: &[name("min.insync.replicas")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How many replicas must have a record before acks=all is answered. There is one \
        replica, so with more than 1 such produce requests are refused.",
};

/// `flush.messages`.
pub static FLUSH_MESSAGES: Entry<i64> = Entry {
    topic: Some("flush.messages"),
    broker: &[name("log.flush.interval.messages")],
    default: i64::MAX,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The number of records after which the log is synced to the disk. The default leaves \
        this to the operating system; see also durability.",
};

/// `flush.ms`.
pub static FLUSH_MS: Entry<i64> = Entry {
    topic: Some("flush.ms"),
    broker: &[name("log.flush.interval.ms"), name("log.flush.scheduler.interval.ms")],
    default: i64::MAX,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The time after which records are synced to the disk. The default leaves this to the \
        operating system; see also durability.",
};

/// `file.delete.delay.ms`.
pub static FILE_DELETE_DELAY_MS: Entry<i64> = Entry {
    topic: Some("file.delete.delay.ms"),
    broker: &[name("log.segment.delete.delay.ms")],
    default: MINUTE_MS,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How long the files of a deleted segment or partition stay on the disk under another \
        name, for readers that still use them.",
};

/// `delete.retention.ms`.
pub static DELETE_RETENTION_MS: Entry<i64> = Entry {
    topic: Some("delete.retention.ms"),
    broker: &[name("log.cleaner.delete.retention.ms")],
    default: DAY_MS,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How long compaction keeps the tombstone of a deleted key, so that slow readers can see \
        it.",
};

/// `min.cleanable.dirty.ratio`.
pub static MIN_CLEANABLE_DIRTY_RATIO: Entry<f64> = Entry {
    topic: Some("min.cleanable.dirty.ratio"),
    broker: &[name("log.cleaner.min.cleanable.ratio")],
    default: 0.5,
    check: Check::Real(0.0, 1.0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The share of a log that must have been written since its last compaction before it is \
        compacted again.",
};

/// `min.compaction.lag.ms`.
pub static MIN_COMPACTION_LAG_MS: Entry<i64> = Entry {
    topic: Some("min.compaction.lag.ms"),
    broker: &[name("log.cleaner.min.compaction.lag.ms")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The minimum time before a record can be compacted.",
};

/// `max.compaction.lag.ms`.
pub static MAX_COMPACTION_LAG_MS: Entry<i64> = Entry {
    topic: Some("max.compaction.lag.ms"),
    broker: &[name("log.cleaner.max.compaction.lag.ms")],
    default: i64::MAX,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum time before a record is compacted, however clean the log is.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &CLEANUP_POLICY,
    &RETENTION_MS,
    &RETENTION_BYTES,
    &SEGMENT_BYTES,
    &SEGMENT_MS,
    &SEGMENT_JITTER_MS,
    &SEGMENT_INDEX_BYTES,
    &INDEX_INTERVAL_BYTES,
    &MAX_MESSAGE_BYTES,
    &MAX_DECOMPRESSED_MESSAGE_BYTES,
    &COMPRESSION_TYPE,
    &COMPRESSION_GZIP_LEVEL,
    &COMPRESSION_LZ4_LEVEL,
    &COMPRESSION_ZSTD_LEVEL,
    &MESSAGE_TIMESTAMP_TYPE,
    &MESSAGE_TIMESTAMP_BEFORE_MAX_MS,
    &MESSAGE_TIMESTAMP_AFTER_MAX_MS,
    &MIN_INSYNC_REPLICAS,
    &FLUSH_MESSAGES,
    &FLUSH_MS,
    &FILE_DELETE_DELAY_MS,
    &DELETE_RETENTION_MS,
    &MIN_CLEANABLE_DIRTY_RATIO,
    &MIN_COMPACTION_LAG_MS,
    &MAX_COMPACTION_LAG_MS,
];
