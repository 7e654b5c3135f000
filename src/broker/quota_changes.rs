//! Altering client quotas: first in the metadata log, then for the clients.

use crate::broker::state::Broker;
use crate::log::AppendError;
use crate::metadata::records::Record;
use crate::quotas::alter::{AlterResults, Alteration, RECORDS_MAX, decide};

/// Why no quota was altered.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// More records than fit one batch of the metadata log.
    #[error("Unable to perform excessively large batch operation.")]
    TooMany,
    /// The metadata log could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Broker {
    /// Alters client quotas, with immediate effect. Returns a result for each entity; valid
    /// alterations are made even if others are invalid.
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
            let records = written.iter().map(|quota| Record::ClientQuota(quota.record()));
            Ok((records.collect(), outcomes))
        })?;
        if !validate_only {
            self.quotas.load(|| self.image());
        }
        Ok(outcomes)
    }
}
