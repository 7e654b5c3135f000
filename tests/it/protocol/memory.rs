//! The memory that decoding takes is charged before it is taken.
//!
//! These tests run in processes of their own: one of limited memory, in which an allocation by an
//! unchecked count is certain to fail, and one whose memory nothing else changes.

use std::hint::black_box;
use std::process::Command;

use bytes::Bytes;
use fastrand::Rng;
use ottla::protocol::decoder::{Decoder, decoded_bytes_max};
use ottla::protocol::error::DecodeError;
use ottla::protocol::message::{Message, Request};
use ottla::protocol::messages::create_topics_request::CreateTopicsRequest;
use ottla::protocol::messages::describe_configs_request::DescribeConfigsRequest;
use ottla::protocol::messages::fetch_request::FetchRequest;
use ottla::protocol::messages::metadata_request::MetadataRequest;
use ottla::protocol::messages::offset_commit_request::OffsetCommitRequest;
use ottla::protocol::messages::produce_request::ProduceRequest;

use super::random;
use crate::daemon::status_kib;
use crate::schemas::{
    self, Field, FieldType, Scalar, count, fixed_bytes, in_place, length, tagged_section,
};

/// Is set in the process of such a test.
const ALONE: &str = "OTTLA_TEST_ALONE";
/// Memory that such a process may have, in bytes.
const MEMORY_MAX: u64 = 4_000_000_000;
/// How many damaged messages of each version are decoded.
const DAMAGED: usize = 300;
/// What a process may take beside what is measured, in KiB.
const BESIDE_KIB: u64 = 1024;

/// Runs each of these in a process of its own, in which only the test of this name runs.
fn alone(name: &str, works: &[&dyn Fn()]) {
    if let Ok(number) = std::env::var(ALONE) {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::As);
        setrlimit(Resource::As, Rlimit { current: Some(MEMORY_MAX), maximum }).unwrap();
        return works[number.parse::<usize>().unwrap()]();
    }
    let test = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
    for number in 0..works.len() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &test, "--nocapture"])
            .env(ALONE, number.to_string())
            // Memory goes back at once where it is freed.
            .env("MALLOC_ARENA_MAX", "1")
            .env("MALLOC_MMAP_THRESHOLD_", "65536")
            .env("MALLOC_TRIM_THRESHOLD_", "0")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("1 passed"), "{text}");
        print!("{text}");
    }
}

/// Decodes a message within the budget of its length, and returns the memory charged for it.
fn charged_for<T: Message>(body: &Bytes, version: i16) -> Result<(T, usize), DecodeError> {
    let budget = decoded_bytes_max(body.len());
    let mut decoder = Decoder::new(body, version, T::is_flexible(version), budget);
    let message = T::decode(&mut decoder)?;
    assert!(decoder.charged() <= budget, "{} v{version}", T::NAME);
    Ok((message, decoder.charged()))
}

#[test]
fn two_hundred_thousand_damaged_messages_do_no_harm() {
    let work = || {
        let (mut rng, mut all, mut decoded) = (Rng::with_seed(6), 0, 0);
        macro_rules! decode_damaged {
            ($($module:ident $name:ident,)*) => {
                $(for version in ottla::protocol::messages::$module::$name::VERSIONS {
                    all += DAMAGED;
                    decoded += damaged::<ottla::protocol::messages::$module::$name>(&mut rng, version);
                })*
            };
        }
        ottla::for_all_messages!(decode_damaged);
        assert!(all > 200_000, "{all}");
        assert!(decoded > 20_000, "only {decoded} could be decoded");
    };
    alone("two_hundred_thousand_damaged_messages_do_no_harm", &[&work]);
}

/// Decodes damaged messages, and returns how many of them could be decoded.
fn damaged<T: Message>(rng: &mut Rng, version: i16) -> usize {
    let schema = schemas::message(T::NAME);
    let mut can_be_decoded = || {
        let mut bytes = random::bytes_with_unknown_tags(rng, schema, version);
        (0..rng.usize(1..4)).for_each(|_| damage(&mut bytes, rng));
        charged_for::<T>(&bytes.into(), version).is_ok()
    };
    (0..DAMAGED).filter(|_| can_be_decoded()).count()
}

fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    let end = (at + rng.usize(..6)).min(bytes.len());
    match rng.u8(..5) {
        0 => bytes[at..end].fill(*rng.choice(&[0, 1, 2, 0x7f, 0x80, 0xff]).unwrap()),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.insert(at, rng.u8(..)),
        3 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
    }
}

/// Returns the memory that this process has for its data, in KiB. Unlike what is resident, it is not
/// rounded up to huge pages.
fn own_kib() -> u64 {
    status_kib(std::process::id(), "VmData:")
}

/// Requests with names of eight letters and arrays of one element, unless `many` has their paths.
struct Ordinary<'a> {
    version: i16,
    is_flexible: bool,
    /// How many elements arrays have instead, and how many bytes records.
    many: &'a [(&'a str, usize)],
}

