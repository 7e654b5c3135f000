//! Encoding, and how long something is once it is encoded: both are one walk over its fields.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::protocol::error::EncodeError;
use crate::protocol::records::{Place, RecordBatches};

/// Kafka's limit for strings, in every form.
const STRING_BYTES_MAX: usize = 0x7fff;

/// Returns as much of a string as a message can hold. Only texts for people are ever longer: names
/// have been in a message before.
#[inline]
fn cut(value: &str) -> &str {
    if value.len() <= STRING_BYTES_MAX {
        return value;
    }
    let mut end = STRING_BYTES_MAX;
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

/// Where encoded bytes go.
pub trait Sink {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Appends bytes that may be kept as they are instead of being copied.
    #[inline]
    fn put_shared(&mut self, bytes: &Bytes) {
        self.put(bytes);
    }

    /// Leaves room for bytes that are elsewhere. Returns false if this sink cannot.
    fn leave_out(&mut self, bytes: usize) -> bool;
}

impl Sink for BytesMut {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.put_slice(bytes);
    }

    #[cold]
    fn leave_out(&mut self, _: usize) -> bool {
        false
    }
}

/// A sink that only counts.
#[derive(Debug, Default)]
pub struct Measure {
    bytes: usize,
}

impl Measure {
    /// Returns how many bytes have gone into it.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Sink for Measure {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
    }

    fn leave_out(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        true
    }
}

impl<S: Sink> Sink for &mut S {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        (**self).put(bytes);
    }

    #[inline]
    fn put_shared(&mut self, bytes: &Bytes) {
        (**self).put_shared(bytes);
    }

    fn leave_out(&mut self, bytes: usize) -> bool {
        (**self).leave_out(bytes)
    }
}

/// A struct that can be encoded.
pub trait Encode {
    /// Encodes it.
    ///
    /// # Errors
    ///
    /// Returns an error if the version cannot say what the struct says.
    fn encode<S: Sink>(&self, encoder: &mut Encoder<S>) -> Result<(), EncodeError>;
}

/// A message on its way from values to bytes.
#[derive(Debug)]
pub struct Encoder<S> {
    sink: S,
    version: i16,
    is_flexible: bool,
}

impl Encoder<Measure> {
    /// Returns how many bytes have been measured.
    pub fn measured(&self) -> usize {
        self.sink.bytes
    }
}

impl<S: Sink> Encoder<S> {
    /// Returns an encoder into a sink.
    pub fn new(sink: S, version: i16, is_flexible: bool) -> Encoder<S> {
        Encoder { sink, version, is_flexible }
    }

    /// Returns the version of the message.
    #[inline]
    pub fn version(&self) -> i16 {
        self.version
    }

    /// Returns true if the version has compact lengths and tagged fields.
    #[inline]
    pub fn is_flexible(&self) -> bool {
        self.is_flexible
    }

    /// Returns an encoder that only measures.
    #[inline]
    pub fn measure(&self) -> Encoder<Measure> {
        Encoder::new(Measure::default(), self.version, self.is_flexible)
    }

