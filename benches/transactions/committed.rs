//! What a reader of committed records costs the broker, beside one who reads everything.

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::broker::Broker;
use crate::connection::Connection;
use crate::proc::Cpu;
use crate::producer::Producer;
use crate::wire::create_topics;

const TOPIC: &str = "t";
const BATCH_BYTES: usize = 100_000;
/// Of this many batches one is aborted.
const ABORTED_OF: u64 = 100;
const ROUNDS: usize = 5;

/// Write, and read in both ways, in turns.
pub fn compare(mib: u64) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), &[]);
    create_topics(&broker.address, &[TOPIC.to_owned()], 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let batches = (mib << 20) / BATCH_BYTES as u64;
    runtime.block_on(async {
        let mut producer = Producer::new(&broker.address, "writer").await;
        for number in 0..batches {
            let is_aborted = number % ABORTED_OF == ABORTED_OF - 1;
            producer.produce(TOPIC, 100, BATCH_BYTES / 100).await;
            if is_aborted || number % ABORTED_OF == ABORTED_OF - 2 {
                producer.end(!is_aborted).await;
            }
        }
        producer.produce(TOPIC, 1, 1).await;
        producer.end(true).await;
    });
    let mut cpu = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (isolation, cpu) in cpu.iter_mut().enumerate() {
            let before = Cpu::of(broker.pid());
            let bytes = runtime.block_on(read(&broker.address, isolation as i8));
            assert!(bytes >= batches * BATCH_BYTES as u64, "{bytes} bytes");
            cpu.push(Cpu::of(broker.pid()).since(before).seconds());
        }
    }
    let [uncommitted, committed] = cpu.map(|all| all.iter().sum::<f64>() / ROUNDS as f64);
    println!(
        "{mib} MiB with 1 % of the batches aborted: {uncommitted:.3} s of processor to read all, \
         {committed:.3} s to read what is committed, {:.2} x (at most 1.1 wanted)",
        committed / uncommitted
    );
}

/// Read the partition to its end. Returns the number of bytes.
async fn read(address: &str, isolation: i8) -> u64 {
    let mut connection = Connection::to(address).await;
    let (mut offset, mut bytes) = (0, 0);
    loop {
        let partition = FetchPartition::default()
            .with_partition(0)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default()
            .with_topic(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_max_bytes(50 << 20)
            .with_isolation_level(isolation)
            .with_topics(vec![topic]);
        let answer: FetchResponse = connection.call(ApiKey::Fetch, 12, &request).await;
        let partition = &answer.responses[0].partitions[0];
        let records = partition.records.clone().unwrap_or_default();
        let mut next = offset;
        for batch in ottla::storage::batch::batches(&records) {
            next = batch.header.end_offset();
        }
        if next == offset {
            assert_eq!(next, partition.last_stable_offset, "all is read");
            return bytes;
        }
        bytes += records.len() as u64;
        offset = next;
    }
}
