//! Transactions that have been open for too long are aborted, and ids that have not been used for
//! long are removed. Both are looked for at intervals, as in Kafka; without transactions and ids,
//! nothing is.

use crate::clock::Now;
use crate::transactions::records::Record;
use crate::transactions::{SLICE, Step, Transactions};

/// The interval at which a check continues that a step has not finished, ms.
const CONTINUE_MS: i64 = 100;

impl Transactions {
    /// Aborts the transactions that have timed out, and fences their producers.
    pub(super) fn check_timeouts(&mut self, now: Now, step: &mut Step) {
        if self.timeout_check_due_ms.is_none_or(|due| due > now.mono_ms) {
            return;
        }
        let timed_out = self.timeouts.iter().take_while(|(timeout, _)| *timeout < now.wall_ms);
        let mut count = 0;
        for (_, id) in timed_out.take(SLICE) {
            count += 1;
            let Some(known) = self.ids.get(id) else { continue };
            step.records.push(self.record(id, self.fenced(now, known)));
        }
        // Without room on the disk for the records, the next check finds the same transactions.
        let interval = if count < SLICE { self.rules.timeout_check_ms } else { CONTINUE_MS };
        let has_more = !self.timeouts.is_empty();
        self.timeout_check_due_ms = has_more.then_some(now.mono_ms + interval);
    }

    /// Removes the ids that have expired.
    pub(super) fn check_expiration(&mut self, now: Now, step: &mut Step) {
        if self.expiration_check_due_ms.is_none_or(|due| due > now.mono_ms) {
            return;
        }
        let expired_ms = now.wall_ms.saturating_sub(self.rules.expiration_ms);
        let expired = self.at_rest.iter().take_while(|(used_ms, _)| *used_ms <= expired_ms);
        let tombstone =
            |id: &str| Record { id: id.to_owned(), value: None, version: (self.finalized)() };
        let records: Vec<_> = expired.take(SLICE).map(|(_, id)| tombstone(id)).collect();
        let is_all = records.len() < SLICE;
        let interval = if is_all { self.rules.expiration_check_ms } else { CONTINUE_MS };
        let has_more = !self.at_rest.is_empty();
        self.expiration_check_due_ms = has_more.then_some(now.mono_ms + interval);
        step.records.extend(records);
    }
}
