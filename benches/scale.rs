//! Many partitions on one machine: `cargo bench --bench scale`.
//!
//! 1,000 topics of 10 partitions are created in one request and written to; memory, descriptors
//! and the answers that tell of all of them are measured, then starts after a clean stop and
//! after `kill -9`, with one segment in each partition and with several. After `--`:
//! `--topics N` (default 1000), `--partitions N` (default 10), `--segments N` (default 3), how
//! many segments each partition has in the end.

#[path = "common/broker.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod broker;
#[path = "common/proc.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod proc;
#[path = "common/started.rs"]
mod started;
#[path = "common/wire.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod wire;

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{
    ApiKey, BrokerId, DescribeConfigsRequest, DescribeConfigsResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::proc::{Cpu, descriptors, status_kib};
use crate::started::{METADATA_VERSION, Started, start};

/// How often an answer is measured.
const ROUNDS: usize = 21;
/// Topics in one produce request: the bench's frames stay small.
const TOPICS_A_REQUEST: usize = 100;
const TOPIC_RESOURCE: i8 = 2;

/// What is there.
struct Scale {
    names: Vec<String>,
    partitions: i32,
    segments: usize,
}

fn line(what: &str, figure: f64, unit: &str, limit: Option<f64>) {
    let verdict = match limit {
        Some(limit) if figure <= limit => format!("(limit: {limit} {unit}) met"),
        Some(limit) => format!("(limit: {limit} {unit}) MISSED"),
        None => String::new(),
    };
    println!("{what:58} {figure:9.1} {unit:5} {verdict}");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let outcome = work();
    (begun.elapsed(), outcome)
}

fn footprint(what: &str, started: &Started) {
    let pid = started.pid();
    line(&format!("{what}: RSS"), status_kib(pid, "VmRSS") as f64 / 1024.0, "MiB", Some(150.0));
    line(&format!("{what}: peak RSS"), status_kib(pid, "VmHWM") as f64 / 1024.0, "MiB", None);
    line(&format!("{what}: open descriptors"), descriptors(pid) as f64, "", None);
}

/// Ask the same again and again, and print the median and the worst.
fn answers(what: &str, address: &str, frame: &[u8], limit: Option<f64>, check: impl Fn(Vec<u8>)) {
    let mut stream = TcpStream::connect(address).unwrap();
    let (first, answer) = timed(|| wire::call(&mut stream, frame).unwrap());
    let bytes = answer.len();
    check(answer);
    line(&format!("{what}, first"), ms(first), "ms", None);
    let times = (0..ROUNDS).map(|_| timed(|| wire::call(&mut stream, frame).unwrap()).0);
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    line(&format!("{what} ({} KiB), median", bytes >> 10), ms(times[ROUNDS / 2]), "ms", limit);
    line(&format!("{what}, worst of {ROUNDS}"), ms(times[ROUNDS - 1]), "ms", None);
}

fn name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

impl Scale {
    fn all(&self) -> usize {
        self.names.len() * self.partitions as usize
    }

    fn produce(&self, address: &str) -> Duration {
        timed(|| {
            for names in self.names.chunks(TOPICS_A_REQUEST) {
                wire::produce_everywhere(address, names, self.partitions);
            }
        })
        .0
    }

    fn metadata(&self, address: &str) {
        let request = MetadataRequest::default().with_topics(None);
        let frame = wire::frame(ApiKey::Metadata, METADATA_VERSION, &request);
        answers("Metadata of all topics", address, &frame, Some(20.0), |answer| {
            let response: MetadataResponse =
                wire::decode(ApiKey::Metadata, METADATA_VERSION, answer);
            let partitions: usize = response.topics.iter().map(|t| t.partitions.len()).sum();
            assert_eq!(partitions, self.all());
        });
    }

    /// The end of every partition: every log must be open for that.
    fn list_offsets(&self, address: &str, records: i64) {
        let topics = self.names.iter().map(|topic| {
            let partition = |index| {
                ListOffsetsPartition::default().with_partition_index(index).with_timestamp(-1)
            };
            ListOffsetsTopic::default()
                .with_name(name(topic))
                .with_partitions((0..self.partitions).map(partition).collect())
        });
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(topics.collect());
        let frame = wire::frame(ApiKey::ListOffsets, 7, &request);
        answers("ListOffsets of all partitions", address, &frame, None, |answer| {
            let response: ListOffsetsResponse = wire::decode(ApiKey::ListOffsets, 7, answer);
            for partition in response.topics.iter().flat_map(|topic| &topic.partitions) {
                assert_eq!((partition.error_code, partition.offset), (0, records));
            }
        });
    }

    fn describe_configs(&self, address: &str) {
        let resources = self.names.iter().map(|topic| {
            DescribeConfigsResource::default()
                .with_resource_type(TOPIC_RESOURCE)
                .with_resource_name(StrBytes::from_string(topic.clone()))
        });
        let request = DescribeConfigsRequest::default().with_resources(resources.collect());
        let frame = wire::frame(ApiKey::DescribeConfigs, 4, &request);
        answers("DescribeConfigs of all topics", address, &frame, None, |answer| {
            let response: DescribeConfigsResponse =
                wire::decode(ApiKey::DescribeConfigs, 4, answer);
            assert!(response.results.iter().all(|result| result.error_code == 0));
        });
    }

    fn started(&self, dir: &Path, what: &str, limit_ms: f64) -> Started {
        let started = start(dir, SET);
        assert_eq!(started.partitions, self.all());
        line(&format!("exec to Metadata {what}"), ms(started.elapsed), "ms", Some(limit_ms));
        let cpu = Cpu::of(started.pid()).seconds() * 1e3;
        line("  of that, the broker's processor time", cpu, "ms", None);
        footprint(&format!("  {what}"), &started);
        started
    }

    /// Stop and start, kill and start: all limits of the issue.
    fn restarts(&self, dir: &Path, mut started: Started, records: i64, with: &str) -> Started {
        let (stop, ()) = timed(|| started.stop());
        line(&format!("clean stop, {with}"), ms(stop), "ms", None);
        started = self.started(dir, &format!("after a clean stop, {with}"), 1000.0);
        self.list_offsets(&started.address, records);
        footprint("  all logs open", &started);
        started.kill();
        started = self.started(dir, &format!("after kill -9, {with}"), 5000.0);
        self.list_offsets(&started.address, records);
        started
    }
}

/// A segment as soon as a batch is a moment later than the first of the one before.
const SET: &[&str] = &["log.roll.ms=1"];

fn measure(scale: &Scale) {
    let dir = tempfile::tempdir().unwrap();
    let mut started = start(dir.path(), SET);
    let (created, ()) =
        timed(|| wire::create_topics(&started.address, &scale.names, scale.partitions));
    line("CreateTopics, all in one request", ms(created), "ms", Some(2000.0));
    footprint("created", &started);
    scale.metadata(&started.address);
    scale.describe_configs(&started.address);
    line("the first record to every partition", ms(scale.produce(&started.address)), "ms", None);
    footprint("a record in each", &started);
    line("a second one", ms(scale.produce(&started.address)), "ms", None);
    scale.list_offsets(&started.address, 2);
    scale.metadata(&started.address);
    footprint("in use", &started);
    started = scale.restarts(dir.path(), started, 2, "few segments");
    for _ in 2..scale.segments {
        scale.produce(&started.address);
    }
    let records = scale.segments.max(2) as i64;
    footprint("more segments", &started);
    started = scale.restarts(dir.path(), started, records, "more segments");
    started.stop();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let (mut topics, mut partitions, mut segments) = (1000, 10, 3);
    for pair in arguments.chunks(2) {
        match (pair[0].as_str(), pair.get(1).and_then(|n| n.parse::<usize>().ok())) {
            ("--topics", Some(n)) => topics = n,
            ("--partitions", Some(n)) => partitions = n as i32,
            ("--segments", Some(n)) => segments = n,
            _ => {
                eprintln!("scale: --topics N, --partitions N and --segments N are known");
                std::process::exit(2);
            }
        }
    }
    let names = (0..topics).map(|n| format!("topic-{n:04}")).collect();
    println!("{topics} topics of {partitions} partitions");
    measure(&Scale { names, partitions, segments });
}
