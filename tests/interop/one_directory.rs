//! A data directory goes from Apache Kafka to Ottla and back: records, topics and what groups
//! have committed go along.

use crate::broker::{Broker, Ottla};
use crate::kafka::{Kafka, LIKE_OTTLA};

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn a_directory_goes_from_kafka_to_ottla_and_back() {
    let kafka = Kafka::start();
    produce(&kafka, "one", 1, 100, "none");
    produce(&kafka, "packed", 1, 1000, "zstd");
    assert_eq!(group_reads(&kafka, "one"), numbers(1, 100));

    let ottla = Ottla::start_in(kafka.stop(), &["num.partitions=6"]);
    assert_eq!(all(&ottla, "one"), numbers(1, 100));
    assert_eq!(all(&ottla, "packed"), numbers(1, 1000));
    produce(&ottla, "one", 101, 150, "none");
    produce(&ottla, "packed", 1001, 2000, "lz4");
    produce(&ottla, "two", 1, 100, "gzip");
    assert_eq!(group_reads(&ottla, "one"), numbers(101, 150));
    assert_eq!(group_reads(&ottla, "two"), numbers(1, 100));

    let dir = ottla.stop_for_good();
    // What recovery has kept of a damaged log is nothing to Kafka.
    for name in ["00000000000000000007.tail.damaged", "00000000000000000009.log.damaged"] {
        std::fs::write(dir.path().join("data/one-0").join(name), [0xab; 500]).unwrap();
    }
    let kafka = Kafka::start_in(dir, LIKE_OTTLA);
    assert_eq!(all(&kafka, "one"), numbers(1, 150));
    assert_eq!(all(&kafka, "packed"), numbers(1, 2000));
    assert_eq!(all(&kafka, "two"), numbers(1, 100));
    produce(&kafka, "one", 151, 160, "none");
    produce(&kafka, "two", 101, 110, "none");
    produce(&kafka, "three", 1, 10, "none");
    assert_eq!(group_reads(&kafka, "one"), numbers(151, 160));
    assert_eq!(group_reads(&kafka, "two"), numbers(101, 110));

    let ottla = Ottla::start_in(kafka.stop(), &["num.partitions=6"]);
    assert_eq!(all(&ottla, "one"), numbers(1, 160));
    assert_eq!(all(&ottla, "two"), numbers(1, 110));
    assert_eq!(all(&ottla, "three"), numbers(1, 10));
    assert!(group_reads(&ottla, "one").is_empty());
    let listing = ottla.bash("kcat -b localhost:9092 -L");
    for topic in ["one", "packed", "two", "three"] {
        assert!(listing.contains(&format!("topic \"{topic}\" with 6 partitions")), "{listing}");
    }
    drop(ottla.stop_for_good());
}

/// As Kafka is by itself: `__consumer_offsets` has 50 partitions, and each group is in its own.
const BY_ITSELF: &[&str] =
    &["offsets.topic.replication.factor=1", "group.initial.rebalance.delay.ms=0"];

#[test]
#[ignore = "needs Apache Kafka 4.4 and kcat"]
fn groups_go_from_kafkas_50_partitions_to_ottla_and_back() {
    let groups = ["g", "sales", "billing", "audit", "größe"];
    let kafka = Kafka::newest(BY_ITSELF);
    produce(&kafka, "one", 1, 10, "none");
    for group in groups {
        assert_eq!(reads(&kafka, group, "one"), numbers(1, 10), "{group}");
    }

    let ottla = Ottla::start_in(kafka.stop(), &[]);
    produce(&ottla, "one", 11, 20, "none");
    for group in groups {
        assert_eq!(reads(&ottla, group, "one"), numbers(11, 20), "{group}");
    }
    assert_eq!(reads(&ottla, "new", "one"), numbers(1, 20));

    let kafka = Kafka::newest_in(ottla.stop_for_good(), BY_ITSELF);
    produce(&kafka, "one", 21, 30, "none");
    for group in groups.into_iter().chain(["new"]) {
        assert_eq!(reads(&kafka, group, "one"), numbers(21, 30), "{group}");
    }
}

fn numbers(first: u32, last: u32) -> Vec<u32> {
    (first..=last).collect()
}

/// Write the numbers, each with itself as its key.
fn produce(broker: &impl Broker, topic: &str, first: u32, last: u32, codec: &str) {
    broker.bash(&format!(
        "seq {first} {last} | sed 's/.*/&:&/' | kcat -b localhost:9092 -P -t {topic} -K: -z {codec}"
    ));
}

/// All numbers of a topic, in order.
fn all(broker: &impl Broker, topic: &str) -> Vec<u32> {
    parsed(&broker.bash(&format!("kcat -b localhost:9092 -C -t {topic} -o beginning -e -q")))
}

/// What a group of the topic has not read yet; it has afterwards.
fn group_reads(broker: &impl Broker, topic: &str) -> Vec<u32> {
    reads(broker, &format!("of-{topic}"), topic)
}

/// What a group has not read of a topic yet; it has afterwards.
fn reads(broker: &impl Broker, group: &str, topic: &str) -> Vec<u32> {
    let earliest = "-X auto.offset.reset=earliest";
    parsed(&broker.bash(&format!("kcat -b localhost:9092 {earliest} -G {group} {topic} -e -q")))
}

fn parsed(printed: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = printed.lines().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}
