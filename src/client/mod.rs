//! A small Kafka client for the command line, for Ottla as well as for Apache Kafka.

pub mod admin;
pub mod assignor;
pub mod cluster;
pub mod configs;
pub mod connection;
pub mod decode;
pub mod error;
pub mod fetcher;
pub mod group_admin;
pub mod group_member;
pub mod group_offsets;
pub mod offsets;
pub mod partitioner;
pub mod producer;
pub mod sender;
pub mod transaction_admin;
