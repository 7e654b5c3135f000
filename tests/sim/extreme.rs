//! Requests that are sound and extreme: encoded by `schemas/`, with long lists, the same thing many
//! times, the longest texts, extreme numbers, nothing and null.

use fastrand::Rng;
use ottla::protocol::message::Request;
use uuid::Uuid;

use crate::batches::batch;
use crate::requests::{Subject, header};
use crate::schemas::{
    self, Field, FieldType, Scalar, Schema, count, fixed_bytes, in_place, in_tags, length,
    tagged_section,
};

/// The longest text that Kafka's protocol can say.
const TEXT_BYTES_MAX: usize = 0x7fff;
/// The longest name that a topic can have.
const NAME_BYTES_MAX: usize = 249;
/// How many elements of their own a long list has; more of them are repetitions.
const DIFFERENT_MAX: usize = 30_000;

/// Numbers at the ends of what a field can hold, and beside what a broker can mean.
const NUMBERS: [i64; 14] = [
    0,
    1,
    -1,
    2,
    -2,
    127,
    255,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    -0x8000_0000,
    1_700_000_000_000,
    i64::MAX,
    i64::MIN,
];

/// Configs and quotas by their names. None of them keeps other clients out, as some would.
const NAMES: [&str; 10] = [
    "retention.ms",
    "segment.bytes",
    "cleanup.policy",
    "max.message.bytes",
    "compression.type",
    "log.retention.ms",
    "num.io.threads",
    "consumer.session.timeout.ms",
    "producer_byte_rate",
    "controller_mutation_rate",
];

/// What values of configs may be.
const VALUES: [&str; 6] = ["1", "-1", "compact", "zstd", "9223372036854775807", "60000"];

/// A request of this API and version, without its length, of `bytes_max` or little more.
pub fn request(
    rng: &mut Rng,
    key: i16,
    version: i16,
    subject: &Subject,
    bytes_max: usize,
) -> Vec<u8> {
    let mut bytes = header(key, version, 7);
    bytes.extend(Extreme::body(rng, schemas::request(key), version, subject, bytes_max));
    bytes
}

/// A request of this API and version that asks for the longest answer: the longest name,
/// and as many of the smallest things as possible in the lists that are `depth` lists
/// below the message. An answer that repeats the name beside each of them is thousands of times as
/// long as the request.
pub fn amplifying(
    key: i16,
    version: i16,
    subject: &Subject,
    bytes_max: usize,
    depth: u8,
) -> Vec<u8> {
    let schema = schemas::request(key);
    let rng = &mut Rng::with_seed(0);
    let is_flexible = schema.is_flexible(version);
    let extreme = Extreme::new(rng, version, subject);
    let mut extreme = Extreme { is_flexible, wide: Some(depth), left: bytes_max, ..extreme };
    let mut bytes = header(key, version, 7);
    bytes.extend(extreme.fields(&schema.fields));
    bytes
}

/// A request while it is made.
struct Extreme<'a> {
    rng: &'a mut Rng,
    version: i16,
    is_flexible: bool,
    subject: &'a Subject,
    /// Numbers are such that a broker gets as deep as it can.
    is_sane: bool,
    /// How many bytes are left.
    left: usize,
    /// Counts what is to have a name of its own.
    count: usize,
    /// How many lists are around what is written now.
    depth: u8,
    /// The depth at which lists are as long as may be: above, they have one element with the longest
    /// names, and below nothing.
    wide: Option<u8>,
}

impl<'a> Extreme<'a> {
    fn new(rng: &'a mut Rng, version: i16, subject: &'a Subject) -> Extreme<'a> {
        Extreme {
            rng,
            version,
            is_flexible: false,
            subject,
            is_sane: true,
            left: 0,
            count: 0,
            depth: 0,
            wide: None,
        }
    }
}

