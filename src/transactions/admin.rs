//! DescribeTransactions and ListTransactions.

use std::ops::Bound;

use crate::transactions::error::TransactionError;
use crate::transactions::questions::{
    ListTransactionalIds, ProducerIdAndEpoch, TransactionDescription, TransactionListing,
};
use crate::transactions::{SLICE, Transactions};

impl Transactions {
    pub(super) fn describe(&self, id: &str) -> Result<TransactionDescription, TransactionError> {
        if id.is_empty() {
            return Err(TransactionError::EmptyId);
        }
        let known = self.ids.get(id).ok_or(TransactionError::NotFound)?;
        let partitions = self.markers.unmarked(id).unwrap_or(&known.partitions);
        Ok(TransactionDescription {
            producer: ProducerIdAndEpoch { producer_id: known.producer_id, epoch: known.epoch },
            state: known.state,
            timeout_ms: known.timeout_ms,
            start_ms: known.start_ms,
            partitions: partitions.to_vec(),
        })
    }

    /// Returns ids in order, and whether there are more.
    pub(super) fn list(&self, list: &ListTransactionalIds) -> (Vec<TransactionListing>, bool) {
        let from = match &list.after {
            Some(after) => Bound::Excluded(after.as_str()),
            None => Bound::Unbounded,
        };
        let mut rest = self.ids.range::<str, _>((from, Bound::Unbounded));
        let page = rest.by_ref().take(SLICE).map(|(id, known)| TransactionListing {
            id: id.to_string(),
            producer_id: known.producer_id,
            state: known.state,
            start_ms: known.start_ms,
        });
        (page.collect(), rest.next().is_some())
    }
}
