//! kafkajs, on Node.

use std::process::Command;

use crate::broker::Ottla;
use crate::clients::{limited, node, said};
use crate::members::share_a_topic;

fn program(args: &[&str]) -> Command {
    let mut command = node("member.js");
    command.args(args);
    command
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn kafkajs_members_share_a_topic_and_commit_by_themselves() {
    share_a_topic(&program, "auto", "roundrobin");
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn kafkajs_members_share_a_topic_and_commit_each_record() {
    share_a_topic(&program, "manual", "roundrobin");
}

fn run(script: &str) {
    let mut command = node(script);
    let mut ottla = Ottla::start();
    print!("{}", said(script, &limited(command.arg(&ottla.address)).output().unwrap()));
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn kafkajs_subscribes_as_the_tutorial_does() {
    run("subscriptions.js");
}

#[test]
#[ignore = "needs Node with kafkajs"]
fn the_kafkajs_admin_client_handles_groups() {
    run("admin.js");
}
