//! How many idempotent producers the partitions of a broker remember in all (`max.producers`).

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::log::Log;

/// So many of its producers a partition keeps however many the others have.
const KEPT: usize = 8;

/// The producers of all partitions.
#[derive(Debug, Default)]
pub struct ProducerCount(AtomicUsize);

impl ProducerCount {
    /// How many there are.
    pub fn all(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one partition has told a [`ProducerCount`].
#[derive(Debug, Default)]
pub struct CountedProducers(AtomicUsize);

impl CountedProducers {
    /// Counts the producers of a partition's log. If there are more than `most` in all, some of
    /// this log that have been silent for longest are forgotten: it is the one that grows. Called
    /// under the log's lock.
    pub fn count(&self, log: &mut Log, all: &ProducerCount, most: usize) {
        let before = self.add_to(log.producers().len(), all);
        let now = log.producers().len();
        if now > before && now > KEPT && all.all() > most {
            log.forget_producers(now.saturating_sub(1 + now / 8).max(KEPT));
            self.add_to(log.producers().len(), all);
        }
    }

    /// Counts none any more: the log is gone.
    pub fn end(&self, all: &ProducerCount) {
        self.add_to(0, all);
    }

    /// Returns how many were counted before.
    fn add_to(&self, now: usize, all: &ProducerCount) -> usize {
        let before = self.0.swap(now, Ordering::Relaxed);
        all.0.fetch_add(now, Ordering::Relaxed);
        all.0.fetch_sub(before, Ordering::Relaxed);
        before
    }
}
