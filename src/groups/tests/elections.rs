//! The vote on the protocol, and the election of the leader.

use super::*;

/// Lets three members with these protocols join together. Returns the responses, in their order.
fn generation_of(lab: &mut Lab, all: [&[&str]; 3]) -> Vec<Joined> {
    lab.groups.rules.initial_delay_ms = 100;
    let joins = all.map(|names| Join {
        protocols: protocols(names),
        requires_member_id: false,
        ..join("")
    });
    let tickets: Vec<TicketId> = joins.iter().map(|join| lab.join(join)).collect();
    lab.pass(200);
    tickets.into_iter().map(|ticket| lab.joined(ticket)).collect()
}

#[test]
fn the_protocol_with_the_most_votes_is_chosen() {
    let mut lab = Lab::new();
    let all = [&["range", "sticky"][..], &["sticky", "range"], &["sticky", "range"]];
    for joined in generation_of(&mut lab, all) {
        assert_eq!(joined.protocol.as_deref(), Some("sticky"));
    }
}

#[test]
fn no_member_votes_for_a_protocol_that_not_all_support() {
    let mut lab = Lab::new();
    let all = [&["sticky", "range"][..], &["sticky", "range"], &["range"]];
    for joined in generation_of(&mut lab, all) {
        assert_eq!(joined.protocol.as_deref(), Some("range"));
    }
}

#[test]
fn the_first_to_join_leads_and_only_the_leader_is_sent_the_members() {
    let mut lab = Lab::new();
    let all = generation_of(&mut lab, [&["range"], &["range"], &["range"]]);
    let ids: Vec<&str> = all.iter().map(|joined| joined.member.as_str()).collect();
    assert!(all.iter().all(|joined| joined.leader == ids[0] && joined.generation == 1));
    let named: Vec<&str> = all[0].members.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(named, ids);
    assert!(all[0].members.iter().all(|m| m.metadata == READS_T));
    assert!(all[1].members.is_empty() && all[2].members.is_empty());
}

#[test]
fn a_leader_that_joins_again_stays_the_leader() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let follower = lab.join(&Join { protocols: protocols(&["range", "x"]), ..join(&ids[1]) });
    let leader = lab.join(&join(&ids[0]));
    assert_eq!(lab.joined(follower).leader, ids[0]);
    assert_eq!(lab.joined(leader).members.len(), 2);
}

#[test]
fn a_leader_that_does_not_come_back_is_followed_by_one_that_did() {
    let mut lab = Lab::new();
    let ids = lab.stable(3);
    let changed = |id: &str| Join { protocols: protocols(&["range", "x"]), ..join(id) };
    let third = lab.join(&changed(&ids[2]));
    let second = lab.join(&changed(&ids[1]));
    lab.pass(REBALANCE);
    let joined = lab.joined(second);
    assert_eq!(joined.leader, ids[1]);
    assert_eq!(joined.members.len(), 2);
    assert!(lab.joined(third).members.is_empty());
}

#[test]
fn a_leader_that_leaves_is_followed_by_the_next_member() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    assert_eq!(lab.leave(&[leaving(&ids[0], None)]), [Ok(())]);
    assert_eq!(lab.beat(identity(&ids[1], lab.generation())), Err(GroupError::RebalanceInProgress));
    let ticket = lab.join(&join(&ids[1]));
    assert_eq!(lab.joined(ticket).leader, ids[1]);
}
