//! The coordinator's limits.

use super::*;
use crate::groups::limits::{COMMIT_BYTES_MAX, PROTOCOLS_MAX};

fn limited(limits: Limits) -> Lab {
    Lab::with(GroupCoordinatorConfig { limits, ..rules() })
}

fn simple(group: &str) -> MemberIdentity {
    MemberIdentity { group: group.to_owned(), generation: -1, ..MemberIdentity::default() }
}

fn commit_to(lab: &mut Lab, group: &str) -> Result<(), GroupError> {
    lab.commit(commit(simple(group), vec![to_commit("t", 0, 1)])).map(drop)
}

/// Returns a join with one protocol, whose metadata has `bytes` bytes.
fn large(member: &str, bytes: usize) -> Join {
    let protocols = vec![("range".to_owned(), Bytes::from(vec![0; bytes]))];
    Join { protocols, requires_member_id: false, ..join(member) }
}

#[test]
fn beyond_group_max_count_no_group_is_new_and_the_others_live_on() {
    let mut lab = limited(Limits { groups: 2, ..Limits::NONE });
    let ids = lab.stable(1);
    assert_eq!(commit_to(&mut lab, "h"), Ok(()));
    assert_eq!(commit_to(&mut lab, "i"), Err(GroupError::OffsetLimit(Limit::Groups)));
    let identity = MemberIdentity { group: "i".to_owned(), ..identity("", -1) };
    let ticket = lab.join(&Join { identity, ..join("") });
    assert_eq!(lab.refused(ticket), GroupError::GroupLimit(Limit::Groups));
    assert_eq!((commit_to(&mut lab, "h"), lab.groups.usage().groups), (Ok(()), 2));
    let member = super::identity(&ids[0], 1);
    assert_eq!(lab.beat(member.clone()), Ok(()));
    assert_eq!(lab.commit_as(member), Ok(()));
    lab.new_id(&join(""));
    lab.ask(Command::Delete(Delete { group: "h".to_owned() }));
    assert_eq!(commit_to(&mut lab, "i"), Ok(()), "there is room again");
}

#[test]
fn a_log_with_more_groups_and_bytes_than_may_be_is_taken_all_the_same() {
    let mut lab = Lab::new();
    for group in ["a", "b", "c"] {
        assert_eq!(commit_to(&mut lab, group), Ok(()));
    }
    lab.groups.rules.limits = Limits { groups: 2, bytes: 1, ..Limits::NONE };
    lab.crash();
    assert_eq!(lab.groups.usage().groups, 3);
    assert_eq!(commit_to(&mut lab, "a"), Ok(()), "it does not grow by this");
    assert_eq!(commit_to(&mut lab, "d"), Err(GroupError::OffsetLimit(Limit::Groups)));
    let more = commit(simple("a"), vec![to_commit("t", 1, 1)]);
    assert_eq!(lab.commit(more), Err(GroupError::OffsetLimit(Limit::Bytes)));
}

#[test]
fn members_of_a_group_share_group_max_bytes() {
    let mut lab = limited(Limits { group_bytes: 10_000, ..Limits::NONE });
    let first = lab.join(&large("", 3000));
    let id = lab.joined(first).member;
    let second = lab.join(&large("", 5000));
    assert_eq!(lab.refused(second), GroupError::GroupLimit(Limit::GroupBytes));
    assert_eq!(lab.members(), std::slice::from_ref(&id));
    let again = lab.join(&large(&id, 8000));
    assert_eq!(lab.joined(again).generation, 2, "it takes the place of what it said before");
    let again = lab.join(&large(&id, 9000));
    assert_eq!(lab.refused(again), GroupError::GroupLimit(Limit::GroupBytes));
    let again = lab.join(&large(&id, 100));
    assert_eq!(lab.joined(again).generation, 3, "less is always taken");
}

