//! Appending to a partition.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::Now;
use crate::config::resolve::TopicConfig;
use crate::log::admit::{AdmitRules, Admitted, Rewrite, admit};
use crate::log::recompress;
use crate::log::{AppendError, AppendInfo};
use crate::storage::batch::BatchView;
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::partition::Partition;

/// An append that takes longer was delayed by the disk, ms.
const STALL_MS: i64 = 20;
/// Number of fast appends in a row after which the disk is trusted again.
const CAUTIOUS_APPENDS: u32 = 64;

impl Partition {
    /// Checks a client's batch and appends it. Checks and recompresses (if `compression.type`
    /// requires it) outside the lock, and writes under it. `config` is the topic's.
    ///
    /// # Errors
    /// The batch is invalid, or the log cannot take it.
    pub fn append(
        self: &Arc<Self>,
        now: Now,
        batch: BatchView<'_>,
        config: &TopicConfig,
    ) -> Result<AppendInfo, ProduceError> {
        let admitted = admit(batch, &AdmitRules::of(config), now.wall_ms)?;
        let repacked = recompress::recompressed(&admitted, config, now.wall_ms)?;
        let rewritten = repacked.as_deref().and_then(recompress::view_admitted);
        self.append_admitted(now, &rewritten.unwrap_or(admitted))
    }

    /// Appends a batch that the broker itself has built.
    ///
    /// # Errors
    /// The log cannot take it.
    pub fn append_own(
        self: &Arc<Self>,
        now: Now,
        bytes: &[u8],
    ) -> Result<AppendInfo, ProduceError> {
        let batch = BatchView::first(bytes)
            .ok_or_else(|| Unavailable::Offline("the broker's own batch is invalid".to_owned()))?;
        let max_timestamp = batch.header.max_timestamp;
        self.append_admitted(now, &Admitted { batch, max_timestamp, rewrite: Rewrite::AsItCame })
    }

    /// Every append passes here.
    fn append_admitted(
        self: &Arc<Self>,
        now: Now,
        admitted: &Admitted<'_>,
    ) -> Result<AppendInfo, ProduceError> {
        let mut state = self.log();
        let log = self.opened(&mut state)?;
        let placed = log.append(now, admitted).inspect_err(|error| {
            if let AppendError::Full(why) = error {
                self.context.disk_space.on_full(now, why);
            }
        })?;
        self.context.disk_space.on_success(now);
        self.count_producers(log);
        self.publish(log);
        let (filled, wanted) = (log.has_unflushed_segments(), log.flush_wanted_mono_ms());
        // A filled segment may be durable already, and no other append need follow.
        let has_news = filled || log.follows_filled_segment(placed.base_offset);
        let cleanable = log.config().cleanup.compact && has_news;
        drop(state);
        if filled {
            self.pending_work.request_segment_flush(self, now.mono_ms);
        }
        if cleanable {
            self.pending_work.request_compaction(self);
        }
        if let Some(due) = wanted {
            self.pending_work.request_timed_flush(self, due);
        }
        self.note_append_time(now);
        if !placed.is_duplicate {
            self.waiters.arrived(admitted.batch.bytes.len() as i64);
        }
        Ok(placed)
    }

    /// Notes how long an append took: a disk that stalls would block the thread and all its
    /// clients.
    fn note_append_time(&self, began: Now) {
        if self.context.clock.now().mono_ms - began.mono_ms > STALL_MS {
            self.cautious.store(CAUTIOUS_APPENDS, Ordering::Relaxed);
        } else if self.cautious.load(Ordering::Relaxed) > 0 {
            let less = |left: u32| left.checked_sub(1);
            let _ = self.cautious.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// Returns true if an append should be made on a blocking thread: the disk has stalled, or the
    /// log must be opened first.
    pub fn is_cautious(&self) -> bool {
        self.cautious.load(Ordering::Relaxed) > 0 || !self.is_open()
    }
}
