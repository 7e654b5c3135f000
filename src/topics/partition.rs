//! A log that is shared between tasks. The only lock around a log is in this file.
//!
//! **Invariant:** `log` is held for one append and never across an await; `view` is held to clone
//! or replace a value, and is the only lock that may be taken under `log`. `compacting` is held for
//! a whole pass of the cleaner, which takes `log` briefly in between.
//!
//! A log is opened on first use, so that a start costs nothing per partition.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, MutexGuard};

use tokio::sync::Mutex as AsyncMutex;

use crate::clock::{Clock, Now};
use crate::config::resolve::TopicConfig;
use crate::log::admit::{AdmitRules, Admitted, Rewrite, admit};
use crate::log::disk_space::DiskSpace;
use crate::log::flush::Flush;
use crate::log::recompress;
use crate::log::recovery::RecoveryCheckpoint;
use crate::log::view::View;
use crate::log::{AppendError, AppendInfo, Log};
use crate::storage::batch::{BatchView, Header};
use crate::storage::checkpoint::{PARTITION_METADATA, identify};
use crate::storage::disk::{Disk, is_full};
use crate::sync::{Mutex, RwLock};
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::maintenance::{MaintenanceQueue, PendingWork};
use crate::topics::producer_count::{CountedProducers, ProducerCount};
use crate::topics::waiters::Waiters;
use crate::types::{Offset, TopicId, TopicPartition};

/// An append that takes longer was delayed by the disk, ms.
const STALL_MS: i64 = 20;
/// Number of fast appends in a row after which the disk is trusted again.
const CAUTIOUS_APPENDS: u32 = 64;

/// What a partition needs from its surroundings.
#[derive(Debug, Clone)]
pub struct PartitionContext {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The partition's directory.
    pub dir: PathBuf,
    /// The checkpoints of the partition.
    pub checkpoint: RecoveryCheckpoint,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The queue for deferred work.
    pub maintenance: MaintenanceQueue<Partition>,
    /// Whether the disk is full.
    pub disk_space: Arc<DiskSpace>,
    /// The number of producers of all partitions.
    pub producers: Arc<ProducerCount>,
}

#[derive(Debug)]
enum LogState {
    Closed,
    Open(Box<Log>),
    Failed(String),
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
    context: PartitionContext,
    log: Mutex<LogState>,
    view: RwLock<Option<View>>,
    /// Held by the task that syncs; the tasks that wait for it are all served by the next sync.
    flush_lock: AsyncMutex<Offset>,
    pending_work: PendingWork<Partition>,
    /// Held while the log is compacted (one pass at a time), closed or deleted.
    compacting: Mutex<()>,
    /// Set to make a running compaction break off.
    is_closing: AtomicBool,
    /// The number of its producers that are counted.
    producers: CountedProducers,
    /// Number of appends still to be made on a blocking thread, because the disk has stalled.
    cautious: AtomicU32,
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

