//! sarama, and its ClusterAdmin.

use std::process::Command;

use crate::broker::Ottla;
use crate::clients::go;
use crate::members::{begin_at_the_end, run, share_a_topic};

fn program(args: &[&str]) -> Command {
    let mut command = go("sarama");
    command.args(args);
    command
}

#[test]
#[ignore = "needs Go with its clients"]
fn sarama_members_share_a_topic_by_range_and_commit_by_themselves() {
    share_a_topic(&program, "auto", "range");
}

#[test]
#[ignore = "needs Go with its clients"]
fn sarama_members_share_a_topic_stick_and_commit_each_record() {
    share_a_topic(&program, "manual", "sticky");
}

#[test]
#[ignore = "needs Go with its clients"]
fn a_new_group_of_sarama_begins_at_the_end_if_it_says_so() {
    begin_at_the_end(&program, "roundrobin");
}

#[test]
#[ignore = "needs Go with its clients"]
fn the_sarama_admin_client_lists_describes_and_deletes_groups() {
    let mut ottla = Ottla::start();
    run(&program, &[&ottla.address, "admin"]);
    assert!(ottla.stop());
}
