//! Bodies generated from the tables, checked with the crate's decoder and encoder.

use std::ops::RangeInclusive;

use bytes::Bytes;
use fastrand::Rng;
use kafka_protocol::messages::{ApiKey, metadata_request};

use self::codecs::{CODECS, Codec};
use self::filler::filled;
use super::*;
use crate::wire::field::RequestSchema;
use crate::wire::shapes::REQUESTS;

mod codecs;
mod filler;

/// Returns the versions that both the table and the crate have.
fn versions(request: &RequestSchema, codec: &Codec) -> RangeInclusive<i16> {
    request.min.max(codec.versions.min)..=request.max
}

fn each() -> impl Iterator<Item = (&'static RequestSchema, &'static Codec, i16)> {
    REQUESTS.iter().zip(CODECS).flat_map(|(request, codec)| {
        versions(request, codec).map(move |version| (request, codec, version))
    })
}

fn judge(request: &RequestSchema, version: i16, body: &[u8]) -> Result<Shape, ShapeError> {
    check(request.key, version, body, decoded_bytes_max(body.len()))
}

/// Returns counts that no memory could hold, as encoded on the wire.
fn huge_counts(flexible: bool) -> &'static [&'static [u8]] {
    match flexible {
        true => &[&[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff, 0xff, 0xff, 0xff, 0x07]],
        false => &[&[0x7f, 0xff, 0xff, 0xff]],
    }
}

/// Returns the body with the bytes at `at` replaced: four, or one that is a whole varint.
fn with_count(body: &[u8], at: usize, flexible: bool, count: &[u8]) -> Vec<u8> {
    let mut changed = body.to_vec();
    let end = (at + if flexible { 1 } else { 4 }).min(body.len());
    changed.splice(at..end, count.iter().copied());
    changed
}

/// Limits memory, so that an allocation by an unchecked count is certain to fail, and the test with
/// it.
fn limit_memory() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(4_000_000_000), maximum }).unwrap();
}

#[test]
fn the_table_has_every_version_that_the_decoder_has() {
    assert_eq!(REQUESTS.len(), CODECS.len());
    for (request, codec) in REQUESTS.iter().zip(CODECS) {
        assert_eq!(format!("{}Request", request.name), codec.name);
        assert_eq!(request.max, codec.versions.max, "{}", request.name);
        let min = if matches!(request.key, 19 | 20) { 0 } else { codec.versions.min };
        assert_eq!(request.min, min, "{}", request.name);
        assert_eq!(shapes::find(request.key).unwrap().name, request.name);
        let key = ApiKey::try_from(request.key).unwrap();
        for version in versions(request, codec) {
            let flexible = key.request_header_version(version) == 2;
            assert_eq!(request.is_flexible(version), flexible, "{} {version}", request.name);
        }
    }
    assert!(REQUESTS.is_sorted_by_key(|request| request.key));
}

#[test]
fn a_request_at_its_defaults_passes() {
    for (request, codec, version) in each() {
        let body = (codec.default)(version).unwrap();
        let shape = judge(request, version, &body);
        assert_eq!(shape.map(|s| s.body_bytes), Ok(body.len()), "{} {version}", request.name);
    }
}

#[test]
fn what_passes_is_what_the_decoder_reads_and_writes() {
    let mut rng = Rng::with_seed(1);
    for (request, codec, version) in each() {
        for round in 0..40 {
            let (body, _) = filled(request, version, &mut rng, round % 2 == 0);
            let what = format!("{} {version} {body:02x?}", request.name);
            let shape = judge(request, version, &body);
            assert_eq!(shape.map(|s| s.body_bytes), Ok(body.len()), "{what}");
            let again = (codec.recode)(Bytes::from(body.clone()), version);
            assert_eq!(again, Ok(body), "{what}");
        }
    }
}

#[test]
fn a_huge_count_is_refused_at_every_array_of_every_version() {
    let mut rng = Rng::with_seed(2);
    for request in &REQUESTS {
        for version in request.min..=request.max {
            let (body, counts) = filled(request, version, &mut rng, true);
            let flexible = request.is_flexible(version);
            for at in counts {
                for count in huge_counts(flexible) {
                    let changed = with_count(&body, at, flexible, count);
                    let error = judge(request, version, &changed).unwrap_err();
                    let right =
                        matches!(error, ShapeError::Length { .. } | ShapeError::Short { .. });
                    assert!(right, "{} {version} at {at}: {error}", request.name);
                }
            }
        }
    }
}

