//! Validation of the body of a request before it is decoded.
//!
//! The decoder of the kafka-protocol crate reserves space for as many elements as an array's count
//! claims, before it has seen the first; a request of a few bytes can thus ask for more memory than
//! there is, which kills the process. So every body is first walked here, against the tables of
//! `wire/shapes.rs`: each count and length must fit in the bytes that follow it, and the memory
//! that the decoded message will occupy is added up and limited.
//!
//! **Invariant:** the walk allocates nothing, its depth is that of the tables, and its time is
//! proportional to the bytes of the body.
//!
//! **Invariant:** a body that passes is decoded into at most [`Shape::decoded_bytes`] of memory,
//! provided that the decoder receives a `Bytes`: strings and records are then slices of the frame.
//! The limit is [`decoded_bytes_max`]: 1 MiB plus 24 bytes for each byte of the body, but at most
//! 32 MiB. With names of eight letters and arrays of one element no request exceeds that, however
//! long it is (the closest is a list of numbers); shorter names fit in the fixed part up to some
//! thousands; and 32 MiB hold 350,000 partitions of a Fetch. A Metadata request of nothing but
//! empty names would take 36 bytes for each of its own. An element of a list of values is charged
//! for what handlers make of it, [`LISTED_BYTES`].
//!
//! As in Kafka, bytes after the message in its frame are ignored, and invalid UTF-8 is accepted
//! here (the decoder refuses it). Unlike in Kafka, tags must ascend, as clients write them
//! (KIP-482), and a length below -1 does not mean null.

use crate::wire::cursor::{self, VarintError};
use crate::wire::field::{Field, FieldType, Scalar};
use crate::wire::shapes;

/// The measurements of a valid body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of the message; bytes after it in the frame are ignored.
    pub body_bytes: usize,
    /// Upper bound of the memory that the decoded message takes in addition to the frame, in bytes.
    pub decoded_bytes: usize,
}

/// Why a body is refused. `field` is the name of the field at fault in Kafka's schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The API, or that version of it, is not in the tables.
    #[error("no schema for API key {key} version {version}")]
    Unknown {
        /// The API key.
        key: i16,
        /// The version.
        version: i16,
    },
    /// The body ends inside a field.
    #[error("{field}: the request is truncated")]
    Short {
        /// The field.
        field: &'static str,
    },
    /// A length or count that exceeds the bytes that follow.
    #[error("{field}: a length of {length}, but only {left} bytes are left")]
    Length {
        /// The field.
        field: &'static str,
        /// The length or count in the request.
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
    /// A tag that is out of order, or that is not a tag in that version.
    #[error("{field}: unexpected tag {tag}")]
    Tag {
        /// The tagged field, or the section if no field has that tag.
        field: &'static str,
        /// The tag.
        tag: u32,
    },
    /// A tagged field that is shorter than its announced size.
    #[error("{field}: {left} bytes left over in its tag")]
    TagLength {
        /// The tagged field.
        field: &'static str,
        /// Bytes left over after its fields.
        left: usize,
    },
    /// The decoded message would be too large for its frame.
    #[error(
        "{field}: decoding the request takes {decoded_bytes} bytes of memory or more, \
         the limit is {max}"
    )]
    TooLarge {
        /// The field at which the limit was exceeded.
        field: &'static str,
        /// Memory needed up to that field.
        decoded_bytes: usize,
        /// The limit.
        max: usize,
    },
}

/// The most memory that any request is decoded into, however large its frame.
const DECODED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Returns the limit of memory for decoding a body of this many bytes: 1 MiB plus 24 times its
/// size, but at most 32 MiB.
pub fn decoded_bytes_max(body_bytes: usize) -> usize {
    body_bytes.saturating_mul(24).saturating_add(1024 * 1024).min(DECODED_BYTES_MAX)
}

/// Checks the body of a request: what follows the header in its frame.
///
/// `max` limits [`Shape::decoded_bytes`], usually to [`decoded_bytes_max`].
///
/// # Errors
/// The body must not be decoded; Kafka closes the connection in this case.
pub fn check(key: i16, version: i16, body: &[u8], max: usize) -> Result<Shape, ShapeError> {
    let request = shapes::find(key)
        .filter(|request| request.has(version))
        .ok_or(ShapeError::Unknown { key, version })?;
    let flexible = request.is_flexible(version);
    let mut walk = ShapeWalk { rest: body, version, flexible, decoded_bytes: 0, max };
    walk.fields(request.name, request.fields)?;
    let body_bytes = body.len() - walk.rest.len();
    Ok(Shape { body_bytes, decoded_bytes: walk.decoded_bytes })
}

