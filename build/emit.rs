//! Rust for a message: its structs, and how they are decoded and encoded.

use std::fmt::Write;

use crate::names::{snake_case, type_name};
use crate::schema::{Field, FieldType, Message, MessageType, Scalar, Struct, Versions};

/// Appends a line to the output.
macro_rules! line {
    ($out:expr, $($text:tt)*) => { writeln!($out, $($text)*).expect("memory") };
}

/// What the modules use.
const IMPORTS: &str = "#![allow(unused_imports)]
use std::ops::RangeInclusive;
use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use crate::protocol::decoder::{Decode, Decoder};
use crate::protocol::encoder::{Encode, Encoder, Sink};
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::message::{Message, RecordType, Request, Response};
use crate::protocol::records::Records;";

/// Appends the module of a message.
pub fn message(out: &mut String, message: &Message) {
    let name = message.name();
    line!(out, "/// `{name}`.\npub mod {} {{", snake_case(name));
    line!(out, "{IMPORTS}");
    for part in &message.structs {
        let versions = part.versions.and(message.versions);
        let of = Part { message, part, versions };
        of.definition(out);
        of.default(out);
        of.setters(out);
        of.decoding(out);
        of.encoding(out);
    }
    facts(out, message);
    line!(out, "}}");
    line!(out, "pub use {}::{};", snake_case(name), type_name(name));
}

/// Appends what is known of the message as a whole.
fn facts(out: &mut String, message: &Message) {
    let name = type_name(message.name());
    let Versions { min, max } = message.versions;
    let since = if message.flexible.is_empty() { i16::MAX } else { message.flexible.min };
    line!(out, "impl Message for {name} {{");
    line!(out, "const NAME: &'static str = {name:?};");
    line!(out, "const VERSIONS: RangeInclusive<i16> = {min}..={max};");
    line!(out, "const KAFKA_SINCE: i16 = {};", message.kafka_since);
    line!(out, "const FLEXIBLE_SINCE: i16 = {since};");
    let stable = if message.is_latest_unstable { max - 1 } else { max };
    line!(out, "const LATEST_STABLE: i16 = {stable};\n}}");
    match message.kind {
        MessageType::Request(key) => {
            let response = name.replace("Request", "Response");
            let module = snake_case(&response);
            line!(out, "impl Request for {name} {{ const KEY: i16 = {key};");
            line!(out, "const API: &'static str = {:?};", name.trim_end_matches("Request"));
            line!(out, "type Response = crate::protocol::messages::{module}::{response}; }}");
        }
        MessageType::Response(key) => response_facts(out, message, key),
        MessageType::Metadata(kind)
        | MessageType::CoordinatorKey(kind)
        | MessageType::CoordinatorValue(kind) => {
            line!(out, "impl RecordType for {name} {{ const TYPE: i16 = {kind}; }}");
        }
        MessageType::Data => {}
    }
}

/// Appends macros that call another one with the module and the type of every message, and of
/// every request.
pub fn list(out: &mut String, messages: &[Message]) {
    line!(out, "/// Calls a macro with the module and the type of every message, for tests.");
    line!(out, "#[macro_export] macro_rules! for_all_messages {{ ($callback:ident) => {{");
    line!(out, "$callback! {{");
    for message in messages {
        line!(out, "{} {},", snake_case(message.name()), type_name(message.name()));
    }
    line!(out, "}} }}; }}");
    line!(out, "/// Calls a macro with the module and the type of every request, for tests.");
    line!(out, "#[macro_export] macro_rules! for_all_requests {{ ($callback:ident) => {{");
    line!(out, "$callback! {{");
    for request in requests(messages) {
        line!(out, "{} {},", snake_case(request.name()), type_name(request.name()));
    }
    line!(out, "}} }}; }}");
}

/// Returns the requests in the order of their keys.
fn requests(messages: &[Message]) -> Vec<&Message> {
    let mut requests: Vec<(i16, &Message)> = (messages.iter())
        .filter_map(|message| match message.kind {
            MessageType::Request(key) => Some((key, message)),
            _ => None,
        })
        .collect();
    requests.sort_by_key(|(key, _)| *key);
    requests.into_iter().map(|(_, request)| request).collect()
}

