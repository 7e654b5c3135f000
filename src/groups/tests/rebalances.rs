//! How long a rebalance takes, which members take part, and SyncGroup at its end.

use super::*;

#[test]
fn without_a_delay_the_first_member_is_alone_at_once() {
    let mut lab = Lab::new();
    let ticket = lab.join(&Join { requires_member_id: false, ..join("") });
    assert_eq!(lab.joined(ticket).members.len(), 1);
    assert_eq!(lab.phase(), "CompletingRebalance");
}

#[test]
fn an_empty_group_waits_for_its_delay_and_as_long_again_if_a_member_joins() {
    let mut lab = Lab::with(GroupCoordinatorConfig { initial_delay_ms: 3000, ..rules() });
    let first = lab.join(&Join { requires_member_id: false, ..join("") });
    lab.pass(2999);
    let second = lab.join(&Join { requires_member_id: false, ..join("") });
    lab.pass(3000);
    assert!(!lab.answered(first) && !lab.answered(second));
    lab.pass(1);
    assert_eq!(lab.joined(first).members.len(), 2);
    assert_eq!(lab.joined(second).generation, 1);
}

#[test]
fn a_member_alone_waits_for_the_delay_only_once() {
    let mut lab = Lab::with(GroupCoordinatorConfig { initial_delay_ms: 3000, ..rules() });
    let first = lab.join(&Join { requires_member_id: false, ..join("") });
    lab.pass(2999);
    assert!(!lab.answered(first));
    lab.pass(1);
    lab.joined(first);
}

#[test]
fn the_delay_is_not_put_off_beyond_the_rebalance_timeout() {
    let mut lab = Lab::with(GroupCoordinatorConfig { initial_delay_ms: 3000, ..rules() });
    let newcomer = Join { requires_member_id: false, rebalance_timeout_ms: 10_000, ..join("") };
    let mut tickets = vec![lab.join(&newcomer)];
    for _ in 0..9 {
        lab.pass(1000);
        tickets.push(lab.join(&newcomer));
    }
    lab.pass(999);
    assert!(!tickets.iter().any(|ticket| lab.answered(*ticket)));
    lab.pass(1);
    tickets.into_iter().for_each(|ticket| assert_eq!(lab.joined(ticket).generation, 1));
}

#[test]
fn a_first_rebalance_does_not_wait_for_ids_that_are_out() {
    let mut lab = Lab::new();
    let ids = [lab.new_id(&join("")), lab.new_id(&join(""))];
    let ticket = lab.join(&join(&ids[0]));
    assert_eq!(lab.joined(ticket).members.len(), 1);
}

#[test]
fn a_delay_that_no_member_outlives_leaves_no_group() {
    let mut lab = Lab::with(GroupCoordinatorConfig { initial_delay_ms: 3000, ..rules() });
    let id = lab.new_id(&join(""));
    let ticket = lab.join(&join(&id));
    assert_eq!(lab.leave(&[leaving(&id, None)]), [Ok(())]);
    assert_eq!(lab.refused(ticket), GroupError::UnknownMember);
    assert!(lab.groups.is_empty(), "the log knows nothing of it");
    assert_eq!(lab.groups.next_due_ms(), None);
}

#[test]
fn who_does_not_come_back_in_time_is_dropped() {
    let mut lab = Lab::new();
    let ids = lab.stable(3);
    let leader = lab.join(&join(&ids[0]));
    for _ in 0..REBALANCE / 5000 {
        lab.pass(5000 - 1);
        assert!(!lab.answered(leader));
        for id in &ids[1..] {
            assert_eq!(lab.beat(identity(id, 2)), Err(GroupError::RebalanceInProgress));
        }
        lab.pass(1);
    }
    assert_eq!(lab.joined(leader).members.len(), 1);
    assert_eq!(lab.members(), ids[..1]);
}

#[test]
fn the_longest_rebalance_timeout_counts() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let patient = Join { rebalance_timeout_ms: 90_000, ..join(&ids[0]) };
    let leader = lab.join(&patient);
    lab.pass(5000);
    assert_eq!(lab.beat(identity(&ids[1], lab.generation())), Err(GroupError::RebalanceInProgress));
    for _ in 0..16 {
        lab.pass(5000);
        let _ = lab.beat(identity(&ids[1], lab.generation()));
    }
    assert!(!lab.answered(leader));
    lab.pass(5000);
    lab.joined(leader);
}

