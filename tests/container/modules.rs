//! The Kafka modules of Testcontainers, as they are.
