//! Encoding and decoding of messages.

pub mod cursor;
pub mod deferred;
pub mod described_group;
pub mod fetch;
pub mod field;
pub mod header;
pub mod legacy;
pub mod list;
pub mod response;
pub mod shape;
pub mod shapes;
