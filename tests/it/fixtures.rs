//! Data directories that other releases have written: tests/fixtures/README.md says how.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ottla::groups::records::{OffsetAndMetadata, Record};
use ottla::machine::MachineRecord;
use ottla::storage::batch::{Codec, batches};
use ottla::storage::batch_builder::BatchBuilder;
use ottla::storage::records::records;

use crate::administration::{describe, found};
use crate::client::Client;
use crate::groups::offsets;
use crate::harness::Ottla;
use crate::records::plain;

/// The type of a topic in requests about configs.
const TOPIC: i8 = 2;
/// The source of a config that was set for a topic.
const OF_TOPIC: i8 = 1;
/// Records and offsets stay whatever the date is, and nothing is compacted meanwhile.
const AS_IT_IS: &[(&str, &str)] =
    &[("offsets.retention.minutes", "2147483647"), ("log.cleaner.backoff.ms", "3600000")];

/// Copies a directory with all that is below it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).unwrap();
        }
    }
}

/// A broker on a copy of a fixture, to which something may be done first.
pub async fn opened(name: &str, prepare: impl FnOnce(PathBuf)) -> Ottla {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture, dir.path());
    prepare(dir.path().to_owned());
    Ottla::in_dir(dir, AS_IT_IS).await
}

/// Offset, key and value (`None`: a tombstone) of each record, and the codecs of the batches.
type Stored = (Vec<(i64, String, Option<String>)>, Vec<Codec>);

/// Everything that is stored in a partition, up to this offset.
async fn stored(client: &mut Client, topic: &str, partition: i32, end: i64) -> Stored {
    let (mut all, mut codecs) = (Vec::new(), Vec::new());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut next = 0;
    // An answer holds what is in one segment.
    while next < end {
        let answer = client.fetch(topic, partition, next).await;
        let fetched = &answer.responses[0].partitions[0];
        assert_eq!((answer.error_code, fetched.error_code), (0, 0), "{topic}");
        let bytes = fetched.records.as_ref().unwrap();
        assert!(!bytes.is_empty(), "{topic} ends at {next}");
        for batch in batches(bytes) {
            codecs.push(batch.header.codec().unwrap());
            next = batch.header.last_offset() + 1;
            for record in records(&batch).unwrap() {
                let record = record.unwrap();
                let value = record.value.map(|value| text(&value));
                all.push((record.offset, text(&record.key.unwrap()), value));
            }
        }
    }
    (all, codecs)
}

/// What four orders are stored as, of which none has gone.
fn orders(records: [(&str, u32); 4]) -> Vec<(i64, String, Option<String>)> {
    let record = |(offset, (key, number)): (i64, (&str, u32))| {
        (offset, key.to_owned(), Some(format!("order {number} {}", "x".repeat(100))))
    };
    (0..).zip(records).map(record).collect()
}

/// What `tests/fixtures/make` has done to every broker is there: the records, the offsets of the
/// groups, the configs, and what compaction has left.
async fn has_all(ottla: &mut Ottla) {
    let mut client = ottla.client().await;
    let wanted = orders([("a", 1), ("b", 2), ("a", 3), ("c", 4)]);
    let found_there = stored(&mut client, "orders", 0, 4).await;
    assert_eq!(found_there, (wanted, vec![Codec::None, Codec::Zstd]));
    let wanted = orders([("d", 5), ("e", 6), ("f", 7), ("g", 8)]);
    let found_there = stored(&mut client, "orders", 1, 4).await;
    assert_eq!(found_there, (wanted, vec![Codec::Gzip, Codec::Lz4]));

    assert_eq!(committed(&mut client, "sales").await, [(0, 4), (1, 3)]);

    let configs = describe(&mut client, TOPIC, "orders").await;
    assert_eq!(found(&configs, "retention.ms"), ("-1".to_owned(), OF_TOPIC));
    assert_eq!(found(&configs, "max.message.bytes"), ("2000000".to_owned(), OF_TOPIC));
    let configs = describe(&mut client, TOPIC, "prices").await;
    assert_eq!(found(&configs, "cleanup.policy"), ("compact".to_owned(), OF_TOPIC));

    let (prices, _) = stored(&mut client, "prices", 0, 7).await;
    assert!(prices[0].0 > 0, "the first record was written over: {prices:?}");
    let last = |key: &str| prices.iter().rfind(|price| price.1 == key).and_then(|p| p.2.clone());
    let wanted = [Some("5"), Some("2"), None, Some("6")].map(|value| value.map(str::to_owned));
    assert_eq!(["apple", "pear", "plum", "cherry"].map(last), wanted);

    // Where the log ends is known as well.
    for (topic, end) in [("orders", 4), ("prices", 7)] {
        assert_eq!(client.list_offset(topic, -1).await, (0, end, -1), "{topic}");
    }
}

/// The offsets that a group has committed in the partitions of `orders`.
async fn committed(client: &mut Client, group: &str) -> Vec<(i32, i64)> {
    let mut all = offsets(client, group).await;
    all.sort();
    assert!(all.iter().all(|(topic, ..)| topic == "orders"), "{all:?}");
    all.into_iter().map(|(_, partition, offset)| (partition, offset)).collect()
}

