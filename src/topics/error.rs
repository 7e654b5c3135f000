//! Why a partition cannot be written or read.

use crate::log::AppendError;
use crate::log::admit::AdmitError;

/// Why the batch of a produce request was not appended.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The batch is invalid.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// The log rejected it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log is not available.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ProduceError {
    /// Returns true if the disk is full now.
    pub fn is_full(&self) -> bool {
        matches!(
            self,
            ProduceError::Append(AppendError::Full(_))
                | ProduceError::Unavailable(Unavailable::Full(_))
        )
    }
}

/// Why a partition can be neither written nor read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The disk failed, or the directory contains another partition's log.
    #[error("the partition is offline: {0}")]
    Offline(String),
    /// The disk is full, and opening the log has to write; the next use tries again.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The broker has crashed and is recovering the log, or stops before it has.
    #[error("the partition is being recovered")]
    Recovering,
    /// The topic was deleted.
    #[error("the topic was deleted")]
    Deleted,
}

impl From<AppendError> for Unavailable {
    fn from(error: AppendError) -> Unavailable {
        match error {
            AppendError::Full(why) => Unavailable::Full(why),
            other => Unavailable::Offline(other.to_string()),
        }
    }
}
