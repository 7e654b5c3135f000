//! What the modules of `messages.rs` use.

pub use std::ops::RangeInclusive;

pub use bytes::Bytes;
pub use kafka_protocol::protocol::StrBytes;
pub use uuid::Uuid;

pub use crate::protocol::decoder::{Decode, DecodeError, Decoder};
pub use crate::protocol::encoder::{Encode, EncodeError, Encoder, Sink};
pub use crate::protocol::message::{Message, RecordType, Request, Response};
