//! A partition is compacted: one pass of the cleaner over its log, which goes on meanwhile.

use std::io;
use std::sync::Arc;

use crate::clock::Now;
use crate::log::compaction::cleanable::CleanableRange;
use crate::log::compaction::{CleanerStats, CompactionPass, PassConfig, Throttler, interrupted};
use crate::storage::segment::Segment;
use crate::topics::error::Unavailable;
use crate::topics::partition::Partition;
use crate::types::Offset;

/// Why a partition was not compacted.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// It can neither be written to nor read.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The disk failed, the log cannot be read, or whoever has it done broke it off. The log is as
    /// it was, or partly compacted.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A fault of our own.
    #[error("a panic: {0}")]
    Panicked(String),
}

/// What a pass came to.
#[derive(Debug)]
pub struct Compacted {
    /// Everything below this offset has been cleaned.
    pub cleaned_to: Offset,
    /// Segments whose files are to be removed after `file.delete.delay.ms`.
    pub removed_segments: Vec<Arc<Segment>>,
    /// What was read and written.
    pub stats: CleanerStats,
}

impl Partition {
    /// What lies before the cleaner; `None` if the topic is not compacted or the log cannot be
    /// looked at. `cleaned` is where the last pass ended.
    pub fn cleanable_range(&self, cleaned: Option<Offset>, now: Now) -> Option<CleanableRange> {
        let config = self.config();
        if !config.cleanup.compact || self.log_bytes() == 0 {
            return None;
        }
        CleanableRange::of(&self.view().ok()?, &config, cleaned, now.wall_ms).ok()
    }

    /// A compaction has panicked. Where that was in the middle of a change of files, the log takes
    /// nothing more: the next start brings them in order.
    pub fn end_swap(&self) {
        let failed = self.with_log(|log| {
            if log.is_swapping() {
                log.fail(&io::Error::other("a change of its files was broken off by a panic"));
            }
        });
        // A log that is not there any more needs nothing.
        drop(failed);
    }

    /// One pass, if nobody else is at it. Blocks for as long as it takes; the log's lock is held only to exchange segments.
    pub fn compact(
        &self,
        cleaned: Option<Offset>,
        pass_config: PassConfig,
        throttler: Throttler<'_>,
    ) -> Result<Compacted, CompactError> {
        let Some(_right) = self.begin_compacting() else { return Err(interrupted().into()) };
        let (view, last_written) =
            self.with_log(|log| (log.view(), log.producers().last_written()))?;
        // What outdates a durable record, or tells more of a producer, must be durable itself.
        self.flush()?;
        let (disk, dir) = self.disk_and_dir();
        let config = self.config();
        let range = CleanableRange::of(&view, &config, cleaned, pass_config.now_wall_ms)?;
        let mut pass = CompactionPass::begin(
            disk.clone(),
            &view,
            config,
            &range,
            last_written,
            pass_config,
            throttler,
        )?;
        let mut gone = Vec::new();
        while let Some(swap) = pass.next(dir, throttler)? {
            if !self.with_log(|log| log.begin_swap(&swap))? {
                // Retention or a failure came first.
                swap.abandon()?;
                break;
            }
            match swap.run() {
                Ok(true) => {}
                Ok(false) => {
                    self.with_log(|log| log.abandon_swap())?;
                    return Err(CompactError::Io(std::io::ErrorKind::StorageFull.into()));
                }
                Err(error) => {
                    self.with_log(|log| log.fail(&error))?;
                    return Err(error.into());
                }
            }
            gone.extend(self.with_log(|log| log.finish_swap(swap))?);
        }
        Ok(Compacted { cleaned_to: pass.cleaned_to, removed_segments: gone, stats: pass.stats })
    }
}
