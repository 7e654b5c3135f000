//! What readers of a log see: an immutable list of segments and an end offset.
//!
//! **Invariant:** a view never changes; a reader that holds one can finish regardless of later
//! changes to the log (files are append-only and stay readable while open).

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::storage::batch::BatchView;
use crate::storage::records::{self, TimestampAndOffset};
use crate::storage::segment::{BatchAt, FileSlice, Segment};
use crate::types::Offset;

/// A segment and how far it may be read.
#[derive(Debug, Clone)]
pub struct SegmentView {
    /// The segment.
    pub segment: Arc<Segment>,
    /// Length of the whole batches in its log file, in bytes.
    pub log_bytes: u64,
}

/// What readers of a log see.
#[derive(Debug, Clone)]
pub struct View {
    /// The segments that are full, ascending.
    pub sealed: Arc<[SegmentView]>,
    /// The segment that takes the next batch.
    pub active: SegmentView,
    /// The first offset that can be read.
    pub log_start_offset: Offset,
    /// One past the last record. On a single node this is also the high watermark.
    pub end_offset: Offset,
    /// First offset of the oldest open transaction, or the end (LSO).
    pub last_stable_offset: Offset,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The offset is before the log start offset or after the end.
    #[error("offset {offset} is outside the range {start} to {end}")]
    OutOfRange {
        /// The requested offset.
        offset: Offset,
        /// The log start offset.
        start: Offset,
        /// The end offset.
        end: Offset,
    },
    /// The disk failed.
    #[error("the log cannot be read: {0}")]
    Disk(#[from] io::Error),
}

impl View {
    fn spans(&self) -> impl DoubleEndedIterator<Item = &SegmentView> {
        self.sealed.iter().chain([&self.active])
    }

    /// Returns the bytes of all log files.
    pub fn log_bytes(&self) -> u64 {
        self.spans().map(|span| span.log_bytes).sum()
    }

    /// Returns the segments from the one that may hold `offset` on.
    fn from(&self, offset: Offset) -> impl Iterator<Item = &SegmentView> {
        let first = self.sealed.partition_point(|s| s.segment.base_offset <= offset);
        let first = if self.active.segment.base_offset <= offset {
            self.sealed.len()
        } else {
            first.max(1) - 1
        };
        self.spans().skip(first)
    }

    /// Returns batches of one segment, from the one that holds `offset` to before `below`: at most
    /// `max_bytes`, but the whole first batch if `at_least_one`. `None` if there are none.
    pub fn read(
        &self,
        offset: Offset,
        below: Offset,
        max_bytes: u64,
        at_least_one: bool,
    ) -> Result<Option<FileSlice>, ReadError> {
        let (start, end) = (self.log_start_offset, self.end_offset);
        if offset < start || offset > end {
            return Err(ReadError::OutOfRange { offset, start, end });
        }
        if offset >= below {
            return Ok(None);
        }
        for span in self.from(offset) {
            let Some(first) = span.segment.find(offset, span.log_bytes)? else { continue };
            if first.header.base_offset >= below || (first.bytes > max_bytes && !at_least_one) {
                return Ok(None);
            }
            let readable =
                if below < end { self.position_of(span, &first, below)? } else { span.log_bytes };
            let cut = span.segment.cut(&first, max_bytes, readable)?;
            let file = span.segment.log()?.clone();
            return Ok(Some(FileSlice {
                file,
                position: first.position,
                len: (cut - first.position) as usize,
            }));
        }
        Ok(None)
    }

    /// Returns the position in the segment where the batches below `below` end.
    fn position_of(&self, span: &SegmentView, first: &BatchAt, below: Offset) -> io::Result<u64> {
        Ok(match span.segment.find(below, span.log_bytes)? {
            Some(batch) => batch.position.max(first.position),
            None => span.log_bytes,
        })
    }

    /// Returns the first record below `below` with at least this timestamp.
    pub fn first_at_or_after(
        &self,
        timestamp: i64,
        below: Offset,
    ) -> io::Result<Option<TimestampAndOffset>> {
        for span in self.spans() {
            let segment = &span.segment;
            let from = segment.position_before(timestamp, span.log_bytes)?;
            let mut found = None;
            segment.scan(from, span.log_bytes, true, |batch_at, bytes| {
                if batch_at.header.base_offset >= below {
                    return Ok(ControlFlow::Break(()));
                }
                if batch_at.header.max_timestamp < timestamp {
                    return Ok(ControlFlow::Continue(()));
                }
                let Some(batch) = BatchView::first(bytes) else {
                    return Ok(ControlFlow::Break(()));
                };
                found = records::first_at_or_after(&batch, timestamp, self.log_start_offset)
                    .map_err(io::Error::other)?
                    .filter(|f| f.offset < below);
                Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Returns the first record that has the largest timestamp of all.
    pub fn latest_timestamp(&self) -> io::Result<Option<TimestampAndOffset>> {
        let mut best: Option<(i64, Arc<Segment>, BatchAt)> = None;
        for span in self.spans() {
            span.segment.scan(0, span.log_bytes, false, |batch_at, _| {
                let later = best.as_ref().is_none_or(|(t, ..)| batch_at.header.max_timestamp > *t);
                // Compaction leaves batches without records.
                let has_records = batch_at.header.records_count > 0;
                if later && has_records && batch_at.header.last_offset() >= self.log_start_offset {
                    best = Some((batch_at.header.max_timestamp, span.segment.clone(), *batch_at));
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        let Some((_, segment, batch_at)) = best else { return Ok(None) };
        let mut found = None;
        segment.scan(batch_at.position, batch_at.position + batch_at.bytes, true, |_, bytes| {
            if let Some(batch) = BatchView::first(bytes) {
                found = records::first_with_max_timestamp(&batch).map_err(io::Error::other)?;
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Visits every complete batch from the log start on.
    pub fn for_each_batch(
        &self,
        mut visit: impl FnMut(&BatchView<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        for span in self.spans() {
            span.segment.scan(0, span.log_bytes, true, |_, bytes| {
                if let Some(batch) = BatchView::first(bytes) {
                    visit(&batch)?;
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }
}
