//! Random messages, written by the schemas and by nothing that decodes or encodes them elsewhere.

use fastrand::Rng;

use crate::schemas::{
    Field, FieldType, Scalar, Schema, count, fixed_bytes, in_place, in_tags, length, tagged_section,
};

/// Returns a message in the only form that an encoder gives it: tags ascend, and a tagged field
/// that has its default is left out.
pub fn bytes(rng: &mut Rng, message: &Schema, version: i16) -> Vec<u8> {
    let mut writer = Writer::new(rng, message, version);
    writer.fields(&message.fields);
    writer.out
}

/// Returns a message that may have tags that are in no schema, in all of its structs.
#[allow(dead_code, reason = "only hostile messages have them")]
pub fn bytes_with_unknown_tags(rng: &mut Rng, message: &Schema, version: i16) -> Vec<u8> {
    let mut writer = Writer { unknown_max: 2, ..Writer::new(rng, message, version) };
    writer.fields(&message.fields);
    writer.out
}

/// Returns a message whose array number `array` has this count, whatever it holds; `None` if it has
/// not as many arrays.
#[allow(dead_code, reason = "only hostile messages have them")]
pub fn bytes_with_count(
    rng: &mut Rng,
    message: &Schema,
    version: i16,
    array: usize,
    count: &[u8],
) -> Option<Vec<u8>> {
    let mut writer =
        Writer { other_count: Some((array, count)), ..Writer::new(rng, message, version) };
    writer.fields(&message.fields);
    (writer.arrays > array).then_some(writer.out)
}

struct Writer<'a> {
    rng: &'a mut Rng,
    version: i16,
    is_flexible: bool,
    /// How many unknown tags a struct may have.
    unknown_max: u32,
    /// How many arrays have been written.
    arrays: usize,
    /// The number of an array, and the count that it is to have.
    other_count: Option<(usize, &'a [u8])>,
    out: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(rng: &'a mut Rng, message: &Schema, version: i16) -> Writer<'a> {
        let is_flexible = message.is_flexible(version);
        let (unknown_max, arrays, other_count, out) = (0, 0, None, Vec::new());
        Writer { rng, version, is_flexible, unknown_max, arrays, other_count, out }
    }

    fn fields(&mut self, fields: &[Field]) {
        in_place(fields, self.version).for_each(|field| self.field(field, false));
        if !self.is_flexible {
            return;
        }
        let mut tagged = Vec::new();
        for (tag, field) in in_tags(fields, self.version) {
            if self.rng.bool() {
                let outer = std::mem::take(&mut self.out);
                self.field(field, true);
                tagged.push((tag, std::mem::replace(&mut self.out, outer)));
            }
        }
        for index in 0..self.rng.u32(..=self.unknown_max) {
            tagged.push((1000 * (index + 1), vec![0xee; self.rng.usize(..5)]));
        }
        self.out.extend(tagged_section(&tagged));
    }

    /// Writes a field; one `with_a_value` is neither null nor its default.
    fn field(&mut self, field: &Field, with_a_value: bool) {
        let is_nullable = field.may_be_null(self.version);
        let is_null = is_nullable && !with_a_value && self.rng.u8(..4) == 0;
        let least = usize::from(with_a_value);
        match &field.kind {
            FieldType::One(Scalar::String) => {
                let text = (!is_null).then(|| "x\u{e4}".repeat(self.rng.usize(least..20)));
                let is_compact = self.is_flexible && !field.is_never_flexible;
                self.text(text.as_deref(), is_compact);
            }
            FieldType::One(scalar @ (Scalar::Bytes | Scalar::Records)) => {
                let bytes = (!is_null).then(|| self.rng.usize(least..200));
                self.out.extend(length(*scalar, bytes, self.is_flexible));
                self.out.extend((0..bytes.unwrap_or(0)).map(|_| self.rng.u8(..)));
            }
            FieldType::One(scalar) => self.number(*scalar, with_a_value),
            FieldType::Group(fields) => {
                if is_nullable {
                    self.out.push(if is_null { 0xff } else { 1 });
                }
                if !is_null {
                    self.fields(fields);
                }
            }
            FieldType::List(_) | FieldType::Array(_) => {
                let elements = (!is_null).then(|| self.rng.usize(least..4));
                match self.other_count {
                    Some((array, count)) if array == self.arrays => self.out.extend(count),
                    _ => self.out.extend(count(elements, self.is_flexible)),
                }
                self.arrays += 1;
                (0..elements.unwrap_or(0)).for_each(|_| self.element(&field.kind));
            }
        }
    }

    fn element(&mut self, of: &FieldType) {
        match of {
            FieldType::Array(fields) => self.fields(fields),
            FieldType::List(Scalar::String) => {
                let text = "s".repeat(self.rng.usize(..300));
                self.text(Some(&text), self.is_flexible);
            }
            FieldType::List(scalar) => self.number(*scalar, false),
            FieldType::One(_) | FieldType::Group(_) => unreachable!("it has no elements"),
        }
    }

    fn number(&mut self, scalar: Scalar, with_a_value: bool) {
        match scalar {
            Scalar::Bool if with_a_value => return self.out.push(1),
            Scalar::Bool => return self.out.push(self.rng.u8(..2)),
            // Neither NaN nor infinity.
            Scalar::Float64 => return self.out.extend(self.rng.f64().to_be_bytes()),
            _ => {}
        }
        // No default has such a first byte.
        self.out.push(if with_a_value { 0x55 } else { self.rng.u8(..) });
        let bytes = fixed_bytes(scalar).expect("a number");
        (1..bytes).for_each(|_| self.out.push(self.rng.u8(..)));
    }

    fn text(&mut self, text: Option<&str>, is_compact: bool) {
        self.out.extend(length(Scalar::String, text.map(str::len), is_compact));
        self.out.extend(text.unwrap_or_default().as_bytes());
    }
}
