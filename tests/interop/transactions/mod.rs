//! Transactions of real clients.
//!
//! Each client has a program for it, called with the broker and one of these:
//!
//! * `copy SOURCE TARGET GROUP`: for ever read SOURCE in the group, with what is committed only, and
//!   write each record to the same partition of TARGET with `copy of ` before its value, up to 10
//!   records and the offsets after them in one transaction of the id GROUP. Every fifth transaction is
//!   aborted on purpose, and its records read again. It says `committed` or `aborted` for each, and
//!   `failed: ...` where it had to abort for an error.
//! * `fence TOPIC`: what the older of two producers with one id is refused with (`fencing.rs`).

mod copy;
mod fencing;

use std::process::Command;

use crate::clients::{beside, go, java_of_each_release, needs, node, python};

/// Returns Java with the clients of this release, ready to be called.
fn java(release: &str) -> Command {
    let name = format!("kafka-clients-{release}");
    let found = java_of_each_release().into_iter().find(|(jar, _)| *jar == name);
    needs(&name, found.is_some());
    let (_, mut command) = found.unwrap();
    command.arg("-XX:TieredStopAtLevel=1").arg(beside("kafka-clients/Transactions.java"));
    command
}

fn confluent_kafka() -> Command {
    python("transactions.py")
}

fn aiokafka() -> Command {
    python("transactions_aiokafka.py")
}

fn franz() -> Command {
    go("franz")
}

fn sarama() -> Command {
    go("sarama")
}

fn kafkajs() -> Command {
    node("transactions.js")
}
