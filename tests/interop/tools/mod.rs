//! Kafka's own tools print the same about Ottla as about Apache Kafka.

mod cluster;
mod configs;
mod dump;
mod offsets;
pub mod side;
pub mod topics;
pub mod transactional;
mod transactions;
pub mod words;
