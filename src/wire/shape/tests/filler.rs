//! Random bodies, encoded according to the table.

use fastrand::Rng;

use crate::wire::field::{Field, FieldType, RequestSchema, Scalar};

/// Encodes a random body according to the table.
struct Filler<'a> {
    rng: &'a mut Rng,
    out: Vec<u8>,
    version: i16,
    flexible: bool,
    /// Positions of the counts of arrays.
    counts: Vec<usize>,
    /// Whether to add unknown tags.
    unknown_tags: bool,
}

/// Returns a random body and the positions of its counts of arrays.
pub fn filled(
    request: &RequestSchema,
    version: i16,
    rng: &mut Rng,
    unknown_tags: bool,
) -> (Vec<u8>, Vec<usize>) {
    let flexible = request.is_flexible(version);
    let mut filler =
        Filler { rng, out: Vec::new(), version, flexible, counts: Vec::new(), unknown_tags };
    filler.fields(request.fields);
    (filler.out, filler.counts)
}

impl Filler<'_> {
    fn fields(&mut self, fields: &'static [Field]) {
        for field in fields {
            if field.tagged().is_none() && field.is_in(self.version) {
                let null = field.may_be_null(self.version) && self.rng.u8(..4) == 0;
                self.field(field, null, 0);
            }
        }
        if self.flexible {
            self.tags(fields);
        }
    }

    fn field(&mut self, field: &'static Field, null: bool, least: usize) {
        match field.kind {
            FieldType::One(scalar) => self.scalar(scalar, null, least),
            FieldType::Group(fields) => {
                if field.may_be_null(self.version) {
                    self.out.push(if null { 0xff } else { 1 });
                }
                if !null {
                    self.fields(fields);
                }
            }
            FieldType::List(scalar) => {
                for _ in 0..self.count(null, least) {
                    self.scalar(scalar, false, 0);
                }
            }
            FieldType::Array { of, .. } => {
                for _ in 0..self.count(null, least) {
                    self.fields(of);
                }
            }
        }
    }

    fn count(&mut self, null: bool, least: usize) -> usize {
        self.counts.push(self.out.len());
        let n = self.rng.usize(least..4);
        self.length(4, n, null)
    }

    fn length(&mut self, width: usize, n: usize, null: bool) -> usize {
        let length = if null { -1 } else { n as i32 };
        if self.flexible {
            self.varint((length + 1) as u32);
        } else {
            self.out.extend_from_slice(&length.to_be_bytes()[4 - width..]);
        }
        if null { 0 } else { n }
    }

    fn scalar(&mut self, scalar: Scalar, null: bool, least: usize) {
        match scalar {
            Scalar::Bool => self.out.push(self.rng.u8(..2)),
            Scalar::String | Scalar::Bytes | Scalar::Records => {
                let n = self.rng.usize(least..12);
                let n = self.length(if scalar == Scalar::String { 2 } else { 4 }, n, null);
                self.out.extend(std::iter::repeat_with(|| self.rng.u8(b'a'..=b'z')).take(n));
            }
            // Never generates NaN or infinity.
            Scalar::F64 => self.out.extend_from_slice(&self.rng.f64().to_be_bytes()),
            fixed => {
                let n = fixed.fixed_bytes().unwrap();
                self.out.extend(std::iter::repeat_with(|| self.rng.u8(..)).take(n));
            }
        }
    }

    /// Writes tagged fields. One at its default is not written, so none here is null or empty.
    fn tags(&mut self, fields: &'static [Field]) {
        let mut tagged: Vec<_> =
            fields.iter().filter(|f| f.tagged().is_some() && f.is_in(self.version)).collect();
        tagged.sort_by_key(|f| f.tagged());
        tagged.retain(|_| self.rng.bool());
        let unknown = if self.unknown_tags { self.rng.usize(..3) } else { 0 };
        self.varint((tagged.len() + unknown) as u32);
        for field in tagged {
            let before = std::mem::take(&mut self.out);
            let counts_before = self.counts.len();
            self.field(field, false, 1);
            let inside = std::mem::replace(&mut self.out, before);
            self.varint(field.tagged().unwrap());
            self.varint(inside.len() as u32);
            for count in &mut self.counts[counts_before..] {
                *count += self.out.len();
            }
            self.out.extend_from_slice(&inside);
        }
        for i in 0..unknown {
            self.varint(1000 * (i as u32 + 1));
            let n = self.rng.usize(..5);
            self.varint(n as u32);
            self.out.extend(std::iter::repeat_n(0xee, n));
        }
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
