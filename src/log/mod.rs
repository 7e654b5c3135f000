//! One partition's log: append, read, roll, flush. One owner, no locks, no async.
//!
//! **Invariant:** nothing in memory runs ahead of the disk: stage, write, commit.
//!
//! **Invariant:** after a failed write or sync the log rejects appends until it is opened again;
//! recovery cuts what the failure left. Only if a write failed for lack of space is the log
//! restored to its previous state and remains usable.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Now;
use crate::config::resolve::TopicConfig;
use crate::log::aborted_index::aborted;
use crate::log::admit::{Admitted, Rewrite};
use crate::log::end_txn::{EndTxn, EndTxnMarker};
use crate::log::epochs::LeaderEpochs;
use crate::log::producer::ProducerError;
use crate::log::producers::{Producers, Staged};
use crate::log::recovery::{Active, RecoveryCheckpoint};
use crate::log::unsynced::UnsyncedBytes;
use crate::log::verification::{TxnCheck, Verification, Verifications};
use crate::log::view::{SegmentView, View};
use crate::storage::batch::{BatchView, HEAD_BYTES, Header};
use crate::storage::disk::{Disk, is_full};
use crate::types::{Offset, TopicPartition};

pub mod aborted_index;
pub mod admit;
pub mod compaction;
pub mod disk_space;
pub mod end_txn;
pub mod epochs;
pub mod flush;
pub mod producer;
pub mod producers;
pub mod recompress;
pub mod recovery;
pub mod retention;
pub mod rewrite;
mod roll;
pub mod scrub;
mod snapshots;
pub mod together;
pub mod truncation;
mod unsynced;
pub mod verification;
pub mod view;

/// Interval of the check for expired producers: Kafka's `producer.id.expiration.check.interval.ms`.
const PRODUCERS_CHECK_MS: i64 = 600_000;

/// Bytes reserved in addition to the requested ones.
const RESERVED_AT_ONCE: u64 = 64 * 1024;

/// Why a batch was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Sequence number, epoch or transaction do not match.
    #[error(transparent)]
    Producer(#[from] ProducerError),
    /// The disk has failed, now or before; appends are rejected until the next start.
    #[error("the partition is offline: {0}")]
    Offline(String),
    /// The disk is full. The log is unchanged.
    #[error("the disk is full: {0}")]
    Full(String),
}

impl AppendError {
    /// Returns a copy of the error, for other batches that it affects.
    pub fn again(&self) -> AppendError {
        match self {
            AppendError::Producer(error) => AppendError::Producer(*error),
            AppendError::Offline(why) => AppendError::Offline(why.clone()),
            AppendError::Full(why) => AppendError::Full(why.clone()),
        }
    }
}

/// Where a batch was appended. A duplicate is not an error: it is answered with the location of the
/// original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendInfo {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// One past its last record.
    pub end_offset: Offset,
    /// The time of the append, if the topic uses LogAppendTime.
    pub append_time: Option<i64>,
    /// Bytes written; none for a duplicate.
    pub bytes: u64,
    /// The first offset that can be read.
    pub log_start_offset: Offset,
}

/// One partition's log.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    config: Arc<TopicConfig>,
    sealed: Arc<[SegmentView]>,
    active: Active,
    producers: Producers,
    verifications: Verifications,
    epochs: LeaderEpochs,
    log_start_offset: Offset,
    end_offset: Offset,
    recovery_point: Offset,
    unsynced: UnsyncedBytes,
    created_wall_ms: i64,
    /// Append time of the oldest record that is not known to be durable; monotonic.
    unflushed_since_ms: i64,
    /// Time of the last check for expired producers, ms since 1970.
    expired_wall_ms: i64,
    offline: Option<String>,
    /// Compaction is replacing files: no segment may be removed meanwhile.
    is_swapping: bool,
    /// The indexes of segments that end below this offset are durable.
    indexes_durable_below: Offset,
    /// Space in the active segment's file is reserved up to here, in bytes.
    reserved_to: u64,
    /// True if bytes after the end of the active segment were cut off.
    is_cut: bool,
    /// True until the first flush, which makes the directory's own name durable as well. It may
    /// still not be durable if the process was killed before that flush.
    is_new: bool,
}

