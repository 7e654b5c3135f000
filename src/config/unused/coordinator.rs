//! Options of Kafka's coordinators, their threads and buffers, and of requests that wait.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{Class, unset};

const OTHER_THREADS: &str = "the group coordinator has neither these threads nor these buffers";

const ONE_BATCH: &str = "the transaction coordinator reads its log batch by batch";
const NO_TWO_PHASE_COMMIT: &str = "two-phase commit is not served by this version";
const NO_STREAMS: &str = "streams groups are not served by this version";

/// All rows.
pub static ROWS: &[&dyn Row] = &[
    reported!(
        "group.coordinator.threads",
        4_i32,
        Check::AtLeast(1),
        ReadOnly,
        OTHER_THREADS,
        "The number of threads of the group coordinator."
    ),
    reported!(
        "group.coordinator.background.threads",
        2_i32,
        Check::AtLeast(1),
        ReadOnly,
        OTHER_THREADS,
        "The number of threads that compute assignments."
    ),
    reported!(
        "group.coordinator.append.linger.ms",
        -1_i32,
        Check::AtLeast(-1),
        ReadOnly,
        OTHER_THREADS,
        "How long the group coordinator collects records before it writes them. -1 lets it \
            decide."
    ),
    reported!(
        "group.coordinator.cached.buffer.max.bytes",
        1_048_588_i32,
        Check::AtLeast(524_288),
        Live,
        OTHER_THREADS,
        "The size up to which the group coordinator keeps a write buffer."
    ),
    reported!(
        "offsets.commit.timeout.ms",
        5000_i32,
        Check::AtLeast(1),
        ReadOnly,
        OTHER_THREADS,
        "How long a commit of offsets may wait for its replicas."
    ),
    reported!(
        "offsets.load.buffer.size",
        5_242_880_i32,
        Check::AtLeast(1),
        ReadOnly,
        OTHER_THREADS,
        "How much of the offsets topic is read at a time when it is loaded."
    ),
    reported!(
        "offsets.topic.compression.codec",
        0_i32,
        Check::Any,
        ReadOnly,
        OTHER_THREADS,
        "The codec of the offsets topic's batches: 0 is none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."
    ),
    reported!(
        "fetch.purgatory.purge.interval.requests",
        1000_i32,
        Check::Any,
        ReadOnly,
        OTHER_THREADS,
        "The number of fetches after which finished ones are forgotten."
    ),
    reported!(
        "producer.purgatory.purge.interval.requests",
        1000_i32,
        Check::Any,
        ReadOnly,
        OTHER_THREADS,
        "The number of produce requests after which finished ones are forgotten."
    ),
    reported!(
        "delete.records.purgatory.purge.interval.requests",
        1_i32,
        Check::Any,
        ReadOnly,
        OTHER_THREADS,
        "The number of DeleteRecords requests after which finished ones are forgotten."
    ),
    reported!(
        "transaction.state.log.load.buffer.size",
        5_242_880_i32,
        Check::AtLeast(1),
        ReadOnly,
        ONE_BATCH,
        "How much of the transaction topic is read at a time when it is loaded."
    ),
    reported!(
        "transaction.two.phase.commit.enable",
        false,
        Check::Any,
        ReadOnly,
        NO_TWO_PHASE_COMMIT,
        "Whether transactions of two-phase commit are allowed (KIP-939)."
    ),
    internal!("producer.id.expiration.check.interval.ms", 600_000_i32, Check::AtLeast(1)),
    reported!(
        "group.streams.max.size",
        i32::MAX,
        Check::AtLeast(1),
        ReadOnly,
        NO_STREAMS,
        "The maximum number of members of a streams group."
    ),
    reported!(
        "group.streams.topology.description.plugin.class",
        unset::<Class>(),
        Check::Any,
        ReadOnly,
        NO_STREAMS,
        "The class that keeps the topologies of streams groups."
    ),
];
