//! OffsetCommit, OffsetFetch, OffsetDelete.

use super::*;

const SIMPLE: i32 = -1;

#[test]
fn a_consumer_that_assigns_itself_commits_without_a_group() {
    let mut lab = Lab::new();
    assert_eq!(lab.commit_as(identity("", SIMPLE)), Ok(()));
    assert_eq!(lab.phase(), "Empty");
    let kept = lab.offset("g", "t", 0).expect("an offset");
    assert_eq!((kept.offset, kept.commit_ms, kept.expire_ms), (1, BEGIN, None));
    assert_eq!(lab.commit_as(identity("", SIMPLE)), Ok(()), "and again");
}

#[test]
fn a_commit_of_a_generation_needs_a_group() {
    let mut lab = Lab::new();
    assert_eq!(lab.commit_as(identity("m", 1)), Err(GroupError::IllegalGeneration));
    let tells = |tells_unknown_group| Commit {
        tells_unknown_group,
        ..commit(identity("m", 1), vec![to_commit("t", 0, 1)])
    };
    assert_eq!(lab.commit(tells(false)), Err(GroupError::IllegalGeneration));
    assert_eq!(lab.commit(tells(true)), Err(GroupError::GroupNotFound));
    assert!(lab.records.is_empty() && lab.groups.is_empty());
}

#[test]
fn a_commit_must_come_from_a_member_of_this_generation() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    assert_eq!(lab.commit_as(identity(&ids[0], 1)), Ok(()));
    assert_eq!(lab.commit_as(identity(&ids[0], 2)), Err(GroupError::IllegalGeneration));
    assert_eq!(lab.commit_as(identity(&ids[0], SIMPLE)), Err(GroupError::IllegalGeneration));
    assert_eq!(lab.commit_as(identity("unknown", 1)), Err(GroupError::UnknownMember));
    assert_eq!(lab.commit_as(identity("", SIMPLE)), Err(GroupError::UnknownMember), "not empty");
    assert_eq!(lab.commit_as(identity("", 1)), Err(GroupError::UnknownMember));
}

#[test]
fn a_commit_is_taken_in_every_phase_but_before_the_assignment() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    let leader = lab.join(&join(&ids[0]));
    assert_eq!(lab.phase(), "PreparingRebalance");
    assert_eq!(lab.commit_as(identity(&ids[1], generation)), Ok(()));
    let follower = lab.join(&join(&ids[1]));
    assert_eq!(lab.joined(leader).generation, lab.joined(follower).generation);
    assert_eq!(lab.phase(), "CompletingRebalance");
    let outcome = lab.commit_as(identity(&ids[1], generation + 1));
    assert_eq!(outcome, Err(GroupError::RebalanceInProgress));
    assert_eq!(lab.commit_as(identity(&ids[1], generation)), Err(GroupError::IllegalGeneration));
}

#[test]
fn an_empty_group_takes_commits_without_a_generation_only() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    lab.leave(&[leaving(&ids[0], None)]);
    assert_eq!(lab.commit_as(identity(&ids[0], 1)), Err(GroupError::UnknownMember));
    assert_eq!(lab.commit_as(identity("", SIMPLE)), Ok(()));
}

#[test]
fn a_commit_keeps_the_session() {
    let mut lab = Lab::new();
    let ids = lab.stable(2);
    let generation = lab.generation();
    lab.pass(SESSION - 1);
    assert_eq!(lab.commit_as(identity(&ids[0], generation)), Ok(()));
    lab.pass(SESSION - 1);
    assert_eq!((lab.phase(), lab.members()), ("PreparingRebalance", ids[..1].to_vec()));
    assert_eq!(lab.commit_as(identity(&ids[0], generation)), Ok(()), "while others join, too");
    lab.pass(SESSION - 1);
    assert_eq!(lab.members(), ids[..1]);
}

#[test]
fn each_partition_has_its_outcome_in_the_order_of_the_request() {
    let mut lab = Lab::new();
    let noted = |partition, bytes| OffsetToCommit {
        metadata: "x".repeat(bytes),
        ..to_commit("t", partition, 7)
    };
    let all = vec![noted(2, 16), noted(0, 17), noted(1, 0)];
    let outcomes = lab.commit(commit(identity("", SIMPLE), all));
    assert_eq!(outcomes, Ok(vec![Ok(()), Err(GroupError::MetadataTooLarge), Ok(())]));
    let kept = [0, 1, 2].map(|p| lab.offset("g", "t", p).map(|c| c.metadata.len()));
    assert_eq!(kept, [None, Some(0), Some(16)]);
}

