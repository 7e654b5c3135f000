//! Decoding within bounds.
//!
//! **Invariant:** a count or length is compared with the bytes that follow it, and charged to the
//! budget, before anything is allocated for it. A few bytes thus never ask for much memory, and a
//! message takes at most its budget beside its frame: strings and records are slices of the frame.
//!
//! **Invariant:** depth is that of the schemas, and time is proportional to the bytes of the
//! message.
//!
//! As in Kafka, bytes after the message in its frame are ignored. Unlike in Kafka, tags must
//! ascend, as clients write them (KIP-482), and a length below -1 does not mean null.

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::protocol::error::DecodeError;

/// Minimum charge in bytes for an element of a list, unless its values are single bytes: handlers
/// make more of each than its struct, such as an entry of a map and a part of the response.
pub const LISTED_BYTES: usize = 96;
/// Overhead of an allocation, rounded up.
const ALLOCATION_BYTES: usize = 32;
/// Kafka's limit for strings, even where the length field could be larger.
const STRING_BYTES_MAX: usize = 0x7fff;

/// The most memory that any request is decoded into, however large its frame.
const DECODED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Returns the budget in bytes for decoding the body of a request of this many bytes: 1 MiB plus 24
/// times its size, but at most 32 MiB.
///
/// With names of eight letters and arrays of one element no request takes more for each of its
/// bytes, except for a CreatePartitions that places more than 13,000 partitions on one replica
/// each, and a StreamsGroupHeartbeat with more than 4,000 copartition groups. Lists of four-byte
/// numbers, of which handlers make structs ([`LISTED_BYTES`]), take as much. Shorter names fit in
/// the fixed part up to some thousands, and 32 MiB hold 349,000 partitions.
pub fn decoded_bytes_max(body_bytes: usize) -> usize {
    body_bytes.saturating_mul(24).saturating_add(1024 * 1024).min(DECODED_BYTES_MAX)
}

/// A struct that can be decoded.
pub trait Decode: Sized + Default {
    /// Decodes it from where the decoder is.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError>;
}

/// A message on its way from bytes to values.
#[derive(Debug)]
pub struct Decoder<'a> {
    frame: &'a Bytes,
    at: usize,
    /// Where the message, or the tagged field, ends at the latest.
    end: usize,
    version: i16,
    is_flexible: bool,
    budget: usize,
    charged: usize,
    /// True if only the memory is wanted: arrays are walked and left empty.
    is_counting: bool,
}

impl<'a> Decoder<'a> {
    /// Returns a decoder at the beginning of these bytes.
    pub fn new(frame: &'a Bytes, version: i16, is_flexible: bool, budget: usize) -> Decoder<'a> {
        let end = frame.len();
        let (charged, is_counting) = (0, false);
        Decoder { frame, at: 0, end, version, is_flexible, budget, charged, is_counting }
    }

    /// Makes it a decoder that allocates nothing: it checks everything and charges for everything,
    /// but leaves arrays empty.
    pub fn counting(self) -> Decoder<'a> {
        Decoder { is_counting: true, ..self }
    }

    /// Returns the version of the message.
    #[inline]
    pub fn version(&self) -> i16 {
        self.version
    }

    /// Returns how many bytes have been read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Returns the memory that has been charged, in bytes.
    pub fn charged(&self) -> usize {
        self.charged
    }

    #[inline]
    fn left(&self) -> usize {
        self.end - self.at
    }

