//! What readers of a log see: an immutable list of segments and an end offset.
//!
//! **Invariant:** a view never changes; a reader that holds one can finish regardless of later
//! changes to the log (files are append-only and stay readable while open).

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::log::epochs::LeaderEpochs;
use crate::storage::batch::BatchView;
use crate::storage::disk::Disk;
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
    /// The leader epochs.
    pub epochs: LeaderEpochs,
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

/// A range of one segment, from the start of a batch on.
#[derive(Debug)]
pub(super) struct Range<'a> {
    span: &'a SegmentView,
    first: BatchAt,
    /// Where it ends, in bytes.
    cut: u64,
    /// Where it ends if no batch of the segment follows.
    end_offset: Offset,
}

impl Range<'_> {
    pub(super) fn slice(&self) -> io::Result<FileSlice> {
        Ok(FileSlice {
            file: self.span.segment.log()?.clone(),
            position: self.first.position,
            len: (self.cut - self.first.position) as usize,
        })
    }

    /// Returns the offset up to which it has whole batches.
    pub(super) fn end_offset(&self) -> io::Result<Offset> {
        let end = self.span.segment.end_of_read(&self.first, self.cut, self.span.log_bytes)?;
        Ok(end.map_or(self.end_offset, |end| end.min(self.end_offset)))
    }
}

impl View {
    /// Returns the view of a log that was never written: none of its files exist, or are opened.
    pub fn unwritten(disk: Arc<dyn Disk>, dir: &Path, leader_epoch: i32) -> View {
        let segment = Arc::new(Segment::unopened(disk, dir, 0));
        View {
            sealed: [].into(),
            active: SegmentView { segment, log_bytes: 0 },
            log_start_offset: 0,
            end_offset: 0,
            epochs: LeaderEpochs::unwritten(leader_epoch),
            last_stable_offset: 0,
        }
    }

    pub(super) fn spans(&self) -> impl DoubleEndedIterator<Item = &SegmentView> {
        self.sealed.iter().chain([&self.active])
    }

    /// Returns the last epoch that is not later than `epoch`, and the offset at which it ended;
    /// `None` if `epoch` has not begun.
    pub fn end_of_epoch(&self, epoch: i32) -> Option<(i32, Offset)> {
        self.epochs.end_of(epoch, self.log_start_offset, self.end_offset)
    }

    /// Returns the bytes of all log files.
    pub fn log_bytes(&self) -> u64 {
        self.spans().map(|span| span.log_bytes).sum()
    }

    /// Returns the index of the segment that may hold `offset`.
    pub(super) fn index_from(&self, offset: Offset) -> usize {
        match self.active.segment.base_offset <= offset {
            true => self.sealed.len(),
            false => {
                let after = self.sealed.partition_point(|s| s.segment.base_offset <= offset);
                after.max(1) - 1
            }
        }
    }

    /// Returns the error for an offset that is not in the log.
    pub fn out_of_range(&self, offset: Offset) -> ReadError {
        let (start, end) = (self.log_start_offset, self.end_offset);
        ReadError::OutOfRange { offset, start, end }
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
        let range = self.range(offset, below, max_bytes, at_least_one)?;
        range.map(|range| range.slice()).transpose().map_err(ReadError::Disk)
    }

    /// Returns the range that [`View::read`] reads.
    pub(super) fn range(
        &self,
        offset: Offset,
        below: Offset,
        max_bytes: u64,
        at_least_one: bool,
    ) -> Result<Option<Range<'_>>, ReadError> {
        let (start, end) = (self.log_start_offset, self.end_offset);
        if offset < start || offset > end {
            return Err(self.out_of_range(offset));
        }
        if offset >= below {
            return Ok(None);
        }
        let mut spans = self.spans().skip(self.index_from(offset)).peekable();
        while let Some(span) = spans.next() {
            let Some(first) = span.segment.find(offset, span.log_bytes)? else { continue };
            if first.header.base_offset >= below || (first.bytes > max_bytes && !at_least_one) {
                return Ok(None);
            }
            let readable =
                if below < end { self.position_of(span, &first, below)? } else { span.log_bytes };
            let cut = span.segment.cut(&first, max_bytes, readable)?;
            let next = spans.peek().map(|span| span.segment.base_offset);
            let end_offset = next.unwrap_or(end).min(below);
            return Ok(Some(Range { span, first, cut, end_offset }));
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

    /// Returns the first record below `below` with at least this timestamp. No record of a
    /// compressed batch that is read may have more than `record_bytes_max` bytes.
    pub fn first_at_or_after(
        &self,
        timestamp: i64,
        below: Offset,
        record_bytes_max: i32,
    ) -> io::Result<Option<TimestampAndOffset>> {
        for span in self.spans().filter(|span| span.log_bytes > 0) {
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
                let from = self.log_start_offset;
                found = records::first_at_or_after(&batch, timestamp, from, record_bytes_max)
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

    /// Returns the first record that has the largest timestamp of all. `record_bytes_max` is that
    /// of [`View::first_at_or_after`].
    pub fn latest_timestamp(
        &self,
        record_bytes_max: i32,
    ) -> io::Result<Option<TimestampAndOffset>> {
        let mut best: Option<(i64, Arc<Segment>, BatchAt)> = None;
        for span in self.spans().filter(|span| span.log_bytes > 0) {
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
                found = records::first_with_max_timestamp(&batch, record_bytes_max)
                    .map_err(io::Error::other)?;
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
