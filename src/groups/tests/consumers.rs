//! Consumer groups (KIP-848), step by step as measured on Kafka 4.4.

use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::catalog::TopicCatalog;
use crate::groups::consumer::questions::{
    CheckMember, ConsumerBeat, ConsumerGroupDescription, ConsumerHeartbeat, DescribeConsumers,
    GroupTiming, Refusal, ResolvedRegexes,
};
use crate::groups::consumer::records::{ConsumerRecord, ResolvedRegex};
use crate::groups::tests::*;

const CONSUMER_SESSION: i64 = 45_000;
const INTERVAL: i64 = 1000;

/// Returns a heartbeat with nothing new.
fn quiet(member: &str, epoch: i32) -> ConsumerHeartbeat {
    ConsumerHeartbeat {
        group: "g".to_owned(),
        member: member.to_owned(),
        epoch,
        instance_id: None,
        rack_id: None,
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        rebalance_timeout_ms: -1,
        topic_names: None,
        topic_regex: None,
        resolved: None,
        server_assignor: None,
        owned: None,
        timing: GroupTiming {
            session_timeout_ms: CONSUMER_SESSION as i32,
            heartbeat_interval_ms: 5000,
            assignment_interval_ms: INTERVAL as i32,
        },
    }
}

/// Returns the first heartbeat of a member that reads topics.
fn joining(member: &str, topics: &[&str]) -> ConsumerHeartbeat {
    ConsumerHeartbeat {
        rebalance_timeout_ms: REBALANCE as i32,
        topic_names: Some(topics.iter().map(|topic| (*topic).to_owned()).collect()),
        owned: Some(Assignment::default()),
        ..quiet(member, 0)
    }
}

fn static_joining(member: &str, instance: &str) -> ConsumerHeartbeat {
    ConsumerHeartbeat { instance_id: Some(instance.to_owned()), ..joining(member, &["t"]) }
}

impl Lab {
    fn hear(&mut self, beat: ConsumerHeartbeat) -> Result<ConsumerBeat, Refusal> {
        let ticket = self.ask(Command::ConsumerHeartbeat(beat));
        match self.said.remove(&ticket) {
            Some(Reply::ConsumerBeat(outcome)) => outcome.map(|beat| *beat),
            other => panic!("no heartbeat: {other:?}"),
        }
    }

    /// Returns the epoch and the partitions of `t` that a heartbeat is answered with.
    #[track_caller]
    fn got(&mut self, beat: ConsumerHeartbeat) -> (i32, Option<Vec<i32>>) {
        let beat = self.hear(beat).expect("an answer");
        let partitions = |all: Assignment| all.iter().map(|(_, p)| p).collect();
        (beat.epoch, beat.assignment.map(partitions))
    }

    #[track_caller]
    fn fault(&mut self, beat: ConsumerHeartbeat) -> GroupError {
        self.hear(beat).expect_err("a refusal").error
    }

    fn of_t(&self, partitions: &[i32]) -> Option<Assignment> {
        let id = self.topics.named("t").expect("the topic").id;
        Some(partitions.iter().map(|p| (id, *p)).collect())
    }

    fn consumers(&mut self) -> Result<ConsumerGroupDescription, Refusal> {
        let ticket = self.ask(Command::DescribeConsumers(DescribeConsumers { group: "g".into() }));
        match self.said.remove(&ticket) {
            Some(Reply::ConsumersDescribed(outcome)) => outcome.map(|described| *described),
            other => panic!("not described: {other:?}"),
        }
    }

    fn state(&mut self) -> &'static str {
        self.consumers().map_or("none", |group| group.state)
    }

    /// Starts with a topic `t`.
    fn with_t(partitions: i32) -> Lab {
        let lab = Lab::new();
        lab.topics.put("t", partitions);
        lab
    }
}

