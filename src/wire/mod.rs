//! Encoding and decoding of messages.

pub mod chunks;
pub mod cursor;
pub mod deferred;
pub mod fetch;
pub mod header;
pub mod list;
pub mod produce;
pub mod response;
