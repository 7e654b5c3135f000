//! A log that is shared between tasks: its state, opening it, and the view of it for readers. The
//! only lock around a log is in this file; `opening.rs`, `append.rs`, `flush.rs`,
//! `lifecycle.rs`, `retention.rs`, `compaction.rs` and `scrub.rs` have what is done with it.
//!
//! **Invariant:** `log` is held for one append and never across an await; `view` is held to clone
//! or replace a value, and is the only lock that may be taken under `log`. `compacting` is held for
//! a whole pass of the cleaner, which takes `log` briefly in between.
//!
//! A log is opened on first use (`opening.rs`), so that a start costs nothing per partition. After
//! a crash those that were ever used are recovered beside serving (`recovery.rs`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, MutexGuard};

use tokio::sync::{Mutex as AsyncMutex, watch};

use crate::clock::Clock;
use crate::config::resolve::TopicConfig;
use crate::log::Log;
use crate::log::disk_space::DiskSpace;
use crate::log::recovery::RecoveryCheckpoint;
use crate::log::view::View;
use crate::storage::disk::Disk;
use crate::storage::segment::base_offset_of;
use crate::sync::{Mutex, RwLock};
use crate::topics::error::Unavailable;
use crate::topics::maintenance::{MaintenanceQueue, PendingWork};
use crate::topics::producer_count::{CountedProducers, ProducerCount};
use crate::topics::recovery_queue::{RecoveryProgress, RecoveryQueue};
use crate::topics::waiters::Waiters;
use crate::types::{Offset, TopicId, TopicPartition};

/// What a partition needs from its surroundings.
#[derive(Debug, Clone)]
pub struct PartitionContext {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The partition's directory.
    pub dir: PathBuf,
    /// The checkpoints of the partition.
    pub checkpoint: RecoveryCheckpoint,
    /// Its leader epoch.
    pub leader_epoch: i32,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The queue for deferred work.
    pub maintenance: MaintenanceQueue<Partition>,
    /// Whether the disk is full.
    pub disk_space: Arc<DiskSpace>,
    /// The number of producers of all partitions.
    pub producers: Arc<ProducerCount>,
    /// The logs that are to be recovered.
    pub recovery: Arc<RecoveryQueue<Partition>>,
    /// True if what recovery finds has to be durable before it is used (`durability = "fsync"`).
    pub syncs_recovered: bool,
    /// Turns true when the broker is to stop.
    pub stopping: watch::Receiver<bool>,
}

/// The state of a partition's log.
#[derive(Debug)]
pub(super) enum LogState {
    /// Not opened yet.
    Closed,
    /// A thread is opening it.
    Opening,
    /// In use.
    Open(Box<Log>),
    /// It cannot be opened, for this reason, until the next start.
    Failed(String),
    /// The topic was deleted.
    Deleted,
}

/// One live partition.
#[derive(Debug)]
pub struct Partition {
    /// Topic and index.
    pub id: TopicPartition,
    /// The topic's id.
    pub topic_id: TopicId,
    config: RwLock<Arc<TopicConfig>>,
    pub(super) context: PartitionContext,
    log: Mutex<LogState>,
    /// Notified when a thread that was opening the log is done.
    pub(super) opening_ended: Condvar,
    pub(super) recovery: RecoveryProgress,
    /// True if its directory is known not to exist; only opening the log creates it.
    pub(super) is_missing: AtomicBool,
    view: RwLock<Option<View>>,
    /// Held by the task that syncs; the tasks that wait for it are all served by the next sync.
    pub(super) flush_lock: AsyncMutex<Offset>,
    pub(super) pending_work: PendingWork<Partition>,
    /// Held while the log is compacted (one pass at a time), closed or deleted.
    pub(super) compacting: Mutex<()>,
    /// Set to make a running compaction break off.
    pub(super) is_closing: AtomicBool,
    /// The number of its producers that are counted.
    pub(super) producers: CountedProducers,
    /// Number of appends still to be made on a blocking thread, because the disk has stalled.
    pub(super) cautious: AtomicU32,
    /// Fetch requests waiting for data (the purgatory).
    pub waiters: Waiters,
}

impl Partition {
    /// Returns a partition whose log is not open yet.
    pub fn new(
        id: TopicPartition,
        topic_id: TopicId,
        config: Arc<TopicConfig>,
        context: PartitionContext,
    ) -> Partition {
        Partition {
            id,
            topic_id,
            config: RwLock::new(config),
            pending_work: PendingWork::new(context.maintenance.clone()),
            compacting: Mutex::new(()),
            is_closing: AtomicBool::new(false),
            producers: CountedProducers::default(),
            cautious: AtomicU32::new(0),
            context,
            log: Mutex::new(LogState::Closed),
            opening_ended: Condvar::new(),
            recovery: RecoveryProgress::default(),
            is_missing: AtomicBool::new(false),
            view: RwLock::new(None),
            flush_lock: AsyncMutex::new(0),
            waiters: Waiters::default(),
        }
    }

    /// Returns the leader epoch, which lasts as long as the broker runs.
    pub fn leader_epoch(&self) -> i32 {
        self.context.leader_epoch
    }

