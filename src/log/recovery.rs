//! Opens a directory as the parts of a log, and cuts a torn tail.
//!
//! After a clean shutdown only the batch headers after the last index entry are read. Otherwise
//! everything from the recovery point on is read and its CRCs are checked: what lies below it was
//! synced. The log ends before the first batch that is incomplete or not sound; `log/truncation.rs`
//! cuts off the rest, and distinguishes an unfinished write from damage.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::clock::Now;
use crate::log::aborted_index::{rebuild, replay};
use crate::log::compaction::interrupted::finish_swaps;
use crate::log::producers::Producers;
use crate::log::truncation::TailTruncation;
use crate::log::view::SegmentView;
use crate::storage::batch::BatchView;
use crate::storage::disk::{Disk, read_all};
use crate::storage::index::{OffsetEntry, TimeEntry};
use crate::storage::segment::{
    BatchAt, CLEANED, RETIRED, SWAP, Segment, base_offset_of, file_name,
};
use crate::storage::snapshot;
use crate::types::Offset;

/// Bytes to read between two questions whether recovery is still wanted.
const GIVE_UP_BYTES: u64 = 1024 * 1024;

/// The recovered contents of a directory.
#[derive(Debug)]
pub struct Recovered {
    /// Segments that are full.
    pub sealed: Vec<SegmentView>,
    /// The segment that takes the next batch.
    pub active: Active,
    /// One past the last record.
    pub end_offset: Offset,
    /// The producer state: sequence numbers, epochs and open transactions.
    pub producers: Producers,
}

/// The active segment and the state of its writer.
#[derive(Debug)]
pub struct Active {
    /// The segment.
    pub segment: Arc<Segment>,
    /// Bytes of its log.
    pub log_bytes: u64,
    /// Bytes appended since the last index entry.
    pub unindexed_bytes: u64,
    /// Largest timestamp so far and the last offset of the batch that holds it.
    pub latest: Option<(i64, Offset)>,
    /// Largest timestamp of its first batch, from which `segment.ms` counts.
    pub first_timestamp: Option<i64>,
}

impl Active {
    /// Returns the state for an empty segment.
    pub fn empty(segment: Segment) -> Active {
        Active {
            segment: Arc::new(segment),
            log_bytes: 0,
            unindexed_bytes: 0,
            latest: None,
            first_timestamp: None,
        }
    }

    /// Records a batch at the end: indexes it if due, and counts its bytes.
    pub fn note(
        &mut self,
        last_offset: Offset,
        max_timestamp: i64,
        bytes: u64,
        index_interval_bytes: i32,
    ) -> io::Result<()> {
        if self.latest.is_none_or(|(t, _)| max_timestamp > t) {
            self.latest = Some((max_timestamp, last_offset));
        }
        self.first_timestamp.get_or_insert(max_timestamp);
        if self.unindexed_bytes > i64::from(index_interval_bytes).max(0) as u64 {
            let relative_offset = self.relative(last_offset);
            let position = self.log_bytes as u32;
            self.segment.offsets()?.push(OffsetEntry { relative_offset, position })?;
            self.index_time()?;
            self.unindexed_bytes = 0;
        }
        self.unindexed_bytes += bytes;
        self.log_bytes += bytes;
        Ok(())
    }

    /// Adds a time entry for the largest timestamp so far, if it is later than the last.
    pub fn index_time(&self) -> io::Result<()> {
        let Some((timestamp, offset)) = self.latest else { return Ok(()) };
        let relative_offset = self.relative(offset);
        self.segment.times()?.push_if_later(TimeEntry { timestamp, relative_offset })
    }

    fn relative(&self, offset: Offset) -> u32 {
        u32::try_from(offset - self.segment.base_offset).unwrap_or(u32::MAX)
    }
}

/// What was known about a log before recovery.
#[derive(Debug, Clone, Copy)]
pub struct RecoveryCheckpoint {
    /// True after a clean shutdown.
    pub clean: bool,
    /// The offset up to which the log is known to be durable.
    pub recovery_point: Offset,
    /// The first offset that can be read.
    pub log_start_offset: Offset,
    /// `index.interval.bytes`.
    pub index_interval_bytes: i32,
    /// Maximum number of producers to remember.
    pub producers_max: usize,
}

