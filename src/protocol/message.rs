//! What all messages have in common.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};

use crate::protocol::decoder::{Decode, Decoder};
use crate::protocol::encoder::{Encode, Encoder, Measure};
use crate::protocol::error::{DecodeError, EncodeError};

/// A message of the protocol, or a record of an internal topic.
pub trait Message: Decode + Encode + Debug {
    /// Its name in Kafka.
    const NAME: &'static str;
    /// The versions that exist.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version that Kafka has; `schemas/older` adds older ones.
    const KAFKA_SINCE: i16;
    /// The first version with compact lengths and tagged fields; `i16::MAX` if there is none.
    const FLEXIBLE_SINCE: i16;
    /// The last version that does not change any more.
    const LATEST_STABLE: i16;

    /// Returns true if this version has compact lengths and tagged fields.
    fn is_flexible(version: i16) -> bool {
        version >= Self::FLEXIBLE_SINCE
    }

    /// Decodes a message and returns it with the number of its bytes; what follows is ignored, as
    /// Kafka does. The message takes at most `budget` bytes of memory beside `body`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    fn decode_from(
        body: &Bytes,
        version: i16,
        budget: usize,
    ) -> Result<(Self, usize), DecodeError> {
        let mut decoder = Decoder::new(body, version, Self::is_flexible(version), budget);
        Ok((Self::decode(&mut decoder)?, decoder.position()))
    }

    /// Returns the memory that a message takes once it is decoded, beside `body`, in bytes.
    /// Allocates nothing.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    fn decoded_bytes(body: &Bytes, version: i16, budget: usize) -> Result<usize, DecodeError> {
        let decoder = Decoder::new(body, version, Self::is_flexible(version), budget);
        let mut decoder = decoder.counting();
        Self::decode(&mut decoder)?;
        Ok(decoder.charged())
    }

    /// Encodes the message.
    ///
    /// # Errors
    ///
    /// Returns an error if the version cannot say what the message says.
    fn encode_to(&self, out: &mut BytesMut, version: i16) -> Result<(), EncodeError> {
        self.encode(&mut Encoder::new(out, version, Self::is_flexible(version)))
    }

    /// Returns the message behind a number of two bytes, as records of internal topics have it: the
    /// type of a key, the version of a value. Nothing of it may be missing in that version.
    fn numbered(&self, number: i16, version: i16) -> Vec<u8> {
        let mut out = BytesMut::from(&number.to_be_bytes()[..]);
        let encoded = self.encode_to(&mut out, version);
        debug_assert_eq!(encoded, Ok(()));
        out.into()
    }

    /// Returns the number of bytes that the message is encoded to.
    ///
    /// # Errors
    ///
    /// Returns an error if the version cannot say what the message says.
    fn size(&self, version: i16) -> Result<usize, EncodeError> {
        let mut measure = Measure::default();
        self.encode(&mut Encoder::new(&mut measure, version, Self::is_flexible(version)))?;
        Ok(measure.bytes())
    }
}

/// A request.
pub trait Request: Message {
    /// Its API key.
    const KEY: i16;
    /// The name of its API.
    const API: &'static str;
    /// The response to it.
    type Response: Response;
}

/// A response.
pub trait Response: Message {
    /// The API key of its request.
    const KEY: i16;
    /// Sets how long the client is throttled. Does nothing if no version says it.
    fn set_throttle_time_ms(&mut self, _ms: i32) {}
}

/// The key or value of a record of an internal topic.
pub trait RecordType: Message {
    /// The number by which records of this type are known.
    const TYPE: i16;
}

/// What is known of an API beside its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiFacts {
    /// Its key.
    pub key: i16,
    /// Its name.
    pub name: &'static str,
    /// The versions that exist.
    pub versions: RangeInclusive<i16>,
    /// The first version that Kafka has; `schemas/older` adds older ones.
    pub kafka_since: i16,
    /// The last version that does not change any more.
    pub latest_stable: i16,
    /// The first version with compact lengths and tagged fields; `i16::MAX` if there is none.
    pub flexible_since: i16,
}

impl ApiFacts {
    /// Returns the facts of a request's API.
    pub const fn of<R: Request>() -> ApiFacts {
        ApiFacts {
            key: R::KEY,
            name: R::API,
            versions: R::VERSIONS,
            kafka_since: R::KAFKA_SINCE,
            latest_stable: R::LATEST_STABLE,
            flexible_since: R::FLEXIBLE_SINCE,
        }
    }

    /// Returns true if this version has compact lengths and tagged fields.
    pub fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_since
    }
}

/// Returns the versions of a message that do not change any more.
pub const fn stable_versions<M: Message>() -> RangeInclusive<i16> {
    *M::VERSIONS.start()..=M::LATEST_STABLE
}
