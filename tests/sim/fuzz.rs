//! Real requests, damaged, and sound ones that are extreme, at a real broker: it goes on, it
//! answers, it does not grow.
//!
//! The broker is a process of its own: what would abort it, fill its memory or hang it is seen
//! from outside. Every request comes on a connection of its own that is closed for writing
//! behind it, so that the broker owes an answer or an end at once.

use std::ops::RangeInclusive;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;
use ottla::handlers::table::APIS;

use crate::batches::{batch, seal};
use crate::extreme;
use crate::fuzzed::{self, HANGS};
use crate::mutate::{framed, mutate, with_huge_count};
use crate::requests::{Request, Subject, produce_of, valid};
use crate::seeds::{Seeds, first_seeds, number, seeds};

/// `socket.request.max.bytes` of the broker under test.
const FRAME_BYTES: u64 = 1 << 20;
/// What the broker may hold at most while it is sent one damaged request after the other: what it
/// holds idle, and a multiple of the largest frame (see `protocol/decoder.rs`).
const PEAK_BYTES: u64 = (32 << 20) + 16 * FRAME_BYTES;
/// What it may hold while it is sent extreme requests, each of which it may have to carry out: the
/// whole memory of a small machine.
const EXTREME_PEAK_BYTES: u64 = 256 << 20;
/// How many extreme requests come between two of a client that behaves well.
const BETWEEN: usize = 10;
/// How many requests one broker sees before it is looked at.
const ROUND: usize = 400;

/// A broker that keeps nothing, and the topic that requests talk about.
struct Victim {
    child: Child,
    address: String,
    subject: Subject,
    dir: tempfile::TempDir,
}

impl Victim {
    fn start() -> Victim {
        let dir = tempfile::tempdir().expect("a directory");
        let ready = dir.path().join("ready");
        let said = std::fs::File::create(dir.path().join("said")).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_ottla"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--ready-file"])
            .arg(&ready)
            .args(["--set", &format!("socket.request.max.bytes={FRAME_BYTES}"), "--data-dir"])
            .arg(dir.path().join("data"))
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .expect("the broker");
        let begun = Instant::now();
        while !ready.exists() {
            assert!(child.try_wait().expect("a child").is_none(), "the broker did not start");
            assert!(begun.elapsed() < HANGS, "the broker does not become ready");
            std::thread::sleep(Duration::from_millis(2));
        }
        let address = std::fs::read_to_string(&ready).expect("an address").trim().to_owned();
        let mut victim = Victim { child, address, subject: Subject::new("t"), dir };
        victim.subject.topic_id = victim.create_topic();
        victim
    }

    /// Create the topic with two partitions, as its own request; gives its id.
    fn create_topic(&self) -> uuid::Uuid {
        let answer = self.ask(&crate::requests::create_subject(&self.subject).bytes);
        crate::requests::created_id(&answer)
    }

    /// Create the topic again if it was deleted.
    fn restore_topic(&mut self) {
        let id = self.create_topic();
        if !id.is_nil() {
            self.subject.topic_id = id;
        }
    }

    /// Send bytes and give all that comes back until the broker closes the connection.
    fn send(&self, bytes: &[u8]) -> Vec<u8> {
        fuzzed::request(&self.address, bytes)
    }

    /// Send one sound request; gives its answer without the length.
    fn ask(&self, request: &[u8]) -> Vec<u8> {
        let mut answer = self.send(&[&(request.len() as i32).to_be_bytes(), request].concat());
        assert!(answer.len() > 8, "a sound request is answered");
        answer.split_off(4)
    }

    /// It lives, it has not panicked, it answers, and it has not grown.
    fn check(&mut self) {
        self.check_within(PEAK_BYTES);
    }

    fn check_within(&mut self, peak_bytes: u64) {
        let said = std::fs::read_to_string(self.dir.path().join("said")).expect("readable");
        assert!(!said.contains("panicked"), "the broker panicked:\n{said}");
        assert!(self.child.try_wait().expect("a child").is_none(), "the broker died:\n{said}");
        let metadata = valid(3, 12, &self.subject).expect("a request");
        assert_eq!(self.ask(&metadata.bytes)[..4], 7_i32.to_be_bytes(), "its correlation id");
        let peak = self.peak_bytes();
        assert!(peak <= peak_bytes, "the broker grew to {peak} bytes; {peak_bytes} are allowed");
    }

    fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the broker's status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every API and version that is served.
