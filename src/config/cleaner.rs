//! The options of compaction. Names, types and defaults are Kafka's (`CleanerConfig`), except
//! `log.cleaner.cpu.share`, which Kafka does not have.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::layers::Layers;
use crate::config::name::name;

/// `log.cleaner.enable`.
pub static LOG_CLEANER_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("log.cleaner.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "Whether topics with cleanup.policy=compact are compacted.",
};

/// `log.cleaner.threads`.
pub static LOG_CLEANER_THREADS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("log.cleaner.threads")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The number of logs that are compacted at the same time.",
};

/// `log.cleaner.backoff.ms`.
pub static LOG_CLEANER_BACKOFF_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("log.cleaner.backoff.ms")],
    default: 15_000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How long after a compacted log has rolled a segment it is checked.",
};

/// `log.cleaner.dedupe.buffer.size`.
pub static LOG_CLEANER_DEDUPE_BUFFER_SIZE: Entry<i64> = Entry {
    topic: None,
    broker: &[name("log.cleaner.dedupe.buffer.size")],
    default: 134_217_728,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum memory, over all threads, for the key map of a log that is being \
        compacted. A key takes 16 bytes; only what a log needs is allocated, and it is freed \
        afterwards. More keys take more passes.",
};

/// `log.cleaner.io.buffer.size`.
pub static LOG_CLEANER_IO_BUFFER_SIZE: Entry<i32> = Entry {
    topic: None,
    broker: &[name("log.cleaner.io.buffer.size")],
    default: 524_288,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How many bytes, over all threads, compaction collects before it writes them.",
};

/// `log.cleaner.io.buffer.load.factor`.
pub static LOG_CLEANER_IO_BUFFER_LOAD_FACTOR: Entry<f64> = Entry {
    topic: None,
    broker: &[name("log.cleaner.io.buffer.load.factor")],
    default: 0.9,
    check: Check::Real(0.0, 1.0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How full the key map may get: a fuller one needs fewer passes, which are slower. \
        Limited to 0.1 to 0.95.",
};

/// `log.cleaner.io.max.bytes.per.second`.
pub static LOG_CLEANER_IO_MAX_BYTES_PER_SECOND: Entry<f64> = Entry {
    topic: None,
    broker: &[name("log.cleaner.io.max.bytes.per.second")],
    default: f64::MAX,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum number of bytes of log that each thread reads per second.",
};

/// `log.cleaner.cpu.share`.
pub static LOG_CLEANER_CPU_SHARE: Entry<f64> = Entry {
    topic: None,
    broker: &[name("log.cleaner.cpu.share")],
    default: 0.5,
    check: Check::Real(0.0, 1.0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The share of its time that each thread works; the rest is left to clients. At least \
        0.01 is used.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &LOG_CLEANER_ENABLE,
    &LOG_CLEANER_THREADS,
    &LOG_CLEANER_BACKOFF_MS,
    &LOG_CLEANER_DEDUPE_BUFFER_SIZE,
    &LOG_CLEANER_IO_BUFFER_SIZE,
    &LOG_CLEANER_IO_BUFFER_LOAD_FACTOR,
    &LOG_CLEANER_IO_MAX_BYTES_PER_SECOND,
    &LOG_CLEANER_CPU_SHARE,
];

/// The resolved options of compaction.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanerConfig {
    /// `log.cleaner.enable`.
    pub enable: bool,
    /// `log.cleaner.threads`.
    pub threads: i32,
    /// `log.cleaner.backoff.ms`.
    pub backoff_ms: i64,
    /// `log.cleaner.dedupe.buffer.size`, over all threads.
    pub dedupe_buffer_bytes: i64,
    /// `log.cleaner.io.buffer.size`, over all threads.
    pub io_buffer_bytes: i32,
    /// `log.cleaner.io.buffer.load.factor`.
    pub load_factor: f64,
    /// `log.cleaner.io.max.bytes.per.second`.
    pub max_bytes_per_second: f64,
    /// `log.cleaner.cpu.share`.
    pub cpu_share: f64,
}

impl Default for CleanerConfig {
    /// Returns the defaults.
    fn default() -> CleanerConfig {
        CleanerConfig::resolve(&Layers::default())
    }
}

impl CleanerConfig {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> CleanerConfig {
        CleanerConfig {
            enable: LOG_CLEANER_ENABLE.resolve(layers),
            threads: LOG_CLEANER_THREADS.resolve(layers),
            backoff_ms: LOG_CLEANER_BACKOFF_MS.resolve(layers),
            dedupe_buffer_bytes: LOG_CLEANER_DEDUPE_BUFFER_SIZE.resolve(layers),
            io_buffer_bytes: LOG_CLEANER_IO_BUFFER_SIZE.resolve(layers),
            load_factor: LOG_CLEANER_IO_BUFFER_LOAD_FACTOR.resolve(layers),
            max_bytes_per_second: LOG_CLEANER_IO_MAX_BYTES_PER_SECOND.resolve(layers),
            cpu_share: LOG_CLEANER_CPU_SHARE.resolve(layers),
        }
    }
}