#[test]
fn all_groups_share_group_coordinator_max_bytes() {
    let mut lab = limited(Limits { bytes: 20_000, ..Limits::NONE });
    let first = lab.join(&large("", 15_000));
    let id = lab.joined(first).member;
    let identity = |group: &str| MemberIdentity { group: group.to_owned(), ..identity("", -1) };
    let other = lab.join(&Join { identity: identity("h"), ..large("", 5000) });
    assert_eq!(lab.refused(other), GroupError::GroupLimit(Limit::Bytes));
    assert!(lab.described("h").is_err(), "nothing is kept of it");
    let mut committed = 0;
    while commit_to(&mut lab, &format!("h{committed}")).is_ok() {
        committed += 1;
    }
    assert!((3..10).contains(&committed), "{committed}");
    assert_eq!(commit_to(&mut lab, "h0"), Ok(()), "one that is there is replaced");
    assert_eq!(lab.leave(&[leaving(&id, None)]), [Ok(())]);
    assert_eq!(commit_to(&mut lab, "i"), Ok(()), "there is room again");
}

#[test]
fn assignments_that_a_group_has_no_room_for_are_refused_to_all_who_wait() {
    let mut lab = limited(Limits { group_bytes: 20_000, ..Limits::NONE });
    let ids = lab.stable(2);
    let tickets: Vec<TicketId> = ids.iter().map(|id| lab.join(&join(id))).collect();
    let generation = tickets.into_iter().map(|t| lab.joined(t).generation).max().expect("two");
    let follower = lab.sync(identity(&ids[1], generation), &[]);
    let assignments = vec![(ids[1].clone(), Bytes::from(vec![0; 20_000]))];
    let identity = identity(&ids[0], generation);
    let sync = Sync { identity, protocol_type: None, protocol: None, assignments };
    let leader = lab.ask(Command::Sync(sync));
    let fault = Err(GroupError::GroupLimit(Limit::GroupBytes));
    assert_eq!((lab.synced(leader), lab.synced(follower)), (fault.clone(), fault));
    assert_eq!(lab.phase(), "PreparingRebalance");
    lab.crash();
    assert_eq!(lab.described("g").expect("a group").members[1].assignment, &b"given"[..]);
}

#[test]
fn what_is_too_large_whatever_the_groups_are_is_refused_at_once() {
    let limits = Limits { member_bytes: 10_000, group_bytes: 20_000, ..Limits::NONE };
    let offered =
        |count| Join { protocols: vec![(String::new(), Bytes::new()); count], ..join("") };
    let join = |join| limits.check_join(&join).err();
    assert_eq!(join(offered(PROTOCOLS_MAX)), None);
    assert_eq!(join(offered(PROTOCOLS_MAX + 1)), Some(GroupError::GroupLimit(Limit::Protocols)));
    assert_eq!(join(large("", 8800)), None);
    assert_eq!(join(large("", 10_000)), Some(GroupError::GroupLimit(Limit::MemberBytes)));
    let gives = |count| {
        let assignments = vec![(String::new(), Bytes::new()); count];
        let identity = identity("m", 1);
        limits.check_sync(&Sync { identity, protocol_type: None, protocol: None, assignments })
    };
    assert_eq!(gives(19), Ok(()));
    assert_eq!(gives(20), Err(GroupError::GroupLimit(Limit::GroupBytes)));
    let commits =
        |count| limits.check_commit(&commit(simple("g"), vec![to_commit("t", 0, 1); count]));
    let most = COMMIT_BYTES_MAX / (60 + 2);
    assert_eq!(commits(most), Ok(()));
    assert_eq!(commits(most + 1), Err(GroupError::OffsetLimit(Limit::CommitBytes)));
}

#[test]
fn nothing_is_counted_of_what_has_gone() {
    let mut lab = Lab::new();
    let ids = lab.stable(3);
    let offsets = vec![to_commit("t", 0, 1), to_commit("t", 1, 2), to_commit("u", 0, 3)];
    lab.commit(commit(identity(&ids[0], lab.generation()), offsets)).expect("a commit");
    let Usage { groups, members, offsets, bytes } = lab.groups.usage();
    assert_eq!((groups, members, offsets), (1, 3, 3));
    assert!((4000..8000).contains(&bytes), "{bytes}");
    let all: Vec<LeavingMember> = ids.iter().map(|id| leaving(id, None)).collect();
    lab.leave(&all);
    lab.ask(Command::Delete(Delete { group: "g".to_owned() }));
    assert_eq!(lab.groups.usage(), Usage::default());
    assert!(lab.groups.is_empty());
}
