//! Live partitions: the lock around a log, the view for readers, and the waiters for new data.

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
