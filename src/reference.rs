//! The release of Apache Kafka that this broker follows.

/// Its version. The broker behaves, and the tools under Kafka's names print, as this one does.
pub const KAFKA: &str = "4.4.0";
