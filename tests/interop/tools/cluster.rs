//! The cluster itself: its features, its quorum, its directories.

use std::cell::Cell;

use ottla::handlers::api::Api;
use ottla::handlers::table::APIS;

use crate::tools::side::pair;
use crate::tools::topics::TOPICS;
use crate::tools::words::without;

const FEATURES: &str = "org.apache.kafka.tools.FeatureCommand";
const QUORUM: &str = "org.apache.kafka.tools.MetadataQuorumCommand";
const VERSIONS: &str = "org.apache.kafka.tools.BrokerApiVersionsCommand";
const DIRECTORIES: &str = "org.apache.kafka.tools.LogDirsCommand";

/// What is said of Kafka's other features differs.
const OF_FEATURES: &[&str] = &[
    "describe",
    "version-mapping",
    "version-mapping --release-version 4.0-IV3",
    "feature-dependencies --feature transaction.version=2",
    "upgrade --feature no.such.feature=1",
    "upgrade --feature metadata.version=1",
    "upgrade --feature metadata.version=99",
    "upgrade --feature metadata.version=27",
    "upgrade --metadata 4.1-IV1 --dry-run",
    "downgrade --feature metadata.version=27 --dry-run",
    "downgrade --feature metadata.version=32",
    "downgrade --feature metadata.version=32 --unsafe",
    "downgrade --metadata 4.3-IV0",
    "downgrade --metadata 4.0-IV3 --unsafe --dry-run",
    "downgrade --feature metadata.version=33",
    "downgrade --feature metadata.version=34",
    "downgrade --feature metadata.version=6 --unsafe",
    "upgrade --feature metadata.version=33 --dry-run",
    "downgrade --feature group.version=0",
    "describe",
    "upgrade --feature group.version=1",
    "upgrade --feature group.version=2",
    "feature-dependencies --feature group.version=1",
    "disable --feature group.version",
    "disable --feature metadata.version",
    "disable --feature no.such.feature",
    "describe",
];

const OF_THE_QUORUM: &[&str] = &[
    "describe --status",
    "describe --replication",
    "describe --replication --human-readable",
    "describe",
    "add-controller --dry-run",
];

const OF_DIRECTORIES: &[&str] = &[
    "--describe --topic-list stored",
    "--describe --topic-list stored --broker-list 1",
    "--describe --topic-list stored --broker-list 1,7",
    "--describe --topic-list nowhere",
    "--describe --topic-list stored,nowhere",
    "--topic-list stored",
    "--describe --broker-list x",
];

/// Of the features those that both have; how often any was changed is a broker's own.
fn of_features(line: &str) -> String {
    let name = line.strip_prefix("Feature: ").and_then(|rest| rest.split_whitespace().next());
    let common = ["group.version", "metadata.version", "transaction.version"];
    if name.is_some_and(|name| !common.contains(&name)) {
        return String::new();
    }
    without(line, "Epoch: ", ' ')
}

/// The offsets of the metadata log are a broker's own, and so is whom controllers listen to.
fn of_the_log(line: &str) -> String {
    let line = ["HighWatermark: ", "LeaderEpoch: "]
        .iter()
        .fold(line.to_owned(), |line, name| without(&line, name, ' '));
    without(&line, "\"endpoints\": [\"", '"')
}

/// A node's line: its id, its directory's, the end of its log, how far and how long it is behind.
fn of_the_table(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        [id, directory, _end, lag, .., status] if *directory == "ID" => {
            format!("{id} {directory} END {lag} WHEN WHEN {status}")
        }
        _ => line.to_owned(),
    }
}

/// Of the APIs those that Ottla serves, with their versions. It serves two from older ones on.
fn of_versions(line: &str) -> String {
    let Some((api, versions)) = line.trim().split_once("): ") else { return String::new() };
    let key = api.rsplit('(').next().and_then(|key| key.parse().ok());
    match APIS.iter().find(|served| Some(served.key) == key) {
        Some(Api { key: 19 | 20, .. }) => {
            format!("{api}) up to {}", versions.split(" to ").nth(1).unwrap_or(versions))
        }
        Some(_) => format!("{api}) {versions}"),
        None => String::new(),
    }
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn broker_api_versions_command() {
    let mut pair = pair();
    pair.tell_the_same(|side| {
        let shown = Cell::new(0);
        side.ask_with(VERSIONS, &[""], |line| {
            let seen = of_versions(line);
            shown.set(shown.get() + usize::from(!seen.is_empty()));
            seen
        });
        assert_eq!(shown.get(), APIS.len());
    });
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn feature_command() {
    let mut pair = pair();
    pair.tell_the_same(|side| {
        side.ask_with(FEATURES, OF_FEATURES, of_features);
    });
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn metadata_quorum_command() {
    let mut pair = pair();
    pair.tell_the_same(|side| {
        side.ask_with(QUORUM, OF_THE_QUORUM, |line| of_the_table(&of_the_log(line)));
    });
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn log_dirs_command() {
    let mut pair = pair();
    pair.tell_the_same(|side| {
        side.ask(TOPICS, &["--create --topic stored --partitions 3"]);
        for partition in 0..2 {
            side.broker
                .bash(&format!("echo one | kcat -b localhost:9092 -P -t stored -p {partition}"));
        }
        // No one has to write to a partition for it to have a place.
        let wanted = |line: &String| line.contains("stored-2");
        side.until("the third partition", |side| {
            side.printed(DIRECTORIES, OF_DIRECTORIES[0]).iter().any(wanted)
        });
        // How long a batch is depends on how fast its records came.
        let sizes = |line: &str| {
            line.split(',')
                .map(|part| match part.strip_prefix("\"size\":") {
                    Some("0") | None => part,
                    Some(_) => "\"size\":SOME",
                })
                .collect::<Vec<_>>()
                .join(",")
        };
        side.ask_with(DIRECTORIES, OF_DIRECTORIES, sizes);
        side.ask(TOPICS, &["--delete --topic stored"]);
    });
}