#[test]
fn a_follower_that_rejoins_a_stable_group_disturbs_no_other_member() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    let ticket = lab.join(&join(&ids[1]));
    let joined = lab.joined(ticket);
    assert_eq!((joined.generation, joined.members.len()), (generation, 0));
    assert_eq!((joined.leader.as_str(), lab.phase()), (ids[0].as_str(), "Stable"));
}

#[test]
fn a_leader_that_joins_again_or_changed_metadata_begin_a_rebalance() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    lab.join(&join(&ids[0]));
    assert_eq!(lab.phase(), "PreparingRebalance");
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    lab.join(&Join { protocols: protocols(&["range", "sticky"]), ..join(&ids[1]) });
    assert_eq!(lab.phase(), "PreparingRebalance");
}

#[test]
fn a_member_that_rejoins_before_the_assignment_gets_the_same_answer() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    let ticket = lab.join(&join(&ids[0]));
    let joined = lab.joined(ticket);
    let again = lab.join(&join(&ids[0]));
    assert_eq!(lab.joined(again), joined);
    lab.join(&Join { protocols: protocols(&["sticky", "range"]), ..join(&ids[0]) });
    assert_eq!(lab.generation(), joined.generation + 1, "changed metadata is another matter");
}

#[test]
fn followers_wait_for_the_leader_and_get_what_it_says() {
    let mut lab = Lab::new();
    let ids = lab.stable(3);
    let tickets: Vec<TicketId> = ids.iter().map(|id| lab.join(&join(id))).collect();
    let generation = tickets.into_iter().map(|t| lab.joined(t).generation).max().unwrap();
    let second = lab.sync(identity(&ids[1], generation), &[]);
    assert!(!lab.answered(second));
    let given = [(ids[0].as_str(), "one"), (ids[1].as_str(), "two")];
    let first = lab.sync(identity(&ids[0], generation), &given);
    assert_eq!([lab.given(first), lab.given(second)], ["one", "two"]);
    assert_eq!(lab.phase(), "Stable");
    let third = lab.sync(identity(&ids[2], generation), &[]);
    assert_eq!(lab.given(third), "", "the leader did not name it");
    let Some(Record::Group { value: Some(value), .. }) = lab.records.last() else { panic!() };
    let written: Vec<&[u8]> = value.members.iter().map(|m| &m.assignment[..]).collect();
    assert_eq!((value.generation, written), (generation, vec![&b"one"[..], b"two", b""]));
}

#[test]
fn what_followers_say_is_not_an_assignment() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let tickets: Vec<TicketId> = ids.iter().map(|id| lab.join(&join(id))).collect();
    let generation = tickets.into_iter().map(|t| lab.joined(t).generation).max().unwrap();
    let follower = lab.sync(identity(&ids[1], generation), &[(&ids[1], "mine")]);
    assert!(!lab.answered(follower));
}

#[test]
fn a_sync_must_come_from_a_member_of_this_generation_and_protocol() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    for (who, fault) in [
        (identity("unknown", 1), GroupError::UnknownMember),
        (identity(&ids[0], 0), GroupError::IllegalGeneration),
        (identity(&ids[0], 2), GroupError::IllegalGeneration),
        (
            MemberIdentity { group: "none".to_owned(), ..identity("m", 1) },
            GroupError::UnknownMember,
        ),
    ] {
        let ticket = lab.sync(who, &[]);
        assert_eq!(lab.synced(ticket), Err(fault));
    }
    for (protocol_type, protocol, is_ours) in [
        (Some("consumer"), Some("range"), true),
        (Some("connect"), Some("range"), false),
        (Some("consumer"), Some("sticky"), false),
    ] {
        let (protocol_type, protocol) =
            (protocol_type.map(str::to_owned), protocol.map(str::to_owned));
        let identity = identity(&ids[0], 1);
        let sync = Sync { identity, protocol_type, protocol, assignments: Vec::new() };
        let ticket = lab.ask(Command::Sync(sync));
        let expected = if is_ours { Ok(()) } else { Err(GroupError::InconsistentProtocol) };
        assert_eq!(lab.synced(ticket).map(drop), expected);
    }
}