fn served() -> impl Iterator<Item = (i16, i16)> {
    let of = |(key, versions): (i16, RangeInclusive<i16>)| versions.map(move |v| (key, v));
    APIS.iter().map(|api| (api.key, api.versions.clone())).flat_map(of)
}

fn request(key: i16, version: i16, subject: &Subject) -> Request {
    valid(key, version, subject).unwrap_or_else(|| panic!("no request of key {key} is known"))
}

/// A produce request that passes the CRC check with something wrong inside.
fn sealed_but_damaged(rng: &mut Rng, subject: &Subject) -> Request {
    let whole = batch(rng, 1_700_000_000_000, 300, None).encode();
    let mut bytes = mutate(rng, &whole, &whole);
    if bytes.len() >= 21 {
        seal(&mut bytes);
    }
    let version = rng.i16(3..=13);
    produce_of(version, subject, &[bytes])
}

#[test]
fn a_short_message_with_a_huge_count_anywhere_does_no_harm() {
    let mut victim = Victim::start();
    for (key, version) in served() {
        let sound = request(key, version, &victim.subject).bytes;
        for at in 8..sound.len() {
            for compact in [false, true] {
                let hostile = with_huge_count(&sound, at, compact);
                let length = (hostile.len() as i32).to_be_bytes();
                victim.send(&[&length, hostile.as_slice()].concat());
            }
        }
        victim.check();
    }
}

#[test]
fn a_sound_request_of_every_api_and_version_is_answered() {
    let mut victim = Victim::start();
    for (key, version) in served() {
        let sound = request(key, version, &victim.subject);
        assert_eq!(victim.ask(&sound.bytes)[..4], 7_i32.to_be_bytes(), "{key} v{version}");
    }
    victim.check();
}

/// As many seeds, or as many as `OTTLA_TEST_FUZZ_ROUNDS` says; only `OTTLA_SEED` if that is set.
fn rounds(default: u64) -> Seeds {
    first_seeds(number("OTTLA_TEST_FUZZ_ROUNDS").unwrap_or(default))
}

/// Every API in every version is asked for as much as its fields can say.
#[test]
fn extreme_requests_are_answered_or_refused_and_others_are_served_meanwhile() {
    let mut sent = 0;
    for round in rounds(1) {
        println!("round {round}: run it again with OTTLA_SEED={round}");
        let mut rng = Rng::with_seed(round);
        let mut victim = Victim::start();
        let mut all: Vec<(i16, i16)> = served().collect();
        rng.shuffle(&mut all);
        for some in all.chunks(BETWEEN) {
            for &(key, version) in some {
                // Most of them are small, so that many go as deep as they can.
                let bytes_max = [200, 3000, 60_000, FRAME_BYTES as usize / 2][rng.usize(..4)];
                let mut bytes =
                    extreme::request(&mut rng, key, version, &victim.subject, bytes_max);
                bytes.truncate(FRAME_BYTES as usize);
                victim.send(&[&(bytes.len() as i32).to_be_bytes(), bytes.as_slice()].concat());
                let (length, peak) = (bytes.len(), victim.peak_bytes() >> 20);
                println!("{key} v{version}, {length} bytes: a peak of {peak} MiB");
                sent += 1;
            }
            victim.check_within(EXTREME_PEAK_BYTES);
            victim.restore_topic();
        }
    }
    println!("{sent} extreme requests");
}

