//! Options of tiered storage (KIP-405), which this version does not have.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{Text, unset};

const NO_REMOTE_STORAGE: &str = "there is no remote storage";

/// All rows.
pub static ROWS: &[&dyn Row] = &[
    reported!(
        "remote.fetch.max.wait.ms",
        500_i32,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "How long a fetch waits for data of remote storage."
    ),
    reported!(
        "remote.list.offsets.request.timeout.ms",
        30_000_i64,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "How long a search for an offset in remote storage may take."
    ),
    reported!(
        "remote.log.index.file.cache.total.size.bytes",
        1_073_741_824_i64,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "The size of the cache of remote segments' indexes."
    ),
    reported!(
        "remote.log.manager.copier.thread.pool.size",
        10_i32,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "The number of threads that copy segments to remote storage."
    ),
    reported!(
        "remote.log.manager.copy.max.bytes.per.second",
        i64::MAX,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "The maximum rate of copies to remote storage."
    ),
    reported!(
        "remote.log.manager.copy.quota.window.num",
        11_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The number of windows over which that rate is measured."
    ),
    reported!(
        "remote.log.manager.copy.quota.window.size.seconds",
        1_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The length of such a window."
    ),
    reported!(
        "remote.log.manager.expiration.thread.pool.size",
        10_i32,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "The number of threads that delete expired remote segments."
    ),
    reported!(
        "remote.log.manager.fetch.max.bytes.per.second",
        i64::MAX,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "The maximum rate of reads of remote storage."
    ),
    reported!(
        "remote.log.manager.fetch.quota.window.num",
        11_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The number of windows over which that rate is measured."
    ),
    reported!(
        "remote.log.manager.fetch.quota.window.size.seconds",
        1_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The length of such a window."
    ),
    reported!(
        "remote.log.manager.follower.thread.pool.size",
        2_i32,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "The number of threads that follow remote segments of other leaders."
    ),
    reported!(
        "remote.log.manager.task.interval.ms",
        30_000_i64,
        Check::AtLeast(1),
        ReadOnly,
        NO_REMOTE_STORAGE,
        "How often a partition is checked for segments to copy."
    ),
    reported!(
        "remote.log.manager.thread.pool.size",
        2_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The number of threads of the remote log manager."
    ),
    reported!(
        "remote.log.metadata.custom.metadata.max.bytes",
        128_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The maximum size of the data that a storage plugin adds to a segment's metadata."
    ),
    reported!(
        "remote.log.metadata.manager.class.name",
        Text(
            "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"
        ),
        Check::NotEmpty,
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The class that keeps the metadata of remote segments."
    ),
    reported!(
        "remote.log.metadata.manager.class.path",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_REMOTE_STORAGE,
        "Where that class is found."
    ),
    reported!(
        "remote.log.metadata.manager.impl.prefix",
        Text("rlmm.config."),
        Check::NotEmpty,
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The prefix of the options that are passed to that class."
    ),
    reported!(
        "remote.log.metadata.manager.listener.name",
        unset::<Text>(),
        Check::NotEmpty,
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The listener over which that class reaches the broker."
    ),
    reported!(
        "remote.log.reader.max.pending.tasks",
        100_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The number of reads of remote storage that may wait."
    ),
    reported!(
        "remote.log.reader.threads",
        10_i32,
        Check::AtLeast(1),
        Live,
        NO_REMOTE_STORAGE,
        "The number of threads that read remote storage."
    ),
    reported!(
        "remote.log.storage.manager.class.name",
        unset::<Text>(),
        Check::NotEmpty,
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The class that stores segments."
    ),
    reported!(
        "remote.log.storage.manager.class.path",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_REMOTE_STORAGE,
        "Where that class is found."
    ),
    reported!(
        "remote.log.storage.manager.impl.prefix",
        Text("rsm.config."),
        Check::NotEmpty,
        ReadOnly,
        NO_REMOTE_STORAGE,
        "The prefix of the options that are passed to that class."
    ),
    internal!("remote.log.index.file.cache.ttl.ms", 900_000_i64, Check::AtLeast(-1)),
    internal!("remote.log.manager.task.retry.backoff.max.ms", 30_000_i64, Check::AtLeast(1)),
    internal!("remote.log.manager.task.retry.backoff.ms", 500_i64, Check::AtLeast(1)),
    internal!("remote.log.manager.task.retry.jitter", 0.2, Check::Real(0.0, 0.5)),
];
