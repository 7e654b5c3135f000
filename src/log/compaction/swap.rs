//! Replaces old segment files with new ones so that a crash at any point leaves one or the other
//! (Kafka's `LocalLog.replaceSegments`).
//!
//! The new log is written as `.cleaned` and made durable. Once it is named `.swap` it counts: a
//! start that finds one completes the swap. Only then are the old files renamed to `.deleted`, and
//! the new ones get their final names. Each of these steps is durable before the next begins.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::log::Log;
use crate::log::view::SegmentView;
use crate::storage::disk::{Disk, is_full};
use crate::storage::segment::{CLEANED, LIVE, SWAP, Segment};
use crate::types::Offset;

/// Old segments, and the one that replaces them.
#[derive(Debug)]
pub struct SegmentSwap {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    old: Vec<SegmentView>,
    base_offset: Offset,
    log_bytes: u64,
}

impl SegmentSwap {
    /// Returns the swap of the `.cleaned` files at the first segment's base offset for these
    /// segments, which are neighbours and not empty.
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

    /// Replaces the files. Runs between [`Log::begin_swap`] and [`Log::finish_swap`], without the
    /// log's lock. Returns false, and changes nothing, if there was no space for the new names.
    ///
    /// # Errors
    /// An error from the disk. The log must then go offline; the next start completes the swap or
    /// discards it.
    pub fn run(&self) -> io::Result<bool> {
        match self.named(CLEANED).rename(SWAP) {
            // The log file, which decides, is renamed last.
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
            // Removing the old files' names frees space.
            Err(error) if is_full(&error) => {
                self.old.iter().try_for_each(|span| span.segment.remove_retired())?;
                self.named(SWAP).rename(LIVE)?;
            }
            renamed => renamed?,
        }
        self.disk.sync_dir(&self.dir)?;
        Ok(true)
    }

    /// Removes the files that were written: they are not needed any more.
    pub fn abandon(&self) -> io::Result<()> {
        self.named(CLEANED).remove()
    }
}

impl Log {
    /// Begins the replacement of files: retention waits until it is finished. Returns false if the
    /// old segments no longer exist.
    pub fn begin_swap(&mut self, swap: &SegmentSwap) -> bool {
        let may = self.offline.is_none() && !self.is_swapping && self.place_of(swap).is_some();
        self.is_swapping |= may;
        may
    }

    /// Returns true while files are being replaced.
    pub fn is_swapping(&self) -> bool {
        self.is_swapping
    }

    /// Cancels the replacement of files.
    pub fn abandon_swap(&mut self) {
        self.is_swapping = false;
    }

    /// Ends the replacement of files. Returns the old segments, whose files are to be removed
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
