//! When a log goes on in a new segment, and how.

use std::io;

use crate::clock::Now;
use crate::log::recovery::{self, Active};
use crate::log::unsynced::UnsyncedBytes;
use crate::log::view::SegmentView;
use crate::log::{Log, fatal};
use crate::storage::segment::Segment;
use crate::types::Offset;

impl Log {
    /// Returns true if a new segment is due before the batch, as Kafka's LogSegment.shouldRoll: by
    /// size, by age since the first batch, because the index is full, or because the offset is too
    /// far from the base. `bytes` are those of the batch and of the `ahead` batches that are to be
    /// written before it.
    pub(super) fn roll_is_due(
        &self,
        now: Now,
        (bytes, ahead): (u64, usize),
        last_offset: Offset,
        timestamp: i64,
    ) -> bool {
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
            || active.segment.offsets().is_ok_and(|i| i.len() + ahead >= index_entries_max)
            || last_offset - active.segment.base_offset > i64::from(i32::MAX)
    }

    /// Seals the active segment and begins the next one at the end offset.
    pub fn roll(&mut self, now: Now) -> io::Result<()> {
        self.write_snapshot()?;
        recovery::seal(&self.active)?;
        self.begin_segment(now)
    }

    pub(super) fn begin_segment(&mut self, now: Now) -> io::Result<()> {
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
        self.unsynced = UnsyncedBytes::default();
        self.created_wall_ms = now.wall_ms;
        Ok(())
    }
}
