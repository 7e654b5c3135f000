//! What a topic's configs make of a produce: codec, timestamps, sizes; all of them changed live.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use ottla::storage::batch::{BatchView, Codec, batches};

use crate::batches::{Batch, PACKINGS, Packing, Producer};
use crate::client::{Client, production};
use crate::harness::Ottla;
use crate::records::{THEN, batch, expected, plain, read};

const TYPES: [(&str, Codec); 5] = [
    ("uncompressed", Codec::None),
    ("gzip", Codec::Gzip),
    ("snappy", Codec::Snappy),
    ("lz4", Codec::Lz4),
    ("zstd", Codec::Zstd),
];

async fn with_topic(configs: &[(&str, &str)]) -> (Ottla, Client) {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, configs).await;
    (ottla, client)
}

fn code(answer: &PartitionProduceResponse) -> Option<Code> {
    Code::try_from_code(answer.error_code)
}

fn codec_of(packing: Packing) -> Codec {
    match packing {
        Packing::Plain => Codec::None,
        Packing::Gzip => Codec::Gzip,
        Packing::SnappyRaw | Packing::SnappyXerial => Codec::Snappy,
        Packing::Lz4 => Codec::Lz4,
        Packing::Zstd => Codec::Zstd,
    }
}

/// Text that packs well, and better at a higher level.
fn prose(bytes: usize) -> String {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut text = String::new();
    while text.len() < bytes {
        text.push_str(&format!("word{} ", rng.u32(0..999)));
    }
    text
}

#[tokio::test]
async fn every_batch_gets_the_codec_of_its_topic_and_keeps_its_records() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let long = prose(70_000);
    let values = ["one", long.as_str(), "three"];
    for (name, codec) in TYPES {
        client.create(name, 1, &[("compression.type", name)]).await;
        for (i, packing) in PACKINGS.into_iter().enumerate() {
            let sent = batch(packing, None, &values).encode();
            let answer = client.produce(name, 0, sent.clone()).await;
            assert_eq!((answer.error_code, answer.base_offset), (0, i as i64 * 3));
            let log = std::fs::read(ottla.log_file(&format!("{name}-0"))).unwrap();
            let stored = batches(&log).last().unwrap();
            assert!(stored.crc_is_right() && stored.header.codec() == Some(codec), "{packing:?}");
            assert_eq!(stored.header.base_offset, i as i64 * 3);
            let came = BatchView::first(&sent).unwrap();
            // What has the right codec already is not touched, though the framing may be another.
            assert_eq!(stored.payload() == came.payload(), codec_of(packing) == codec);
            assert_eq!(stored.header.max_timestamp, THEN + 2);
        }
        let all = values.repeat(PACKINGS.len());
        let mut found = Vec::new();
        while found.len() < all.len() {
            found.extend(read(&client.fetch(name, 0, found.len() as i64).await));
        }
        assert_eq!(found, expected(0, &all), "{name}");
    }
}

#[tokio::test]
async fn codec_and_level_are_changed_live() {
    let (ottla, mut client) = with_topic(&[]).await;
    let sent = batch(Packing::Plain, None, &[&prose(200_000)]).encode();
    let mut stored = async |changes: &[(&str, &str)]| {
        for (name, value) in changes {
            assert_eq!(client.set("t", name, value).await, 0, "{name}={value}");
        }
        assert_eq!(client.produce("t", 0, sent.clone()).await.error_code, 0);
        let log = std::fs::read(ottla.log_file("t-0")).unwrap();
        let last = batches(&log).last().unwrap();
        (last.header.codec().unwrap(), last.bytes.len())
    };
    assert_eq!(stored(&[]).await, (Codec::None, sent.len()));
    for (name, low, high) in [("gzip", "1", "9"), ("zstd", "-5", "19")] {
        let level = format!("compression.{name}.level");
        let quick = stored(&[("compression.type", name), (&level, low)]).await;
        let small = stored(&[(&level, high)]).await;
        assert!(small.0 == quick.0 && small.1 < quick.1 && quick.1 < sent.len(), "{name}");
    }
    assert_eq!(stored(&[("compression.type", "producer")]).await, (Codec::None, sent.len()));
    let (mut highest, mut lowest) = (Vec::new(), Vec::new());
    for name in ["gzip", "lz4", "zstd"] {
        let level = format!("compression.{name}.level");
        let (low, high) = match name {
            "gzip" => ("0", "10"),
            "lz4" => ("0", "18"),
            _ => ("-131073", "23"),
        };
        lowest.push(client.set("t", &level, low).await);
        highest.push(client.set("t", &level, high).await);
    }
    let invalid = [Code::InvalidConfig.code(); 3];
    assert_eq!((lowest.as_slice(), highest.as_slice()), (&invalid[..], &invalid[..]));
}

