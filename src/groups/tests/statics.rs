//! Static members (KIP-345): they restart without a rebalance, and their old ids are fenced.

use super::*;

#[test]
fn a_static_newcomer_needs_no_id_first() {
    let mut lab = Lab::new();
    let ticket = lab.join(&static_join("", "i"));
    assert!(lab.joined(ticket).member.starts_with("i-"));
}

#[test]
fn a_static_follower_that_restarts_gets_its_assignment_without_a_rebalance() {
    let mut lab = Lab::new();
    let ids = lab.stable_static(&["a", "b"]);
    let (generation, written) = (lab.generation(), lab.records.len());
    let ticket = lab.join(&static_join("", "b"));
    let joined = lab.joined(ticket);
    assert_ne!(joined.member, ids[1]);
    assert_eq!((joined.generation, joined.leader.as_str()), (generation, ids[0].as_str()));
    assert!(joined.members.is_empty() && !joined.skip_assignment);
    assert_eq!((lab.phase(), lab.records.len()), ("Stable", written + 1));
    let ticket = lab.sync(static_identity(&joined.member, "b", generation), &[]);
    assert_eq!(lab.given(ticket), "given");
    let before = lab.groups.durable();
    lab.crash();
    assert_eq!(lab.groups.durable(), before);
    assert_eq!(lab.beat(static_identity(&joined.member, "b", generation)), Ok(()));
}

#[test]
fn a_static_leader_that_restarts_may_be_asked_to_skip_its_assignment() {
    let mut lab = Lab::new();
    lab.stable_static(&["a", "b"]);
    let ticket = lab.join(&static_join("", "a"));
    let joined = lab.joined(ticket);
    assert!(joined.skip_assignment);
    assert_eq!((joined.leader.as_str(), joined.members.len()), (joined.member.as_str(), 2));
    assert_eq!(lab.phase(), "Stable");
}

#[test]
fn an_older_static_leader_that_restarts_learns_that_its_old_self_leads() {
    let mut lab = Lab::new();
    let ids = lab.stable_static(&["a", "b"]);
    let ticket = lab.join(&Join { supports_skip_assignment: false, ..static_join("", "a") });
    let joined = lab.joined(ticket);
    assert!(!joined.skip_assignment && joined.members.is_empty());
    assert_eq!(joined.leader, ids[0]);
    let again = lab.join(&static_join(&joined.member, "a"));
    lab.join(&static_join(&ids[1], "b"));
    assert_eq!(lab.joined(again).leader, joined.member, "it leads the next generation");
}

#[test]
fn the_old_self_of_a_static_member_is_fenced_everywhere() {
    let mut lab = Lab::new();
    let ids = lab.stable_static(&["a", "b"]);
    let generation = lab.generation();
    let ticket = lab.join(&static_join("", "b"));
    let new = lab.joined(ticket).member;
    let old = static_identity(&ids[1], "b", generation);
    let ticket = lab.join(&static_join(&ids[1], "b"));
    assert_eq!(lab.refused(ticket), GroupError::FencedInstance);
    let ticket = lab.sync(old.clone(), &[]);
    assert_eq!(lab.synced(ticket), Err(GroupError::FencedInstance));
    assert_eq!(lab.beat(old.clone()), Err(GroupError::FencedInstance));
    assert_eq!(lab.commit_as(old), Err(GroupError::FencedInstance));
    let left = lab.leave(&[leaving(&ids[1], Some("b"))]);
    assert_eq!(left, [Err(GroupError::FencedInstance)]);
    assert_eq!(lab.commit_as(static_identity(&new, "b", generation)), Ok(()));
}

#[test]
fn an_instance_that_is_not_in_the_group_is_unknown_not_fenced() {
    let mut lab = Lab::new();
    let ids = lab.stable_static(&["a"]);
    assert_eq!(lab.beat(static_identity(&ids[0], "z", 1)), Err(GroupError::UnknownMember));
    assert_eq!(lab.beat(identity(&ids[0], 1)), Ok(()), "without an instance id there is no check");
}

#[test]
fn the_requests_of_an_old_self_end_when_it_is_replaced() {
    let mut lab = Lab::new();
    let ids = lab.stable_static(&["a", "b"]);
    let parked = lab.join(&static_join(&ids[0], "a"));
    let new = lab.join(&static_join("", "a"));
    assert_eq!(lab.refused(parked), GroupError::FencedInstance);
    let other = lab.join(&static_join(&ids[1], "b"));
    let leader = lab.joined(new).member;
    let generation = lab.joined(other).generation;
    let waiting = lab.sync(static_identity(&ids[1], "b", generation), &[]);
    lab.join(&static_join("", "b"));
    assert_eq!(lab.synced(waiting), Err(GroupError::FencedInstance));
    assert_eq!(lab.phase(), "PreparingRebalance", "what was to be assigned is not known");
    assert_eq!(lab.groups.groups["g"].leader.as_deref(), Some(leader.as_str()));
}

