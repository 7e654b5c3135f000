//! The notation of `schemas/`, read into values. `schemas/README.md` describes it.

use std::fmt;

/// A range of versions. `max` is `i16::MAX` where the range has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The first version.
    pub min: i16,
    /// The last version.
    pub max: i16,
}

impl Versions {
    /// No version at all.
    pub const NONE: Versions = Versions { min: 0, max: -1 };

    /// Returns true if no version is in the range.
    pub fn is_empty(self) -> bool {
        self.min > self.max
    }

    /// Returns the versions that are in both ranges.
    pub fn and(self, other: Versions) -> Versions {
        Versions { min: self.min.max(other.min), max: self.max.min(other.max) }
    }

    /// Parses `3`, `3+`, `3-5` or `none`.
    fn parse(text: &str) -> Option<Versions> {
        if text == "none" {
            return Some(Versions::NONE);
        }
        if let Some(min) = text.strip_suffix('+') {
            return Some(Versions { min: min.parse().ok()?, max: i16::MAX });
        }
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        Some(Versions { min: min.parse().ok()?, max: max.parse().ok()? })
    }
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// A request with its API key.
    Request(i16),
    /// A response with its API key.
    Response(i16),
    /// A record of `__cluster_metadata` with its type.
    Metadata(i16),
    /// The key of a coordinator's record with its type.
    CoordinatorKey(i16),
    /// The value of a coordinator's record with its type.
    CoordinatorValue(i16),
    /// Anything else: headers, control records, data inside of other messages.
    Data,
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// `bool`, a number, `uuid`, `string`, `bytes` or `records`.
    Scalar(Scalar),
    /// A struct, by its name.
    Struct(String),
    /// An array of something else than arrays.
    Array(Box<FieldType>),
}

/// A value without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scalar {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
}

impl Scalar {
    fn parse(text: &str) -> Option<Scalar> {
        Some(match text {
            "bool" => Scalar::Bool,
            "int8" => Scalar::Int8,
            "int16" => Scalar::Int16,
            "uint16" => Scalar::Uint16,
            "int32" => Scalar::Int32,
            "uint32" => Scalar::Uint32,
            "int64" => Scalar::Int64,
            "float64" => Scalar::Float64,
            "uuid" => Scalar::Uuid,
            "string" => Scalar::String,
            "bytes" => Scalar::Bytes,
            "records" => Scalar::Records,
            _ => return None,
        })
    }
}

/// A field of a message or struct.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name in Kafka's schema.
    pub name: String,
    /// Its type.
    pub kind: FieldType,
    /// The versions that have it.
    pub versions: Versions,
    /// The versions in which it may be null.
    pub nullable: Versions,
    /// Its tag, and the versions in which it is in the tagged section.
    pub tag: Option<(u32, Versions)>,
    /// True if its string has the old form in flexible versions as well.
    pub is_never_flexible: bool,
    /// The default as written, without quotes.
    pub default: Option<String>,
    /// True if it may be left out, whatever its value, in versions that do not have it.
    pub is_ignorable: bool,
}

/// A struct with its fields.
#[derive(Debug, Clone)]
pub struct Struct {
    /// Its name.
    pub name: String,
    /// The versions that have it.
    pub versions: Versions,
    /// Its fields, in the order of the wire.
    pub fields: Vec<Field>,
}

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it is.
    pub kind: MessageType,
    /// The versions that exist.
    pub versions: Versions,
    /// The first version that Kafka has.
    pub kafka_since: i16,
    /// The versions with compact lengths and tagged fields.
    pub flexible: Versions,
    /// True if the last version may still change.
    pub is_latest_unstable: bool,
    /// Its structs; the first one is the message itself.
    pub structs: Vec<Struct>,
}

impl Message {
    /// Returns the name of the message.
    pub fn name(&self) -> &str {
        &self.structs[0].name
    }

    /// Adds the versions that Kafka has dropped and Ottla serves, as `schemas/older` lists them:
    /// the fields still say what those versions have.
    pub fn add_older_versions(&mut self, older: &str) {
        let api = self.name().trim_end_matches("Request").trim_end_matches("Response");
        let lines = older.lines().filter_map(|line| line.split_once(' '));
        let min = lines.filter(|(name, _)| *name == api).find_map(|(_, min)| min.parse().ok());
        if let Some(min) = min {
            self.versions.min = min;
            self.structs[0].versions.min = min;
        }
    }
}

/// A line that is not in the notation.
#[derive(Debug)]
pub struct SchemaError {
    line: usize,
    text: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: not understood: {}", self.line, self.text)
    }
}

