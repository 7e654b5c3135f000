//! A sync of a log: prepared under its lock, run without it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::log::Log;
use crate::storage::checkpoint::{LEADER_EPOCHS, PARTITION_METADATA};
use crate::storage::disk::{Disk, OpenMode};
use crate::storage::segment::Segment;
use crate::types::Offset;

/// The files to sync so that everything below `up_to` is durable. Prepared under the log's lock,
/// run without it.
#[derive(Debug)]
pub struct Flush {
    /// One past the last record that will be durable.
    pub up_to: Offset,
    pub(crate) sealed: Vec<Arc<Segment>>,
    pub(crate) active: Option<Arc<Segment>>,
    /// Bytes of the active segment that will be synced.
    pub(crate) active_bytes: u64,
    /// True to sync the indexes of the active segment as well.
    pub(crate) with_active_indexes: bool,
    /// The indexes of segments that end below this offset will be durable.
    pub(crate) indexes_below: Offset,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) is_new: bool,
    /// True to make the directory's own name durable as well.
    pub(crate) with_own_name: bool,
}

impl Flush {
    /// Syncs the files. An error is final for the log: see [`crate::log::Log::fail`].
    pub fn run(&self) -> io::Result<()> {
        for segment in &self.sealed {
            segment.sync(true)?;
        }
        if let Some(active) = &self.active {
            active.sync(self.with_active_indexes)?;
        }
        for name in [LEADER_EPOCHS, PARTITION_METADATA].iter().filter(|_| self.is_new) {
            let path = self.dir.join(name);
            if self.disk.exists(&path) {
                self.disk.open(&path, OpenMode::Write)?.sync()?;
            }
        }
        self.disk.sync_dir(&self.dir)?;
        match self.dir.parent() {
            Some(parent) if self.with_own_name => self.disk.sync_dir(parent),
            _ => Ok(()),
        }
    }
}

impl Log {
    /// Returns the number of records that are not known to be durable.
    pub fn unflushed(&self) -> i64 {
        self.end_offset - self.recovery_point
    }

    /// Returns the offset up to which the log is known to be durable.
    pub fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// Returns true if a filled segment is not known to be durable with its indexes.
    pub fn has_unflushed_segments(&self) -> bool {
        self.active.segment.base_offset >= self.indexes_durable_below && !self.sealed.is_empty()
    }

    /// Returns true if the batch at `base_offset` is the first one after a filled segment.
    pub fn follows_filled_segment(&self, base_offset: Offset) -> bool {
        self.active.segment.base_offset == base_offset && !self.sealed.is_empty()
    }

    /// Returns the time at which a flush is due, on the monotonic clock: because of `flush.ms`, or
    /// so that a start after a crash has less to read. `None` if neither is, or everything is
    /// durable.
    pub fn flush_wanted_mono_ms(&self) -> Option<i64> {
        if self.unflushed() == 0 {
            return None;
        }
        let flush_ms = Some(self.config.flush_ms).filter(|ms| *ms != i64::MAX);
        let due = flush_ms.map(|ms| self.unflushed_since_ms.saturating_add(ms));
        due.into_iter().chain(self.unsynced.due_mono_ms()).min()
    }

    /// Writes the index entries that are in memory, if a flush will advance the recovery point by
    /// much: a start after a crash begins to read where the indexes end.
    pub fn prepare_recovery_point(&self) {
        if self.unsynced.due_mono_ms().is_none() {
            return;
        }
        let segment = &self.active.segment;
        let written = segment.offsets().and_then(|index| index.flush());
        let written = written.and_then(|()| segment.times()?.flush());
        if let Err(error) = written {
            // They remain in memory.
            tracing::debug!(dir = %self.dir.display(), %error, "could not write the indexes");
        }
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

    pub(crate) fn flush_to(&self, up_to: Offset, active: Option<Arc<Segment>>) -> Flush {
        Flush {
            up_to,
            active_bytes: if active.is_some() { self.unsynced.bytes } else { 0 },
            sealed: self
                .sealed
                .iter()
                .enumerate()
                .filter(|(i, _)| {
                    let next = self.sealed.get(i + 1).map_or(&self.active.segment, |s| &s.segment);
                    next.base_offset >= self.indexes_durable_below
                })
                .map(|(_, span)| span.segment.clone())
                .collect(),
            active,
            with_active_indexes: false,
            indexes_below: self.active.segment.base_offset + 1,
            disk: self.disk.clone(),
            dir: self.dir.clone(),
            is_new: self.is_new,
            with_own_name: self.is_new,
        }
    }

    /// Records that a flush has succeeded.
    pub fn flushed(&mut self, flush: &Flush) {
        self.recovery_point = self.recovery_point.max(flush.up_to);
        if flush.active.is_some() {
            self.unsynced.synced(flush.active_bytes);
        }
        let all_below =
            if flush.with_active_indexes { flush.up_to + 1 } else { flush.indexes_below };
        self.indexes_durable_below = self.indexes_durable_below.max(all_below);
        self.is_new = false;
    }
}
