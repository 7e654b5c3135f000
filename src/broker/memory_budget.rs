//! Memory that requests make the broker allocate, counted in bytes before it is allocated.
//!
//! **Invariant:** at most `in_all` bytes are held at once, not counting a reserve of one eighth of
//! it for small demands, and at most `each` of them by one connection. Waiting for memory is
//! bounded, and shorter for a connection that already holds some: two that wait for each other do
//! not wait for long.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::config::broker::{
    CONNECTION_MAX_RESPONSE_BYTES, QUEUED_MAX_DECODED_BYTES, QUEUED_MAX_RESPONSE_BYTES,
};
use crate::config::entry::{Entry, Row};
use crate::config::resolve::BrokerConfig;

/// How long a connection that holds nothing waits for memory.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How long a connection that already holds some waits for more.
const WAIT_FOR_MORE_MAX: Duration = Duration::from_secs(4);
/// Connections that hold no more than this may use the reserve and need not wait for large holders.
const SMALL_BYTES: usize = 64 * 1024;

/// A budget of bytes that connections share.
#[derive(Debug)]
pub struct MemoryBudget {
    free: Semaphore,
    /// For small demands only, when nothing else is free.
    reserve: Semaphore,
    /// Permits to allocate piecemeal: as many as can all have their full share.
    growing: Arc<Semaphore>,
    in_all: MemoryBound,
    each: MemoryBound,
    waiting: AtomicUsize,
    /// Wakes holders that could give their memory up.
    wanted: Notify,
}

/// A number of bytes, and the option that sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBound {
    /// The option.
    pub option: &'static str,
    /// Its value, in bytes.
    pub bytes: usize,
}

/// Why memory was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemoryExhausted {
    /// More than one connection may hold, however long it waits.
    #[error("{bytes} bytes of memory are needed; {option} allows {most}")]
    TooMuch {
        /// The number of bytes that would be held.
        bytes: usize,
        /// The option that sets the limit.
        option: &'static str,
        /// The limit, in bytes.
        most: usize,
    },
    /// Other connections held it for too long.
    #[error("timed out waiting for {bytes} bytes of memory ({option})")]
    Busy {
        /// The number of bytes requested.
        bytes: usize,
        /// The option that sets the budget of all connections.
        option: &'static str,
    },
}

/// Bytes held; returned to the budget on drop.
#[derive(Debug)]
pub struct MemoryPermit {
    budget: Arc<MemoryBudget>,
    bytes: AtomicUsize,
    /// How many of them are from the reserve.
    reserved: AtomicUsize,
}

/// Returns the budget for decoded requests.
pub fn for_requests(config: &BrokerConfig) -> MemoryBudget {
    let all = MemoryBound::of(&QUEUED_MAX_DECODED_BYTES, config.queued_max_decoded_bytes);
    MemoryBudget::new(all, all)
}

/// Returns the budget for responses.
pub fn for_responses(config: &BrokerConfig) -> MemoryBudget {
    let all = MemoryBound::of(&QUEUED_MAX_RESPONSE_BYTES, config.queued_max_response_bytes);
    let each =
        MemoryBound::of(&CONNECTION_MAX_RESPONSE_BYTES, config.connection_max_response_bytes);
    MemoryBudget::new(all, each)
}

impl MemoryBound {
    fn of(option: &Entry<i64>, value: i64) -> MemoryBound {
        let option = option.broker().first().map_or("", |name| name.text);
        MemoryBound { option, bytes: usize::try_from(value).unwrap_or(0) }
    }
}

impl MemoryBudget {
    /// Returns a budget with nothing held. No bound is larger than 4 GiB.
    pub fn new(in_all: MemoryBound, each: MemoryBound) -> MemoryBudget {
        let most =
            |bound: MemoryBound| MemoryBound { bytes: bound.bytes.min(u32::MAX as usize), ..bound };
        let in_all = most(in_all);
        let each = if each.bytes < in_all.bytes { most(each) } else { in_all };
        let (free, reserve) = (Semaphore::new(in_all.bytes), Semaphore::new(in_all.bytes / 8));
        let growing = Arc::new(Semaphore::new((in_all.bytes / each.bytes.max(1)).max(1)));
        let (waiting, wanted) = (AtomicUsize::new(0), Notify::new());
        MemoryBudget { free, reserve, growing, in_all, each, waiting, wanted }
    }

