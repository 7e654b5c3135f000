//! JoinGroup: which members are admitted, and with which id.

use super::*;

#[test]
fn joining_a_group_without_a_name_is_refused() {
    let mut lab = Lab::new();
    let mut join = join("");
    join.identity.group.clear();
    let ticket = lab.join(&join);
    assert_eq!(lab.refused(ticket), GroupError::InvalidGroupId);
    let nameless = MemberIdentity { group: String::new(), ..identity("m", 1) };
    assert_eq!(lab.beat(nameless.clone()), Err(GroupError::InvalidGroupId));
    let ticket = lab.sync(nameless.clone(), &[]);
    assert_eq!(lab.synced(ticket), Err(GroupError::InvalidGroupId));
    assert_eq!(lab.commit_as(nameless.clone()), Err(GroupError::IllegalGeneration));
    assert_eq!(lab.described("").map(drop), Err(GroupError::GroupNotFound));
    assert!(lab.groups.is_empty());
    // As in Kafka it may nevertheless have offsets, of consumers that assign themselves.
    let simple = MemberIdentity { generation: -1, member: String::new(), ..nameless };
    assert_eq!(lab.commit_as(simple), Ok(()));
    assert_eq!(lab.offset("", "t", 0).map(|c| c.offset), Some(1));
    assert_eq!(lab.described("").map(|described| described.state), Ok("Empty"));
    lab.crash();
    assert_eq!(lab.offset("", "t", 0).map(|c| c.offset), Some(1));
}

#[test]
fn a_session_timeout_must_lie_within_its_limits() {
    let mut lab = Lab::new();
    for (ms, is_refused) in [(5999, true), (6000, false), (1_800_000, false), (1_800_001, true)] {
        let join = Join { session_timeout_ms: ms, requires_member_id: false, ..join("") };
        let ticket = lab.join(&join);
        match lab.said.remove(&ticket) {
            Some(Reply::Joined(Err(JoinError::Refused(fault, _)))) if is_refused => {
                assert_eq!(fault, GroupError::InvalidSessionTimeout, "{ms}");
            }
            other => assert!(!is_refused, "{ms}: {other:?}"),
        }
    }
}

#[test]
fn a_newcomer_is_given_an_id_first_and_joins_with_it() {
    let mut lab = Lab::new();
    let id = lab.new_id(&join(""));
    assert!(id.starts_with("client-") && id.len() == "client-".len() + 36, "{id}");
    assert_eq!(lab.phase(), "Empty");
    let ticket = lab.join(&join(&id));
    let joined = lab.joined(ticket);
    assert_eq!((joined.member.as_str(), joined.generation), (id.as_str(), 1));
    assert_eq!(joined.leader, id);
    assert!(lab.records.is_empty(), "nothing is written before there is an assignment");
}

#[test]
fn a_newcomer_of_an_older_version_is_let_in_at_once() {
    let mut lab = Lab::new();
    let ticket = lab.join(&Join { requires_member_id: false, ..join("") });
    assert_eq!(lab.joined(ticket).generation, 1);
}

#[test]
fn an_id_that_no_member_was_given_is_unknown() {
    let mut lab = Lab::new();
    let ticket = lab.join(&join("invented"));
    assert_eq!(lab.refused(ticket), GroupError::UnknownMember);
    assert!(lab.groups.is_empty(), "asking for a group does not make one");
    lab.stable(1);
    let ticket = lab.join(&join("invented"));
    assert_eq!(lab.refused(ticket), GroupError::UnknownMember);
}

#[test]
fn a_given_id_is_forgotten_after_the_session_timeout() {
    let mut lab = Lab::new();
    let id = lab.new_id(&join(""));
    lab.pass(SESSION - 1);
    assert_eq!(lab.groups.pending, 1);
    lab.pass(1);
    assert!(lab.groups.is_empty());
    let ticket = lab.join(&join(&id));
    assert_eq!(lab.refused(ticket), GroupError::UnknownMember);
}

#[test]
fn a_given_id_that_is_not_a_static_member_cannot_join_as_one() {
    let mut lab = Lab::new();
    let id = lab.new_id(&join(""));
    let ticket = lab.join(&static_join(&id, "i"));
    assert_eq!(lab.refused(ticket), GroupError::UnknownMember);
    assert_eq!(lab.groups.pending, 1);
}

#[test]
fn ids_that_are_out_are_counted_and_there_is_a_limit() {
    let mut lab = Lab::new();
    lab.groups.pending = 100_000 - 1;
    lab.new_id(&join(""));
    let ticket = lab.join(&join(""));
    assert_eq!(lab.refused(ticket), GroupError::Unavailable);
    lab.pass(SESSION);
    lab.new_id(&join(""));
}

#[test]
fn a_given_id_keeps_a_later_rebalance_open() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    let slow = lab.new_id(&join(""));
    let leader = lab.join(&join(&ids[0]));
    assert!(!lab.answered(leader), "a member is still missing");
    let ticket = lab.join(&join(&slow));
    assert_eq!(lab.joined(ticket).generation, 2);
    assert_eq!(lab.joined(leader).members.len(), 2);
}

#[test]
fn a_rebalance_goes_on_once_the_given_id_is_forgotten() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    lab.new_id(&join(""));
    let leader = lab.join(&join(&ids[0]));
    lab.pass(SESSION - 1);
    assert!(!lab.answered(leader));
    lab.pass(1);
    assert_eq!(lab.joined(leader).generation, 2);
}

