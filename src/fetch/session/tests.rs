use super::*;

fn key(partition: i32) -> PartitionKey {
    PartitionKey { topic: TopicKey::Name("t".into()), partition }
}

fn params(fetch_offset: Offset) -> FetchParams {
    FetchParams {
        fetch_offset,
        partition_max_bytes: 1 << 20,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
        log_start_offset: -1,
    }
}

fn want(partition: i32, fetch_offset: Offset) -> SessionPartition {
    SessionPartition { key: key(partition), params: params(fetch_offset) }
}

fn request(session_id: i32, epoch: i32, wanted: Vec<SessionPartition>) -> SessionRequest {
    SessionRequest { session_id, epoch, by_id: false, partitions: wanted, forgotten: Vec::new() }
}

fn quiet(high_watermark: Offset) -> PartitionRead {
    let offsets = PartitionOffsets {
        high_watermark,
        last_stable_offset: high_watermark,
        log_start_offset: 0,
    };
    PartitionRead { has_records: false, must_answer: false, offsets }
}

fn data(high_watermark: Offset) -> PartitionRead {
    PartitionRead { has_records: true, ..quiet(high_watermark) }
}

fn error() -> PartitionRead {
    PartitionRead { has_records: false, must_answer: true, offsets: NOT_SENT }
}

fn sessions(slots: usize) -> SessionCache {
    SessionCache::new(slots, fastrand::Rng::with_seed(1))
}

/// Starts a session over partitions 0.. with these results; returns its id.
fn started(sessions: &mut SessionCache, now: i64, seen: &[PartitionRead]) -> i32 {
    let wanted = (0..seen.len() as i32).map(|p| want(p, 0)).collect();
    let plan = sessions.begin(now, request(0, FULL_EPOCH, wanted)).unwrap();
    let answer = sessions.finish(now, &plan, seen).unwrap();
    assert_eq!(answer.listed, vec![true; seen.len()]);
    answer.session_id
}

fn partitions(plan: &FetchPlan) -> Vec<i32> {
    plan.partitions.iter().map(|wanted| wanted.key.partition).collect()
}

#[test]
fn a_full_fetch_begins_a_session_and_the_next_answers_list_only_news() {
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[quiet(5), quiet(5), quiet(5)]);
    assert!(id > 0);
    let plan = sessions.begin(1, request(id, 1, vec![])).unwrap();
    assert_eq!(partitions(&plan), [0, 1, 2]);
    let answer = sessions.finish(1, &plan, &[quiet(5), quiet(6), data(5)]).unwrap();
    assert_eq!(answer, SessionResponse { session_id: id, listed: vec![false, true, true] });
    // What was sent once is not sent again.
    let plan = sessions.begin(2, request(id, 2, vec![])).unwrap();
    let answer = sessions.finish(2, &plan, &[quiet(5), quiet(6), quiet(5)]).unwrap();
    assert_eq!(answer.listed, [false; 3]);
}

#[test]
fn the_log_start_and_the_stable_offset_are_news_too() {
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[quiet(5), quiet(5)]);
    let plan = sessions.begin(1, request(id, 1, vec![])).unwrap();
    let mut seen = [quiet(5), quiet(5)];
    seen[0].offsets.log_start_offset = 3;
    seen[1].offsets.last_stable_offset = 4;
    assert_eq!(sessions.finish(1, &plan, &seen).unwrap().listed, [true, true]);
}

#[test]
fn an_error_is_always_listed_and_so_is_the_first_answer_after_it() {
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[quiet(5)]);
    let answers = [(error(), true), (error(), true), (quiet(5), true), (quiet(5), false)];
    for (epoch, (seen, listed)) in (1..).zip(answers) {
        let plan = sessions.begin(1, request(id, epoch, vec![])).unwrap();
        assert_eq!(sessions.finish(1, &plan, &[seen]).unwrap().listed, [listed], "{epoch}");
    }
}

