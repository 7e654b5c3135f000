//! How long offsets are kept, and what is removed with a topic.

use super::*;

const RETENTION: i64 = 3_600_000;
const CHECK: i64 = 600_000;

fn simple(group: &str) -> MemberIdentity {
    MemberIdentity { group: group.to_owned(), generation: -1, ..MemberIdentity::default() }
}

#[test]
fn offsets_of_a_simple_group_are_kept_from_each_commit_on() {
    let mut lab = Lab::new();
    lab.commit(commit(simple("s"), vec![to_commit("t", 0, 1)])).expect("a commit");
    lab.pass(CHECK / 2);
    lab.commit(commit(simple("s"), vec![to_commit("t", 1, 1)])).expect("a commit");
    lab.pass(RETENTION - CHECK / 2 - 1);
    assert!(lab.offset("s", "t", 0).is_some());
    lab.pass(1);
    assert_eq!(
        [lab.offset("s", "t", 0).is_some(), lab.offset("s", "t", 1).is_some()],
        [false, true]
    );
    lab.pass(CHECK);
    assert!(lab.groups.is_empty());
    assert_eq!(lab.groups.next_due_ms(), Some(lab.now + CHECK), "one more look");
    lab.pass(CHECK);
    assert_eq!(lab.groups.next_due_ms(), None, "then none");
}

#[test]
fn offsets_of_an_empty_group_are_kept_from_when_it_became_empty_and_it_goes_with_them() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    lab.commit_as(identity(&ids[0], 1)).expect("a commit");
    for _ in 0..2 * RETENTION / 5000 {
        lab.pass(5000);
        assert_eq!(lab.beat(identity(&ids[0], 1)), Ok(()));
    }
    lab.leave(&[leaving(&ids[0], None)]);
    let empty_since = lab.now;
    lab.pass(RETENTION - 1);
    assert!(lab.offset("g", "t", 0).is_some());
    lab.pass(CHECK);
    assert!(lab.groups.is_empty(), "empty since {empty_since}");
    let (offset, group) =
        (&lab.records[lab.records.len() - 2], &lab.records[lab.records.len() - 1]);
    assert!(matches!(offset, Record::Offset { value: None, .. }), "{offset:?}");
    assert!(matches!(group, Record::Group { value: None, .. }), "{group:?}");
}

#[test]
fn a_stable_group_keeps_what_it_reads_and_loses_the_rest() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    let both = vec![to_commit("t", 0, 1), to_commit("u", 0, 1)];
    lab.commit(commit(identity(&ids[0], 1), both)).expect("a commit");
    let there = |lab: &Lab| [lab.offset("g", "t", 0).is_some(), lab.offset("g", "u", 0).is_some()];
    for _ in 0..RETENTION / 5000 - 1 {
        lab.pass(5000);
        lab.beat(identity(&ids[0], 1)).expect("a member");
    }
    assert_eq!(there(&lab), [true, true]);
    for _ in 0..2 * RETENTION / 5000 {
        lab.pass(5000);
        lab.beat(identity(&ids[0], 1)).expect("a member");
    }
    assert_eq!(there(&lab), [true, false]);
}

#[test]
fn a_group_that_does_not_consume_keeps_all_while_it_has_members() {
    let mut lab = Lab::new();
    let connect =
        Join { protocol_type: "connect".to_owned(), requires_member_id: false, ..join("") };
    let ticket = lab.join(&connect);
    let id = lab.joined(ticket).member;
    lab.sync(identity(&id, 1), &[]);
    lab.commit_as(identity(&id, 1)).expect("a commit");
    for _ in 0..2 * RETENTION / 5000 {
        lab.pass(5000);
        lab.beat(identity(&id, 1)).expect("a member");
    }
    assert!(lab.offset("g", "t", 0).is_some());
}

