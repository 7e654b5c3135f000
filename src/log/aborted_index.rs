//! Which transactions of a log were aborted: what `read_committed` readers must skip.

use std::io;
use std::ops::ControlFlow;

use crate::log::end_txn::{CompletedTxn, EndTxnMarker};
use crate::log::producers::Producers;
use crate::log::view::{Range, ReadError, SegmentView, View};
use crate::storage::batch::BatchView;
use crate::storage::disk::read_exact_at;
use crate::storage::segment::FileSlice;
use crate::storage::txn_index::AbortedTxn;
use crate::types::Offset;

/// What a `read_committed` reader gets.
#[derive(Debug, Default)]
pub struct CommittedRead {
    /// The records, if there are any, including aborted ones.
    pub records: Option<FileSlice>,
    /// The aborted transactions that overlap them, in the order of their markers.
    pub aborted: Vec<AbortedTxn>,
}

/// Replays the batches of a segment from `position` on. Calls `visit` with each transaction that
/// was aborted by a marker among them.
///
/// # Errors
/// The log cannot be read, or an error from `visit`.
pub fn replay(
    span: &SegmentView,
    position: u64,
    now_wall_ms: i64,
    producers: &mut Producers,
    mut visit: impl FnMut(&mut Producers, Option<AbortedTxn>) -> io::Result<()>,
) -> io::Result<()> {
    let file = span.segment.log()?;
    let mut bytes = Vec::new();
    span.segment.scan(position, span.log_bytes, false, |batch_at, _| {
        let mut marker = None;
        if batch_at.header.is_control() {
            bytes.resize(batch_at.bytes as usize, 0);
            read_exact_at(file.as_ref(), &mut bytes, batch_at.position)?;
            marker = BatchView::first(&bytes).as_ref().and_then(EndTxnMarker::of);
        }
        let completed = producers.replay(&batch_at.header, marker, now_wall_ms);
        visit(producers, completed.and_then(|completed| aborted(&completed)))?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// Returns the entry of the index for a transaction; `None` if it was committed.
pub fn aborted(completed: &CompletedTxn) -> Option<AbortedTxn> {
    completed.aborted.then_some(AbortedTxn {
        producer_id: completed.producer_id,
        first_offset: completed.first_offset,
        last_offset: completed.last_offset,
        last_stable_offset: completed.last_stable_offset,
    })
}

/// Rebuilds the index of the last of `spans`, which are all segments of the log up to it.
///
/// # Errors
/// The log cannot be read.
pub fn rebuild<'a>(spans: impl Iterator<Item = &'a SegmentView>) -> io::Result<()> {
    let (mut producers, mut found, mut last) = (Producers::default(), Vec::new(), None);
    for span in spans {
        found.clear();
        replay(span, 0, 0, &mut producers, |_, txn| {
            found.extend(txn);
            Ok(())
        })?;
        last = Some(span);
    }
    let Some(SegmentView { segment, .. }) = last else { return Ok(()) };
    let file = segment.path("txnindex");
    tracing::warn!(file = %file.display(), "rebuilt a damaged index from the log");
    segment.aborted()?.replace(&found)
}

impl View {
    /// Reads as [`View::read`] does, below the last stable offset.
    ///
    /// # Errors
    /// Those of [`View::read`].
    pub fn read_committed(
        &self,
        offset: Offset,
        max_bytes: u64,
        at_least_one: bool,
    ) -> Result<CommittedRead, ReadError> {
        let below = self.last_stable_offset;
        let Some(range) = self.range(offset, below, max_bytes, at_least_one)? else {
            return Ok(CommittedRead::default());
        };
        let aborted = self.aborted_in(&range, offset)?;
        Ok(CommittedRead { records: Some(range.slice()?), aborted })
    }

    /// Returns the aborted transactions that overlap a range which is read from `offset`.
    fn aborted_in(&self, range: &Range<'_>, offset: Offset) -> io::Result<Vec<AbortedTxn>> {
        let (mut found, mut end) = (Vec::new(), None);
        for (at, span) in self.spans().enumerate().skip(self.index_from(offset)) {
            let mut index = span.segment.aborted()?;
            if index.is_damaged() {
                rebuild(self.spans().take(at + 1))?;
                index = span.segment.aborted()?;
            }
            if index.is_empty() {
                continue;
            }
            let end = match end {
                Some(end) => end,
                None => *end.insert(range.end_offset()?),
            };
            if index.collect(offset, end, &mut found)? {
                break;
            }
        }
        Ok(found)
    }
}