/// Reads a partition's directory; an empty one becomes an empty log at the log start offset. Breaks
/// off with an error soon after `gives_up` returns true; the next recovery begins again.
pub fn recover(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    known: RecoveryCheckpoint,
    now: Now,
    gives_up: &dyn Fn() -> bool,
) -> io::Result<Recovered> {
    let mut names = tidied(disk, dir)?;
    names.sort_unstable();
    let mut bases: Vec<Offset> = names.iter().filter_map(|n| base_offset_of(n, ".log")).collect();
    bases.sort_unstable();
    remove_what_has_gone(disk, dir, &mut bases, known.log_start_offset)?;
    let mut sealed: Vec<SegmentView> = Vec::new();
    let mut active = None;
    let mut end_offset = known.log_start_offset;
    let mut plain_from = None;
    for (i, base_offset) in bases.iter().enumerate() {
        let segment = Segment::unopened(disk.clone(), dir, *base_offset);
        let next = bases.get(i + 1);
        // A segment that ends at the recovery point may have been filled after the last sync: its
        // indexes are not known to be durable.
        let trusted = next.is_some_and(|next| known.clean || *next < known.recovery_point);
        let has = |suffix| names.binary_search(&file_name(*base_offset, suffix)).is_ok();
        if trusted && has("index") && has("timeindex") {
            let log_bytes = disk.len(&segment.path("log"))?;
            sealed.push(SegmentView { segment: Arc::new(segment), log_bytes });
            plain_from = None;
            continue;
        }
        let walked = walk(segment, known, gives_up)?;
        end_offset = walked.end_offset;
        plain_from = plain_from.or(Some(walked.from)).filter(|_| walked.is_plain);
        // A tail may be lost between two segments as well: only a segment that was durable as a
        // whole may end before the next one begins (what lay between was compacted away).
        let tail_is_lost = next.is_some_and(|next| !trusted && end_offset < *next);
        if walked.active.log_bytes < walked.file_bytes || tail_is_lost {
            let cut = TailTruncation {
                disk,
                dir,
                segment: &walked.active.segment,
                position: walked.active.log_bytes,
                file_bytes: walked.file_bytes,
                end_offset,
                later: &bases[i + 1..],
                was_durable: known.clean || end_offset < known.recovery_point,
            };
            cut.make()?;
            active = Some(walked.active);
            break;
        }
        match next {
            Some(_) => {
                seal(&walked.active)?;
                let Active { segment, log_bytes, .. } = walked.active;
                sealed.push(SegmentView { segment, log_bytes });
            }
            None => active = Some(walked.active),
        }
    }
    let active = match active {
        Some(active) => active,
        None => Active::empty(Segment::create(disk.clone(), dir, end_offset)?),
    };
    let found = FoundSegments { sealed: &sealed, active: &active, end_offset, plain_from };
    let producers = producers(disk, dir, &names, found, known.producers_max, now)?;
    Ok(Recovered { sealed, active, end_offset, producers })
}

/// Removes the segments that lie entirely below the log start: retention was removing them. It may
/// have removed a later one first, and the gap must not be taken for a lost tail.
fn remove_what_has_gone(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    bases: &mut Vec<Offset>,
    log_start_offset: Offset,
) -> io::Result<()> {
    let gone = bases.windows(2).take_while(|pair| pair[1] <= log_start_offset).count();
    for base_offset in bases.drain(..gone) {
        Segment::unopened(disk.clone(), dir, base_offset).remove()?;
    }
    Ok(())
}

