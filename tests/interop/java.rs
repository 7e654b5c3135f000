//! The Java clients of Kafka: producer, consumer and admin, also those of earlier releases.

use crate::broker::Ottla;
use crate::clients::{beside, java, java_of_each_release, limited, number, said};

fn run(ottla: &Ottla, class: &str, args: &[&str]) {
    let mut command = java();
    let output = command.arg(format!("ottla.{class}")).arg(&ottla.address).args(args).output();
    print!("{}", said(class, &output.unwrap()));
}

#[test]
#[ignore = "needs Java with Kafka's jars"]
fn java_round_trips_many_records_over_three_partitions() {
    let records = number("OTTLA_INTEROP_RECORDS", 100_000);
    let mut ottla = Ottla::start();
    run(&ottla, "RoundTrip", &[&records.to_string(), "none"]);
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        run(&ottla, "RoundTrip", &[&(records / 20).to_string(), codec]);
    }
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Java with Kafka's jars"]
fn java_round_trips_records_of_every_shape_and_finds_its_way() {
    let mut ottla = Ottla::start();
    run(&ottla, "Records", &[]);
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Java with Kafka's jars"]
fn the_java_admin_client_handles_topics() {
    let mut ottla = Ottla::start();
    run(&ottla, "Topics", &[]);
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Java with the clients of earlier releases of Kafka"]
fn java_clients_of_every_age_create_produce_read_and_commit() {
    let mut ottla = Ottla::start();
    for (release, mut java) in java_of_each_release() {
        java.arg(beside("kafka-clients/Client.java")).args([&ottla.address, &release]);
        said(&release, &limited(&java).output().unwrap());
        println!("{release}");
    }
    assert!(ottla.stop());
}
