//! franz-go, and its admin client kadm.

use std::process::Command;

use crate::broker::Ottla;
use crate::clients::go;
use crate::members::{Member, begin_at_the_end, run, share_a_topic, until};

fn program(args: &[&str]) -> Command {
    let mut command = go("franz");
    command.args(args);
    command
}

fn share(commit: &str, balancer: &str) {
    share_a_topic(&program, commit, balancer);
}

#[test]
#[ignore = "needs Go with its clients"]
fn franz_members_share_a_topic_by_range() {
    share("auto", "range");
}

#[test]
#[ignore = "needs Go with its clients"]
fn franz_members_share_a_topic_by_turns() {
    share("manual", "roundrobin");
}

#[test]
#[ignore = "needs Go with its clients"]
fn franz_members_share_a_topic_and_stick_to_their_partitions() {
    share("manual", "sticky");
}

#[test]
#[ignore = "needs Go with its clients"]
fn franz_members_share_a_topic_and_rebalance_cooperatively() {
    share("auto", "cooperative-sticky");
}

#[test]
#[ignore = "needs Go with its clients"]
fn a_topic_made_later_comes_to_the_members_whose_pattern_it_fits() {
    let ottla = Ottla::start();
    let create = |topic| drop(run(&program, &[&ottla.address, "create", topic, "1"]));
    create("user.signup");
    create("superuser.x");
    let join = || {
        let (broker, users) = (ottla.address.as_str(), "/^user\\..*/");
        Member::start(program(&[broker, "member", "users", users, "auto", "earliest", "range"]))
    };
    let members = [join(), join()];
    let owned = || members.iter().flat_map(Member::owned).collect::<Vec<_>>();
    until("the topic that was there has an owner", || owned() == ["user.signup:0"]);
    create("user.login");
    run(&program, &[&ottla.address, "produce", "user.login", "1", "0", "10"]);
    until("the topic that came later has an owner", || {
        let mut owned = owned();
        owned.sort();
        owned == ["user.login:0", "user.signup:0"]
    });
    until("its records came", || members.iter().map(|m| m.seen().len()).sum::<usize>() == 10);
    members.into_iter().for_each(|member| drop(member.leave()));
}

#[test]
#[ignore = "needs Go with its clients"]
fn a_new_group_of_franz_begins_at_the_end_if_it_says_so() {
    begin_at_the_end(&program, "cooperative-sticky");
}

fn alone(command: &str) {
    let mut ottla = Ottla::start();
    run(&program, &[&ottla.address, command]);
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Go with its clients"]
fn kadm_lists_describes_commits_and_deletes_groups_and_knows_their_lag() {
    alone("admin");
}

#[test]
#[ignore = "needs Go with its clients"]
fn a_lag_checker_that_reads_the_offsets_topic_understands_it() {
    alone("offsets");
}