impl Extreme<'_> {
    fn body(
        rng: &mut Rng,
        schema: &Schema,
        version: i16,
        subject: &Subject,
        bytes_max: usize,
    ) -> Vec<u8> {
        let is_sane = rng.u8(0..3) > 0;
        let is_flexible = schema.is_flexible(version);
        let extreme = Extreme::new(rng, version, subject);
        let mut extreme = Extreme { is_sane, is_flexible, left: bytes_max, ..extreme };
        extreme.fields(&schema.fields)
    }

    fn fields(&mut self, fields: &[Field]) -> Vec<u8> {
        let mut out = Vec::new();
        in_place(fields, self.version).for_each(|field| out.extend(self.field(field)));
        if self.is_flexible {
            out.extend(self.tags(fields));
        }
        out
    }

    fn tags(&mut self, fields: &[Field]) -> Vec<u8> {
        let mut tagged: Vec<(u32, Vec<u8>)> = Vec::new();
        for (tag, field) in in_tags(fields, self.version) {
            if self.rng.u8(0..4) == 0 {
                tagged.push((tag, self.field(field)));
            }
        }
        if self.rng.u8(0..40) == 0 {
            // Tags that no one knows are passed over.
            let unknown = self.rng.u32(100..1000);
            tagged.push((unknown, vec![7; self.rng.usize(..100)]));
        }
        tagged_section(&tagged)
    }

    fn field(&mut self, field: &Field) -> Vec<u8> {
        let is_nullable = field.may_be_null(self.version);
        let is_null = is_nullable && self.wide.is_none() && self.rng.u8(0..6) == 0;
        match &field.kind {
            FieldType::Group(_) if is_null => vec![0xff],
            FieldType::Group(fields) => {
                let mut out = if is_nullable { vec![1] } else { Vec::new() };
                out.extend(self.fields(fields));
                out
            }
            FieldType::One(scalar) if is_null => length(*scalar, None, self.is_flexible),
            FieldType::One(scalar) => self.scalar(&field.name, *scalar),
            FieldType::List(_) | FieldType::Array(_) if is_null => count(None, self.is_flexible),
            FieldType::List(scalar) => self.list(|extreme| extreme.scalar(&field.name, *scalar)),
            FieldType::Array(of) => self.list(|extreme| extreme.fields(of)),
        }
    }

    /// An empty list, a short one, or one that fills what is left: of different elements, or of one
    /// again and again.
    fn list(&mut self, mut element: impl FnMut(&mut Self) -> Vec<u8>) -> Vec<u8> {
        let (wanted, is_repeated) = match self.rng.u8(0..8) {
            _ if self.wide.is_some_and(|wide| self.depth < wide) => (1, false),
            _ if self.wide == Some(self.depth) => (usize::MAX, true),
            _ if self.wide.is_some() => (0, false),
            0 => (0, false),
            1..=3 => (self.rng.usize(1..4), false),
            4 => (self.rng.usize(2..6), true),
            5 | 6 => (DIFFERENT_MAX, false),
            _ => (usize::MAX, true),
        };
        let budget = self.left;
        self.depth += 1;
        let (mut elements, mut out) = (0, Vec::new());
        // A list takes the half of what there is, or nothing would be left for the next.
        while elements < wanted && elements < DIFFERENT_MAX && out.len() < budget / 2 {
            // What is below is small where there is much of it.
            self.left = (budget / 2).saturating_sub(out.len()) / wanted.min(16);
            let one = element(self);
            out.extend(&one);
            elements += 1;
            if is_repeated {
                let room = (budget / 2).saturating_sub(out.len()) / one.len().max(1);
                let more = room.min(wanted - 1);
                out.extend(one.repeat(more));
                elements += more;
                break;
            }
        }
        self.left = budget.saturating_sub(out.len());
        self.depth -= 1;
        let mut whole = count(Some(elements), self.is_flexible);
        whole.extend(out);
        whole
    }

    fn scalar(&mut self, name: &str, scalar: Scalar) -> Vec<u8> {
        match fixed_bytes(scalar) {
            Some(bytes) => self.number(name, scalar, bytes),
            None => self.text(name, scalar),
        }
    }

    fn number(&mut self, name: &str, scalar: Scalar, bytes: usize) -> Vec<u8> {
        match scalar {
            Scalar::Bool => return vec![self.rng.u8(0..2)],
            Scalar::Uuid => return self.id().as_bytes().to_vec(),
            Scalar::Float64 => {
                let all = [0.0, 1.0, -1.0, 1e9, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY];
                return all[self.rng.usize(..all.len())].to_be_bytes().to_vec();
            }
            _ => {}
        }
        let sane: &[i64] = match name {
            "acks" => &[-1, 1],
            "replica_id" | "session_epoch" | "current_leader_epoch" | "generation_id" => &[-1],
            "session_timeout_ms" | "rebalance_timeout_ms" => &[6000, 60_000],
            "resource_type" | "resource_type_filter" => &[2, 4, 16, 32],
            "max_bytes" | "partition_max_bytes" => &[1 << 20, 0x7fff_ffff],
            _ if name.ends_with("_ms") => &[0, 100],
            _ => &[0, 1, 0, 1, -1, 2, 3],
        };
        let all = if self.is_sane { sane } else { &NUMBERS };
        let number = all[self.rng.usize(..all.len())];
        number.to_be_bytes()[8 - bytes..].to_vec()
    }

    fn id(&mut self) -> Uuid {
        match self.rng.u8(0..4) {
            0 => Uuid::nil(),
            1 => Uuid::max(),
            2 => Uuid::from_u128(u128::from(self.rng.u64(..))),
            _ => self.subject.topic_id,
        }
    }

    fn text(&mut self, name: &str, scalar: Scalar) -> Vec<u8> {
        let bytes = match scalar {
            Scalar::Records => self.records(),
            Scalar::Bytes => match self.rng.u8(0..4) {
                0 => Vec::new(),
                1 => vec![0xff; self.left],
                _ => vec![0; self.rng.usize(..40)],
            },
            _ => self.name(name).into_bytes(),
        };
        let mut out = length(scalar, Some(bytes.len()), self.is_flexible);
        out.extend(bytes);
        out
    }

    fn name(&mut self, name: &str) -> String {
        self.count += 1;
        if let Some(wide) = self.wide {
            let bytes = if self.depth > wide { 0 } else { (self.left / 2).min(TEXT_BYTES_MAX) };
            return "x".repeat(bytes);
        }
        let limit = self.left.clamp(1, TEXT_BYTES_MAX);
        match self.rng.u8(0..16) {
            0 => String::new(),
            1 => "x".repeat(limit),
            2 => "😀".repeat(limit / 4),
            3 => "n".repeat(NAME_BYTES_MAX.min(limit)),
            4 => "__consumer_offsets".to_owned(),
            5..=8 => format!("name-{}", self.count),
            9 | 10 => NAMES[self.rng.usize(..NAMES.len())].to_owned(),
            11 if name == "value" => VALUES[self.rng.usize(..VALUES.len())].to_owned(),
            _ if name.contains("group") => "g".to_owned(),
            _ if name.contains("protocol_type") => "consumer".to_owned(),
            _ => self.subject.topic.clone(),
        }
    }

    /// Batches that are sound: none, one, or as many as there is room for.
    fn records(&mut self) -> Vec<u8> {
        let left = self.left;
        if self.rng.u8(0..8) == 0 {
            return Vec::new();
        }
        let about = self.rng.usize(1..400).min(left.max(1));
        let one = batch(self.rng, 1_700_000_000_000, about, None).encode();
        let times = if self.rng.u8(0..3) == 0 { left / one.len().max(1) } else { 1 };
        one.repeat(times.max(1))
    }
}

/// Makes extreme requests of every version of an API, which its decoder takes to their last byte,
/// and returns the length of the longest.
fn longest_of<R: Request>(rng: &mut Rng) -> usize {
    let (schema, subject) = (schemas::request(R::KEY), Subject::new("t"));
    let mut longest = 0;
    for version in R::VERSIONS {
        for _ in 0..20 {
            let body = Extreme::body(rng, schema, version, &subject, 50_000);
            longest = longest.max(body.len());
            let body = body.into();
            let used = R::decode_from(&body, version, usize::MAX).map(|(_, used)| used);
            assert_eq!(used, Ok(body.len()), "{} v{version}", R::NAME);
        }
    }
    longest
}

#[test]
fn every_extreme_request_is_a_whole_message_of_its_api_and_version() {
    macro_rules! all {
        ($($module:ident $name:ident,)*) => {
            [$(longest_of::<ottla::protocol::messages::$module::$name>),*]
        };
    }
    let mut rng = Rng::with_seed(1);
    let all: [fn(&mut Rng) -> usize; _] = ottla::for_all_requests!(all);
    let longest = all.into_iter().map(|longest_of| longest_of(&mut rng)).max().unwrap_or_default();
    assert!((40_000..200_000).contains(&longest), "{longest}");
}
