//! The broker's own options.
//!
//! Names, types and limits are those of Kafka 4.4 (`ServerConfigs`, `SocketServerConfigs`,
//! `CleanerConfig`), except `durability` and others that Kafka does not have. Where a default
//! differs, `page.rs` says so and why.

use crate::config::check::Check;
use crate::config::choices::Durability;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{Addresses, List, Pairs, Text, Unset, unset};

/// `node.id`.
pub static NODE_ID: Entry<i32> = Entry {
    topic: None,
    broker: &[name("node.id"), name("broker.id")],
    default: 1,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The id by which clients know this broker.",
};

/// `cluster.id`.
pub static CLUSTER_ID: Entry<Text> = Entry {
    topic: None,
    broker: &[name("cluster.id")],
    default: Text(""),
    check: Check::PlainName,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The id of the cluster that this broker forms. If empty, a new data directory gets an \
        id of its own. A data directory with another id is refused.",
};

/// `listeners`.
pub static LISTENERS: Entry<Addresses> = Entry {
    topic: None,
    broker: &[name("listeners")],
    default: Addresses(List(&["PLAINTEXT://localhost:9092"])),
    check: Check::ListenOn,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The addresses to listen on: NAME://host:port, or host:port alone, whose name is \
        PLAINTEXT. 0.0.0.0 or no host means every interface, localhost both 127.0.0.1 and ::1, \
        and port 0 a free port. By default only clients on this machine can connect.",
};

/// `listener.security.protocol.map`.
pub static LISTENER_SECURITY_PROTOCOL_MAP: Entry<Pairs> = Entry {
    topic: None,
    broker: &[name("listener.security.protocol.map")],
    default: Pairs(List(&[
        "SASL_SSL:SASL_SSL",
        "PLAINTEXT:PLAINTEXT",
        "SSL:SSL",
        "SASL_PLAINTEXT:SASL_PLAINTEXT",
    ])),
    check: Check::Protocols,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The security protocol of each listener name. Only listeners whose protocol is \
        PLAINTEXT can be opened.",
};

/// `controller.listener.names`.
pub static CONTROLLER_LISTENER_NAMES: Entry<Unset<List>> = Entry {
    topic: None,
    broker: &[name("controller.listener.names")],
    default: unset(),
    check: Check::NotEmpty,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The listeners that belong to a controller quorum. There is no quorum, so they are not \
        opened.",
};

/// `advertised.listeners`.
pub static ADVERTISED_LISTENERS: Entry<Unset<List>> = Entry {
    topic: None,
    broker: &[name("advertised.listeners")],
    default: unset(),
    check: Check::SendTo,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The addresses to advertise to clients: NAME://host:port for each listener, or one \
        host:port for all. For a listener without one, each client gets the address at which it \
        reached the broker, or localhost if the listener is on localhost. In a container, \
        clients that come through the gateway of the container's network, as all do that come \
        through a published port of the host, get localhost.",
};

/// `published.port`.
pub static PUBLISHED_PORT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("published.port")],
    default: 0,
    check: Check::Between(0, 65_535),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "In a container: the port of the host that leads to the first listener, which is \
        advertised with localhost. 0 means the same port as in the container.",
};

/// `log.dirs`.
pub static LOG_DIRS: Entry<Unset<List>> = Entry {
    topic: None,
    broker: &[name("log.dirs"), name("log.dir")],
    default: unset(),
    check: Check::OneItem,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The data directory; there can be only one. If it is not set, the data directory of the \
        user who runs the broker.",
};

/// `cordoned.log.dirs`.
pub static CORDONED_LOG_DIRS: Entry<List> = Entry {
    topic: None,
    broker: &[name("cordoned.log.dirs")],
    default: List(&[]),
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The data directory, or *, if it gets no new partitions (KIP-1066): topics and partitions \
        cannot be created then. It is set on the broker itself, not on all.",
};

/// `durability`.
pub static DURABILITY: Entry<Durability> = Entry {
    topic: None,
    broker: &[name("durability")],
    default: Durability::Os,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "When a produce with acks=all is answered. os: once the operating system has the \
        records, so that they survive a crash of the broker. fsync: once they are synced to the \
        disk, so that they survive a power loss.",
};

/// `connections.max.idle.ms`.
pub static CONNECTIONS_MAX_IDLE_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("connections.max.idle.ms")],
    default: 600_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long a connection may be idle before it is closed.",
};

