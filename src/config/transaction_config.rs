//! The transaction coordinator's part of the configuration.

use std::time::Duration;

use crate::config::layers::Layers;
use crate::config::transaction;

/// The options of the transaction coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionConfig {
    /// `transaction.max.timeout.ms`.
    pub max_timeout_ms: i32,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub timeout_check_interval_ms: i64,
    /// `transactional.id.expiration.ms`.
    pub id_expiration_ms: i64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub expiration_check_interval_ms: i64,
    /// `transactional.id.max.count`.
    pub id_max_count: i32,
    /// `transaction.coordinator.max.bytes`.
    pub coordinator_max_bytes: i64,
    /// `add.partitions.to.txn.retry.backoff.ms`.
    pub retry_backoff: Duration,
    /// `add.partitions.to.txn.retry.backoff.max.ms`.
    pub retry_max_ms: i64,
    /// `transaction.state.log.num.partitions`.
    pub topic_num_partitions: i32,
    /// `transaction.state.log.segment.bytes`.
    pub topic_segment_bytes: i32,
}

impl TransactionConfig {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> TransactionConfig {
        TransactionConfig {
            max_timeout_ms: transaction::TRANSACTION_MAX_TIMEOUT_MS.resolve(layers),
            timeout_check_interval_ms: i64::from(
                transaction::TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS
                    .resolve(layers),
            ),
            id_expiration_ms: i64::from(
                transaction::TRANSACTIONAL_ID_EXPIRATION_MS.resolve(layers),
            ),
            expiration_check_interval_ms: i64::from(
                transaction::TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS
                    .resolve(layers),
            ),
            id_max_count: transaction::TRANSACTIONAL_ID_MAX_COUNT.resolve(layers),
            coordinator_max_bytes: transaction::TRANSACTION_COORDINATOR_MAX_BYTES.resolve(layers),
            retry_backoff: Duration::from_millis(
                transaction::ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS
                    .resolve(layers)
                    .unsigned_abs()
                    .into(),
            ),
            retry_max_ms: i64::from(
                transaction::ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS.resolve(layers),
            ),
            topic_num_partitions: transaction::TRANSACTION_STATE_LOG_NUM_PARTITIONS.resolve(layers),
            topic_segment_bytes: transaction::TRANSACTION_STATE_LOG_SEGMENT_BYTES.resolve(layers),
        }
    }
}