#[test]
fn a_second_member_gets_what_the_first_has_given_up() {
    let mut lab = Lab::with_t(2);
    assert_eq!(lab.got(joining("m1", &["t"])), (2, Some(vec![0, 1])));
    assert_eq!(lab.state(), "Stable");
    lab.pass(100);
    assert_eq!(lab.got(joining("m2", &["t"])), (2, Some(vec![])));
    assert_eq!(lab.state(), "Assigning");
    lab.pass(INTERVAL);
    assert_eq!(lab.got(quiet("m1", 2)), (2, Some(vec![0])));
    assert_eq!(lab.got(quiet("m2", 2)), (3, None));
    assert_eq!(lab.state(), "Reconciling");
    let owned = lab.of_t(&[0]);
    assert_eq!(lab.got(ConsumerHeartbeat { owned, ..quiet("m1", 2) }), (3, None));
    assert_eq!(lab.got(quiet("m2", 3)), (3, Some(vec![1])));
    assert_eq!(lab.state(), "Stable");
    assert_eq!(lab.got(quiet("m2", 3)), (3, None));
}

#[test]
fn a_member_that_leaves_or_is_silent_gives_its_partitions_to_the_others() {
    for leaves in [true, false] {
        let mut lab = Lab::with_t(2);
        lab.got(joining("m1", &["t"]));
        lab.pass(INTERVAL);
        assert_eq!(lab.got(joining("m2", &["t"])).0, 3);
        let owned = lab.of_t(&[0]);
        lab.got(quiet("m1", 2));
        lab.got(ConsumerHeartbeat { owned, ..quiet("m1", 2) });
        assert_eq!(lab.got(quiet("m2", 3)), (3, Some(vec![1])));
        if leaves {
            assert_eq!(lab.got(quiet("m1", -1)), (-1, None));
            lab.pass(INTERVAL);
        } else {
            lab.pass(CONSUMER_SESSION - 1);
            lab.got(quiet("m2", 3));
            lab.pass(1);
        }
        assert_eq!(lab.got(quiet("m2", 3)), (4, Some(vec![0, 1])), "{leaves}");
        assert_eq!(lab.fault(quiet("m1", 3)), GroupError::UnknownMember);
        assert_eq!(lab.got(quiet("m2", -1)).0, -1);
        let empty = lab.consumers().expect("the group");
        assert_eq!((empty.state, empty.epoch, empty.assignment_epoch), ("Empty", 5, 5));
        assert_eq!(lab.got(joining("m3", &["t"])), (6, Some(vec![0, 1])), "at once");
    }
}

#[test]
fn a_member_that_does_not_give_up_its_partitions_in_time_is_removed() {
    let mut lab = Lab::with_t(2);
    lab.got(joining("m1", &["t"]));
    lab.pass(INTERVAL);
    lab.got(joining("m2", &["t"]));
    assert_eq!(lab.got(quiet("m1", 2)), (2, Some(vec![0])));
    let begin = lab.now;
    while lab.now < begin + REBALANCE - 1000 {
        assert_eq!(lab.got(quiet("m1", 2)).0, 2);
        assert_eq!(lab.got(quiet("m2", 3)).0, 3);
        lab.pass(1000);
    }
    lab.pass(1000);
    assert_eq!(lab.fault(quiet("m1", 2)), GroupError::UnknownMember);
    assert_eq!(lab.got(quiet("m2", 3)), (4, Some(vec![0, 1])));
}

#[test]
fn an_epoch_that_is_not_the_members_is_refused_unless_an_answer_was_lost() {
    let mut lab = Lab::with_t(2);
    assert_eq!(lab.fault(quiet("m1", 1)), GroupError::GroupNotFound);
    lab.got(joining("m1", &["t"]));
    assert_eq!(lab.fault(quiet("m1", 3)), GroupError::FencedEpoch);
    assert_eq!(lab.fault(quiet("m1", 1)), GroupError::FencedEpoch);
    assert_eq!(lab.fault(quiet("m2", 1)), GroupError::UnknownMember);
    lab.pass(INTERVAL);
    lab.topics.put("t", 3);
    assert_eq!(lab.got(quiet("m1", 2)), (3, Some(vec![0, 1, 2])));
    let owned = lab.of_t(&[0, 1]);
    assert_eq!(lab.fault(quiet("m1", 2)), GroupError::FencedEpoch);
    assert_eq!(lab.got(ConsumerHeartbeat { owned, ..quiet("m1", 2) }).0, 3);
    let owned = lab.of_t(&[7]);
    let foreign = ConsumerHeartbeat { owned, ..quiet("m1", 2) };
    assert_eq!(lab.fault(foreign), GroupError::FencedEpoch);
    // One that has lost all rejoins with its id.
    assert_eq!(lab.got(joining("m1", &["t"])), (3, Some(vec![0, 1, 2])));
}