#[test]
fn a_given_id_that_expires_does_not_disturb_a_stable_group() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    lab.new_id(&join(""));
    lab.pass(SESSION - 1);
    lab.beat(identity(&ids[0], 1)).expect("a member");
    lab.pass(1);
    assert_eq!((lab.phase(), lab.groups.pending), ("Stable", 0));
}

#[test]
fn a_type_and_a_protocol_must_be_said() {
    let mut lab = Lab::new();
    for join in [
        Join { protocol_type: String::new(), ..join("") },
        Join { protocols: Vec::new(), ..join("") },
    ] {
        let ticket = lab.join(&join);
        assert_eq!(lab.refused(ticket), GroupError::InconsistentProtocol);
    }
    assert!(lab.groups.is_empty());
}

#[test]
fn a_member_needs_the_type_and_a_protocol_of_all_others() {
    let mut lab = Lab::new();
    lab.stable(2);
    for join in [
        Join { protocols: protocols(&["sticky"]), ..join("") },
        Join { protocol_type: "connect".to_owned(), ..join("") },
    ] {
        let ticket = lab.join(&join);
        assert_eq!(lab.refused(ticket), GroupError::InconsistentProtocol);
    }
    lab.new_id(&Join { protocols: protocols(&["sticky", "range"]), ..join("") });
}

#[test]
fn the_only_member_must_keep_one_of_its_protocols_and_the_type() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    let ticket = lab.join(&Join { protocol_type: "connect".to_owned(), ..join(&ids[0]) });
    assert_eq!(lab.refused(ticket), GroupError::InconsistentProtocol);
    let ticket = lab.join(&Join { protocols: protocols(&["sticky"]), ..join(&ids[0]) });
    assert_eq!(lab.refused(ticket), GroupError::InconsistentProtocol);
    let ticket = lab.join(&Join { protocols: protocols(&["sticky", "range"]), ..join(&ids[0]) });
    assert_eq!(lab.joined(ticket).protocol.as_deref(), Some("sticky"));
    let ticket = lab.join(&Join { protocols: protocols(&["range"]), ..join(&ids[0]) });
    assert_eq!(lab.joined(ticket).protocol.as_deref(), Some("range"));
}

#[test]
fn an_empty_group_may_become_one_of_another_type() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    assert_eq!(lab.leave(&[leaving(&ids[0], None)]), [Ok(())]);
    let connect =
        Join { protocol_type: "connect".to_owned(), requires_member_id: false, ..join("") };
    let ticket = lab.join(&connect);
    assert_eq!(lab.joined(ticket).protocol_type.as_deref(), Some("connect"));
}

#[test]
fn a_full_group_takes_no_more_members() {
    let mut lab = Lab::with(GroupCoordinatorConfig { size_max: 2, ..rules() });
    let ids = lab.stable(2);
    let ticket = lab.join(&Join { requires_member_id: false, ..join("") });
    assert_eq!(lab.refused(ticket), GroupError::GroupFull);
    let leader = lab.join(&join(&ids[0]));
    let follower = lab.join(&join(&ids[1]));
    assert_eq!(lab.joined(leader).generation, lab.joined(follower).generation);
}

#[test]
fn an_id_that_finds_the_group_full_is_forgotten() {
    let mut lab = Lab::with(GroupCoordinatorConfig { size_max: 1, ..rules() });
    let ids = [lab.new_id(&join("")), lab.new_id(&join(""))];
    let first = lab.join(&join(&ids[0]));
    lab.joined(first);
    let second = lab.join(&join(&ids[1]));
    assert_eq!(lab.refused(second), GroupError::GroupFull);
    assert_eq!(lab.groups.pending, 0);
}

#[test]
fn of_a_group_that_has_become_too_large_the_last_to_come_back_is_out() {
    let mut lab = Lab::new();
    let ids = lab.stable(3);
    lab.groups.rules.size_max = 2;
    lab.crash();
    let first = lab.join(&join(&ids[0]));
    let second = lab.join(&join(&ids[1]));
    let third = lab.join(&join(&ids[2]));
    assert_eq!(lab.refused(third), GroupError::GroupFull);
    assert_eq!(lab.joined(first).members.len(), 2, "the third is not waited for");
    lab.joined(second);
}

#[test]
fn a_newcomers_join_waits_five_minutes_at_most() {
    let mut lab = Lab::new();
    let slow = Join { rebalance_timeout_ms: 1_000_000, session_timeout_ms: 1_000_000, ..join("") };
    let id = lab.new_id(&slow);
    let first = lab.join(&Join { identity: join(&id).identity, ..slow.clone() });
    lab.joined(first);
    let newcomer = lab.join(&Join { requires_member_id: false, ..join("") });
    lab.pass(299_999);
    assert!(!lab.answered(newcomer));
    lab.pass(1);
    assert_eq!(lab.refused(newcomer), GroupError::UnknownMember);
    assert_eq!(lab.members(), [id]);
}

#[test]
fn a_newcomer_that_asks_again_still_has_five_minutes() {
    let mut lab = Lab::new();
    let slow = Join { rebalance_timeout_ms: 1_000_000, session_timeout_ms: 1_000_000, ..join("") };
    let id = lab.new_id(&slow);
    let first = lab.join(&Join { identity: join(&id).identity, ..slow.clone() });
    lab.joined(first);
    let newcomer = lab.new_id(&join(""));
    let once = lab.join(&join(&newcomer));
    let again = lab.join(&join(&newcomer));
    assert_eq!(lab.refused(once), GroupError::RebalanceInProgress, "it is overtaken");
    lab.pass(299_999);
    assert!(!lab.answered(again));
    lab.pass(1);
    assert_eq!(lab.refused(again), GroupError::UnknownMember);
}
