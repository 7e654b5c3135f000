//! The options of the broker itself.
//!
//! Names, types and limits are those of Kafka 4.1 (`ServerConfigs`, `SocketServerConfigs`,
//! `CleanerConfig`), `durability` aside, which is ours. Where a default differs, `page.rs` says
//! so and why.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{List, Text};

/// `node.id`.
pub static NODE_ID: Entry<i32> = Entry {
    topic: None,
    broker: &[name("node.id"), name("broker.id")],
    default: 1,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The number by which clients know this broker.",
};

/// `cluster.id`.
pub static CLUSTER_ID: Entry<Text> = Entry {
    topic: None,
    broker: &[name("cluster.id")],
    default: Text(""),
    check: Check::PlainName,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The name of the cluster that this broker is. Empty gives a new data directory one of \
        its own; a directory that has another one is refused.",
};

/// `listeners`.
pub static LISTENERS: Entry<List> = Entry {
    topic: None,
    broker: &[name("listeners")],
    default: List(&["PLAINTEXT://localhost:9092"]),
    check: Check::ListenOn,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "Where to listen: NAME://host:port, or host:port alone, which is named PLAINTEXT. \
        0.0.0.0 or no host means every interface, localhost both 127.0.0.1 and ::1, port 0 a free \
        one. Only this machine is listened to unless this says otherwise.",
};

/// `listener.security.protocol.map`.
pub static LISTENER_SECURITY_PROTOCOL_MAP: Entry<List> = Entry {
    topic: None,
    broker: &[name("listener.security.protocol.map")],
    default: List(&[
        "PLAINTEXT:PLAINTEXT",
        "SSL:SSL",
        "SASL_PLAINTEXT:SASL_PLAINTEXT",
        "SASL_SSL:SASL_SSL",
    ]),
    check: Check::Protocols,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "What the names of listeners mean. Only names that mean PLAINTEXT can be listened to.",
};

/// `controller.listener.names`.
pub static CONTROLLER_LISTENER_NAMES: Entry<List> = Entry {
    topic: None,
    broker: &[name("controller.listener.names")],
    default: List(&[]),
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "Which of the listeners are for a quorum of controllers. There is no quorum, so they \
        are not opened.",
};

/// `advertised.listeners`.
pub static ADVERTISED_LISTENERS: Entry<List> = Entry {
    topic: None,
    broker: &[name("advertised.listeners")],
    default: List(&[]),
    check: Check::SendTo,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The addresses that clients are sent to: NAME://host:port for each listener, or one \
        host:port for all. A listener without one advertises to each client the address at which \
        it reached the broker, or localhost if the listener is on localhost; in a container, \
        clients that come through the gateway of the container's network, as through a published \
        port of this machine, are sent to localhost.",
};

/// `published.port`.
pub static PUBLISHED_PORT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("published.port")],
    default: 0,
    check: Check::Between(0, 65_535),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "In a container: the port of the machine that leads to the first listener, which is \
        advertised with localhost. 0 means the listener's own port in the container.",
};

/// `log.dirs`.
pub static LOG_DIRS: Entry<List> = Entry {
    topic: None,
    broker: &[name("log.dirs"), name("log.dir")],
    default: List(&[]),
    check: Check::OneItem,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The data directory; there can be one. Empty means the data directory of the user who \
        runs the broker.",
};

/// `durability`.
pub static DURABILITY: Entry<Text> = Entry {
    topic: None,
    broker: &[name("durability")],
    default: Text("os"),
    check: Check::OneOf(&["os", "fsync"]),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "When a produce with acks=all is answered. os: once the operating system has the records, \
        so that they survive the death of the broker. fsync: once they are synced to the disk, so \
        that they survive a loss of power.",
};

/// `connections.max.idle.ms`.
pub static CONNECTIONS_MAX_IDLE_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("connections.max.idle.ms")],
    default: 600_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long a connection may be silent before it is closed.",
};

