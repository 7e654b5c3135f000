//! Client quotas change: first in the metadata log, then for the clients.

use crate::broker::state::Broker;
use crate::log::AppendError;
use crate::metadata::records::Record;
use crate::quotas::alter::{AlterResults, Alteration, RECORDS_MAX, decide};

/// Why no quota at all was changed.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// Too much for one batch of the metadata log.
    #[error("Unable to perform excessively large batch operation.")]
    TooMany,
    /// The metadata log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Broker {
    /// Change client quotas; they hold at once. Says for each entity what became of it; those
    /// that are right are changed even if others are wrong.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn alter_quotas(
        &self,
        wanted: Vec<Alteration>,
        validate_only: bool,
    ) -> Result<AlterResults, QuotaError> {
        let outcomes = self.metadata.change(self.clock.now(), |image| {
            let (records, outcomes) = decide(&image.quotas, wanted);
            if records.len() > RECORDS_MAX {
                return Err(QuotaError::TooMany);
            }
            let written = if validate_only { Vec::new() } else { records };
            Ok((written.into_iter().map(Record::ClientQuota).collect(), outcomes))
        })?;
        if !validate_only {
            self.quotas.load(|| self.image());
        }
        Ok(outcomes)
    }
}
