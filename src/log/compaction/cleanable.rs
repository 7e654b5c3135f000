//! Which part of a log can be compacted: Kafka's `LogCleanerManager.cleanableOffsets` and
//! `LogToClean`.

use std::io;

use crate::config::resolve::TopicConfig;
use crate::log::view::{SegmentView, View};
use crate::types::Offset;

/// The clean, cleanable and uncleanable parts of a log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CleanableRange {
    /// Below this offset every key occurs only once.
    pub first_dirty: Offset,
    /// From this offset on nothing may be compacted yet.
    pub first_uncleanable: Offset,
    /// Bytes below `first_dirty`, counted in whole segments.
    pub clean_bytes: u64,
    /// Bytes between the two offsets, counted in whole segments.
    pub dirty_bytes: u64,
    /// True if `max.compaction.lag.ms` requires compaction regardless of the dirty ratio.
    pub is_overdue: bool,
    /// When more of it becomes cleanable by the passing of time alone, ms since 1970.
    pub next_wall_ms: Option<i64>,
}

impl CleanableRange {
    /// Examines a log of which everything below `cleaned` has been compacted before.
    pub fn of(
        view: &View,
        config: &TopicConfig,
        cleaned: Option<Offset>,
        now_wall_ms: i64,
    ) -> io::Result<CleanableRange> {
        let log_start = view.log_start_offset;
        // A checkpoint outside the log belongs to another log.
        let first_dirty = cleaned
            .filter(|offset| (log_start..=view.end_offset).contains(offset))
            .unwrap_or(log_start);
        let mut first_uncleanable = view.last_stable_offset.min(view.active.segment.base_offset);
        let mut next_wall_ms = None;
        let (mut clean_bytes, mut dirty_bytes, mut is_overdue) = (0, 0, false);
        for (span, next_offset) in sealed(view) {
            if next_offset <= first_dirty {
                clean_bytes += span.log_bytes;
                continue;
            }
            let base_offset = span.segment.base_offset;
            if base_offset >= first_uncleanable {
                break;
            }
            let safe_until = latest_ms(span)?.saturating_add(config.min_compaction_lag_ms.max(0));
            if config.min_compaction_lag_ms > 0 && safe_until > now_wall_ms {
                first_uncleanable = base_offset;
                next_wall_ms = Some(safe_until);
                break;
            }
            let due = first_ms(span)?.saturating_add(config.max_compaction_lag_ms.max(0));
            is_overdue |= due < now_wall_ms;
            if due >= now_wall_ms && due != i64::MAX {
                next_wall_ms = Some(next_wall_ms.map_or(due, |next: i64| next.min(due)));
            }
            dirty_bytes += span.log_bytes;
        }
        Ok(CleanableRange {
            first_dirty,
            first_uncleanable: first_uncleanable.max(first_dirty),
            clean_bytes,
            dirty_bytes,
            is_overdue,
            next_wall_ms,
        })
    }

    /// Returns the dirty ratio of the log, 0 to 1.
    pub fn ratio(&self) -> f64 {
        match self.clean_bytes + self.dirty_bytes {
            0 => 0.0,
            all => self.dirty_bytes as f64 / all as f64,
        }
    }

    /// Returns true if the log should be compacted now.
    pub fn is_due(&self, config: &TopicConfig) -> bool {
        let has_dirt = self.first_uncleanable > self.first_dirty && self.dirty_bytes > 0;
        has_dirt && (self.is_overdue || self.ratio() > config.min_cleanable_dirty_ratio)
    }
}

/// Returns the sealed segments, each with the base offset of the next one.
fn sealed(view: &View) -> impl Iterator<Item = (&SegmentView, Offset)> {
    let nexts = view.sealed.iter().skip(1).chain([&view.active]);
    view.sealed.iter().zip(nexts.map(|next| next.segment.base_offset))
}

/// Returns the largest timestamp of a segment, ms since 1970; 0 if its records have none.
fn latest_ms(span: &SegmentView) -> io::Result<i64> {
    Ok(span.segment.latest_ms()?.unwrap_or(0))
}

/// Returns the timestamp of a segment's first batch, as [`latest_ms`]. A segment without one is
/// never overdue.
fn first_ms(span: &SegmentView) -> io::Result<i64> {
    let first = span.segment.batch_at(0, span.log_bytes)?;
    Ok(first.map(|batch| batch.header.max_timestamp).filter(|ms| *ms > 0).unwrap_or(i64::MAX))
}
