//! Heartbeats, sessions that end, and LeaveGroup.

use super::*;

#[test]
fn a_heartbeat_is_answered_by_the_phase_of_the_group() {
    let mut lab = Lab::new();
    assert_eq!(lab.beat(identity("m", 1)), Err(GroupError::UnknownMember), "no group");
    let id = lab.new_id(&join(""));
    assert_eq!(lab.beat(identity(&id, 0)), Err(GroupError::UnknownMember), "an id is no member");
    let ticket = lab.join(&join(&id));
    lab.joined(ticket);
    assert_eq!(lab.beat(identity(&id, 1)), Ok(()), "before the assignment");
    lab.sync(identity(&id, 1), &[]);
    assert_eq!(lab.beat(identity(&id, 1)), Ok(()), "stable");
    for generation in [-1, 0, 2] {
        assert_eq!(lab.beat(identity(&id, generation)), Err(GroupError::IllegalGeneration));
    }
    lab.join(&Join { requires_member_id: false, ..join("") });
    assert_eq!(lab.beat(identity(&id, 1)), Err(GroupError::RebalanceInProgress));
    assert_eq!(lab.beat(identity(&id, 0)), Err(GroupError::IllegalGeneration));
}

#[test]
fn a_member_that_says_nothing_is_dropped_after_its_session_timeout() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    lab.pass(SESSION - 1);
    assert_eq!(lab.beat(identity(&ids[0], generation)), Ok(()));
    lab.pass(1);
    assert_eq!((lab.phase(), lab.members()), ("PreparingRebalance", ids[..1].to_vec()));
    assert_eq!(lab.beat(identity(&ids[1], generation)), Err(GroupError::UnknownMember));
}

#[test]
fn a_heartbeat_during_a_rebalance_keeps_the_session() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    lab.join(&join(&ids[0]));
    lab.pass(SESSION - 1);
    assert_eq!(lab.beat(identity(&ids[1], generation)), Err(GroupError::RebalanceInProgress));
    lab.pass(SESSION - 1);
    assert_eq!(lab.members(), ids);
    lab.pass(1);
    assert_eq!(lab.members(), ids[..1]);
}

#[test]
fn who_waits_for_an_answer_is_not_silent() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    let waiting = lab.join(&join(&ids[0]));
    for _ in 0..4 {
        lab.pass(SESSION - 1);
        assert_eq!(lab.beat(identity(&ids[1], generation)), Err(GroupError::RebalanceInProgress));
    }
    let other = lab.join(&join(&ids[1]));
    assert_eq!(lab.joined(waiting).members.len(), 2);
    let generation = lab.joined(other).generation;
    let waiting = lab.sync(identity(&ids[1], generation), &[]);
    for _ in 0..4 {
        lab.pass(SESSION - 1);
        assert_eq!(lab.beat(identity(&ids[0], generation)), Ok(()));
    }
    lab.sync(identity(&ids[0], generation), &[(&ids[1], "late")]);
    assert_eq!(lab.given(waiting), "late");
    lab.pass(SESSION - 1);
    assert_eq!(lab.members(), ids, "the response restarts the session");
}

#[test]
fn when_the_last_member_falls_silent_the_group_is_empty_and_that_is_written() {
    let mut lab = Lab::new();
    lab.stable(1);
    lab.pass(SESSION);
    assert_eq!(lab.phase(), "Empty");
    let Some(Record::Group { value: Some(value), .. }) = lab.records.last() else { panic!() };
    assert_eq!((value.generation, value.members.len()), (2, 0));
    assert_eq!((&value.protocol, &value.leader), (&None, &None));
    assert_eq!((value.protocol_type.as_str(), value.state_ms), ("consumer", BEGIN + SESSION));
}

#[test]
fn a_member_that_leaves_makes_the_others_rebalance() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    assert_eq!(lab.leave(&[leaving(&ids[1], None)]), [Ok(())]);
    assert_eq!(lab.beat(identity(&ids[0], generation)), Err(GroupError::RebalanceInProgress));
    let ticket = lab.join(&join(&ids[0]));
    assert_eq!(lab.joined(ticket).members.len(), 1);
}

#[test]
fn several_leave_at_once_each_with_its_outcome() {
    let mut lab = Lab::new();
    let ids = lab.stable(3);
    let all = [leaving(&ids[0], None), leaving("unknown", None), leaving(&ids[2], None)];
    assert_eq!(lab.leave(&all), [Ok(()), Err(GroupError::UnknownMember), Ok(())]);
    assert_eq!(lab.members(), ids[1..2]);
}

#[test]
fn leaving_a_group_that_does_not_exist_is_refused() {
    let mut lab = Lab::new();
    assert_eq!(lab.leave(&[leaving("m", None)]), [Err(GroupError::UnknownMember)]);
    assert!(lab.groups.is_empty());
}

#[test]
fn an_id_that_was_only_given_out_may_leave() {
    let mut lab = Lab::new();
    let id = lab.new_id(&join(""));
    assert_eq!(lab.leave(&[leaving(&id, None)]), [Ok(())]);
    assert!(lab.groups.is_empty());
}

#[test]
fn who_leaves_while_its_join_waits_is_answered_and_the_others_go_on() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let newcomer = lab.new_id(&join(""));
    let parked = lab.join(&join(&newcomer));
    let tickets: Vec<TicketId> = [&ids[0]].map(|id| lab.join(&join(id))).to_vec();
    assert_eq!(lab.leave(&[leaving(&newcomer, None)]), [Ok(())]);
    assert_eq!(lab.refused(parked), GroupError::UnknownMember);
    assert!(!lab.answered(tickets[0]));
    assert_eq!(lab.leave(&[leaving(&ids[1], None)]), [Ok(())]);
    assert_eq!(lab.joined(tickets[0]).members.len(), 1, "no member is missing any more");
}
