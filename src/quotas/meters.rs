//! The usage of each quota (no I/O): `(now, client, value)` to a throttle time.
//!
//! **Invariant:** at most [`METERS_MAX`] meters, each with a name of bounded length; a meter that
//! is not used for [`IDLE_MS`] is removed.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::quotas::bucket::Bucket;
use crate::quotas::limits::{ClientEntity, QuotaLimit, QuotaLimits, QuotaType};
use crate::quotas::rate::{Rate, Windows};

/// Maximum number of meters. Beyond it, those that have been idle longest are removed.
pub const METERS_MAX: usize = 10_000;
/// How long, in ms, an unused meter is kept (Kafka: `INACTIVE_SENSOR_EXPIRATION_TIME_SECONDS`).
pub const IDLE_MS: i64 = 3_600_000;
/// Interval at which idle meters are removed, ms.
const SWEEP_MS: i64 = 60_000;
/// A longer client id is identified by its beginning, its length and a hash.
const NAME_BYTES_MAX: usize = 255;

/// The windows of all quotas, and of those of [`QuotaType::Mutation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// `quota.window.num` and `quota.window.size.seconds`.
    pub clients: Windows,
    /// `controller.quota.window.num` and `controller.quota.window.size.seconds`.
    pub mutations: Windows,
}

/// The owner of a meter. `None` where all users, or all client ids, share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    Client(QuotaType, Option<Box<str>>, Option<Box<str>>),
    Address(IpAddr),
}

#[derive(Debug)]
enum MeterState {
    Rate(Rate),
    Bucket(Bucket),
}

#[derive(Debug)]
struct Meter {
    used_ms: i64,
    state: MeterState,
}

/// All meters, and the quotas that apply to them.
#[derive(Debug)]
pub struct Meters {
    sampling: Sampling,
    limits: QuotaLimits,
    meters: HashMap<Owner, Meter>,
    swept_ms: i64,
}

/// The result of a request to create or delete partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MutationOutcome {
    /// Granted.
    Granted,
    /// Granted, but the client has to wait for this time, ms.
    Late(i64),
    /// Refused; the client has to wait for this time, ms.
    Refused(i64),
}

impl Meters {
    /// Creates meters without quotas.
    pub fn new(sampling: Sampling) -> Meters {
        Meters { sampling, limits: QuotaLimits::default(), meters: HashMap::new(), swept_ms: 0 }
    }

    /// Replaces the quotas. Recorded usage is kept.
    pub fn set_limits(&mut self, limits: QuotaLimits) {
        let kinds = limits.kinds();
        self.meters.retain(|owner, _| match owner {
            Owner::Client(kind, ..) => kinds & kind.bit() != 0,
            Owner::Address(_) => kinds & QuotaType::Connection.bit() != 0,
        });
        self.limits = limits;
    }

    /// Returns the number of meters.
    pub fn len(&self) -> usize {
        self.meters.len()
    }

    /// Returns true if there are no meters.
    pub fn is_empty(&self) -> bool {
        self.meters.is_empty()
    }

    /// Records the usage of a client. Returns its throttle time, ms.
    pub fn record(
        &mut self,
        kind: QuotaType,
        who: ClientEntity<'_>,
        value: f64,
        now_ms: i64,
    ) -> i64 {
        let Some(limit) = self.limits.find(kind, who) else { return 0 };
        let windows = self.sampling.clients;
        let Some(rate) = self.rate(owner(kind, who, limit), now_ms) else { return 0 };
        rate.record(windows, value, now_ms);
        let throttle_ms = rate.throttle_ms(windows, limit.bound, now_ms);
        // Processing time is recorded in small pieces, none of which justifies a long wait.
        if kind == QuotaType::Request { throttle_ms.min(windows.window_ms) } else { throttle_ms }
    }

    /// Records the usage of a client, or takes a negative value back, without throttling it.
    pub fn note(&mut self, kind: QuotaType, who: ClientEntity<'_>, value: f64, now_ms: i64) {
        let Some(limit) = self.limits.find(kind, who) else { return };
        let windows = self.sampling.clients;
        if let Some(rate) = self.rate(owner(kind, who, limit), now_ms) {
            rate.record(windows, value, now_ms);
        }
    }