/// `socket.request.max.bytes`.
pub static SOCKET_REQUEST_MAX_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("socket.request.max.bytes")],
    default: 104_857_600,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum size of a request; a larger one closes its connection.",
};

/// `queued.max.request.bytes`.
pub static QUEUED_MAX_REQUEST_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("queued.max.request.bytes")],
    default: 33_554_432,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum size of all requests in memory, over all connections. When it is reached, \
        readers wait for space, and requests that arrive at less than 1 MiB per second are \
        closed, the slowest first. Requests larger than 1 MiB get at most half of it. One \
        request of up to 1 MiB and one larger one, of up to socket.request.max.bytes, are read \
        in addition.",
};

/// `queued.max.decoded.bytes`.
pub static QUEUED_MAX_DECODED_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("queued.max.decoded.bytes")],
    default: 33_554_432,
    check: Check::AtLeast(33_554_432),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum memory of all requests that are decoded and being processed, over all \
        connections. Small ones are not counted; others wait for memory, and their connection is \
        closed if the wait is too long.",
};

/// `queued.max.response.bytes`.
pub static QUEUED_MAX_RESPONSE_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("queued.max.response.bytes")],
    default: 33_554_432,
    check: Check::AtLeast(1_048_576),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum memory of all responses that clients have not read yet, over all \
        connections. Small responses and records are not counted; others wait for memory. A \
        client that does not read its responses while others wait is disconnected.",
};

/// `connection.max.response.bytes`.
pub static CONNECTION_MAX_RESPONSE_BYTES: Entry<i64> = Entry {
    topic: None,
    broker: &[name("connection.max.response.bytes")],
    default: 16_777_216,
    check: Check::AtLeast(1_048_576),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How much of queued.max.response.bytes one connection may use. A response that would \
        need more is not sent: its connection is closed.",
};

/// `fetch.max.bytes`.
pub static FETCH_MAX_BYTES: Entry<i32> = Entry {
    topic: None,
    broker: &[name("fetch.max.bytes")],
    default: 57_671_680,
    check: Check::AtLeast(1024),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum size of a fetch response; the first batch is sent whatever its size.",
};

/// `max.incremental.fetch.session.cache.slots`.
pub static MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.incremental.fetch.session.cache.slots")],
    default: 1000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum number of fetch sessions, which save consumers of many partitions from \
        naming all of them in each request (KIP-227).",
};

/// `max.request.partition.size.limit`.
pub static MAX_REQUEST_PARTITION_SIZE_LIMIT: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.request.partition.size.limit")],
    default: 2000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The maximum number of partitions in one DescribeTopicPartitions response; the client \
        requests the rest.",
};

/// `num.partitions`.
pub static NUM_PARTITIONS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("num.partitions")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The number of partitions of a topic that is created without one.",
};

/// `default.replication.factor`.
pub static DEFAULT_REPLICATION_FACTOR: Entry<i32> = Entry {
    topic: None,
    broker: &[name("default.replication.factor")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The replication factor of a topic that is created without one. There is one broker, so \
        with more than 1 such topics cannot be created.",
};

/// `auto.create.topics.enable`.
pub static AUTO_CREATE_TOPICS_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("auto.create.topics.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "Whether a topic is created when a client that allows it requests the metadata of one \
        that does not exist.",
};

/// `delete.topic.enable`.
pub static DELETE_TOPIC_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("delete.topic.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "Whether clients may delete topics.",
};

/// `log.flush.offset.checkpoint.interval.ms`.
pub static LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("log.flush.offset.checkpoint.interval.ms")],
    default: 60_000,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How long after a sync the recovery points are saved. After a crash, each log is read \
        from its recovery point on.",
};

/// `log.retention.check.interval.ms`.
pub static LOG_RETENTION_CHECK_INTERVAL_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("log.retention.check.interval.ms")],
    default: 300_000,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How often to check for segments that can be deleted.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &NODE_ID,
    &CLUSTER_ID,
    &LISTENERS,
    &LISTENER_SECURITY_PROTOCOL_MAP,
    &CONTROLLER_LISTENER_NAMES,
    &ADVERTISED_LISTENERS,
    &PUBLISHED_PORT,
    &LOG_DIRS,
    &CORDONED_LOG_DIRS,
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
];
