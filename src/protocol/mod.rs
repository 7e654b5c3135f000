//! Kafka's messages as `schemas/` describes them: their types, and how they are decoded within
//! bounds and encoded. `build/main.rs` makes the types.

pub mod decoder;
pub mod encoder;
pub mod error;
pub mod message;
pub mod messages;
pub mod records;
pub mod text;
