//! OffsetCommit at a steady pace, beside a produce load.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, GroupId, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse, ProduceRequest, ProduceResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use ottla::storage::batch_builder::BatchBuilder;

use crate::broker::Broker;
use crate::connection::Connection;
use crate::proc::{Cpu, status_kib};
use crate::wire;

const CONNECTIONS: usize = 50;
const PER_SECOND: u32 = 10_000;
const BATCH_BYTES: usize = 64 * 1024;
const PRODUCERS: usize = 4;
const COMMITTED: &str = "orders";
const LOADED: &str = "load";

/// A commit to these partitions of a topic, by a consumer that assigns itself.
pub fn request(topic: &str, partitions: Range<i32>, offset: i64) -> OffsetCommitRequest {
    let partition = |index| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
    };
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(partitions.map(partition).collect());
    OffsetCommitRequest::default().with_generation_id_or_member_epoch(-1).with_topics(vec![topic])
}

/// All partitions were committed.
pub fn check(answer: &OffsetCommitResponse) {
    let mut all = answer.topics.iter().flat_map(|topic| &topic.partitions);
    assert!(all.all(|partition| partition.error_code == 0), "{answer:?}");
}

/// What is asked at a steady pace.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// OffsetCommit.
    Commit,
    /// OffsetFetch, for comparison: the same way through the broker, and nothing is written.
    Fetch,
}

/// Ask for so long while `mb_per_second` are produced, and say how long the answers took.
pub fn steady(ask: Ask, time: Duration, mb_per_second: usize) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), &[]);
    wire::create_topics(&broker.address, &[COMMITTED.to_owned(), LOADED.to_owned()], 10);
    let stop = Arc::new(AtomicBool::new(false));
    let produced = Arc::new(AtomicU64::new(0));
    let loading = (mb_per_second > 0).then(|| {
        let (address, stop, produced) = (broker.address.clone(), stop.clone(), produced.clone());
        let per_second = mb_per_second * 1_000_000 / BATCH_BYTES;
        std::thread::spawn(move || load(&address, per_second, &stop, &produced))
    });
    let (cpu, begun) = (Cpu::of(broker.pid()), Instant::now());
    let mut latencies = ask_for(&broker.address, ask, time);
    let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), Cpu::of(broker.pid()).since(cpu));
    let mb = produced.load(Ordering::Relaxed) as f64 / 1e6 / elapsed;
    stop.store(true, Ordering::Relaxed);
    if let Some(loading) = loading {
        loading.join().expect("a load without faults");
    }
    latencies.sort_unstable();
    let at = |part: f64| latencies[(latencies.len() as f64 * part) as usize];
    println!(
        "{ask:?}: {:.0}/s on {CONNECTIONS} connections beside {mb:.0} MB/s of produce: p50 {} p99 {} \
         p999 {} max {} µs, broker's processor {:.2} s/s, RSS {:.1} MiB",
        latencies.len() as f64 / elapsed,
        at(0.5),
        at(0.99),
        at(0.999),
        latencies[latencies.len() - 1],
        cpu.seconds() / elapsed,
        status_kib(broker.pid(), "VmRSS") as f64 / 1024.0,
    );
}

/// µs of each answer.
fn ask_for(address: &str, ask: Ask, time: Duration) -> Vec<u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let every = Duration::from_secs(1) * CONNECTIONS as u32 / PER_SECOND;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let begun = Instant::now() + Duration::from_millis(200);
        let tasks: Vec<_> = (0..CONNECTIONS)
            .map(|who| {
                // Spread over the interval, as clients that know nothing of each other are.
                let first = begun + every * who as u32 / CONNECTIONS as u32;
                let address = address.to_owned();
                tokio::task::spawn_local(async move {
                    one_client(&address, ask, who, first, every, begun + time).await
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.expect("no panic"));
        }
        all
    })
}

async fn one_client(
    address: &str,
    ask: Ask,
    who: usize,
    first: Instant,
    every: Duration,
    until: Instant,
) -> Vec<u32> {
    let mut connection = Connection::to(address).await;
    let group = GroupId(StrBytes::from_string(format!("group-{who}")));
    let partition = who as i32 % 10;
    let all = OffsetFetchRequestGroup::default().with_group_id(group.clone()).with_topics(None);
    let fetch = OffsetFetchRequest::default().with_groups(vec![all]);
    let fetch = wire::frame(ApiKey::OffsetFetch, 8, &fetch);
    let (mut latencies, mut due, mut free) = (Vec::new(), first, first);
    while due < until {
        tokio::time::sleep_until(due.into()).await;
        let request = request(COMMITTED, partition..partition + 1, latencies.len() as i64)
            .with_group_id(group.clone());
        let commit = wire::frame(ApiKey::OffsetCommit, 8, &request);
        // A commit that had to wait for the one before is late by that; a late timer is not.
        let sent = if free > due { due } else { Instant::now() };
        match ask {
            Ask::Commit => {
                let answer = connection.send(ApiKey::OffsetCommit, 8, &commit).await;
                free = Instant::now();
                check(&answer);
            }
            Ask::Fetch => {
                let answer = connection.send(ApiKey::OffsetFetch, 8, &fetch).await;
                free = Instant::now();
                let answer: OffsetFetchResponse = answer;
                assert_eq!(answer.error_code, 0);
            }
        }
        latencies.push(free.duration_since(sent).as_micros() as u32);
        due += every;
    }
    latencies
}

/// Produce this many batches a second until asked to stop.
fn load(address: &str, per_second: usize, stop: &AtomicBool, produced: &AtomicU64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let every = Duration::from_secs(1) * PRODUCERS as u32 / per_second as u32;
    runtime.block_on(async {
        let producers = (0..PRODUCERS).map(|who| one_producer(address, who, every, stop, produced));
        let mut producers: Vec<_> = producers.map(Box::pin).collect();
        std::future::poll_fn(|cx| {
            producers.retain_mut(|producer| producer.as_mut().poll(cx).is_pending());
            match producers.is_empty() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    });
}

async fn one_producer(
    address: &str,
    who: usize,
    every: Duration,
    stop: &AtomicBool,
    produced: &AtomicU64,
) {
    let mut connection = Connection::to(address).await;
    let frame = wire::frame(ApiKey::Produce, 9, &production(who));
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due.into()).await;
        let answer: ProduceResponse = connection.send(ApiKey::Produce, 9, &frame).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, 0, "{answer:?}");
        produced.fetch_add(BATCH_BYTES as u64, Ordering::Relaxed);
        due += every;
    }
}

/// One batch to one partition.
fn production(partition: usize) -> ProduceRequest {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = now.as_millis() as i64;
    let mut builder = BatchBuilder::new(0, now);
    while builder.uncompressed_bytes() + 1024 + 16 <= BATCH_BYTES {
        builder.push(None, Some(&[b'x'; 1024]), &[], now);
    }
    let data = PartitionProduceData::default()
        .with_index(partition as i32)
        .with_records(Some(Bytes::from(builder.finish())));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str(LOADED)))
        .with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(1).with_timeout_ms(30_000).with_topic_data(vec![topic])
}
