//! "02. Producers & Consumers", with kafkajs. What the programs of that text do besides is in
//! `kafkajs.rs`: subscriptions, members that come and go, commits.

use ottla::storage::batch::{Codec, batches};

use crate::broker::Ottla;
use crate::clients::{limited, node, said};

fn run(ottla: &Ottla, args: &[&str]) -> String {
    let mut command = node("producers_consumers.js");
    command.arg(&ottla.address).args(args);
    said(&args.join(" "), &limited(&command).output().unwrap())
}

/// A part of the program that checks itself; the broker that it ran against.
fn checked(part: &str) -> Ottla {
    let ottla = Ottla::on_localhost(&[]);
    run(&ottla, &[part]);
    ottla
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn what_is_sent_is_read_with_its_offset_its_key_and_its_value() {
    let ottla = Ottla::on_localhost(&[]);
    run(&ottla, &["orders"]);
    let all = "{ offset: '0', key: undefined, value: 'Order #123' }\n\
               { offset: '1', key: 'user123', value: 'Order data' }\n\
               { offset: '2', key: 'user1', value: 'Order 1' }\n\
               { offset: '3', key: 'user2', value: 'Order 2' }\n\
               { offset: '4', key: 'user3', value: 'Order 3' }\n";
    for group in ["my-group", "another-group"] {
        assert_eq!(run(&ottla, &["read", group, "5"]), all, "{group}");
    }
    // The group has committed what it has read.
    run(&ottla, &["orders"]);
    let second = run(&ottla, &["read", "my-group", "5"]);
    assert!(second.starts_with("{ offset: '5', key: undefined, value: 'Order #123' }\n"));
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn messages_with_one_key_are_in_one_partition_in_order() {
    checked("keys");
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn the_settings_of_producer_and_consumer_do_what_they_say() {
    let ottla = checked("settings");
    let zipped = ottla.log("zipped-0");
    assert!(batches(&zipped).all(|batch| batch.header.codec() == Some(Codec::Gzip)));
    let once = ottla.log("once-0");
    let sequences: Vec<i32> = batches(&once).map(|batch| batch.header.base_sequence).collect();
    assert_eq!(sequences, [0, 1], "an idempotent producer numbers its batches");
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn a_message_has_a_partition_headers_and_a_timestamp() {
    checked("message");
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn what_is_not_committed_is_the_lag_and_is_read_again() {
    checked("manual");
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn partitions_are_reassigned_when_members_come_and_go() {
    checked("rebalance");
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn what_fails_three_times_goes_to_the_dead_letters() {
    checked("retries");
}
