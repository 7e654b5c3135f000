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
use crate::log::admit::{Admitted, Rewrite};
use crate::log::flush::Flush;
use crate::log::producers::{ProducerError, Producers, Staged};
use crate::log::recovery::{Active, RecoveryCheckpoint};
use crate::log::view::{SegmentView, View};
use crate::storage::batch::{BatchView, HEAD_BYTES};
use crate::storage::checkpoint::{self, LEADER_EPOCHS};
use crate::storage::disk::{Disk, is_full, replace, replace_for_now};
use crate::storage::segment::{Segment, base_offset_of, file_name};
use crate::storage::snapshot;
use crate::types::{Offset, TopicPartition};

pub mod admit;
pub mod compaction;
pub mod disk_space;
pub mod flush;
pub mod producers;
pub mod recompress;
pub mod recovery;
pub mod retention;
pub mod rewrite;
pub mod scrub;
pub mod truncation;
pub mod view;

/// The only leader epoch on a single node; stamped on every batch.
pub const LEADER_EPOCH: i32 = 0;

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
    /// True if nothing was written.
    pub is_duplicate: bool,
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
    log_start_offset: Offset,
    end_offset: Offset,
    recovery_point: Offset,
    created_wall_ms: i64,
    /// Append time of the oldest record that is not known to be durable; monotonic.
    unflushed_since_ms: i64,
    /// Time of the last check for expired producers, ms since 1970.
    expired_wall_ms: i64,
    offline: Option<String>,
    /// Compaction is replacing files: no segment may be removed meanwhile.
    is_swapping: bool,
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
        if !disk.exists(dir) {
            disk.create_dir(dir)?;
        }
        let epochs = dir.join(LEADER_EPOCHS);
        // Before the first flush a power loss may have left any part of it.
        let was_flushed = known.clean || known.recovery_point > 0;
        let is_whole = || was_flushed || checkpoint::read_epochs(disk.as_ref(), &epochs).is_ok();
        if !disk.exists(&epochs) || !is_whole() {
            checkpoint::write_epochs(
                disk.as_ref(),
                &epochs,
                &[(LEADER_EPOCH, 0)],
                known.recovery_point > 0,
            )?;
        }
        let recovered = recovery::recover(&disk, dir, known, now)?;
        let first = recovered.sealed.first().map_or(&recovered.active.segment, |s| &s.segment);
        let log_start_offset = known.log_start_offset.max(first.base_offset);
        Ok(Log {
            dir: dir.to_owned(),
            sealed: recovered.sealed.into(),
            active: recovered.active,
            producers: recovered.producers,
            log_start_offset,
            end_offset: recovered.end_offset.max(log_start_offset),
            recovery_point: known.recovery_point.min(recovered.end_offset),
            created_wall_ms: now.wall_ms,
            unflushed_since_ms: now.mono_ms,
            expired_wall_ms: 0,
            offline: None,
            is_swapping: false,
            reserved_to: 0,
            is_cut: false,
            is_new: known.recovery_point == 0,
            disk,
            config,
        })
    }

    /// Appends a batch accepted by `admit`.
    ///
    /// Stages the producer; rolls if the batch does not fit; writes, the only step that can fail
    /// halfway; commits the producer, updates the indexes, advances the end.
    pub fn append(&mut self, now: Now, admitted: &Admitted<'_>) -> Result<AppendInfo, AppendError> {
        if let Some(why) = &self.offline {
            return Err(AppendError::Offline(why.clone()));
        }
        self.expire_producers(now);
        let header = &admitted.batch.header;
        if let Staged::Duplicate { base_offset, last_offset, timestamp } =
            self.producers.stage(header, true)?
        {
            return Ok(AppendInfo {
                base_offset,
                end_offset: last_offset + 1,
                append_time: Some(timestamp),
                is_duplicate: true,
                log_start_offset: self.log_start_offset,
            });
        }
        if self.unflushed() == 0 {
            self.unflushed_since_ms = now.mono_ms;
        }
        self.write(now, admitted).map_err(|error| self.refuse(&error))
    }

    fn write(&mut self, now: Now, admitted: &Admitted<'_>) -> io::Result<AppendInfo> {
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
        if self.roll_is_due(now, bytes, header.last_offset(), header.max_timestamp) {
            self.roll(now)?;
        }
        let head = batch.placed_at(header.base_offset, LEADER_EPOCH);
        self.put(&head, &batch.bytes[HEAD_BYTES..])?;
        let (last, latest) = (header.last_offset(), header.max_timestamp);
        self.active.note(last, latest, bytes, self.config.index_interval_bytes).map_err(fatal)?;
        self.producers.commit(&header, now.wall_ms);
        self.producers.forget_beyond(self.config.producers_max);
        self.end_offset = header.end_offset();
        Ok(AppendInfo {
            base_offset: header.base_offset,
            end_offset: self.end_offset,
            append_time: header.is_log_append_time().then_some(header.max_timestamp),
            is_duplicate: false,
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

    /// Returns true if a new segment is due before the batch, as Kafka's LogSegment.shouldRoll: by
    /// size, by age since the first batch, because the index is full, or because the offset is too
    /// far from the base.
    fn roll_is_due(&self, now: Now, bytes: u64, last_offset: Offset, timestamp: i64) -> bool {
        let active = &self.active;
        if active.log_bytes == 0 {
            return false;
        }
        let age = match active.first_timestamp {
            Some(first) if first >= 0 => timestamp.saturating_sub(first),
            _ => now.wall_ms - self.created_wall_ms,
        };
        let index_entries_max = (self.config.segment_index_bytes / 8).max(1) as usize;
        active.log_bytes + bytes > self.config.segment_bytes as u64
            || age > self.segment_ms()
            || active.segment.offsets().is_ok_and(|i| i.len() >= index_entries_max)
            || last_offset - active.segment.base_offset > i64::from(i32::MAX)
    }

    /// Seals the active segment and begins the next one at the end offset.
    pub fn roll(&mut self, now: Now) -> io::Result<()> {
        self.write_snapshot()?;
        recovery::seal(&self.active)?;
        self.begin_segment(now)
    }

    fn begin_segment(&mut self, now: Now) -> io::Result<()> {
        if std::mem::take(&mut self.is_cut) {
            // What was cut off must not reappear before the next segment.
            self.active.segment.log()?.sync().map_err(fatal)?;
        }
        if self.is_new {
            // A power loss must not keep a later segment's name but lose the first one's.
            self.disk.sync_dir(&self.dir).map_err(fatal)?;
        }
        let next = Segment::create(self.disk.clone(), &self.dir, self.end_offset)?;
        let sealed =
            SegmentView { segment: self.active.segment.clone(), log_bytes: self.active.log_bytes };
        self.sealed = self.sealed.iter().cloned().chain([sealed]).collect();
        self.active = Active::empty(next);
        self.reserved_to = 0;
        self.created_wall_ms = now.wall_ms;
        Ok(())
    }

    /// Saves the producer state at the end offset. Removes older snapshots except the newest one of
    /// durable records, all after it, and the newest one before this: whatever is lost of the log
    /// or of this file, one of them is usable.
    fn write_snapshot(&mut self) -> io::Result<()> {
        let path = self.dir.join(file_name(self.end_offset, "snapshot"));
        match self.producers.is_empty() {
            true => self.write_empty_snapshot(&path)?,
            false => {
                let entries = snapshot::encode(&self.producers.to_entries());
                replace(self.disk.as_ref(), &path, &entries)?;
            }
        }
        let names = self.disk.list(&self.dir)?;
        let mut older: Vec<Offset> =
            names.iter().filter_map(|e| base_offset_of(&e.name, ".snapshot")).collect();
        older.retain(|offset| *offset < self.end_offset);
        older.sort_unstable();
        let durable = older.partition_point(|offset| *offset <= self.recovery_point);
        older.truncate(durable.saturating_sub(1));
        for offset in older {
            self.disk.remove_file(&self.dir.join(file_name(offset, "snapshot")))?;
        }
        Ok(())
    }

    /// Writes a snapshot without producers: without any, the next opening would have to read the
    /// whole log. That is the only cost of losing it, so it is not synced, and may fail for lack of
    /// space.
    fn write_empty_snapshot(&self, path: &Path) -> io::Result<()> {
        if self.end_offset == self.log_start_offset || self.disk.exists(path) {
            return Ok(());
        }
        match replace_for_now(self.disk.as_ref(), path, &snapshot::encode(&[])) {
            Err(error) if is_full(&error) => Ok(()),
            written => written,
        }
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
            last_stable_offset: self.producers.first_unstable_offset().unwrap_or(self.end_offset),
        }
    }

    /// Returns the number of records that are not known to be durable.
    pub fn unflushed(&self) -> i64 {
        self.end_offset - self.recovery_point
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

    /// Returns the offset up to which the log is known to be durable.
    pub fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// Returns true if a filled segment is not known to be durable.
    pub fn has_unflushed_segments(&self) -> bool {
        self.active.segment.base_offset > self.recovery_point
    }

    /// Returns true if the batch at `base_offset` is the first one after a filled segment.
    pub fn follows_filled_segment(&self, base_offset: Offset) -> bool {
        self.active.segment.base_offset == base_offset && !self.sealed.is_empty()
    }

    /// Returns the time at which `flush.ms` is due, on the monotonic clock; `None` if it is not set
    /// or everything is durable.
    pub fn flush_wanted_mono_ms(&self) -> Option<i64> {
        let flush_ms = Some(self.config.flush_ms).filter(|ms| *ms != i64::MAX)?;
        (self.unflushed() > 0).then(|| self.unflushed_since_ms.saturating_add(flush_ms))
    }

    /// Returns the sync that makes everything durable; `None` if everything is.
    pub fn flush_due(&self) -> Option<Flush> {
        let active = Some(self.active.segment.clone());
        (self.unflushed() > 0).then(|| self.flush_to(self.end_offset, active))
    }

    /// Returns the sync that makes the sealed segments durable; `None` if they are.
    pub fn flush_of_segments_due(&self) -> Option<Flush> {
        let up_to = self.active.segment.base_offset;
        self.has_unflushed_segments().then(|| self.flush_to(up_to, None))
    }

    fn flush_to(&self, up_to: Offset, active: Option<Arc<Segment>>) -> Flush {
        Flush {
            up_to,
            sealed: self
                .sealed
                .iter()
                .enumerate()
                .filter(|(i, _)| {
                    let next = self.sealed.get(i + 1).map_or(&self.active.segment, |s| &s.segment);
                    next.base_offset > self.recovery_point
                })
                .map(|(_, span)| span.segment.clone())
                .collect(),
            active,
            disk: self.disk.clone(),
            dir: self.dir.clone(),
            is_new: self.is_new,
            with_own_name: self.is_new,
        }
    }

    /// Records that a flush has succeeded.
    pub fn flushed(&mut self, flush: &Flush) {
        self.recovery_point = self.recovery_point.max(flush.up_to);
        self.is_new = false;
    }

    /// Forgets producers that have been inactive for `producer.id.expiration.ms`. Checked on
    /// appends, because nothing else increases their number.
    fn expire_producers(&mut self, now: Now) {
        let expiration_ms = self.config.producer_id_expiration_ms;
        if now.wall_ms - self.expired_wall_ms >= expiration_ms.min(PRODUCERS_CHECK_MS) {
            self.expired_wall_ms = now.wall_ms;
            self.producers.expire(now.wall_ms, expiration_ms);
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
        if let Some(mut flush) = self.flush_due() {
            flush.with_own_name &= with_own_name;
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
