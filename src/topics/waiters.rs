//! Who waits for bytes in a partition: the long poll of Fetch.
//!
//! The order is *arm, read, settle, sleep*. Bytes that arrive between arming and settling are
//! counted twice, so a wake-up can come early (one read too many) and never late. Setting the
//! counter before the read and sleeping on it loses what arrived in between.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

/// More than anybody can lack: the wait has not been settled yet.
const UNSETTLED: i64 = i64::MAX / 2;

/// One long poll.
#[derive(Debug)]
pub struct Wait {
    lacking_bytes: AtomicI64,
    notify: Notify,
}

impl Default for Wait {
    fn default() -> Wait {
        Wait { lacking_bytes: AtomicI64::new(UNSETTLED), notify: Notify::new() }
    }
}

impl Wait {
    /// Before reading: what arrives from now on counts.
    pub fn arm(&self) {
        self.lacking_bytes.store(UNSETTLED, Ordering::SeqCst);
    }

    /// After reading: this many bytes are still wanted.
    pub fn settle(&self, lacking_bytes: i64) {
        let over = UNSETTLED - lacking_bytes.max(1);
        if self.lacking_bytes.fetch_sub(over, Ordering::SeqCst) - over <= 0 {
            self.notify.notify_one();
        }
    }

    fn arrived(&self, bytes: i64) {
        let before = self.lacking_bytes.fetch_sub(bytes, Ordering::SeqCst);
        if before > 0 && before - bytes <= 0 {
            self.notify.notify_one();
        }
    }

    /// Until enough has arrived, or something happened that is not bytes.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }
}

/// The waits of one partition. A wait that is dropped leaves by itself.
#[derive(Debug, Default)]
pub struct Waiters {
    list: Mutex<Vec<Weak<Wait>>>,
}

impl Waiters {
    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Wait>>> {
        self.list.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Watches the partition until the wait is dropped.
    pub fn watch(&self, wait: &Arc<Wait>) {
        let mut list = self.list();
        list.retain(|w| w.strong_count() > 0);
        list.push(Arc::downgrade(wait));
    }

    /// Bytes were appended.
    pub fn arrived(&self, bytes: i64) {
        self.each(|wait| wait.arrived(bytes));
    }

    /// Something changed that is not bytes: wake everybody.
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

    #[tokio::test]
    async fn bytes_between_arming_and_settling_wake() {
        let (waiters, wait) = (Waiters::default(), Arc::new(Wait::default()));
        waiters.watch(&wait);
        wait.arm();
        waiters.arrived(10);
        wait.settle(10);
        let woken = tokio::time::timeout(std::time::Duration::from_secs(60), wait.woken());
        woken.await.expect("it is woken");
    }

    #[tokio::test]
    async fn it_is_the_sum_that_wakes() {
        let (waiters, wait) = (Waiters::default(), Arc::new(Wait::default()));
        waiters.watch(&wait);
        wait.arm();
        wait.settle(10);
        waiters.arrived(9);
        assert!(tokio::time::timeout(std::time::Duration::ZERO, wait.woken()).await.is_err());
        waiters.arrived(1);
        let woken = tokio::time::timeout(std::time::Duration::from_secs(60), wait.woken());
        woken.await.expect("it is woken");
        drop(wait);
        waiters.arrived(1);
        assert!(waiters.list().is_empty());
    }
}