#[test]
fn a_commit_may_say_how_long_it_is_to_be_kept() {
    let mut lab = Lab::new();
    for (partition, retention_ms) in [(0, Some(2 * RETENTION)), (1, Some(1)), (2, Some(-1))] {
        let offsets = vec![to_commit("t", partition, 1)];
        lab.commit(Commit { retention_ms, ..commit(simple("s"), offsets) }).expect("a commit");
    }
    let there = |lab: &Lab| [0, 1, 2].map(|p| lab.offset("s", "t", p).is_some());
    lab.crash();
    lab.pass(CHECK);
    assert_eq!(there(&lab), [true, false, true]);
    lab.pass(RETENTION);
    assert_eq!(there(&lab), [true, false, false]);
    lab.pass(RETENTION);
    assert!(lab.groups.is_empty());
}

#[test]
fn an_empty_group_without_offsets_goes_at_the_next_look() {
    let mut lab = Lab::new();
    let ids = lab.stable(1);
    lab.leave(&[leaving(&ids[0], None)]);
    assert_eq!(lab.phase(), "Empty");
    lab.pass(CHECK);
    assert!(lab.groups.is_empty());
    lab.crash();
    assert!(lab.groups.is_empty(), "and does not come back");
}

#[test]
fn an_old_record_that_does_not_say_since_when_loses_nothing_early() {
    let mut lab = Lab::new();
    let value = crate::groups::records::GroupValue {
        protocol_type: "consumer".to_owned(),
        generation: 3,
        protocol: None,
        leader: None,
        state_ms: -1,
        members: Vec::new(),
    };
    let now = lab.time();
    lab.groups.apply(now, &Record::Group { group: "g".to_owned(), value: Some(value) });
    lab.commit_as(identity("", -1)).expect("a commit");
    lab.pass(RETENTION - 1);
    assert!(lab.offset("g", "t", 0).is_some());
    lab.pass(CHECK);
    assert_eq!(lab.offset("g", "t", 0), None);
}

#[test]
fn with_a_topic_all_its_offsets_go() {
    let mut lab = Lab::new();
    for group in ["b", "a"] {
        let both = vec![to_commit("t", 0, 1), to_commit("u", 0, 1), to_commit("t", 1, 1)];
        lab.commit(commit(simple(group), both)).expect("a commit");
    }
    lab.commit(commit(simple("c"), vec![to_commit("t", 0, 1)])).expect("a commit");
    assert_eq!(lab.groups.topics().into_iter().collect::<Vec<_>>(), ["t", "u"]);
    let written = lab.records.len();
    lab.ask(Command::TopicDeleted(TopicDeleted { topic: "t".to_owned() }));
    let gone = lab.records[written..].iter().map(|record| match record {
        Record::Offset { group, topic, partition, value: None } => {
            (group.as_str(), topic.as_str(), *partition)
        }
        other => panic!("{other:?}"),
    });
    let expected = [("a", "t", 0), ("a", "t", 1), ("b", "t", 0), ("b", "t", 1), ("c", "t", 0)];
    assert_eq!(gone.collect::<Vec<_>>(), expected);
    assert_eq!(lab.groups.topics().into_iter().collect::<Vec<_>>(), ["u"]);
    assert!(lab.described("c").is_err(), "nothing is left of that group");
}

#[test]
fn with_a_topic_its_offsets_go_that_were_committed_by_a_clock_that_was_ahead() {
    let mut lab = Lab::new();
    lab.now = 3_600_000;
    lab.commit(commit(simple("g"), vec![to_commit("t", 0, 1)])).expect("a commit");
    lab.now = 0;
    lab.ask(Command::TopicDeleted(TopicDeleted { topic: "t".to_owned() }));
    assert_eq!(lab.offset("g", "t", 0), None);
}

#[test]
fn a_topic_that_is_deleted_again_loses_the_offsets_of_its_second_life_too() {
    let mut lab = Lab::new();
    lab.commit(commit(simple("g"), vec![to_commit("t", 0, 1)])).expect("a commit");
    let deleted = || Command::TopicDeleted(TopicDeleted { topic: "t".to_owned() });
    // There is no room for the tombstones.
    lab.groups.step(lab.time(), 1000, deleted());
    lab.now += 10;
    lab.commit(commit(simple("g"), vec![to_commit("t", 0, 2)])).expect("a commit");
    lab.now += 10;
    lab.groups.step(lab.time(), 1001, deleted());
    lab.pass(2000);
    assert_eq!(lab.offset("g", "t", 0), None);
}
