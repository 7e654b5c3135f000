//! Whether the disk is full, as observed by writes: shared by all logs of a broker, so that there
//! is one log line when space runs out and one when it is available again.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::clock::Now;

/// The disk counts as having space again after a write has succeeded and none has failed for this
/// long, ms. A small write may still succeed where a large one has just failed.
const CALM_MS: i64 = 10_000;

/// The outcome of the latest writes.
#[derive(Debug, Default)]
pub struct DiskSpace {
    full: AtomicBool,
    full_mono_ms: AtomicI64,
    /// True if a write has succeeded since the last failure.
    written: AtomicBool,
}

impl DiskSpace {
    /// Records that a write failed for lack of space.
    pub fn on_full(&self, now: Now, why: &impl Display) {
        self.full_mono_ms.store(now.mono_ms, Ordering::Relaxed);
        self.written.store(false, Ordering::Relaxed);
        if !self.full.swap(true, Ordering::Relaxed) {
            tracing::error!(
                error = %why,
                "the disk is full: clients get KAFKA_STORAGE_ERROR until space is freed"
            );
        }
    }

    /// Records that a write succeeded.
    pub fn on_success(&self, now: Now) {
        if self.is_full() {
            self.written.store(true, Ordering::Relaxed);
            self.check(now);
        }
    }

    /// Checks whether there is space again.
    pub fn check(&self, now: Now) {
        let is_calm = now.mono_ms - self.full_mono_ms.load(Ordering::Relaxed) >= CALM_MS;
        let is_over = is_calm && self.written.load(Ordering::Relaxed);
        if is_over && self.full.swap(false, Ordering::Relaxed) {
            tracing::info!("disk space is available again");
        }
    }

    /// Returns true from the first failure until [`DiskSpace::check`] finds that there is space
    /// again.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_writes_between_refusals_do_not_end_it() {
        let at = |mono_ms| Now { mono_ms, wall_ms: 0 };
        let space = DiskSpace::default();
        space.on_success(at(0));
        assert!(!space.is_full());
        space.on_full(at(5), &"no room");
        space.on_success(at(6));
        assert!(space.is_full());
        space.on_full(at(9_000), &"no room");
        space.check(at(9_000 + CALM_MS));
        assert!(space.is_full(), "nothing was written since");
        space.on_success(at(9_001));
        space.check(at(9_000 + CALM_MS));
        assert!(!space.is_full());
    }
}
