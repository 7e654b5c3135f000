//! Several batches written in one call.

use crate::clock::Now;
use crate::log::admit::{Admitted, Rewrite};
use crate::log::producers::{Producers, Staged};
use crate::log::verification::TxnCheck;
use crate::log::{AppendError, AppendInfo, Log};
use crate::storage::batch::HEAD_BYTES;

impl Log {
    /// Appends batches that `admit` has accepted and that are not part of transactions, in this
    /// order. Returns the outcome of each, which is the same as if they were appended one by one,
    /// except that a write that fails fails for all that it contains.
    ///
    /// One write is for as many batches as possible. Nothing in memory changes before it.
    pub fn append_together(
        &mut self,
        now: Now,
        batches: &[Admitted<'_>],
    ) -> Vec<Result<AppendInfo, AppendError>> {
        let mut outcomes = Vec::with_capacity(batches.len());
        self.expire_producers(now);
        loop {
            let rest = batches.get(outcomes.len()..).unwrap_or_default();
            let Some(next) = rest.first() else { return outcomes };
            match rest.get(..self.writable_together(now, rest)) {
                Some(run @ [_, _, ..]) => self.append_run(now, run, &mut outcomes),
                _ => outcomes.push(self.append(now, next)),
            }
        }
    }

    /// Returns how many batches can be written in one call: they are stored as received, belong to
    /// the active segment, and are what their producers must send next.
    fn writable_together(&self, now: Now, batches: &[Admitted<'_>]) -> usize {
        if self.offline.is_some() || self.active.log_bytes == 0 {
            return 0;
        }
        let mut staged = Producers::default();
        let (mut end_offset, mut bytes) = (self.end_offset, 0);
        for (count, admitted) in batches.iter().enumerate() {
            let mut header = admitted.batch.header;
            header.base_offset = end_offset;
            bytes += admitted.batch.bytes.len() as u64;
            let (last_offset, latest) = (header.last_offset(), header.max_timestamp);
            let is_plain = admitted.rewrite == Rewrite::AsItCame && !header.is_transactional();
            if !is_plain || self.roll_is_due(now, (bytes, count), last_offset, latest) {
                return count;
            }
            if header.is_idempotent() {
                staged.adopt(&self.producers, header.producer_id);
                match staged.stage(&header, TxnCheck::Unneeded, &self.verifications) {
                    Ok(Staged::Append) => staged.commit(&header, now.wall_ms),
                    _ => return count,
                }
            }
            end_offset = header.end_offset();
        }
        batches.len()
    }

    /// Writes batches in one call and commits them.
    fn append_run(
        &mut self,
        now: Now,
        run: &[Admitted<'_>],
        outcomes: &mut Vec<Result<AppendInfo, AppendError>>,
    ) {
        self.begin_unflushed(now);
        let total = run.iter().map(|admitted| admitted.batch.bytes.len()).sum();
        let mut bytes = Vec::with_capacity(total);
        let (mut end_offset, epoch) = (self.end_offset, self.epochs.current());
        for Admitted { batch, .. } in run {
            bytes.extend_from_slice(&batch.placed_at(end_offset, epoch));
            bytes.extend_from_slice(batch.bytes.get(HEAD_BYTES..).unwrap_or_default());
            end_offset += i64::from(batch.header.last_offset_delta) + 1;
        }
        let mut failure = self.put(&bytes, &[]).err().map(|error| self.refuse(&error));
        for Admitted { batch, .. } in run {
            if failure.is_none() {
                let mut header = batch.header;
                header.base_offset = self.end_offset;
                match self.commit(now, &header, batch.bytes.len() as u64, None) {
                    Ok(placed) => {
                        outcomes.push(Ok(placed));
                        continue;
                    }
                    Err(error) => failure = Some(self.refuse(&error)),
                }
            }
            outcomes.extend(failure.as_ref().map(|error| Err(error.again())));
        }
    }
}

#[cfg(test)]
mod tests;
