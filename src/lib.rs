//! Ottla: a Kafka-wire-compatible single-node broker.
//!
//! The rooms, top of the house first. Each may use only what stands below it in
//! `docs/architecture.md`; `tests/it/tidy.rs` keeps it so. But for [`Broker`], which other programs
//! start inside themselves, nothing is re-exported here: import from the file that defines.

/// Who owns what: the parts of a running broker, its start and its stop.
pub mod broker;
/// The command line: the daemon, its own commands, and Kafka's tools by their names.
#[cfg(feature = "cli")]
pub mod cli;
/// A small Kafka client, for the command line.
pub mod client;
/// Time, handed in.
pub mod clock;
/// THE TABLE of configuration, its layers and what they resolve to.
pub mod config;
/// The shell round the coordinator's mind: its task and its log.
pub mod coordinator;
/// A broker inside another program: for tests, and for programs that bring their own.
pub mod embedded;
/// The read path above partitions: plan, read, wait, read again; fetch sessions.
pub mod fetch;
/// Numbers, strings and arrays as Kafka writes them into records.
pub mod fields;
/// The group coordinator's mind: pure, in simulated time if need be.
pub mod groups;
/// What each request means: one file per API key, and THE TABLE of them.
pub mod handlers;
/// One partition's log: one owner, no locks, no async.
pub mod log;
/// What the broker knows durably, in `__cluster_metadata-0`, and the image of it.
pub mod metadata;
/// Client quotas: who may use how much, and how long who used too much must wait.
pub mod quotas;
/// Sockets: accept, frame in, reply out, in order.
pub mod server;
/// Files: the disk, record batches, segments, indexes, checkpoints.
pub mod storage;
/// Live partitions: the lock round a log, the view that readers take, who waits for bytes.
pub mod topics;
/// Names of things that travel between rooms.
pub mod types;
/// Bytes to messages and back.
pub mod wire;

pub use embedded::broker::Broker;

// The examples of this page run.
#[cfg(doctest)]
#[doc = include_str!("../docs/ci/rust.md")]
struct RustPage;