    #[inline]
    fn array_of<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let rest = &self.frame[self.at..self.end];
        let bytes = rest.first_chunk::<N>().ok_or(DecodeError::Short { field })?;
        self.at += N;
        Ok(*bytes)
    }

    #[inline]
    fn slice(&mut self, field: &'static str, n: usize) -> Result<Bytes, DecodeError> {
        if n > self.left() {
            return Err(DecodeError::Short { field });
        }
        self.at += n;
        // A slice that is empty would keep the frame alive as well.
        if n == 0 { Ok(Bytes::new()) } else { Ok(self.frame.slice(self.at - n..self.at)) }
    }

    /// Reads a varint of at most 32 bits.
    ///
    /// # Errors
    ///
    /// Returns an error if it is longer, or truncated.
    #[inline]
    pub fn varint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        match self.array_of(field)? {
            [byte @ 0..=0x7f] => Ok(u32::from(byte)),
            [byte] => self.long_varint(field, u32::from(byte & 0x7f)),
        }
    }

    /// Reads the rest of a varint that begins with these seven bits.
    fn long_varint(&mut self, field: &'static str, first: u32) -> Result<u32, DecodeError> {
        let mut value = first;
        for index in 1..5 {
            let [byte] = self.array_of(field)?;
            let bits = u32::from(byte & 0x7f);
            if index == 4 && bits > 0x0f {
                break;
            }
            value |= bits << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Varint { field })
    }

    /// Checks a length: `None` for null, and otherwise the number, which as many
    /// bytes follow.
    #[inline]
    fn checked(&self, field: &'static str, length: i64) -> Result<Option<usize>, DecodeError> {
        let left = self.left();
        match usize::try_from(length) {
            Ok(n) if n <= left => Ok(Some(n)),
            Err(_) if length == -1 => Ok(None),
            _ => Err(DecodeError::Length { field, length, left }),
        }
    }

    #[inline]
    fn compact_or_i32(&mut self, field: &'static str) -> Result<Option<usize>, DecodeError> {
        let length = match self.is_flexible {
            true => i64::from(self.varint(field)?) - 1,
            false => i64::from(i32::from_be_bytes(self.array_of(field)?)),
        };
        self.checked(field, length)
    }

    #[inline]
    fn text(
        &mut self,
        field: &'static str,
        length: Option<usize>,
    ) -> Result<Option<StrBytes>, DecodeError> {
        let Some(n) = length else { return Ok(None) };
        if n > STRING_BYTES_MAX {
            return Err(DecodeError::Length { field, length: n as i64, left: self.left() });
        }
        let bytes = self.slice(field, n)?;
        StrBytes::from_utf8(bytes).map(Some).map_err(|_| DecodeError::Utf8 { field })
    }

    /// Reads a string or null.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are not a string.
    #[inline]
    pub fn nullable_string(
        &mut self,
        field: &'static str,
    ) -> Result<Option<StrBytes>, DecodeError> {
        if !self.is_flexible {
            return self.nullable_fixed_string(field);
        }
        let length = i64::from(self.varint(field)?) - 1;
        let length = self.checked(field, length)?;
        self.text(field, length)
    }

    /// Reads a string or null whose length has two bytes in every version.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are not a string.
    #[inline]
    pub fn nullable_fixed_string(
        &mut self,
        field: &'static str,
    ) -> Result<Option<StrBytes>, DecodeError> {
        let length = i64::from(i16::from_be_bytes(self.array_of(field)?));
        let length = self.checked(field, length)?;
        self.text(field, length)
    }

    /// Reads a string.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are not a string.
    #[inline]
    pub fn string(&mut self, field: &'static str) -> Result<StrBytes, DecodeError> {
        self.nullable_string(field)?.ok_or(DecodeError::Null { field })
    }

    /// Reads a string whose length has two bytes in every version.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are not a string.
    #[inline]
    pub fn fixed_string(&mut self, field: &'static str) -> Result<StrBytes, DecodeError> {
        self.nullable_fixed_string(field)?.ok_or(DecodeError::Null { field })
    }

    /// Reads bytes or null.
    ///
    /// # Errors
    ///
    /// Returns an error if there are fewer bytes.
    #[inline]
    pub fn nullable_bytes(&mut self, field: &'static str) -> Result<Option<Bytes>, DecodeError> {
        match self.compact_or_i32(field)? {
            Some(n) => self.slice(field, n).map(Some),
            None => Ok(None),
        }
    }

    /// Reads bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if there are fewer bytes, or if they are null.
    #[inline]
    pub fn bytes(&mut self, field: &'static str) -> Result<Bytes, DecodeError> {
        self.nullable_bytes(field)?.ok_or(DecodeError::Null { field })
    }

    /// Reads record batches or null, without a look into them.
    ///
    /// # Errors
    ///
    /// Returns an error if there are fewer bytes.
    #[inline]
    pub fn nullable_records<R: From<Bytes>>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<R>, DecodeError> {
        Ok(self.nullable_bytes(field)?.map(R::from))
    }

    /// Reads record batches, without a look into them.
    ///
    /// # Errors
    ///
    /// Returns an error if there are fewer bytes, or if they are null.
    #[inline]
    pub fn records<R: From<Bytes>>(&mut self, field: &'static str) -> Result<R, DecodeError> {
        self.bytes(field).map(R::from)
    }

    /// Reads an array of structs or null.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    #[inline]
    pub fn nullable_array<T>(
        &mut self,
        field: &'static str,
        one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        self.elements(field, size_of::<T>().max(LISTED_BYTES), one)
    }

    /// Reads an array of structs.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    #[inline]
    pub fn array<T>(
        &mut self,
        field: &'static str,
        one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(field, one)?.ok_or(DecodeError::Null { field })
    }

    /// Reads an array of values or null.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    #[inline]
    pub fn nullable_list<T>(
        &mut self,
        field: &'static str,
        one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        // Single bytes are enum constants, of which no structs are made.
        let each = if size_of::<T>() == 1 { 1 } else { size_of::<T>().max(LISTED_BYTES) };
        self.elements(field, each, one)
    }

    /// Reads an array of values.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    #[inline]
    pub fn list<T>(
        &mut self,
        field: &'static str,
        one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_list(field, one)?.ok_or(DecodeError::Null { field })
    }

    #[inline]
    fn elements<T>(
        &mut self,
        field: &'static str,
        each: usize,
        mut one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.compact_or_i32(field)? else { return Ok(None) };
        if count == 0 {
            return Ok(Some(Vec::new()));
        }
        self.charge(field, count.saturating_mul(each).saturating_add(ALLOCATION_BYTES))?;
        if self.is_counting {
            (0..count).try_for_each(|_| one(self).map(drop))?;
            return Ok(Some(Vec::new()));
        }
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            all.push(one(self)?);
        }
        Ok(Some(all))
    }

    #[inline]
    fn charge(&mut self, field: &'static str, bytes: usize) -> Result<(), DecodeError> {
        self.charged = self.charged.saturating_add(bytes);
        if self.charged > self.budget {
            let (bytes, budget) = (self.charged, self.budget);
            return Err(DecodeError::Budget { field, bytes, budget });
        }
        Ok(())
    }

    /// Reads a struct behind a byte that says whether it is there.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    #[inline]
    pub fn nullable_struct<T: Decode>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        match self.i8(field)? {
            -1 => Ok(None),
            1 => T::decode(self).map(Some),
            found => Err(DecodeError::Presence { field, found }),
        }
    }

    /// Reads a struct of a tagged field behind a varint that says whether it is there.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    pub fn nullable_tagged_struct<T: Decode>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        match self.varint(field)? {
            0 => Ok(None),
            _ => T::decode(self).map(Some),
        }
    }

    /// Reads the tagged section of a struct, if the version has one. `known` reads the field of a
    /// tag and returns false if it does not know it.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes, or that the budget does not suffice.
    #[inline]
    pub fn tagged_fields(
        &mut self,
        field: &'static str,
        known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.is_flexible {
            return Ok(());
        }
        match self.varint(field)? {
            0 => Ok(()),
            count => self.some_tagged_fields(field, count, known),
        }
    }

    fn some_tagged_fields(
        &mut self,
        field: &'static str,
        count: u32,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut last = None;
        for _ in 0..count {
            let tag = self.varint(field)?;
            if last.is_some_and(|last| tag <= last) || tag > i32::MAX as u32 {
                return Err(DecodeError::Tag { field, tag });
            }
            last = Some(tag);
            let length = i64::from(self.varint(field)?);
            let n = self.checked(field, length)?.ok_or(DecodeError::Null { field })?;
            let (outer, inner) = (self.end, self.at + n);
            self.end = inner;
            match known(self, tag)? {
                true if self.at < inner => {
                    return Err(DecodeError::TagLength { field, left: inner - self.at });
                }
                _ => (self.at, self.end) = (inner, outer),
            }
        }
        Ok(())
    }
}

/// Defines the methods that read a number.
macro_rules! numbers {
    ($($name:ident)*) => {
        impl Decoder<'_> { $(
            /// Reads a number.
            ///
            /// # Errors
            ///
            /// Returns an error if there are fewer bytes.
            #[inline]
            pub fn $name(&mut self, field: &'static str) -> Result<$name, DecodeError> {
                self.array_of(field).map($name::from_be_bytes)
            }
        )* }
    };
}

numbers!(i8 i16 u16 i32 u32 i64 f64);

impl Decoder<'_> {
    /// Reads a boolean: any byte but 0 is true, as in Kafka.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no byte.
    #[inline]
    pub fn bool(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        self.i8(field).map(|byte| byte != 0)
    }

    /// Reads an id.
    ///
    /// # Errors
    ///
    /// Returns an error if there are fewer bytes.
    #[inline]
    pub fn uuid(&mut self, field: &'static str) -> Result<Uuid, DecodeError> {
        self.array_of(field).map(Uuid::from_bytes)
    }
}

#[cfg(test)]
mod tests;
