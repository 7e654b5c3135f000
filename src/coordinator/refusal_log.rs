//! Log lines about limits: at most one per limit and second, regardless of the number of refusals.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::clock::Clock;
use crate::groups::error::Limit;

/// Minimum time between two log lines about a limit, ms.
const EVERY_MS: i64 = 1000;

/// The requests that one limit has refused.
#[derive(Debug)]
struct RefusalCount {
    limit: Limit,
    /// When the next log line is allowed, monotonic ms.
    next_ms: AtomicI64,
    /// Number of requests since the last log line.
    count: AtomicU64,
}

/// The requests that limits have refused.
#[derive(Debug)]
pub struct RefusalLog {
    clock: Arc<dyn Clock>,
    of: [RefusalCount; Limit::ALL.len()],
}

impl RefusalLog {
    /// Creates counters at zero.
    pub fn new(clock: Arc<dyn Clock>) -> RefusalLog {
        let of = Limit::ALL.map(|limit| RefusalCount {
            limit,
            next_ms: AtomicI64::new(0),
            count: AtomicU64::new(0),
        });
        RefusalLog { clock, of }
    }

    /// Counts a refused request of a group, and writes a log line if one is due.
    pub fn note(&self, limit: Limit, group: &str) {
        let Some(refused) = self.of.iter().find(|refused| refused.limit == limit) else { return };
        refused.count.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now().mono_ms;
        let next = refused.next_ms.load(Ordering::Relaxed);
        let (set, relaxed) = (now + EVERY_MS, Ordering::Relaxed);
        if now < next || refused.next_ms.compare_exchange(next, set, relaxed, relaxed).is_err() {
            return;
        }
        let count = refused.count.swap(0, Ordering::Relaxed);
        let group: String = group.chars().take(256).collect();
        tracing::warn!(
            limit = limit.name(),
            group,
            count,
            "refused requests to the group coordinator: limit reached"
        );
    }
}