/// Completes what earlier runs left half done, and returns the names in the directory.
fn tidied(disk: &Arc<dyn Disk>, dir: &Path) -> io::Result<Vec<String>> {
    let names = || -> io::Result<Vec<String>> {
        Ok(disk.list(dir)?.into_iter().map(|entry| entry.name).collect())
    };
    let found = names()?;
    let any = |ending| found.iter().any(|name| name.ends_with(ending));
    if !any(CLEANED) && !any(SWAP) && !any(RETIRED) {
        return Ok(found);
    }
    finish_swaps(disk, dir, &found)?;
    for name in found.iter().filter(|name| name.ends_with(RETIRED)) {
        disk.remove_file(&dir.join(name))?;
    }
    names()
}

/// Writes the entries that a segment's indexes still hold in memory, and the last time entry.
pub fn seal(active: &Active) -> io::Result<()> {
    active.index_time()?;
    active.segment.offsets()?.flush()?;
    active.segment.times()?.flush()
}

struct ScannedSegment {
    active: Active,
    /// No offset from here on was skipped.
    from: Offset,
    end_offset: Offset,
    /// True if no batch that was read is of a producer with an id.
    is_plain: bool,
    /// Length of the log file; the bytes after the active part of it are not sound.
    file_bytes: u64,
}

