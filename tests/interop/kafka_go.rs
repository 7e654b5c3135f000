//! kafka-go of segmentio: the newest, and 0.4.47, which still speaks the oldest versions.

use crate::broker::Ottla;
use crate::clients::{go, limited, said};

fn run(program: &str) {
    let mut command = go(program);
    let mut ottla = Ottla::start();
    said(program, &limited(command.arg(&ottla.address)).output().unwrap());
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Go with its clients"]
fn kafka_go_makes_topics_writes_and_reads_in_groups() {
    run("kafkago");
}

#[test]
#[ignore = "needs Go with its clients"]
fn kafka_go_of_0_4_47_makes_topics_writes_and_reads_in_groups() {
    run("kafkago-0.4.47");
}
