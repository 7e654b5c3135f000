//! The options of connections: their maximum number, and how fast their requests must arrive.
//!
//! Names, types and limits are those of Kafka (`SocketServerConfigs`), except
//! `socket.request.min.bytes.per.second`, which Kafka does not have.

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
    doc: "The maximum number of connections over all listeners; at most a quarter of the \
        process's limit of open files. When it is reached, a client from an address with fewer \
        connections than another can still connect: of the address with the most connections, \
        the one that has been idle longest is closed.",
};

/// `max.connections.per.ip`.
pub static MAX_CONNECTIONS_PER_IP: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.connections.per.ip")],
    default: 5000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum number of connections from one address. Unless it is set, clients on the \
        broker's own machine that use the loopback interface are not counted.",
};

/// `max.connections.per.ip.overrides`.
pub static MAX_CONNECTIONS_PER_IP_OVERRIDES: Entry<Text> = Entry {
    topic: None,
    broker: &[name("max.connections.per.ip.overrides")],
    default: Text(""),
    check: Check::PerAddress,
    change: Change::Live,
    effect: Effect::Acts,
    doc: "Other values of max.connections.per.ip for some addresses: 10.0.0.1:100,10.0.0.2:200.",
};

/// `socket.request.min.bytes.per.second`.
pub static SOCKET_REQUEST_MIN_BYTES_PER_SECOND: Entry<i64> = Entry {
    topic: None,
    broker: &[name("socket.request.min.bytes.per.second")],
    default: 32_768,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Acts,
    doc: "The minimum average speed at which a request must arrive. Its connection is closed if \
        it is not complete after the time for its bytes and 1 MiB more.",
};

/// All rows, in the order of the page.
pub static ROWS: &[&dyn Row] = &[
    &MAX_CONNECTIONS,
    &MAX_CONNECTIONS_PER_IP,
    &MAX_CONNECTIONS_PER_IP_OVERRIDES,
    &SOCKET_REQUEST_MIN_BYTES_PER_SECOND,
];