#[test]
fn a_static_member_that_comes_back_in_time_gets_the_same_partitions() {
    let mut lab = Lab::with_t(4);
    lab.got(static_joining("m1", "a"));
    lab.pass(INTERVAL);
    assert_eq!(lab.got(static_joining("m2", "b")), (3, Some(vec![])));
    assert_eq!(lab.got(quiet("m1", 2)), (2, Some(vec![0, 1])));
    let owned = lab.of_t(&[0, 1]);
    lab.got(ConsumerHeartbeat { owned, ..quiet("m1", 2) });
    assert_eq!(lab.got(quiet("m2", 3)), (3, Some(vec![2, 3])));
    let before = lab.consumers().expect("the group").epoch;
    assert_eq!(lab.fault(static_joining("m3", "b")), GroupError::UnreleasedInstance);
    let leaving = ConsumerHeartbeat { instance_id: Some("b".into()), ..quiet("m2", -2) };
    assert_eq!(lab.got(leaving), (-2, None));
    lab.crash();
    assert_eq!(lab.got(static_joining("m3", "b")), (3, Some(vec![2, 3])));
    assert_eq!(lab.consumers().expect("the group").epoch, before);
    let old = ConsumerHeartbeat { instance_id: Some("b".into()), ..quiet("m2", 3) };
    assert_eq!(lab.fault(old), GroupError::FencedInstance);
    // One that does not come back is removed when its session ends.
    let leaving = ConsumerHeartbeat { instance_id: Some("b".into()), ..quiet("m3", -2) };
    lab.got(leaving);
    lab.pass(CONSUMER_SESSION - 1);
    assert_eq!(lab.got(quiet("m1", 3)), (3, None));
    lab.pass(1);
    assert_eq!(lab.got(quiet("m1", 3)), (4, Some(vec![0, 1, 2, 3])));
}

#[test]
fn offsets_are_taken_at_the_epoch_at_which_their_partition_was_assigned_or_later() {
    let mut lab = Lab::with_t(2);
    lab.got(joining("m1", &["t"]));
    lab.pass(INTERVAL);
    lab.topics.put("t", 3);
    assert_eq!(lab.got(quiet("m1", 2)).0, 3);
    let commits = |lab: &mut Lab, member: &str, epoch: i32, partition: i32| {
        let mut commit = commit(identity(member, epoch), vec![to_commit("t", partition, 7)]);
        commit.tells_unknown_group = true;
        let ticket = lab.ask(Command::Commit(commit));
        match lab.said.remove(&ticket) {
            Some(Reply::Committed(outcome)) => outcome.and_then(|mut all| all.remove(0)),
            other => panic!("not committed: {other:?}"),
        }
    };
    assert_eq!(commits(&mut lab, "m1", 3, 2), Ok(()));
    assert_eq!(commits(&mut lab, "m1", 2, 0), Ok(()), "it has had it since epoch 2");
    assert_eq!(commits(&mut lab, "m1", 2, 2), Err(GroupError::StaleEpoch));
    assert_eq!(commits(&mut lab, "m1", 4, 0), Err(GroupError::StaleEpoch));
    assert_eq!(commits(&mut lab, "m2", 3, 0), Err(GroupError::UnknownMember));
    assert_eq!(commits(&mut lab, "", -1, 0), Err(GroupError::UnknownMember));
    let old = commit(identity("m1", 3), vec![to_commit("t", 0, 7)]);
    let ticket = lab.ask(Command::Commit(old));
    let refused = Reply::Committed(Err(GroupError::UnsupportedVersion));
    assert_eq!(format!("{:?}", lab.said[&ticket]), format!("{refused:?}"));
    let check = |epoch| CheckMember { group: "g".into(), member: "m1".into(), epoch };
    assert_eq!(lab.groups.check_member(&check(3)), Ok(()));
    assert_eq!(lab.groups.check_member(&check(2)), Err(GroupError::StaleEpoch));
    lab.got(quiet("m1", -1));
    assert_eq!(commits(&mut lab, "", -1, 0), Ok(()), "an empty group takes those of an admin");
}

fn found(topics: &[&str], lab: &Lab) -> ResolvedRegex {
    ResolvedRegex {
        topics: topics.iter().map(|topic| Arc::from(*topic)).collect(),
        version: lab.topics.version(),
        resolved_ms: lab.time().wall_ms,
    }
}

