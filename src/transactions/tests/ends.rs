//! EndTxn: the whole table, of both flows.

use super::*;

use TransactionResult::{Abort, Commit};

/// Brings an id into a state; returns its producer, with the epoch of its last transaction.
fn producer_in(
    sim: &mut Sim,
    state: TransactionState,
    version: TransactionVersion,
) -> TransactionalProducer {
    let producer = sim.init("a");
    if state == TransactionState::Empty {
        return producer;
    }
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    let result = match state {
        TransactionState::PrepareCommit | TransactionState::CompleteCommit => Commit,
        _ => Abort,
    };
    if state != TransactionState::Ongoing {
        assert!(sim.end(&producer, result, version).is_ok());
    }
    if !state.is_prepared() && state != TransactionState::Ongoing {
        sim.write_markers();
    }
    assert_eq!(sim.state("a"), state);
    producer
}

/// Returns the answers to a commit and an abort in each state, from a producer whose epoch is
/// higher by this.
fn answers(
    version: TransactionVersion,
    bump: i16,
) -> Vec<[Result<(i64, i16), TransactionError>; 2]> {
    let states = TransactionState::ALL.into_iter();
    let of = |state, result| {
        let mut sim = Sim::new(version);
        let producer = producer_in(&mut sim, state, version);
        let producer = TransactionalProducer { epoch: producer.epoch + bump, ..producer };
        sim.end(&producer, result, version)
    };
    states.map(|state| [of(state, Commit), of(state, Abort)]).collect()
}

const INVALID: Result<(i64, i16), TransactionError> = Err(TransactionError::InvalidState);
const CONCURRENT: Result<(i64, i16), TransactionError> = Err(TransactionError::Concurrent);
const FENCED: Result<(i64, i16), TransactionError> = Err(TransactionError::Fenced);

#[test]
fn the_classic_flow_answers_by_state() {
    let (same, older) = (Ok((0, 0)), [FENCED, FENCED]);
    let expected = [
        [INVALID, INVALID],
        [same, same],
        [CONCURRENT, INVALID],
        [INVALID, CONCURRENT],
        [same, INVALID],
        [INVALID, same],
    ];
    assert_eq!(answers(V0, 0), expected);
    assert_eq!(answers(V0, -1), [older; 6]);
    assert_eq!(answers(V0, 1), [older; 6]);
}

#[test]
fn with_an_epoch_for_every_transaction_the_previous_epoch_is_a_retry() {
    let bumped = Ok((0, 1));
    let expected = [
        // The producer's epoch is still the current one.
        [INVALID, bumped],
        [bumped, bumped],
        // From here on the transaction has ended, and this is a retry.
        [CONCURRENT, INVALID],
        [INVALID, CONCURRENT],
        [bumped, INVALID],
        [INVALID, bumped],
    ];
    assert_eq!(answers(V2, 0), expected);
}

#[test]
fn with_an_epoch_for_every_transaction_the_current_epoch_aborts_an_empty_one() {
    let expected = [
        [FENCED, FENCED],
        [FENCED, FENCED],
        [FENCED, FENCED],
        [FENCED, FENCED],
        [INVALID, Ok((0, 2))],
        [INVALID, Ok((0, 2))],
    ];
    assert_eq!(answers(V2, 1), expected);
    assert_eq!(answers(V2, 2), [[FENCED, FENCED]; 6]);
}

#[test]
fn an_end_is_answered_before_the_markers_are_written() {
    for version in [V0, V2] {
        let mut sim = Sim::new(version);
        let producer = producer_in(&mut sim, TransactionState::PrepareCommit, version);
        let start_ms = sim.describe("a").start_ms;
        let next = if version == V2 { (0, 1) } else { (0, 0) };
        assert_eq!(sim.add(&at(&producer, next), "t"), Err(TransactionError::Concurrent));
        let markers = sim.write_markers();
        let expected = TransactionMarkers {
            // The markers have the epoch of the next transaction.
            producer: at(&producer, next),
            result: Commit,
            client_version: version,
            partitions: partitions("t", &[0, 1]),
        };
        assert_eq!(markers, [expected]);
        let description = sim.describe("a");
        assert_eq!(description.state, TransactionState::CompleteCommit);
        assert_eq!((description.start_ms, description.partitions), (start_ms, vec![]));
        assert_eq!(sim.add(&at(&producer, next), "t"), Ok(()));
    }
}

#[test]
fn an_empty_transaction_is_aborted_without_markers() {
    let mut sim = Sim::new(V2);
    let producer = sim.init("a");
    assert_eq!(sim.end(&producer, Abort, V2), Ok((0, 1)));
    assert_eq!(sim.describe("a").start_ms, sim.now.wall_ms);
    assert_eq!(sim.write_markers(), []);
    assert_eq!(sim.state("a"), TransactionState::CompleteAbort);
}

#[test]
fn an_exhausted_epoch_continues_with_a_new_producer_id() {
    for is_restarted in [false, true] {
        let mut sim = Sim::new(V2);
        let mut last = sim.init("a");
        while last.epoch < LAST_EPOCH {
            last = sim.init("a");
        }
        assert_eq!(sim.add(&last, "t"), Ok(()));
        assert_eq!(sim.end(&last, Commit, V2), Ok((1, 0)));
        assert_eq!(sim.end(&last, Commit, V2), CONCURRENT);
        if is_restarted {
            sim.crash();
        }
        let markers = sim.write_markers();
        assert_eq!(markers[0].producer, at(&last, (0, i16::MAX)));
        // The answer may have been lost.
        assert_eq!(sim.end(&last, Commit, V2), Ok((1, 0)));
        assert_eq!(sim.end(&last, Abort, V2), INVALID);
        assert_eq!(sim.add(&at(&last, (1, 0)), "t"), Ok(()));
        assert_eq!(sim.end(&last, Commit, V2), Err(TransactionError::ProducerIdMapping));
    }
}

#[test]
fn a_transaction_of_one_flow_may_end_in_the_other() {
    let mut sim = Sim::new(V2);
    let producer = sim.init("a");
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    assert_eq!(sim.end(&producer, Commit, V0), Ok((0, 0)));
    assert_eq!(sim.write_markers()[0].client_version, V0);
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    assert_eq!(sim.end(&producer, Abort, V2), Ok((0, 1)));
    assert_eq!(sim.write_markers()[0].client_version, V2);
}

#[test]
fn an_end_that_cannot_be_written_is_not_carried_out() {
    let mut sim = Sim::new(V2);
    let producer = sim.init("a");
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    sim.is_full = true;
    let end = EndTransaction {
        producer: producer.clone(),
        result: Commit,
        client_version: V2,
        fresh_id: None,
    };
    let ticket = sim.send(end.into_command());
    assert!(!sim.replies.contains_key(&ticket));
    assert_eq!(sim.state("a"), TransactionState::Ongoing);
    sim.is_full = false;
    assert_eq!(sim.end(&producer, Abort, V2), Ok((0, 1)));
}
