//! Compaction: the last record of each key stays (Kafka's `Cleaner`).
//!
//! A [`CompactionPass`] reads the dirty part of a log into a map of each key's last offset, as far
//! as the map has room, and then rewrites every segment up to there without the outdated records.
//! Small neighbouring segments are merged. The log remains in use meanwhile: a pass works on sealed
//! segments and takes no lock; a [`swap::SegmentSwap`] then replaces the old files with the new
//! ones.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::config::resolve::TopicConfig;
use crate::log::compaction::aborted::{AbortedTxns, Passed};
use crate::log::compaction::batch_filter::{BatchFilter, Filtered, LastWritten};
use crate::log::compaction::cleanable::CleanableRange;
use crate::log::compaction::offset_map::OffsetMap;
use crate::log::compaction::swap::SegmentSwap;
use crate::log::recovery::{Active, seal};
use crate::log::view::{SegmentView, View};
use crate::storage::batch::BatchView;
use crate::storage::disk::Disk;
use crate::storage::record_filter::for_each_key;
use crate::storage::records::MalformedRecordAt;
use crate::storage::segment::{BatchAt, CLEANED, Segment};
use crate::types::{Offset, Throttler};

pub mod aborted;
pub mod batch_filter;
pub mod cleanable;
pub mod interrupted;
pub mod offset_map;
pub mod swap;

/// Resources and parameters of a pass.
#[derive(Debug, Clone, Copy)]
pub struct PassConfig {
    /// Bytes of the map of keys (`log.cleaner.dedupe.buffer.size` of one thread).
    pub map_bytes: usize,
    /// How full the map may get (`log.cleaner.io.buffer.load.factor`).
    pub map_load: f64,
    /// Bytes buffered before they are written (`log.cleaner.io.buffer.size`).
    pub buffer_bytes: usize,
    /// The current time, ms since 1970.
    pub now_wall_ms: i64,
}

/// Statistics of a pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanerStats {
    /// Bytes of log read for rewriting.
    pub read_bytes: u64,
    /// Bytes of log written.
    pub written_bytes: u64,
    /// Number of distinct keys in the dirty part.
    pub keys: u64,
}

/// One compaction pass over a log.
#[derive(Debug)]
pub struct CompactionPass {
    disk: Arc<dyn Disk>,
    config: Arc<TopicConfig>,
    pass_config: PassConfig,
    map: OffsetMap,
    aborted: AbortedTxns,
    last_written: LastWritten,
    passed: Passed,
    /// Segments still to be rewritten; each group becomes one segment.
    groups: std::vec::IntoIter<Vec<SegmentView>>,
    /// Everything below this offset is clean after the pass.
    pub cleaned_to: Offset,
    /// Statistics so far.
    pub stats: CleanerStats,
}

/// Returns the error of a pass that its caller broke off.
pub fn interrupted() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "the compaction was interrupted")
}