#[tokio::test]
async fn an_idempotent_producers_batch_stays_its_own() {
    let (ottla, mut client) = with_topic(&[("compression.type", "zstd")]).await;
    let producer = Producer { id: 9, epoch: 4, sequence: 0 };
    let sent = batch(Packing::Lz4, Some(producer), &["a", "b"]).encode();
    for _ in 0..2 {
        let answer = client.produce("t", 0, sent.clone()).await;
        assert_eq!((answer.error_code, answer.base_offset), (0, 0), "the second is a duplicate");
    }
    let log = std::fs::read(ottla.log_file("t-0")).unwrap();
    let all: Vec<_> = batches(&log).map(|b| b.header).collect();
    assert_eq!(all.len(), 1);
    let found = (all[0].producer_id, all[0].producer_epoch, all[0].base_sequence);
    assert_eq!(found, (9, 4, 0));
}

#[tokio::test]
async fn what_becomes_too_large_is_refused_with_the_code_for_it() {
    let configs = [("compression.type", "uncompressed"), ("max.message.bytes", "100000")];
    let (_ottla, mut client) = with_topic(&configs).await;
    let packed = batch(Packing::Gzip, None, &[&"x".repeat(100_000)]).encode();
    assert!(packed.len() < 1000);
    let answer = client.produce("t", 0, packed.clone()).await;
    assert_eq!(code(&answer), Some(Code::MessageTooLarge));
    assert!(answer.error_message.unwrap().contains("compression.type"));
    // The other way round, it is the size in which it came that counts first, as in Kafka.
    assert_eq!(client.set("t", "compression.type", "zstd").await, 0);
    let large = plain(&[&"x".repeat(100_000)]);
    assert_eq!(code(&client.produce("t", 0, large).await), Some(Code::MessageTooLarge));
    assert_eq!(client.produce("t", 0, packed).await.error_code, 0);
    let configs = [
        ("compression.type", "uncompressed"),
        ("max.message.bytes", "3000000"),
        ("segment.bytes", "1048576"),
    ];
    client.create("small", 1, &configs).await;
    let packed = batch(Packing::Zstd, None, &[&"x".repeat(1_100_000)]).encode();
    let answer = client.produce("small", 0, packed).await;
    assert_eq!(code(&answer), Some(Code::RecordListTooLarge));
}

#[tokio::test]
async fn damaged_records_are_refused_before_they_are_recompressed() {
    let (_ottla, mut client) = with_topic(&[("compression.type", "gzip")]).await;
    let good = batch(Packing::Zstd, None, &["a", "b", "c"]).encode();
    let short = crate::records::changed(good.clone(), 57, &4_i32.to_be_bytes());
    assert_eq!(code(&client.produce("t", 0, short).await), Some(Code::InvalidRecord));
    let codec = crate::records::changed(good, 21, &3_i16.to_be_bytes());
    assert_eq!(code(&client.produce("t", 0, codec).await), Some(Code::CorruptMessage));
    assert_eq!(read(&client.fetch("t", 0, 0).await), []);
}

#[tokio::test]
async fn an_append_time_is_the_brokers_also_in_a_batch_that_is_recompressed() {
    let (ottla, mut client) = with_topic(&[("message.timestamp.type", "LogAppendTime")]).await;
    for kind in ["producer", "lz4", "uncompressed"] {
        assert_eq!(client.set("t", "compression.type", kind).await, 0);
        let answer = client.produce("t", 0, batch(Packing::Gzip, None, &["a"]).encode()).await;
        assert!(answer.error_code == 0 && answer.log_append_time_ms > THEN);
        let log = std::fs::read(ottla.log_file("t-0")).unwrap();
        let last = batches(&log).last().unwrap().header;
        assert!(last.is_log_append_time(), "{kind}");
        assert_eq!(last.max_timestamp, answer.log_append_time_ms);
    }
    assert_eq!(client.set("t", "message.timestamp.type", "CreateTime").await, 0);
    let answer = client.produce("t", 0, batch(Packing::Gzip, None, &["a"]).encode()).await;
    assert_eq!((answer.error_code, answer.log_append_time_ms), (0, -1));
    assert_eq!(client.list_offset("t", THEN).await.1, 0);
    // Bounds are for producers' times: the broker's own is always right.
    assert_eq!(client.set("t", "message.timestamp.before.max.ms", "1000").await, 0);
    assert_eq!(code(&client.produce("t", 0, plain(&["a"])).await), Some(Code::InvalidTimestamp));
    assert_eq!(client.set("t", "message.timestamp.type", "LogAppendTime").await, 0);
    assert_eq!(client.produce("t", 0, plain(&["a"])).await.error_code, 0);
}

