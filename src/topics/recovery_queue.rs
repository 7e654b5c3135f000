//! Which logs are still to be recovered after a crash, in which order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::sync::Mutex;

/// Those that requests wait for, and the others.
#[derive(Debug)]
struct Queued<P> {
    wanted: VecDeque<Arc<P>>,
    others: VecDeque<Arc<P>>,
}

/// The partitions (`P`) whose logs are to be recovered.
#[derive(Debug)]
pub struct RecoveryQueue<P> {
    queued: Mutex<Queued<P>>,
    /// The number of partitions that are not recovered yet, whether or not they are in the queue.
    left: AtomicUsize,
}

impl<P> Default for Queued<P> {
    fn default() -> Queued<P> {
        Queued { wanted: VecDeque::new(), others: VecDeque::new() }
    }
}

impl<P> Default for RecoveryQueue<P> {
    fn default() -> RecoveryQueue<P> {
        RecoveryQueue { queued: Mutex::new(Queued::default()), left: AtomicUsize::new(0) }
    }
}

impl<P> RecoveryQueue<P> {
    /// Returns the next partition to recover. It may have been recovered already, because it was
    /// asked for after it was queued.
    pub fn next(&self) -> Option<Arc<P>> {
        let mut queued = self.queued.lock();
        queued.wanted.pop_front().or_else(|| queued.others.pop_front())
    }

    /// Empties the queue: the broker stops, and the next start recovers what is left.
    pub fn clear(&self) {
        let queued = std::mem::take(&mut *self.queued.lock());
        drop(queued);
    }

    /// Returns how many partitions are not recovered yet.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Acquire)
    }

    /// Adds a partition.
    pub fn push(&self, partition: &Arc<P>) {
        self.left.fetch_add(1, Ordering::AcqRel);
        self.queued.lock().others.push_back(partition.clone());
    }

    /// Moves a partition to the front.
    pub fn prefer(&self, partition: &Arc<P>) {
        self.queued.lock().wanted.push_back(partition.clone());
    }

    /// Counts a partition as recovered.
    pub fn ended(&self) {
        self.left.fetch_sub(1, Ordering::AcqRel);
    }
}

/// How far the recovery of one partition is.
#[derive(Debug, Default)]
pub struct RecoveryProgress {
    /// True until the log is recovered.
    pub is_pending: AtomicBool,
    /// True once a request has waited for it.
    pub is_wanted: AtomicBool,
    /// Notified when it is.
    pub ended: Notify,
}
