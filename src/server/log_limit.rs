//! Rate limit for log lines that clients can provoke at will: one per second.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The minimum time between two lines of a kind, in ms.
const INTERVAL_MS: i64 = 1000;

/// The limit for one kind of line.
#[derive(Debug)]
pub struct LogLimit {
    next_ms: AtomicI64,
    kept_back: AtomicU64,
}

impl Default for LogLimit {
    fn default() -> LogLimit {
        LogLimit { next_ms: AtomicI64::new(i64::MIN), kept_back: AtomicU64::new(0) }
    }
}

impl LogLimit {
    /// Returns the number of lines suppressed since the last one, if a line may be written now.
    pub fn admit(&self, now_ms: i64) -> Option<u64> {
        let next_ms = self.next_ms.load(Ordering::Relaxed);
        let (now, then) = (Ordering::Relaxed, now_ms + INTERVAL_MS);
        if now_ms < next_ms || self.next_ms.compare_exchange(next_ms, then, now, now).is_err() {
            self.kept_back.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.kept_back.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_is_written_and_the_others_are_counted() {
        let limit = LogLimit::default();
        assert_eq!(limit.admit(5), Some(0));
        assert_eq!([limit.admit(5), limit.admit(500), limit.admit(1004)], [None; 3]);
        assert_eq!(limit.admit(1005), Some(3));
        assert_eq!(limit.admit(9000), Some(0));
    }
}