#[test]
fn partitions_are_added_changed_and_forgotten() {
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[quiet(5), quiet(5)]);
    let mut change = request(id, 1, vec![want(1, 77), want(9, 3)]);
    change.forgotten = vec![key(0), key(55)];
    let plan = sessions.begin(1, change).unwrap();
    assert_eq!(plan.partitions, [want(1, 77), want(9, 3)]);
    assert_eq!(sessions.partitions(), 2);
    // The new one is sent at once.
    assert_eq!(sessions.finish(1, &plan, &[quiet(5), quiet(0)]).unwrap().listed, [false, true]);
}

#[test]
fn a_session_without_partitions_ends() {
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[quiet(5)]);
    let mut last = request(id, 1, vec![]);
    last.forgotten = vec![key(0)];
    let plan = sessions.begin(1, last).unwrap();
    assert_eq!(sessions.finish(1, &plan, &[]).unwrap().session_id, NO_SESSION);
    assert!(sessions.is_empty() && sessions.partitions() == 0);
}

#[test]
fn partitions_that_returned_data_go_to_the_end_so_that_none_starves() {
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[data(9), quiet(9), quiet(9), quiet(9)]);
    let mut served = Vec::new();
    for epoch in 1..=8 {
        let plan = sessions.begin(1, request(id, epoch, vec![])).unwrap();
        // There is only room for the first.
        let mut seen = vec![quiet(9); 4];
        seen[0] = data(9);
        served.push(partitions(&plan)[0]);
        sessions.finish(1, &plan, &seen).unwrap();
    }
    assert_eq!(served, [1, 2, 3, 0, 1, 2, 3, 0]);
}

#[test]
fn errors_are_reported_in_kafkas_order() {
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[quiet(5)]);
    let unknown = sessions.begin(1, request(id ^ 1, 1, vec![])).unwrap_err();
    assert_eq!(unknown, SessionError::UnknownId(id ^ 1));
    assert!(sessions.begin(1, request(0, 1, vec![])).is_err());
    for sent in [2, -2, i32::MAX] {
        let wrong = sessions.begin(1, request(id, sent, vec![])).unwrap_err();
        assert_eq!(wrong, SessionError::Epoch { id, expected: 1, sent });
    }
    let switched = SessionRequest { by_id: true, ..request(id, 1, vec![]) };
    assert_eq!(sessions.begin(1, switched).unwrap_err(), SessionError::TopicIds(id));
    // None of that has changed the session.
    assert!(sessions.begin(1, request(id, 1, vec![])).is_ok());
    // A repeated request has an old epoch.
    assert!(sessions.begin(1, request(id, 1, vec![])).is_err());
}

#[test]
fn sessions_live_by_topic_ids_as_well() {
    let mut sessions = sessions(10);
    let topic = TopicKey::Id(TopicId::from_u128(7));
    let wanted =
        vec![SessionPartition { key: PartitionKey { topic, partition: 0 }, params: params(0) }];
    let full = SessionRequest { by_id: true, ..request(0, FULL_EPOCH, wanted.clone()) };
    let plan = sessions.begin(0, full).unwrap();
    let id = sessions.finish(0, &plan, &[quiet(1)]).unwrap().session_id;
    let by_name = sessions.begin(0, request(id, 1, vec![])).unwrap_err();
    assert_eq!(by_name, SessionError::TopicIds(id));
    let next = SessionRequest { by_id: true, ..request(id, 1, vec![]) };
    assert_eq!(sessions.begin(0, next).unwrap().partitions, wanted);
}

#[test]
fn epochs_wrap_to_one() {
    assert_eq!(epoch_after(0), 1);
    assert_eq!(epoch_after(i32::MAX - 1), i32::MAX);
    assert_eq!(epoch_after(i32::MAX), 1);
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[quiet(5)]);
    sessions.all.get_mut(&id).unwrap().epoch = i32::MAX;
    sessions.begin(1, request(id, i32::MAX, vec![])).unwrap();
    assert!(sessions.begin(1, request(id, 1, vec![])).is_ok());
}