    /// Returns the largest value that a client may use at once: beyond it, the client is throttled
    /// even if it has used nothing before.
    pub fn most_at_once(&self, kind: QuotaType, who: ClientEntity<'_>) -> Option<f64> {
        let limit = self.limits.find(kind, who)?;
        let windows = self.sampling.clients;
        Some(limit.bound * (windows.samples - 1) as f64 * windows.window_ms as f64 / 1000.0)
    }

    /// Records the creation or deletion of `partitions` partitions. A `strict` client is refused
    /// while it is in debt; any other one is throttled (KIP-599).
    pub fn mutate(
        &mut self,
        who: ClientEntity<'_>,
        partitions: f64,
        strict: bool,
        now_ms: i64,
    ) -> MutationOutcome {
        let Some(limit) = self.limits.find(QuotaType::Mutation, who) else {
            return MutationOutcome::Granted;
        };
        let (windows, bound) = (self.sampling.mutations, limit.bound);
        let state = self.meter(owner(QuotaType::Mutation, who, limit), now_ms, |now_ms| {
            MeterState::Bucket(Bucket::new(now_ms))
        });
        let MeterState::Bucket(bucket) = state else { return MutationOutcome::Granted };
        if strict {
            let debt_ms = bucket.throttle_ms(windows, bound, now_ms);
            if debt_ms > 0 {
                return MutationOutcome::Refused(debt_ms);
            }
        }
        bucket.take(windows, bound, partitions, now_ms);
        match bucket.throttle_ms(windows, bound, now_ms) {
            debt_ms if debt_ms > 0 && !strict => MutationOutcome::Late(debt_ms),
            _ => MutationOutcome::Granted,
        }
    }

    /// Records a connection of an address. Returns for how long it has to be delayed, ms. A
    /// connection that is delayed is not counted.
    pub fn connect(&mut self, address: IpAddr, now_ms: i64) -> i64 {
        let Some(bound) = self.limits.of_address(address) else { return 0 };
        let windows = self.sampling.clients;
        let Some(rate) = self.rate(Owner::Address(address), now_ms) else { return 0 };
        rate.record(windows, 1.0, now_ms);
        let throttle_ms = rate.throttle_ms(windows, bound, now_ms).min(windows.window_ms);
        if throttle_ms > 0 {
            rate.record(windows, -1.0, now_ms);
        }
        throttle_ms
    }

    fn rate(&mut self, owner: Owner, now_ms: i64) -> Option<&mut Rate> {
        match self.meter(owner, now_ms, |now_ms| MeterState::Rate(Rate::new(now_ms))) {
            MeterState::Rate(rate) => Some(rate),
            MeterState::Bucket(_) => None,
        }
    }

    fn meter(
        &mut self,
        owner: Owner,
        now_ms: i64,
        new: impl FnOnce(i64) -> MeterState,
    ) -> &mut MeterState {
        if now_ms - self.swept_ms >= SWEEP_MS {
            self.swept_ms = now_ms;
            self.meters.retain(|_, meter| now_ms - meter.used_ms < IDLE_MS);
        }
        if self.meters.len() >= METERS_MAX && !self.meters.contains_key(&owner) {
            self.make_room();
        }
        let meter = self
            .meters
            .entry(owner)
            .or_insert_with(|| Meter { used_ms: now_ms, state: new(now_ms) });
        meter.used_ms = now_ms;
        &mut meter.state
    }

    /// Removes the tenth of the meters that have been idle longest: removing them one at a time
    /// would cost a search each.
    fn make_room(&mut self) {
        let mut used: Vec<i64> = self.meters.values().map(|meter| meter.used_ms).collect();
        let (_, newest, _) = used.select_nth_unstable(METERS_MAX / 10);
        let newest = *newest;
        let mut left = METERS_MAX / 10;
        self.meters.retain(|_, meter| {
            let goes = left > 0 && meter.used_ms <= newest;
            left -= usize::from(goes);
            !goes
        });
    }
}

fn owner(kind: QuotaType, who: ClientEntity<'_>, limit: QuotaLimit) -> Owner {
    let user = limit.by_user.then(|| bounded(who.user));
    Owner::Client(kind, user, limit.by_client.then(|| bounded(who.client_id)))
}

fn bounded(name: &str) -> Box<str> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    if name.len() <= NAME_BYTES_MAX {
        return name.into();
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let begin: String = name.chars().take(50).collect();
    format!("{begin}…{} {:016x}", name.len(), hasher.finish()).into()
}

#[cfg(test)]
mod tests;