/// Tries every position, because the positions of the counts are not to be taken from the table.
#[test]
fn a_huge_count_anywhere_never_reaches_the_decoder() {
    limit_memory();
    let mut rng = Rng::with_seed(3);
    for (request, codec, version) in each() {
        let (body, _) = filled(request, version, &mut rng, true);
        for at in 0..body.len() {
            for flexible in [false, true] {
                for count in huge_counts(flexible) {
                    let changed = with_count(&body, at, flexible, count);
                    if judge(request, version, &changed).is_ok() {
                        let _ = (codec.recode)(Bytes::from(changed), version);
                    }
                }
            }
        }
    }
}

#[test]
fn a_body_cut_short_is_refused_wherever_it_is_cut() {
    let mut rng = Rng::with_seed(4);
    for request in &REQUESTS {
        for version in request.min..=request.max {
            let (body, _) = filled(request, version, &mut rng, true);
            for end in 0..body.len() {
                let cut = judge(request, version, &body[..end]);
                assert!(cut.is_err(), "{} {version} cut to {end}", request.name);
            }
        }
    }
}

#[test]
fn what_follows_the_message_is_ignored() {
    let mut rng = Rng::with_seed(5);
    for request in &REQUESTS {
        let (mut body, _) = filled(request, request.max, &mut rng, false);
        let len = body.len();
        body.extend_from_slice(&[0xff; 9]);
        assert_eq!(judge(request, request.max, &body).map(|s| s.body_bytes), Ok(len));
    }
}

#[test]
fn two_hundred_thousand_damaged_bodies_do_no_harm() {
    limit_memory();
    let mut rng = Rng::with_seed(6);
    let all: Vec<_> = each().collect();
    let mut passed = 0;
    for _ in 0..200_000 {
        let (request, codec, version) = all[rng.usize(..all.len())];
        let (mut body, _) = filled(request, version, &mut rng, true);
        for _ in 0..rng.usize(1..4) {
            damage(&mut body, &mut rng);
        }
        let Ok(shape) = judge(request, version, &body) else { continue };
        assert!(shape.decoded_bytes <= decoded_bytes_max(body.len()));
        passed += 1;
        let _ = (codec.recode)(Bytes::from(body), version);
    }
    assert!(passed > 20_000, "only {passed} reached the decoder");
}

fn damage(body: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..=body.len());
    let end = (at + rng.usize(..6)).min(body.len());
    match rng.u8(..5) {
        0 => body[at..end].fill(*rng.choice(&[0, 1, 2, 0x7f, 0x80, 0xff]).unwrap()),
        1 => drop(body.drain(at..end)),
        2 => body.insert(at, rng.u8(..)),
        3 => {
            let piece = body[at..end].to_vec();
            body.splice(at..at, piece);
        }
        _ => {
            if let Some(byte) = body.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
    }
}

#[test]
fn fifty_million_empty_topic_names_are_refused() {
    let count = 50_000_000;
    let mut body = vec![0; 4 + 2 * count];
    body[..4].copy_from_slice(&(count as i32).to_be_bytes());
    let max = decoded_bytes_max(body.len());
    let error = check(3, 0, &body, max).unwrap_err();
    assert!(matches!(error, ShapeError::TooLarge { field: "topics", .. }), "{error}");
}

#[test]
fn memory_is_counted_to_the_last_byte_of_the_limit() {
    // Metadata 0: one topic of an empty name.
    let body = [0, 0, 0, 1, 0, 0];
    let needed = size_of::<metadata_request::MetadataRequestTopic>() + ALLOCATION_BYTES;
    let shape = check(3, 0, &body, needed).unwrap();
    assert_eq!(shape, Shape { body_bytes: 6, decoded_bytes: needed });
    let error = ShapeError::TooLarge { field: "topics", decoded_bytes: needed, max: needed - 1 };
    assert_eq!(check(3, 0, &body, needed - 1), Err(error));
}

#[test]
fn unknown_tags_are_counted() {
    // Metadata 9: null topics, three flags, one unknown tag.
    let body = [0, 0, 0, 0, 1, 9, 1, 0xff];
    assert_eq!(judge(shapes::find(3).unwrap(), 9, &body).unwrap().decoded_bytes, 592);
}