#[test]
fn a_static_member_that_restarts_with_another_choice_begins_a_rebalance() {
    let mut lab = Lab::new();
    lab.stable_static(&["a"]);
    let ticket =
        lab.join(&Join { protocols: protocols(&["sticky", "range"]), ..static_join("", "a") });
    let joined = lab.joined(ticket);
    assert_eq!((joined.generation, joined.protocol.as_deref()), (2, Some("sticky")));
}

#[test]
fn a_static_member_is_kept_through_a_rebalance_that_it_misses() {
    let mut lab = Lab::new();
    let mut ids: Vec<String> = Vec::new();
    for instance in ["a", "b"] {
        let patient = Join { session_timeout_ms: 600_000, ..static_join("", instance) };
        let ticket = lab.join(&patient);
        if let Some(first) = ids.first() {
            let again = lab.join(&Join { session_timeout_ms: 600_000, ..static_join(first, "a") });
            lab.joined(again);
        }
        ids.push(lab.joined(ticket).member);
    }
    let given = [(ids[0].as_str(), "one"), (ids[1].as_str(), "two")];
    lab.sync(static_identity(&ids[0], "a", 2), &given);
    lab.sync(static_identity(&ids[1], "b", 2), &[]);
    assert_eq!(lab.phase(), "Stable");
    let leader = lab.join(&Join { session_timeout_ms: 600_000, ..static_join(&ids[0], "a") });
    lab.pass(REBALANCE - 1);
    assert!(!lab.answered(leader));
    lab.pass(1);
    assert_eq!(lab.joined(leader).members.len(), 2, "it may come back and have its share");
}

#[test]
fn static_members_that_all_miss_the_rebalance_are_waited_for_until_their_sessions_end() {
    for rebalance_timeout_ms in [0, REBALANCE as i32] {
        let mut lab = Lab::new();
        let first = static_join("", "a");
        let first = Join { session_timeout_ms: 300_000, rebalance_timeout_ms, ..first };
        let ticket = lab.join(&first);
        let id = lab.joined(ticket).member;
        lab.sync(static_identity(&id, "a", 1), &[]);
        assert_eq!(lab.phase(), "Stable");
        let newcomer = lab.new_id(&Join { rebalance_timeout_ms, ..join("") });
        let ticket = lab.join(&Join { rebalance_timeout_ms, ..join(&newcomer) });
        assert_eq!(lab.leave(&[leaving(&newcomer, None)]), [Ok(())]);
        drop(lab.said.remove(&ticket));
        let phase = lab.phase();
        lab.pass(300_000 - 1);
        assert_eq!((phase, lab.members()), ("PreparingRebalance", vec![id]));
        lab.pass(1);
        assert_eq!(lab.phase(), "Empty");
    }
}

#[test]
fn an_administrator_removes_a_member_by_its_instance_id() {
    let mut lab = Lab::new();
    let ids = lab.stable_static(&["a", "b"]);
    assert_eq!(
        lab.leave(&[leaving("", Some("b")), leaving("", Some("z")), leaving("", None)]),
        [Ok(()), Err(GroupError::UnknownMember), Err(GroupError::UnknownMember)]
    );
    assert_eq!((lab.phase(), lab.members()), ("PreparingRebalance", ids[..1].to_vec()));
}

#[test]
fn what_is_kept_of_a_restart_that_found_no_room_on_the_disk_counts_as_memory() {
    let mut lab = Lab::new();
    lab.stable_static(&["a", "b"]);
    let before = lab.groups.usage();
    let mut large = static_join("", "b");
    large.protocols[0].1 = Bytes::from(vec![0; 10_000]);
    for ticket in 1000..1003 {
        lab.groups.step(lab.time(), ticket, Command::Join(large.clone()));
        lab.groups.assert_sound();
        let kept = lab.groups.usage().bytes - before.bytes;
        assert!((10_000..20_000).contains(&kept), "{kept}");
    }
    let ticket = lab.join(&static_join("", "b"));
    lab.joined(ticket);
    lab.groups.assert_sound();
    assert_eq!(lab.groups.usage(), before);
}
