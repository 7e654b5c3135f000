//! Making a partition's records durable. One sync runs at a time, without the log's lock.

use std::sync::Arc;

use crate::clock::Now;
use crate::log::Log;
use crate::log::flush::Flush;
use crate::topics::error::Unavailable;
use crate::topics::partition::{LogState, Partition};
use crate::types::Offset;

impl Partition {
    /// Returns the number of records not known to be durable; 0 if the log is not open.
    pub fn unflushed(&self) -> i64 {
        match &*self.log() {
            LogState::Open(log) => log.unflushed(),
            _ => 0,
        }
    }

    /// Returns once everything below `end` is durable. Callers that arrive while a sync is running
    /// are all served by the next one.
    pub async fn durable(self: &Arc<Self>, end: Offset) -> Result<(), Unavailable> {
        let mut durable_end = self.flush_lock.lock().await;
        if *durable_end >= end {
            return Ok(());
        }
        let partition = self.clone();
        let synced = tokio::task::spawn_blocking(move || partition.flush()).await;
        *durable_end =
            synced.unwrap_or_else(|panic| Err(Unavailable::Offline(panic.to_string())))?;
        Ok(())
    }

    /// Syncs what is not durable yet; returns the offset up to which the log is durable. A failure
    /// takes the partition offline: the kernel may have dropped the pages.
    pub fn flush(&self) -> Result<Offset, Unavailable> {
        self.flush_some(Log::flush_due)
    }

    /// Performs the requested flush: of the whole log if `flush.ms` has passed, else of its full
    /// segments.
    pub fn flush_what_is_due(self: &Arc<Self>, now: Now) -> Result<(), Unavailable> {
        self.pending_work.flush_taken();
        let due = |log: &Log| match log.flush_wanted_mono_ms() {
            Some(due) if due <= now.mono_ms => {
                log.prepare_recovery_point();
                log.flush_due()
            }
            _ => log.flush_of_segments_due(),
        };
        if !matches!(*self.log(), LogState::Open(_)) {
            return Ok(());
        }
        self.flush_some(due)?;
        self.request_due_flush();
        Ok(())
    }

    /// Requests the flush that is due at some time, if there is one.
    pub fn request_due_flush(self: &Arc<Self>) {
        let wanted = match &*self.log() {
            LogState::Open(log) => log.flush_wanted_mono_ms(),
            _ => None,
        };
        if let Some(due) = wanted {
            self.pending_work.request_timed_flush(self, due);
        }
    }

    fn flush_some(&self, due: impl Fn(&Log) -> Option<Flush>) -> Result<Offset, Unavailable> {
        let flush = {
            let mut state = self.usable()?;
            let log = state.opened()?;
            if let Some(why) = log.offline() {
                return Err(Unavailable::Offline(why.to_owned()));
            }
            match due(log) {
                Some(flush) => flush,
                None => return Ok(log.recovery_point()),
            }
        };
        let outcome = flush.run();
        let mut state = self.usable()?;
        let log = state.opened()?;
        match outcome {
            Ok(()) => {
                log.flushed(&flush);
                Ok(flush.up_to)
            }
            Err(error) => Err(Unavailable::Offline(log.fail(&error))),
        }
    }

    /// Requests a checkpoint, because its log start offset has not been saved.
    pub fn ask_for_checkpoint(self: &Arc<Self>) {
        self.pending_work.request_segment_flush(self, self.context.clock.now().mono_ms);
    }
}
