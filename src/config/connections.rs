//! The options of connections: how many there may be, and how fast their requests must arrive.
//!
//! Names, types and limits are those of Kafka (`SocketServerConfigs`), but for
//! `socket.request.min.bytes.per.second`, which is ours.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::Text;

/// `max.connections`.
pub static MAX_CONNECTIONS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.connections")],
    default: 10_000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum number of connections over all listeners, at most a quarter of the \
        process's limit of open files. When it is reached, a client from an address with fewer \
        connections than another is still accepted: the longest idle connection of the address \
        with the most is closed.",
};

/// `max.connections.per.ip`.
pub static MAX_CONNECTIONS_PER_IP: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.connections.per.ip")],
    default: 5000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum number of connections from one address. Unless it is set, connections over \
        the loopback interface are not counted.",
};

/// `max.connections.per.ip.overrides`.
pub static MAX_CONNECTIONS_PER_IP_OVERRIDES: Entry<Text> = Entry {
    topic: None,
    broker: &[name("max.connections.per.ip.overrides")],
    default: Text(""),
    check: Check::PerAddress,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "What max.connections.per.ip is for some addresses instead: 10.0.0.1:100,10.0.0.2:200.",
};

/// `socket.request.min.bytes.per.second`.
pub static SOCKET_REQUEST_MIN_BYTES_PER_SECOND: Entry<i64> = Entry {
    topic: None,
    broker: &[name("socket.request.min.bytes.per.second")],
    default: 32_768,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "How fast a request must arrive, on average. Its connection is closed if it is not there \
        after the time for its bytes and for 1 MiB more.",
};

/// All of them, in the order of the page.
pub static ROWS: &[&dyn Row] = &[
    &MAX_CONNECTIONS,
    &MAX_CONNECTIONS_PER_IP,
    &MAX_CONNECTIONS_PER_IP_OVERRIDES,
    &SOCKET_REQUEST_MIN_BYTES_PER_SECOND,
];