#[test]
fn the_last_commit_of_a_partition_counts() {
    let mut lab = Lab::new();
    let twice = vec![to_commit("t", 0, 5), to_commit("t", 0, 3)];
    lab.commit(commit(identity("", SIMPLE), twice)).expect("a commit");
    assert_eq!(lab.offset("g", "t", 0).map(|c| c.offset), Some(3));
    lab.crash();
    assert_eq!(lab.offset("g", "t", 0).map(|c| c.offset), Some(3));
}

fn all_of(group: &str) -> FetchAllOffsets {
    let group = group.to_owned();
    FetchAllOffsets { group, from: (String::new(), i32::MIN), requires_stable: false }
}

#[test]
fn what_was_never_committed_has_no_offset() {
    let mut lab = Lab::new();
    assert_eq!(lab.offset("none", "t", 0), None);
    lab.commit_as(identity("", SIMPLE)).expect("a commit");
    assert_eq!(lab.offset("g", "t", 1), None);
    assert_eq!(lab.offset("g", "u", 0), None);
    assert!(lab.groups.fetch_all_offsets(&all_of("none")).0.is_empty());
}

#[test]
fn a_fetch_of_all_offsets_returns_all_of_them() {
    let mut lab = Lab::new();
    let all = vec![to_commit("u", 3, 1), to_commit("t", 1, 2), to_commit("t", 0, 3)];
    lab.commit(commit(identity("", SIMPLE), all)).expect("a commit");
    let (fetched, next) = lab.groups.fetch_all_offsets(&all_of("g"));
    assert_eq!(next, None);
    let fetched = fetched.into_iter().map(|(topic, partitions)| {
        let offsets = partitions.into_iter().map(|(p, c)| (p, c.unwrap().map(|c| c.offset)));
        (topic, offsets.collect::<Vec<_>>())
    });
    let t = ("t".to_owned(), vec![(0, Some(3)), (1, Some(2))]);
    assert_eq!(fetched.collect::<Vec<_>>(), [t, ("u".to_owned(), vec![(3, Some(1))])]);
}

fn delete(
    lab: &mut Lab,
    group: &str,
    topics: &[&str],
) -> Result<Vec<Result<(), GroupError>>, GroupError> {
    let wanted = topics.iter().map(|topic| ((*topic).to_owned(), vec![0])).collect();
    let ticket = lab.ask(Command::DeleteOffsets(DeleteOffsets { group: group.to_owned(), wanted }));
    match lab.said.remove(&ticket) {
        Some(Reply::Deleted(outcome)) => outcome
            .map(|all| all.into_iter().flat_map(|(_, p)| p).map(|(_, outcome)| outcome).collect()),
        other => panic!("nothing was deleted: {other:?}"),
    }
}

#[test]
fn offsets_are_deleted_where_no_member_reads() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    let both = vec![to_commit("t", 0, 1), to_commit("u", 0, 1)];
    lab.commit(commit(identity(&ids[0], 1), both)).expect("a commit");
    assert_eq!(delete(&mut lab, "g", &["u", "t"]), Ok(vec![Ok(()), Err(GroupError::Subscribed)]));
    assert_eq!(
        [lab.offset("g", "t", 0).is_some(), lab.offset("g", "u", 0).is_some()],
        [true, false]
    );
    lab.leave(&[leaving(&ids[0], None)]);
    assert_eq!(delete(&mut lab, "g", &["t", "never"]), Ok(vec![Ok(()), Ok(())]));
    assert_eq!(lab.offset("g", "t", 0), None);
    let written = lab.records.len();
    delete(&mut lab, "g", &["t"]).expect("a group");
    assert_eq!(lab.records.len(), written, "nothing is written of what is not there");
}

#[test]
fn offsets_of_a_group_that_is_not_there_cannot_be_deleted() {
    let mut lab = Lab::new();
    assert_eq!(delete(&mut lab, "none", &["t"]), Err(GroupError::GroupNotFound));
}

#[test]
fn offsets_of_a_live_group_that_does_not_consume_cannot_be_deleted() {
    let mut lab = Lab::new();
    let connect =
        Join { protocol_type: "connect".to_owned(), requires_member_id: false, ..join("") };
    lab.join(&connect);
    assert_eq!(delete(&mut lab, "g", &["t"]), Err(GroupError::NotEmpty));
}

#[test]
fn before_the_first_generation_consumers_may_read_anything() {
    let mut lab = Lab::with(GroupCoordinatorConfig { initial_delay_ms: 3000, ..rules() });
    lab.commit_as(identity("", SIMPLE)).expect("a commit");
    lab.join(&Join { requires_member_id: false, ..join("") });
    assert_eq!(lab.phase(), "PreparingRebalance");
    assert_eq!(delete(&mut lab, "g", &["t"]), Ok(vec![Err(GroupError::Subscribed)]));
}
