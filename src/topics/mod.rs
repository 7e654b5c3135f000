//! Topics: in the metadata log, and live. Partitions: the lock around a log, the view for readers,
//! and the waiters for new data.

pub mod append;
pub mod auto_creation;
pub mod batches;
pub mod capacity;
pub mod change_error;
pub mod changes;
pub mod checkpoints;
pub mod compaction;
pub mod deletion;
pub mod error;
pub mod flush;
pub mod lifecycle;
pub mod maintenance;
pub mod markers;
pub mod names;
pub mod opening;
pub mod partition;
pub mod producer_count;
pub mod recovery;
pub mod recovery_queue;
pub mod registry;
pub mod retention;
pub mod scrub;
pub mod service;
mod strays;
pub mod waiters;
