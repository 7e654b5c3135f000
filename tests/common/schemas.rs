//! Messages as `schemas/` describes them, in a form to make some of: the parts of structs stand in
//! place, and names are those that Rust has for them.

use std::path::Path;
use std::sync::LazyLock;

use bytes::Bytes;

#[path = "../../build/names.rs"]
#[allow(dead_code, reason = "the generator uses the rest")]
mod names;
#[path = "../../build/schema.rs"]
#[allow(dead_code, reason = "the generator uses the rest")]
mod schema;

pub use schema::Scalar;
use schema::{Message, MessageType, Struct, Versions};

/// The key of ApiVersions.
const API_VERSIONS: i16 = 18;

/// A message.
#[derive(Debug)]
pub struct Schema {
    /// Its name in Kafka.
    pub name: String,
    /// Its fields, in the order of the wire.
    pub fields: Vec<Field>,
    api_key: Option<i16>,
    flexible: Versions,
}

/// A field of a message or of a struct inside it.
#[derive(Debug)]
pub struct Field {
    /// Its name in snake case.
    pub name: String,
    /// Its type.
    pub kind: FieldType,
    /// True if its string has the old form in flexible versions as well.
    pub is_never_flexible: bool,
    versions: Versions,
    nullable: Versions,
    tag: Option<(u32, Versions)>,
}

/// The type of a field.
#[derive(Debug)]
pub enum FieldType {
    /// One value.
    One(Scalar),
    /// A struct.
    Group(Vec<Field>),
    /// An array of values.
    List(Scalar),
    /// An array of structs.
    Array(Vec<Field>),
}

impl Schema {
    /// Returns true if this version has compact lengths and tagged fields.
    pub fn is_flexible(&self, version: i16) -> bool {
        has(self.flexible, version)
    }

    /// Returns the API key of a request.
    pub fn key(&self) -> i16 {
        self.api_key.unwrap_or_else(|| panic!("{} is no request", self.name))
    }

    /// Returns the name of a request's API.
    pub fn api(&self) -> &str {
        self.name.trim_end_matches("Request")
    }
}

impl Field {
    /// Returns true if messages of this version have it.
    pub fn is_in(&self, version: i16) -> bool {
        has(self.versions, version)
    }

    /// Returns true if it may be null in messages of this version.
    pub fn may_be_null(&self, version: i16) -> bool {
        has(self.nullable, version)
    }

    /// Returns its tag, if it is in the tagged section of messages of this version.
    pub fn tagged(&self, version: i16) -> Option<u32> {
        self.tag.filter(|(_, versions)| has(*versions, version)).map(|(tag, _)| tag)
    }
}

fn has(versions: Versions, version: i16) -> bool {
    (versions.min..=versions.max).contains(&version)
}

/// Returns the fields that have their place in a message of this version, in their order.
pub fn in_place(fields: &[Field], version: i16) -> impl Iterator<Item = &Field> {
    fields.iter().filter(move |field| field.is_in(version) && field.tagged(version).is_none())
}

/// Returns the fields that are in the tagged section of a message of this version, by their tags.
pub fn in_tags(fields: &[Field], version: i16) -> Vec<(u32, &Field)> {
    let in_version = fields.iter().filter(|field| field.is_in(version));
    let mut tagged: Vec<(u32, &Field)> =
        in_version.filter_map(|field| Some((field.tagged(version)?, field))).collect();
    tagged.sort_by_key(|(tag, _)| *tag);
    tagged
}

/// Returns the size of a value on the wire, if it has the same in every message.
pub fn fixed_bytes(scalar: Scalar) -> Option<usize> {
    match scalar {
        Scalar::Bool | Scalar::Int8 => Some(1),
        Scalar::Int16 | Scalar::Uint16 => Some(2),
        Scalar::Int32 | Scalar::Uint32 => Some(4),
        Scalar::Int64 | Scalar::Float64 => Some(8),
        Scalar::Uuid => Some(16),
        Scalar::String | Scalar::Bytes | Scalar::Records => None,
    }
}

