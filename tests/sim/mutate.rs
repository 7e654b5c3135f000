//! Mutations of requests: what damage and malice do to bytes.

use fastrand::Rng;

/// A request may grow by this much and no more, whatever is duplicated.
pub const GROWTH: usize = 4096;

/// Numbers that length fields and counts should be afraid of.
const EXTREMES: [i64; 14] = [
    0,
    1,
    -1,
    -2,
    0x7f,
    0xff,
    0x7fff,
    -0x8000,
    0xffff,
    0x7fff_ffff,
    -0x8000_0000,
    0x00ff_ffff,
    0x3fff_ffff,
    i64::MAX,
];

/// Damage `bytes` in one to four ways. `other` is a request to splice with.
pub fn mutate(rng: &mut Rng, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let limit = bytes.len().max(other.len()) + GROWTH;
    let mut out = bytes.to_vec();
    for _ in 0..rng.usize(1..=4) {
        match rng.u8(0..9) {
            0 => flip_bits(rng, &mut out),
            1 => fixed_extreme(rng, &mut out),
            2 => varint_extreme(rng, &mut out),
            3 => out.truncate(rng.usize(0..=out.len())),
            4 => splice(rng, &mut out, other),
            5 => duplicate(rng, &mut out),
            6 => remove(rng, &mut out),
            7 => overwrite(rng, &mut out),
            _ => out.extend((0..rng.usize(1..64)).map(|_| rng.u8(..))),
        }
        out.truncate(limit);
    }
    out
}

/// A huge array count at `at`, as 32 bits or as a varint: the shapes that counts have.
pub fn with_huge_count(bytes: &[u8], at: usize, compact: bool) -> Vec<u8> {
    let at = at.min(bytes.len());
    let count: &[u8] = if compact { b"\xff\xff\xff\xff\x0f" } else { b"\x7f\xff\xff\xff" };
    let replaced = if compact { 1 } else { 4 };
    let rest = bytes.get(at + replaced..).unwrap_or(&[]);
    [&bytes[..at], count, rest].concat()
}

/// The bytes behind their length, as a frame; now and then the length lies.
pub fn framed(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let honest = bytes.len() as i32;
    let length = match rng.u8(0..60) {
        0 => rng.i32(..),
        1 => i32::MAX,
        2 => -1,
        3 => honest + rng.i32(1..5),
        4 => honest - rng.i32(1..5),
        _ => honest,
    };
    [&length.to_be_bytes(), bytes].concat()
}

fn place(rng: &mut Rng, bytes: &[u8]) -> usize {
    rng.usize(0..=bytes.len())
}

fn flip_bits(rng: &mut Rng, bytes: &mut [u8]) {
    for _ in 0..rng.usize(1..8) {
        if !bytes.is_empty() {
            bytes[rng.usize(..bytes.len())] ^= 1 << rng.u8(0..8);
        }
    }
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    for (to, from) in bytes[at..].iter_mut().zip(what) {
        *to = *from;
    }
}

fn fixed_extreme(rng: &mut Rng, bytes: &mut [u8]) {
    let value = EXTREMES[rng.usize(..EXTREMES.len())];
    let at = place(rng, bytes);
    match rng.u8(0..4) {
        0 => put(bytes, at, &(value as i16).to_be_bytes()),
        1 => put(bytes, at, &value.to_be_bytes()),
        _ => put(bytes, at, &(value as i32).to_be_bytes()),
    }
}

/// In the place of one byte, as a real count or length would stand.
fn varint_extreme(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let mut value = EXTREMES[rng.usize(..EXTREMES.len())] as u64;
    if rng.bool() {
        value &= 0xffff_ffff;
    }
    let mut varint = Vec::new();
    while value >= 0x80 {
        varint.push(value as u8 | 0x80);
        value >>= 7;
    }
    varint.push(value as u8);
    let at = place(rng, bytes);
    let end = (at + 1).min(bytes.len());
    bytes.splice(at..end, varint);
}

fn splice(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let (cut, from) = (place(rng, bytes), place(rng, other));
    bytes.truncate(cut);
    bytes.extend(&other[from..]);
}

fn duplicate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let from = place(rng, bytes);
    let to = rng.usize(from..=bytes.len().min(from + 200));
    let stretch = bytes[from..to].to_vec();
    let times = rng.usize(1..6);
    bytes.splice(to..to, stretch.repeat(times));
}

fn remove(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let from = place(rng, bytes);
    let to = rng.usize(from..=bytes.len().min(from + 20));
    bytes.drain(from..to);
}

fn overwrite(rng: &mut Rng, bytes: &mut [u8]) {
    let at = place(rng, bytes);
    let noise: Vec<u8> = (0..rng.usize(1..16)).map(|_| rng.u8(..)).collect();
    put(bytes, at, &noise);
}

#[test]
fn one_seed_gives_one_mutation() {
    let run = |seed| mutate(&mut Rng::with_seed(seed), &[7; 100], &[9; 50]);
    assert!((0..100).all(|seed| run(seed) == run(seed)));
    assert!((0..100).any(|seed| run(seed) != run(seed + 1)));
}

#[test]
fn mutations_of_anything_end_and_stay_within_their_growth() {
    let mut rng = Rng::with_seed(1);
    for len in [0, 1, 2, 5, 100, 3000] {
        let bytes = vec![3; len];
        for _ in 0..2000 {
            let out = mutate(&mut rng, &bytes, &[4; 300]);
            assert!(out.len() <= len.max(300) + GROWTH);
        }
    }
}

#[test]
fn most_mutations_change_something() {
    let mut rng = Rng::with_seed(2);
    let bytes: Vec<u8> = (0..200).collect();
    let same = (0..1000).filter(|_| mutate(&mut rng, &bytes, &bytes) == bytes).count();
    assert!(same < 60, "{same} of 1000 are unchanged");
}

#[test]
fn a_huge_count_stands_where_it_was_put() {
    let bytes = [1, 2, 3, 4, 5, 6];
    assert_eq!(with_huge_count(&bytes, 1, false), [1, 0x7f, 0xff, 0xff, 0xff, 6]);
    assert_eq!(with_huge_count(&bytes, 4, true), [1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff, 0x0f, 6]);
    assert_eq!(with_huge_count(&bytes, 9, false).len(), 10);
}

#[test]
fn most_frames_tell_their_true_length() {
    let mut rng = Rng::with_seed(3);
    let honest = |frame: Vec<u8>| frame[..4] == 6_i32.to_be_bytes();
    let n = (0..600).filter(|_| honest(framed(&mut rng, b"abcdef"))).count();
    assert!((500..590).contains(&n), "{n} of 600");
}
