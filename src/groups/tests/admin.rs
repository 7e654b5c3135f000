//! Groups as the admin tools see them.

use super::*;

fn delete(lab: &mut Lab, group: &str) -> Result<(), GroupError> {
    let ticket = lab.ask(Command::Delete(Delete { group: group.to_owned() }));
    match lab.said.remove(&ticket) {
        Some(Reply::GroupDeleted(outcome)) => outcome.map(drop),
        other => panic!("no answer: {other:?}"),
    }
}

/// Returns every group with its type and state, as ListGroups reports it.
fn listed(lab: &mut Lab) -> Vec<(String, String, &'static str)> {
    let ticket = lab.ask(Command::List(List { after: None }));
    match lab.said.remove(&ticket) {
        Some(Reply::Listed((all, false))) => {
            all.into_iter().map(|one| (one.group, one.protocol_type, one.state)).collect()
        }
        other => panic!("no list: {other:?}"),
    }
}

#[test]
fn groups_are_listed_by_name_with_type_and_state() {
    let mut lab = Lab::new();
    assert_eq!(listed(&mut lab), []);
    let ids = lab.stable(1);
    let simple =
        MemberIdentity { group: "a".to_owned(), generation: -1, ..MemberIdentity::default() };
    lab.commit(commit(simple, vec![to_commit("t", 0, 1)])).expect("a commit");
    let with = |state| {
        let a = ("a".to_owned(), String::new(), "Empty");
        vec![a, ("g".to_owned(), "consumer".to_owned(), state)]
    };
    assert_eq!(listed(&mut lab), with("Stable"));
    lab.join(&Join { requires_member_id: false, ..join("") });
    assert_eq!(listed(&mut lab), with("PreparingRebalance"));
    lab.join(&join(&ids[0]));
    assert_eq!(listed(&mut lab), with("CompletingRebalance"));
    lab.pass(REBALANCE);
    assert_eq!(listed(&mut lab), with("Empty"));
}

#[test]
fn what_members_read_and_have_is_described_while_the_group_is_stable() {
    let mut lab = Lab::new();
    assert_eq!(lab.described("g").map(drop), Err(GroupError::GroupNotFound));
    let ids = lab.stable(2);
    let stable = lab.described("g").expect("a group");
    assert_eq!((stable.protocol_type.as_str(), stable.protocol.as_str()), ("consumer", "range"));
    for (member, id) in stable.members.iter().zip(&ids) {
        assert_eq!((&member.id, member.client_id.as_str()), (id, "client"));
        assert_eq!(member.client_host, "/127.0.0.1");
        assert_eq!((&member.metadata[..], &member.assignment[..]), (READS_T, &b"given"[..]));
    }
    let mut tickets = vec![lab.join(&join(&ids[0]))];
    for phase in ["PreparingRebalance", "CompletingRebalance"] {
        let described = lab.described("g").expect("a group");
        assert_eq!((described.state, described.protocol.as_str()), (phase, ""));
        assert_eq!(described.members.len(), 2);
        assert!(described.members.iter().all(|m| m.metadata.is_empty() && m.assignment.is_empty()));
        tickets.push(lab.join(&join(&ids[1])));
    }
    lab.leave(&[leaving(&ids[0], None), leaving(&ids[1], None)]);
    let empty = lab.described("g").expect("a group");
    assert_eq!((empty.state, empty.protocol_type.as_str()), ("Empty", "consumer"));
    assert!(empty.members.is_empty());
}

#[test]
fn only_an_empty_group_can_be_deleted_and_then_nothing_is_left() {
    let mut lab = Lab::new();
    assert_eq!(delete(&mut lab, "g"), Err(GroupError::GroupNotFound));
    assert_eq!(delete(&mut lab, ""), Err(GroupError::GroupNotFound));
    let ids = lab.stable(1);
    lab.commit_as(identity(&ids[0], 1)).expect("a commit");
    assert_eq!(delete(&mut lab, "g"), Err(GroupError::NotEmpty));
    lab.leave(&[leaving(&ids[0], None)]);
    assert_eq!(delete(&mut lab, "g"), Ok(()));
    assert!(lab.groups.is_empty());
    assert_eq!(lab.offset("g", "t", 0), None);
    lab.crash();
    assert!(lab.groups.is_empty());
    assert_eq!(delete(&mut lab, "g"), Err(GroupError::GroupNotFound));
}

#[test]
fn an_id_that_is_out_outlives_the_deletion_of_its_group() {
    let mut lab = Lab::new();
    lab.commit_as(identity("", -1)).expect("a commit");
    let id = lab.new_id(&join(""));
    assert_eq!(delete(&mut lab, "g"), Ok(()));
    let ticket = lab.join(&join(&id));
    assert_eq!(lab.joined(ticket).generation, 1);
    assert_eq!(lab.groups.pending, 0);
}
