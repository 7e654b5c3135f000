//! Where a request asks what it may use: the lock round the meters.
//!
//! **Invariant:** where no quota is set, asking is one relaxed load and nothing else.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::clock::Now;
use crate::metadata::image::Image;
use crate::quotas::limits::{Kind, Limits, Who};
use crate::quotas::meters::{Meters, Permit, Sampling};

/// The broker's quotas and what was used of them.
#[derive(Debug)]
pub struct Desk {
    kinds: AtomicU8,
    meters: Mutex<Meters>,
}

impl Desk {
    /// No quotas yet.
    pub fn new(sampling: Sampling) -> Desk {
        Desk { kinds: AtomicU8::new(0), meters: Mutex::new(Meters::new(sampling)) }
    }

    fn meters(&self) -> MutexGuard<'_, Meters> {
        self.meters.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Take over the quotas of the newest image. It is asked for under the lock, so that of two
    /// changes the later one stays.
    pub fn load(&self, newest: impl FnOnce() -> Arc<Image>) {
        let mut meters = self.meters();
        let limits = Limits::of(&newest().quotas);
        self.kinds.store(limits.kinds(), Ordering::Relaxed);
        meters.set_limits(limits);
    }

    /// True if there is a quota at all.
    pub fn is_any(&self) -> bool {
        self.kinds.load(Ordering::Relaxed) != 0
    }

    /// True if there is a quota of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.kinds.load(Ordering::Relaxed) & kind.bit() != 0
    }

    /// As [`Meters::record`].
    pub fn record(&self, kind: Kind, who: Who<'_>, value: f64, now: Now) -> i64 {
        if self.has(kind) { self.meters().record(kind, who, value, now.mono_ms) } else { 0 }
    }

    /// As [`Meters::note`].
    pub fn note(&self, kind: Kind, who: Who<'_>, value: f64, now: Now) {
        if self.has(kind) {
            self.meters().note(kind, who, value, now.mono_ms);
        }
    }

    /// As [`Meters::most_at_once`].
    pub fn most_at_once(&self, kind: Kind, who: Who<'_>) -> Option<f64> {
        if self.has(kind) { self.meters().most_at_once(kind, who) } else { None }
    }

    /// As [`Meters::mutate`].
    pub fn mutate(&self, who: Who<'_>, partitions: usize, strict: bool, now: Now) -> Permit {
        if !self.has(Kind::Mutation) {
            return Permit::Granted;
        }
        self.meters().mutate(who, partitions as f64, strict, now.mono_ms)
    }

    /// As [`Meters::connect`].
    pub fn connect(&self, address: IpAddr, now: Now) -> i64 {
        let has = self.has(Kind::Connection);
        if has { self.meters().connect(address.to_canonical(), now.mono_ms) } else { 0 }
    }
}