/// Appends the table of all APIs.
pub fn table(out: &mut String, messages: &[Message]) {
    line!(out, "/// All APIs that a listener for clients has, by their keys.");
    line!(out, "pub static APIS: &[ApiFacts] = &[");
    for request in requests(messages) {
        let name = type_name(request.name());
        let module = snake_case(request.name());
        line!(out, "ApiFacts::of::<{module}::{name}>(),");
    }
    line!(out, "];");
}

fn response_facts(out: &mut String, message: &Message, key: i16) {
    let name = type_name(message.name());
    let throttle = message.structs[0].fields.iter().find(|field| field.name == "ThrottleTimeMs");
    line!(out, "impl Response for {name} {{ const KEY: i16 = {key};");
    if throttle.is_some() {
        line!(out, "#[inline] fn set_throttle_time_ms(&mut self, ms: i32) {{");
        line!(out, "self.throttle_time_ms = ms; }}");
    }
    line!(out, "}}");
}

/// A struct of a message, and the versions of it that exist.
struct Part<'a> {
    message: &'a Message,
    part: &'a Struct,
    versions: Versions,
}

impl Part<'_> {
    fn name(&self) -> String {
        type_name(&self.part.name)
    }

    fn definition(&self, out: &mut String) {
        line!(out, "/// `{}`.", self.part.name);
        line!(out, "#[derive(Debug, Clone, PartialEq)]\npub struct {} {{", self.name());
        for field in &self.part.fields {
            let Versions { min, max } = field.versions.and(self.versions);
            line!(out, "/// `{}`, versions {min} to {max}.", field.name);
            line!(out, "pub {}: {},", snake_case(&field.name), self.rust_type(field));
        }
        line!(out, "}}");
    }

    fn default(&self, out: &mut String) {
        line!(out, "impl Default for {} {{ #[inline] fn default() -> Self {{", self.name());
        line!(out, "Self {{");
        for field in &self.part.fields {
            line!(out, "{}: {},", snake_case(&field.name), default_of(field));
        }
        line!(out, "}} }} }}");
    }

    fn setters(&self, out: &mut String) {
        line!(out, "impl {} {{", self.name());
        for field in &self.part.fields {
            let name = snake_case(&field.name);
            let plain = name.trim_start_matches("r#");
            line!(out, "/// Returns it with this `{plain}`.");
            line!(
                out,
                "#[inline] pub fn with_{plain}(mut self, value: {}) -> Self {{",
                self.rust_type(field)
            );
            line!(out, "self.{name} = value; self }}");
        }
        line!(out, "}}");
    }

    fn decoding(&self, out: &mut String) {
        let name = self.name();
        line!(out, "impl Decode for {name} {{ {}", self.inlining());
        line!(out, "fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {{");
        line!(out, "#[allow(unused)] let version = d.version();");
        // Not a default whose fields are replaced: the old values would be dropped one by one.
        for field in &self.part.fields {
            let inline = self.inline_versions(field);
            let (read, default) = (self.read(field, inline), default_of(field));
            let value = match self.condition(inline).as_deref() {
                None => read,
                Some("false") => default,
                Some(condition) => format!("if {condition} {{ {read} }} else {{ {default} }}"),
            };
            let mutable = if field.tag.is_some() { "#[allow(unused_mut)] let mut" } else { "let" };
            line!(out, "{mutable} {}: {} = {value};", variable(field), self.rust_type(field));
        }
        if !self.message.flexible.is_empty() {
            self.decoding_of_tags(out);
        }
        line!(out, "Ok(Self {{");
        for field in &self.part.fields {
            line!(out, "{}: {},", snake_case(&field.name), variable(field));
        }
        line!(out, "}}) }} }}");
    }

    fn decoding_of_tags(&self, out: &mut String) {
        let name = self.name();
        let tagged = self.tagged();
        if tagged.is_empty() {
            line!(out, "d.tagged_fields({name:?}, |_, _| Ok(false))?;");
            return;
        }
        line!(out, "d.tagged_fields({name:?}, |d, tag| {{ match tag {{");
        for (tag, field, versions) in tagged {
            let read = self.read(field, versions);
            let (place, text) = (variable(field), &field.name);
            let guard = self.condition(versions).map_or(String::new(), |c| format!("if {c}"));
            line!(out, "{tag} {guard} => {place} = {read},");
            if !guard.is_empty() {
                line!(out, "{tag} => return Err(DecodeError::Tag {{ field: {text:?}, tag }}),");
            }
        }
        line!(out, "_ => return Ok(false), }} Ok(true) }})?;");
    }

    fn encoding(&self, out: &mut String) {
        let name = self.name();
        line!(out, "impl Encode for {name} {{ {}", self.inlining());
        line!(out, "fn encode<S: Sink>(&self, e: &mut Encoder<S>) -> Result<(), EncodeError> {{");
        line!(out, "#[allow(unused)] let version = e.version();");
        for field in &self.part.fields {
            let inline = self.inline_versions(field);
            guarded(out, self.condition(inline), &format!("{};", write(field, "e")));
            self.encoding_of_absent(out, field);
        }
        if !self.message.flexible.is_empty() {
            self.encoding_of_tags(out);
        }
        line!(out, "Ok(()) }} }}");
    }

    /// Refuses a value in a version that cannot say it, unless it does not matter.
    fn encoding_of_absent(&self, out: &mut String, field: &Field) {
        let there = field.versions.and(self.versions);
        if let (false, Some(condition)) = (field.is_ignorable, self.condition(there)) {
            let (name, text) = (snake_case(&field.name), &field.name);
            let is_default = format!("self.{name} != {}", default_of(field));
            line!(out, "let is_there = {condition}; if !is_there && {is_default} {{");
            line!(out, "return Err(EncodeError::Unsupported {{ field: {text:?}, version }}); }}");
        }
    }

    fn encoding_of_tags(&self, out: &mut String) {
        line!(out, "if e.is_flexible() {{");
        let tagged = self.tagged();
        let is_there = |field: &Field, versions| {
            let is_set = format!("self.{} != {}", snake_case(&field.name), default_of(field));
            self.condition(versions).map_or(is_set.clone(), |c| format!("{c} && {is_set}"))
        };
        line!(out, "#[allow(unused_mut)] let mut count = 0;");
        for (_, field, versions) in &tagged {
            line!(out, "if {} {{ count += 1; }}", is_there(field, *versions));
        }
        line!(out, "e.varint(count);");
        for (tag, field, versions) in &tagged {
            line!(out, "if {} {{", is_there(field, *versions));
            line!(out, "let mut measure = e.measure(); {};", write(field, "measure"));
            line!(
                out,
                "e.varint({tag}); e.varint(measure.measured() as u32); {};",
                write(field, "e")
            );
            line!(out, "}}");
        }
        line!(out, "}}");
    }

    /// Returns the attribute of the functions that decode and encode: those of whole messages, which
    /// are called from several places, are compiled once.
    fn inlining(&self) -> &'static str {
        let is_message = self.part.name == self.message.name();
        if is_message { "#[inline(never)]" } else { "#[inline]" }
    }

    /// Returns the type of a field. The records of a response may be in a file.
    fn rust_type(&self, field: &Field) -> String {
        let is_response = matches!(self.message.kind, MessageType::Response(_));
        let plain = match &field.kind {
            FieldType::Scalar(Scalar::Records) if is_response => "Records".to_owned(),
            kind => plain_type(kind),
        };
        if field.nullable.is_empty() { plain } else { format!("Option<{plain}>") }
    }

    /// Returns the versions in which a field is at its place, not in the tagged section.
    fn inline_versions(&self, field: &Field) -> Versions {
        let versions = field.versions.and(self.versions);
        match field.tag {
            None => versions,
            // A tagged field may have had a place before it got its tag.
            Some((_, tagged)) => versions.and(Versions { min: 0, max: tagged.min - 1 }),
        }
    }

    fn tagged(&self) -> Vec<(u32, &Field, Versions)> {
        let mut all: Vec<(u32, &Field, Versions)> = (self.part.fields.iter())
            .filter_map(|field| field.tag.map(|(tag, of)| (tag, field, of.and(self.versions))))
            .collect();
        all.sort_by_key(|(tag, ..)| *tag);
        all
    }

    /// Returns the condition for these versions among those of the struct; `None` if it is always
    /// true.
    fn condition(&self, versions: Versions) -> Option<String> {
        let Versions { min, max } = versions;
        let all = self.versions;
        if versions.is_empty() {
            return Some("false".to_owned());
        }
        match (min > all.min, max < all.max) {
            (false, false) => None,
            (true, false) => Some(format!("version >= {min}")),
            (false, true) => Some(format!("version <= {max}")),
            (true, true) => Some(format!("({min}..={max}).contains(&version)")),
        }
    }

    /// Returns the expression that reads a field in these versions.
    fn read(&self, field: &Field, versions: Versions) -> String {
        let nullable = field.nullable.and(versions);
        if field.nullable.is_empty() {
            return read_plain(field);
        }
        let plain = format!("Some({})", read_plain(field));
        let always = self.versions.and(versions);
        if nullable.is_empty() {
            return plain;
        }
        if nullable == always {
            return read_nullable(field);
        }
        let condition = match (nullable.min > always.min, nullable.max < always.max) {
            (true, false) => format!("version >= {}", nullable.min),
            (false, true) => format!("version <= {}", nullable.max),
            _ => format!("({}..={}).contains(&version)", nullable.min, nullable.max),
        };
        format!("if {condition} {{ {} }} else {{ {plain} }}", read_nullable(field))
    }
}