/// `socket.request.max.bytes`.
pub static SOCKET_REQUEST_MAX_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("socket.request.max.bytes")],
    default: 104_857_600,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The largest request that is read; a larger one closes its connection.",
};

/// `queued.max.request.bytes`.
pub static QUEUED_MAX_REQUEST_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("queued.max.request.bytes")],
    default: 33_554_432,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How many bytes of requests are held in memory at once, over all connections; readers \
        wait for room, and while they do, requests that arrive at less than 1 MiB a second are \
        closed, the slowest first. Requests larger than 1 MiB get at most half of it. One request \
        of up to 1 MiB and a larger one, if need be of socket.request.max.bytes, are read beside \
        it.",
};

/// `queued.max.decoded.bytes`.
pub static QUEUED_MAX_DECODED_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("queued.max.decoded.bytes")],
    default: 33_554_432,
    check: Check::AtLeast(33_554_432),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How much memory requests may take that are decoded and carried out at once, over all \
        connections, in bytes. Small ones are not counted; others wait for room, and their \
        connection is closed if there is none for long.",
};

/// `queued.max.response.bytes`.
pub static QUEUED_MAX_RESPONSE_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("queued.max.response.bytes")],
    default: 33_554_432,
    check: Check::AtLeast(1_048_576),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How many bytes of answers are held in memory at once, over all connections, until their \
        clients have read them. Small answers and records are not counted; others wait for room. \
        A client that does not read while others wait loses its connection.",
};

/// `connection.max.response.bytes`.
pub static CONNECTION_MAX_RESPONSE_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("connection.max.response.bytes")],
    default: 16_777_216,
    check: Check::AtLeast(1_048_576),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How many bytes of queued.max.response.bytes one connection may hold. An answer that \
        would hold more in memory is not given: its connection is closed.",
};

/// `fetch.max.bytes`.
pub static FETCH_MAX_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("fetch.max.bytes")],
    default: 57_671_680,
    check: Check::AtLeast(1024),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The most that one fetch is answered with; the first batch is sent whatever its size.",
};

/// `max.incremental.fetch.session.cache.slots`.
pub static MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.incremental.fetch.session.cache.slots")],
    default: 1000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How many fetch sessions are kept, so that consumers of many partitions need not name \
        them all in each request (KIP-227).",
};

/// `max.request.partition.size.limit`.
pub static MAX_REQUEST_PARTITION_SIZE_LIMIT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.request.partition.size.limit")],
    default: 2000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How many partitions one answer about topics may hold; the client asks for the rest.",
};

/// `num.partitions`.
pub static NUM_PARTITIONS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("num.partitions")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How many partitions a topic has when its creator does not say.",
};

/// `default.replication.factor`.
pub static DEFAULT_REPLICATION_FACTOR: Entry<i32> = Entry {
    topic: None,
    broker: &[name("default.replication.factor")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How many replicas a topic has when its creator does not say. There is one broker \
        here, so with more than 1 such topics cannot be created.",
};

/// `auto.create.topics.enable`.
pub static AUTO_CREATE_TOPICS_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("auto.create.topics.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "Create a topic when a client that allows it asks for one that does not exist.",
};

/// `delete.topic.enable`.
pub static DELETE_TOPIC_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("delete.topic.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "Let clients delete topics.",
};

/// `log.flush.offset.checkpoint.interval.ms`.
pub static LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("log.flush.offset.checkpoint.interval.ms")],
    default: 60_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long after a sync the recovery points are saved. A start after a crash reads each \
        log from its recovery point on.",
};

/// `log.retention.check.interval.ms`.
pub static LOG_RETENTION_CHECK_INTERVAL_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("log.retention.check.interval.ms")],
    default: 300_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How often to look for segments that are old enough to be removed.",
};

/// `num.network.threads`.
pub static NUM_NETWORK_THREADS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("num.network.threads")],
    default: 3,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Unused("one thread for each processor does all the work"),
    doc: "Threads that read and write sockets. Ottla has one per processor for all its work.",
};

