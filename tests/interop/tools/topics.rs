//! Topics: created, described, changed and deleted.

use crate::tools::side::{Side, pair};

pub const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// The commands of Day 2, and what else people do with topics.
const ASKED: &[&str] = &[
    "--list --exclude-internal --topic orders.*",
    // Day 2.
    "--create --topic orders --partitions 6 --replication-factor 1 --config retention.ms=86400000 \
     --config compression.type=snappy",
    "--describe --topic orders",
    "--create --topic orders --partitions 6 --replication-factor 1",
    "--create --topic orders --if-not-exists",
    "--create --topic orders.defaults",
    "--create --topic orders.placed --replica-assignment 1,1,1",
    "--create --topic orders.compacted --partitions 2 --config cleanup.policy=compact,delete \
     --config segment.ms=3600000 --config min.cleanable.dirty.ratio=0.25 \
     --config max.message.bytes=2000000 --config message.timestamp.type=LogAppendTime",
    "--list --exclude-internal --topic orders.*",
    "--describe --topic orders.*",
    "--describe --topic orders.* --topics-with-overrides",
    "--describe --topic orders.* --exclude-internal --partition-size-limit-per-response 2",
    "--describe --topic orders.* --under-replicated-partitions",
    "--describe --topic orders.* --under-min-isr-partitions",
    "--describe --topic orders.* --at-min-isr-partitions",
    "--describe --topic orders.* --unavailable-partitions",
    "--describe --topic nowhere",
    "--describe --topic nowhere --if-exists",
    "--describe --topic-id AAAAAAAAAAAAAAAAAAAAAA",
    "--describe --topic-id AAAAAAAAAAAAAAAAAAAAxx",
    "--describe --topic-id nonsense",
];

/// What is refused, what grows, and what goes.
const ASKED_THEN: &[&str] = &[
    "--create --topic orders.none --partitions 0",
    "--create --topic orders.none --partitions -3",
    "--create --topic orders.none --partitions many",
    "--create --topic orders.none --replication-factor 0",
    "--create --topic orders.none --replication-factor 2",
    "--create --topic orders.none --replication-factor 40000",
    "--create --topic orders.none --replica-assignment 2,2",
    "--create --topic orders.none --replica-assignment 1:2",
    "--create --topic orders.none --replica-assignment 1:1",
    "--create --topic orders.none --replica-assignment 1 --partitions 1",
    "--create --topic orders.none --config retention.ms=soon",
    "--create --topic orders.none --config retention.ms=-2",
    "--create --topic orders.none --config compression.type=rar",
    "--create --topic orders.none --config cleanup.policy=shred",
    "--create --topic orders.none --config segment.bytes=1000",
    "--create --topic orders.none --config no.such.config=1",
    "--create --topic orders.none --config retention.ms",
    "--create --topic orders_placed",
    "--create --topic orders/none",
    "--create --topic ..",
    "--create",
    "--create --topic orders.none --delete",
    "--nonsense",
    // Partitions are added, never taken away.
    "--alter --topic orders --partitions 8",
    "--describe --topic orders",
    "--alter --topic orders --partitions 8",
    "--alter --topic orders --partitions 4",
    "--alter --topic orders --partitions 0",
    "--alter --topic orders.placed --partitions 5 --replica-assignment 1,1,1,1,1",
    "--alter --topic orders.placed --partitions 6 --replica-assignment 1,1,1,1,1,2",
    "--alter --topic orders.placed --partitions 6 --replica-assignment 1",
    "--alter --topic nowhere --partitions 3",
    "--alter --topic nowhere --partitions 3 --if-exists",
    "--describe --topic orders.placed",
    // And deleted.
    "--delete --topic orders.placed",
    "--delete --topic nowhere",
    "--delete --topic nowhere --if-exists",
    "--list --topic orders.*",
    "--delete --topic orders.*",
    "--list --topic orders.*",
];

/// Ids are the brokers' own.
fn describe_by_id(side: &mut Side) {
    let described = side.run_raw(TOPICS, "--describe --topic orders.defaults");
    let id = described[0].split_once("TopicId: ").unwrap().1.split_whitespace().next().unwrap();
    let printed = side.printed(TOPICS, &format!("--describe --topic-id {id}"));
    side.tell("--describe --topic-id (that of orders.defaults)", printed);
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn topic_command() {
    let mut pair = pair();
    pair.tell_the_same(|side| {
        side.ask(TOPICS, ASKED);
        describe_by_id(side);
        side.ask(TOPICS, ASKED_THEN);
    });
}