/// Returns the name of the variable that a field is decoded into.
fn variable(field: &Field) -> String {
    format!("field_{}", snake_case(&field.name).trim_start_matches("r#"))
}

fn guarded(out: &mut String, condition: Option<String>, statement: &str) {
    match condition.as_deref() {
        None => line!(out, "{statement}"),
        Some("false") => {}
        Some(condition) => line!(out, "if {condition} {{ {statement} }}"),
    }
}

fn read_plain(field: &Field) -> String {
    let name = &field.name;
    match &field.kind {
        FieldType::Scalar(Scalar::String) if field.is_never_flexible => {
            format!("d.fixed_string({name:?})?")
        }
        FieldType::Scalar(scalar) => format!("d.{}({name:?})?", method(*scalar)),
        FieldType::Struct(of) => format!("{}::decode(d)?", type_name(of)),
        FieldType::Array(of) => format!("d.{}?", array_call("", name, of)),
    }
}

fn read_nullable(field: &Field) -> String {
    let name = &field.name;
    match &field.kind {
        FieldType::Scalar(Scalar::String) if field.is_never_flexible => {
            format!("d.nullable_fixed_string({name:?})?")
        }
        FieldType::Scalar(scalar) => format!("d.nullable_{}({name:?})?", method(*scalar)),
        FieldType::Struct(of) => {
            format!("d.{}::<{}>({name:?})?", nullable_struct(field), type_name(of))
        }
        FieldType::Array(of) => format!("d.{}?", array_call("nullable_", name, of)),
    }
}