/// Parses a schema file.
///
/// # Errors
///
/// Returns the first line that is not in the notation.
pub fn parse(text: &str) -> Result<Message, SchemaError> {
    let mut message = Message {
        kind: MessageType::Data,
        versions: Versions::NONE,
        kafka_since: 0,
        flexible: Versions::NONE,
        is_latest_unstable: false,
        structs: Vec::new(),
    };
    // The structs that the current line is inside of, by their index; its depth chooses one.
    let mut open: Vec<usize> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let error = || SchemaError { line: index + 1, text: line.to_owned() };
        let content = line.trim_start();
        let depth = (line.len() - content.len()) / 2;
        let words: Vec<&str> = content.split(' ').collect();
        match words[..] {
            [""] | ["listeners", ..] => {}
            _ if message.structs.is_empty() => {
                message.structs.push(heading(&mut message.kind, &words).ok_or_else(error)?);
                open = vec![0];
            }
            ["versions", versions] => {
                message.versions = Versions::parse(versions).ok_or_else(error)?;
                message.structs[0].versions = message.versions;
                message.kafka_since = message.versions.min;
            }
            ["flexible", versions] => {
                message.flexible = Versions::parse(versions).ok_or_else(error)?;
            }
            ["unstable", "latest"] => message.is_latest_unstable = true,
            ["struct", name, versions] => {
                let versions = Versions::parse(versions).ok_or_else(error)?;
                let fields = Vec::new();
                message.structs.push(Struct { name: name.to_owned(), versions, fields });
                open = vec![0, message.structs.len() - 1];
            }
            _ => {
                let field = field(&words).ok_or_else(error)?;
                open.truncate(depth + 1);
                let parent = *open.get(depth).ok_or_else(error)?;
                if let Some(name) = struct_of(&field.kind) {
                    // A struct without fields of its own here is one of the shared ones.
                    let (name, versions) = (name.to_owned(), field.versions);
                    message.structs.push(Struct { name, versions, fields: Vec::new() });
                    open.push(message.structs.len() - 1);
                }
                message.structs[parent].fields.push(field);
            }
        }
    }
    message.structs.retain(|part| !part.fields.is_empty() || part.name == message_name(text));
    Ok(message)
}

fn message_name(text: &str) -> &str {
    text.split_ascii_whitespace().nth(1).unwrap_or_default()
}

/// Reads the first line: what the message is, its name, and its key.
fn heading(kind: &mut MessageType, words: &[&str]) -> Option<Struct> {
    let (name, key) = match *words {
        [_, name] => (name, None),
        [_, name, key] => (name, Some(key.parse().ok()?)),
        _ => return None,
    };
    *kind = match (words[0], key) {
        ("request", Some(key)) => MessageType::Request(key),
        ("response", Some(key)) => MessageType::Response(key),
        ("metadata", Some(key)) => MessageType::Metadata(key),
        ("coordinator-key", Some(key)) => MessageType::CoordinatorKey(key),
        ("coordinator-value", Some(key)) => MessageType::CoordinatorValue(key),
        ("header" | "data", _) => MessageType::Data,
        _ => return None,
    };
    Some(Struct { name: name.to_owned(), versions: Versions::NONE, fields: Vec::new() })
}

/// Reads a field: name, type, versions, and what else there is to say of it.
fn field(words: &[&str]) -> Option<Field> {
    let [name, kind, versions, rest @ ..] = words else { return None };
    let mut field = Field {
        name: (*name).to_owned(),
        kind: field_type(kind),
        versions: Versions::parse(versions)?,
        nullable: Versions::NONE,
        tag: None,
        is_never_flexible: false,
        default: None,
        is_ignorable: false,
    };
    let mut rest = rest.iter().copied();
    while let Some(word) = rest.next() {
        match word {
            "nullable" => field.nullable = Versions::parse(rest.next()?)?,
            "tag" => field.tag = Some((rest.next()?.parse().ok()?, Versions::parse(rest.next()?)?)),
            "flexible" => field.is_never_flexible = rest.next()? == "none",
            "default" => field.default = Some(rest.next()?.trim_matches('"').to_owned()),
            "ignorable" => field.is_ignorable = true,
            // Of interest beside a KIP only.
            "key" => {}
            "entity" => {
                rest.next()?;
            }
            _ => return None,
        }
    }
    Some(field)
}

fn field_type(text: &str) -> FieldType {
    match (text.strip_prefix("[]"), Scalar::parse(text)) {
        (Some(element), _) => FieldType::Array(Box::new(field_type(element))),
        (None, Some(scalar)) => FieldType::Scalar(scalar),
        (None, None) => FieldType::Struct(text.to_owned()),
    }
}

/// Returns the name of the struct in a type.
pub fn struct_of(kind: &FieldType) -> Option<&str> {
    match kind {
        FieldType::Scalar(_) => None,
        FieldType::Struct(name) => Some(name),
        FieldType::Array(element) => struct_of(element),
    }
}
