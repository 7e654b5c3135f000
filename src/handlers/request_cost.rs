//! What a request costs: its quota class, the time that it has taken on the broker's threads, and
//! the resulting throttle time of its client.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;

/// How a request is charged to the quotas of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaClass {
    /// Not at all: a request between brokers.
    Exempt,
    /// For its time.
    Request,
    /// For its time and for the bytes that it contains.
    Produce,
    /// For its time and for the bytes that it reads. The handler charges both, because the response
    /// depends on the result.
    Fetch,
    /// For its time and for the partitions that it creates or deletes (KIP-599). From request
    /// version `strict_since` on, it is refused while the client is in debt.
    Mutation {
        /// The first version whose clients know THROTTLING_QUOTA_EXCEEDED.
        strict_since: i16,
    },
}

/// The cost of one request so far.
#[derive(Debug)]
pub struct RequestCost {
    /// How it is charged.
    pub class: QuotaClass,
    /// The size of the request's body.
    pub bytes: usize,
    busy_ns: AtomicI64,
    /// The part of the time that has been charged, ns.
    charged_ns: AtomicI64,
    /// Start of the current processing, ns; 0 while the request waits.
    since_ns: AtomicI64,
    throttle_ms: AtomicI64,
}

impl RequestCost {
    /// Returns the cost of a request whose body has this size, before it is handled.
    pub fn new(class: QuotaClass, bytes: usize) -> RequestCost {
        let zero = || AtomicI64::new(0);
        RequestCost {
            class,
            bytes,
            busy_ns: zero(),
            charged_ns: zero(),
            since_ns: zero(),
            throttle_ms: zero(),
        }
    }

    /// Sets the throttle time to at least this; of several the longest counts.
    pub fn throttle_at_least(&self, throttle_ms: i64) {
        self.throttle_ms.fetch_max(throttle_ms, Ordering::Relaxed);
    }

    /// Returns the throttle time, ms.
    pub fn throttle_ms(&self) -> i64 {
        self.throttle_ms.load(Ordering::Relaxed).clamp(0, i64::from(i32::MAX))
    }

    /// Runs a future and counts the time that a thread spends on it.
    pub async fn time<F: Future>(&self, clock: &dyn Clock, future: F) -> F::Output {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            let begun = clock.mono_ns();
            self.since_ns.store(begun, Ordering::Relaxed);
            let polled = future.as_mut().poll(cx);
            self.since_ns.store(0, Ordering::Relaxed);
            self.busy_ns.fetch_add(clock.mono_ns() - begun, Ordering::Relaxed);
            polled
        })
        .await
    }

    /// Returns the time that a thread has spent on the request since the last call, in percent of a
    /// second.
    pub fn take_percent_of_second(&self, clock: &dyn Clock) -> f64 {
        let running = match self.since_ns.load(Ordering::Relaxed) {
            0 => 0,
            since => clock.mono_ns() - since,
        };
        let spent = self.busy_ns.load(Ordering::Relaxed) + running;
        (spent - self.charged_ns.swap(spent, Ordering::Relaxed)) as f64 / 1e7
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;

    #[tokio::test]
    async fn only_the_time_at_work_counts_and_it_counts_once() {
        let (clock, cost) = (SimClock::at(0), RequestCost::new(QuotaClass::Request, 0));
        clock.advance(1);
        let work = async {
            clock.advance(30);
            assert_eq!(cost.take_percent_of_second(&clock), 3.0);
            tokio::task::yield_now().await;
            clock.advance(20);
        };
        let mut work = pin!(cost.time(&clock, work));
        let mut first = true;
        std::future::poll_fn(|cx| {
            if !std::mem::take(&mut first) {
                // The request waits while others are processed.
                clock.advance(500);
            }
            work.as_mut().poll(cx)
        })
        .await;
        assert_eq!(cost.take_percent_of_second(&clock), 2.0);
        assert_eq!(cost.take_percent_of_second(&clock), 0.0);
    }
}
