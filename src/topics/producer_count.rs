//! The number of idempotent producers that all partitions of a broker remember (`max.producers`).

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::log::Log;

/// The number of producers that a partition may keep, however many the others have.
const KEPT: usize = 8;

/// The producers of all partitions.
#[derive(Debug, Default)]
pub struct ProducerCount(AtomicUsize);

impl ProducerCount {
    /// Returns the total.
    pub fn all(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The number of producers that one partition has added to a [`ProducerCount`].
#[derive(Debug, Default)]
pub struct CountedProducers(AtomicUsize);

impl CountedProducers {
    /// Returns this partition's share of the count.
    pub fn own(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Updates the count for a partition's log. If there are more than `most` in total, forgets
    /// those of this log that have been inactive longest, because it is the one that grows. Called
    /// under the log's lock.
    pub fn count(&self, log: &mut Log, all: &ProducerCount, most: usize) {
        let before = self.add_to(log.producers().len(), all);
        let now = log.producers().len();
        if now > before && now > KEPT && all.all() > most {
            log.forget_producers(now.saturating_sub(1 + now / 8).max(KEPT));
            self.add_to(log.producers().len(), all);
        }
    }

    /// Removes the partition's producers from the count: the log is gone.
    pub fn end(&self, all: &ProducerCount) {
        self.add_to(0, all);
    }

    /// Sets this partition's share of the count. Returns the previous share.
    fn add_to(&self, now: usize, all: &ProducerCount) -> usize {
        let before = self.0.swap(now, Ordering::Relaxed);
        all.0.fetch_add(now, Ordering::Relaxed);
        all.0.fetch_sub(before, Ordering::Relaxed);
        before
    }
}
