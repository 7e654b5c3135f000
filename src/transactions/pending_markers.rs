//! The transactions that are ending: which markers are to be written, and which have been.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Now;
use crate::machine::Ticket;
use crate::transactions::partitions::{PartitionSet, TopicPartitions};
use crate::transactions::questions::{MarkersWritten, NextMarkers};

/// When to try again what has failed: a marker, or the record that completes a transaction.
const RETRY_MS: i64 = 1000;

/// A transaction that is ending.
#[derive(Debug)]
struct Ending {
    /// The partitions that have no marker yet.
    unmarked: PartitionSet,
    /// When to write markers again that could not be written, monotonic ms.
    retry_ms: Option<i64>,
}

/// A transaction that is ending, with the partitions that have no marker yet.
pub type Unmarked = (Arc<str>, TopicPartitions);

/// The transactions that are ending. One that is in none of the sets is being written.
#[derive(Debug, Default)]
pub struct PendingMarkers {
    ending: BTreeMap<Arc<str>, Ending>,
    to_write: BTreeSet<Arc<str>>,
    to_retry: BTreeSet<(i64, Arc<str>)>,
    to_complete: BTreeSet<Arc<str>>,
    /// When to write the records of what is complete, monotonic ms.
    complete_due_ms: i64,
    /// The question of the task that writes markers.
    writer: Option<Ticket<NextMarkers>>,
}

impl PendingMarkers {
    /// Adds a transaction that has been committed or aborted.
    pub fn add(&mut self, id: Arc<str>, partitions: PartitionSet) {
        match partitions.is_empty() {
            true => self.complete(id.clone()),
            false => drop(self.to_write.insert(id.clone())),
        }
        self.ending.insert(id, Ending { unmarked: partitions, retry_ms: None });
    }

    /// Removes a transaction, if it is there.
    pub fn remove(&mut self, id: &Arc<str>) {
        let Some(ending) = self.ending.remove(id) else { return };
        self.to_write.remove(id);
        self.to_complete.remove(id);
        if let Some(due) = ending.retry_ms {
            self.to_retry.remove(&(due, id.clone()));
        }
    }

    /// Returns the partitions of a transaction that have no marker yet.
    pub fn unmarked(&self, id: &str) -> Option<&PartitionSet> {
        self.ending.get(id).map(|ending| &ending.unmarked)
    }

    /// Returns when there is something to do, monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        let write = (self.writer.is_some() && !self.to_write.is_empty()).then_some(0);
        let retry = self.to_retry.first().map(|(due, _)| *due);
        let complete = (!self.to_complete.is_empty()).then_some(self.complete_due_ms);
        write.into_iter().chain(retry).chain(complete).min()
    }

    fn complete(&mut self, id: Arc<str>) {
        if self.to_complete.is_empty() {
            self.complete_due_ms = 0;
        }
        self.to_complete.insert(id);
    }

    /// Takes over what has become of markers. What is reported of an id is of its only transaction
    /// that is being written.
    pub fn note(&mut self, now: Now, written: MarkersWritten) {
        let Some((id, _)) = self.ending.get_key_value(&*written.producer.id) else { return };
        let id = id.clone();
        if written.failed.is_empty() {
            self.ending
                .insert(id.clone(), Ending { unmarked: PartitionSet::default(), retry_ms: None });
            return self.complete(id);
        }
        let due = now.mono_ms + RETRY_MS;
        let unmarked = PartitionSet::of(written.failed);
        self.ending.insert(id.clone(), Ending { unmarked, retry_ms: Some(due) });
        self.to_retry.insert((due, id));
    }

    /// Makes markers ready to be written again.
    fn retry(&mut self, now: Now) {
        while let Some((due, id)) = self.to_retry.first().cloned()
            && due <= now.mono_ms
        {
            self.to_retry.remove(&(due, id.clone()));
            if let Some(ending) = self.ending.get_mut(&id) {
                ending.retry_ms = None;
                self.to_write.insert(id);
            }
        }
    }

    /// Registers the question of the task that writes markers.
    pub fn await_next(&mut self, writer: Ticket<NextMarkers>) {
        self.writer = Some(writer);
    }

    /// Returns the transactions that are complete, up to a number of them. They are removed when
    /// the records of that are applied; on a full disk they are returned again later.
    pub fn take_complete(&mut self, now: Now, count: usize) -> Vec<Arc<str>> {
        if self.to_complete.is_empty() || self.complete_due_ms > now.mono_ms {
            return Vec::new();
        }
        self.complete_due_ms = now.mono_ms + RETRY_MS;
        self.to_complete.iter().take(count).cloned().collect()
    }

    /// Returns transactions whose markers are to be written, for the task that has asked for them:
    /// one, and others up to a number of partitions.
    pub fn take_next(
        &mut self,
        now: Now,
        count: usize,
    ) -> Option<(Ticket<NextMarkers>, Vec<Unmarked>)> {
        self.retry(now);
        if self.to_write.is_empty() {
            return None;
        }
        let writer = self.writer.take()?;
        let (mut taken, mut partitions) = (Vec::new(), 0);
        while partitions < count
            && let Some(id) = self.to_write.pop_first()
        {
            let Some(ending) = self.ending.get(&id) else { continue };
            partitions += ending.unmarked.len();
            let unmarked = ending.unmarked.to_vec();
            taken.push((id, unmarked));
        }
        Some((writer, taken))
    }
}
