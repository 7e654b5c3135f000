//! What a broker answers, as text in which only what may differ is masked.
//!
//! An answer is decoded and written as `Debug` does: null and the empty string are kept apart, lists
//! stay in their order. That nothing else is in the bytes, no unknown tag either, encoding it again
//! shows.

use bytes::{Bytes, BytesMut};
use ottla::protocol::decoder::decoded_bytes_max;
use ottla::protocol::message::{Message, Request};
use ottla::protocol::messages;

use super::masks::mask;
use crate::schemas;

/// An answer in text, with what it was decoded from.
fn as_text<R: Message + 'static>(body: &Bytes, version: i16) -> String {
    let decoded = R::decode_from(body, version, decoded_bytes_max(body.len()));
    let (mut response, used) = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return format!("cannot be decoded: {error}: {body:?}"),
    };
    let mut again = BytesMut::new();
    let note = match response.encode_to(&mut again, version) {
        Ok(()) if again == body && used == body.len() => String::new(),
        Ok(()) => format!("other bytes: {body:?}\ninstead of:  {:?}\n", again.freeze()),
        Err(error) => format!("cannot be encoded: {error}\n"),
    };
    mask(&mut response);
    note + &format!("{response:#?}")
}

/// Calls `as_text` with the response to the requests of an API.
macro_rules! by_key {
    ($($module:ident $request:ident,)*) => {
        |key: i16| match key {
            $(<messages::$module::$request as Request>::KEY => {
                as_text::<<messages::$module::$request as Request>::Response>
            })*
            key => panic!("no messages of the API key {key}"),
        }
    };
}

/// A frame, without its length, in text. `names` are put in the place of what is different on each
/// broker.
pub fn text(key: i16, version: i16, frame: Bytes, names: &[(String, String)]) -> String {
    let decoded = ottla::for_all_requests!(by_key)(key);
    let mut text = decoded(&schemas::response_body(key, version, &frame), version);
    for (own, name) in names {
        text = text.replace(own, name);
    }
    without_ids(&text)
}

/// Every id that has no name is as good as another, but for the nil one and those of the tests.
fn without_ids(text: &str) -> String {
    const FORM: &str = "00000000-0000-0000-0000-000000000000";
    let is_id = |piece: &str| {
        piece.len() == FORM.len()
            && piece.bytes().zip(FORM.bytes()).all(|(byte, form)| match form {
                b'-' => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..FORM.len()) {
            Some(piece) if is_id(piece) => {
                let known = piece.starts_with("00000000-0000-0000-0000-0000");
                out.push_str(if known { piece } else { "(an id)" });
                rest = &rest[FORM.len()..];
            }
            _ => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}