    /// Returns true while a connection waits for memory.
    pub fn has_waiters(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Returns how many bytes are free, without the reserve.
    pub fn free_bytes(&self) -> usize {
        self.free.available_permits()
    }

    /// Waits for the permit to allocate piecemeal. Without it, connections that each hold a part
    /// and need more would wait for each other.
    ///
    /// # Errors
    /// Other connections held the permits for too long.
    pub async fn grow_in_turn(&self) -> Result<OwnedSemaphorePermit, MemoryExhausted> {
        let turn = tokio::time::timeout(WAIT_MAX, self.growing.clone().acquire_owned()).await;
        let option = self.in_all.option;
        turn.ok()
            .and_then(Result::ok)
            .ok_or(MemoryExhausted::Busy { bytes: self.each.bytes, option })
    }

    /// Takes bytes for one connection, waiting for them if necessary.
    ///
    /// # Errors
    /// More than one connection may hold, or others held them for too long.
    pub async fn take(
        self: &Arc<MemoryBudget>,
        bytes: usize,
    ) -> Result<MemoryPermit, MemoryExhausted> {
        let (bytes_held, reserved) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let held = MemoryPermit { budget: self.clone(), bytes: bytes_held, reserved };
        held.grow(bytes).await?;
        Ok(held)
    }
}

impl MemoryPermit {
    /// Takes more bytes.
    ///
    /// # Errors
    /// Those of [`MemoryBudget::take`]; the bytes held before are still held.
    pub async fn grow(&self, more: usize) -> Result<(), MemoryExhausted> {
        let (held, MemoryBound { option, bytes: most }) = (self.bytes(), self.budget.each);
        let bytes = held.saturating_add(more);
        if bytes > most {
            return Err(MemoryExhausted::TooMuch { bytes, option, most });
        }
        let permits = more as u32;
        let permit = match self.budget.free.try_acquire_many(permits) {
            Ok(permit) => permit,
            Err(_) if bytes <= SMALL_BYTES && self.grow_from_reserve(permits) => return Ok(()),
            Err(_) => {
                let _waiting = Waiting::begin(&self.budget.waiting);
                self.budget.wanted.notify_waiters();
                let patience = if held == 0 { WAIT_MAX } else { WAIT_FOR_MORE_MAX };
                let acquired = self.budget.free.acquire_many(permits);
                match tokio::time::timeout(patience, acquired).await {
                    Ok(Ok(permit)) => permit,
                    _ => {
                        let option = self.budget.in_all.option;
                        return Err(MemoryExhausted::Busy { bytes: more, option });
                    }
                }
            }
        };
        permit.forget();
        self.bytes.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// Takes more bytes from the reserve. Returns false if it does not have that many.
    fn grow_from_reserve(&self, permits: u32) -> bool {
        let Ok(permit) = self.budget.reserve.try_acquire_many(permits) else { return false };
        permit.forget();
        self.bytes.fetch_add(permits as usize, Ordering::Relaxed);
        self.reserved.fetch_add(permits as usize, Ordering::Relaxed);
        true
    }

    /// Returns how many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns true while a connection waits for memory of this budget.
    pub fn has_waiters(&self) -> bool {
        self.budget.has_waiters()
    }

    /// Waits until a connection waits for memory of this budget.
    pub async fn until_wanted(&self) {
        let mut notified = pin!(self.budget.wanted.notified());
        // Enabled before the check, so that no waiter that begins in between is missed.
        notified.as_mut().enable();
        if !self.has_waiters() {
            notified.await;
        }
    }

    /// Gives back `bytes`, or all that are held if those are fewer.
    pub fn release(&self, bytes: usize) {
        let less = |held: usize| Some(held.saturating_sub(bytes));
        let before = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let given = bytes.min(before.unwrap_or(0));
        // To the reserve first: it is small.
        let less = |reserved: usize| Some(reserved.saturating_sub(given));
        let reserved = self.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let to_reserve = given.min(reserved.unwrap_or(0));
        self.budget.reserve.add_permits(to_reserve);
        self.budget.free.add_permits(given - to_reserve);
    }

    /// Takes over the bytes of another permit of the same budget.
    pub fn absorb(&self, other: MemoryPermit) {
        let relaxed = Ordering::Relaxed;
        self.bytes.fetch_add(other.bytes.swap(0, relaxed), relaxed);
        self.reserved.fetch_add(other.reserved.swap(0, relaxed), relaxed);
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        self.release(usize::MAX);
    }
}

/// Counts a connection as waiting until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn begin(waiting: &AtomicUsize) -> Waiting<'_> {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(in_all: usize, each: usize) -> Arc<MemoryBudget> {
        let bound = |option, bytes| MemoryBound { option, bytes };
        Arc::new(MemoryBudget::new(bound("in.all", in_all), bound("each", each)))
    }

