//! Why the transaction coordinator refuses a command.

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// The transactional id is empty.
    #[error("the transactional id is empty")]
    EmptyId,
    /// The timeout is not positive, or larger than `transaction.max.timeout.ms`.
    #[error("the timeout is not between 1 and transaction.max.timeout.ms")]
    InvalidTimeout,
    /// The id is unknown, or has another producer.
    #[error("the transactional id does not have this producer id")]
    ProducerIdMapping,
    /// The epoch is not the id's current one: another producer has taken over.
    #[error("another producer has taken over the transactional id")]
    Fenced,
    /// The markers of the transaction before are being written.
    #[error("another transaction of the transactional id is being completed")]
    Concurrent,
    /// The id's state does not allow this.
    #[error("the transaction is in another state")]
    InvalidState,
    /// The id is unknown.
    #[error("the transactional id does not exist")]
    NotFound,
    /// The command needs a producer id that has never been used, and has none.
    #[error("a producer id is needed")]
    ProducerIdNeeded,
    /// The epoch is exhausted, but the request's one is another.
    #[error("the epoch is exhausted")]
    EpochExhausted,
    /// The partitions of the transaction do not fit into a record.
    #[error("the transaction has too many partitions")]
    TooLarge,
    /// There are as many ids as there may be, or all of them take as much memory as they may.
    #[error(
        "a limit of transactional ids has been reached \
        (transactional.id.max.count, transaction.coordinator.max.bytes)"
    )]
    Limit,
}