fn damaged(span: &SegmentView, position: u64) -> io::Error {
    let log = span.segment.path("log");
    let why = format!("{}: no sound batch at {position}", log.display());
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn unreadable(span: &SegmentView, position: u64, fault: &MalformedRecordAt) -> io::Error {
    let log = span.segment.path("log");
    let why = format!("{}: the batch at {position} cannot be read: {fault}", log.display());
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Visits every batch of a segment and checks it.
fn each_batch(
    span: &SegmentView,
    throttler: Throttler<'_>,
    mut visit: impl FnMut(&BatchView<'_>, &BatchAt) -> io::Result<ControlFlow<()>>,
) -> io::Result<()> {
    let (mut paced, mut broke_off) = (0, false);
    let end = span.segment.scan(0, span.log_bytes, true, |batch_at, bytes| {
        let batch = BatchView::first(bytes).filter(BatchView::crc_is_right);
        let batch = batch.ok_or_else(|| damaged(span, batch_at.position))?;
        paced += batch_at.bytes;
        if paced >= 64 * 1024 {
            if throttler(paced).is_break() {
                return Err(interrupted());
            }
            paced = 0;
        }
        let flow = visit(&batch, batch_at)?;
        broke_off = flow.is_break();
        Ok(flow)
    })?;
    match broke_off || end == span.log_bytes {
        true => Ok(()),
        false => Err(damaged(span, end)),
    }
}

impl CompactionPass {
    /// Reads the dirty part of a log. Everything in `view` and in `last_written` must be durable: a
    /// durable record must not be dropped in favour of a newer one that can still be lost.
    ///
    /// # Errors
    /// An error from the disk; `InvalidData` if a log cannot be read; [`interrupted`].
    pub fn begin(
        disk: Arc<dyn Disk>,
        view: &View,
        config: Arc<TopicConfig>,
        range: &CleanableRange,
        last_written: LastWritten,
        pass_config: PassConfig,
        throttler: Throttler<'_>,
    ) -> io::Result<CompactionPass> {
        let aborted = AbortedTxns::find(view.sealed.iter().chain([&view.active]))?;
        let below = |end: Offset| move |span: &&SegmentView| span.segment.base_offset < end;
        let cleanable: Vec<&SegmentView> =
            view.sealed.iter().take_while(below(range.first_uncleanable)).collect();
        let first = cleanable.partition_point(|span| span.segment.base_offset <= range.first_dirty);
        let mut map = OffsetMap::new(
            range.first_dirty,
            range.first_uncleanable,
            pass_config.map_bytes,
            pass_config.map_load,
        );
        for span in cleanable.iter().skip(first.max(1) - 1) {
            if !fill(&mut map, span, range, &aborted, &config, throttler)? {
                break;
            }
        }
        let cleaned_to = map.latest().map_or(range.first_dirty, |latest| latest + 1);
        let spans = cleanable.into_iter().take_while(below(cleaned_to)).cloned();
        let groups = groups(spans, &view.active, &config);
        Ok(CompactionPass {
            disk,
            config,
            pass_config,
            stats: CleanerStats { keys: map.len() as u64, ..CleanerStats::default() },
            map,
            aborted,
            last_written,
            passed: Passed::default(),
            groups: groups.into_iter(),
            cleaned_to,
        })
    }

    /// Rewrites the next segment; `None` when the pass is complete. Segments that lose nothing are
    /// skipped.
    ///
    /// # Errors
    /// As for [`CompactionPass::begin`]; the files written are then removed, and the log is
    /// unchanged.
    pub fn next(
        &mut self,
        dir: &Path,
        throttler: Throttler<'_>,
    ) -> io::Result<Option<SegmentSwap>> {
        while let Some(group) = self.groups.next() {
            let Some(base_offset) = group.first().map(|span| span.segment.base_offset) else {
                continue;
            };
            let cleaned = Segment::named(self.disk.clone(), dir, base_offset, CLEANED).made()?;
            let mut active = Active::empty(cleaned);
            let written = self.write(&group, &mut active, throttler);
            let is_changed = match written {
                Ok(is_changed) => is_changed,
                Err(error) => {
                    // If this fails, the next start removes them.
                    let _ = active.segment.remove();
                    return Err(error);
                }
            };
            if is_changed || group.len() > 1 {
                active.segment.sync(true)?;
                let log_bytes = active.log_bytes;
                return Ok(Some(SegmentSwap::new(self.disk.clone(), dir, group, log_bytes)));
            }
            active.segment.remove()?;
        }
        Ok(None)
    }

    /// Filters a group into one segment. Returns true if anything has changed.
    fn write(
        &mut self,
        group: &[SegmentView],
        active: &mut Active,
        throttler: Throttler<'_>,
    ) -> io::Result<bool> {
        let filter = BatchFilter {
            map: &self.map,
            aborted: &self.aborted,
            last_written: &self.last_written,
            now_wall_ms: self.pass_config.now_wall_ms,
            delete_retention_ms: self.config.delete_retention_ms,
            record_bytes_max: self.config.max_decompressed_message_bytes,
        };
        let (mut buffer, mut position, mut is_changed) = (Vec::new(), 0, false);
        let segment = active.segment.clone();
        for (i, span) in group.iter().enumerate() {
            each_batch(span, throttler, |batch, batch_at| {
                // A segment must reach as far as its originals did: after a crash the next start
                // takes a gap before the next segment for a lost tail.
                let is_last =
                    i + 1 == group.len() && batch_at.position + batch_at.bytes == span.log_bytes;
                let changed;
                self.stats.read_bytes += batch_at.bytes;
                let bytes = match filter.filter(batch, &mut self.passed, is_last)? {
                    Filtered::AsItIs => batch.bytes,
                    Filtered::Changed(bytes) => {
                        is_changed = true;
                        changed = bytes;
                        changed.as_slice()
                    }
                    Filtered::Gone => {
                        is_changed = true;
                        return Ok(ControlFlow::Continue(()));
                    }
                };
                let header =
                    BatchView::first(bytes).ok_or_else(|| damaged(span, batch_at.position))?.header;
                let interval = self.config.index_interval_bytes;
                let len = bytes.len() as u64;
                active.note(header.last_offset(), header.max_timestamp, len, interval)?;
                if let Some(txn) = self.aborted.ended_by(&header, span)? {
                    segment.aborted()?.push(&txn)?;
                }
                buffer.extend_from_slice(bytes);
                if buffer.len() >= self.pass_config.buffer_bytes {
                    segment.log()?.write_at(&buffer, &[], position)?;
                    position += buffer.len() as u64;
                    buffer.clear();
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        segment.log()?.write_at(&buffer, &[], position)?;
        seal(active)?;
        self.stats.written_bytes += active.log_bytes;
        Ok(is_changed)
    }
}

/// Adds the keys of a segment to the map; returns false if the map is full, or nothing more may be
/// compacted.
fn fill(
    map: &mut OffsetMap,
    span: &SegmentView,
    range: &CleanableRange,
    aborted: &AbortedTxns,
    config: &TopicConfig,
    throttler: Throttler<'_>,
) -> io::Result<bool> {
    let (mut key, mut is_full) = (Vec::new(), false);
    each_batch(span, throttler, |batch, batch_at| {
        let header = &batch.header;
        if header.last_offset() < range.first_dirty {
            return Ok(ControlFlow::Continue(()));
        }
        if header.last_offset() >= range.first_uncleanable {
            is_full = true;
            return Ok(ControlFlow::Break(()));
        }
        if !header.is_control() && !aborted.has(header) {
            let record_bytes_max = config.max_decompressed_message_bytes;
            let walked = for_each_key(batch, record_bytes_max, &mut key, |record| {
                if let Some(key) = record.key
                    && record.offset >= range.first_dirty
                {
                    is_full = !map.put(key, record.offset);
                }
                if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            walked.map_err(|fault| unreadable(span, batch_at.position, &fault))?;
        }
        if is_full {
            return Ok(ControlFlow::Break(()));
        }
        map.seen_up_to(header.last_offset());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(!is_full)
}

/// Groups neighbours that together do not exceed the maximum size of a segment, and whose offsets
/// are close enough for its indexes (Kafka's `groupSegmentsBySize`). `active` follows the last one.
fn groups(
    spans: impl Iterator<Item = SegmentView>,
    active: &SegmentView,
    config: &TopicConfig,
) -> Vec<Vec<SegmentView>> {
    let spans: Vec<SegmentView> = spans.collect();
    let nexts = spans.iter().skip(1).chain([active]).map(|next| next.segment.base_offset);
    let nexts: Vec<Offset> = nexts.collect();
    let mut groups: Vec<Vec<SegmentView>> = Vec::new();
    let (mut bytes, mut base_offset) = (0, 0);
    for (span, next_offset) in spans.into_iter().zip(nexts) {
        let fits = bytes + span.log_bytes <= config.segment_bytes as u64
            && next_offset - base_offset <= i64::from(i32::MAX);
        match groups.last_mut() {
            Some(group) if fits => group.push(span.clone()),
            _ => {
                (bytes, base_offset) = (0, span.segment.base_offset);
                groups.push(vec![span.clone()]);
            }
        }
        bytes += span.log_bytes;
    }
    groups
}

#[cfg(test)]
mod tests;
