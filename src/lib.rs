//! Ottla: a Kafka-wire-compatible single-node broker.
//!
//! The modules are layered: `docs/architecture.md` says which ones each may use, and
//! `tests/it/tidy.rs` enforces it. Except for [`Broker`], the embedded broker, nothing is
//! re-exported here: import from the file that defines.

/// The running broker: its parts, its start, its background tasks and its stop.
pub mod broker;
/// The command line: the daemon, its own commands, and Kafka's tools under their names.
#[cfg(feature = "cli")]
pub mod cli;
/// A small Kafka client for the command line.
pub mod client;
/// The clock, injected wherever time is needed.
pub mod clock;
/// The table of configuration options, the layers they are set in, and the resolved settings.
pub mod config;
/// Runs the group coordinator's state machine: its task and its log.
pub mod coordinator;
/// A broker inside another program: for tests, and for programs that bring their own broker.
pub mod embedded;
/// Reading many partitions: long polls and fetch sessions.
pub mod fetch;
/// The group coordinator's state machine. No I/O, no clock of its own.
pub mod groups;
/// The request handlers, one file for each API, and the table of APIs.
pub mod handlers;
/// The log of one partition: one owner, no locks, no async.
pub mod log;
/// What the state machine of a coordinator is.
pub mod machine;
/// The metadata log `__cluster_metadata-0` and its image.
pub mod metadata;
/// What an operating system has and others do not: Linux's form, and one of POSIX for all others.
#[cfg(all(target_os = "linux", not(ottla_portable)))]
#[path = "platform/linux.rs"]
pub mod platform;
#[cfg(not(all(target_os = "linux", not(ottla_portable))))]
#[path = "platform/portable.rs"]
pub mod platform;
/// The messages of the protocol, made from `schemas/`, decoded within bounds.
pub mod protocol;
/// Client quotas: limits, usage and throttle times.
pub mod quotas;
/// The release of Apache Kafka that this broker follows.
pub mod reference;
/// The network layer: accepts connections, reads requests and writes responses in order.
pub mod server;
/// Files: the disk, record batches, segments, indexes, checkpoints.
pub mod storage;
/// Locks with one policy for poison.
pub mod sync;
/// Live partitions: the lock around a log, the view for readers, and fetches waiting for data.
pub mod topics;
/// The transaction coordinator: a state machine, from `(now, command)` to records and replies.
pub mod transactions;
/// Names and ids used in all modules.
pub mod types;
/// Encoding and decoding of messages.
pub mod wire;

pub use embedded::broker::Broker;

// The examples of this page are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/ci/rust.md")]
struct RustPage;
