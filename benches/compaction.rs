//! Compaction: `cargo bench --bench compaction`.
//!
//! How fast one pass goes over a log and what memory it takes for how many keys; and what clients
//! notice of a cleaner that never rests, with a broker of its own process, the same load and the
//! cleaner off beside it. `OTTLA_BENCH_KEYS` says how many keys (10,000,000).

#[path = "common/broker.rs"]
mod broker;
#[path = "common/data.rs"]
#[allow(dead_code, reason = "batches have keys here")]
mod data;
#[path = "common/log.rs"]
#[allow(dead_code, reason = "topics are compacted here, and batches are not checked")]
mod log;
#[path = "common/proc.rs"]
#[allow(dead_code, reason = "others count more")]
mod proc;
#[path = "common/wire.rs"]
#[allow(dead_code, reason = "others ask more")]
mod wire;

use std::net::TcpStream;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ApiKey, CreateTopicsRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use ottla::config::choices::Cleanup;
use ottla::config::resolve::TopicConfig;
use ottla::log::admit::{Admitted, Rewrite};
use ottla::log::compaction::cleanable::CleanableRange;
use ottla::log::compaction::{CompactionPass, PassConfig};
use ottla::storage::batch::{BatchView, Codec};
use ottla::storage::batch_builder::BatchBuilder;
use ottla::storage::codec::DEFAULT_LEVEL;
use ottla::storage::disk::OsDisk;

use crate::data::NOW;

/// Bytes of each value.
const VALUE: usize = 100;
/// Records of each batch.
const BATCH: u64 = 500;

/// A batch of the keys from `first` on, modulo `keys`.
fn keyed(first: u64, keys: u64, codec: Codec, now: i64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(first);
    let mut builder = BatchBuilder::new(0, now).compressed(codec, DEFAULT_LEVEL);
    for n in first..first + BATCH {
        // Neighbours in the log are no neighbours in their order.
        let key = (n % keys).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        builder.push(Some(&key), Some(&data::words(&mut rng, VALUE)), &[], now);
    }
    builder.finish()
}

/// Every key twice, then passes until all is clean.
fn pass(keys: u64, codec: Codec, map_bytes: usize) {
    let dir = tempfile::tempdir().unwrap();
    let config = Arc::new(TopicConfig {
        cleanup: Cleanup { delete: false, compact: true },
        segment_bytes: 256 << 20,
        ..TopicConfig::default()
    });
    let mut log = log::open(dir.path(), config.clone());
    for first in (0..keys * 2).step_by(BATCH as usize) {
        let bytes = keyed(first, keys, codec, NOW);
        let batch = BatchView::first(&bytes).unwrap();
        let admitted = Admitted { batch, max_timestamp: NOW, rewrite: Rewrite::AsItCame };
        log.append(log::STILL, &admitted).unwrap();
    }
    log.roll(log::STILL).unwrap();
    if let Some(flush) = log.flush_due() {
        flush.run().unwrap();
    }
    let before = log.view().log_bytes();
    let rss = proc::status_kib(std::process::id(), "VmRSS");
    let (mut most, mut calls, mut passes) = (rss, 0, 0);
    let throttler = &mut |_| {
        calls += 1;
        if calls % 256 == 0 {
            most = most.max(proc::status_kib(std::process::id(), "VmRSS"));
        }
        ControlFlow::Continue(())
    };
    let (mut cleaned, mut read) = (None, 0);
    let begun = Instant::now();
    loop {
        let view = log.view();
        let range = CleanableRange::of(&view, &config, cleaned, NOW).unwrap();
        if range.first_uncleanable <= range.first_dirty {
            break;
        }
        let pass_config =
            PassConfig { map_bytes, map_load: 0.9, buffer_bytes: 512 << 10, now_wall_ms: NOW };
        let last = log.producers().last_written();
        let disk = Arc::new(OsDisk);
        let mut pass = CompactionPass::begin(
            disk,
            &view,
            config.clone(),
            &range,
            last,
            pass_config,
            throttler,
        )
        .unwrap();
        while let Some(swap) = pass.next(&dir.path().join("log-0"), throttler).unwrap() {
            assert!(log.begin_swap(&swap));
            swap.run().unwrap();
            for old in log.finish_swap(swap) {
                old.remove_retired().unwrap();
            }
        }
        cleaned = Some(pass.cleaned_to);
        read += pass.stats.read_bytes;
        passes += 1;
    }
    let taken = begun.elapsed().as_secs_f64();
    let after = log.view().log_bytes();
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "{codec:?}: {keys} keys, a table of {} MiB at most: {passes} passes over {} MiB, which became {} MiB, \
         in {taken:.1} s: {:.0} MB/s of dirty log, {:.0} MB/s read; {} MiB more memory at most",
        map_bytes >> 20,
        mib(before),
        mib(after),
        before as f64 / 1e6 / taken,
        read as f64 / 1e6 / taken,
        (most - rss) >> 10,
    );
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn create(address: &str, topic: &str, configs: &[(&str, &str)]) {
    let config = |(name, value): &(&str, &str)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let topic = CreatableTopic::default()
        .with_name(TopicName(text(topic)))
        .with_num_partitions(1)
        .with_replication_factor(1)
        .with_configs(configs.iter().map(config).collect());
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let mut stream = TcpStream::connect(address).unwrap();
    wire::call(&mut stream, &wire::frame(ApiKey::CreateTopics, 7, &request)).unwrap();
}

