//! Time, passed in as a value.
//!
//! **Invariant:** this is the only file that reads the operating system's clocks. The pure rooms
//! (log, metadata, fetch sessions) receive a [`Now`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since the process's first reading; never goes back. For deadlines.
    pub mono_ms: i64,
    /// Milliseconds since 1970 UTC; may jump. For record timestamps.
    pub wall_ms: i64,
}

/// The source of the current time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Reads both clocks.
    fn now(&self) -> Now;

    /// Reads the monotonic clock in milliseconds, as [`Now::mono_ms`] is.
    fn mono_ms(&self) -> i64 {
        self.mono_ns() / 1_000_000
    }

    /// Reads the monotonic clock in nanoseconds, to measure short operations.
    fn mono_ns(&self) -> i64 {
        self.now().mono_ms * 1_000_000
    }
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock { started: Instant::now() }
    }
}

impl SystemClock {
    /// Returns the microseconds since the clock was created; for measurements, not for decisions.
    pub fn elapsed_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }
}

impl Clock for SystemClock {
    fn mono_ns(&self) -> i64 {
        self.started.elapsed().as_nanos() as i64
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono_ms: self.started.elapsed().as_millis() as i64, wall_ms: wall.as_millis() as i64 }
    }
}

/// A clock that tests move.
#[derive(Debug, Default)]
pub struct SimClock {
    mono_ms: AtomicI64,
    wall_ms: AtomicI64,
}

impl SimClock {
    /// Returns a clock whose wall clock is at `wall_ms`; the monotonic one starts at 0.
    pub fn at(wall_ms: i64) -> SimClock {
        SimClock { mono_ms: AtomicI64::new(0), wall_ms: AtomicI64::new(wall_ms) }
    }

    /// Advances both clocks by `ms` milliseconds.
    pub fn advance(&self, ms: i64) {
        self.mono_ms.fetch_add(ms, Ordering::Relaxed);
        self.wall_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Now {
        Now {
            mono_ms: self.mono_ms.load(Ordering::Relaxed),
            wall_ms: self.wall_ms.load(Ordering::Relaxed),
        }
    }
}
