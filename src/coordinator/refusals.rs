//! Log lines about limits: one for each limit and second, however many requests are refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::clock::Clock;
use crate::groups::limits::Limit;

/// How often a limit is written about at most, ms.
const EVERY_MS: i64 = 1000;

/// What was refused because of one limit.
#[derive(Debug)]
struct Refused {
    limit: Limit,
    /// When a line may be written again, monotonic ms.
    next_ms: AtomicI64,
    /// How many since the last line.
    count: AtomicU64,
}

/// What was refused because of limits.
#[derive(Debug)]
pub struct Refusals {
    clock: Arc<dyn Clock>,
    of: [Refused; Limit::ALL.len()],
}

impl Refusals {
    /// Nothing was refused yet.
    pub fn new(clock: Arc<dyn Clock>) -> Refusals {
        let of = Limit::ALL.map(|limit| Refused {
            limit,
            next_ms: AtomicI64::new(0),
            count: AtomicU64::new(0),
        });
        Refusals { clock, of }
    }

    /// Notes that something of a group was refused, and writes a line if it is time.
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
            "requests to the group coordinator are refused: a limit is reached"
        );
    }
}