/// Walks a segment from the last trusted index entry to the end of the sound batches.
fn walk(
    segment: Segment,
    known: RecoveryCheckpoint,
    gives_up: &dyn Fn() -> bool,
) -> io::Result<ScannedSegment> {
    let file_bytes = segment.log()?.len()?;
    let start = match segment.open_indexes(file_bytes)? {
        true => trusted_start(&segment, file_bytes, known)?,
        false => None,
    };
    let first_offset = start.as_ref().map_or(segment.base_offset, |s| s.batch.header.base_offset);
    let (from, latest) = match start {
        Some(Trusted { batch, latest }) => {
            let last_offset = (batch.header.last_offset() - segment.base_offset) as u32;
            segment.offsets()?.cut_from(batch.position as u32 + 1)?;
            segment.times()?.cut_from(last_offset + 1)?;
            (batch.position, latest)
        }
        None => {
            segment.offsets()?.cut_from(0)?;
            segment.times()?.cut_from(0)?;
            (0, None)
        }
    };
    let first_timestamp = segment.batch_at(0, file_bytes)?.map(|b| b.header.max_timestamp);
    let base_offset = segment.base_offset;
    let segment = Arc::new(segment);
    let mut active = Active {
        segment: segment.clone(),
        log_bytes: from,
        unindexed_bytes: 0,
        latest,
        first_timestamp,
    };
    let (mut end_offset, mut is_plain) = (base_offset, true);
    let mut ask_at = from;
    segment.scan(from, file_bytes, !known.clean, |batch_at, bytes| {
        if batch_at.position >= ask_at {
            ask_at = batch_at.position + GIVE_UP_BYTES;
            if gives_up() {
                return Err(io::Error::other("the recovery was broken off"));
            }
        }
        let header = &batch_at.header;
        // The CRC does not cover the base offset: one that the index cannot represent is damage.
        let ahead = header.base_offset.checked_sub(base_offset);
        let sound = header.magic == 2
            && header.base_offset >= end_offset
            && ahead.is_some_and(|ahead| ahead <= i64::from(i32::MAX))
            && header.last_offset_delta >= 0
            && (known.clean || BatchView::first(bytes).is_some_and(|b| b.crc_is_right()));
        if !sound {
            return Ok(ControlFlow::Break(()));
        }
        active.note(
            header.last_offset(),
            header.max_timestamp,
            batch_at.bytes,
            known.index_interval_bytes,
        )?;
        end_offset = header.end_offset();
        is_plain &= !header.is_idempotent() && !header.is_control();
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(ScannedSegment { active, from: first_offset, end_offset, is_plain, file_bytes })
}

/// The start of a walk.
struct Trusted {
    batch: BatchAt,
    /// The largest timestamp up to the batch, and the last offset of the batch that holds it.
    latest: Option<(i64, Offset)>,
}

/// Returns where a walk may begin.
///
/// After a clean shutdown: at the last indexed batch. Otherwise at the last batch below the
/// recovery point on which both indexes agree: entries that either has lost after it are rebuilt.
fn trusted_start(
    segment: &Segment,
    file_bytes: u64,
    known: RecoveryCheckpoint,
) -> io::Result<Option<Trusted>> {
    let times = segment.times()?;
    let time = if known.clean {
        times.last()?
    } else {
        let below = (known.recovery_point - segment.base_offset).clamp(0, i64::from(u32::MAX));
        times.before_offset(below as u32)?
    };
    let Some(time) = time else { return Ok(None) };
    let Ok(at_time) = segment.batch_of(time, file_bytes)? else { return Ok(None) };
    let latest = Some((time.timestamp, at_time.header.last_offset()));
    let last = segment.offsets()?.last()?.filter(|_| known.clean);
    let Some(last) = last else { return Ok(Some(Trusted { batch: at_time, latest })) };
    let indexed = segment.batch_at(u64::from(last.position), file_bytes)?;
    let offset = segment.base_offset + i64::from(last.relative_offset);
    let indexed = indexed.filter(|b| b.header.last_offset() == offset);
    Ok(indexed.map(|batch| Trusted { batch, latest }))
}

/// The segments of a log, and its end.
struct FoundSegments<'a> {
    sealed: &'a [SegmentView],
    active: &'a Active,
    end_offset: Offset,
    /// From here on, no batch is of a producer with an id.
    plain_from: Option<Offset>,
}

/// Returns the producer state at the end: the newest sound snapshot plus the batches after it.
fn producers(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    names: &[String],
    found: FoundSegments<'_>,
    producers_max: usize,
    now: Now,
) -> io::Result<Producers> {
    let FoundSegments { sealed, active, end_offset, plain_from } = found;
    let mut offsets: Vec<Offset> =
        names.iter().filter_map(|n| base_offset_of(n, ".snapshot")).collect();
    offsets.sort_unstable();
    let (mut producers, mut from) = (Producers::default(), 0);
    for offset in offsets.into_iter().rev() {
        let path = dir.join(file_name(offset, "snapshot"));
        if offset <= end_offset {
            match snapshot::decode(&read_all(disk.as_ref(), &path)?) {
                Ok(entries) => {
                    producers = Producers::from_entries(entries);
                    producers.forget_beyond(producers_max);
                    from = offset;
                    break;
                }
                // The log has the same information, unless compaction or retention has removed it.
                Err(fault) => tracing::warn!(snapshot = %path.display(), error = %fault,
                    "removing a damaged producer snapshot and rebuilding it from the log"),
            }
        }
        disk.remove_file(&path)?;
        disk.sync_dir(dir)?;
    }
    let last = SegmentView { segment: active.segment.clone(), log_bytes: active.log_bytes };
    let spans: Vec<&SegmentView> = sealed.iter().chain([&last]).collect();
    for (i, span) in spans.iter().enumerate() {
        if spans.get(i + 1).is_some_and(|next| next.segment.base_offset <= from) {
            continue;
        }
        // A snapshot is written once everything before it is durable in the index.
        let is_indexed =
            names.binary_search(&file_name(span.segment.base_offset, "txnindex")).is_ok();
        if is_indexed {
            span.segment.aborted()?.cut_from(from)?;
        } else if from >= end_offset {
            continue;
        }
        // Without a producer's batch there is nothing to replay.
        let is_plain = plain_from.is_some_and(|plain| plain <= from.max(span.segment.base_offset));
        if !is_plain {
            let start = span.segment.find(from, span.log_bytes)?;
            let start = start.map_or(span.log_bytes, |batch_at| batch_at.position);
            replay(span, start, now.wall_ms, &mut producers, |producers, aborted| {
                producers.forget_beyond(producers_max);
                aborted.map_or(Ok(()), |txn| span.segment.aborted()?.push(&txn))
            })?;
        }
        if is_indexed && span.segment.aborted()?.is_damaged() {
            rebuild(spans.iter().take(i + 1).copied())?;
        }
        if span.segment.aborted()?.sync()? {
            disk.sync_dir(dir)?;
        }
    }
    Ok(producers)
}