/// Returns the method for a struct that may be null: in a tagged field it is written another way.
fn nullable_struct(field: &Field) -> &'static str {
    if field.tag.is_some() { "nullable_tagged_struct" } else { "nullable_struct" }
}

fn array_call(prefix: &str, name: &str, element: &FieldType) -> String {
    match element {
        FieldType::Scalar(scalar) => {
            format!("{prefix}list({name:?}, |d| d.{}({name:?}))", method(*scalar))
        }
        FieldType::Struct(of) => format!("{prefix}array({name:?}, {}::decode)", type_name(of)),
        FieldType::Array(_) => panic!("{name}: an array of arrays"),
    }
}

/// Returns the statement that writes a field to the encoder `to`.
fn write(field: &Field, to: &str) -> String {
    let (place, name) = (snake_case(&field.name), &field.name);
    let nulls = field.nullable;
    let is_nullable = !nulls.is_empty();
    let may_be_null = match (nulls.min, nulls.max) {
        (0, i16::MAX) => "true".to_owned(),
        (min, i16::MAX) => format!("version >= {min}"),
        (min, max) => format!("({min}..={max}).contains(&version)"),
    };
    let rest = format!("{name:?}, {may_be_null}");
    match &field.kind {
        FieldType::Scalar(scalar) => {
            let method = match scalar {
                Scalar::String if field.is_never_flexible => "fixed_string",
                _ => method(*scalar),
            };
            match (scalar, is_nullable) {
                (Scalar::String, true) => {
                    format!("{to}.nullable_{method}(self.{place}.as_deref(), {rest})?")
                }
                (Scalar::Bytes | Scalar::Records, true) => {
                    format!("{to}.nullable_{method}(self.{place}.as_ref(), {rest})?")
                }
                (Scalar::Records, false) => format!("{to}.{method}(&self.{place}, {name:?})?"),
                (Scalar::String | Scalar::Bytes, false) => {
                    format!("{to}.{method}(&self.{place})")
                }
                _ => format!("{to}.{method}(self.{place})"),
            }
        }
        FieldType::Struct(_) if is_nullable => {
            format!("{to}.{}(self.{place}.as_ref(), {rest})?", nullable_struct(field))
        }
        FieldType::Struct(_) => {
            let encoder = if to == "e" { "e" } else { "&mut measure" };
            format!("self.{place}.encode({encoder})?")
        }
        FieldType::Array(of) => {
            let one = match &**of {
                FieldType::Scalar(scalar) => match scalar {
                    Scalar::String | Scalar::Bytes => {
                        format!("|e, one| {{ e.{}(one); Ok(()) }}", method(*scalar))
                    }
                    _ => format!("|e, one| {{ e.{}(*one); Ok(()) }}", method(*scalar)),
                },
                _ => "|e, one| one.encode(e)".to_owned(),
            };
            match is_nullable {
                true => format!("{to}.nullable_array(self.{place}.as_deref(), {rest}, {one})?"),
                false => format!("{to}.array(&self.{place}, {one})?"),
            }
        }
    }
}