/// A batch of one record, this many milliseconds from now.
fn at(from_now_ms: i64) -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut one: Batch = batch(Packing::Lz4, None, &["a"]);
    one.records[0].timestamp = now.as_millis() as i64 + from_now_ms;
    one.encode()
}

#[tokio::test]
async fn timestamps_have_bounds_on_both_sides_that_are_changed_live() {
    const HOUR: i64 = 3_600_000;
    let (_ottla, mut client) = with_topic(&[("compression.type", "zstd")]).await;
    let invalid = Some(Code::InvalidTimestamp);
    // By default the past is open, and the future for an hour.
    for (from_now, expected) in [(-1000 * 24 * HOUR, None), (HOUR / 2, None), (2 * HOUR, invalid)] {
        let answer = client.produce("t", 0, at(from_now)).await;
        assert_eq!(code(&answer).filter(|_| answer.error_code != 0), expected, "{from_now}");
        assert_eq!(answer.record_errors.len(), usize::from(expected.is_some()));
    }
    let after = 3 * HOUR;
    assert_eq!(client.set("t", "message.timestamp.after.max.ms", &after.to_string()).await, 0);
    assert_eq!(client.set("t", "message.timestamp.before.max.ms", &HOUR.to_string()).await, 0);
    let cases = [(2 * HOUR, 0), (4 * HOUR, 32), (-HOUR / 2, 0), (-2 * HOUR, 32)];
    for (from_now, expected) in cases {
        assert_eq!(client.produce("t", 0, at(from_now)).await.error_code, expected, "{from_now}");
    }
    // No time is never out of bounds.
    let mut timeless = batch(Packing::Plain, None, &["a"]);
    timeless.records[0].timestamp = -1;
    assert_eq!(client.produce("t", 0, timeless.encode()).await.error_code, 0);
}

#[tokio::test]
async fn max_message_bytes_is_changed_live_and_exact() {
    let (_ottla, mut client) = with_topic(&[]).await;
    let bytes = plain(&[&"x".repeat(2000)]);
    for (limit, expected) in [(bytes.len() - 1, 10), (bytes.len(), 0), (0, 10), (5000, 0)] {
        assert_eq!(client.set("t", "max.message.bytes", &limit.to_string()).await, 0);
        let answer = client.produce("t", 0, bytes.clone()).await;
        assert_eq!(answer.error_code, expected, "{limit}");
    }
}

#[tokio::test]
async fn min_insync_replicas_is_changed_live_and_asks_nothing_of_acks_1() {
    let (_ottla, mut client) = with_topic(&[]).await;
    for (replicas, all, one) in [("1", 0, 0), ("2", 19, 0), ("1", 0, 0)] {
        assert_eq!(client.set("t", "min.insync.replicas", replicas).await, 0);
        for (acks, expected) in [(-1, all), (1, one)] {
            let request = production("t", 0, plain(&["a"])).with_acks(acks);
            let answer = client.call(9, &request).await;
            let found = answer.responses[0].partition_responses[0].error_code;
            assert_eq!(found, expected, "{replicas} acks={acks}");
        }
    }
    assert_eq!(client.list_offset("t", -1).await.1, 5, "what is refused is not stored");
}

#[tokio::test]
async fn a_record_may_be_as_large_as_the_topic_allows_once_it_is_decompressed() {
    // Attributes, two deltas, no key, a length of two bytes, the value, no headers: 1007 bytes.
    let (_ottla, mut client) = with_topic(&[("max.decompressed.message.bytes", "1007")]).await;
    let (fits, large) = ("x".repeat(1000), "x".repeat(1001));
    for packing in PACKINGS {
        for values in [&[fits.as_str()][..], &["a", &fits], &[&large], &["a", &large]] {
            let is_large = values.contains(&large.as_str()) && packing != Packing::Plain;
            let sent = batch(packing, None, values).encode();
            let answer = client.produce("t", 0, sent).await;
            let expected = is_large.then_some(Code::InvalidRecord);
            assert_eq!(code(&answer), expected, "{packing:?} {}", values.len());
            if is_large {
                let message = answer.error_message.as_deref().unwrap();
                let wanted = "its 1008 bytes exceed max.decompressed.message.bytes (1007)";
                assert!(message.contains(wanted), "{message}");
            }
        }
    }
}