impl Ordinary<'_> {
    fn request<R: Request>(version: i16, many: &[(&str, usize)]) -> Bytes {
        let writer = Ordinary { version, is_flexible: R::is_flexible(version), many };
        writer.fields(&schemas::request(R::KEY).fields, "").into()
    }

    fn fields(&self, fields: &[Field], above: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for field in in_place(fields, self.version) {
            let path = format!("{above}{}", field.name);
            let many = self.many.iter().find(|(of, _)| *of == path).map(|(_, many)| *many);
            out.extend(match &field.kind {
                FieldType::One(of) => self.scalar(*of, many),
                FieldType::Group(of) => {
                    let is_there = [1].repeat(usize::from(field.may_be_null(self.version)));
                    [is_there, self.fields(of, &format!("{path}."))].concat()
                }
                FieldType::List(of) => self.array(self.scalar(*of, None), many),
                FieldType::Array(of) => self.array(self.fields(of, &format!("{path}.")), many),
            });
        }
        if self.is_flexible {
            out.extend(tagged_section(&[]));
        }
        out
    }

    fn array(&self, one: Vec<u8>, many: Option<usize>) -> Vec<u8> {
        let elements = many.unwrap_or(1);
        [count(Some(elements), self.is_flexible), one.repeat(elements)].concat()
    }

    fn scalar(&self, scalar: Scalar, many: Option<usize>) -> Vec<u8> {
        let bytes = many.unwrap_or(8);
        match fixed_bytes(scalar) {
            Some(bytes) => vec![0; bytes],
            None => [length(scalar, Some(bytes), self.is_flexible), vec![b'a'; bytes]].concat(),
        }
    }
}

/// Decodes a request that is within its budget: it takes no more memory than is charged for it, and
/// `least` of 100 parts of that.
fn takes_what_is_charged<R: Request>(version: i16, many: &[(&str, usize)], least: u64) {
    let body = Ordinary::request::<R>(version, many);
    let before = own_kib();
    let (decoded, charged) = charged_for::<R>(&body, version).unwrap();
    let taken = own_kib().saturating_sub(before);
    drop(black_box(decoded));
    let charged = charged as u64 / 1024;
    let what = format!("{} {many:?}: {charged} KiB charged, {taken} KiB taken", R::API);
    println!("{what} for {} KiB", body.len() / 1024);
    assert!(taken <= charged + BESIDE_KIB, "{what}");
    assert!(taken + BESIDE_KIB >= charged * least / 100, "{what}");
}

#[test]
fn the_largest_requests_take_no_more_memory_than_is_charged_for_them() {
    let (topics, partitions) = ("topics", "topics.partitions");
    // Elements are charged for what handlers make of them as well.
    let fetch = |many: &[_]| takes_what_is_charged::<FetchRequest>(17, many, 40);
    let metadata = |many: &[_]| takes_what_is_charged::<MetadataRequest>(12, many, 40);
    let commit = |many: &[_]| takes_what_is_charged::<OffsetCommitRequest>(9, many, 40);
    let (data, records) = ("topic_data.partition_data", "topic_data.partition_data.records");
    let produce = |many: &[_], least| takes_what_is_charged::<ProduceRequest>(12, many, least);
    let create = |many: &[_]| takes_what_is_charged::<CreateTopicsRequest>(7, many, 25);
    let describe = |many: &[_]| takes_what_is_charged::<DescribeConfigsRequest>(4, many, 30);
    alone(
        "the_largest_requests_take_no_more_memory_than_is_charged_for_them",
        &[
            &|| fetch(&[(partitions, 349_000)]),
            &|| fetch(&[(topics, 6_000), (partitions, 50)]),
            &|| fetch(&[(topics, 140_000)]),
            &|| metadata(&[(topics, 349_000)]),
            &|| commit(&[(topics, 3_000), (partitions, 100)]),
            &|| produce(&[(data, 349_000)], 40),
            &|| produce(&[(data, 1_000), (records, 100 << 10)], 0),
            &|| produce(&[(records, 100 << 20)], 0),
            &|| create(&[(topics, 1_000), ("topics.assignments", 140)]),
            &|| describe(&[("resources", 1_000), ("resources.configuration_keys", 300)]),
        ],
    );
}

/// Returns the paths of all arrays in messages of a version.
fn arrays(fields: &[Field], version: i16, above: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for field in in_place(fields, version) {
        let path = format!("{above}{}", field.name);
        if let FieldType::Group(of) | FieldType::Array(of) = &field.kind {
            paths.extend(arrays(of, version, &format!("{path}.")));
        }
        if let FieldType::List(_) | FieldType::Array(_) = field.kind {
            paths.push(path);
        }
    }
    paths
}

/// Checks of every array of a request that more elements charge at most 24 bytes for each of their
/// own.
fn ordinary_of<R: Request>() {
    for version in R::VERSIONS {
        for path in arrays(&schemas::request(R::KEY).fields, version, "") {
            let of = |elements| {
                let body = Ordinary::request::<R>(version, &[(&path, elements)]);
                let (_, charged) = charged_for::<R>(&body, version).unwrap();
                (body.len(), charged)
            };
            let ((some_bytes, some), (more_bytes, more)) = (of(200), of(1200));
            let each = (more - some).div_ceil(more_bytes - some_bytes);
            let max = match (R::API, path.as_str()) {
                // One replica each: 13,000 of them are in the fixed part of the budget.
                ("CreatePartitions", "topics.assignments") => 38,
                // Lists of two-byte numbers: 4,000 groups, or 21,000 numbers, are in the fixed part.
                ("StreamsGroupHeartbeat", path) if path.contains("copartition_groups") => 48,
                _ => 24,
            };
            assert!(each <= max, "{} v{version} {path}: {each}", R::NAME);
        }
    }
}

#[test]
fn ordinary_requests_of_any_length_are_within_the_budget() {
    macro_rules! ordinary_of_all {
        ($($module:ident $name:ident,)*) => {
            $(ordinary_of::<ottla::protocol::messages::$module::$name>();)*
        };
    }
    ottla::for_all_requests!(ordinary_of_all);
}
