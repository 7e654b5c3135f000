//! A request as a tree of values in the shape of its schema, and its bytes.

use uuid::Uuid;

use crate::schemas::{
    Field, FieldType, Scalar, Schema, count, fixed_bytes, in_place, length, tagged_section,
};

/// The value of one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bool(bool),
    /// An integer of any width.
    Number(i64),
    Float(f64),
    Id(Uuid),
    Text(Option<String>),
    /// Bytes or records.
    Bytes(Option<Vec<u8>>),
    List(Option<Vec<Value>>),
    /// A struct, with the fields that its version has, in their order. Tagged fields are left out.
    Fields(Option<Vec<(&'static str, Value)>>),
}

impl Value {
    pub fn text(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }

    /// Null, in the type of this field.
    pub fn null(field: &Field) -> Value {
        match &field.kind {
            FieldType::One(Scalar::String) => Value::Text(None),
            FieldType::One(_) => Value::Bytes(None),
            FieldType::Group(_) => Value::Fields(None),
            FieldType::List(_) | FieldType::Array(_) => Value::List(None),
        }
    }

    /// The field of this name, of a struct.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Value::Fields(Some(fields)) = self else { return None };
        fields.iter().find(|(of, _)| *of == name).map(|(_, value)| value)
    }

    /// As one line for a person.
    pub fn as_text(&self) -> String {
        match self {
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Id(value) => value.to_string(),
            Value::Text(None) | Value::Bytes(None) | Value::List(None) | Value::Fields(None) => {
                "null".to_owned()
            }
            Value::Text(Some(text)) if text.len() > 60 => format!("({} letters)", text.len()),
            Value::Text(Some(text)) => format!("{text:?}"),
            Value::Bytes(Some(bytes)) => format!("({} bytes)", bytes.len()),
            Value::List(Some(all)) => {
                format!("[{}]", all.iter().map(Value::as_text).collect::<Vec<_>>().join(", "))
            }
            Value::Fields(Some(fields)) => {
                let one = |(name, value): &(&str, Value)| format!("{name}: {}", value.as_text());
                format!("{{{}}}", fields.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The body of a request of this version.
pub fn body(request: &Schema, version: i16, value: &Value) -> Vec<u8> {
    let mut writer = Writer { version, flexible: request.is_flexible(version), out: Vec::new() };
    writer.fields(&request.fields, value);
    writer.out
}

struct Writer {
    version: i16,
    flexible: bool,
    out: Vec<u8>,
}

impl Writer {
    fn fields(&mut self, fields: &[Field], value: &Value) {
        let Value::Fields(Some(values)) = value else { panic!("no struct: {value:?}") };
        for (field, (name, value)) in in_place(fields, self.version).zip(values) {
            assert_eq!(field.name, *name);
            self.field(field, value);
        }
        if self.flexible {
            self.out.extend(tagged_section(&[]));
        }
    }

    fn field(&mut self, field: &Field, value: &Value) {
        match (&field.kind, value) {
            (FieldType::One(scalar), value) => self.scalar(*scalar, value),
            (FieldType::Group(fields), value) => {
                let is_null = *value == Value::Fields(None);
                if field.may_be_null(self.version) {
                    self.out.push(if is_null { 0xff } else { 1 });
                }
                if !is_null {
                    self.fields(fields, value);
                }
            }
            (FieldType::List(_) | FieldType::Array(_), Value::List(None)) => {
                self.out.extend(count(None, self.flexible));
            }
            (FieldType::List(scalar), Value::List(Some(all))) => {
                self.out.extend(count(Some(all.len()), self.flexible));
                all.iter().for_each(|value| self.scalar(*scalar, value));
            }
            (FieldType::Array(of), Value::List(Some(all))) => {
                self.out.extend(count(Some(all.len()), self.flexible));
                all.iter().for_each(|value| self.fields(of, value));
            }
            (_, value) => panic!("{}: {value:?}", field.name),
        }
    }

    fn scalar(&mut self, scalar: Scalar, value: &Value) {
        match value {
            Value::Bool(value) => self.out.push(u8::from(*value)),
            Value::Number(value) => {
                let bytes = fixed_bytes(scalar).expect("a number");
                self.out.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
            }
            Value::Float(value) => self.out.extend_from_slice(&value.to_be_bytes()),
            Value::Id(id) => self.out.extend_from_slice(id.as_bytes()),
            Value::Text(text) => {
                self.length(scalar, text.as_ref().map(String::len));
                self.out.extend_from_slice(text.as_deref().unwrap_or_default().as_bytes());
            }
            Value::Bytes(bytes) => {
                self.length(scalar, bytes.as_ref().map(Vec::len));
                self.out.extend_from_slice(bytes.as_deref().unwrap_or_default());
            }
            value => panic!("no scalar: {value:?}"),
        }
    }

    fn length(&mut self, scalar: Scalar, bytes: Option<usize>) {
        self.out.extend(length(scalar, bytes, self.flexible));
    }
}
