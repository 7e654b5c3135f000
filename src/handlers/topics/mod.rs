//! Requests about topics.

pub mod alter_partition_reassignments;
pub mod alter_replica_log_dirs;
pub mod assignments;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_topics;
pub mod describe_log_dirs;
pub mod describe_topic_partitions;
pub mod elect_leaders;
pub mod list_partition_reassignments;
pub mod metadata;
