//! The protocols of a member, and the memory that members take.

use bytes::Bytes;

/// The protocols that a member supports, each with its metadata, in order of preference.
pub type Protocols = Vec<(String, Bytes)>;

/// Memory of a member beside its strings, metadata and assignment, in bytes: its fields, and its
/// entries in the indexes.
const MEMBER_BYTES: usize = 1024;
/// Memory of a protocol beside its name and metadata, in bytes.
const PROTOCOL_BYTES: usize = 64;

/// Returns the approximate memory of a member with `own` bytes of strings, metadata and assignment.
pub fn member_bytes(own: usize) -> usize {
    MEMBER_BYTES + own
}

/// Returns the approximate memory of protocols, in bytes.
pub fn protocols_bytes(protocols: &Protocols) -> usize {
    protocols.iter().map(|(name, metadata)| PROTOCOL_BYTES + name.len() + metadata.len()).sum()
}
