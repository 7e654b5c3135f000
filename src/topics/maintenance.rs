//! Deferred work that partitions (`P`) request, so that idle partitions cost nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request to flush a log.
#[derive(Debug)]
pub struct FlushRequest<P> {
    /// The partition whose log it is.
    pub partition: Arc<P>,
    /// When the flush is due, on the monotonic clock.
    pub due_mono_ms: i64,
}

/// Directories to remove, each list after a delay in ms.
#[derive(Debug, Default)]
pub struct DirRemoval {
    /// By delay, the shortest first.
    pub dirs: BTreeMap<i64, Vec<PathBuf>>,
}

impl DirRemoval {
    /// Adds directories.
    pub fn add(&mut self, delay_ms: i64, dirs: Vec<PathBuf>) {
        if !dirs.is_empty() {
            self.dirs.entry(delay_ms).or_default().extend(dirs);
        }
    }
}

/// The queue of requests. The receiving ends are in `broker/maintenance.rs` and
/// `broker/cleaner.rs`; without them the requests are ignored.
#[derive(Debug)]
pub struct MaintenanceQueue<P> {
    flushes: UnboundedSender<FlushRequest<P>>,
    compactions: UnboundedSender<Arc<P>>,
    removals: UnboundedSender<DirRemoval>,
}

impl<P> Clone for MaintenanceQueue<P> {
    fn clone(&self) -> MaintenanceQueue<P> {
        MaintenanceQueue {
            flushes: self.flushes.clone(),
            compactions: self.compactions.clone(),
            removals: self.removals.clone(),
        }
    }
}

/// The receiving end of a [`MaintenanceQueue`].
#[derive(Debug)]
pub struct MaintenanceReceiver<P> {
    /// Logs to flush.
    pub flushes: UnboundedReceiver<FlushRequest<P>>,
    /// Logs that may be due for compaction.
    pub compactions: UnboundedReceiver<Arc<P>>,
    /// Directories of deleted topics.
    pub removals: UnboundedReceiver<DirRemoval>,
}

impl<P> MaintenanceQueue<P> {
    /// Returns both ends. The number of requests in between is bounded: each partition has at most
    /// one for `flush.ms`, one for its full segments, and one for compaction; a deletion of topics
    /// has one.
    pub fn new() -> (MaintenanceQueue<P>, MaintenanceReceiver<P>) {
        let (flushes, wanted_flushes) = unbounded_channel();
        let (compactions, wanted_compactions) = unbounded_channel();
        let (removals, wanted_removals) = unbounded_channel();
        let inbox = MaintenanceReceiver {
            flushes: wanted_flushes,
            compactions: wanted_compactions,
            removals: wanted_removals,
        };
        (MaintenanceQueue { flushes, compactions, removals }, inbox)
    }

    /// Requests the removal of the directories of deleted topics.
    pub fn request_removal(&self, removal: DirRemoval) {
        if !removal.dirs.is_empty() {
            // The receiver is gone once the broker stops; the next start removes them.
            let _ = self.removals.send(removal);
        }
    }

    fn request_flush(&self, partition: &Arc<P>, due_mono_ms: i64) {
        // The receiver is gone once the broker stops, which flushes everything.
        let _ = self.flushes.send(FlushRequest { partition: partition.clone(), due_mono_ms });
    }
}

/// The requests of one partition that are pending.
#[derive(Debug)]
pub struct PendingWork<P> {
    queue: MaintenanceQueue<P>,
    timed_flush: AtomicBool,
    segment_flush: AtomicBool,
    compaction: AtomicBool,
}

impl<P> PendingWork<P> {
    /// Returns a partition's state without pending requests.
    pub fn new(queue: MaintenanceQueue<P>) -> PendingWork<P> {
        PendingWork {
            queue,
            timed_flush: AtomicBool::new(false),
            segment_flush: AtomicBool::new(false),
            compaction: AtomicBool::new(false),
        }
    }

    /// Requests a flush of a full segment soon, so that a start after a crash need not read it.
    pub fn request_segment_flush(&self, partition: &Arc<P>, now_mono_ms: i64) {
        if !self.segment_flush.swap(true, Ordering::AcqRel) {
            self.queue.request_flush(partition, now_mono_ms);
        }
    }

    /// Requests a flush for `flush.ms`.
    pub fn request_timed_flush(&self, partition: &Arc<P>, due_mono_ms: i64) {
        if !self.timed_flush.swap(true, Ordering::AcqRel) {
            self.queue.request_flush(partition, due_mono_ms);
        }
    }

    /// Requests a check whether compaction is due.
    pub fn request_compaction(&self, partition: &Arc<P>) {
        if !self.compaction.swap(true, Ordering::AcqRel) {
            // The receiver may be gone, as above.
            let _ = self.queue.compactions.send(partition.clone());
        }
    }

    /// Marks the pending flush as taken: it may be requested again.
    pub fn flush_taken(&self) {
        self.timed_flush.store(false, Ordering::Release);
        self.segment_flush.store(false, Ordering::Release);
    }

    /// Marks the pending compaction as taken: it may be requested again.
    pub fn compaction_taken(&self) {
        self.compaction.store(false, Ordering::Release);
    }
}
