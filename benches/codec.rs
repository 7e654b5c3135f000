//! Decoding requests and encoding responses: `cargo bench --bench codec`.
//!
//! The messages of `src/protocol`, whose decoder bounds what it allocates, against the
//! kafka-protocol crate's. The crate's decoder trusts every count, so a broker would have to check
//! requests before it; the baseline is without such a check, and thus faster than anything that
//! could be used. Allocations are counted by valgrind, where it is installed: a run that makes no
//! calls beside one that makes some.

#[path = "common/timing.rs"]
mod timing;

use std::hint::black_box;
use std::process::Command;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use ottla::protocol::decoder::decoded_bytes_max;
use ottla::protocol::message::{Message, Request};
use ottla::protocol::messages::{
    fetch_request, metadata_request, metadata_response, offset_commit_request, produce_request,
};
use uuid::Uuid;

/// Calls that valgrind counts the allocations of.
const COUNTED_CALLS: u32 = 100;

type Work = Box<dyn Fn()>;

/// One message, and the ways to work on it: the first is the baseline.
struct Case {
    name: &'static str,
    bytes: usize,
    ways: Vec<(&'static str, Work)>,
}

fn name(i: usize) -> StrBytes {
    StrBytes::from_string(format!("topic-name-{i}"))
}

fn encoded(message: &impl Message, version: i16) -> Bytes {
    let mut body = BytesMut::new();
    message.encode_to(&mut body, version).unwrap();
    body.freeze()
}

fn decoding<Ours: Request, Theirs: Decodable>(
    name: &'static str,
    message: &Ours,
    version: i16,
) -> Case {
    let ours = encoded(message, version);
    let (theirs, bytes) = (ours.clone(), ours.len());
    let max = decoded_bytes_max(bytes);
    let theirs = move || drop(black_box(Theirs::decode(&mut theirs.clone(), version).unwrap()));
    let ours = move || drop(black_box(Ours::decode_from(&ours, version, max).unwrap()));
    Case { name, bytes, ways: vec![("crate", Box::new(theirs)), ("bounded", Box::new(ours))] }
}

fn encoding<Ours: Message + 'static, Theirs: Decodable + Encodable + 'static>(
    name: &'static str,
    ours: Ours,
    version: i16,
) -> Case {
    let body = encoded(&ours, version);
    let bytes = body.len();
    let theirs = Theirs::decode(&mut body.clone(), version).unwrap();
    let theirs = move || {
        let mut out = BytesMut::with_capacity(bytes);
        theirs.encode(&mut out, version).unwrap();
        black_box(&out);
    };
    let ours = move || {
        let mut out = BytesMut::with_capacity(bytes);
        ours.encode_to(&mut out, version).unwrap();
        black_box(&out);
    };
    Case { name, bytes, ways: vec![("crate", Box::new(theirs)), ("from schemas", Box::new(ours))] }
}

fn produce(partitions: usize) -> produce_request::ProduceRequest {
    let records = Some(Bytes::from(vec![7; 200]));
    let of = |i| {
        produce_request::PartitionProduceData::default()
            .with_index(i as i32)
            .with_records(records.clone())
    };
    let topic = produce_request::TopicProduceData::default()
        .with_name(name(0))
        .with_partition_data((0..partitions).map(of).collect());
    produce_request::ProduceRequest::default().with_topic_data(vec![topic])
}

fn fetch(partitions: usize) -> fetch_request::FetchRequest {
    let of = |i| fetch_request::FetchPartition::default().with_partition(i as i32);
    let topics = (0..partitions.div_ceil(10)).map(|i| {
        fetch_request::FetchTopic::default()
            .with_topic_id(Uuid::from_u128(i as u128 + 1))
            .with_partitions((0..partitions.min(10)).map(of).collect())
    });
    fetch_request::FetchRequest::default().with_topics(topics.collect())
}

fn metadata(topics: usize) -> metadata_request::MetadataRequest {
    let of = |i| metadata_request::MetadataRequestTopic::default().with_name(Some(name(i)));
    metadata_request::MetadataRequest::default().with_topics(Some((0..topics).map(of).collect()))
}

fn metadata_answer(topics: usize) -> metadata_response::MetadataResponse {
    let partition = metadata_response::MetadataResponsePartition::default()
        .with_leader_id(1)
        .with_replica_nodes(vec![1])
        .with_isr_nodes(vec![1]);
    let of = |i| {
        metadata_response::MetadataResponseTopic::default()
            .with_name(Some(name(i)))
            .with_topic_id(Uuid::from_u128(i as u128 + 1))
            .with_partitions(vec![partition.clone()])
    };
    metadata_response::MetadataResponse::default().with_topics((0..topics).map(of).collect())
}

fn commit(partitions: usize) -> offset_commit_request::OffsetCommitRequest {
    let of = |i| {
        offset_commit_request::OffsetCommitRequestPartition::default()
            .with_partition_index(i as i32)
            .with_committed_metadata(Some(StrBytes::from_static_str("")))
    };
    let topic = offset_commit_request::OffsetCommitRequestTopic::default()
        .with_name(name(0))
        .with_partitions((0..partitions).map(of).collect());
    offset_commit_request::OffsetCommitRequest::default().with_topics(vec![topic])
}

fn cases() -> Vec<Case> {
    use theirs::{FetchRequest, MetadataRequest, OffsetCommitRequest, ProduceRequest};
    vec![
        decoding::<_, ProduceRequest>("Produce, 1 partition", &produce(1), 12),
        decoding::<_, ProduceRequest>("Produce, 100 partitions", &produce(100), 12),
        decoding::<_, FetchRequest>("Fetch, incremental", &fetch(0), 17),
        decoding::<_, FetchRequest>("Fetch, 1 partition", &fetch(1), 17),
        decoding::<_, FetchRequest>("Fetch, 1,000 partitions", &fetch(1000), 17),
        decoding::<_, MetadataRequest>("Metadata, 1,000 topics", &metadata(1000), 13),
        decoding::<_, OffsetCommitRequest>("OffsetCommit, 100", &commit(100), 9),
        encoding::<_, theirs::MetadataResponse>(
            "Metadata answer, 1,000 topics",
            metadata_answer(1000),
            13,
        ),
    ]
}

/// Returns how many allocations valgrind counts in a run of this program that makes `calls` calls.
fn allocations(case: usize, way: usize, calls: u32) -> Option<u64> {
    let program = std::env::current_exe().ok()?;
    let run = Command::new("valgrind")
        .arg("--leak-check=no")
        .arg(program)
        .args([case.to_string(), way.to_string(), calls.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&run.stderr);
    let (_, usage) = report.split_once("total heap usage: ")?;
    usage.split_once(" allocs")?.0.replace(',', "").parse().ok()
}

fn main() {
    let cases = cases();
    let numbers: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    if let [case, way, calls] = numbers[..] {
        return (0..calls).for_each(|_| cases[case].ways[way].1());
    }
    timing::head();
    for case in &cases {
        let mut baseline_ns = None;
        for (what, work) in &case.ways {
            let ns = timing::ns(work);
            let baseline_ns = *baseline_ns.get_or_insert(ns);
            timing::line(&format!("{}: {what}", case.name), ns, case.bytes, baseline_ns);
        }
    }
    println!("{:44} {:>12}", "", "allocations");
    for (index, case) in cases.iter().enumerate() {
        for (way, (what, _)) in case.ways.iter().enumerate() {
            let of = |calls| allocations(index, way, calls);
            let count = of(0).zip(of(COUNTED_CALLS)).map_or("-".to_owned(), |(none, some)| {
                format!("{:.1}", (some - none) as f64 / f64::from(COUNTED_CALLS))
            });
            println!("{:44} {count:>12}", format!("{}: {what}", case.name));
        }
    }
}
