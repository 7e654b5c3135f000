//! Options of replication, between brokers and between directories of one.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{Text, unset};

const NO_REPLICAS: &str = "there is nothing to replicate";

/// All rows.
pub static ROWS: &[&dyn Row] = &[
    reported!(
        "num.replica.fetchers",
        1_i32,
        Check::AtLeast(1),
        Live,
        NO_REPLICAS,
        "The number of threads that fetch from another broker."
    ),
    reported!(
        "num.replica.alter.log.dirs.threads",
        unset::<i32>(),
        Check::Any,
        ReadOnly,
        NO_REPLICAS,
        "The number of threads that move replicas between directories."
    ),
    reported!(
        "replica.fetch.backoff.ms",
        1000_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_REPLICAS,
        "The wait after a failed fetch of a replica."
    ),
    reported!(
        "replica.fetch.max.bytes",
        1_048_576_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_REPLICAS,
        "How much a replica fetches of one partition."
    ),
    reported!(
        "replica.fetch.min.bytes",
        1_i32,
        Check::Any,
        ReadOnly,
        NO_REPLICAS,
        "How much must be there before a replica's fetch is answered."
    ),
    reported!(
        "replica.fetch.response.max.bytes",
        10_485_760_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_REPLICAS,
        "The maximum size of the response to a replica's fetch."
    ),
    reported!(
        "replica.fetch.wait.max.ms",
        500_i32,
        Check::Any,
        ReadOnly,
        NO_REPLICAS,
        "How long a replica's fetch may wait for data."
    ),
    reported!(
        "replica.high.watermark.checkpoint.interval.ms",
        5000_i64,
        Check::Any,
        ReadOnly,
        NO_REPLICAS,
        "How often high watermarks are saved."
    ),
    reported!(
        "replica.lag.time.max.ms",
        30_000_i64,
        Check::Any,
        ReadOnly,
        NO_REPLICAS,
        "How far a replica may be behind, in time, before it is no longer in sync."
    ),
    reported!(
        "replica.selector.class",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_REPLICAS,
        "The class that selects the replica from which a consumer reads (KIP-392)."
    ),
    reported!(
        "replica.socket.receive.buffer.bytes",
        65_536_i32,
        Check::Any,
        ReadOnly,
        NO_REPLICAS,
        "The receive buffer of a replica's connection to the leader."
    ),
    reported!(
        "replica.socket.timeout.ms",
        30_000_i32,
        Check::Any,
        ReadOnly,
        NO_REPLICAS,
        "How long a replica's request to the leader may take."
    ),
    reported!(
        "replication.quota.window.num",
        11_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REPLICAS,
        "The number of windows over which the rate of replication is measured."
    ),
    reported!(
        "replication.quota.window.size.seconds",
        1_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REPLICAS,
        "The length of such a window."
    ),
    reported!(
        "alter.log.dirs.replication.quota.window.num",
        11_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REPLICAS,
        "The number of windows over which the rate of moves between directories is measured."
    ),
    reported!(
        "alter.log.dirs.replication.quota.window.size.seconds",
        1_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_REPLICAS,
        "The length of such a window."
    ),
    reported!(
        "log.dir.failure.timeout.ms",
        30_000_i64,
        Check::AtLeast(1),
        ReadOnly,
        NO_REPLICAS,
        "How long a broker tries to report a failed directory before it stops."
    ),
    reported!(
        "follower.fetch.last.tiered.offset.enable",
        false,
        Check::Any,
        Live,
        NO_REPLICAS,
        "Whether a new replica starts at the first offset that is not in remote storage."
    ),
];
