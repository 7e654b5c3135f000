//! sarama, and its ClusterAdmin.

use std::process::Command;

use crate::broker::Ottla;
use crate::clients::go;
use crate::members::{begin_at_the_end, run, share_a_topic};

fn program(args: &[&str]) -> Command {
    let mut command = go("sarama", "sarama").unwrap();
    command.args(args);
    command
}

#[test]
fn sarama_members_share_a_topic_by_range_and_commit_by_themselves() {
    if go("sarama", "sarama, range").is_some() {
        share_a_topic(&program, "auto", "range");
    }
}

#[test]
fn sarama_members_share_a_topic_stick_and_commit_each_record() {
    if go("sarama", "sarama, sticky").is_some() {
        share_a_topic(&program, "manual", "sticky");
    }
}

#[test]
fn a_new_group_of_sarama_begins_at_the_end_if_it_says_so() {
    if go("sarama", "sarama, OffsetNewest").is_some() {
        begin_at_the_end(&program, "roundrobin");
    }
}

#[test]
fn the_sarama_admin_client_lists_describes_and_deletes_groups() {
    if go("sarama", "sarama, ClusterAdmin").is_some() {
        let mut ottla = Ottla::start();
        run(&program, &[&ottla.address, "admin"]);
        assert!(ottla.stop());
    }
}
