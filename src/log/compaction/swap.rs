//! New files in the place of old ones, so that a crash at any point leaves the ones or the others
//! (Kafka's `LocalLog.replaceSegments`).
//!
//! The new log is written as `.cleaned` and made durable. As `.swap` it counts: a start that
//! finds one finishes what was begun. Only then the old files go to `.deleted`, and the new ones
//! get their names. Each of these steps is durable before the next begins.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::log::Log;
use crate::log::view::SegmentView;
use crate::storage::batch::BatchView;
use crate::storage::disk::{Disk, is_full};
use crate::storage::segment::{CLEANED, LIVE, SWAP, Segment, base_offset_of};
use crate::types::Offset;

/// Old segments, and the one that is to take their place.
#[derive(Debug)]
pub struct SegmentSwap {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    old: Vec<SegmentView>,
    base_offset: Offset,
    log_bytes: u64,
}

impl SegmentSwap {
    /// Returns the `.cleaned` files at the first one's base offset are for these spans, which are
    /// neighbours and not empty.
    pub fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        old: Vec<SegmentView>,
        log_bytes: u64,
    ) -> SegmentSwap {
        let base_offset = old.first().map_or(0, |span| span.segment.base_offset);
        SegmentSwap { disk, dir: dir.to_owned(), old, base_offset, log_bytes }
    }

    fn named(&self, ending: &'static str) -> Segment {
        Segment::named(self.disk.clone(), &self.dir, self.base_offset, ending)
    }

    /// Changes the files. Between [`Log::begin_swap`] and [`Log::finish_swap`], without the log's
    /// lock. False if there was no room for the new names: nothing is changed then.
    ///
    /// # Errors
    /// The disk's. The log must take nothing more then; the next start brings it in order.
    pub fn run(&self) -> io::Result<bool> {
        match self.named(CLEANED).rename(SWAP) {
            // The log, which would count, has its name last.
            Err(error) if is_full(&error) => {
                self.named(SWAP).remove()?;
                self.abandon()?;
                return Ok(false);
            }
            renamed => renamed?,
        }
        self.disk.sync_dir(&self.dir)?;
        for span in &self.old {
            span.segment.retire()?;
        }
        self.disk.sync_dir(&self.dir)?;
        match self.named(SWAP).rename(LIVE) {
            // The names of the old files give their room.
            Err(error) if is_full(&error) => {
                self.old.iter().try_for_each(|span| span.segment.remove_retired())?;
                self.named(SWAP).rename(LIVE)?;
            }
            renamed => renamed?,
        }
        self.disk.sync_dir(&self.dir)?;
        Ok(true)
    }

    /// Removes what was written: it is not wanted any more.
    pub fn abandon(&self) -> io::Result<()> {
        self.named(CLEANED).remove()
    }
}

impl Log {
    /// Lets the files of a swap be changed: retention waits until it is finished. False if the old
    /// segments are not there any more.
    pub fn begin_swap(&mut self, swap: &SegmentSwap) -> bool {
        let may = self.offline.is_none() && !self.is_swapping && self.place_of(swap).is_some();
        self.is_swapping |= may;
        may
    }

    /// Returns true while files are being changed.
    pub fn is_swapping(&self) -> bool {
        self.is_swapping
    }

    /// The files are not to be changed after all.
    pub fn abandon_swap(&mut self) {
        self.is_swapping = false;
    }

    /// Returns the files are changed. Returns the old segments, whose files are to be removed
    /// later.
    pub fn finish_swap(&mut self, swap: SegmentSwap) -> Vec<Arc<Segment>> {
        self.is_swapping = false;
        let Some(at) = self.place_of(&swap) else { return Vec::new() };
        let new = SegmentView { segment: Arc::new(swap.named(LIVE)), log_bytes: swap.log_bytes };
        let mut sealed = self.sealed.to_vec();
        let old = sealed.splice(at..at + swap.old.len(), [new]);
        let gone = old.map(|span| span.segment).collect();
        self.sealed = sealed.into();
        gone
    }

    fn place_of(&self, swap: &SegmentSwap) -> Option<usize> {
        let is_it =
            |(one, two): (&SegmentView, &SegmentView)| Arc::ptr_eq(&one.segment, &two.segment);
        let places = self.sealed.windows(swap.old.len());
        places.into_iter().position(|window| window.iter().zip(&swap.old).all(is_it))
    }
}

/// Brings a directory that holds these names in order, if a swap was broken off there. Called
/// before its logs are looked at.
pub fn finish_what_was_begun(disk: &Arc<dyn Disk>, dir: &Path, names: &[String]) -> io::Result<()> {
    for name in names.iter().filter(|name| name.ends_with(CLEANED)) {
        disk.remove_file(&dir.join(name))?;
    }
    let bases = |suffix: &str| -> Vec<Offset> {
        names.iter().filter_map(|name| base_offset_of(name, suffix)).collect()
    };
    let (live, swaps) = (bases(".log"), bases(&format!(".log{SWAP}")));
    for base_offset in swaps {
        let swap = Segment::named(disk.clone(), dir, base_offset, SWAP);
        let log_bytes = swap.log()?.len()?;
        let mut end_offset = base_offset;
        let sound_bytes = swap.scan(0, log_bytes, true, |_, bytes| {
            let batch = BatchView::first(bytes).filter(BatchView::crc_is_right);
            let Some(batch) = batch else { return Ok(ControlFlow::Break(())) };
            end_offset = batch.header.end_offset();
            Ok(ControlFlow::Continue(()))
        })?;
        if sound_bytes < log_bytes && live.contains(&base_offset) {
            // Nobody who syncs before renaming leaves such a file; what it was to replace is here.
            swap.remove()?;
            continue;
        }
        tracing::info!(log = %swap.path("log").display(), "finishing a compaction that was broken off");
        let replaced =
            |base: &&Offset| (base_offset..end_offset.max(base_offset + 1)).contains(*base);
        for base in live.iter().filter(replaced) {
            Segment::unopened(disk.clone(), dir, *base).remove()?;
        }
        disk.sync_dir(dir)?;
        swap.rename(LIVE)?;
    }
    for name in names.iter().filter(|name| name.ends_with(SWAP)) {
        let path = dir.join(name);
        if disk.exists(&path) {
            disk.remove_file(&path)?;
        }
    }
    disk.sync_dir(dir)
}
