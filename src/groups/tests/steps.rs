//! No step looks at more items than it must: items are counted, not time. Every command is run at
//! the largest size that it can have, and at half of it.

use super::*;
use crate::groups::limits::PROTOCOLS_MAX;
use crate::groups::visits;

/// The default maximum number of members of a group.
const MEMBERS: usize = 8192;

/// Returns the number of items that one step, or one tick, looks at.
fn visited(lab: &mut Lab, input: Option<Command>) -> (u64, Vec<Reply>) {
    visits::taken();
    let now = lab.time();
    let step = match input {
        Some(input) => lab.groups.step(now, TicketId::MAX, input),
        None => lab.groups.tick(now),
    };
    step.records.iter().for_each(|record| lab.groups.apply(now, record));
    let visited = visits::taken();
    lab.records.extend(step.records);
    let replies = step.replies.into_iter().chain(step.confirmations);
    let replies = replies.map(|(_, reply)| reply).collect();
    (visited, replies)
}

/// Runs the same operation at a size and at half of it, and asserts that the items it looks at grow
/// no faster than the size, and are no more than `each` for one item.
#[track_caller]
fn assert_linear(size: usize, each: u64, mut at: impl FnMut(usize) -> u64) {
    let (half, whole) = (at(size / 2), at(size));
    assert!(whole <= each * size as u64, "{whole} for {size}");
    assert!(10 * whole <= 22 * half.max(100), "{half} for half of {size}, {whole} for all");
}

/// Returns a group that waits for its `count` members, each of which has `protocols` protocols.
fn preparing(count: usize, protocols: usize) -> (Lab, Vec<String>) {
    let mut lab = Lab::with(GroupCoordinatorConfig { initial_delay_ms: 1000, ..rules() });
    let names: Vec<String> = (0..protocols).map(|number| format!("protocol-{number}")).collect();
    let known: Vec<(String, Bytes)> =
        names.iter().map(|name| (name.clone(), Bytes::from_static(READS_T))).collect();
    for number in 0..count {
        let instance_id = Some(format!("instance-{number}"));
        let identity = MemberIdentity { instance_id, ..identity("", -1) };
        let join = Join { identity, protocols: known.clone(), ..join("") };
        let (visited, _) = visited(&mut lab, Some(Command::Join(join)));
        assert!(visited <= 40 + 10 * protocols as u64, "{visited} for member {number}");
    }
    let ids = lab.groups.groups["g"].members.ids();
    (lab, ids.iter().map(ToString::to_string).collect())
}

/// Advances the clock until all members have joined. Returns the most items that a tick has looked
/// at, and the number of responses.
fn end_join_phase(lab: &mut Lab) -> (u64, usize) {
    let (mut most, mut answered) = (0, 0);
    while lab.phase() == "PreparingRebalance" {
        lab.now += 1000;
        let (visited, replies) = visited(lab, None);
        most = most.max(visited);
        answered += replies.len();
    }
    (most, answered)
}

/// Returns the same group once it is stable.
fn stable(count: usize) -> (Lab, Vec<String>) {
    let (mut lab, ids) = preparing(count, 1);
    end_join_phase(&mut lab);
    let assignments = ids.iter().map(|id| (id.clone(), Bytes::from_static(b"given"))).collect();
    let identity = static_identity(&ids[0], "instance-0", 1);
    let sync = Sync { identity, protocol_type: None, protocol: None, assignments };
    visited(&mut lab, Some(Command::Sync(sync)));
    assert_eq!(lab.phase(), "Stable");
    (lab, ids)
}

fn identity_of(ids: &[String], number: usize) -> MemberIdentity {
    static_identity(&ids[number], &format!("instance-{number}"), 1)
}

/// Returns `groups` groups, each with one committed offset.
fn committed(groups: usize) -> Lab {
    let mut lab = Lab::new();
    for number in 0..groups {
        let identity = MemberIdentity { group: format!("g{number:06}"), ..identity("", -1) };
        let input = Command::Commit(commit(identity, vec![to_commit("t", 0, 1)]));
        let (visited, _) = visited(&mut lab, Some(input));
        assert!(visited < 40, "{visited} for group {number}");
    }
    lab
}

/// Returns one group with `count` offsets.
fn offsets(count: usize) -> Lab {
    let mut lab = Lab::new();
    let offsets = (0..count as i32).map(|partition| to_commit("t", partition, 1)).collect();
    lab.commit(commit(identity("", -1), offsets)).expect("a commit");
    lab
}

#[test]
fn a_join_is_as_long_as_its_protocols_however_many_members_there_are() {
    // The items that four members with 60,000 protocols each once cost.
    let (mut lab, ids) = preparing(2000, PROTOCOLS_MAX);
    let known: Vec<(String, Bytes)> =
        lab.groups.groups["g"].members.get(&ids[7]).expect("a member").protocols.clone();
    for number in [7, 1999] {
        let identity = identity_of(&ids, number);
        let join = Join { identity, protocols: known.clone(), ..join("") };
        let (visited, _) = visited(&mut lab, Some(Command::Join(join)));
        assert!(visited <= 10 * PROTOCOLS_MAX as u64, "{visited}");
    }
}

