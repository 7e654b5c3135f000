//! Fields of Kafka's encodings: big-endian numbers, strings and arrays preceded by their lengths;
//! in the flexible encoding (KIP-482) the lengths are varints and structs end with tagged fields.
//! The records of the internal topics consist of these.
//!
//! **Invariant:** nothing is allocated by a count before the bytes for that many elements are known
//! to be there.

use std::fmt;

use bytes::Bytes;
use uuid::Uuid;

/// Why bytes are not a valid record. Its text says what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl DecodeError {
    /// Returns an error with this description.
    pub fn new(what: impl fmt::Display) -> DecodeError {
        DecodeError(what.to_string())
    }
}

/// Reads fields from the front of a record.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Returns a reader at the first byte.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Returns the bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads the next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(n) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(DecodeError(format!("{n} bytes needed, but {} left", self.rest.len()))),
        }
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// Reads one byte; anything but 0 is true, as in Kafka.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? != 0)
    }

    /// Reads one byte, signed.
    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.fixed()?))
    }

    /// Reads two bytes, signed.
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.fixed()?))
    }

    /// Reads two bytes, unsigned.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.fixed()?))
    }

    /// Reads four bytes, signed.
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.fixed()?))
    }

    /// Reads eight bytes, signed.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.fixed()?))
    }

    /// Reads eight bytes, IEEE 754.
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_be_bytes(self.fixed()?))
    }

    /// Reads sixteen bytes.
    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid::from_bytes(self.fixed()?))
    }

    /// Reads an unsigned varint of at most five bytes and 32 bits.
    pub fn varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value)
                    .map_err(|_| DecodeError(format!("a varint of {value} exceeds 32 bits")));
            }
        }
        Err(DecodeError::new("a varint has more than five bytes"))
    }

    /// Reads a compact length: `None` for null, else bytes or elements of at least `each` bytes.
    fn length(&mut self, each: usize) -> Result<Option<usize>, DecodeError> {
        let Some(n) = self.varint()?.checked_sub(1) else { return Ok(None) };
        if n as usize > self.rest.len() / each {
            let there = self.rest.len();
            return Err(DecodeError(format!("a length of {n}, but only {there} bytes are left")));
        }
        Ok(Some(n as usize))
    }

    /// Reads a compact string or null.
    pub fn nullable_string(&mut self) -> Result<Option<String>, DecodeError> {
        let Some(n) = self.length(1)? else { return Ok(None) };
        match std::str::from_utf8(self.take(n)?) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(DecodeError::new("a string is not valid UTF-8")),
        }
    }

    /// Reads a compact string.
    pub fn string(&mut self) -> Result<String, DecodeError> {
        self.nullable_string()?.ok_or_else(|| DecodeError::new("null instead of a string"))
    }

    /// Reads a compact array or null; an element takes at least `each` bytes, which is at least 1.
    pub fn nullable_array<T>(
        &mut self,
        each: usize,
        mut one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(n) = self.length(each)? else { return Ok(None) };
        let mut list = Vec::with_capacity(n);
        for _ in 0..n {
            list.push(one(self)?);
        }
        Ok(Some(list))
    }

    /// Reads a compact array; an element takes at least `each` bytes, which is at least 1.
    pub fn array<T>(
        &mut self,
        each: usize,
        one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(each, one)?.ok_or_else(|| DecodeError::new("null instead of an array"))
    }

    /// Reads a string with a length of 16 bits, or null.
    pub fn nullable_string_i16(&mut self) -> Result<Option<String>, DecodeError> {
        let Ok(n) = usize::try_from(self.i16()?) else { return Ok(None) };
        match std::str::from_utf8(self.take(n)?) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(DecodeError::new("a string is not valid UTF-8")),
        }
    }

    /// Reads a string with a length of 16 bits.
    pub fn string_i16(&mut self) -> Result<String, DecodeError> {
        self.nullable_string_i16()?.ok_or_else(|| DecodeError::new("null instead of a string"))
    }

    /// Reads bytes with a compact length.
    pub fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let n = self.length(1)?.ok_or_else(|| DecodeError::new("null instead of bytes"))?;
        Ok(Bytes::copy_from_slice(self.take(n)?))
    }

    /// Reads bytes with a length of 32 bits.
    pub fn bytes_i32(&mut self) -> Result<Bytes, DecodeError> {
        let n =
            usize::try_from(self.i32()?).map_err(|_| DecodeError::new("null instead of bytes"))?;
        Ok(Bytes::copy_from_slice(self.take(n)?))
    }

    /// Reads an array with a count of 32 bits.
    pub fn array_i32<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let n = usize::try_from(self.i32()?)
            .map_err(|_| DecodeError::new("null instead of an array"))?;
        // Memory is allocated as elements arrive, not by the claimed count.
        let mut list = Vec::new();
        for _ in 0..n {
            list.push(one(self)?);
        }
        Ok(list)
    }

    /// Reads the tagged fields that end a struct. `known` reads the field of a tag that it knows
    /// and returns true; other tags are skipped, as KIP-482 requires.
    pub fn tags(
        &mut self,
        mut known: impl FnMut(u32, &mut Reader<'a>) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let len = self.varint()? as usize;
            let mut field = Reader::new(self.take(len)?);
            if known(tag, &mut field)? && !field.rest.is_empty() {
                let n = field.rest.len();
                return Err(DecodeError(format!("tagged field {tag} has {n} bytes left over")));
            }
        }
        Ok(())
    }

    /// Reads the tagged section of a struct without known tags.
    pub fn no_tags(&mut self) -> Result<(), DecodeError> {
        self.tags(|_, _| Ok(false))
    }

    /// Reads all the remaining bytes into their own buffer.
    pub fn remainder(&mut self) -> Bytes {
        Bytes::copy_from_slice(std::mem::take(&mut self.rest))
    }
}

