//! What the keys and values of `__consumer_offsets` have in common.

use bytes::Bytes;

use crate::protocol::decoder::Decoder;
use crate::protocol::error::DecodeError;
use crate::protocol::message::RecordType;

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// They are truncated or malformed.
    #[error("{0}")]
    Damaged(#[from] DecodeError),
    /// The value has a version that a later Kafka wrote.
    #[error("{name} version {version}, but only versions up to {newest} are supported")]
    Version {
        /// The value's name in Kafka.
        name: &'static str,
        /// The version found.
        version: i16,
        /// The newest version that can be read.
        newest: i16,
    },
}

/// Returns a decoder of a key: the keys have no flexible form.
pub fn decoder(key: &Bytes) -> Decoder<'_> {
    Decoder::new(key, 0, false, 0)
}

/// Reads the number that a key or value begins with.
///
/// # Errors
///
/// Returns an error if the bytes end before.
pub fn number(decoder: &mut Decoder<'_>) -> Result<i16, DecodeError> {
    decoder.i16("version")
}

/// Decodes a value behind its version. Bytes after it are ignored, as in Kafka.
///
/// # Errors
///
/// Returns what is wrong with the bytes, or that the version is a later one.
pub fn versioned<T: RecordType>(value: &[u8]) -> Result<T, RecordError> {
    let value = Bytes::copy_from_slice(value);
    let version = number(&mut decoder(&value))?;
    if !T::VERSIONS.contains(&version) {
        let newest = *T::VERSIONS.end();
        return Err(RecordError::Version { name: T::NAME, version, newest });
    }
    // It comes from the disk: counts are compared with the bytes that are there.
    Ok(T::decode_from(&value.slice(2..), version, usize::MAX)?.0)
}
