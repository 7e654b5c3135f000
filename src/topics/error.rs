//! Why a partition does not take or give what it is asked for.

use crate::log::AppendError;
use crate::log::admit::AdmitError;

/// Why a produce request's bytes were not appended.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The batch is not acceptable.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// The log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// There is no log to take it.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ProduceError {
    /// Returns true if there is no room on the disk now.
    pub fn is_full(&self) -> bool {
        matches!(
            self,
            ProduceError::Append(AppendError::Full(_))
                | ProduceError::Unavailable(Unavailable::Full(_))
        )
    }
}

/// Why a partition can neither be written to nor read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The disk failed, or what lies in the directory is not this partition's log.
    #[error("the partition is offline: {0}")]
    Offline(String),
    /// There is no room on the disk for what its opening writes; it is tried again.
    #[error("no room on the disk: {0}")]
    Full(String),
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
