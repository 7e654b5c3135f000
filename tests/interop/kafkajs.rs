//! kafkajs, on Node.

use std::process::Command;

use crate::broker::Ottla;
use crate::clients::{limited, node, said};
use crate::members::share_a_topic;

fn program(args: &[&str]) -> Command {
    let mut command = node("member.js", "kafkajs").unwrap();
    command.args(args);
    command
}

#[test]
fn kafkajs_members_share_a_topic_and_commit_by_themselves() {
    if node("member.js", "kafkajs, auto-commit").is_some() {
        share_a_topic(&program, "auto", "roundrobin");
    }
}

#[test]
fn kafkajs_members_share_a_topic_and_commit_each_record() {
    if node("member.js", "kafkajs, commitOffsets").is_some() {
        share_a_topic(&program, "manual", "roundrobin");
    }
}

fn run(script: &str) {
    let Some(mut command) = node(script, script) else { return };
    let mut ottla = Ottla::start();
    print!("{}", said(script, &limited(command.arg(&ottla.address)).output().unwrap()));
    assert!(ottla.stop());
}

#[test]
fn kafkajs_subscribes_as_the_tutorial_does() {
    run("subscriptions.js");
}

#[test]
fn the_kafkajs_admin_client_handles_groups() {
    run("admin.js");
}