#[test]
fn what_the_encoding_forbids_is_refused() {
    let metadata = |version, body: &[u8]| judge(shapes::find(3).unwrap(), version, body);
    let short = ShapeError::Null { field: "topics" };
    assert_eq!(metadata(0, &[0xff; 4]), Err(short));
    assert!(metadata(1, &[0xff; 4]).is_ok());
    let length = ShapeError::Length { field: "topics", length: -2, left: 0 };
    assert_eq!(metadata(1, &[0xff, 0xff, 0xff, 0xfe]), Err(length));
    let varint = ShapeError::Varint { field: "topics" };
    assert_eq!(metadata(9, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0, 0, 0, 0]), Err(varint.clone()));
    assert_eq!(metadata(9, &[0xff, 0xff, 0xff, 0xff, 0x10, 0, 0, 0, 0, 0]), Err(varint));
    let tag = ShapeError::Tag { field: "Metadata", tag: 3 };
    assert_eq!(metadata(9, &[1, 0, 0, 0, 2, 3, 0, 3, 0]), Err(tag));
    assert_eq!(check(3, 14, &[], 0), Err(ShapeError::Unknown { key: 3, version: 14 }));
    assert_eq!(check(4, 0, &[], 0), Err(ShapeError::Unknown { key: 4, version: 0 }));
    assert_eq!(check(-1, 0, &[], 0), Err(ShapeError::Unknown { key: -1, version: 0 }));
}

#[test]
fn a_known_tag_must_be_of_this_version_and_take_what_it_says() {
    let fetch = |version, tags: &[u8]| {
        let mut body = vec![0; if version < 15 { 25 } else { 21 }];
        body.extend_from_slice(&[1, 1, 1]);
        body.extend_from_slice(tags);
        judge(shapes::find(1).unwrap(), version, &body)
    };
    let state = [1, 1, 13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    assert!(fetch(15, &state).is_ok());
    assert_eq!(fetch(14, &state), Err(ShapeError::Tag { field: "replica_state", tag: 1 }));
    let too_long = [1, 0, 3, 2, b'a', b'b'];
    assert_eq!(fetch(15, &too_long), Err(ShapeError::TagLength { field: "cluster_id", left: 1 }));
}

#[test]
fn a_string_of_more_than_32767_bytes_is_refused() {
    let mut body = vec![0x80, 0x80, 0x02];
    body.resize(3 + 0x7fff, b'a');
    body.extend_from_slice(&[0, 0, 0]);
    // FindCoordinator 3: a key, its type, no tags.
    assert!(check(10, 3, &body, usize::MAX).is_ok());
    body[0] = 0x81;
    assert!(matches!(check(10, 3, &body, usize::MAX), Err(ShapeError::Length { .. })));
}

/// Returns the bytes on the wire and in memory of the struct's fields, with strings of eight
/// letters and arrays of one element.
fn ordinary(fields: &'static [Field], version: i16, flexible: bool) -> (usize, usize) {
    let one = |scalar: Scalar| match (scalar.fixed_bytes(), flexible) {
        (Some(n), _) => n,
        (None, true) => 9,
        (None, false) if scalar == Scalar::String => 10,
        (None, false) => 12,
    };
    let count = if flexible { 1 } else { 4 };
    let (mut wire, mut memory) = (usize::from(flexible), 0);
    for field in fields.iter().filter(|f| f.tagged().is_none() && f.is_in(version)) {
        let (w, m) = match field.kind {
            FieldType::One(scalar) => (one(scalar), 0),
            FieldType::Group(of) => ordinary(of, version, flexible),
            FieldType::List(scalar) => {
                (count + one(scalar), listed_bytes(scalar) + ALLOCATION_BYTES)
            }
            FieldType::Array { of, element_bytes } => {
                let (w, m) = ordinary(of, version, flexible);
                (count + w, m + element_bytes + ALLOCATION_BYTES)
            }
        };
        wire += w;
        memory += m;
    }
    (wire, memory)
}

/// Returns the same for one element of a field that holds many.
fn ordinary_element(field: &Field, version: i16, flexible: bool) -> Option<(usize, usize)> {
    match field.kind {
        FieldType::List(scalar) => Some((scalar.fixed_bytes().unwrap_or(9), listed_bytes(scalar))),
        FieldType::Array { of, element_bytes } => {
            let (wire, memory) = ordinary(of, version, flexible);
            Some((wire, memory + element_bytes))
        }
        _ => None,
    }
}

#[test]
fn ordinary_requests_of_any_length_are_within_the_limit() {
    for (request, _, version) in each() {
        let flexible = request.is_flexible(version);
        for field in request.fields.iter().filter(|f| f.is_in(version)) {
            if let Some((wire, memory)) = ordinary_element(field, version, flexible) {
                assert!(memory <= 24 * wire, "{} {version} {}", request.name, field.name);
            }
        }
    }
    assert_eq!(decoded_bytes_max(0), 1 << 20);
    assert_eq!(decoded_bytes_max(usize::MAX), 32 << 20);
}
