//! "Day 2: Data Flow and Message Patterns": what needs a terminal, or ends badly. The rest is in
//! `tests/it/cli/day_2.rs`, and its stopping and starting in `tests/it/cli/background.rs`.

use std::process::Command;

use ottla::storage::batch::{Codec, batches};

use crate::broker::Ottla;
use crate::clients::{needs, python, said};
use crate::labs::student::{Student, sorted};

#[test]
fn the_basic_producer_and_the_basic_consumer_at_two_terminals() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    student.type_("confluent local kafka topic create orders --partitions 6");
    let consumer = student.terminal("confluent local kafka topic consume orders");
    let mut producer = student.terminal("confluent local kafka topic produce orders");
    producer.until("each line is a record");
    // It begins at the end, wherever that is when it has come so far.
    let mut number = 0;
    consumer.until_so("something new", |screen| {
        number += 1;
        producer.keys(&format!("early {number}\n"));
        screen.contains("early")
    });
    producer.keys("the order\n");
    consumer.until("the order\n");
    let (code, screen) = producer.ctrl_d();
    assert_eq!(code, 0, "Ctrl-D is how a producer ends: {screen}");
    let (code, screen) = consumer.ctrl_c();
    assert_eq!(code, 0, "Ctrl-C is how a consumer ends: {screen}");
    // From the beginning all of them are there.
    let all = student.type_("confluent local kafka topic consume orders --from-beginning -e");
    assert_eq!(all.lines().count(), number + 1);
}

#[test]
fn a_producer_of_keys_at_a_terminal_ends_with_ctrl_c_and_has_sent_all() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    student.type_("confluent local kafka topic create orders --partitions 6");
    let mut producer = student.terminal(
        r#"confluent local kafka topic produce orders \
             --property "parse.key=true" \
             --property "key.separator=:" \
             --property "compression.type=snappy""#,
    );
    producer.until("each line is a record");
    producer.keys("customer1:first\ncustomer1:second\ncustomer2:first\n");
    // Each line is sent as it is typed, not first at the end.
    let read = student.type_(
        "confluent local kafka topic consume orders --from-beginning --print-key \
         --max-messages 3",
    );
    assert_eq!(producer.ctrl_c().0, 0);
    assert_eq!(sorted(&read), ["customer1\tfirst", "customer1\tsecond", "customer2\tfirst"]);
    let of_one: Vec<&str> = read.lines().filter(|line| line.starts_with("customer1")).collect();
    assert_eq!(of_one, ["customer1\tfirst", "customer1\tsecond"], "one key keeps its order");
}

#[test]
fn the_producer_configurations_of_the_text_are_taken() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    // "Key Producer Configurations", which are those of scenarios 1 and 3 as well.
    let (code, reported) = student.try_(
        "echo reliable | confluent local kafka topic produce reliable \
           --property acks=all \
           --property retries=3 \
           --property retry.backoff.ms=100 \
           --property linger.ms=10 \
           --property batch.size=16384 \
           --property compression.type=snappy \
           --property enable.idempotence=true",
    );
    assert_eq!((code, reported.as_str()), (0, ""));
    let log = ottla.log("reliable-0");
    let batch = batches(&log).next().unwrap().header;
    assert_eq!((batch.codec(), batch.base_sequence), (Some(Codec::Snappy), 0));
    // Scenario 2.
    let (code, reported) = student.try_(
        "echo quick | confluent local kafka topic produce quick \
           --property acks=1 --property linger.ms=100 --property batch.size=1048576",
    );
    assert_eq!((code, reported.as_str()), (0, ""));
    let log = ottla.log("quick-0");
    assert_eq!(batches(&log).next().unwrap().header.base_sequence, -1, "not idempotent");
}

#[test]
#[ignore = "needs watch"]
fn the_lag_of_a_group_is_watched() {
    let there = Command::new("watch").arg("-v").output().is_ok();
    needs("watch (of procps)", there);
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    student.type_(
        "seq 1 4 | confluent local kafka topic produce orders; \
         confluent local kafka topic consume orders --group my-group --from-beginning -n 3",
    );
    let watch =
        student.terminal(r#"watch -n 1 "confluent local kafka consumer group describe my-group""#);
    watch.until("LOG-END-OFFSET");
    watch.until("my-group");
    let before = watch.screen().len();
    student.type_("seq 5 88 | confluent local kafka topic produce orders");
    // Only what has changed is drawn again: the end of the log, and the lag.
    watch.until_so("the new end and the new lag", |screen| {
        screen[before..].contains("88") && screen[before..].contains("85")
    });
    watch.ctrl_c();
}

#[test]
fn after_a_failure_a_consumer_goes_on_from_the_last_committed_offset() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    student.type_("seq 1 9 | confluent local kafka topic produce orders");
    let consume = "confluent local kafka topic consume orders --group my-group --from-beginning";
    // What is asked for has been processed, and is committed.
    let first = student.type_(&format!("{consume} --max-messages 4"));
    assert_eq!(first, "1\n2\n3\n4\n");
    // Some more is read and not committed when the consumer is killed.
    let mut failing = student.terminal(&format!(
        "{consume} --property enable.auto.commit=false --property session.timeout.ms=6000 & \
         read -r; kill -9 $!; wait"
    ));
    failing.until("9\n");
    failing.keys("\n");
    assert_eq!(failing.end().0, 0);
    let again = student.type_(&format!("{consume} --max-messages 5"));
    assert_eq!(again, "5\n6\n7\n8\n9\n");
}

#[test]
#[ignore = "needs Python's clients"]
fn the_groups_of_day_2_do_what_the_text_says() {
    let mut program = python("day_2.py");
    let mut ottla = Ottla::on_localhost(&["num.partitions=3"]);
    said("day 2", &program.arg(&ottla.address).output().unwrap());
    assert!(ottla.stop());
}
