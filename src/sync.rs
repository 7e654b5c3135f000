//! Locks with one policy for poison.
//!
//! A thread that panics in one of the broker's tasks ends the broker (`broker/tasks.rs`), and each
//! critical section leaves its value whole before it calls anything that can panic. So a poisoned
//! lock is taken like any other, but for logs: a panic in the middle of an append takes the log
//! offline, which [`Mutex::lock_or_poisoned`] is for.

use std::sync::{MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard, TryLockError};

/// A mutex whose lock cannot fail.
#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Creates an unlocked mutex.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex(std::sync::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock, or returns `None` if it is held.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Waits for the lock.
    ///
    /// # Errors
    /// A thread has panicked while it held the lock, which is taken all the same.
    pub fn lock_or_poisoned(&self) -> Result<MutexGuard<'_, T>, MutexGuard<'_, T>> {
        self.0.lock().map_err(PoisonError::into_inner)
    }

    /// Returns true if a thread has panicked while it held the lock.
    pub fn is_poisoned(&self) -> bool {
        self.0.is_poisoned()
    }
}

/// A reader-writer lock that cannot fail.
#[derive(Debug, Default)]
pub struct RwLock<T>(std::sync::RwLock<T>);

impl<T> RwLock<T> {
    /// Creates an unlocked lock.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock(std::sync::RwLock::new(value))
    }

    /// Waits to read.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits to write.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock to write, or returns `None` if it is held.
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        match self.0.try_write() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_taken_after_a_panic_and_says_so_where_it_is_asked() {
        let mutex = Mutex::new(1);
        let panicking = std::panic::AssertUnwindSafe(|| {
            let _held = mutex.lock();
            panic!("while the lock is held");
        });
        assert!(mutex.lock_or_poisoned().is_ok());
        std::panic::catch_unwind(panicking).unwrap_err();
        assert!(mutex.is_poisoned());
        assert_eq!(*mutex.lock(), 1);
        assert!(mutex.lock_or_poisoned().is_err());
        assert!(mutex.try_lock().is_some());
    }

    #[test]
    fn a_lock_that_is_held_is_not_taken() {
        let (mutex, lock) = (Mutex::new(()), RwLock::new(()));
        let (_held, _read) = (mutex.lock(), lock.read());
        assert!(mutex.try_lock().is_none());
        assert!(lock.try_write().is_none());
    }
}
