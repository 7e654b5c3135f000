//! Background work that partitions (`P`) ask for, so that nothing polls idle partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A partition that wants its log flushed.
#[derive(Debug)]
pub struct FlushRequest<P> {
    /// Whose log.
    pub partition: Arc<P>,
    /// When, on the monotonic clock.
    pub due_mono_ms: i64,
}

/// Where partitions ask. The receiving ends are in `broker/maintenance.rs` and `broker/cleaner.rs`;
/// without them nothing is done.
#[derive(Debug)]
pub struct MaintenanceQueue<P> {
    flushes: UnboundedSender<FlushRequest<P>>,
    compactions: UnboundedSender<Arc<P>>,
}

impl<P> Clone for MaintenanceQueue<P> {
    fn clone(&self) -> MaintenanceQueue<P> {
        let (flushes, compactions) = (self.flushes.clone(), self.compactions.clone());
        MaintenanceQueue { flushes, compactions }
    }
}

/// What was asked for at a [`MaintenanceQueue`].
#[derive(Debug)]
pub struct MaintenanceReceiver<P> {
    /// Logs to be flushed.
    pub flushes: UnboundedReceiver<FlushRequest<P>>,
    /// Logs that may be worth a compaction.
    pub compactions: UnboundedReceiver<Arc<P>>,
}

impl<P> MaintenanceQueue<P> {
    /// Both ends. What waits between them is bounded: a partition waits once for its time, once
    /// for its filled segments, and once to be compacted.
    pub fn new() -> (MaintenanceQueue<P>, MaintenanceReceiver<P>) {
        let (flushes, wanted_flushes) = unbounded_channel();
        let (cleanings, wanted_cleanings) = unbounded_channel();
        let inbox = MaintenanceReceiver { flushes: wanted_flushes, compactions: wanted_cleanings };
        (MaintenanceQueue { flushes, compactions: cleanings }, inbox)
    }

    fn request_flush(&self, partition: &Arc<P>, due_mono_ms: i64) {
        // Nobody listens once the broker stops, which flushes everything.
        let _ = self.flushes.send(FlushRequest { partition: partition.clone(), due_mono_ms });
    }
}

/// What one partition has asked for already.
#[derive(Debug)]
pub struct PendingWork<P> {
    queue: MaintenanceQueue<P>,
    timed_flush: AtomicBool,
    segment_flush: AtomicBool,
    compaction: AtomicBool,
}

impl<P> PendingWork<P> {
    /// Nothing yet.
    pub fn new(queue: MaintenanceQueue<P>) -> PendingWork<P> {
        PendingWork {
            queue,
            timed_flush: AtomicBool::new(false),
            segment_flush: AtomicBool::new(false),
            compaction: AtomicBool::new(false),
        }
    }

    /// A segment is full: it is to be made durable soon, so that a start after a crash need not
    /// read it.
    pub fn request_segment_flush(&self, partition: &Arc<P>, now_mono_ms: i64) {
        if !self.segment_flush.swap(true, Ordering::AcqRel) {
            self.queue.request_flush(partition, now_mono_ms);
        }
    }

    /// Records wait for `flush.ms`.
    pub fn request_timed_flush(&self, partition: &Arc<P>, due_mono_ms: i64) {
        if !self.timed_flush.swap(true, Ordering::AcqRel) {
            self.queue.request_flush(partition, due_mono_ms);
        }
    }

    /// There may be something to compact.
    pub fn request_compaction(&self, partition: &Arc<P>) {
        if !self.compaction.swap(true, Ordering::AcqRel) {
            // As above.
            let _ = self.queue.compactions.send(partition.clone());
        }
    }

    /// The partition's turn has come: it may ask again.
    pub fn flush_taken(&self) {
        self.timed_flush.store(false, Ordering::Release);
        self.segment_flush.store(false, Ordering::Release);
    }

    /// The cleaner looks at the partition: it may ask again.
    pub fn compaction_taken(&self) {
        self.compaction.store(false, Ordering::Release);
    }
}