    #[tokio::test]
    async fn what_is_given_back_is_free_again_and_never_more_than_that() {
        let budget = budget(100, 60);
        let held = budget.take(50).await.unwrap();
        held.grow(10).await.unwrap();
        assert_eq!((held.bytes(), budget.free_bytes()), (60, 40));
        held.release(25);
        assert_eq!((held.bytes(), budget.free_bytes()), (35, 65));
        let other = budget.take(30).await.unwrap();
        held.absorb(other);
        assert_eq!((held.bytes(), budget.free_bytes()), (65, 35));
        held.release(1000);
        assert_eq!((held.bytes(), budget.free_bytes()), (0, 100));
        drop(held);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[tokio::test]
    async fn one_connection_holds_no_more_than_its_share() {
        let budget = budget(100, 60);
        let held = budget.take(60).await.unwrap();
        let refused = held.grow(1).await.unwrap_err();
        assert_eq!(refused, MemoryExhausted::TooMuch { bytes: 61, option: "each", most: 60 });
        assert_eq!(held.bytes(), 60, "what it had it still has");
    }

    const K: usize = 1024;

    #[tokio::test(start_paused = true)]
    async fn a_demand_that_waits_is_met_once_there_is_room_or_refused_in_time() {
        let budget = budget(1000 * K, 1000 * K);
        let held = budget.take(800 * K).await.unwrap();
        let theirs = budget.clone();
        let waiting = tokio::spawn(async move { theirs.take(300 * K).await });
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(budget.has_waiters());
        held.release(100 * K);
        let got = waiting.await.unwrap().unwrap();
        assert!(!budget.has_waiters());
        let refused = budget.take(65 * K).await.unwrap_err();
        assert_eq!(refused, MemoryExhausted::Busy { bytes: 65 * K, option: "in.all" });
        assert!(!budget.has_waiters());
        drop((held, got));
        assert_eq!(budget.free_bytes(), 1000 * K);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_wanted_while_another_waits_for_it() {
        let budget = budget(1000 * K, 1000 * K);
        let held = budget.take(800 * K).await.unwrap();
        let soon = Duration::from_secs(1);
        assert!(tokio::time::timeout(soon, held.until_wanted()).await.is_err(), "the rest is free");
        let theirs = budget.clone();
        let waiting = tokio::spawn(async move { theirs.take(300 * K).await });
        tokio::time::timeout(soon, held.until_wanted()).await.expect("another waits");
        tokio::time::timeout(soon, held.until_wanted()).await.expect("it waits still");
        drop(held);
        assert!(waiting.await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn two_that_wait_for_each_other_do_not_wait_for_ever() {
        let budget = budget(200 * K, 200 * K);
        let (one, two) = (budget.take(100 * K).await.unwrap(), budget.take(100 * K).await.unwrap());
        let (first, second) = tokio::join!(one.grow(K), two.grow(K));
        assert!(first.is_err() && second.is_err());
        drop((one, two));
        assert_eq!(budget.free_bytes(), 200 * K);
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_grow_in_turn_may_have_their_full_share() {
        let budget = budget(200 * K, 70 * K);
        let turns = [budget.grow_in_turn().await.unwrap(), budget.grow_in_turn().await.unwrap()];
        let (one, two) = (budget.take(60 * K).await.unwrap(), budget.take(60 * K).await.unwrap());
        assert!(budget.grow_in_turn().await.is_err(), "a third might find nothing left");
        one.grow(10 * K).await.unwrap();
        two.grow(10 * K).await.unwrap();
        drop(turns);
        assert!(budget.grow_in_turn().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_demand_does_not_wait_for_a_large_one_that_waits() {
        let budget = budget(1024 * K, 1024 * K);
        let all = budget.take(1024 * K).await.unwrap();
        let theirs = budget.clone();
        let waiting = tokio::spawn(async move { theirs.take(512 * K).await });
        tokio::time::sleep(Duration::from_millis(1)).await;
        let small = budget.take(60 * K).await.unwrap();
        small.grow(4 * K).await.unwrap();
        assert_eq!((small.bytes(), budget.reserve.available_permits()), (64 * K, 64 * K));
        // The bytes beyond are not from the reserve.
        all.release(1024 * K);
        small.grow(K).await.unwrap();
        drop(waiting.await.unwrap().unwrap());
        small.release(60 * K);
        assert_eq!((budget.free_bytes(), budget.reserve.available_permits()), (1023 * K, 124 * K));
        drop((small, all));
        assert_eq!((budget.free_bytes(), budget.reserve.available_permits()), (1024 * K, 128 * K));
    }
}
