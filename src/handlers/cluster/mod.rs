//! Requests about the cluster.

pub mod api_versions;
pub mod describe_cluster;
pub mod describe_quorum;
