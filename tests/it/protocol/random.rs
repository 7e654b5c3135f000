//! Random messages, written by the schemas and by nothing that decodes or encodes them elsewhere.

use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::schema::{self, Field, FieldType, Message, Scalar, Struct, Versions};

/// Returns the schema of a message.
pub fn schema(name: &str) -> Message {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let of = |room: std::fs::DirEntry| room.path().join(format!("{name}.schema"));
    let path: PathBuf = (std::fs::read_dir(root).expect("schemas/"))
        .map(|room| of(room.expect("an entry")))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no schema of {name}"));
    schema::parse(&std::fs::read_to_string(path).expect("readable")).expect("a schema")
}

/// Returns a message in the only form that an encoder gives it: tags ascend, and a tagged field
/// that has its default is left out.
pub fn bytes(rng: &mut Rng, message: &Message, version: i16) -> Vec<u8> {
    let is_flexible = has(message.flexible, version);
    let mut writer = Writer { rng, message, version, is_flexible, out: Vec::new() };
    writer.fields(&message.structs[0]);
    writer.out
}

fn has(versions: Versions, version: i16) -> bool {
    (versions.min..=versions.max).contains(&version)
}

struct Writer<'a> {
    rng: &'a mut Rng,
    message: &'a Message,
    version: i16,
    is_flexible: bool,
    out: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn fields(&mut self, part: &'a Struct) {
        let version = self.version;
        let is_tagged = |field: &Field| field.tag.is_some_and(|(_, tagged)| has(tagged, version));
        for field in part.fields.iter().filter(|field| has(field.versions, version)) {
            if !is_tagged(field) {
                self.field(field, false);
            }
        }
        if !self.is_flexible {
            return;
        }
        let mut tagged: Vec<(u32, &Field)> = (part.fields.iter())
            .filter(|field| has(field.versions, version) && is_tagged(field))
            .filter_map(|field| field.tag.map(|(tag, _)| (tag, field)))
            .filter(|_| self.rng.bool())
            .collect();
        tagged.sort_by_key(|(tag, _)| *tag);
        self.varint(tagged.len());
        for (tag, field) in tagged {
            self.varint(tag as usize);
            let outer = std::mem::take(&mut self.out);
            self.field(field, true);
            let inner = std::mem::replace(&mut self.out, outer);
            self.varint(inner.len());
            self.out.extend(inner);
        }
    }

    /// Writes a field; one `with_a_value` is neither null nor its default.
    fn field(&mut self, field: &'a Field, with_a_value: bool) {
        let is_nullable = has(field.nullable, self.version);
        let is_null = is_nullable && !with_a_value && self.rng.u8(..4) == 0;
        let least = usize::from(with_a_value);
        match &field.kind {
            FieldType::Scalar(Scalar::String) => {
                let text = (!is_null).then(|| "x\u{e4}".repeat(self.rng.usize(least..20)));
                let is_compact = self.is_flexible && !field.is_never_flexible;
                self.text(text.as_deref(), is_compact);
            }
            FieldType::Scalar(Scalar::Bytes | Scalar::Records) => {
                let length = (!is_null).then(|| self.rng.usize(least..200));
                self.length(length);
                let bytes = (0..length.unwrap_or(0)).map(|_| self.rng.u8(..));
                let bytes: Vec<u8> = bytes.collect();
                self.out.extend(bytes);
            }
            FieldType::Scalar(scalar) => self.number(*scalar, with_a_value),
            FieldType::Struct(name) => {
                if is_nullable {
                    self.out.push(if is_null { 0xff } else { 1 });
                }
                if !is_null {
                    self.fields(self.part(name));
                }
            }
            FieldType::Array(element) => {
                let count = (!is_null).then(|| self.rng.usize(least..4));
                self.length(count);
                (0..count.unwrap_or(0)).for_each(|_| self.element(element));
            }
        }
    }

    fn element(&mut self, element: &'a FieldType) {
        match element {
            FieldType::Struct(name) => self.fields(self.part(name)),
            FieldType::Scalar(Scalar::String) => {
                let text = "s".repeat(self.rng.usize(..300));
                self.text(Some(&text), self.is_flexible);
            }
            FieldType::Scalar(scalar) => self.number(*scalar, false),
            FieldType::Array(_) => unreachable!("no schema has an array of arrays"),
        }
    }

    fn part(&self, name: &str) -> &'a Struct {
        let parts = &self.message.structs;
        parts.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("no struct {name}"))
    }

    fn number(&mut self, scalar: Scalar, with_a_value: bool) {
        let bytes = match scalar {
            Scalar::Bool if with_a_value => return self.out.push(1),
            Scalar::Bool => return self.out.push(self.rng.u8(..2)),
            Scalar::Int8 => 1,
            Scalar::Int16 | Scalar::Uint16 => 2,
            Scalar::Int32 | Scalar::Uint32 => 4,
            Scalar::Int64 => 8,
            Scalar::Float64 => return self.out.extend(self.rng.f64().to_be_bytes()),
            Scalar::Uuid => 16,
            Scalar::String | Scalar::Bytes | Scalar::Records => unreachable!("no number"),
        };
        // No default has such a first byte.
        self.out.push(if with_a_value { 0x55 } else { self.rng.u8(..) });
        (1..bytes).for_each(|_| self.out.push(self.rng.u8(..)));
    }

    fn text(&mut self, text: Option<&str>, is_compact: bool) {
        match (is_compact, text) {
            (true, text) => self.varint(text.map_or(0, |text| text.len() + 1)),
            (false, text) => {
                let length = text.map_or(-1, |text| text.len() as i16);
                self.out.extend(length.to_be_bytes());
            }
        }
        self.out.extend(text.unwrap_or_default().as_bytes());
    }

    fn length(&mut self, length: Option<usize>) {
        match self.is_flexible {
            true => self.varint(length.map_or(0, |length| length + 1)),
            false => self.out.extend(length.map_or(-1, |length| length as i32).to_be_bytes()),
        }
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