#[test]
fn a_sync_while_others_join_is_answered_with_rebalance_in_progress() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    lab.join(&join(&ids[0]));
    let ticket = lab.sync(identity(&ids[1], generation), &[]);
    assert_eq!(lab.synced(ticket), Err(GroupError::RebalanceInProgress));
}

#[test]
fn a_rebalance_before_the_assignment_ends_the_syncs_that_wait() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let tickets: Vec<TicketId> = ids.iter().map(|id| lab.join(&join(id))).collect();
    let generation = tickets.into_iter().map(|t| lab.joined(t).generation).max().unwrap();
    let waiting = lab.sync(identity(&ids[1], generation), &[]);
    lab.join(&Join { requires_member_id: false, ..join("") });
    assert_eq!(lab.synced(waiting), Err(GroupError::RebalanceInProgress));
}

#[test]
fn a_sync_that_is_sent_twice_is_answered_twice() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let tickets: Vec<TicketId> = ids.iter().map(|id| lab.join(&join(id))).collect();
    let generation = tickets.into_iter().map(|t| lab.joined(t).generation).max().unwrap();
    let once = lab.sync(identity(&ids[1], generation), &[]);
    let again = lab.sync(identity(&ids[1], generation), &[]);
    assert_eq!(lab.synced(once), Err(GroupError::RebalanceInProgress));
    let leader = lab.sync(identity(&ids[0], generation), &[(&ids[1], "two")]);
    assert_eq!([lab.given(again), lab.given(leader)], ["two", ""]);
}

#[test]
fn a_member_that_does_not_sync_in_time_is_removed_and_the_others_rebalance() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let tickets: Vec<TicketId> = ids.iter().map(|id| lab.join(&join(id))).collect();
    let generation = tickets.into_iter().map(|t| lab.joined(t).generation).max().unwrap();
    let leader = lab.sync(identity(&ids[0], generation), &[]);
    lab.given(leader);
    for _ in 0..REBALANCE / 5000 {
        assert_eq!(lab.phase(), "Stable");
        for id in &ids {
            assert_eq!(lab.beat(identity(id, generation)), Ok(()));
        }
        lab.pass(5000);
    }
    assert_eq!(lab.phase(), "PreparingRebalance");
    assert_eq!(lab.members(), ids[..1]);
}

#[test]
fn a_leader_that_never_assigns_is_removed() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let tickets: Vec<TicketId> = ids.iter().map(|id| lab.join(&join(id))).collect();
    let generation = tickets.into_iter().map(|t| lab.joined(t).generation).max().unwrap();
    let waiting = lab.sync(identity(&ids[1], generation), &[]);
    for _ in 0..REBALANCE / 5000 {
        assert!(!lab.answered(waiting));
        assert_eq!(lab.beat(identity(&ids[0], generation)), Ok(()));
        lab.pass(5000);
    }
    assert_eq!(lab.synced(waiting), Err(GroupError::RebalanceInProgress));
    assert_eq!(lab.members(), ids[1..]);
}

#[test]
fn members_come_back_after_a_crash_without_a_rebalance() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    lab.crash();
    for id in &ids {
        assert_eq!(lab.beat(identity(id, generation)), Ok(()));
        let ticket = lab.sync(identity(id, generation), &[]);
        assert_eq!(lab.given(ticket), "given");
    }
    assert_eq!(lab.phase(), "Stable");
    lab.pass(SESSION);
    assert!(lab.members().is_empty(), "the session of a member that does not rejoin expires");
}

#[test]
fn a_start_knows_what_a_member_said_last() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    let changed = Join {
        protocols: protocols(&["sticky", "range"]),
        session_timeout_ms: 20_000,
        rebalance_timeout_ms: 5000,
        ..join(&ids[0])
    };
    let ticket = lab.join(&changed);
    let generation = lab.joined(ticket).generation;
    lab.sync(identity(&ids[0], generation), &[]);
    let before = lab.groups.durable();
    lab.crash();
    assert_eq!(lab.groups.durable(), before);
    lab.pass(20_000 - 1);
    assert_eq!(lab.members(), ids);
    lab.pass(1);
    assert!(lab.members().is_empty());
}