#[test]
fn the_end_of_a_join_phase_is_linear_in_members_and_protocols() {
    assert_linear(2000, 20 + 10 * PROTOCOLS_MAX as u64, |count| {
        let (mut lab, _) = preparing(count, PROTOCOLS_MAX);
        let (most, answered) = end_join_phase(&mut lab);
        assert_eq!(answered, count);
        most
    });
}

#[test]
fn an_assignment_is_linear_in_members() {
    assert_linear(MEMBERS, 30, |count| {
        let (mut lab, ids) = preparing(count, 1);
        end_join_phase(&mut lab);
        for number in 1..count {
            let identity = identity_of(&ids, number);
            let sync =
                Sync { identity, protocol_type: None, protocol: None, assignments: Vec::new() };
            let (visited, _) = visited(&mut lab, Some(Command::Sync(sync)));
            assert!(visited <= 20, "{visited} for a follower");
        }
        let assignments = ids.iter().map(|id| (id.clone(), Bytes::from_static(b"given"))).collect();
        let identity = identity_of(&ids, 0);
        let sync = Sync { identity, protocol_type: None, protocol: None, assignments };
        let (visited, replies) = visited(&mut lab, Some(Command::Sync(sync)));
        assert_eq!(replies.len(), count);
        visited
    });
}

#[test]
fn heartbeats_syncs_and_commits_of_a_member_cost_the_same_in_the_largest_group() {
    let (mut lab, ids) = stable(MEMBERS);
    for number in [0, MEMBERS / 2, MEMBERS - 1] {
        let identity = identity_of(&ids, number);
        let sync = Sync {
            identity: identity.clone(),
            protocol_type: None,
            protocol: None,
            assignments: Vec::new(),
        };
        let inputs = [
            Command::Heartbeat(Heartbeat(identity.clone())),
            Command::Sync(sync),
            Command::Commit(commit(identity, vec![to_commit("t", 0, 1)])),
        ];
        for input in inputs {
            let (visited, _) = visited(&mut lab, Some(input.clone()));
            assert!(visited <= 30, "{visited} for {input:?}");
        }
    }
}

#[test]
fn a_description_is_linear_in_members() {
    assert_linear(MEMBERS, 5, |count| {
        let (mut lab, _) = stable(count);
        visited(&mut lab, Some(Command::Describe(Describe { group: "g".to_owned() }))).0
    });
}

#[test]
fn members_that_all_leave_or_fall_silent_cost_each_the_same() {
    assert_linear(MEMBERS, 40, |count| {
        let (mut lab, ids) = stable(count);
        let all =
            (0..count).map(|number| leaving(&ids[number], Some(&format!("instance-{number}"))));
        let input = Command::Leave(Leave { group: "g".to_owned(), members: all.collect() });
        visited(&mut lab, Some(input)).0
    });
    assert_linear(MEMBERS, 60, |count| {
        let (mut lab, _) = stable(count);
        lab.now += SESSION;
        visited(&mut lab, None).0
    });
    let (mut lab, _) = stable(2);
    let strangers = vec![leaving("unknown", None); SLICE];
    let input = Command::Leave(Leave { group: "g".to_owned(), members: strangers });
    let (visited, _) = visited(&mut lab, Some(input));
    assert!(visited <= 4 * SLICE as u64, "{visited}");
}

#[test]
fn ids_that_are_out_cost_each_the_same() {
    let mut lab = Lab::new();
    for number in 0..20_000 {
        let (visited, _) = visited(&mut lab, Some(Command::Join(join(""))));
        assert!(visited <= 40, "{visited} for id {number}");
    }
    lab.now += SESSION;
    assert_linear(20_000, 10, |count| {
        let mut lab = Lab::new();
        for _ in 0..count {
            visited(&mut lab, Some(Command::Join(join(""))));
        }
        lab.now += SESSION;
        visited(&mut lab, None).0
    });
}

#[test]
fn offsets_are_committed_fetched_and_deleted_at_the_same_cost_each() {
    assert_linear(16_000, 12, |count| {
        let mut lab = Lab::new();
        let offsets = (0..count as i32).map(|partition| to_commit("t", partition, 1)).collect();
        let input = Command::Commit(commit(identity("", -1), offsets));
        visited(&mut lab, Some(input)).0
    });
    let mut lab = offsets(50_000);
    let wanted = || vec![("t".to_owned(), (0..SLICE as i32).map(|p| 7 * p).collect())];
    let group = || "g".to_owned();
    let inputs = [
        Command::FetchOffsets(FetchOffsets {
            group: group(),
            wanted: wanted(),
            requires_stable: true,
        }),
        Command::FetchAllOffsets(FetchAllOffsets {
            group: group(),
            from: ("t".to_owned(), 20_000),
            requires_stable: true,
        }),
        Command::DeleteOffsets(DeleteOffsets { group: group(), wanted: wanted() }),
        Command::Delete(Delete { group: group() }),
        Command::TopicDeleted(TopicDeleted { topic: "t".to_owned() }),
    ];
    for input in inputs {
        let (visited, _) = visited(&mut lab, Some(input.clone()));
        assert!(visited <= 10 * SLICE as u64, "{visited} for {input:?}");
    }
}