#[test]
fn topics_that_a_regular_expression_matches_later_are_assigned() {
    let mut lab = Lab::with_t(1);
    let joins = ConsumerHeartbeat {
        topic_regex: Some("t.*".to_owned()),
        topic_names: None,
        resolved: Some(found(&["t"], &lab)),
        ..joining("m1", &[])
    };
    assert_eq!(lab.got(joins), (2, Some(vec![0])));
    let look =
        |lab: &mut Lab, epoch| lab.hear(quiet("m1", epoch)).expect("an answer").stale_regexes;
    let take = |lab: &mut Lab, topics: &[&str]| {
        let regexes = vec![("t.*".to_owned(), found(topics, lab))];
        let group = "g".to_owned();
        let resolved = ResolvedRegexes { group, regexes, assignment_interval_ms: 1000 };
        lab.ask(Command::ResolvedRegexes(resolved));
    };
    lab.pass(5000);
    if !look(&mut lab, 2).is_empty() {
        take(&mut lab, &["t"]);
    }
    lab.pass(5000);
    assert_eq!(look(&mut lab, 2), [""; 0], "the topics are the same");
    lab.topics.put("tt", 1);
    lab.pass(5000);
    assert_eq!(look(&mut lab, 2), ["t.*"]);
    take(&mut lab, &["t", "tt"]);
    let beat = lab.hear(quiet("m1", 2)).expect("an answer");
    assert_eq!((beat.epoch, beat.assignment.map(|all| all.len())), (3, Some(2)));
    // With the last member that uses it, it is forgotten.
    lab.got(quiet("m1", -1));
    let group = lab.groups.groups["g"].consumer.as_ref().expect("the group");
    assert!(group.regexes().is_empty());
}

#[test]
fn a_group_without_members_and_offsets_is_deleted_whole() {
    let mut lab = Lab::with_t(1);
    lab.got(joining("m1", &["t"]));
    let delete = |lab: &mut Lab| {
        let ticket = lab.ask(Command::Delete(Delete { group: "g".into() }));
        match lab.said.remove(&ticket) {
            Some(Reply::GroupDeleted(outcome)) => outcome,
            other => panic!("not deleted: {other:?}"),
        }
    };
    assert_eq!(delete(&mut lab), Err(GroupError::NotEmpty));
    lab.got(quiet("m1", -1));
    assert_eq!(delete(&mut lab), Ok(Progress::Done));
    assert!(lab.groups.is_empty());
    assert_eq!(delete(&mut lab), Err(GroupError::GroupNotFound));
    lab.crash();
    assert!(lab.groups.is_empty());
}

#[test]
fn an_empty_classic_group_becomes_a_consumer_group_and_keeps_its_offsets() {
    let mut lab = Lab::with_t(1);
    let ticket = lab.ask(Command::Commit(commit(identity("", -1), vec![to_commit("t", 0, 7)])));
    assert!(lab.answered(ticket));
    assert_eq!(lab.got(joining("m1", &["t"])), (2, Some(vec![0])));
    assert_eq!(lab.offset("g", "t", 0).map(|committed| committed.offset), Some(7));
    assert_eq!(lab.described("g"), Err(GroupError::NotClassic));
}

#[test]
fn what_a_group_is_is_what_its_records_make_of_it() {
    let mut lab = Lab::with_t(7);
    lab.got(joining("m1", &["t", "u"]));
    lab.pass(INTERVAL);
    lab.got(static_joining("m2", "i"));
    lab.got(quiet("m1", 2));
    lab.topics.put("u", 3);
    lab.pass(INTERVAL);
    lab.got(quiet("m1", 2));
    let durable = lab.groups.durable();
    lab.crash();
    assert_eq!(lab.groups.durable(), durable);
    lab.groups.assert_sound();
    for record in lab.records.clone() {
        let (key, value) = crate::machine::MachineRecord::encode(&record);
        let again = <Record as crate::machine::MachineRecord>::decode(&key, value.as_deref());
        assert_eq!(again.as_ref(), Ok(&Some(record)));
    }
    let is_epoch = |record: &Record| {
        matches!(record, Record::Consumer { record: ConsumerRecord::Group(Some(_)), .. })
    };
    assert_eq!(lab.records.iter().filter(|record| is_epoch(record)).count(), 3);
}