    fn log(&self) -> MutexGuard<'_, LogState> {
        self.log.lock_or_poisoned().unwrap_or_else(|mut state| {
            // A panic under the lock may have left the log in an inconsistent state.
            *state = LogState::Failed("a panic interrupted an earlier append".to_owned());
            state
        })
    }

    fn opened<'a>(&self, state: &'a mut LogState) -> Result<&'a mut Log, Unavailable> {
        if let LogState::Closed = state {
            let PartitionContext { disk, dir, checkpoint: known, clock, .. } = &self.context;
            let opened = Log::open(disk.clone(), dir, self.config(), *known, clock.now())
                .and_then(|log| self.identify().map(|()| log));
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
                    tracing::error!(partition = %self.id, %error, "could not open the log");
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

    fn count_producers(&self, log: &mut Log) {
        let most = log.config().producers_max_in_all;
        self.producers.count(log, &self.context.producers, most);
    }

    fn publish(&self, log: &Log) {
        let view = log.view();
        *self.view.write() = Some(view);
    }

    /// Returns true if these bytes must be recompressed before they are written, which takes long.
    pub fn needs_recompression(&self, records: &[u8]) -> bool {
        Header::read(records)
            .is_some_and(|header| recompress::target_codec(&header, &self.config()).is_some())
    }

    /// Checks a client's bytes and appends them. Checks and recompresses (if `compression.type`
    /// requires it) outside the lock, and writes under it.
    pub fn append(
        self: &Arc<Self>,
        now: Now,
        records: &[u8],
        produce_version: i16,
    ) -> Result<AppendInfo, ProduceError> {
        let config = self.config();
        let admitted = admit(records, &AdmitRules::of(&config, produce_version), now.wall_ms)?;
        let repacked = recompress::recompressed(&admitted, &config, now.wall_ms)?;
        let rewritten = repacked.as_deref().and_then(recompress::view_admitted);
        self.append_admitted(now, &rewritten.unwrap_or(admitted))
    }

    /// Appends a batch that the broker itself has built.
    pub fn append_own(
        self: &Arc<Self>,
        now: Now,
        bytes: &[u8],
    ) -> Result<AppendInfo, ProduceError> {
        let batch = BatchView::first(bytes)
            .ok_or_else(|| Unavailable::Offline("the broker's own batch is invalid".to_owned()))?;
        let max_timestamp = batch.header.max_timestamp;
        self.append_admitted(now, &Admitted { batch, max_timestamp, rewrite: Rewrite::AsItCame })
    }

    fn append_admitted(
        self: &Arc<Self>,
        now: Now,
        admitted: &Admitted<'_>,
    ) -> Result<AppendInfo, ProduceError> {
        let mut state = self.log();
        let log = self.opened(&mut state)?;
        let placed = log.append(now, admitted).inspect_err(|error| {
            if let AppendError::Full(why) = error {
                self.context.disk_space.on_full(now, why);
            }
        })?;
        self.context.disk_space.on_success(now);
        self.count_producers(log);
        self.publish(log);
        let (filled, wanted) = (log.has_unflushed_segments(), log.flush_wanted_mono_ms());
        let compacted = log.is_compacted();
        drop(state);
        if filled {
            self.pending_work.request_segment_flush(self, now.mono_ms);
        }
        if filled && compacted {
            self.pending_work.request_compaction(self);
        }
        if let Some(due) = wanted {
            self.pending_work.request_timed_flush(self, due);
        }
        self.note_append_time(now);
        if !placed.is_duplicate {
            self.waiters.arrived(admitted.batch.bytes.len() as i64);
        }
        Ok(placed)
    }

    /// Notes how long an append took: a disk that stalls would block the thread and all its
    /// clients.
    fn note_append_time(&self, began: Now) {
        if self.context.clock.now().mono_ms - began.mono_ms > STALL_MS {
            self.cautious.store(CAUTIOUS_APPENDS, Ordering::Relaxed);
        } else if self.cautious.load(Ordering::Relaxed) > 0 {
            let less = |left: u32| left.checked_sub(1);
            let _ = self.cautious.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// Returns true if an append should be made on a blocking thread: the disk has stalled, or the
    /// log must be opened first.
    pub fn is_cautious(&self) -> bool {
        self.cautious.load(Ordering::Relaxed) > 0 || !self.is_open()
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

    /// Returns the number of records not known to be durable; 0 if the log is not open.
    pub fn unflushed(&self) -> i64 {
        match &*self.log() {
            LogState::Open(log) => log.unflushed(),
            _ => 0,
        }
    }

    /// Returns once everything below `end` is durable. Callers that arrive while a sync is running
    /// are all served by the next one.
    pub async fn durable(self: &Arc<Self>, end: Offset) -> Result<(), Unavailable> {
        let mut durable_end = self.flush_lock.lock().await;
        if *durable_end >= end {
            return Ok(());
        }
        let partition = self.clone();
        let synced = tokio::task::spawn_blocking(move || partition.flush()).await;
        *durable_end =
            synced.unwrap_or_else(|panic| Err(Unavailable::Offline(panic.to_string())))?;
        Ok(())
    }

    /// Syncs what is not durable yet; returns the offset up to which the log is durable. A failure
    /// takes the partition offline: the kernel may have dropped the pages.
    pub fn flush(&self) -> Result<Offset, Unavailable> {
        self.flush_some(Log::flush_due)
    }

    /// Performs the requested flush: of the whole log if `flush.ms` has passed, else of its full
    /// segments.
    pub fn flush_what_is_due(self: &Arc<Self>, now: Now) -> Result<(), Unavailable> {
        self.pending_work.flush_taken();
        let due = |log: &Log| match log.flush_wanted_mono_ms() {
            Some(due) if due <= now.mono_ms => log.flush_due(),
            _ => log.flush_of_segments_due(),
        };
        if !matches!(*self.log(), LogState::Open(_)) {
            return Ok(());
        }
        self.flush_some(due)?;
        let wanted = match &*self.log() {
            LogState::Open(log) => log.flush_wanted_mono_ms(),
            _ => None,
        };
        if let Some(due) = wanted {
            self.pending_work.request_timed_flush(self, due);
        }
        Ok(())
    }

    fn flush_some(&self, due: impl Fn(&Log) -> Option<Flush>) -> Result<Offset, Unavailable> {
        let flush = {
            let mut state = self.log();
            let log = self.opened(&mut state)?;
            if let Some(why) = log.offline() {
                return Err(Unavailable::Offline(why.to_owned()));
            }
            match due(log) {
                Some(flush) => flush,
                None => return Ok(log.recovery_point()),
            }
        };
        let outcome = flush.run();
        let mut state = self.log();
        let log = self.opened(&mut state)?;
        match outcome {
            Ok(()) => {
                log.flushed(&flush);
                Ok(flush.up_to)
            }
            Err(error) => Err(Unavailable::Offline(log.fail(&error))),
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

    /// Requests a checkpoint, because its log start offset has not been saved.
    pub fn ask_for_checkpoint(self: &Arc<Self>) {
        self.pending_work.request_segment_flush(self, self.context.clock.now().mono_ms);
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

    /// Takes the lock for replacing the log's files; `None` if it is held, or the partition is
    /// being closed or deleted.
    pub(crate) fn begin_compacting(&self) -> Option<MutexGuard<'_, ()>> {
        let right = self.compacting.try_lock()?;
        (!self.is_closing()).then_some(right)
    }

    /// Returns true once the partition is being closed or deleted: a compaction must break off
    /// soon.
    pub fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Prevents further compaction, and waits for the one in progress.
    fn end_compacting(&self) {
        self.is_closing.store(true, Ordering::Release);
        drop(self.compacting.lock());
    }

    /// Writes and syncs everything except the name of its directory, which saving the checkpoints
    /// afterwards makes durable for all; returns true if the log needs no recovery at the next
    /// start.
    pub fn close(&self) -> bool {
        self.end_compacting();
        match &mut *self.log() {
            LogState::Open(log) => log
                .close(false)
                .inspect_err(|error| {
                    tracing::error!(partition = %self.id, %error, "could not close the log");
                })
                .is_ok(),
            LogState::Closed | LogState::Deleted => true,
            LogState::Failed(_) => false,
        }
    }

    /// Rejects further use, wakes the waiters, and renames the directory. Returns its new path, to
    /// be removed later; `None` if there is none, or no space for another name: then it is removed
    /// at once.
    ///
    /// # Errors
    /// An error from the disk: the directory is unchanged.
    pub fn delete(&self) -> io::Result<Option<PathBuf>> {
        self.end_compacting();
        let mut state = self.log();
        *state = LogState::Deleted;
        self.producers.end(&self.context.producers);
        *self.view.write() = None;
        let PartitionContext { disk, dir, .. } = &self.context;
        let name = format!("{}.{:032x}-delete", self.id, uuid::Uuid::new_v4().as_u128());
        let aside = dir.with_file_name(name.get(name.len().saturating_sub(255)..).unwrap_or(&name));
        let outcome = match disk.exists(dir).then(|| disk.rename(dir, &aside)) {
            None => Ok(None),
            Some(Ok(())) => Ok(Some(aside)),
            Some(Err(error)) if is_full(&error) => disk.remove_dir(dir).map(|()| None),
            Some(Err(error)) => Err(error),
        };
        drop(state);
        self.waiters.changed();
        outcome
    }
}
