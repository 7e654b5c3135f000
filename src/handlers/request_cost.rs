//! How much time a request has taken of the broker's threads, and how long its client must wait.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;

/// What one request has cost until now.
#[derive(Debug, Default)]
pub struct RequestCost {
    busy_ns: AtomicI64,
    /// Since when the request is being worked on; 0 while it waits.
    since_ns: AtomicI64,
    throttle_ms: AtomicI64,
}

impl RequestCost {
    /// The client must wait so long; of several times the longest counts.
    pub fn throttle_at_least(&self, throttle_ms: i64) {
        self.throttle_ms.fetch_max(throttle_ms, Ordering::Relaxed);
    }

    /// How long the client must wait, in ms.
    pub fn throttle_ms(&self) -> i64 {
        self.throttle_ms.load(Ordering::Relaxed).clamp(0, i64::from(i32::MAX))
    }

    /// Carry out work, and count the time in which a thread is at it.
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

    /// For how long a thread was at it, in percent of a second.
    pub fn percent_of_second(&self, clock: &dyn Clock) -> f64 {
        let running = match self.since_ns.load(Ordering::Relaxed) {
            0 => 0,
            since => clock.mono_ns() - since,
        };
        (self.busy_ns.load(Ordering::Relaxed) + running) as f64 / 1e7
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;

    #[tokio::test]
    async fn only_the_time_at_work_counts() {
        let (clock, cost) = (SimClock::at(0), RequestCost::default());
        clock.advance(1);
        let work = async {
            clock.advance(30);
            assert_eq!(cost.percent_of_second(&clock), 3.0);
            tokio::task::yield_now().await;
            clock.advance(20);
        };
        let mut work = pin!(cost.time(&clock, work));
        let mut first = true;
        std::future::poll_fn(|cx| {
            if !std::mem::take(&mut first) {
                // It waits, and others are at work.
                clock.advance(500);
            }
            work.as_mut().poll(cx)
        })
        .await;
        assert_eq!(cost.percent_of_second(&clock), 5.0);
    }
}
