//! How long a connection may be idle: one timer for all its waits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// The time limit for each of many waits, of which most are short.
///
/// The timer is not set again for each wait: when it ends, what is left of the current wait is
/// waited for.
#[derive(Debug)]
pub struct Patience {
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    /// When the current wait is over; `None` before its first poll.
    due: Option<Instant>,
}

impl Patience {
    /// Returns the time limit for waits of at most `limit`.
    pub fn new(limit: Duration) -> Patience {
        Patience { limit, timer: Box::pin(sleep(limit)), due: None }
    }

    /// Begins a wait. It is timed from its first poll, so that a wait that is over at once costs
    /// nothing.
    pub fn begin(mut self: Pin<&mut Self>) {
        self.due = None;
    }
}

impl Future for Patience {
    type Output = ();

    /// Ends when the wait has taken as long as it may.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let due = *self.due.get_or_insert_with(|| sleep(limit).deadline());
        while self.timer.as_mut().poll(cx).is_ready() {
            if due <= self.timer.deadline() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_over_after_its_limit_however_many_were_before() {
        let mut patience = Box::pin(Patience::new(Duration::from_secs(10)));
        let begun = Instant::now();
        for _ in 0..3 {
            patience.as_mut().begin();
            let short = tokio::time::timeout(Duration::from_secs(7), patience.as_mut()).await;
            assert!(short.is_err(), "the limit has not been reached");
        }
        patience.as_mut().begin();
        patience.as_mut().await;
        assert_eq!(begun.elapsed().as_secs(), 31);
    }
}