fn method(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Bool => "bool",
        Scalar::Int8 => "i8",
        Scalar::Int16 => "i16",
        Scalar::Uint16 => "u16",
        Scalar::Int32 => "i32",
        Scalar::Uint32 => "u32",
        Scalar::Int64 => "i64",
        Scalar::Float64 => "f64",
        Scalar::Uuid => "uuid",
        Scalar::String => "string",
        Scalar::Bytes => "bytes",
        Scalar::Records => "records",
    }
}

fn plain_type(kind: &FieldType) -> String {
    match kind {
        FieldType::Scalar(Scalar::Uuid) => "Uuid".to_owned(),
        FieldType::Scalar(Scalar::String) => "StrBytes".to_owned(),
        FieldType::Scalar(Scalar::Bytes | Scalar::Records) => "Bytes".to_owned(),
        FieldType::Scalar(scalar) => method(*scalar).to_owned(),
        FieldType::Struct(name) => type_name(name),
        FieldType::Array(element) => format!("Vec<{}>", plain_type(element)),
    }
}

/// Returns the expression of a field's default.
fn default_of(field: &Field) -> String {
    let default = field.default.as_deref();
    if default == Some("null") {
        return "None".to_owned();
    }
    let plain = match (&field.kind, default) {
        (FieldType::Scalar(Scalar::String), Some(text)) if !text.is_empty() => {
            format!("StrBytes::from_static_str({text:?})")
        }
        (FieldType::Scalar(Scalar::Float64), None) => "0.0".to_owned(),
        (FieldType::Scalar(Scalar::Bool), default) => default.unwrap_or("false").to_owned(),
        (FieldType::Scalar(Scalar::String), _) => "StrBytes::default()".to_owned(),
        (FieldType::Scalar(Scalar::Bytes | Scalar::Records), _) => "Default::default()".to_owned(),
        (FieldType::Scalar(Scalar::Uuid), _) => "Uuid::nil()".to_owned(),
        (FieldType::Scalar(_), default) => default.unwrap_or("0").to_owned(),
        (FieldType::Array(of), _) => format!("Vec::<{}>::new()", plain_type(of)),
        (FieldType::Struct(name), _) => format!("{}::default()", type_name(name)),
    };
    if field.nullable.is_empty() { plain } else { format!("Some({plain})") }
}
