//! Where a request asks what it may use: the lock round the meters.
//!
//! **Invariant:** where no quota is set, asking is one relaxed load and nothing else.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::clock::Now;
use crate::metadata::image::Image;
use crate::quotas::limits::{ClientEntity, QuotaLimits, QuotaType};
use crate::quotas::meters::{Meters, MutationOutcome, Sampling};

/// The broker's quotas and what was used of them.
#[derive(Debug)]
pub struct Quotas {
    types: AtomicU8,
    meters: Mutex<Meters>,
}

impl Quotas {
    /// No quotas yet.
    pub fn new(sampling: Sampling) -> Quotas {
        Quotas { types: AtomicU8::new(0), meters: Mutex::new(Meters::new(sampling)) }
    }

    fn meters(&self) -> MutexGuard<'_, Meters> {
        self.meters.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Take over the quotas of the newest image. It is asked for under the lock, so that of two
    /// changes the later one stays.
    pub fn load(&self, newest: impl FnOnce() -> Arc<Image>) {
        let mut meters = self.meters();
        let limits = QuotaLimits::of(&newest().quotas);
        self.types.store(limits.kinds(), Ordering::Relaxed);
        meters.set_limits(limits);
    }

    /// True if there is a quota at all.
    pub fn is_any(&self) -> bool {
        self.types.load(Ordering::Relaxed) != 0
    }

    /// True if there is a quota of this kind.
    pub fn has(&self, kind: QuotaType) -> bool {
        self.types.load(Ordering::Relaxed) & kind.bit() != 0
    }

    /// As [`Meters::record`].
    pub fn record(&self, kind: QuotaType, who: ClientEntity<'_>, value: f64, now: Now) -> i64 {
        if self.has(kind) { self.meters().record(kind, who, value, now.mono_ms) } else { 0 }
    }

    /// As [`Meters::note`].
    pub fn note(&self, kind: QuotaType, who: ClientEntity<'_>, value: f64, now: Now) {
        if self.has(kind) {
            self.meters().note(kind, who, value, now.mono_ms);
        }
    }

    /// As [`Meters::most_at_once`].
    pub fn most_at_once(&self, kind: QuotaType, who: ClientEntity<'_>) -> Option<f64> {
        if self.has(kind) { self.meters().most_at_once(kind, who) } else { None }
    }

    /// As [`Meters::mutate`].
    pub fn mutate(
        &self,
        who: ClientEntity<'_>,
        partitions: usize,
        strict: bool,
        now: Now,
    ) -> MutationOutcome {
        if !self.has(QuotaType::Mutation) {
            return MutationOutcome::Granted;
        }
        self.meters().mutate(who, partitions as f64, strict, now.mono_ms)
    }

    /// As [`Meters::connect`].
    pub fn connect(&self, address: IpAddr, now: Now) -> i64 {
        let has = self.has(QuotaType::Connection);
        if has { self.meters().connect(address.to_canonical(), now.mono_ms) } else { 0 }
    }
}
