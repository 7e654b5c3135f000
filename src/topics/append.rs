//! Appending to a partition.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use crate::clock::Now;
use crate::config::resolve::TopicConfig;
use crate::log::admit::{AdmitRules, Admitted, Rewrite, admit};
use crate::log::end_txn::EndTxn;
use crate::log::recompress;
use crate::log::verification::{TxnCheck, Verification};
use crate::log::{AppendError, AppendInfo, Log};
use crate::storage::batch::{BatchView, Header};
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::partition::{LogState, Partition};
use crate::topics::waiters::NewBytes;
use crate::types::Offset;

/// An append that takes longer was delayed by the disk, ms.
const STALL_MS: i64 = 20;
/// Number of fast appends in a row after which the disk is trusted again.
const CAUTIOUS_APPENDS: u32 = 64;

impl Partition {
    /// Checks a client's batch and appends it. Checks and recompresses (if `compression.type`
    /// requires it) outside the lock, and writes under it. `config` is the topic's, and `check` is
    /// what is known about the batch's transaction.
    ///
    /// # Errors
    /// The batch is invalid, or the log cannot take it.
    pub fn append(
        self: &Arc<Self>,
        now: Now,
        batch: BatchView<'_>,
        config: &TopicConfig,
        check: TxnCheck,
    ) -> Result<AppendInfo, ProduceError> {
        let admitted = admit(batch, &AdmitRules::of(config), now.wall_ms)?;
        let repacked = recompress::recompressed(&admitted, config, now.wall_ms)?;
        let rewritten = repacked.as_deref().and_then(recompress::view_admitted);
        self.append_admitted(now, &rewritten.unwrap_or(admitted), check)
    }

    /// Appends a batch that the broker itself has built; `check` is what is known about its
    /// transaction.
    ///
    /// # Errors
    /// The log cannot take it.
    pub fn append_own(
        self: &Arc<Self>,
        now: Now,
        bytes: &[u8],
        check: TxnCheck,
    ) -> Result<AppendInfo, ProduceError> {
        let batch = BatchView::first(bytes)
            .ok_or_else(|| Unavailable::Offline("the broker's own batch is invalid".to_owned()))?;
        let max_timestamp = batch.header.max_timestamp;
        let admitted = Admitted { batch, max_timestamp, rewrite: Rewrite::AsItCame };
        self.append_admitted(now, &admitted, check)
    }

    /// Begins to verify that the transaction of a batch is one that the coordinator knows: if it is
    /// not open in this partition, the coordinator must be asked before the batch is appended.
    /// `bumps_epoch` is true if every transaction of the producer has its own epoch.
    ///
    /// # Errors
    /// A newer epoch of the producer is known, or the log cannot be opened.
    pub fn begin_verification(
        &self,
        now: Now,
        header: &Header,
        bumps_epoch: bool,
    ) -> Result<Verification, ProduceError> {
        let mut state = self.usable()?;
        let log = state.opened()?;
        let begun = log.begin_verification(now, header, bumps_epoch);
        Ok(begun.map_err(AppendError::Producer)?)
    }

    /// Appends the end of a producer's transaction.
    ///
    /// # Errors
    /// The producer or the coordinator is out of date, or the log cannot take the marker.
    pub fn append_marker(
        self: &Arc<Self>,
        now: Now,
        end: &EndTxn,
    ) -> Result<AppendInfo, ProduceError> {
        self.append_by(now, |log| log.append_marker(now, end))
    }

    /// Appends a batch accepted by `admit`; `check` is what is known about its transaction.
    ///
    /// # Errors
    /// The log cannot take it.
    pub fn append_admitted(
        self: &Arc<Self>,
        now: Now,
        admitted: &Admitted<'_>,
        check: TxnCheck,
    ) -> Result<AppendInfo, ProduceError> {
        self.append_by(now, |log| log.append_checked(now, admitted, check))
    }

    /// Appends batches accepted by `admit` that are not part of transactions, in this order and
    /// with as few writes as possible. Returns the outcome of each.
    pub fn append_together(
        self: &Arc<Self>,
        now: Now,
        batches: &[Admitted<'_>],
    ) -> Vec<Result<AppendInfo, ProduceError>> {
        match self.append_each(now, batches) {
            Ok(outcomes) => {
                outcomes.into_iter().map(|outcome| outcome.map_err(ProduceError::Append)).collect()
            }
            Err(error) => batches.iter().map(|_| Err(error.clone().into())).collect(),
        }
    }

    fn append_each(
        self: &Arc<Self>,
        now: Now,
        batches: &[Admitted<'_>],
    ) -> Result<Vec<Result<AppendInfo, AppendError>>, Unavailable> {
        let mut state = self.usable()?;
        let log = state.opened()?;
        let stable_before = log.last_stable_offset();
        let outcomes = log.append_together(now, batches);
        let all = outcomes.iter().flatten().copied().reduce(|all, next| AppendInfo {
            end_offset: next.end_offset,
            bytes: all.bytes + next.bytes,
            ..all
        });
        if let Some(all) = all {
            self.after_append(now, state, stable_before, all);
        }
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            self.note_error(now, error);
        }
        Ok(outcomes)
    }

    /// Every append of a single batch passes here.
    fn append_by(
        self: &Arc<Self>,
        now: Now,
        append: impl FnOnce(&mut Log) -> Result<AppendInfo, AppendError>,
    ) -> Result<AppendInfo, ProduceError> {
        let mut state = self.usable()?;
        let log = state.opened()?;
        let stable_before = log.last_stable_offset();
        let placed = append(log).inspect_err(|error| self.note_error(now, error))?;
        self.after_append(now, state, stable_before, placed);
        Ok(placed)
    }

    fn note_error(&self, now: Now, error: &AppendError) {
        if let AppendError::Full(why) = error {
            self.context.disk_space.on_full(now, why);
        }
    }

    /// Shows readers what was appended, and releases the lock. `placed` is the range of it, and
    /// `stable_before` was the last stable offset before.
    fn after_append(
        self: &Arc<Self>,
        now: Now,
        mut state: MutexGuard<'_, LogState>,
        stable_before: Offset,
        placed: AppendInfo,
    ) {
        let LogState::Open(log) = &mut *state else { return };
        self.context.disk_space.on_success(now);
        self.count_producers(log);
        self.publish(log);
        let stable = match log.last_stable_offset() {
            stable if stable == stable_before => Some(0),
            stable if stable == placed.end_offset && stable_before == placed.base_offset => {
                Some(placed.bytes as i64)
            }
            _ => None,
        };
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
        if placed.bytes > 0 {
            self.waiters.arrived(NewBytes { appended: placed.bytes as i64, stable });
        }
    }

    /// Notes how long an append took: a disk that stalls would block the thread and all its
    /// clients.
    fn note_append_time(&self, began: Now) {
        let took_ms = self.context.clock.mono_ms() - began.mono_ms;
        if took_ms > STALL_MS {
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
