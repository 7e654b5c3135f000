//! Compaction of a partition: one pass of the cleaner over its log, which remains in use meanwhile.

use std::io;
use std::sync::Arc;

use crate::clock::Now;
use crate::log::compaction::cleanable::CleanableRange;
use crate::log::compaction::{CleanerStats, CompactionPass, PassConfig, interrupted};
use crate::storage::segment::Segment;
use crate::topics::error::Unavailable;
use crate::topics::partition::Partition;
use crate::types::{Offset, Throttler};

/// Why a partition was not compacted.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// It can be neither written nor read.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The disk failed, the log cannot be read, or the caller broke off. The log is unchanged, or
    /// partly compacted.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A bug in Ottla.
    #[error("a panic: {0}")]
    Panicked(String),
}

/// The result of a pass.
#[derive(Debug)]
pub struct Compacted {
    /// Everything below this offset has been compacted.
    pub cleaned_to: Offset,
    /// Segments whose files are to be removed after `file.delete.delay.ms`.
    pub removed_segments: Vec<Arc<Segment>>,
    /// Statistics of what was read and written.
    pub stats: CleanerStats,
}

impl Partition {
    /// Returns which part of the log can be compacted; `None` if the topic is not compacted or the
    /// log cannot be read. `cleaned` is where the last pass ended.
    pub fn cleanable_range(&self, cleaned: Option<Offset>, now: Now) -> Option<CleanableRange> {
        let config = self.config();
        if !config.cleanup.compact || self.log_bytes() == 0 {
            return None;
        }
        CleanableRange::of(&self.view().ok()?, &config, cleaned, now.wall_ms).ok()
    }

    /// Cleans up after a compaction that has panicked. If it was replacing files, the log goes
    /// offline: the next start completes the swap or discards it.
    pub fn end_swap(&self) {
        let failed = self.with_log(|log| {
            if log.is_swapping() {
                log.fail(&io::Error::other("a panic interrupted the replacement of its files"));
            }
        });
        // A log that no longer exists needs nothing.
        drop(failed);
    }

    /// Runs one pass, unless another is in progress. Blocks until it is done; the log's lock is
    /// held only to exchange segments.
    pub fn compact(
        &self,
        cleaned: Option<Offset>,
        pass_config: PassConfig,
        throttler: Throttler<'_>,
    ) -> Result<Compacted, CompactError> {
        let Some(_right) = self.begin_compacting() else { return Err(interrupted().into()) };
        let (view, last_written) =
            self.with_log(|log| (log.view(), log.producers().last_written()))?;
        // The newer record of a durable one, and a newer batch of a producer, must be durable too.
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
