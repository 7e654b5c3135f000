//! The Python clients: confluent-kafka, which is the newest librdkafka, and kafka-python.

use crate::broker::Ottla;
use crate::clients::{python, said};

fn run(script: &str) {
    let mut command = python(script);
    let mut ottla = Ottla::start();
    print!("{}", said(script, &command.arg(&ottla.address).output().unwrap()));
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Python's clients"]
fn confluent_kafka_writes_reads_and_asks() {
    run("librdkafka.py");
}

#[test]
#[ignore = "needs Python's clients"]
fn kafka_python_writes_and_reads() {
    run("pure_python.py");
}

#[test]
#[ignore = "needs Python's clients"]
fn a_group_takes_in_the_partitions_that_its_topic_is_given() {
    run("growth.py");
}
