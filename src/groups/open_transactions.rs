//! Index of the groups that have offsets in open transactions, for their markers.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::groups::pending_offsets::TxnKey;

/// The groups with offsets in open transactions, by transaction.
#[derive(Debug, Default)]
pub struct OpenTransactions {
    groups_of: HashMap<TxnKey, BTreeSet<Arc<str>>>,
}

impl OpenTransactions {
    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.groups_of.is_empty()
    }

    /// Adds a group with offsets in a transaction.
    pub fn add(&mut self, txn: TxnKey, group: &Arc<str>) {
        self.groups_of.entry(txn).or_default().insert(group.clone());
    }

    /// Removes a transaction. Returns its groups.
    pub fn end(&mut self, txn: TxnKey) -> BTreeSet<Arc<str>> {
        self.groups_of.remove(&txn).unwrap_or_default()
    }

    /// Removes a group of which nothing is left in a transaction.
    pub fn remove(&mut self, txn: TxnKey, group: &str) {
        let Some(groups) = self.groups_of.get_mut(&txn) else { return };
        groups.remove(group);
        if groups.is_empty() {
            self.groups_of.remove(&txn);
        }
    }

    /// Returns true if the group has offsets in the transaction.
    #[cfg(test)]
    pub fn has(&self, txn: TxnKey, group: &str) -> bool {
        self.groups_of.get(&txn).is_some_and(|groups| groups.contains(group))
    }
}
