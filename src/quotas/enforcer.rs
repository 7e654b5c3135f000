//! Quota lookups and accounting; owns the mutex around the meters.
//!
//! **Invariant:** if no quota is set, a lookup is one relaxed load and nothing else.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, MutexGuard};

use crate::clock::Now;
use crate::metadata::image::Image;
use crate::quotas::limits::{ClientEntity, QuotaLimits, QuotaType};
use crate::quotas::meters::{Meters, MutationOutcome, Sampling};
use crate::sync::Mutex;

/// The broker's quotas and their usage.
#[derive(Debug)]
pub struct Quotas {
    types: AtomicU8,
    meters: Mutex<Meters>,
}

impl Quotas {
    /// Creates an enforcer without quotas.
    pub fn new(sampling: Sampling) -> Quotas {
        Quotas { types: AtomicU8::new(0), meters: Mutex::new(Meters::new(sampling)) }
    }

    fn meters(&self) -> MutexGuard<'_, Meters> {
        self.meters.lock()
    }

    /// Loads the quotas of the newest image. `newest` is called under the lock, so that of two
    /// concurrent changes the later one wins.
    pub fn load(&self, newest: impl FnOnce() -> Arc<Image>) {
        let mut meters = self.meters();
        let limits = QuotaLimits::of(&newest().quotas);
        self.types.store(limits.kinds(), Ordering::Relaxed);
        meters.set_limits(limits);
    }

    /// Returns true if there is any quota.
    pub fn is_any(&self) -> bool {
        self.types.load(Ordering::Relaxed) != 0
    }

    /// Returns true if there is a quota of this type.
    pub fn has(&self, kind: QuotaType) -> bool {
        self.types.load(Ordering::Relaxed) & kind.bit() != 0
    }

    /// Calls [`Meters::record`].
    pub fn record(&self, kind: QuotaType, who: ClientEntity<'_>, value: f64, now: Now) -> i64 {
        if self.has(kind) { self.meters().record(kind, who, value, now.mono_ms) } else { 0 }
    }

    /// Calls [`Meters::note`].
    pub fn note(&self, kind: QuotaType, who: ClientEntity<'_>, value: f64, now: Now) {
        if self.has(kind) {
            self.meters().note(kind, who, value, now.mono_ms);
        }
    }

    /// Calls [`Meters::most_at_once`].
    pub fn most_at_once(&self, kind: QuotaType, who: ClientEntity<'_>) -> Option<f64> {
        if self.has(kind) { self.meters().most_at_once(kind, who) } else { None }
    }

    /// Calls [`Meters::mutate`].
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

    /// Calls [`Meters::connect`].
    pub fn connect(&self, address: IpAddr, now: Now) -> i64 {
        let has = self.has(QuotaType::Connection);
        if has { self.meters().connect(address.to_canonical(), now.mono_ms) } else { 0 }
    }
}