#[test]
fn offsets_that_a_group_reads_are_distinguished_from_others_in_bounded_time() {
    let (mut lab, ids) = stable(100);
    // Each is subscribed to 1,000,000 topics; no step reads all of them.
    let names = b"\0\x01t".repeat(1_000_000);
    let metadata = [&b"\0\0"[..], &1_000_000_i32.to_be_bytes(), &names].concat();
    let metadata = Bytes::from(metadata);
    for id in &ids {
        let group = lab.groups.groups.get_mut("g").expect("a group");
        let protocols = vec![("protocol-0".to_owned(), metadata.clone())];
        group.members.set_protocols(id, protocols);
    }
    let wanted = vec![("u".to_owned(), vec![0])];
    let input = Command::DeleteOffsets(DeleteOffsets { group: "g".to_owned(), wanted });
    let (visited, replies) = visited(&mut lab, Some(input));
    assert!(visited <= 1000, "{visited}");
    match &replies[..] {
        [Reply::Deleted(Ok(deleted))] => {
            assert_eq!(deleted[0].1, [(0, Err(GroupError::Subscribed))])
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_groups_are_listed_page_by_page() {
    let mut lab = committed(10_000);
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let (visited, replies) = visited(&mut lab, Some(Command::List(List { after })));
        assert!(visited <= 3 * SLICE as u64, "{visited}");
        let Some(Reply::Listed((page, is_more))) = replies.into_iter().next() else { panic!() };
        listed.extend(page.into_iter().map(|one| one.group));
        after = listed.last().cloned();
        if !is_more {
            break;
        }
    }
    let expected: Vec<String> = (0..10_000).map(|number| format!("g{number:06}")).collect();
    assert_eq!(listed, expected);
}

#[test]
fn a_deleted_topic_and_a_deleted_group_are_forgotten_slice_by_slice() {
    let mut lab = committed(10_000);
    lab.commit(commit(identity("", -1), vec![to_commit("u", 0, 1)])).expect("a commit");
    let (few, _) =
        visited(&mut lab, Some(Command::TopicDeleted(TopicDeleted { topic: "u".to_owned() })));
    assert!(few <= 20, "{few} for a topic that one group has read");
    let mut slices = 0;
    loop {
        let input = Command::TopicDeleted(TopicDeleted { topic: "t".to_owned() });
        let (visited, replies) = visited(&mut lab, Some(input));
        assert!(visited <= 20 * SLICE as u64, "{visited}");
        slices += 1;
        if matches!(replies[..], [Reply::TopicForgotten(Progress::Done)]) {
            break;
        }
    }
    assert_eq!((slices, lab.groups.is_empty()), (3, true));
    let mut lab = offsets(10_000);
    let mut slices = 1;
    while let (visited, replies) =
        visited(&mut lab, Some(Command::Delete(Delete { group: "g".to_owned() })))
        && !matches!(replies[..], [Reply::GroupDeleted(Ok(Progress::Done))])
    {
        assert!(visited <= 20 * SLICE as u64, "{visited}");
        slices += 1;
    }
    assert_eq!((slices, lab.groups.is_empty()), (3, true));
    lab.crash();
    assert!(lab.groups.is_empty());
}

#[test]
fn retention_looks_at_a_slice_at_a_time_and_at_everything() {
    for mut lab in [committed(10_000), offsets(10_000)] {
        lab.now += 3_600_000;
        let mut ticks = 0;
        while lab.groups.next_due_ms().is_some_and(|due| due <= lab.now) {
            let (visited, _) = visited(&mut lab, None);
            assert!(visited <= 20 * SLICE as u64, "{visited}");
            ticks += 1;
        }
        assert!((3..10).contains(&ticks), "{ticks}");
        assert!(lab.groups.is_empty());
        lab.crash();
        assert!(lab.groups.is_empty());
    }
}

#[test]
fn many_groups_that_are_due_at_once_are_not_looked_at_at_once() {
    let mut lab = Lab::new();
    for number in 0..10_000 {
        let identity = MemberIdentity { group: format!("g{number}"), ..identity("", -1) };
        visited(
            &mut lab,
            Some(Command::Join(Join { identity, requires_member_id: false, ..join("") })),
        );
    }
    lab.now += 2 * REBALANCE;
    let mut ticks = 0;
    while lab.groups.next_due_ms().is_some_and(|due| due <= lab.now) {
        let (visited, _) = visited(&mut lab, None);
        assert!(visited <= 40 * SLICE as u64, "{visited}");
        ticks += 1;
    }
    assert!(ticks >= 3, "{ticks}");
    assert_eq!(lab.groups.usage().members, 0);
}