/// Returns a number in the form of flexible versions.
pub fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// Returns what stands before an array: the count of its elements, or that it is null.
pub fn count(count: Option<usize>, is_flexible: bool) -> Vec<u8> {
    match is_flexible {
        true => varint(count.map_or(0, |count| count + 1)),
        false => count.map_or(-1, |count| count as i32).to_be_bytes().to_vec(),
    }
}

/// Returns what stands before a string, bytes or records: their length, or that they are null.
pub fn length(scalar: Scalar, bytes: Option<usize>, is_compact: bool) -> Vec<u8> {
    match (scalar, is_compact) {
        (Scalar::String, false) => bytes.map_or(-1, |bytes| bytes as i16).to_be_bytes().to_vec(),
        _ => count(bytes, is_compact),
    }
}

/// Returns a tagged section of these tags with what each holds.
pub fn tagged_section(tagged: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let one = |(tag, bytes): &(u32, Vec<u8>)| {
        [varint(*tag as usize), varint(bytes.len()), bytes.clone()].concat()
    };
    [varint(tagged.len()), tagged.iter().flat_map(one).collect()].concat()
}

/// Returns what follows the header of a response: an id, and from flexible versions on a tagged
/// section, here an empty one, which only ApiVersions does not have (KIP-511).
pub fn response_body(key: i16, version: i16, frame: &Bytes) -> Bytes {
    if !request(key).is_flexible(version) || key == API_VERSIONS {
        return frame.slice(4..);
    }
    assert_eq!(frame[4], 0, "tags in the header of a response to key {key} v{version}");
    frame.slice(5..)
}

/// Returns the schema of a message.
pub fn message(name: &str) -> &'static Schema {
    let found = ALL.iter().find(|schema| schema.name == name);
    found.unwrap_or_else(|| panic!("no schema of {name}"))
}

/// Returns the schema of the requests of an API.
pub fn request(key: i16) -> &'static Schema {
    let found = ALL.iter().find(|schema| schema.api_key == Some(key));
    found.unwrap_or_else(|| panic!("no schema of requests with the key {key}"))
}

static ALL: LazyLock<Vec<Schema>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut all = Vec::new();
    for room in std::fs::read_dir(root).expect("schemas/") {
        let room = room.expect("an entry").path();
        for file in room.read_dir().into_iter().flatten() {
            let path = file.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "schema") {
                let text = std::fs::read_to_string(&path).expect("readable");
                all.push(resolved(&schema::parse(&text).expect("a schema")));
            }
        }
    }
    all
});

fn resolved(message: &Message) -> Schema {
    let api_key = match message.kind {
        MessageType::Request(key) => Some(key),
        _ => None,
    };
    Schema {
        name: message.name().to_owned(),
        api_key,
        fields: fields(message, &message.structs[0]),
        flexible: message.flexible,
    }
}

fn fields(message: &Message, part: &Struct) -> Vec<Field> {
    let one = |field: &schema::Field| Field {
        name: names::snake_case(&field.name).trim_start_matches("r#").to_owned(),
        kind: kind(message, &field.kind),
        is_never_flexible: field.is_never_flexible,
        versions: field.versions,
        nullable: field.nullable,
        tag: field.tag,
    };
    part.fields.iter().map(one).collect()
}

fn kind(message: &Message, kind: &schema::FieldType) -> FieldType {
    let part = |name: &str| {
        let part = message.structs.iter().find(|part| part.name == *name);
        fields(message, part.unwrap_or_else(|| panic!("no struct {name}")))
    };
    match kind {
        schema::FieldType::Scalar(scalar) => FieldType::One(*scalar),
        schema::FieldType::Struct(name) => FieldType::Group(part(name)),
        schema::FieldType::Array(element) => match &**element {
            schema::FieldType::Scalar(scalar) => FieldType::List(*scalar),
            schema::FieldType::Struct(name) => FieldType::Array(part(name)),
            schema::FieldType::Array(_) => panic!("an array of arrays"),
        },
    }
}
