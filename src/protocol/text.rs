//! Strings of messages: slices of their frame, or with memory of their own.

use kafka_protocol::protocol::StrBytes;

/// Returns a message's string with a copy of this text.
pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Returns a copy of a message's string, which keeps no frame in memory.
pub fn owned(text: StrBytes) -> String {
    text.as_str().to_owned()
}