/// Appends fields to a record.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Returns the bytes written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends bytes without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends one byte, 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    /// Appends one byte.
    pub fn i8(&mut self, value: i8) {
        self.raw(&value.to_be_bytes());
    }

    /// Appends two bytes.
    pub fn i16(&mut self, value: i16) {
        self.raw(&value.to_be_bytes());
    }

    /// Appends two bytes.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// Appends four bytes.
    pub fn i32(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    /// Appends eight bytes.
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// Appends eight bytes, IEEE 754.
    pub fn f64(&mut self, value: f64) {
        self.raw(&value.to_be_bytes());
    }

    /// Appends sixteen bytes.
    pub fn uuid(&mut self, value: Uuid) {
        self.raw(value.as_bytes());
    }

    /// Appends an unsigned varint.
    pub fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Appends a compact length. The lengths that Ottla writes are far below 32 bits.
    fn length(&mut self, n: usize) {
        self.varint(n as u32 + 1);
    }

    /// Appends a compact string.
    pub fn string(&mut self, value: &str) {
        self.length(value.len());
        self.raw(value.as_bytes());
    }

    /// Appends a compact string or null.
    pub fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(text) => self.string(text),
            None => self.varint(0),
        }
    }

    /// Appends a compact array.
    pub fn list<T>(&mut self, values: &[T], mut one: impl FnMut(&mut Self, &T)) {
        self.length(values.len());
        for value in values {
            one(self, value);
        }
    }

    /// Appends a compact array of numbers.
    pub fn i32s(&mut self, values: &[i32]) {
        self.list(values, |w, v| w.i32(*v));
    }

    /// Appends a compact array of ids.
    pub fn uuids(&mut self, values: &[Uuid]) {
        self.list(values, |w, v| w.uuid(*v));
    }

    /// Appends a string with a length of 16 bits, or null.
    pub fn old_nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(text) => {
                self.i16(text.len() as i16);
                self.raw(text.as_bytes());
            }
            None => self.i16(-1),
        }
    }

    /// Appends a string with a length of 16 bits.
    pub fn old_string(&mut self, value: &str) {
        self.old_nullable_string(Some(value));
    }

    /// Appends bytes with a length of 32 bits.
    pub fn old_bytes(&mut self, value: &[u8]) {
        self.i32(value.len() as i32);
        self.raw(value);
    }

    /// Appends the tagged fields that end a struct.
    pub fn tags(&mut self, tags: Tags) {
        self.varint(tags.count);
        self.raw(&tags.fields.bytes);
    }

    /// Appends an empty tagged section.
    pub fn no_tags(&mut self) {
        self.varint(0);
    }
}

/// The fields of a tagged section. The caller leaves out fields that are at their default.
#[derive(Debug, Default)]
pub struct Tags {
    count: u32,
    fields: Writer,
}

impl Tags {
    /// Adds a field; tags must be added in ascending order.
    pub fn add(&mut self, tag: u32, field: impl FnOnce(&mut Writer)) {
        let mut one = Writer::default();
        field(&mut one);
        self.count += 1;
        self.fields.varint(tag);
        self.fields.varint(one.bytes.len() as u32);
        self.fields.raw(&one.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_survive_the_round_trip() {
        for value in [0, 1, 127, 128, 16383, 16384, u32::MAX] {
            let mut w = Writer::default();
            w.varint(value);
            assert_eq!(Reader::new(&w.into_bytes()).varint(), Ok(value));
        }
    }

    #[test]
    fn an_overlong_varint_is_damage() {
        assert!(Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]).varint().is_err());
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint().is_err());
        assert!(Reader::new(&[0x80]).varint().is_err());
    }

    #[test]
    fn a_count_beyond_the_bytes_is_refused_before_anything_is_allocated() {
        let bytes = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        assert!(Reader::new(&bytes).array(4, Reader::i32).is_err());
        assert!(Reader::new(&[3, 0, 0, 0, 1, 0, 0, 0]).array(4, Reader::i32).is_err());
    }

    #[test]
    fn an_unknown_tag_is_passed_over_and_a_known_one_must_fit() {
        let section = [2, 0, 1, 7, 9, 2, 1, 2];
        let mut seen = None;
        let mut r = Reader::new(&section);
        r.tags(|tag, field| {
            if tag == 0 {
                seen = Some(field.i8()?);
            }
            Ok(tag == 0)
        })
        .unwrap();
        assert_eq!((seen, r.rest().len()), (Some(7), 0));
        let too_long = [1, 0, 2, 7, 7];
        assert!(Reader::new(&too_long).tags(|_, f| f.i8().map(|_| true)).is_err());
    }
}
