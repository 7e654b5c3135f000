//! A log that is shared between tasks: its state, opening it, and the view of it for readers. The
//! only lock around a log is in this file; `append.rs`, `flush.rs`, `lifecycle.rs`, `retention.rs`,
//! `compaction.rs` and `scrub.rs` have what is done with it.
//!
//! **Invariant:** `log` is held for one append and never across an await; `view` is held to clone
//! or replace a value, and is the only lock that may be taken under `log`. `compacting` is held for
//! a whole pass of the cleaner, which takes `log` briefly in between.
//!
//! A log is opened on first use, so that a start costs nothing per partition.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, MutexGuard};

use tokio::sync::Mutex as AsyncMutex;

use crate::clock::Clock;
use crate::config::resolve::TopicConfig;
use crate::log::Log;
use crate::log::disk_space::DiskSpace;
use crate::log::recovery::RecoveryCheckpoint;
use crate::log::view::View;
use crate::storage::checkpoint::{PARTITION_METADATA, identify};
use crate::storage::disk::{Disk, is_full};
use crate::sync::{Mutex, RwLock};
use crate::topics::error::Unavailable;
use crate::topics::maintenance::{MaintenanceQueue, PendingWork};
use crate::topics::producer_count::{CountedProducers, ProducerCount};
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
}

/// The state of a partition's log.
#[derive(Debug)]
pub(super) enum LogState {
    /// Not opened yet.
    Closed,
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

    /// Returns the log, opened if it was not.
    pub(super) fn opened<'a>(&self, state: &'a mut LogState) -> Result<&'a mut Log, Unavailable> {
        if let LogState::Closed = state {
            let PartitionContext { disk, dir, checkpoint: known, clock, .. } = &self.context;
            let opened = Log::open(disk.clone(), dir, self.config(), *known, clock.now());
            let opened = opened.and_then(|mut log| {
                self.identify()?;
                log.begin_epoch(self.context.leader_epoch)?;
                Ok(log)
            });
            *state = match opened {
                Ok(mut log) => {
                    self.count_producers(&mut log);
                    self.publish(&log);
                    LogState::Open(Box::new(log))
                }
                Err(error) if is_full(&error) => {
                    let why = format!("{}: {error}", dir.display());
                    self.context.disk_space.on_full(clock.now(), &why);
                    return Err(Unavailable::Full(why));
                }
                Err(error) => {
                    tracing::error!(topic = self.id.topic, partition = self.id.partition,
                        %error, "could not open the log");
                    LogState::Failed(error.to_string())
                }
            };
        }
        match state {
            LogState::Open(log) => Ok(log),
            LogState::Failed(why) => Err(Unavailable::Offline(why.clone())),
            LogState::Closed | LogState::Deleted => Err(Unavailable::Deleted),
        }
    }

    /// Writes the topic's id to the log's directory, or checks the one that is there.
    fn identify(&self) -> io::Result<()> {
        let disk = self.context.disk.as_ref();
        let path = self.context.dir.join(PARTITION_METADATA);
        let RecoveryCheckpoint { clean, recovery_point, .. } = self.context.checkpoint;
        // Before the first flush a power loss may have left any part of it.
        let may_be_torn = !clean && recovery_point == 0;
        identify(disk, &path, self.topic_id, may_be_torn, recovery_point > 0)
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
        let mut state = self.log();
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

    /// Returns the current view for readers.
    pub fn view(&self) -> Result<View, Unavailable> {
        if let Some(view) = self.open_view() {
            return Ok(view);
        }
        Ok(self.opened(&mut self.log())?.view())
    }

    /// Opens the log now; a start does this after a crash.
    pub fn open(&self) -> Result<(), Unavailable> {
        self.opened(&mut self.log()).map(|_| ())
    }

    /// Returns true if it is offline. Does not open the log.
    pub fn is_offline(&self) -> bool {
        match &*self.log() {
            LogState::Open(log) => log.offline().is_some(),
            LogState::Failed(_) => true,
            LogState::Closed | LogState::Deleted => false,
        }
    }

    /// Runs `work` on the open log, under its lock; readers see the result at once.
    pub(crate) fn with_log<T>(&self, work: impl FnOnce(&mut Log) -> T) -> Result<T, Unavailable> {
        let mut state = self.log();
        let log = self.opened(&mut state)?;
        let outcome = work(log);
        self.publish(log);
        Ok(outcome)
    }

    /// Returns the bytes of its log files; 0 if it was never used or cannot be opened.
    pub fn log_bytes(&self) -> u64 {
        let mut state = self.log();
        if self.was_never_used(&state) {
            return 0;
        }
        self.opened(&mut state).map_or(0, |log| log.view().log_bytes())
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
        self.was_never_used(&self.log())
    }

    fn was_never_used(&self, state: &LogState) -> bool {
        matches!(state, LogState::Closed) && !self.context.disk.exists(&self.context.dir)
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