#[test]
fn a_full_fetch_ends_the_session_that_it_names() {
    let mut sessions = sessions(10);
    let first = started(&mut sessions, 0, &[quiet(5)]);
    let plan = sessions.begin(1, request(first, FULL_EPOCH, vec![want(0, 0)])).unwrap();
    let second = sessions.finish(1, &plan, &[quiet(5)]).unwrap().session_id;
    assert_ne!(first, second);
    assert_eq!(sessions.len(), 1);
    let plan = sessions.begin(1, request(second, FINAL_EPOCH, vec![want(0, 0)])).unwrap();
    let answer = sessions.finish(1, &plan, &[quiet(5)]).unwrap();
    assert_eq!(answer, SessionResponse { session_id: NO_SESSION, listed: vec![true] });
    assert!(sessions.is_empty());
}

#[test]
fn only_a_silent_session_makes_room_for_another() {
    let mut sessions = sessions(2);
    let first = started(&mut sessions, 0, &[quiet(5)]);
    let second = started(&mut sessions, 10, &[quiet(5)]);
    assert_eq!(started(&mut sessions, EVICT_AFTER_MS, &[quiet(5)]), NO_SESSION);
    sessions.begin(20, request(first, 1, vec![])).unwrap();
    let third = started(&mut sessions, EVICT_AFTER_MS + 11, &[quiet(5)]);
    assert_ne!(third, NO_SESSION);
    // The second had been inactive for longer.
    let gone = sessions.begin(30, request(second, 1, vec![])).unwrap_err();
    assert_eq!(gone, SessionError::UnknownId(second));
    assert_eq!((sessions.len(), sessions.partitions()), (2, 2));
    assert_eq!(
        started(&mut SessionCache::new(0, fastrand::Rng::new()), 0, &[quiet(5)]),
        NO_SESSION
    );
}

#[test]
fn partitions_are_remembered_up_to_the_limit_and_not_one_more() {
    let mut sessions = sessions(10);
    assert_eq!(started(&mut sessions, 0, &vec![quiet(5); PARTITIONS_MAX + 1]), NO_SESSION);
    let id = started(&mut sessions, 0, &vec![quiet(5); PARTITIONS_MAX]);
    assert_ne!(id, NO_SESSION);
    assert_eq!(started(&mut sessions, 0, &[quiet(5)]), NO_SESSION);
    // One more in the same session: all are sent, and the session ends.
    let plan = sessions.begin(1, request(id, 1, vec![want(-1, 0)])).unwrap();
    assert_eq!(plan.partitions.len(), PARTITIONS_MAX + 1);
    let answer = sessions.finish(1, &plan, &vec![quiet(5); PARTITIONS_MAX + 1]).unwrap();
    assert_eq!(answer.session_id, NO_SESSION);
    assert!(answer.listed.iter().all(|listed| *listed));
    assert_eq!((sessions.len(), sessions.partitions()), (0, 0));
}

#[test]
fn a_name_that_no_topic_can_have_is_answered_but_not_remembered() {
    let mut sessions = sessions(10);
    let long = |bytes: usize| PartitionKey {
        topic: TopicKey::Name("x".repeat(bytes).into()),
        partition: 0,
    };
    for (bytes, kept) in [(NAME_BYTES_MAX, true), (NAME_BYTES_MAX + 1, false)] {
        let wanted = vec![SessionPartition { key: long(bytes), params: params(0) }];
        let plan = sessions.begin(0, request(0, FULL_EPOCH, wanted.clone())).unwrap();
        let id = sessions.finish(0, &plan, &[error()]).unwrap().session_id;
        assert_eq!(id != NO_SESSION, kept);
        let other = started(&mut sessions, 0, &[quiet(5)]);
        let plan = sessions.begin(0, request(other, 1, wanted)).unwrap();
        let answer = sessions.finish(0, &plan, &[quiet(5), error()]).unwrap();
        assert_eq!(answer.session_id != NO_SESSION, kept);
    }
}

