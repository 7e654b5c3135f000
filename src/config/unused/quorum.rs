//! Options of KRaft: the controller quorum, its metadata log, and the brokers that it manages.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{List, Text, unset};

const NO_QUORUM: &str = "there is no controller quorum: one node holds the metadata";

/// All rows.
pub static ROWS: &[&dyn Row] = &[
    reported!(
        "process.roles",
        unset::<List>(),
        Check::EachOf(&["broker", "controller"]),
        ReadOnly,
        NO_QUORUM,
        "Whether a node is a broker, a controller, or both. This one is both."
    ),
    reported!(
        "inter.broker.listener.name",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The listener over which brokers reach each other."
    ),
    reported!(
        "early.start.listeners",
        unset::<List>(),
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The listeners that open before the authorizer is ready."
    ),
    reported!(
        "broker.heartbeat.interval.ms",
        2000_i32,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "How often a broker reports to the controller."
    ),
    reported!(
        "broker.session.timeout.ms",
        9000_i32,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "How long the controller waits for a broker's report before it fences the broker."
    ),
    reported!(
        "initial.broker.registration.timeout.ms",
        60_000_i32,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "How long a starting broker tries to register with the controller."
    ),
    reported!(
        "broker.rack",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The rack of a broker, which the assignment of replicas takes into account."
    ),
    reported!(
        "controller.quorum.voters",
        List(&[]),
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The controllers that vote, as id@host:port, if the quorum is static."
    ),
    reported!(
        "controller.quorum.bootstrap.servers",
        List(&[]),
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The addresses at which the quorum can be found."
    ),
    reported!(
        "controller.quorum.auto.join.enable",
        false,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "Whether a controller joins the voters by itself."
    ),
    reported!(
        "controller.quorum.append.linger.ms",
        25_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_QUORUM,
        "How long the leader of the quorum collects records before it writes them."
    ),
    reported!(
        "controller.quorum.election.timeout.ms",
        1000_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_QUORUM,
        "How long a candidate waits for votes before it starts another election."
    ),
    reported!(
        "controller.quorum.election.backoff.max.ms",
        1000_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_QUORUM,
        "The maximum wait before another election."
    ),
    reported!(
        "controller.quorum.fetch.timeout.ms",
        2000_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_QUORUM,
        "How long a follower fetches nothing before it becomes a candidate."
    ),
    reported!(
        "controller.quorum.fetch.max.bytes",
        1_048_576_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_QUORUM,
        "The maximum size of a fetch from the leader of the quorum."
    ),
    reported!(
        "controller.quorum.fetch.snapshot.max.bytes",
        1_048_576_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_QUORUM,
        "The maximum size of a piece of a snapshot that is fetched."
    ),
    reported!(
        "controller.quorum.request.timeout.ms",
        2000_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_QUORUM,
        "How long a request to a controller may take."
    ),
    reported!(
        "controller.quorum.retry.backoff.ms",
        20_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_QUORUM,
        "The wait before a request to a controller is repeated."
    ),
    reported!(
        "controller.socket.timeout.ms",
        30_000_i32,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The timeout of the connection between broker and controller."
    ),
    reported!(
        "controlled.shutdown.enable",
        true,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "Whether a stopping broker hands its partitions over first."
    ),
    reported!(
        "auto.leader.rebalance.enable",
        true,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "Whether leadership returns to the preferred replicas by itself."
    ),
    reported!(
        "leader.imbalance.check.interval.seconds",
        300_i64,
        Check::AtLeast(1),
        ReadOnly,
        NO_QUORUM,
        "How often the balance of leaders is checked."
    ),
    reported!(
        "metadata.log.dir",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The directory of the metadata log, if it is not the first of log.dirs."
    ),
    reported!(
        "metadata.log.max.record.bytes.between.snapshots",
        20_971_520_i64,
        Check::AtLeast(1),
        ReadOnly,
        NO_QUORUM,
        "The bytes of the metadata log after which a snapshot is taken."
    ),
    reported!(
        "metadata.log.max.snapshot.interval.ms",
        3_600_000_i64,
        Check::AtLeast(0),
        ReadOnly,
        NO_QUORUM,
        "The time after which a snapshot of the metadata is taken. 0 means never."
    ),
    reported!(
        "metadata.log.segment.bytes",
        1_073_741_824_i32,
        Check::AtLeast(8_388_608),
        ReadOnly,
        NO_QUORUM,
        "The size of a segment of the metadata log."
    ),
    reported!(
        "metadata.log.segment.ms",
        604_800_000_i64,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The age at which a segment of the metadata log is closed."
    ),
    reported!(
        "metadata.max.idle.interval.ms",
        500_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_QUORUM,
        "How often the leader of an idle quorum writes a record. 0 means never."
    ),
    reported!(
        "metadata.max.retention.bytes",
        104_857_600_i64,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "The size that the metadata log and its snapshots may reach before old ones are \
            deleted."
    ),
    reported!(
        "metadata.max.retention.ms",
        604_800_000_i64,
        Check::Any,
        ReadOnly,
        NO_QUORUM,
        "How long the metadata log and its snapshots are kept."
    ),
    internal!("unclean.leader.election.interval.ms", 300_000_i64, Check::AtLeast(1)),
    internal!("controller.performance.always.log.threshold.ms", 2000_i64, Check::AtLeast(0)),
    internal!("controller.performance.sample.period.ms", 60_000_i64, Check::AtLeast(100)),
    internal!("internal.metadata.delete.delay.millis", 60_000_i64, Check::Any),
    internal!("internal.metadata.log.segment.bytes", unset::<i32>(), Check::Any),
    internal!("internal.metadata.max.batch.size.in.bytes", 8_388_608_i32, Check::Any),
    internal!("server.max.startup.time.ms", i64::MAX, Check::AtLeast(0)),
    internal!("unstable.api.versions.enable", false, Check::Any),
    internal!("unstable.feature.versions.enable", false, Check::Any),
];
