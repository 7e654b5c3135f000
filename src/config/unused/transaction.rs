//! The options of transactions, which this version does not have.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `transaction.max.timeout.ms`.
pub static TRANSACTION_MAX_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.max.timeout.ms")],
    default: 900_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("transactions are not served by this version"),
    doc: "The maximum transaction timeout of a producer.",
};

/// `transactional.id.expiration.ms`.
pub static TRANSACTIONAL_ID_EXPIRATION_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transactional.id.expiration.ms")],
    default: 604_800_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("transactions are not served by this version"),
    doc: "How long an unused transactional id is remembered.",
};

/// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
pub static TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.abort.timed.out.transaction.cleanup.interval.ms")],
    default: 10_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("transactions are not served by this version"),
    doc: "How often to check for transactions that have timed out.",
};

/// `transaction.remove.expired.transaction.cleanup.interval.ms`.
pub static TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.remove.expired.transaction.cleanup.interval.ms")],
    default: 3_600_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("transactions are not served by this version"),
    doc: "How often to check for transactional ids that have expired.",
};

/// `transaction.state.log.num.partitions`.
pub static TRANSACTION_STATE_LOG_NUM_PARTITIONS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.state.log.num.partitions")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("transactions are not served by this version"),
    doc: "The number of partitions of the transaction topic when it is created.",
};

/// `transaction.state.log.replication.factor`.
pub static TRANSACTION_STATE_LOG_REPLICATION_FACTOR: Entry<i16> = Entry {
    topic: None,
    broker: &[name("transaction.state.log.replication.factor")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("there is one broker, and one replica"),
    doc: "The replication factor of the transaction topic.",
};

/// `transaction.state.log.min.isr`.
pub static TRANSACTION_STATE_LOG_MIN_ISR: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.state.log.min.isr")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("there is one broker, and one replica"),
    doc: "How many in-sync replicas of the transaction topic must have a record before it is \
        committed.",
};

/// `transaction.state.log.segment.bytes`.
pub static TRANSACTION_STATE_LOG_SEGMENT_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.state.log.segment.bytes")],
    default: 104_857_600,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("transactions are not served by this version"),
    doc: "The size of a segment file of the transaction topic.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &TRANSACTION_MAX_TIMEOUT_MS,
    &TRANSACTIONAL_ID_EXPIRATION_MS,
    &TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS,
    &TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS,
    &TRANSACTION_STATE_LOG_NUM_PARTITIONS,
    &TRANSACTION_STATE_LOG_REPLICATION_FACTOR,
    &TRANSACTION_STATE_LOG_MIN_ISR,
    &TRANSACTION_STATE_LOG_SEGMENT_BYTES,
];