#[test]
fn a_partition_that_is_listed_twice_is_read_once() {
    let mut sessions = sessions(10);
    let twice = vec![want(0, 1), want(1, 1), want(0, 2)];
    let plan = sessions.begin(0, request(0, FINAL_EPOCH, twice)).unwrap();
    assert_eq!(plan.partitions, [want(0, 2), want(1, 1)]);
}

#[test]
fn what_happens_between_the_two_halves_is_noticed() {
    let mut sessions = sessions(10);
    let id = started(&mut sessions, 0, &[quiet(5)]);
    let slow = sessions.begin(1, request(id, 1, vec![])).unwrap();
    let quick = sessions.begin(1, request(id, 2, vec![])).unwrap();
    assert!(sessions.finish(1, &slow, &[quiet(6)]).is_err());
    assert_eq!(sessions.finish(1, &quick, &[quiet(6)]).unwrap().listed, [true]);
    let last = sessions.begin(1, request(id, 3, vec![])).unwrap();
    sessions.begin(1, request(id, FINAL_EPOCH, vec![])).unwrap();
    let answer = sessions.finish(1, &last, &[quiet(6)]).unwrap();
    assert_eq!(answer, SessionResponse { session_id: NO_SESSION, listed: vec![true] });
}

#[test]
fn a_client_that_follows_the_answers_always_knows_what_the_broker_knows() {
    let mut rng = fastrand::Rng::with_seed(17);
    for round in 0..100 {
        let mut sessions = SessionCache::new(rng.usize(1..4), rng.fork());
        let mut truth: Vec<Offset> = vec![0; 8];
        // The client's view: its session, its subscription, and what it has received.
        let (mut id, mut epoch) = (NO_SESSION, FULL_EPOCH);
        let (mut mine, mut sent) = (vec![0, 1, 2], HashMap::<i32, Offset>::new());
        for step in 0..200 {
            let mut next = request(id, epoch, vec![]);
            let mut keep: Vec<i32> = (0..8).filter(|_| rng.u8(..4) > 0).collect();
            if keep.is_empty() || rng.bool() {
                keep = mine.clone();
            }
            if epoch == FULL_EPOCH {
                next.partitions = keep.iter().map(|p| want(*p, 0)).collect();
                sent.clear();
            } else {
                let added = keep.iter().filter(|p| !mine.contains(p));
                next.partitions = added.map(|p| want(*p, 0)).collect();
                next.forgotten =
                    mine.iter().filter(|p| !keep.contains(p)).map(|p| key(*p)).collect();
            }
            sent.retain(|p, _| keep.contains(p));
            mine = keep;
            let now = step * 60_000;
            let Ok(plan) = sessions.begin(now, next) else {
                (id, epoch) = (NO_SESSION, FULL_EPOCH);
                continue;
            };
            let mut planned = partitions(&plan);
            planned.sort_unstable();
            let mut expected = mine.clone();
            expected.sort_unstable();
            assert_eq!(planned, expected, "round {round}, step {step}");
            truth[rng.usize(..8)] += rng.i64(0..2);
            let seen: Vec<_> = plan
                .partitions
                .iter()
                .map(|wanted| quiet(truth[wanted.key.partition as usize]))
                .collect();
            let answer = sessions.finish(now, &plan, &seen).unwrap();
            for (wanted, listed) in plan.partitions.iter().zip(&answer.listed) {
                if *listed {
                    sent.insert(wanted.key.partition, truth[wanted.key.partition as usize]);
                }
            }
            for partition in &mine {
                assert_eq!(sent.get(partition), Some(&truth[*partition as usize]));
            }
            (id, epoch) = match answer.session_id {
                NO_SESSION => (NO_SESSION, FULL_EPOCH),
                id => (id, epoch_after(epoch)),
            };
            if rng.u8(..10) == 0 {
                // Another client comes and goes, or the client loses its place.
                started(&mut sessions, now, &[quiet(1)]);
                epoch = if rng.bool() { FULL_EPOCH } else { epoch };
            }
        }
    }
}
