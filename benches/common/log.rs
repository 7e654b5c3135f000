//! A log with nothing in it, on the real disk or on another.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ottla::clock::Now;
use ottla::config::resolve::TopicConfig;
use ottla::config::settings::Settings;
use ottla::log::Log;
use ottla::log::admit::{AdmitRules, Admitted, admit, only_batch};
use ottla::log::recovery::RecoveryCheckpoint;
use ottla::storage::disk::{Disk, OsDisk};
use ottla::storage::fd_cache::BoundedDisk;

use crate::data::NOW;

/// Both clocks, standing still.
pub const STILL: Now = Now { mono_ms: 0, wall_ms: NOW };

/// A topic with every config at its default.
pub fn config() -> Arc<TopicConfig> {
    let settings = Settings::load(None, [], &[]).expect("the defaults are valid");
    Arc::new(settings.topic(&BTreeMap::new()))
}

/// Parses and checks what a produce request has for such a topic.
pub fn admitted<'a>(bytes: &'a [u8], rules: &AdmitRules) -> Admitted<'a> {
    let batch = only_batch(bytes, 9).expect("one batch");
    admit(batch, rules, NOW).expect("a good batch")
}

/// An empty log in `dir`, on the disk as the daemon has it.
#[allow(dead_code, reason = "each bench uses a part of it")]
pub fn open(dir: &Path, config: Arc<TopicConfig>) -> Log {
    open_on(Arc::new(BoundedDisk::new(Arc::new(OsDisk), 1000)), dir, config)
}

/// An empty log in a directory of this disk.
pub fn open_on(disk: Arc<dyn Disk>, dir: &Path, config: Arc<TopicConfig>) -> Log {
    let known = RecoveryCheckpoint {
        clean: true,
        recovery_point: 0,
        log_start_offset: 0,
        index_interval_bytes: config.index_interval_bytes,
        producers_max: 10_000,
    };
    Log::open(disk, &dir.join("log-0"), config, known, STILL).expect("an empty log")
}