/// Minimum charge in bytes for an element of a list of values: less than that is decoded, but
/// handlers make a struct of each.
pub const LISTED_BYTES: usize = 96;

/// Returns the charge in bytes for an element of a list of such values. Single bytes are enum
/// constants, which do not become structs.
fn listed_bytes(scalar: Scalar) -> usize {
    match scalar.fixed_bytes() {
        Some(1) => scalar.memory_bytes(),
        _ => scalar.memory_bytes().max(LISTED_BYTES),
    }
}

/// Overhead of an allocation, rounded up.
const ALLOCATION_BYTES: usize = 32;
/// The first node of the map in which the decoder keeps unknown tags.
const UNKNOWN_TAGS_BYTES: usize = 512;
/// One more tag in that map, including its share of half-full nodes.
const UNKNOWN_TAG_BYTES: usize = 80;
/// Kafka's limit for strings, even where the length field could be larger.
const STRING_BYTES_MAX: usize = 0x7fff;

struct ShapeWalk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    decoded_bytes: usize,
    max: usize,
}

impl<'a> ShapeWalk<'a> {
    /// Walks the fields of a struct, in order, and its tagged section.
    fn fields(&mut self, name: &'static str, fields: &'static [Field]) -> Result<(), ShapeError> {
        for field in fields {
            if field.tagged().is_none() && field.is_in(self.version) {
                self.field(field)?;
            }
        }
        if self.flexible { self.tags(name, fields) } else { Ok(()) }
    }

    fn field(&mut self, field: &'static Field) -> Result<(), ShapeError> {
        let name = field.name;
        let nullable = field.may_be_null(self.version);
        match field.kind {
            FieldType::One(scalar) => self.scalar(name, scalar, nullable),
            FieldType::Group(fields) if nullable => match self.array(name)? {
                [0xff] => Ok(()),
                [1] => self.fields(name, fields),
                [other] => Err(ShapeError::Presence { field: name, found: other as i8 }),
            },
            FieldType::Group(fields) => self.fields(name, fields),
            FieldType::List(scalar) => {
                let min_bytes = self.min_bytes_of(scalar);
                let memory = listed_bytes(scalar);
                let count = self.count(name, nullable, min_bytes, memory)?;
                match scalar.fixed_bytes() {
                    // The count was checked against this size, so that all elements are there.
                    Some(each) => self.skip(name, count * each),
                    None => (0..count).try_for_each(|_| self.scalar(name, scalar, false)),
                }
            }
            FieldType::Array { of, element_bytes } => {
                let min_bytes = self.min_bytes(of);
                let count = self.count(name, nullable, min_bytes, element_bytes)?;
                (0..count).try_for_each(|_| self.fields(name, of))
            }
        }
    }

    fn scalar(
        &mut self,
        name: &'static str,
        scalar: Scalar,
        nullable: bool,
    ) -> Result<(), ShapeError> {
        if let Some(n) = scalar.fixed_bytes() {
            return self.skip(name, n);
        }
        let length = match (self.flexible, scalar) {
            (true, _) => i64::from(self.varint(name)?) - 1,
            (false, Scalar::String) => i64::from(i16::from_be_bytes(self.array(name)?)),
            (false, _) => i64::from(i32::from_be_bytes(self.array(name)?)),
        };
        let n = self.length(name, length, nullable, 1)?;
        if scalar == Scalar::String && n > STRING_BYTES_MAX {
            return Err(ShapeError::Length { field: name, length, left: self.rest.len() });
        }
        self.skip(name, n)
    }

    /// Reads the count of an array whose elements take at least `min_bytes` bytes here and `memory`
    /// bytes once they are decoded.
    fn count(
        &mut self,
        name: &'static str,
        nullable: bool,
        min_bytes: usize,
        memory: usize,
    ) -> Result<usize, ShapeError> {
        let length = match self.flexible {
            true => i64::from(self.varint(name)?) - 1,
            false => i64::from(i32::from_be_bytes(self.array(name)?)),
        };
        let count = self.length(name, length, nullable, min_bytes)?;
        if count > 0 {
            self.charge(name, count.saturating_mul(memory).saturating_add(ALLOCATION_BYTES))?;
        }
        Ok(count)
    }

