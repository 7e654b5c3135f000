//! Fetch requests waiting for data in a partition: the long poll.
//!
//! A request that reads below the last stable offset waits for what becomes stable: a batch of an
//! open transaction does not wake it, and the marker that ends the transaction does.
//!
//! The order is *arm, read, settle, sleep*. Bytes that arrive between arming and settling are
//! counted twice, so a wake-up may be early (one unnecessary read) but never late. Setting the
//! counter before the read and sleeping on it would miss what arrived in between.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::sync::Mutex;

/// More than any wait can lack: the wait has not been settled yet.
const UNSETTLED: i64 = i64::MAX / 2;

/// One long poll.
#[derive(Debug)]
pub struct Wait {
    /// True to wait for stable bytes only.
    committed: bool,
    lacking_bytes: AtomicI64,
    notify: Notify,
}

/// Bytes that can be read from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewBytes {
    /// The bytes that were appended.
    pub appended: i64,
    /// The bytes that lie below the last stable offset now, and did not before; `None` if it is not
    /// known how many.
    pub stable: Option<i64>,
}

impl Wait {
    /// Returns a wait for bytes; for those below the last stable offset if `committed`.
    pub fn new(committed: bool) -> Wait {
        Wait { committed, lacking_bytes: AtomicI64::new(UNSETTLED), notify: Notify::new() }
    }

    /// Begins counting bytes that arrive; called before reading.
    pub fn arm(&self) {
        self.lacking_bytes.store(UNSETTLED, Ordering::SeqCst);
    }

    /// Sets the number of bytes still lacking; called after reading.
    pub fn settle(&self, lacking_bytes: i64) {
        let over = UNSETTLED - lacking_bytes.max(1);
        if self.lacking_bytes.fetch_sub(over, Ordering::SeqCst) - over <= 0 {
            self.notify.notify_one();
        }
    }

    fn arrived(&self, new: NewBytes) {
        let bytes = match self.committed {
            true => new.stable.unwrap_or(UNSETTLED),
            false => new.appended,
        };
        let before = self.lacking_bytes.fetch_sub(bytes, Ordering::SeqCst);
        if before > 0 && before - bytes <= 0 {
            self.notify.notify_one();
        }
    }

    /// Waits until enough bytes have arrived or something else has changed.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }
}

/// The waits on one partition. Dropping a wait removes it.
#[derive(Debug, Default)]
pub struct Waiters {
    list: Mutex<Vec<Weak<Wait>>>,
}

impl Waiters {
    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Wait>>> {
        self.list.lock()
    }

    /// Registers a wait until it is dropped.
    pub fn watch(&self, wait: &Arc<Wait>) {
        let mut list = self.list();
        list.retain(|w| w.strong_count() > 0);
        list.push(Arc::downgrade(wait));
    }

    /// Counts appended bytes.
    pub fn arrived(&self, new: NewBytes) {
        self.each(|wait| wait.arrived(new));
    }

    /// Wakes all waits because of a change other than new bytes.
    pub fn changed(&self) {
        self.each(|wait| wait.notify.notify_one());
    }

    fn each(&self, mut visit: impl FnMut(&Wait)) {
        self.list().retain(|wait| match wait.upgrade() {
            Some(wait) => {
                visit(&wait);
                true
            }
            None => false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns bytes outside of transactions.
    fn bytes(count: i64) -> NewBytes {
        NewBytes { appended: count, stable: Some(count) }
    }

    #[tokio::test]
    async fn bytes_that_are_not_stable_wake_no_one_who_waits_for_stable_ones() {
        let (waiters, wait) = (Waiters::default(), Arc::new(Wait::new(true)));
        waiters.watch(&wait);
        wait.arm();
        wait.settle(10);
        waiters.arrived(NewBytes { appended: 100, stable: Some(0) });
        assert!(tokio::time::timeout(std::time::Duration::ZERO, wait.woken()).await.is_err());
        waiters.arrived(NewBytes { appended: 1, stable: None });
        let woken = tokio::time::timeout(std::time::Duration::from_secs(60), wait.woken());
        woken.await.expect("it is woken");
    }

    #[tokio::test]
    async fn bytes_between_arming_and_settling_wake() {
        let (waiters, wait) = (Waiters::default(), Arc::new(Wait::new(false)));
        waiters.watch(&wait);
        wait.arm();
        waiters.arrived(bytes(10));
        wait.settle(10);
        let woken = tokio::time::timeout(std::time::Duration::from_secs(60), wait.woken());
        woken.await.expect("it is woken");
    }

    #[tokio::test]
    async fn it_is_the_sum_that_wakes() {
        let (waiters, wait) = (Waiters::default(), Arc::new(Wait::new(false)));
        waiters.watch(&wait);
        wait.arm();
        wait.settle(10);
        waiters.arrived(bytes(9));
        assert!(tokio::time::timeout(std::time::Duration::ZERO, wait.woken()).await.is_err());
        waiters.arrived(bytes(1));
        let woken = tokio::time::timeout(std::time::Duration::from_secs(60), wait.woken());
        woken.await.expect("it is woken");
        drop(wait);
        waiters.arrived(bytes(1));
        assert!(waiters.list().is_empty());
    }
}