fn produce(topic: &str, records: Vec<u8>) -> Vec<u8> {
    let data = PartitionProduceData::default().with_records(Some(Bytes::from(records)));
    let topic = TopicProduceData::default()
        .with_name(TopicName(text(topic)))
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    wire::frame(ApiKey::Produce, 9, &request)
}

/// Write to a compacted topic at a steady rate, and measure produce → ack on another.
fn beside(cleaner: bool, seconds: u64) -> (f64, f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let enable = format!("log.cleaner.enable={cleaner}");
    let set = [enable.as_str(), "log.cleaner.backoff.ms=0", "log.cleaner.min.cleanable.ratio=0.01"];
    let broker = broker::Broker::start(dir.path(), &set);
    let compacted = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "33554432"),
        ("file.delete.delay.ms", "0"),
    ];
    create(&broker.address, "compacted", &compacted);
    create(&broker.address, "probe", &[]);
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (over, address) = (over.clone(), broker.address.clone());
        let frames: Vec<Vec<u8>> = (0..64)
            .map(|n| produce("compacted", keyed(n * BATCH, 20_000, Codec::None, now())))
            .collect();
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            for frame in frames.iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                wire::call(&mut stream, frame).unwrap();
                // Some 20 MB a second.
                std::thread::sleep(Duration::from_millis(3));
            }
        })
    };
    let mut builder = BatchBuilder::new(0, now());
    builder.push(None, Some(&[b'x'; 100]), &[], now());
    let frame = produce("probe", builder.finish());
    let mut stream = TcpStream::connect(&broker.address).unwrap();
    stream.set_nodelay(true).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let cpu = proc::Cpu::of(broker.pid());
    let begun = Instant::now();
    let mut taken = Vec::new();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let sent = Instant::now();
        wire::call(&mut stream, &frame).unwrap();
        taken.push(sent.elapsed().as_secs_f64() * 1e6);
        std::thread::sleep(Duration::from_millis(1).saturating_sub(sent.elapsed()));
    }
    let busy = proc::Cpu::of(broker.pid()).since(cpu).seconds() / begun.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    taken.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize];
    (at(0.5), at(0.99), busy)
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

fn main() {
    let keys = std::env::var("OTTLA_BENCH_KEYS").ok().and_then(|keys| keys.parse().ok());
    let keys = keys.unwrap_or(10_000_000);
    pass(keys, Codec::None, 1 << 30);
    pass(keys, Codec::None, 128 << 20);
    pass(keys / 10, Codec::Lz4, 128 << 20);
    pass(keys / 10, Codec::Zstd, 128 << 20);
    println!("beside a steady 20 MB/s into a compacted topic, produce → ack elsewhere, µs:");
    for round in 0..3 {
        let (p50, p99, cpu) = beside(false, 15);
        let (with_p50, with_p99, with_cpu) = beside(true, 15);
        println!(
            "{round}: without the cleaner p50 {p50:.0} p99 {p99:.0} ({:.0} % of a processor), \
             with it p50 {with_p50:.0} p99 {with_p99:.0} ({:.0} %): p99 × {:.2}",
            cpu * 100.0,
            with_cpu * 100.0,
            with_p99 / p99,
        );
    }
}
