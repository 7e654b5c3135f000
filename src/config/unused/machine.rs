//! Options of Kafka's own machinery: threads, sockets, metrics, plugins.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{List, Text};

const NO_JVM: &str = "Ottla has no threads, buffers, metrics or plugins of this kind";

/// All rows.
pub static ROWS: &[&dyn Row] = &[
    reported!(
        "queued.max.requests",
        500_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_JVM,
        "The number of requests that may wait for a thread. See also queued.max.request.bytes."
    ),
    reported!(
        "socket.listen.backlog.size",
        50_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_JVM,
        "The number of connections that may wait to be accepted."
    ),
    reported!(
        "socket.receive.buffer.bytes",
        102_400_i32,
        Check::Any,
        ReadOnly,
        NO_JVM,
        "The receive buffer of a connection. -1 leaves it to the operating system."
    ),
    reported!(
        "socket.send.buffer.bytes",
        102_400_i32,
        Check::Any,
        ReadOnly,
        NO_JVM,
        "The send buffer of a connection. -1 leaves it to the operating system."
    ),
    reported!(
        "socket.connection.setup.timeout.ms",
        10_000_i64,
        Check::Any,
        ReadOnly,
        NO_JVM,
        "How long the broker waits for a connection of its own to another broker."
    ),
    reported!(
        "socket.connection.setup.timeout.max.ms",
        30_000_i64,
        Check::Any,
        ReadOnly,
        NO_JVM,
        "The maximum of that wait when it grows with each attempt."
    ),
    reported!(
        "max.connection.creation.rate",
        i32::MAX,
        Check::AtLeast(0),
        Live,
        NO_JVM,
        "The number of connections that are accepted per second."
    ),
    reported!(
        "connection.failed.authentication.delay.ms",
        100_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_JVM,
        "How long the connection of a client that could not authenticate stays open."
    ),
    reported!(
        "log.flush.start.offset.checkpoint.interval.ms",
        60_000_i32,
        Check::AtLeast(0),
        ReadOnly,
        NO_JVM,
        "How often the first offsets of partitions are saved."
    ),
    reported!(
        "metric.reporters",
        List(&["org.apache.kafka.common.metrics.JmxReporter"]),
        Check::Any,
        Live,
        NO_JVM,
        "Classes that receive the metrics."
    ),
    reported!(
        "metrics.num.samples",
        2_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_JVM,
        "The number of samples from which a metric is computed."
    ),
    reported!(
        "metrics.recording.level",
        Text("INFO"),
        Check::Any,
        ReadOnly,
        NO_JVM,
        "The level of detail of the metrics."
    ),
    reported!(
        "metrics.sample.window.ms",
        30_000_i64,
        Check::AtLeast(1),
        ReadOnly,
        NO_JVM,
        "The time that a sample covers."
    ),
    reported!(
        "kafka.metrics.reporters",
        List(&[]),
        Check::Any,
        ReadOnly,
        NO_JVM,
        "Classes that receive the metrics of Yammer."
    ),
    reported!(
        "kafka.metrics.polling.interval.secs",
        10_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_JVM,
        "How often those classes receive them."
    ),
    reported!(
        "telemetry.max.bytes",
        1_048_576_i32,
        Check::AtLeast(1),
        ReadOnly,
        NO_JVM,
        "The maximum size of the metrics that a client pushes (KIP-714)."
    ),
    reported!(
        "config.providers",
        List(&[]),
        Check::Any,
        Live,
        NO_JVM,
        "Classes from which values of options are read."
    ),
    internal!("log.initial.task.delay.ms", 30_000_i64, Check::AtLeast(0)),
];
