//! Live partitions: the lock round a log, the view that readers take, who waits for bytes.

pub mod compaction;
pub mod error;
pub mod maintenance;
pub mod names;
pub mod opening;
pub mod partition;
pub mod producer_count;
pub mod registry;
pub mod retention;
pub mod scrub;
pub mod waiters;