impl Log {
    /// Opens a partition's directory, creating it if it is missing.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        config: Arc<TopicConfig>,
        known: RecoveryCheckpoint,
        now: Now,
    ) -> io::Result<Log> {
        Log::open_unless(disk, dir, config, known, now, &|| false)
    }

    /// Opens a directory as [`Log::open`] does, but breaks off with an error soon after `gives_up`
    /// returns true.
    pub fn open_unless(
        disk: Arc<dyn Disk>,
        dir: &Path,
        config: Arc<TopicConfig>,
        mut known: RecoveryCheckpoint,
        now: Now,
        gives_up: &dyn Fn() -> bool,
    ) -> io::Result<Log> {
        if !disk.exists(dir) {
            disk.create_dir(dir)?;
            // What is known is of an earlier topic of the same name.
            (known.recovery_point, known.log_start_offset) = (0, 0);
        }
        let epochs = LeaderEpochs::open(disk.as_ref(), dir, known.recovery_point > 0)?;
        let recovered = recovery::recover(&disk, dir, known, now, gives_up)?;
        let first = recovered.sealed.first().map_or(&recovered.active.segment, |s| &s.segment);
        let log_start_offset = known.log_start_offset.max(first.base_offset);
        let end_offset = recovered.end_offset.max(log_start_offset);
        let unsynced = if known.clean { 0 } else { recovered.active.log_bytes };
        Ok(Log {
            dir: dir.to_owned(),
            sealed: recovered.sealed.into(),
            active: recovered.active,
            producers: recovered.producers,
            verifications: Verifications::default(),
            epochs: epochs.up_to(end_offset),
            log_start_offset,
            end_offset,
            recovery_point: known.recovery_point.min(recovered.end_offset),
            unsynced: UnsyncedBytes::of(unsynced, now.mono_ms),
            created_wall_ms: now.wall_ms,
            unflushed_since_ms: now.mono_ms,
            expired_wall_ms: 0,
            offline: None,
            is_swapping: false,
            indexes_durable_below: match known.clean {
                true => end_offset + 1,
                false => known.recovery_point,
            },
            reserved_to: 0,
            is_cut: false,
            is_new: known.recovery_point == 0,
            disk,
            config,
        })
    }

    /// Continues in this leader epoch, unless a later one has begun.
    ///
    /// # Errors
    /// The epoch cannot be written.
    pub fn begin_epoch(&mut self, epoch: i32) -> io::Result<()> {
        if let Some(epochs) = self.epochs.with(epoch, self.end_offset) {
            epochs.write(self.disk.as_ref(), &self.dir, !self.is_new)?;
            self.epochs = epochs;
        }
        Ok(())
    }

    /// Appends a batch accepted by `admit`, whatever transaction it belongs to.
    pub fn append(&mut self, now: Now, admitted: &Admitted<'_>) -> Result<AppendInfo, AppendError> {
        self.append_checked(now, admitted, TxnCheck::Unneeded)
    }

    /// Appends a batch accepted by `admit`; `check` is what is known about its transaction.
    ///
    /// Stages the producer; rolls if the batch does not fit; writes, the only step that can fail
    /// halfway; commits the producer, updates the indexes, advances the end.
    pub fn append_checked(
        &mut self,
        now: Now,
        admitted: &Admitted<'_>,
        check: TxnCheck,
    ) -> Result<AppendInfo, AppendError> {
        if let Some(why) = &self.offline {
            return Err(AppendError::Offline(why.clone()));
        }
        self.expire_producers(now);
        let header = &admitted.batch.header;
        if let Staged::Duplicate { base_offset, last_offset, timestamp } =
            self.producers.stage(header, check, &self.verifications)?
        {
            return Ok(AppendInfo {
                base_offset,
                end_offset: last_offset + 1,
                append_time: Some(timestamp),
                bytes: 0,
                log_start_offset: self.log_start_offset,
            });
        }
        self.write(now, admitted, None).map_err(|error| self.refuse(&error))
    }

    /// Begins to verify that the transaction of a batch is one that the coordinator knows.
    /// `bumps_epoch` is true if every transaction of the producer has its own epoch.
    ///
    /// # Errors
    /// A newer epoch of the producer is known.
    pub fn begin_verification(
        &mut self,
        now: Now,
        header: &Header,
        bumps_epoch: bool,
    ) -> Result<Verification, ProducerError> {
        if !self.producers.needs_verification(header)? {
            return Ok(Verification::Ongoing);
        }
        let most = self.config.producers_max;
        let guard = self.verifications.begin(header, bumps_epoch, now.wall_ms, most);
        Ok(Verification::Needed(guard))
    }

    /// Appends the end of a producer's transaction, whether or not it is open in this partition.
    ///
    /// # Errors
    /// The producer or the coordinator is out of date, or the log cannot take the marker.
    pub fn append_marker(&mut self, now: Now, end: &EndTxn) -> Result<AppendInfo, AppendError> {
        if let Some(why) = &self.offline {
            return Err(AppendError::Offline(why.clone()));
        }
        self.expire_producers(now);
        self.producers.stage_marker(end)?;
        let bytes = end.batch(self.config.timestamp_type, now.wall_ms);
        let batch = BatchView::first(&bytes)
            .ok_or_else(|| AppendError::Offline("the marker is invalid".to_owned()))?;
        let max_timestamp = batch.header.max_timestamp;
        let admitted = Admitted { batch, max_timestamp, rewrite: Rewrite::AsItCame };
        self.write(now, &admitted, Some(end.marker)).map_err(|error| self.refuse(&error))
    }

    /// Writes a batch and commits it; `marker` is what it records if it is a control batch.
    fn write(
        &mut self,
        now: Now,
        admitted: &Admitted<'_>,
        marker: Option<EndTxnMarker>,
    ) -> io::Result<AppendInfo> {
        self.begin_unflushed(now);
        let rewritten;
        let batch = match admitted.rewrite {
            Rewrite::AsItCame => admitted.batch,
            Rewrite::MaxTimestamp | Rewrite::LogAppendTime => {
                rewritten = rewrite::rewritten(admitted, now.wall_ms);
                BatchView::first(&rewritten).ok_or(io::ErrorKind::InvalidData)?
            }
        };
        let mut header = batch.header;
        header.base_offset = self.end_offset;
        let bytes = batch.bytes.len() as u64;
        if self.roll_is_due(now, (bytes, 0), header.last_offset(), header.max_timestamp) {
            self.roll(now)?;
        }
        let head = batch.placed_at(header.base_offset, self.epochs.current());
        self.put(&head, &batch.bytes[HEAD_BYTES..])?;
        self.commit(now, &header, bytes, marker)
    }

    /// Notes when the first batch is written that has not been flushed.
    fn begin_unflushed(&mut self, now: Now) {
        if self.unflushed() == 0 {
            self.unflushed_since_ms = now.mono_ms;
        }
    }

    /// Commits a batch that has been written at the end.
    fn commit(
        &mut self,
        now: Now,
        header: &Header,
        bytes: u64,
        marker: Option<EndTxnMarker>,
    ) -> io::Result<AppendInfo> {
        let (last, latest) = (header.last_offset(), header.max_timestamp);
        self.active.note(last, latest, bytes, self.config.index_interval_bytes).map_err(fatal)?;
        self.verifications.appended(header);
        let completed = self.producers.replay(header, marker, now.wall_ms);
        if let Some(txn) = completed.and_then(|completed| aborted(&completed)) {
            self.active.segment.aborted().and_then(|index| index.push(&txn)).map_err(fatal)?;
        }
        self.producers.forget_beyond(self.config.producers_max);
        self.end_offset = header.end_offset();
        self.unsynced.add(bytes, now.mono_ms);
        Ok(AppendInfo {
            base_offset: header.base_offset,
            end_offset: self.end_offset,
            append_time: header.is_log_append_time().then_some(header.max_timestamp),
            bytes,
            log_start_offset: self.log_start_offset,
        })
    }

    /// Writes at the end. If there is not enough space, removes what was written.
    fn put(&mut self, head: &[u8], rest: &[u8]) -> io::Result<()> {
        let (log, end) = (self.active.segment.log()?, self.active.log_bytes);
        match log.write_at(head, rest, end) {
            Err(error) if is_full(&error) => {
                self.reserved_to = 0;
                self.is_cut = true;
                Err(log.truncate(end).err().map_or(error, fatal))
            }
            written => written,
        }
    }

    /// Reserves space for `bytes` at the end, and some more, so as not to do this for every batch.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), AppendError> {
        let end = self.active.log_bytes;
        if end + bytes <= self.reserved_to {
            return Ok(());
        }
        let wanted = bytes + RESERVED_AT_ONCE;
        let kept = self.active.segment.log().and_then(|log| log.reserve(end, wanted));
        kept.map_err(|error| self.refuse(&error))?;
        self.reserved_to = end + wanted;
        Ok(())
    }

    /// Returns the error to report for an error of the disk. If the disk is full the log stays
    /// usable, else it goes offline.
    pub fn refuse(&mut self, error: &io::Error) -> AppendError {
        if is_full(error) {
            return AppendError::Full(format!("{}: {error}", self.dir.display()));
        }
        AppendError::Offline(self.fail(error))
    }

    /// Takes the log offline: the disk has failed, and it is unknown what was written. Returns the
    /// reason.
    pub fn fail(&mut self, error: &io::Error) -> String {
        let why = format!("{}: {error}", self.dir.display());
        let id = TopicPartition::of_dir(&self.dir);
        let (topic, partition) = id.map(|id| (id.topic, id.partition)).unzip();
        tracing::error!(topic, partition, dir = %self.dir.display(), %error,
            "the partition is offline until the broker restarts");
        self.offline = Some(why.clone());
        why
    }

    /// Returns why the log is offline, if it is.
    pub fn offline(&self) -> Option<&str> {
        self.offline.as_deref()
    }

    /// Returns the current view for readers.
    pub fn view(&self) -> View {
        let active =
            SegmentView { segment: self.active.segment.clone(), log_bytes: self.active.log_bytes };
        View {
            sealed: self.sealed.clone(),
            active,
            log_start_offset: self.log_start_offset,
            end_offset: self.end_offset,
            epochs: self.epochs.clone(),
            last_stable_offset: self.last_stable_offset(),
        }
    }

    /// Returns the last stable offset: the first offset of the oldest open transaction, or the end.
    /// If DeleteRecords or retention has removed the first records of the transaction, it is the
    /// log start offset, as in Kafka.
    pub fn last_stable_offset(&self) -> Offset {
        let first_unstable = self.producers.first_unstable_offset();
        first_unstable.map_or(self.end_offset, |offset| offset.max(self.log_start_offset))
    }

    /// Replaces the topic's configuration.
    pub fn set_config(&mut self, config: Arc<TopicConfig>) {
        self.config = config;
    }

    /// Returns the topic's configuration.
    pub fn config(&self) -> &TopicConfig {
        &self.config
    }

    /// Forgets the producers that have been inactive longest, until `keep` are left.
    pub fn forget_producers(&mut self, keep: usize) {
        self.producers.keep(keep);
    }

    /// Returns the state of the idempotent producers.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// Forgets producers that have been inactive for `producer.id.expiration.ms`. Checked on
    /// appends, because nothing else increases their number.
    fn expire_producers(&mut self, now: Now) {
        let expiration_ms = self.config.producer_id_expiration_ms;
        if now.wall_ms - self.expired_wall_ms >= expiration_ms.min(PRODUCERS_CHECK_MS) {
            self.expired_wall_ms = now.wall_ms;
            self.producers.expire(now.wall_ms, expiration_ms);
            self.verifications.expire(now.wall_ms, expiration_ms);
        }
    }

    /// Writes indexes and the snapshot, and syncs, for a clean shutdown. When many logs of one data
    /// directory are closed, the caller passes `false` and makes the names of their directories
    /// durable with one sync of the data directory.
    pub fn close(&mut self, with_own_name: bool) -> io::Result<()> {
        if let Some(why) = &self.offline {
            return Err(io::Error::other(why.clone()));
        }
        self.write_snapshot()?;
        recovery::seal(&self.active)?;
        // The next start trusts all indexes, even if the power fails in between.
        if self.unflushed() > 0 || self.end_offset >= self.indexes_durable_below {
            let mut flush = self.flush_to(self.end_offset, Some(self.active.segment.clone()));
            flush.with_own_name &= with_own_name;
            flush.with_active_indexes = true;
            flush.run()?;
            self.flushed(&flush);
        }
        Ok(())
    }
}

/// Returns an error after which the log cannot continue, whatever the kind of `error`.
fn fatal(error: io::Error) -> io::Error {
    io::Error::other(error.to_string())
}
