//! What a partition asks to be done for it later, so that nothing looks at idle partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::topics::partition::Partition;

/// A partition that wants its log flushed.
#[derive(Debug)]
pub struct Asked {
    /// Whose log.
    pub partition: Arc<Partition>,
    /// When, on the monotonic clock.
    pub due_mono_ms: i64,
}

/// Where partitions ask. The receiving ends are in `broker/upkeep.rs` and `broker/cleaner.rs`;
/// without them nothing is done.
#[derive(Debug, Clone)]
pub struct Desk {
    flushes: UnboundedSender<Asked>,
    cleanings: UnboundedSender<Arc<Partition>>,
}

/// What was asked for at a [`Desk`].
#[derive(Debug)]
pub struct Inbox {
    /// Logs to be flushed.
    pub flushes: UnboundedReceiver<Asked>,
    /// Logs that may be worth a compaction.
    pub cleanings: UnboundedReceiver<Arc<Partition>>,
}

impl Desk {
    /// Both ends. What waits between them is bounded: a partition waits once for its time, once
    /// for its filled segments, and once to be compacted.
    pub fn new() -> (Desk, Inbox) {
        let (flushes, wanted_flushes) = unbounded_channel();
        let (cleanings, wanted_cleanings) = unbounded_channel();
        let inbox = Inbox { flushes: wanted_flushes, cleanings: wanted_cleanings };
        (Desk { flushes, cleanings }, inbox)
    }

    fn ask(&self, partition: &Arc<Partition>, due_mono_ms: i64) {
        // Nobody listens once the broker stops, which flushes everything.
        let _ = self.flushes.send(Asked { partition: partition.clone(), due_mono_ms });
    }
}

/// What one partition has asked for already.
#[derive(Debug)]
pub struct Asking {
    desk: Desk,
    for_time: AtomicBool,
    for_segments: AtomicBool,
    for_cleaning: AtomicBool,
}

impl Asking {
    /// Nothing yet.
    pub fn new(desk: Desk) -> Asking {
        Asking {
            desk,
            for_time: AtomicBool::new(false),
            for_segments: AtomicBool::new(false),
            for_cleaning: AtomicBool::new(false),
        }
    }

    /// A segment is full: it is to be made durable soon, so that a start after a crash need not
    /// read it.
    pub fn for_segments(&self, partition: &Arc<Partition>, now_mono_ms: i64) {
        if !self.for_segments.swap(true, Ordering::AcqRel) {
            self.desk.ask(partition, now_mono_ms);
        }
    }

    /// Records wait for `flush.ms`.
    pub fn for_time(&self, partition: &Arc<Partition>, due_mono_ms: i64) {
        if !self.for_time.swap(true, Ordering::AcqRel) {
            self.desk.ask(partition, due_mono_ms);
        }
    }

    /// There may be something to compact.
    pub fn for_cleaning(&self, partition: &Arc<Partition>) {
        if !self.for_cleaning.swap(true, Ordering::AcqRel) {
            // As above.
            let _ = self.desk.cleanings.send(partition.clone());
        }
    }

    /// The partition's turn has come: it may ask again.
    pub fn answered(&self) {
        self.for_time.store(false, Ordering::Release);
        self.for_segments.store(false, Ordering::Release);
    }

    /// The cleaner looks at the partition: it may ask again.
    pub fn cleaning_answered(&self) {
        self.for_cleaning.store(false, Ordering::Release);
    }
}
