//! The building blocks of a message, in which the tables under `wire/shapes/` are written.
//!
//! They are those of Kafka's message schemas (KIP-482): a field has a type, the versions in which
//! it exists, the versions in which it may be null, and possibly a tag. A field without versions
//! exists in all versions of what contains it.

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;

/// A version that no message will reach.
const NEVER: i16 = i16::MAX;

/// A value without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// One byte, 0 or 1.
    Bool,
    /// One byte.
    I8,
    /// Two bytes.
    I16,
    /// Two bytes, unsigned.
    U16,
    /// Four bytes.
    I32,
    /// Eight bytes.
    I64,
    /// Eight bytes, IEEE 754.
    F64,
    /// Sixteen bytes.
    Uuid,
    /// A length followed by that many bytes of UTF-8, at most 32767.
    String,
    /// A length followed by that many bytes.
    Bytes,
    /// Record batches, encoded like bytes.
    Records,
}

impl Scalar {
    /// Returns its size in bytes on the wire, if that is fixed.
    pub const fn fixed_bytes(self) -> Option<usize> {
        match self {
            Scalar::Bool | Scalar::I8 => Some(1),
            Scalar::I16 | Scalar::U16 => Some(2),
            Scalar::I32 => Some(4),
            Scalar::I64 | Scalar::F64 => Some(8),
            Scalar::Uuid => Some(16),
            Scalar::String | Scalar::Bytes | Scalar::Records => None,
        }
    }

    /// Returns the memory in bytes that it takes inside a decoded message. The characters of a
    /// string and the contents of bytes are a slice of the frame and take none.
    pub const fn memory_bytes(self) -> usize {
        match self {
            Scalar::String => size_of::<StrBytes>(),
            Scalar::Bytes | Scalar::Records => size_of::<Bytes>(),
            _ => match self.fixed_bytes() {
                Some(n) => n,
                None => 0,
            },
        }
    }
}

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub enum FieldType {
    /// One value.
    One(Scalar),
    /// A struct, in place. If it is nullable, it is preceded by a byte that says whether it is
    /// null.
    Group(&'static [Field]),
    /// An array of values.
    List(Scalar),
    /// An array of structs.
    Array {
        /// The fields of an element.
        of: &'static [Field],
        /// `size_of` the struct that an element is decoded into.
        element_bytes: usize,
    },
}

/// One field of a message or of a struct inside it.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in Kafka's schema, in snake case.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldType,
    since: i16,
    until: i16,
    null_since: i16,
    tag: Option<u32>,
}

impl Field {
    const fn new(name: &'static str, kind: FieldType) -> Field {
        Field { name, kind, since: 0, until: NEVER, null_since: NEVER, tag: None }
    }

    /// Makes the field exist from this version on.
    pub const fn since(self, version: i16) -> Field {
        Field { since: version, ..self }
    }

    /// Makes the field exist up to this version.
    pub const fn until(self, version: i16) -> Field {
        Field { until: version, ..self }
    }

    /// Makes the field nullable.
    pub const fn nullable(self) -> Field {
        self.nullable_since(0)
    }

    /// Makes the field nullable from this version on.
    pub const fn nullable_since(self, version: i16) -> Field {
        Field { null_since: version, ..self }
    }

    /// Moves the field into the tagged section, with this tag.
    pub const fn tag(self, tag: u32) -> Field {
        Field { tag: Some(tag), ..self }
    }

    /// Sets the fields of the struct, or of an element of the array.
    pub const fn of(self, fields: &'static [Field]) -> Field {
        let kind = match self.kind {
            FieldType::Array { element_bytes, .. } => {
                FieldType::Array { of: fields, element_bytes }
            }
            _ => FieldType::Group(fields),
        };
        Field { kind, ..self }
    }

    /// Returns true if messages of this version have it.
    pub const fn is_in(&self, version: i16) -> bool {
        self.since <= version && version <= self.until
    }

    /// Returns true if it may be null in messages of this version.
    pub const fn may_be_null(&self, version: i16) -> bool {
        self.null_since <= version
    }

    /// Returns its tag, if it is in the tagged section.
    pub const fn tagged(&self) -> Option<u32> {
        self.tag
    }
}

/// The schema of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestSchema {
    /// The API key.
    pub key: i16,
    /// The API's name in Kafka.
    pub name: &'static str,
    /// The oldest version described.
    pub min: i16,
    /// The newest version described.
    pub max: i16,
    /// The fields of its body.
    pub fields: &'static [Field],
    flexible_since: i16,
}

impl RequestSchema {
    /// Uses compact lengths and tagged sections from version `since` on; by default, never.
    pub const fn flexible(self, since: i16) -> RequestSchema {
        RequestSchema { flexible_since: since, ..self }
    }

    /// Sets the fields of its body.
    pub const fn of(self, fields: &'static [Field]) -> RequestSchema {
        RequestSchema { fields, ..self }
    }

    /// Returns true if this version has compact lengths and tagged sections, and a request header
    /// with tags.
    pub const fn is_flexible(&self, version: i16) -> bool {
        self.flexible_since <= version
    }

    /// Returns true if this version is described.
    pub const fn has(&self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

/// Returns a request of versions `min` to `max`, with an empty body until [`RequestSchema::of`].
pub const fn request(key: i16, name: &'static str, min: i16, max: i16) -> RequestSchema {
    RequestSchema { key, name, min, max, fields: &[], flexible_since: NEVER }
}

/// Returns a struct in place; [`Field::of`] sets its fields.
pub const fn group(name: &'static str) -> Field {
    Field::new(name, FieldType::Group(&[]))
}

/// Returns an array of structs, each decoded into a `T`; [`Field::of`] sets their fields.
pub const fn array<T>(name: &'static str) -> Field {
    Field::new(name, FieldType::Array { of: &[], element_bytes: size_of::<T>() })
}

macro_rules! words {
    ($($one:ident, $scalar:ident, $what:literal;)*) => {$(
        #[doc = concat!("Returns a field of ", $what, ".")]
        pub const fn $one(name: &'static str) -> Field {
            Field::new(name, FieldType::One(Scalar::$scalar))
        }
    )*};
}

macro_rules! plurals {
    ($($many:ident, $scalar:ident, $what:literal;)*) => {$(
        #[doc = concat!("Returns an array of ", $what, ".")]
        pub const fn $many(name: &'static str) -> Field {
            Field::new(name, FieldType::List(Scalar::$scalar))
        }
    )*};
}

words! {
    bool, Bool, "one boolean";
    i8, I8, "one byte";
    i16, I16, "two bytes";
    u16, U16, "two bytes, unsigned";
    i32, I32, "four bytes";
    i64, I64, "eight bytes";
    f64, F64, "a floating-point number";
    uuid, Uuid, "sixteen bytes of a UUID";
    string, String, "text";
    bytes, Bytes, "bytes";
    records, Records, "record batches";
}

plurals! {
    i8s, I8, "bytes, each a number";
    i32s, I32, "four-byte numbers";
    i64s, I64, "eight-byte numbers";
    uuids, Uuid, "ids";
    strings, String, "texts";
}
