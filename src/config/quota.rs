//! The options of client quotas: the time over which usage is averaged.
//!
//! Names, types and limits are those of Kafka 4.4 (`QuotaConfig`). The quotas themselves are not
//! options: they are set while the broker runs (AlterClientQuotas).

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::layers::Layers;
use crate::config::name::name;

/// `quota.window.num`.
pub static QUOTA_WINDOW_NUM: Entry<i32> = Entry {
    topic: None,
    broker: &[name("quota.window.num")],
    default: 11,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The number of windows over which the usage of a client is averaged, the current one \
        included.",
};

/// `quota.window.size.seconds`.
pub static QUOTA_WINDOW_SIZE_SECONDS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("quota.window.size.seconds")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The length of each of these windows.",
};

/// `controller.quota.window.num`.
pub static CONTROLLER_QUOTA_WINDOW_NUM: Entry<i32> = Entry {
    topic: None,
    broker: &[name("controller.quota.window.num")],
    default: 11,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The number of windows whose partitions a client with a controller_mutation_rate may \
        create or delete at once.",
};

/// `controller.quota.window.size.seconds`.
pub static CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("controller.quota.window.size.seconds")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The length of each of these windows.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &QUOTA_WINDOW_NUM,
    &QUOTA_WINDOW_SIZE_SECONDS,
    &CONTROLLER_QUOTA_WINDOW_NUM,
    &CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS,
];

/// The time over which the usage of client quotas is averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaConfig {
    /// `quota.window.num`.
    pub window_num: i32,
    /// `quota.window.size.seconds`.
    pub window_size_seconds: i32,
    /// `controller.quota.window.num`.
    pub controller_window_num: i32,
    /// `controller.quota.window.size.seconds`.
    pub controller_window_size_seconds: i32,
}

impl Default for QuotaConfig {
    /// Returns the defaults.
    fn default() -> QuotaConfig {
        QuotaConfig::resolve(&Layers::default())
    }
}

impl QuotaConfig {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> QuotaConfig {
        QuotaConfig {
            window_num: QUOTA_WINDOW_NUM.resolve(layers),
            window_size_seconds: QUOTA_WINDOW_SIZE_SECONDS.resolve(layers),
            controller_window_num: CONTROLLER_QUOTA_WINDOW_NUM.resolve(layers),
            controller_window_size_seconds: CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS.resolve(layers),
        }
    }
}
