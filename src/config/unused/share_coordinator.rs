//! Options of the share coordinator (KIP-932), which keeps the state of share groups.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{List, Text};

const NO_SHARE_GROUPS: &str = "share groups are not served by this version";

/// All rows.
pub static ROWS: &[&dyn Row] = &[
    reported!(
        "share.coordinator.append.linger.ms",
        -1_i32,
        Check::AtLeast(-1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "How long the share coordinator collects records before it writes them. -1 lets it \
            decide."
    ),
    reported!(
        "share.coordinator.cached.buffer.max.bytes",
        1_048_588_i32,
        Check::AtLeast(524_288),
        Live,
        NO_SHARE_GROUPS,
        "The size up to which the share coordinator keeps a write buffer."
    ),
    reported!(
        "share.coordinator.load.buffer.size",
        5_242_880_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "How much of the state is read at a time when it is loaded."
    ),
    reported!(
        "share.coordinator.snapshot.update.records.per.snapshot",
        500_i32,
        Check::Between(0, 500),
        ReadOnly,
        NO_SHARE_GROUPS,
        "The number of updates after which a snapshot of a partition's state is written."
    ),
    reported!(
        "share.coordinator.state.topic.compression.codec",
        0_i32,
        Check::Any,
        ReadOnly,
        NO_SHARE_GROUPS,
        "The codec of the state topic's batches: 0 is none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."
    ),
    reported!(
        "share.coordinator.state.topic.min.isr",
        2_i16,
        Check::AtLeast(1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "The replicas of the state topic that must have a record."
    ),
    reported!(
        "share.coordinator.state.topic.num.partitions",
        50_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "The number of partitions of the state topic."
    ),
    reported!(
        "share.coordinator.state.topic.replication.factor",
        3_i16,
        Check::AtLeast(1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "The number of replicas of the state topic."
    ),
    reported!(
        "share.coordinator.state.topic.segment.bytes",
        104_857_600_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "The size of a segment file of the state topic."
    ),
    reported!(
        "share.coordinator.threads",
        1_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "The number of threads of the share coordinator."
    ),
    reported!(
        "share.coordinator.write.timeout.ms",
        5000_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "How long a write to the state topic may take."
    ),
    reported!(
        "share.fetch.purgatory.purge.interval.requests",
        1000_i32,
        Check::Any,
        ReadOnly,
        NO_SHARE_GROUPS,
        "The number of share fetches after which finished ones are forgotten."
    ),
    reported!(
        "group.share.assignors",
        List(&["simple"]),
        Check::NotEmpty,
        ReadOnly,
        NO_SHARE_GROUPS,
        "The assignors of share groups, the preferred one first."
    ),
    reported!(
        "group.share.max.size",
        200_i32,
        Check::Between(1, 1000),
        ReadOnly,
        NO_SHARE_GROUPS,
        "The maximum number of members of a share group."
    ),
    reported!(
        "group.share.max.share.sessions",
        2000_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_SHARE_GROUPS,
        "The maximum number of share sessions."
    ),
    reported!(
        "errors.deadletterqueue.auto.create.topics.enable",
        false,
        Check::Any,
        Live,
        NO_SHARE_GROUPS,
        "Whether dead letter topics of share groups are created by themselves."
    ),
    reported!(
        "errors.deadletterqueue.topic.name.prefix",
        Text("dlq."),
        Check::Any,
        Live,
        NO_SHARE_GROUPS,
        "What the name of a dead letter topic begins with."
    ),
    internal!(
        "group.share.dlq.manager.class.name",
        Text("org.apache.kafka.server.share.dlq.DefaultShareGroupDLQManager"),
        Check::Any
    ),
    internal!("group.share.initialize.retry.interval.ms", 30_000_i32, Check::AtLeast(1)),
    internal!(
        "group.share.persister.class.name",
        Text("org.apache.kafka.server.share.persister.DefaultStatePersister"),
        Check::Any
    ),
    internal!(
        "share.coordinator.cold.partition.snapshot.interval.ms",
        300_000_i32,
        Check::AtLeast(1)
    ),
    internal!("share.coordinator.state.topic.prune.interval.ms", 300_000_i32, Check::AtLeast(1)),
];
