//! Latency at a steady pace, which does not wait for answers: from the sending of a record to its
//! ack, and to its arrival at a consumer that waits for it.

use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use ottla::storage::batch_builder::BatchBuilder;

use crate::{at, wire};

const RECORD_BYTES: usize = 100;
/// In a batch: where the base offset, the length and the last offset's delta stand.
const LENGTH_AT: usize = 8;
const DELTA_AT: usize = 23;

/// Send `rate` records a second to partition 0 of an empty topic; the first second is a warm-up.
pub fn pace(address: &str, topic: &str, rate: u32, seconds: u32) {
    let (warm_up, count) = (rate as usize, (rate * (seconds + 1)) as usize);
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let (consumer_address, consumer_topic) = (address.to_owned(), name.clone());
    let consumer = std::thread::spawn(move || arrivals(&consumer_address, &consumer_topic, count));
    // The consumer is to be waiting.
    std::thread::sleep(Duration::from_millis(300));
    let mut sending = TcpStream::connect(address).expect("a listening broker");
    sending.set_nodelay(true).unwrap();
    let receiving = sending.try_clone().unwrap();
    let (sent, owed) = mpsc::channel::<Instant>();
    let acks = std::thread::spawn(move || acks(receiving, &owed));
    let frame = request(&name);
    let begun = Instant::now();
    let mut times = Vec::with_capacity(count);
    for n in 0..count {
        let due = begun + Duration::from_secs(1) / rate * n as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        times.push(now);
        sent.send(now).expect("the other thread lives");
        std::io::Write::write_all(&mut sending, &frame).expect("a living broker");
    }
    drop(sent);
    let mut acks = acks.join().expect("no panic").split_off(warm_up);
    let arrived = consumer.join().expect("no panic");
    let mut consumed: Vec<u32> =
        arrived.iter().zip(&times).map(|(arrived, sent)| us(*arrived - *sent)).collect();
    let mut consumed = consumed.split_off(warm_up);
    acks.sort_unstable();
    consumed.sort_unstable();
    let three = |sorted: &[u32]| {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| at(sorted, part));
        format!("[{p50}, {p99}, {p999}]")
    };
    println!("{{\"ack\": {}, \"consume\": {}}}", three(&acks), three(&consumed));
}

fn us(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn request(topic: &TopicName) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let mut builder = BatchBuilder::new(0, now);
    builder.push(None, Some(&[b'v'; RECORD_BYTES]), &[], now);
    let data = PartitionProduceData::default().with_records(Some(Bytes::from(builder.finish())));
    let topic =
        TopicProduceData::default().with_name(topic.clone()).with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![topic]);
    wire::frame(ApiKey::Produce, 9, &request)
}

/// From each request to its answer, µs, in their order.
fn acks(mut stream: TcpStream, owed: &mpsc::Receiver<Instant>) -> Vec<u32> {
    let mut times = Vec::new();
    while let Ok(sent) = owed.recv() {
        // An empty frame: only the answer is wanted.
        let answer = wire::call(&mut stream, &[]).expect("an answer");
        times.push(us(sent.elapsed()));
        let answer: ProduceResponse = wire::decode(ApiKey::Produce, 9, answer);
        let code = answer.responses[0].partition_responses[0].error_code;
        assert_eq!(code, 0, "an error in the answer");
    }
    times
}

/// When each record arrived, by its offset.
fn arrivals(address: &str, topic: &TopicName, count: usize) -> Vec<Instant> {
    let mut stream = TcpStream::connect(address).expect("a listening broker");
    stream.set_nodelay(true).unwrap();
    let mut arrived = Vec::with_capacity(count);
    let begun = Instant::now();
    while arrived.len() < count {
        assert!(begun.elapsed() < Duration::from_secs(120), "records do not arrive");
        let wanted = FetchPartition::default()
            .with_fetch_offset(arrived.len() as i64)
            .with_partition_max_bytes(1 << 20);
        let wanted = FetchTopic::default().with_topic(topic.clone()).with_partitions(vec![wanted]);
        let request = FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(50 << 20)
            .with_session_epoch(-1)
            .with_topics(vec![wanted]);
        let answer = wire::call(&mut stream, &wire::frame(ApiKey::Fetch, 12, &request)).unwrap();
        let now = Instant::now();
        let answer: FetchResponse = wire::decode(ApiKey::Fetch, 12, answer);
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0, "an error in the answer");
        let end = end_of(partition.records.as_deref().unwrap_or_default());
        arrived.resize(end.map_or(arrived.len(), |end| end as usize + 1), now);
    }
    arrived
}

/// The last offset of these batches.
fn end_of(mut batches: &[u8]) -> Option<i64> {
    let mut end = None;
    while batches.len() > DELTA_AT + 4 {
        let number = |at: usize| i32::from_be_bytes(batches[at..at + 4].try_into().unwrap());
        let base = i64::from_be_bytes(batches[..8].try_into().unwrap());
        let len = LENGTH_AT + 4 + number(LENGTH_AT) as usize;
        if len > batches.len() {
            break;
        }
        end = Some(base + i64::from(number(DELTA_AT)));
        batches = &batches[len..];
    }
    end
}
