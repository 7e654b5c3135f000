//! Ids that were given out and have not come back yet (KIP-394).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::groups::visits::visit;

/// What an id that is out takes beside its text.
const PENDING_BYTES: usize = 160;

/// Ids that are out, each until some time.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    due_of: BTreeMap<Arc<str>, i64>,
    by_due: BTreeSet<(i64, Arc<str>)>,
    bytes: usize,
}

impl Pending {
    /// Returns how many are out.
    pub fn len(&self) -> usize {
        self.due_of.len()
    }

    /// Returns whether none is out.
    pub fn is_empty(&self) -> bool {
        self.due_of.is_empty()
    }

    /// Returns about how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns when the first of them is forgotten, monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        visit();
        self.by_due.first().map(|(due, _)| *due)
    }

    /// Notes that an id is out until then, monotonic ms.
    pub fn insert(&mut self, id: &str, due_ms: i64) {
        visit();
        self.remove(id);
        let id: Arc<str> = Arc::from(id);
        self.bytes += PENDING_BYTES + id.len();
        self.by_due.insert((due_ms, id.clone()));
        self.due_of.insert(id, due_ms);
    }

    /// Takes an id out. Returns whether it was out.
    pub fn remove(&mut self, id: &str) -> bool {
        visit();
        let Some((id, due_ms)) = self.due_of.remove_entry(id) else { return false };
        self.bytes -= PENDING_BYTES + id.len();
        self.by_due.remove(&(due_ms, id))
    }

    /// Forgets those whose time has come. Returns whether there were any.
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