/// `num.io.threads`.
pub static NUM_IO_THREADS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("num.io.threads")],
    default: 8,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Unused("one thread for each processor does all the work"),
    doc: "Threads that carry out requests. Ottla has one per processor for all its work.",
};

/// `num.recovery.threads.per.data.dir`.
pub static NUM_RECOVERY_THREADS_PER_DATA_DIR: Entry<i32> = Entry {
    topic: None,
    broker: &[name("num.recovery.threads.per.data.dir")],
    default: 2,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Unused("recovery waits for the disk, and always takes 16 threads"),
    doc: "Threads that check logs after a crash.",
};

/// `background.threads`.
pub static BACKGROUND_THREADS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("background.threads")],
    default: 10,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Unused("work that can wait is done by tasks, not by threads of its own"),
    doc: "Threads for work that can wait.",
};

/// `request.timeout.ms`.
pub static REQUEST_TIMEOUT_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("request.timeout.ms")],
    default: 30_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("one node waits for no other"),
    doc: "How long brokers wait for each other's answers. There is one broker here.",
};

/// `leader.replication.throttled.rate`.
pub static LEADER_REPLICATION_THROTTLED_RATE: Entry<i64> = Entry {
    topic: None,
    broker: &[name("leader.replication.throttled.rate")],
    default: i64::MAX,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("one node has nothing to replicate"),
    doc: "Bytes a second that a leader sends to replicas which are throttled. There is nothing \
        to replicate here.",
};

/// `follower.replication.throttled.rate`.
pub static FOLLOWER_REPLICATION_THROTTLED_RATE: Entry<i64> = Entry {
    topic: None,
    broker: &[name("follower.replication.throttled.rate")],
    default: i64::MAX,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("one node has nothing to replicate"),
    doc: "Bytes a second that replicas which are throttled fetch. There is nothing to replicate \
        here.",
};

/// `replica.alter.log.dirs.io.max.bytes.per.second`.
pub static REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND: Entry<i64> = Entry {
    topic: None,
    broker: &[name("replica.alter.log.dirs.io.max.bytes.per.second")],
    default: i64::MAX,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Unused("in one data directory nothing moves"),
    doc: "Bytes a second with which partitions move between data directories. There is one \
        directory here.",
};

/// `remote.log.storage.system.enable`.
pub static REMOTE_LOG_STORAGE_SYSTEM_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("remote.log.storage.system.enable")],
    default: false,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Unused("there is no remote store; true is refused"),
    doc: "Let topics keep closed segments in a remote store as well.",
};

/// These rows, in the order in which they stand above.
pub static ROWS: &[&dyn Row] = &[
    &NODE_ID,
    &CLUSTER_ID,
    &LISTENERS,
    &LISTENER_SECURITY_PROTOCOL_MAP,
    &CONTROLLER_LISTENER_NAMES,
    &ADVERTISED_LISTENERS,
    &PUBLISHED_PORT,
    &LOG_DIRS,
    &DURABILITY,
    &CONNECTIONS_MAX_IDLE_MS,
    &SOCKET_REQUEST_MAX_BYTES,
    &QUEUED_MAX_REQUEST_BYTES,
    &QUEUED_MAX_DECODED_BYTES,
    &QUEUED_MAX_RESPONSE_BYTES,
    &CONNECTION_MAX_RESPONSE_BYTES,
    &FETCH_MAX_BYTES,
    &MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS,
    &MAX_REQUEST_PARTITION_SIZE_LIMIT,
    &NUM_PARTITIONS,
    &DEFAULT_REPLICATION_FACTOR,
    &AUTO_CREATE_TOPICS_ENABLE,
    &DELETE_TOPIC_ENABLE,
    &LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS,
    &LOG_RETENTION_CHECK_INTERVAL_MS,
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
