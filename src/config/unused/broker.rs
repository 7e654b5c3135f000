//! Options of the broker: numbers of threads, replication, remote storage.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `num.network.threads`.
pub static NUM_NETWORK_THREADS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("num.network.threads")],
    default: 3,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Unused("one thread per processor does all the work"),
    doc: "The number of threads that read from and write to sockets. Ottla has one thread per \
        processor for all its work.",
};

/// `num.io.threads`.
pub static NUM_IO_THREADS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("num.io.threads")],
    default: 8,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Unused("one thread per processor does all the work"),
    doc: "The number of threads that process requests. Ottla has one thread per processor for \
        all its work.",
};

/// `num.recovery.threads.per.data.dir`.
pub static NUM_RECOVERY_THREADS_PER_DATA_DIR: Entry<i32> = Entry {
    topic: None,
    broker: &[name("num.recovery.threads.per.data.dir")],
    default: 2,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Unused("recovery chooses the number of its threads by itself"),
    doc: "The number of threads that recover logs after a crash.",
};

/// `background.threads`.
pub static BACKGROUND_THREADS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("background.threads")],
    default: 10,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Unused("background work is done by tasks, not by threads of its own"),
    doc: "The number of threads for background work.",
};

/// `request.timeout.ms`.
pub static REQUEST_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("request.timeout.ms")],
    default: 30_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("there are no other brokers"),
    doc: "How long brokers wait for responses of other brokers. There is only one broker.",
};

/// `leader.replication.throttled.rate`.
pub static LEADER_REPLICATION_THROTTLED_RATE: Entry<i64> = Entry {
    topic: None,
    broker: &[name("leader.replication.throttled.rate")],
    default: i64::MAX,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("there is nothing to replicate"),
    doc: "Bytes per second that a leader sends to throttled replicas. There is nothing to \
        replicate.",
};

/// `follower.replication.throttled.rate`.
pub static FOLLOWER_REPLICATION_THROTTLED_RATE: Entry<i64> = Entry {
    topic: None,
    broker: &[name("follower.replication.throttled.rate")],
    default: i64::MAX,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("there is nothing to replicate"),
    doc: "Bytes per second that throttled replicas fetch. There is nothing to replicate.",
};

/// `replica.alter.log.dirs.io.max.bytes.per.second`.
pub static REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND: Entry<i64> = Entry {
    topic: None,
    broker: &[name("replica.alter.log.dirs.io.max.bytes.per.second")],
    default: i64::MAX,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("there is one data directory"),
    doc: "Bytes per second at which partitions are moved between data directories. There is only \
        one directory.",
};

/// `remote.log.storage.system.enable`.
pub static REMOTE_LOG_STORAGE_SYSTEM_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("remote.log.storage.system.enable")],
    default: false,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Unused("there is no remote storage; true is refused"),
    doc: "Whether topics may have their closed segments in remote storage as well.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &NUM_NETWORK_THREADS,
    &NUM_IO_THREADS,
    &NUM_RECOVERY_THREADS_PER_DATA_DIR,
    &BACKGROUND_THREADS,
    &REQUEST_TIMEOUT_MS,
    &LEADER_REPLICATION_THROTTLED_RATE,
    &FOLLOWER_REPLICATION_THROTTLED_RATE,
    &REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND,
    &REMOTE_LOG_STORAGE_SYSTEM_ENABLE,
];
