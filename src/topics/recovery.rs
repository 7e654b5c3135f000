//! Recovery beside serving: after a crash the broker serves at once, and the logs that were ever
//! written are recovered in the background (`broker/recovery.rs`), those first that clients ask
//! for.
//!
//! **Invariant:** while a log is being recovered, only [`Partition::open`] opens it or waits for
//! it; everything else fails at once with [`Unavailable::Recovering`], so that no thread that
//! serves clients waits for a disk. Requests wait in [`recovered_all`], as tasks and not for long.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use crate::topics::error::Unavailable;
use crate::topics::partition::Partition;

/// How long a request waits for a log to be recovered before the client is asked to try again.
pub const RECOVERY_WAIT: Duration = Duration::from_secs(1);

impl Partition {
    /// Queues the log for recovery: until that has ended, requests for it wait.
    pub fn queue_recovery(self: &Arc<Self>) {
        if !self.recovery.is_pending.swap(true, Ordering::AcqRel) {
            self.context.recovery.push(self);
        }
    }

    /// Returns true while the log is to be recovered before it can be used.
    pub fn is_recovering(&self) -> bool {
        self.recovery.is_pending.load(Ordering::Acquire)
    }

    /// Lets everyone use the log, who will see what has become of it.
    pub(super) fn end_recovery(&self) {
        if self.mark_recovered() {
            self.notify_recovered();
        }
    }

    /// Lets everyone use the log. Returns true if those who wait must be notified: see
    /// [`Partition::notify_recovered`].
    pub(super) fn mark_recovered(&self) -> bool {
        self.recovery.is_pending.swap(false, Ordering::AcqRel)
    }

    /// Notifies those who wait for the log.
    pub(super) fn notify_recovered(&self) {
        self.context.recovery.ended();
        self.recovery.ended.notify_waiters();
        self.waiters.changed();
    }

    /// Has the log recovered before those that no request waits for.
    pub fn prefer_recovery(self: &Arc<Self>) {
        if self.is_recovering() && !self.recovery.is_wanted.swap(true, Ordering::AcqRel) {
            self.context.recovery.prefer(self);
        }
    }

    /// Returns true if there is no use in opening the log any more: the partition is being closed
    /// or deleted, or the broker stops, and the next start will recover it.
    pub(super) fn gives_up_opening(&self) -> bool {
        self.is_closing() || self.is_recovering() && *self.context.stopping.borrow()
    }

    async fn recovered(&self) {
        let mut ended = std::pin::pin!(self.recovery.ended.notified());
        ended.as_mut().enable();
        if self.is_recovering() {
            ended.await;
        }
    }

    /// Returns [`Unavailable::Recovering`] while the log is being recovered.
    pub(super) fn check_recovered(&self) -> Result<(), Unavailable> {
        if self.is_recovering() { Err(Unavailable::Recovering) } else { Ok(()) }
    }
}

/// Waits until these partitions are recovered, but no longer than `wait`. What is still being
/// recovered then fails with [`Unavailable::Recovering`] when it is used.
pub async fn recovered_all(partitions: impl Iterator<Item = &Arc<Partition>>, wait: Duration) {
    let recovering: Vec<_> = partitions.filter(|one| one.is_recovering()).cloned().collect();
    let Some(first) = recovering.first() else { return };
    let mut stopping = first.context.stopping.clone();
    recovering.iter().for_each(Partition::prefer_recovery);
    let all = async {
        for partition in &recovering {
            partition.recovered().await;
        }
    };
    tokio::select! {
        _ = timeout(wait, all) => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}
