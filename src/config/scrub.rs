//! The options of the search for damage in log files, which Kafka does not have.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::layers::Layers;
use crate::config::name::name;

/// `log.scrub.bytes.per.second`.
pub static LOG_SCRUB_BYTES_PER_SECOND: Entry<i64> = Entry {
    topic: None,
    broker: &[name("log.scrub.bytes.per.second")],
    default: 1_048_576,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How many bytes of log files per second are read to search for damage while a pass \
        runs; 0 turns the search off. At the default, a pass over 100 GB takes a little more \
        than a day, and 0.03 % of a processor.",
};

/// `log.scrub.interval.ms`.
pub static LOG_SCRUB_INTERVAL_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("log.scrub.interval.ms")],
    default: 604_800_000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How long after one pass of the search for damage the next one starts. The first one \
        starts this long after the broker, but after a day at the latest.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[&LOG_SCRUB_BYTES_PER_SECOND, &LOG_SCRUB_INTERVAL_MS];

/// The resolved options of the search for damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubConfig {
    /// `log.scrub.bytes.per.second`.
    pub bytes_per_second: u64,
    /// `log.scrub.interval.ms`.
    pub interval_ms: i64,
}

impl Default for ScrubConfig {
    /// Returns the defaults.
    fn default() -> ScrubConfig {
        ScrubConfig::resolve(&Layers::default())
    }
}

impl ScrubConfig {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> ScrubConfig {
        let bytes_per_second = LOG_SCRUB_BYTES_PER_SECOND.resolve(layers);
        ScrubConfig {
            bytes_per_second: u64::try_from(bytes_per_second).unwrap_or(0),
            interval_ms: LOG_SCRUB_INTERVAL_MS.resolve(layers),
        }
    }
}