    /// Returns the topic's current configuration.
    pub fn config(&self) -> Arc<TopicConfig> {
        self.config.read().clone()
    }

    /// Replaces the topic's configuration; an open log uses it from its next append on.
    pub fn set_config(&self, config: Arc<TopicConfig>) {
        let mut state = self.log();
        *self.config.write() = config.clone();
        if let LogState::Open(log) = &mut *state {
            log.set_config(config);
        }
    }

    /// Takes the lock on the log.
    pub(super) fn log(&self) -> MutexGuard<'_, LogState> {
        self.log.lock_or_poisoned().unwrap_or_else(|mut state| {
            // A panic under the lock may have left the log in an inconsistent state.
            *state = LogState::Failed("a panic interrupted an earlier append".to_owned());
            state
        })
    }

    /// Counts the log's producers among those of all partitions.
    pub(super) fn count_producers(&self, log: &mut Log) {
        let most = log.config().producers_max_in_all;
        self.producers.count(log, &self.context.producers, most);
    }

    /// Returns how many producers its log remembers; 0 if the log is not open.
    pub fn producers_known(&self) -> usize {
        self.producers.own()
    }

    /// Shows readers the log's current view. Called under its lock.
    pub(super) fn publish(&self, log: &Log) {
        let view = log.view();
        *self.view.write() = Some(view);
    }

    /// Ends the use of the log, for readers as well. Returns its lock.
    pub(super) fn mark_deleted(&self) -> MutexGuard<'_, LogState> {
        let mut state = self.not_opening();
        *state = LogState::Deleted;
        *self.view.write() = None;
        state
    }

    /// Returns true if the log is open, so that reading its view needs no disk access.
    pub fn is_open(&self) -> bool {
        self.view.read().is_some()
    }

    /// Returns the current view for readers, if the log is open.
    pub(crate) fn open_view(&self) -> Option<View> {
        self.view.read().clone()
    }

    /// Returns the current view for readers. A log that was never written is not opened.
    ///
    /// # Errors
    /// The log cannot be opened, or is being recovered.
    pub fn view(&self) -> Result<View, Unavailable> {
        if let Some(view) = self.open_view() {
            return Ok(view);
        }
        if self.is_unused() {
            let PartitionContext { disk, dir, leader_epoch, .. } = &self.context;
            return Ok(View::unwritten(disk.clone(), dir, *leader_epoch));
        }
        Ok(self.usable()?.opened()?.view())
    }

    /// Returns true if it is offline. Does not open the log.
    pub fn is_offline(&self) -> bool {
        match &*self.log() {
            LogState::Open(log) => log.offline().is_some(),
            LogState::Failed(_) => true,
            LogState::Closed | LogState::Opening | LogState::Deleted => false,
        }
    }

    /// Runs `work` on the open log, under its lock; readers see the result at once.
    pub(crate) fn with_log<T>(&self, work: impl FnOnce(&mut Log) -> T) -> Result<T, Unavailable> {
        let mut state = self.usable()?;
        let log = state.opened()?;
        let outcome = work(log);
        self.publish(log);
        Ok(outcome)
    }

    /// Returns the bytes of its log files; 0 if it was never used. Does not open the log.
    pub fn log_bytes(&self) -> u64 {
        if let Some(view) = self.open_view() {
            return view.log_bytes();
        }
        let PartitionContext { disk, dir, .. } = &self.context;
        let files = disk.list(dir).unwrap_or_default();
        let logs = files.iter().filter(|file| base_offset_of(&file.name, ".log").is_some());
        logs.map(|file| disk.len(&dir.join(&file.name)).unwrap_or(0)).sum()
    }

    /// Returns the partition's directory and its disk.
    pub(crate) fn disk_and_dir(&self) -> (&Arc<dyn Disk>, &Path) {
        (&self.context.disk, &self.context.dir)
    }

    /// Returns its pending requests for deferred work.
    pub fn pending_work(&self) -> &PendingWork<Partition> {
        &self.pending_work
    }

    /// Returns true if nothing is on the disk yet, so that there is no reason to open the log just
    /// to read it.
    pub fn is_unused(&self) -> bool {
        let state = self.log();
        if !matches!(*state, LogState::Closed) {
            return false;
        }
        if !self.is_known_missing() {
            let exists = self.context.disk.exists(&self.context.dir);
            self.is_missing.store(!exists, Ordering::Relaxed);
        }
        self.is_known_missing()
    }

    /// Returns true if it is known, without asking the disk, that nothing is on it.
    pub(super) fn is_known_missing(&self) -> bool {
        self.is_missing.load(Ordering::Relaxed)
    }

    /// Returns recovery point, end offset and log start offset, for the checkpoints; `None` while
    /// the log has not been opened: the existing checkpoints are still valid.
    pub fn checkpoint(&self) -> Option<(Offset, Offset, Offset)> {
        match &*self.log() {
            LogState::Open(log) => {
                let view = log.view();
                Some((log.recovery_point(), view.end_offset, view.log_start_offset))
            }
            _ => None,
        }
    }
}
