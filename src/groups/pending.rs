//! Member ids that have been assigned but not used yet (KIP-394).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::groups::visits::visit;

/// Memory of a pending id beside its text, in bytes.
const PENDING_BYTES: usize = 160;

/// Pending ids, each with its expiry.
#[derive(Debug, Clone, Default)]
pub struct PendingMembers {
    due_of: BTreeMap<Arc<str>, i64>,
    by_due: BTreeSet<(i64, Arc<str>)>,
    bytes: usize,
}

impl PendingMembers {
    /// Returns the number of pending ids.
    pub fn len(&self) -> usize {
        self.due_of.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.due_of.is_empty()
    }

    /// Returns the approximate memory that they take, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns when the next one expires, monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        visit();
        self.by_due.first().map(|(due, _)| *due)
    }

    /// Adds an id that expires at `due_ms`, monotonic ms.
    pub fn insert(&mut self, id: &str, due_ms: i64) {
        visit();
        self.remove(id);
        let id: Arc<str> = Arc::from(id);
        self.bytes += PENDING_BYTES + id.len();
        self.by_due.insert((due_ms, id.clone()));
        self.due_of.insert(id, due_ms);
    }

    /// Removes an id. Returns whether it was pending.
    pub fn remove(&mut self, id: &str) -> bool {
        visit();
        let Some((id, due_ms)) = self.due_of.remove_entry(id) else { return false };
        self.bytes -= PENDING_BYTES + id.len();
        self.by_due.remove(&(due_ms, id))
    }

    /// Removes the expired ids. Returns whether there were any.
    pub fn expire(&mut self, now_mono_ms: i64) -> bool {
        let before = self.len();
        while let Some((due_ms, id)) = self.by_due.first().cloned()
            && due_ms <= now_mono_ms
        {
            self.remove(&id);
        }
        self.len() < before
    }
}