    /// Reads a length, -1 for null, of elements that take at least `each` bytes; null counts as 0.
    fn length(
        &self,
        name: &'static str,
        length: i64,
        nullable: bool,
        each: usize,
    ) -> Result<usize, ShapeError> {
        let left = self.rest.len();
        match usize::try_from(length) {
            Ok(n) if n <= left / each.max(1) => Ok(n),
            Err(_) if length == -1 && nullable => Ok(0),
            Err(_) if length == -1 => Err(ShapeError::Null { field: name }),
            _ => Err(ShapeError::Length { field: name, length, left }),
        }
    }

    /// Walks the tagged section that ends a struct of these fields.
    fn tags(&mut self, name: &'static str, fields: &'static [Field]) -> Result<(), ShapeError> {
        let count = self.varint(name)?;
        // A tag and a length take at least two bytes.
        self.length(name, i64::from(count), false, 2)?;
        let mut last = None;
        let mut unknown = 0usize;
        for _ in 0..count {
            let tag = self.varint(name)?;
            if last.is_some_and(|last| tag <= last) || tag > i32::MAX as u32 {
                return Err(ShapeError::Tag { field: name, tag });
            }
            last = Some(tag);
            let length = i64::from(self.varint(name)?);
            let n = self.length(name, length, false, 1)?;
            match fields.iter().find(|field| field.tagged() == Some(tag)) {
                Some(field) => self.tagged(field, tag, n)?,
                None => {
                    self.skip(name, n)?;
                    unknown += 1;
                }
            }
        }
        if unknown > 0 {
            self.charge(name, UNKNOWN_TAGS_BYTES + unknown * UNKNOWN_TAG_BYTES)?;
        }
        Ok(())
    }

    /// Walks a tagged field of `n` bytes, all of which are there.
    fn tagged(&mut self, field: &'static Field, tag: u32, n: usize) -> Result<(), ShapeError> {
        let name = field.name;
        if !field.is_in(self.version) {
            return Err(ShapeError::Tag { field: name, tag });
        }
        let (inside, after) =
            self.rest.split_at_checked(n).ok_or(ShapeError::Short { field: name })?;
        self.rest = inside;
        self.field(field)?;
        match self.rest.len() {
            0 => self.rest = after,
            left => return Err(ShapeError::TagLength { field: name, left }),
        }
        Ok(())
    }

    /// Returns the minimum size of a struct of these fields on the wire.
    fn min_bytes(&self, fields: &'static [Field]) -> usize {
        let mut sum = usize::from(self.flexible);
        for field in fields {
            if field.tagged().is_none() && field.is_in(self.version) {
                sum += match field.kind {
                    FieldType::One(scalar) => self.min_bytes_of(scalar),
                    FieldType::Group(_) if field.may_be_null(self.version) => 1,
                    FieldType::Group(fields) => self.min_bytes(fields),
                    FieldType::List(_) | FieldType::Array { .. } if self.flexible => 1,
                    FieldType::List(_) | FieldType::Array { .. } => 4,
                };
            }
        }
        sum
    }

    fn min_bytes_of(&self, scalar: Scalar) -> usize {
        match (scalar.fixed_bytes(), self.flexible, scalar) {
            (Some(n), _, _) => n,
            (None, true, _) => 1,
            (None, false, Scalar::String) => 2,
            (None, false, _) => 4,
        }
    }

    fn charge(&mut self, name: &'static str, bytes: usize) -> Result<(), ShapeError> {
        self.decoded_bytes = self.decoded_bytes.saturating_add(bytes);
        if self.decoded_bytes > self.max {
            let (decoded_bytes, max) = (self.decoded_bytes, self.max);
            return Err(ShapeError::TooLarge { field: name, decoded_bytes, max });
        }
        Ok(())
    }

    fn skip(&mut self, name: &'static str, n: usize) -> Result<(), ShapeError> {
        self.rest = self.rest.get(n..).ok_or(ShapeError::Short { field: name })?;
        Ok(())
    }

    fn array<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], ShapeError> {
        cursor::array(&mut self.rest).ok_or(ShapeError::Short { field: name })
    }

    fn varint(&mut self, name: &'static str) -> Result<u32, ShapeError> {
        cursor::varint(&mut self.rest).map_err(|error| match error {
            VarintError::Short => ShapeError::Short { field: name },
            VarintError::TooLong => ShapeError::Varint { field: name },
        })
    }
}

#[cfg(test)]
mod tests;
