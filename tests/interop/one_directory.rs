//! A data directory goes from Apache Kafka to Ottla and back: records, topics and what groups
//! have committed go along.

use std::time::Duration;

use ottla::protocol::messages::OffsetFetchRequest;
use ottla::protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use ottla::protocol::text::text;

use crate::broker::{Broker, Ottla};
use crate::clients::number;
use crate::kafka::{Kafka, LIKE_OTTLA, Quorum};
use crate::tools::side::{Tools, now_ms, with_client};
use crate::tools::transactional::Transactional;

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

/// What a group has committed of a partition: an error code, and the offset.
fn committed(address: &str, group: &str, topic: &str) -> (i16, i64) {
    let topic =
        OffsetFetchRequestTopic::default().with_name(text(topic)).with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default()
        .with_group_id(text(group))
        .with_topics(Some(vec![topic]))
        .with_require_stable(true);
    let mut found = (0, 0);
    with_client(address, async |client| {
        loop {
            let answer = client.ask(7, &request).await;
            if answer.error_code == 0 {
                let partition = &answer.topics[0].partitions[0];
                found = (partition.error_code, partition.committed_offset);
                return;
            }
            // The coordinator is reading its log.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    found
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn transactions_go_from_ottla_to_kafka_and_back_and_end_as_they_should() {
    const UNSTABLE: (i16, i64) = (88, -1);
    /// Begins a transaction with one number, and commits it as an offset.
    fn begin(address: &str, id: &'static str, number: &str) -> Transactional {
        let producer = Transactional::init(address, id);
        producer.add(address, "t", &[0]);
        producer.produce(address, ("t", 0), (0, now_ms()), &[number]);
        producer.commit_offset(address, id, ("t", 0), number.parse().unwrap());
        producer
    }
    let ottla = Ottla::start_with(&["num.partitions=6"]);
    produce(&ottla, "t", 1, 10, "none");
    let address = ottla.address().to_owned();
    begin(&address, "kept", "11").end(&address, true);
    begin(&address, "dropped", "12").end(&address, false);
    let to_commit = begin(&address, "to-commit", "13");
    let to_abort = begin(&address, "to-abort", "14");
    let to_return = begin(&address, "to-return", "15");
    assert_eq!(all(&ottla, "t"), numbers(1, 11));

    let kafka = Kafka::start_in(ottla.stop_for_good(), LIKE_OTTLA);
    let address = kafka.address().to_owned();
    assert_eq!(committed(&address, "kept", "t"), (0, 11));
    assert_eq!(committed(&address, "dropped", "t"), (0, -1));
    assert_eq!(committed(&address, "to-commit", "t"), UNSTABLE);
    to_commit.end(&address, true);
    to_abort.end(&address, false);
    assert_eq!(committed(&address, "to-commit", "t"), (0, 13));
    assert_eq!(committed(&address, "to-abort", "t"), (0, -1));
    let of_kafka = begin(&address, "of-kafka", "16");
    begin(&address, "kept", "17").end(&address, true);

    let ottla = Ottla::start_in(kafka.stop(), &["num.partitions=6"]);
    let address = ottla.address().to_owned();
    for (group, expected) in
        [("kept", (0, 17)), ("to-commit", (0, 13)), ("to-return", UNSTABLE), ("of-kafka", UNSTABLE)]
    {
        assert_eq!(committed(&address, group, "t"), expected, "{group}");
    }
    to_return.end(&address, true);
    of_kafka.end(&address, false);
    assert_eq!(committed(&address, "to-return", "t"), (0, 15));
    assert_eq!(committed(&address, "of-kafka", "t"), (0, -1));
    let expected: Vec<u32> = numbers(1, 11).into_iter().chain([13, 15, 17]).collect();
    assert_eq!(all(&ottla, "t"), expected);
    drop(ottla.stop_for_good());
}

/// As Kafka is by itself: `__consumer_offsets` has 50 partitions, and each group is in its own.
const BY_ITSELF: &[&str] =
    &["offsets.topic.replication.factor=1", "group.initial.rebalance.delay.ms=0"];

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn groups_go_from_kafkas_50_partitions_to_ottla_and_back() {
    let groups = ["g", "sales", "billing", "audit", "größe"];
    let kafka = Kafka::start_with(BY_ITSELF);
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

    let kafka = Kafka::start_in(ottla.stop_for_good(), BY_ITSELF);
    produce(&kafka, "one", 21, 30, "none");
    for group in groups.into_iter().chain(["new"]) {
        assert_eq!(reads(&kafka, group, "one"), numbers(21, 30), "{group}");
    }
}

const ACLS: &str = "org.apache.kafka.tools.AclCommand";
const CONFIGS: &str = "org.apache.kafka.tools.ConfigCommand";
const FEATURES: &str = "org.apache.kafka.tools.FeatureCommand";
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// Kafka checks ACLs, and lets everyone in.
const WITH_ACLS: &[&str] = &[
    "num.partitions=6",
    "offsets.topic.num.partitions=1",
    "offsets.topic.replication.factor=1",
    "group.initial.rebalance.delay.ms=0",
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users=User:ANONYMOUS",
];

/// What Kafka's tools do to a broker, and print of it.
struct Asked<'a> {
    broker: &'a dyn Broker,
    tools: Tools,
}

impl<'a> Asked<'a> {
    fn of(broker: &'a dyn Broker) -> Asked<'a> {
        Asked { broker, tools: Tools::start(broker) }
    }

    fn run(&mut self, tool: &str, args: &str) -> String {
        let to = self.broker.address();
        let printed = self.tools.run(&format!("{tool} --bootstrap-server {to} {args}")).join("\n");
        assert!(printed.ends_with("== exit 0"), "{tool} {args}: {printed}");
        printed
    }

    fn level(&mut self) -> String {
        let printed = self.run(FEATURES, "describe");
        let line = printed.lines().find(|line| line.starts_with("Feature: metadata.version"));
        let (_, level) = line.unwrap().split_once("FinalizedVersionLevel: ").unwrap();
        level.split_whitespace().next().unwrap().to_owned()
    }

    fn topic_id(&mut self, topic: &str) -> String {
        let printed = self.run(TOPICS, &format!("--describe --topic {topic}"));
        let (_, id) = printed.split_once("TopicId: ").unwrap();
        id.split_whitespace().next().unwrap().to_owned()
    }

    /// All these are there: lines, or parts of lines, that the tool prints.
    fn prints(&mut self, tool: &str, args: &str, parts: &[&str]) {
        let printed = self.run(tool, args);
        let lacks = parts.iter().find(|part| !printed.contains(**part));
        assert_eq!(lacks, None, "{tool} {args}: {printed}");
    }

    /// What both brokers show: topics with their ids and configs, quotas, and configs of groups.
    fn has(&mut self, level: &str, id: &str) {
        assert_eq!(self.level(), level);
        assert_eq!(self.topic_id("one"), id);
        let args = "--describe --entity-type topics --entity-name one";
        self.prints(CONFIGS, args, &["retention.ms=98765432"]);
        let args = "--describe --entity-type clients --entity-name app";
        self.prints(CONFIGS, args, &["producer_byte_rate=1000000"]);
        let args = "--describe --entity-type groups --entity-name of-one";
        self.prints(CONFIGS, args, &["consumer.session.timeout.ms=50000"]);
    }

    /// What Kafka alone acts on.
    fn has_what_kafka_alone_shows(&mut self) {
        let args = "--describe --entity-type users --entity-name alice";
        self.prints(CONFIGS, args, &["SCRAM-SHA-256=iterations=4097"]);
        let acl = "(principal=User:bob, host=*, operation=READ, permissionType=ALLOW)";
        self.prints(ACLS, "--list --topic one", &[acl]);
        self.prints(ACLS, "--list --group of-one", &[acl]);
    }
}

/// The records that Ottla does not act on yet are in its metadata log.
fn keeps_what_kafka_alone_shows(ottla: &Ottla) {
    let log = ottla.data_dir().join("__cluster_metadata-0/00000000000000000000.log");
    let dump = std::process::Command::new(env!("CARGO_BIN_EXE_ottla"))
        .arg("dump")
        .arg(log)
        .output()
        .unwrap();
    let printed = String::from_utf8(dump.stdout).unwrap();
    let count = |what: &str| printed.matches(what).count();
    let counts = ["UserScramCredential(", " AccessControlEntry("].map(count);
    assert_eq!(counts, [1, 2], "{printed}");
}

/// From a directory that Kafka 4.4 has formatted at the level of this release, to Ottla, back, and
/// to Ottla: nothing is lost, and the level is the same until a client changes it.
fn goes_to_ottla_and_back(release: &str, level: &str, quorum: Quorum) {
    let dir = tempfile::tempdir().unwrap();
    let kafka = Kafka::start_as(dir, quorum, &["--release-version", release], WITH_ACLS);
    produce(&kafka, "one", 1, 100, "none");
    assert_eq!(group_reads(&kafka, "one"), numbers(1, 100));
    let mut asked = Asked::of(&kafka);
    for (tool, args) in [
        (
            CONFIGS,
            "--alter --entity-type topics --entity-name one --add-config retention.ms=98765432",
        ),
        (
            CONFIGS,
            "--alter --entity-type clients --entity-name app --add-config \
             producer_byte_rate=1000000",
        ),
        (
            CONFIGS,
            "--alter --entity-type groups --entity-name of-one --add-config \
             consumer.session.timeout.ms=50000",
        ),
        (
            CONFIGS,
            "--alter --entity-type users --entity-name alice --add-config \
             SCRAM-SHA-256=[iterations=4097,password=secret]",
        ),
        (ACLS, "--add --allow-principal User:bob --operation Read --topic one --group of-one"),
    ] {
        asked.run(tool, args);
    }
    let id = asked.topic_id("one");
    asked.has(level, &id);
    asked.has_what_kafka_alone_shows();
    drop(asked);

    let ottla = Ottla::start_in(kafka.stop(), &["num.partitions=6"]);
    Asked::of(&ottla).has(level, &id);
    keeps_what_kafka_alone_shows(&ottla);
    assert_eq!(all(&ottla, "one"), numbers(1, 100));
    produce(&ottla, "one", 101, 150, "none");
    produce(&ottla, "two", 1, 10, "none");
    assert_eq!(group_reads(&ottla, "one"), numbers(101, 150));

    let kafka = Kafka::start_as(ottla.stop_for_good(), quorum, &[], WITH_ACLS);
    let mut asked = Asked::of(&kafka);
    asked.has(level, &id);
    asked.has_what_kafka_alone_shows();
    drop(asked);
    assert_eq!(all(&kafka, "one"), numbers(1, 150));
    assert_eq!(all(&kafka, "two"), numbers(1, 10));
    produce(&kafka, "one", 151, 160, "none");
    assert_eq!(group_reads(&kafka, "one"), numbers(151, 160));

    let ottla = Ottla::start_in(kafka.stop(), &["num.partitions=6"]);
    let mut asked = Asked::of(&ottla);
    asked.has(level, &id);
    keeps_what_kafka_alone_shows(&ottla);
    assert_eq!(all(&ottla, "one"), numbers(1, 160));
    assert!(group_reads(&ottla, "one").is_empty());
    asked.run(FEATURES, "upgrade --feature metadata.version=33");
    assert_eq!(asked.level(), "4.4-IV2");
    drop(asked);
    drop(ottla.stop_for_good());
}

/// The kinds of quorum that a release is tried with: this one, and the other too if asked.
fn quorums(first: Quorum) -> impl Iterator<Item = Quorum> {
    let other = match first {
        Quorum::Dynamic => Quorum::Static,
        Quorum::Static => Quorum::Dynamic,
    };
    [first, other].into_iter().take(number("OTTLA_INTEROP_QUORUMS", 1) as usize)
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn a_directory_of_kafka_4_4_goes_to_ottla_and_back() {
    for quorum in quorums(Quorum::Dynamic) {
        goes_to_ottla_and_back("4.4", "4.4-IV2", quorum);
    }
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn a_directory_of_kafka_4_1_goes_to_ottla_and_back() {
    for quorum in quorums(Quorum::Dynamic) {
        goes_to_ottla_and_back("4.1", "4.1-IV1", quorum);
    }
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn a_directory_of_kafka_4_0_goes_to_ottla_and_back() {
    for quorum in quorums(Quorum::Static) {
        goes_to_ottla_and_back("4.0", "4.0-IV3", quorum);
    }
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn a_directory_of_ottla_goes_to_kafka_with_either_quorum_and_back() {
    for quorum in quorums(Quorum::Dynamic) {
        let ottla = Ottla::start();
        produce(&ottla, "one", 1, 10, "none");
        assert_eq!(group_reads(&ottla, "one"), numbers(1, 10));
        let kafka = Kafka::start_as(ottla.stop_for_good(), quorum, &[], LIKE_OTTLA);
        assert_eq!(all(&kafka, "one"), numbers(1, 10));
        produce(&kafka, "one", 11, 20, "none");
        let mut asked = Asked::of(&kafka);
        assert_eq!(asked.level(), "4.4-IV2");
        asked.run(FEATURES, "upgrade --release-version 4.4");
        drop(asked);
        let ottla = Ottla::start_in(kafka.stop(), &[]);
        assert_eq!(group_reads(&ottla, "one"), numbers(11, 20));
        let kafka = Kafka::start_as(ottla.stop_for_good(), quorum, &[], LIKE_OTTLA);
        assert_eq!(all(&kafka, "one"), numbers(1, 20));
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
