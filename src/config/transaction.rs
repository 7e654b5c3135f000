//! The options of idempotent and transactional producers.
//!
//! Names, types and limits are those of Kafka 4.4 (`TransactionLogConfig`,
//! `TransactionStateManagerConfig`, `AddPartitionsToTxnConfig`), except
//! `transactional.id.max.count` and `transaction.coordinator.max.bytes`, which Kafka does not have.
//! Where a default differs, `page.rs` says so and why.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `producer.id.expiration.ms`.
pub static PRODUCER_ID_EXPIRATION_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("producer.id.expiration.ms")],
    default: 86_400_000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How long a partition remembers an idempotent producer that sends nothing.",
};

/// `transaction.max.timeout.ms`.
pub static TRANSACTION_MAX_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.max.timeout.ms")],
    default: 900_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum transaction timeout of a producer.",
};

/// `transactional.id.expiration.ms`.
pub static TRANSACTIONAL_ID_EXPIRATION_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transactional.id.expiration.ms")],
    default: 604_800_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long an unused transactional id is remembered.",
};

/// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
pub static TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.abort.timed.out.transaction.cleanup.interval.ms")],
    default: 10_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How often to check for transactions that have timed out.",
};

/// `transaction.remove.expired.transaction.cleanup.interval.ms`.
pub static TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.remove.expired.transaction.cleanup.interval.ms")],
    default: 3_600_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How often to check for transactional ids that have expired.",
};

/// `transaction.partition.verification.enable`.
pub static TRANSACTION_PARTITION_VERIFICATION_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("transaction.partition.verification.enable")],
    default: true,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "Whether the records of a producer that adds partitions to its transaction itself are \
        accepted only after it has added theirs.",
};

/// `add.partitions.to.txn.retry.backoff.ms`.
pub static ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("add.partitions.to.txn.retry.backoff.ms")],
    default: 20,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The longest that a request waits before it asks again whether the producer's previous \
        transaction is complete; it asks as soon as one is.",
};

/// `add.partitions.to.txn.retry.backoff.max.ms`.
pub static ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("add.partitions.to.txn.retry.backoff.max.ms")],
    default: 100,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long it asks again before the producer is answered that it has to.",
};

/// `transaction.state.log.num.partitions`.
pub static TRANSACTION_STATE_LOG_NUM_PARTITIONS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.state.log.num.partitions")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The number of partitions of the transaction topic when it is created.",
};

/// `transaction.state.log.segment.bytes`.
pub static TRANSACTION_STATE_LOG_SEGMENT_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.state.log.segment.bytes")],
    default: 104_857_600,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The size of a segment file of the transaction topic.",
};

/// `transactional.id.max.count`.
pub static TRANSACTIONAL_ID_MAX_COUNT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transactional.id.max.count")],
    default: 100_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum number of transactional ids. If a data directory has more, they are kept, \
        but no new one is accepted.",
};

/// `transaction.coordinator.max.bytes`.
pub static TRANSACTION_COORDINATOR_MAX_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("transaction.coordinator.max.bytes")],
    default: 64 * 1024 * 1024,
    check: Check::AtLeast(1024 * 1024),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum memory of all transactional ids with the partitions of their transactions, \
        in bytes. If a data directory has more, all are kept, but nothing that would increase it \
        is accepted.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &PRODUCER_ID_EXPIRATION_MS,
    &TRANSACTION_MAX_TIMEOUT_MS,
    &TRANSACTIONAL_ID_EXPIRATION_MS,
    &TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS,
    &TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS,
    &TRANSACTION_PARTITION_VERIFICATION_ENABLE,
    &ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS,
    &ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS,
    &TRANSACTION_STATE_LOG_NUM_PARTITIONS,
    &TRANSACTION_STATE_LOG_SEGMENT_BYTES,
    &TRANSACTIONAL_ID_MAX_COUNT,
    &TRANSACTION_COORDINATOR_MAX_BYTES,
];
