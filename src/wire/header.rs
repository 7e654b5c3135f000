//! The header of a request: API, version and correlation id.
//!
//! Version 1 of the header has the API key and version, the correlation id and the client id;
//! version 2 adds a tagged section and precedes the flexible versions of an API (KIP-482). The
//! length of the client id has two bytes in both.
//!
//! **Invariant:** reading a header allocates no more than the bytes that the frame has.

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;

use crate::protocol::messages;
use crate::protocol::text::text;
use crate::wire::cursor;

/// The header of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API key.
    pub api_key: i16,
    /// The version of the API. Not checked: the broker may not support it.
    pub api_version: i16,
    /// The correlation id that the response must repeat.
    pub correlation_id: i32,
    /// The client's name; a slice of the frame. Kafka treats null as the empty name.
    pub client_id: Option<StrBytes>,
}

impl RequestHeader {
    /// Returns the client's name with memory of its own, so that the frame can be freed.
    pub fn own_client_id(&self) -> Option<StrBytes> {
        self.client_id.as_deref().map(text)
    }
}

/// Why the header of a frame cannot be read. As in Kafka, the connection is then closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The frame ends inside the header.
    #[error("a frame of {0} bytes ends inside its request header")]
    Short(usize),
    /// The format of the header is unknown for this API.
    #[error("API key {key} (version {version}) is unknown")]
    UnknownApi {
        /// The key.
        key: i16,
        /// The version.
        version: i16,
    },
    /// A client id whose length is below -1.
    #[error("invalid client id length {0}")]
    ClientId(i16),
    /// A varint of the tagged section exceeds 32 bits.
    #[error("malformed tagged section in the request header")]
    Tags,
}

/// Reads the header at the start of a frame (without the frame's length). Also returns the position
/// of the body.
///
/// # Errors
/// The frame is too short, the API unknown, or the header malformed.
pub fn read(frame: &Bytes) -> Result<(RequestHeader, usize), HeaderError> {
    let short = HeaderError::Short(frame.len());
    let mut rest = &frame[..];
    let numbers: Option<[u8; 8]> = cursor::array(&mut rest);
    let [k0, k1, v0, v1, correlation_id @ ..] = numbers.ok_or(short.clone())?;
    let (key, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
    let api = messages::api(key).ok_or(HeaderError::UnknownApi { key, version })?;
    let client_id = match cursor::array(&mut rest).map(i16::from_be_bytes) {
        None => return Err(short),
        Some(-1) => None,
        Some(n) => {
            let n = usize::try_from(n).map_err(|_| HeaderError::ClientId(n))?;
            let name = cursor::take(&mut rest, n).ok_or(short.clone())?;
            Some(client_id(frame.slice_ref(name)))
        }
    };
    if api.is_flexible(version) {
        pass_over_tags(&mut rest).map_err(|error| match error {
            cursor::VarintError::Short => short,
            cursor::VarintError::TooLong => HeaderError::Tags,
        })?;
    }
    let header = RequestHeader {
        api_key: key,
        api_version: version,
        correlation_id: i32::from_be_bytes(correlation_id),
        client_id,
    };
    Ok((header, frame.len() - rest.len()))
}

/// Returns a client id as Kafka reads it: invalid UTF-8 becomes replacement characters.
fn client_id(name: Bytes) -> StrBytes {
    StrBytes::from_utf8(name.clone()).unwrap_or_else(|_| {
        let name = String::from_utf8_lossy(&name).into_owned();
        StrBytes::from_string(name)
    })
}

/// Skips the tagged section. No tag of a request header is defined yet.
fn pass_over_tags(rest: &mut &[u8]) -> Result<(), cursor::VarintError> {
    for _ in 0..cursor::varint(rest)? {
        let _tag = cursor::varint(rest)?;
        let n = cursor::varint(rest)?;
        cursor::take(rest, n as usize).ok_or(cursor::VarintError::Short)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(key: i16, version: i16, after: &[u8]) -> Bytes {
        let mut bytes = key.to_be_bytes().to_vec();
        bytes.extend_from_slice(&version.to_be_bytes());
        bytes.extend_from_slice(&7_i32.to_be_bytes());
        bytes.extend_from_slice(after);
        Bytes::from(bytes)
    }

    #[test]
    fn a_header_without_tags_ends_with_the_client_id() {
        let (header, body) = read(&frame(3, 8, &[0, 2, b'm', b'e', 9, 9])).unwrap();
        assert_eq!((header.api_key, header.api_version, header.correlation_id), (3, 8, 7));
        assert_eq!(header.client_id.as_deref(), Some("me"));
        assert_eq!(body, 12);
    }

    #[test]
    fn a_header_before_a_flexible_version_ends_with_tags() {
        let (header, body) = read(&frame(3, 9, &[0xff, 0xff, 1, 5, 2, 1, 1, 9])).unwrap();
        assert_eq!((header.client_id, body), (None, 15));
        let (_, body) = read(&frame(18, 3, &[0, 0, 0])).unwrap();
        assert_eq!(body, 11);
    }

    #[test]
    fn an_unsupported_version_has_a_header_all_the_same() {
        let (header, body) = read(&frame(18, 99, &[0, 1, b'x', 0])).unwrap();
        assert_eq!((header.api_version, body), (99, 12));
        assert_eq!(read(&frame(3, -1, &[0, 0])).unwrap().1, 10);
    }

    #[test]
    fn a_header_cut_short_is_an_error_wherever_it_is_cut() {
        let whole = frame(3, 9, &[0, 2, b'm', b'e', 1, 5, 2, 1, 1]);
        for end in 0..whole.len() {
            assert_eq!(read(&whole.slice(..end)), Err(HeaderError::Short(end)));
        }
    }

    #[test]
    fn what_cannot_be_a_header_is_refused() {
        let unknown = HeaderError::UnknownApi { key: 4, version: 0 };
        assert_eq!(read(&frame(4, 0, &[0, 0])), Err(unknown));
        assert_eq!(read(&frame(3, 0, &[0xff, 0xfe])), Err(HeaderError::ClientId(-2)));
        let tags = [0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(read(&frame(3, 9, &tags)), Err(HeaderError::Tags));
        let http = Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n");
        assert!(matches!(read(&http), Err(HeaderError::UnknownApi { .. })));
    }

    #[test]
    fn a_name_that_is_no_utf8_is_kept_as_well_as_it_goes() {
        let (header, _) = read(&frame(3, 0, &[0, 2, b'm', 0xff])).unwrap();
        assert_eq!(header.client_id.as_deref(), Some("m\u{fffd}"));
    }
}