#[test]
fn a_long_name_above_many_small_things_is_not_repeated_beyond_bounds() {
    let mut victim = Victim::start();
    for (key, version) in served() {
        for depth in 0..3 {
            let bytes_max = FRAME_BYTES as usize / 2;
            let bytes = extreme::amplifying(key, version, &victim.subject, bytes_max, depth);
            victim.send(&[&(bytes.len() as i32).to_be_bytes(), bytes.as_slice()].concat());
            println!("{key} v{version} {depth}: a peak of {} MiB", victim.peak_bytes() >> 20);
        }
        victim.check_within(EXTREME_PEAK_BYTES);
        victim.restore_topic();
    }
}

#[test]
fn damaged_requests_do_no_damage() {
    let all: Vec<(i16, i16)> = served().collect();
    let mut sent = 0;
    for round in rounds(4) {
        println!("round {round}: run it again with OTTLA_SEED={round}");
        let mut rng = Rng::with_seed(round);
        let mut victim = Victim::start();
        for _ in 0..ROUND {
            let (key, version) = all[rng.usize(..all.len())];
            let (other_key, other_version) = all[rng.usize(..all.len())];
            let bytes = if rng.u8(0..4) == 0 {
                sealed_but_damaged(&mut rng, &victim.subject).bytes
            } else {
                let other = request(other_key, other_version, &victim.subject).bytes;
                let mut bytes = request(key, version, &victim.subject).bytes;
                // The head stays what it is most of the time, or nothing gets past it.
                let kept = if rng.u8(0..5) == 0 { 0 } else { 8 };
                let body = mutate(&mut rng, &bytes[kept..], &other[8..]);
                bytes.truncate(kept);
                bytes.extend(body);
                bytes
            };
            victim.send(&framed(&mut rng, &bytes));
            sent += 1;
        }
        victim.check();
    }
    println!("{sent} damaged requests");
}

/// Batches as clients make them, some with several in a row, as a segment has them.
fn batches_of(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut next = 0_i64;
    for _ in 0..rng.usize(1..5) {
        let batch = batch(rng, 1_700_000_000_000, 300, None);
        let mut encoded = batch.encode();
        encoded[..8].copy_from_slice(&next.to_be_bytes());
        next += batch.records.len() as i64;
        bytes.extend(encoded);
    }
    bytes
}

#[test]
fn damaged_batches_are_refused_or_are_whole() {
    for seed in seeds(500) {
        let mut rng = Rng::with_seed(seed);
        let whole = batch(&mut rng, 1_700_000_000_000, 300, None).encode();
        fuzzed::admission(&whole);
        let other = batches_of(&mut rng);
        fuzzed::admission(&mutate(&mut rng, &whole, &other));
    }
}

#[test]
fn a_damaged_segment_is_recovered_to_the_same_again_and_again() {
    for seed in seeds(300) {
        let mut rng = Rng::with_seed(seed);
        let (whole, other) = (batches_of(&mut rng), batches_of(&mut rng));
        fuzzed::recovery(&whole);
        fuzzed::recovery(&mutate(&mut rng, &whole, &other));
    }
}

/// The seeds of `fuzz/`, which `fuzz/run` has written: what the tests above damage.
#[test]
#[ignore = "writes files: fuzz/run asks for them with OTTLA_TEST_CORPUS"]
fn the_corpus_of_the_fuzz_targets_is_written() {
    let corpus = std::env::var("OTTLA_TEST_CORPUS").expect("OTTLA_TEST_CORPUS is a directory");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let dir = std::path::Path::new(&corpus).join(target);
        std::fs::create_dir_all(&dir).expect("a directory");
        std::fs::write(dir.join(name), bytes).expect("a file");
    };
    // The topic of the target has an id of its own: what names a topic by its id finds none.
    let subject = Subject::new("t");
    for (key, version) in served() {
        let bytes = request(key, version, &subject).bytes;
        let framed = [&(bytes.len() as i32).to_be_bytes(), bytes.as_slice()].concat();
        write("request", &format!("{key}-{version}"), &framed);
    }
    for seed in 0..100 {
        let mut rng = Rng::with_seed(seed);
        let one = batch(&mut rng, 1_700_000_000_000, 300, None).encode();
        write("admission", &seed.to_string(), &one);
        write("recovery", &seed.to_string(), &batches_of(&mut rng));
    }
}
