//! Client quotas with Kafka's own tools.

use crate::broker::Ottla;
use crate::clients::{java, said};
use crate::tools::side::{Tools, pair};

const CONFIGS: &str = "org.apache.kafka.tools.ConfigCommand";

/// Asked of both. Users are named together with client ids: alone, the tool would also ask for
/// their passwords.
const ASKED: &[&str] = &[
    "--alter --entity-type clients --entity-name a --add-config producer_byte_rate=500000",
    "--alter --entity-type clients --entity-name a --add-config consumer_byte_rate=7,request_percentage=12.5",
    "--describe --entity-type clients --entity-name a",
    "--alter --entity-type clients --entity-default --add-config controller_mutation_rate=0.5",
    "--describe --entity-type clients --entity-default",
    "--alter --entity-type users --entity-name u --entity-type clients --entity-name a --add-config producer_byte_rate=1",
    "--alter --entity-type users --entity-name u --entity-type clients --entity-default --add-config producer_byte_rate=2",
    "--alter --entity-type users --entity-default --entity-type clients --entity-default --add-config producer_byte_rate=3",
    "--describe --entity-type users --entity-name u --entity-type clients --entity-name a",
    "--describe --entity-type users --entity-name u --entity-type clients",
    "--describe --entity-type users --entity-type clients",
    "--describe --entity-type clients",
    "--alter --entity-type ips --entity-name 10.0.0.1 --add-config connection_creation_rate=10",
    "--alter --entity-type ips --entity-default --add-config connection_creation_rate=1000",
    "--describe --entity-type ips --entity-name 10.0.0.1",
    "--describe --entity-type ips",
    "--describe --entity-type ips --entity-name 10.0.0.9",
    // What is wrong.
    "--alter --entity-type clients --entity-name a --add-config producer_byte_rate=0",
    "--alter --entity-type clients --entity-name a --add-config producer_byte_rate=1.5",
    "--alter --entity-type clients --entity-name a --add-config producer_byte_rate=1e19",
    "--alter --entity-type clients --entity-name a --add-config no_such=1",
    "--alter --entity-type clients --entity-name a --delete-config no_such",
    "--alter --entity-type ips --entity-name 10.0.0.1 --add-config producer_byte_rate=1",
    "--alter --entity-type ips --entity-name 10.0.0.1 --add-config connection_creation_rate=3000000000",
    // And back.
    "--alter --entity-type clients --entity-name a --delete-config producer_byte_rate",
    "--describe --entity-type clients --entity-name a",
    "--alter --entity-type clients --entity-name a --delete-config consumer_byte_rate,request_percentage",
    "--describe --entity-type clients --entity-name a",
];

/// Others are to find none.
const FORGOTTEN: &[&str] = &[
    "--alter --entity-type clients --entity-default --delete-config controller_mutation_rate",
    "--alter --entity-type users --entity-name u --entity-type clients --entity-name a --delete-config producer_byte_rate",
    "--alter --entity-type users --entity-name u --entity-type clients --entity-default --delete-config producer_byte_rate",
    "--alter --entity-type users --entity-default --entity-type clients --entity-default --delete-config producer_byte_rate",
    "--alter --entity-type ips --entity-name 10.0.0.1 --delete-config connection_creation_rate",
    "--alter --entity-type ips --entity-default --delete-config connection_creation_rate",
    "--describe --entity-type users --entity-type clients",
    "--describe --entity-type clients",
    "--describe --entity-type ips",
];

/// The quotas of one line come in any order.
fn in_order(line: &str) -> String {
    let Some((head, quotas)) = line.split_once(" are ") else { return line.to_owned() };
    let mut quotas: Vec<&str> = quotas.split(", ").collect();
    quotas.sort_unstable();
    format!("{head} are {}", quotas.join(", "))
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn kafkas_config_command_says_the_same_of_quotas() {
    let mut pair = pair();
    pair.tell_the_same(|side| {
        side.ask_unordered(CONFIGS, ASKED, in_order);
        side.ask_unordered(CONFIGS, FORGOTTEN, in_order);
    });
}

#[test]
#[ignore = "needs Java with Kafka's jars"]
fn kafka_reads_the_quotas_in_the_metadata_log() {
    let ottla = Ottla::start();
    let mut tools = Tools::start(&ottla);
    for args in &ASKED[..6] {
        tools.run(&format!("{CONFIGS} --bootstrap-server {} {args}", ottla.address));
    }
    tools.run(&format!("{CONFIGS} --bootstrap-server {} {}", ottla.address, ASKED[24]));
    let dir = ottla.stop_for_good();
    let log = dir.path().join("data/__cluster_metadata-0/00000000000000000000.log");
    let dump = java()
        .args(["org.apache.kafka.tools.DumpLogSegments", "--cluster-metadata-decoder", "--files"])
        .arg(&log)
        .output();
    let dump = said("kafka-dump-log", &dump.unwrap());
    let quotas: Vec<&str> = dump.lines().filter(|l| l.contains("CLIENT_QUOTA_RECORD")).collect();
    println!("{}", quotas.join("\n"));
    let has = |parts: &[&str]| quotas.iter().any(|line| parts.iter().all(|p| line.contains(p)));
    assert!(has(&[r#""entityName":"a""#, r#""key":"producer_byte_rate","value":500000.0"#]));
    assert!(has(&[r#""entityName":null"#, r#""key":"controller_mutation_rate","value":0.5"#]));
    assert!(has(&[r#""entityType":"user","entityName":"u""#, r#""value":1.0"#]));
    assert!(has(&[r#""entityName":"a""#, r#""key":"producer_byte_rate""#, r#""remove":true"#]));
}

/// Kafka's own load generator, held to a rate. How well is printed, and asserted nowhere: it
/// depends on how busy the machine is.
#[test]
#[ignore = "needs Java with Kafka's jars"]
fn kafkas_producer_performance_test_is_throttled() {
    let test = "kafka-producer-perf-test";
    let mut ottla = Ottla::start_with(&["quota.window.num=3"]);
    let mut tools = Tools::start(&ottla);
    let set = "--alter --entity-type clients --entity-name limited --add-config producer_byte_rate=1000000";
    let reported = tools.run(&format!("{CONFIGS} --bootstrap-server {} {set}", ottla.address));
    assert!(reported.iter().any(|line| line.contains("Completed updating config")), "{reported:?}");
    let throttle_ms = |client: &str| {
        let output = java()
            .args(["org.apache.kafka.tools.ProducerPerformance", "--topic", "records"])
            .args(["--num-records", "8000", "--record-size", "1000", "--throughput", "-1"])
            .args(["--print-metrics", "--producer-props", "linger.ms=5"])
            .args([format!("bootstrap.servers={}", ottla.address), format!("client.id={client}")])
            .output();
        let printed = said(test, &output.unwrap());
        let line = printed.lines().find(|line| line.contains("8000 records sent"));
        println!("{client}: {}", line.unwrap());
        let metric = printed.lines().find(|line| line.contains("produce-throttle-time-avg"));
        let value = metric.and_then(|line| line.rsplit(' ').next()).unwrap();
        value.parse::<f64>().unwrap_or_else(|_| panic!("{metric:?}"))
    };
    let (limited, free) = (throttle_ms("limited"), throttle_ms("free"));
    println!("produce-throttle-time-avg: {limited} ms where limited, {free} ms where not");
    assert!(limited > 0.0);
    assert_eq!(free, 0.0);
    drop(tools);
    assert!(ottla.stop());
}