    /// Writes a boolean.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.sink.put(&[u8::from(value)]);
    }

    /// Writes an id.
    #[inline]
    pub fn uuid(&mut self, value: Uuid) {
        self.sink.put(value.as_bytes());
    }

    /// Writes a number of as many bytes as it needs, seven bits each.
    #[inline]
    pub fn varint(&mut self, mut value: u32) {
        let (mut bytes, mut n) = ([0; 5], 0);
        while value >= 0x80 {
            bytes[n] = value as u8 | 0x80;
            value >>= 7;
            n += 1;
        }
        bytes[n] = value as u8;
        self.sink.put(&bytes[..=n]);
    }

    /// Writes a length of four bytes or a compact one; `None` is null.
    #[inline]
    fn length(&mut self, length: Option<usize>) {
        match (self.is_flexible, length) {
            (true, length) => self.varint(length.map_or(0, |length| length as u32 + 1)),
            (false, Some(length)) => self.i32(length as i32),
            (false, None) => self.i32(-1),
        }
    }

    /// Writes the number of elements of an array that follow.
    pub fn count(&mut self, elements: usize) {
        self.length(Some(elements));
    }

    /// Writes a string.
    #[inline]
    pub fn string(&mut self, value: &str) {
        let value = cut(value);
        match self.is_flexible {
            true => self.varint(value.len() as u32 + 1),
            false => self.i16(value.len() as i16),
        }
        self.sink.put(value.as_bytes());
    }

    /// Writes a string whose length has two bytes in every version.
    #[inline]
    pub fn fixed_string(&mut self, value: &str) {
        let value = cut(value);
        self.i16(value.len() as i16);
        self.sink.put(value.as_bytes());
    }

    /// Writes a string or null.
    ///
    /// # Errors
    ///
    /// Returns an error for null that the version cannot say.
    #[inline]
    pub fn nullable_string(
        &mut self,
        value: Option<&str>,
        field: &'static str,
        may_be_null: bool,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.string(value),
            None if !may_be_null => return self.null(field),
            None if self.is_flexible => self.varint(0),
            None => self.i16(-1),
        }
        Ok(())
    }

    /// Writes a string or null whose length has two bytes in every version.
    ///
    /// # Errors
    ///
    /// Returns an error for null that the version cannot say.
    #[inline]
    pub fn nullable_fixed_string(
        &mut self,
        value: Option<&str>,
        field: &'static str,
        may_be_null: bool,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.fixed_string(value),
            None if !may_be_null => return self.null(field),
            None => self.i16(-1),
        }
        Ok(())
    }

    /// Writes bytes.
    #[inline]
    pub fn bytes(&mut self, value: &Bytes) {
        self.length(Some(value.len()));
        self.sink.put_shared(value);
    }

    /// Writes bytes or null.
    ///
    /// # Errors
    ///
    /// Returns an error for null that the version cannot say.
    #[inline]
    pub fn nullable_bytes(
        &mut self,
        value: Option<&Bytes>,
        field: &'static str,
        may_be_null: bool,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.bytes(value),
            None if !may_be_null => return self.null(field),
            None => self.length(None),
        }
        Ok(())
    }

    /// Writes record batches.
    ///
    /// # Errors
    ///
    /// Returns an error if they are elsewhere, and the sink cannot leave them out.
    #[inline]
    pub fn records(
        &mut self,
        value: &impl RecordBatches,
        field: &'static str,
    ) -> Result<(), EncodeError> {
        match value.place() {
            Place::Here(bytes) => self.bytes(bytes),
            Place::Elsewhere(bytes) => {
                self.length(Some(bytes));
                if !self.sink.leave_out(bytes) {
                    return Err(EncodeError::Elsewhere { field });
                }
            }
        }
        Ok(())
    }

    /// Writes record batches or null.
    ///
    /// # Errors
    ///
    /// Returns an error for null that the version cannot say, and for records that are elsewhere if
    /// the sink cannot leave them out.
    #[inline]
    pub fn nullable_records(
        &mut self,
        value: Option<&impl RecordBatches>,
        field: &'static str,
        may_be_null: bool,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.records(value, field),
            None => self.nullable_bytes(None, field, may_be_null),
        }
    }

    /// Writes an array.
    ///
    /// # Errors
    ///
    /// Returns the first error of an element.
    #[inline]
    pub fn array<T>(
        &mut self,
        all: &[T],
        mut one: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.length(Some(all.len()));
        all.iter().try_for_each(|element| one(self, element))
    }

    /// Writes an array or null.
    ///
    /// # Errors
    ///
    /// Returns the first error of an element, or an error for null that the version cannot say.
    #[inline]
    pub fn nullable_array<T>(
        &mut self,
        all: Option<&[T]>,
        field: &'static str,
        may_be_null: bool,
        one: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match all {
            Some(all) => self.array(all, one),
            None if !may_be_null => self.null(field),
            None => {
                self.length(None);
                Ok(())
            }
        }
    }

    /// Writes a struct of a tagged field or null, behind a varint that says which.
    ///
    /// # Errors
    ///
    /// As [`Encoder::nullable_struct`].
    pub fn nullable_tagged_struct(
        &mut self,
        value: Option<&impl Encode>,
        field: &'static str,
        may_be_null: bool,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => {
                self.varint(1);
                value.encode(self)
            }
            None if !may_be_null => self.null(field),
            None => {
                self.varint(0);
                Ok(())
            }
        }
    }

    /// Writes a struct or null, behind a byte that says which.
    ///
    /// # Errors
    ///
    /// Returns an error of the struct, or an error for null that the version cannot say.
    #[inline]
    pub fn nullable_struct(
        &mut self,
        value: Option<&impl Encode>,
        field: &'static str,
        may_be_null: bool,
    ) -> Result<(), EncodeError> {
        match value {
            // The byte is there only where null is possible.
            Some(value) => {
                if may_be_null {
                    self.i8(1);
                }
                value.encode(self)
            }
            None if !may_be_null => self.null(field),
            None => {
                self.i8(-1);
                Ok(())
            }
        }
    }

    #[cold]
    fn null(&self, field: &'static str) -> Result<(), EncodeError> {
        Err(EncodeError::Null { field, version: self.version })
    }
}

/// Defines the methods that write a number.
macro_rules! numbers {
    ($($name:ident)*) => {
        impl<S: Sink> Encoder<S> { $(
            /// Writes a number.
            #[inline]
            pub fn $name(&mut self, value: $name) {
                self.sink.put(&value.to_be_bytes());
            }
        )* }
    };
}

numbers!(i8 i16 u16 i32 u32 i64 f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_cut_between_two_characters() {
        for (text, bytes) in [("x".repeat(40_000), 32_767), ("ä".repeat(20_000), 32_766)] {
            let mut out = BytesMut::new();
            Encoder::new(&mut out, 0, false).string(&text);
            assert_eq!(out.len(), 2 + bytes);
            assert_eq!(i16::from_be_bytes([out[0], out[1]]) as usize, bytes);
            assert!(text.as_bytes().starts_with(&out[2..]));
        }
    }
}
