//! Why messages cannot be decoded or encoded. Fields have their names in Kafka's schemas.

/// Why bytes are not the message that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The message ends inside a field.
    #[error("{field}: the message is truncated")]
    Short {
        /// The field.
        field: &'static str,
    },
    /// A length or count that exceeds the bytes that follow.
    #[error("{field}: a length of {length}, but only {left} bytes are left")]
    Length {
        /// The field.
        field: &'static str,
        /// The length or count in the message.
        length: i64,
        /// Bytes left after it.
        left: usize,
    },
    /// Null where the version does not allow it.
    #[error("{field}: null")]
    Null {
        /// The field.
        field: &'static str,
    },
    /// The byte before a nullable struct is neither 1 nor -1.
    #[error("{field}: {found} is neither 1 (present) nor -1 (null)")]
    Presence {
        /// The field.
        field: &'static str,
        /// The byte found.
        found: i8,
    },
    /// A varint of more than five bytes or 32 bits.
    #[error("{field}: a varint exceeds 32 bits")]
    Varint {
        /// The field.
        field: &'static str,
    },
    /// A string that is not UTF-8.
    #[error("{field}: not UTF-8")]
    Utf8 {
        /// The field.
        field: &'static str,
    },
    /// A tag that is out of order, or that is not a tag in that version.
    #[error("{field}: unexpected tag {tag}")]
    Tag {
        /// The tagged field, or the struct if no field has that tag.
        field: &'static str,
        /// The tag.
        tag: u32,
    },
    /// A tagged field that is shorter than its announced size.
    #[error("{field}: {left} bytes left over in its tag")]
    TagLength {
        /// The struct.
        field: &'static str,
        /// Bytes left over after its fields.
        left: usize,
    },
    /// The message would take more memory than there is for it.
    #[error("{field}: decoding the message takes {bytes} bytes of memory or more, not {budget}")]
    Budget {
        /// The field at which the budget was exceeded.
        field: &'static str,
        /// Memory needed up to that field, in bytes.
        bytes: usize,
        /// The budget in bytes.
        budget: usize,
    },
}

/// Why a message cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A value that the version cannot say and that is not to be ignored.
    #[error("{field} is set, but version {version} does not have it")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// The version.
        version: i16,
    },
    /// Records that are not in memory, in a response that is to be in one piece.
    #[error("{field} are not in memory")]
    Elsewhere {
        /// The field.
        field: &'static str,
    },
    /// Null where the version does not allow it.
    #[error("{field} is null, which version {version} cannot say")]
    Null {
        /// The field.
        field: &'static str,
        /// The version.
        version: i16,
    },
}