/// It has all of it, takes more, and has all of it still after the next start.
async fn goes_on(mut ottla: Ottla) {
    has_all(&mut ottla).await;
    let mut client = ottla.client().await;
    client.create("more", 1, &[]).await;
    assert_eq!(client.produce("more", 0, plain(&["a"])).await.error_code, 0);
    drop(client);
    ottla.restart().await;
    has_all(&mut ottla).await;
    let answer = ottla.client().await.produce("orders", 0, plain(&["order 9"])).await;
    assert_eq!((answer.error_code, answer.base_offset), (0, 4));
}

#[tokio::test]
async fn a_directory_of_kafka_3_9_is_opened() {
    goes_on(opened("kafka-3.9", |_| ()).await).await;
}

#[tokio::test]
async fn a_directory_of_kafka_4_1_is_opened() {
    goes_on(opened("kafka-4.1", |_| ()).await).await;
}

#[tokio::test]
async fn a_directory_of_kafka_4_4_is_opened() {
    // As long as Kafka has left them; git would hold every zero.
    let long = |dir: PathBuf| {
        for (name, length) in [("index", 10_485_760), ("timeindex", 10_485_756)] {
            let name = format!("__cluster_metadata-0/00000000000000000000.{name}");
            let index = fs::OpenOptions::new().write(true).open(dir.join(name)).unwrap();
            index.set_len(length).unwrap();
        }
    };
    goes_on(opened("kafka-4.4", long).await).await;
}

#[tokio::test]
async fn a_directory_of_ottla_0_1_is_opened() {
    goes_on(opened("ottla-0.1", |_| ()).await).await;
}

#[tokio::test]
async fn a_directory_of_kafka_is_opened_after_a_crash_too() {
    let killed = |dir: PathBuf| fs::remove_file(dir.join(".kafka_cleanshutdown")).unwrap();
    goes_on(opened("kafka-4.1", killed).await).await;
}

#[tokio::test]
async fn groups_of_every_partition_of_kafkas_offsets_are_there() {
    let ottla = opened("kafka-4.1", |_| ()).await;
    let mut client = ottla.client().await;
    assert_eq!(committed(&mut client, "billing").await, [(0, 4), (1, 3)]);
}

/// Every committed offset that a partition of `__consumer_offsets` holds: the last of each key.
async fn offset_records(client: &mut Client, partition: i32) -> BTreeMap<String, Option<i64>> {
    let (mut all, mut next) = (BTreeMap::new(), 0);
    loop {
        let answer = client.fetch("__consumer_offsets", partition, next).await;
        let fetched = &answer.responses[0].partitions[0];
        if next == fetched.high_watermark {
            return all;
        }
        let bytes = fetched.records.clone().unwrap();
        for batch in batches(&bytes) {
            next = batch.header.last_offset() + 1;
            for record in records(&batch).unwrap().map(Result::unwrap) {
                let decoded = Record::decode(&record.key.unwrap(), record.value.as_deref());
                if let Ok(Some(Record::Offset { group, topic, partition, value })) = decoded {
                    let key = format!("{group} {topic}-{partition}");
                    all.insert(key, value.map(|value| value.offset));
                }
            }
        }
    }
}

/// Appends a commit to a partition's log, as a broker would that does not know where groups belong.
fn append_commit(log: PathBuf, group: &str, partition: i32, offset: i64, commit_ms: i64) {
    let value = OffsetAndMetadata {
        offset,
        leader_epoch: -1,
        metadata: String::new(),
        commit_ms,
        expire_ms: None,
    };
    let (group, topic) = (group.to_owned(), "orders".to_owned());
    let (key, value) = Record::Offset { group, topic, partition, value: Some(value) }.encode();
    let mut bytes = fs::read(&log).unwrap();
    let end = batches(&bytes).map(|batch| batch.header.last_offset() + 1).last().unwrap_or(0);
    let mut batch = BatchBuilder::new(end, commit_ms);
    batch.push(Some(&key), value.as_deref(), &[], commit_ms);
    bytes.extend(batch.finish());
    fs::write(log, bytes).unwrap();
}

#[tokio::test]
async fn commits_in_the_partition_of_another_group_are_moved_and_the_newest_counts() {
    // `billing` belongs to partition 1; an Ottla that knew partition 0 alone has opened this.
    let prepare = |dir: PathBuf| {
        let log = dir.join("__consumer_offsets-0/00000000000000000000.log");
        append_commit(log.clone(), "billing", 0, 9, 4_000_000_000_000);
        append_commit(log.clone(), "billing", 1, 1, 1_000_000_000_000);
        append_commit(log.clone(), "old", 0, 7, 1_000_000_000_000);
        // The checkpoints are behind now, as after a crash.
        fs::remove_file(dir.join(".kafka_cleanshutdown")).unwrap();
    };
    let mut ottla = opened("kafka-4.1", prepare).await;
    for _ in 0..2 {
        let mut client = ottla.client().await;
        assert_eq!(committed(&mut client, "billing").await, [(0, 9), (1, 3)]);
        assert_eq!(committed(&mut client, "sales").await, [(0, 4), (1, 3)]);
        assert_eq!(committed(&mut client, "old").await, [(0, 7)]);
        let (zero, one) =
            (offset_records(&mut client, 0).await, offset_records(&mut client, 1).await);
        let gone = ["billing orders-0", "billing orders-1"].map(|key| zero[key]);
        assert_eq!((gone, zero.get("sales orders-0")), ([None, None], Some(&Some(4))));
        let moved = ["billing orders-0", "billing orders-1"].map(|key| one[key]);
        assert_eq!(moved, [Some(9), Some(3)]);
        drop(client);
        ottla.restart().await;
    }
}
