//! InitProducerId and AddPartitionsToTxn.

use super::*;

#[test]
fn every_init_has_a_new_epoch() {
    let mut sim = Sim::new(V0);
    assert_eq!(sim.init_from("a", None), Ok((0, 0)));
    assert_eq!(sim.init_from("a", None), Ok((0, 1)));
    assert_eq!(sim.init_from("b", None), Ok((1, 0)));
    sim.crash();
    assert_eq!(sim.init_from("a", None), Ok((0, 2)));
}

#[test]
fn an_id_must_not_be_empty_and_a_timeout_within_its_bounds() {
    let mut sim = Sim::new(V0);
    let mut ask = |id: &str, timeout_ms| {
        let id = id.to_owned();
        sim.ask(InitProducer { id, timeout_ms, current: None, fresh_id: Some(0) })
    };
    assert_eq!(ask("", 1), Err(TransactionError::EmptyId));
    for timeout_ms in [i32::MIN, -1, 0, 900_001] {
        assert_eq!(ask("a", timeout_ms), Err(TransactionError::InvalidTimeout), "{timeout_ms}");
    }
    assert!(ask("a", 900_000).is_ok());
}

#[test]
fn a_retried_init_has_the_same_answer_until_the_coordinator_restarts() {
    let mut sim = Sim::new(V0);
    sim.init("a");
    assert_eq!(sim.init_from("a", Some((0, 0))), Ok((0, 1)));
    assert_eq!(sim.init_from("a", Some((0, 0))), Ok((0, 1)));
    assert_eq!(sim.init_from("a", Some((0, 5))), Err(TransactionError::Fenced));
    assert_eq!(sim.init_from("a", Some((9, 1))), Err(TransactionError::Fenced));
    sim.crash();
    assert_eq!(sim.init_from("a", Some((0, 0))), Err(TransactionError::Fenced));
    assert_eq!(sim.init_from("a", Some((0, 1))), Ok((0, 2)));
}

#[test]
fn an_init_aborts_an_open_transaction_and_fences_its_producer() {
    for level in [V0, V2] {
        let mut sim = Sim::new(level);
        let old = sim.init("a");
        assert_eq!(sim.add(&old, "t"), Ok(()));
        assert_eq!(sim.init_from("a", None), Err(TransactionError::Concurrent));
        assert_eq!(sim.init_from("a", None), Err(TransactionError::Concurrent));
        assert_eq!(sim.state("a"), TransactionState::PrepareAbort);
        let markers = sim.write_markers();
        assert_eq!(markers.len(), 1);
        assert_eq!(markers[0].producer, at(&old, (0, 1)));
        assert_eq!(markers[0].result, TransactionResult::Abort);
        assert_eq!(sim.state("a"), TransactionState::CompleteAbort);
        assert_eq!(sim.init_from("a", None), Ok((0, 2)));
        assert_eq!(sim.add(&old, "t"), Err(TransactionError::Fenced));
        assert_eq!(sim.end(&old, TransactionResult::Commit, level), Err(TransactionError::Fenced));
    }
}

#[test]
fn an_exhausted_epoch_leads_to_a_new_producer_id() {
    for current in [false, true] {
        let mut sim = Sim::new(V0);
        sim.init("a");
        for epoch in 1..=LAST_EPOCH {
            assert_eq!(sim.init_from("a", None), Ok((0, epoch)));
        }
        let current = current.then_some((0, LAST_EPOCH));
        assert_eq!(sim.init_from("a", current), Ok((1, 0)));
        if current.is_some() {
            // A retry: the id knows its previous producer.
            assert_eq!(sim.init_from("a", current), Ok((1, 0)));
        }
    }
}

#[test]
fn a_producer_with_the_last_epoch_can_be_fenced() {
    for level in [V0, V2] {
        let mut sim = Sim::new(level);
        let mut last = sim.init("a");
        while last.epoch < LAST_EPOCH {
            last = sim.init("a");
        }
        assert_eq!(sim.add(&last, "t"), Ok(()));
        assert_eq!(sim.init_from("a", None), Err(TransactionError::Concurrent));
        assert_eq!(sim.write_markers()[0].producer.epoch, i16::MAX);
        assert_eq!(sim.init_from("a", None), Ok((1, 0)));
        assert_eq!(sim.add(&last, "t"), Err(TransactionError::ProducerIdMapping));
    }
}

#[test]
fn only_the_current_producer_adds_partitions() {
    let mut sim = Sim::new(V0);
    let producer = sim.init("a");
    let unknown = TransactionalProducer { id: "b".to_owned(), ..producer.clone() };
    let expected = [
        (unknown, TransactionError::ProducerIdMapping),
        (at(&producer, (7, 0)), TransactionError::ProducerIdMapping),
        (at(&producer, (0, -1)), TransactionError::Fenced),
        (at(&producer, (0, 1)), TransactionError::Fenced),
    ];
    for (other, error) in expected {
        assert_eq!(sim.add(&other, "t"), Err(error));
        let verify = VerifyPartitions { producer: other, partitions: partitions("t", &[0]) };
        assert_eq!(sim.ask(verify), Err(error));
    }
    assert_eq!(sim.state("a"), TransactionState::Empty);
}

#[test]
fn partitions_that_are_in_already_write_nothing() {
    let mut sim = Sim::new(V0);
    let producer = sim.init("a");
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    let start_ms = sim.now.wall_ms;
    let before = sim.log.clone();
    sim.pass(5);
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    assert_eq!(sim.log, before);
    assert_eq!(sim.add(&producer, "u"), Ok(()));
    assert_ne!(sim.log, before);
    let description = sim.describe("a");
    assert_eq!(description.start_ms, start_ms);
    let all = [partitions("t", &[0, 1]), partitions("u", &[0, 1])].concat();
    assert_eq!(description.partitions, all);
}

#[test]
fn verifying_tells_which_partitions_are_in_the_transaction() {
    let mut sim = Sim::new(V0);
    let producer = sim.init("a");
    let verify = |sim: &mut Sim| {
        let partitions = partitions("t", &[1, 2]);
        sim.ask(VerifyPartitions { producer: producer.clone(), partitions })
    };
    let of = |first, second| Ok(vec![("t".to_owned(), vec![(1, first), (2, second)])]);
    assert_eq!(verify(&mut sim), of(false, false));
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    assert_eq!(verify(&mut sim), of(true, false));
    assert!(sim.end(&producer, TransactionResult::Commit, V0).is_ok());
    assert_eq!(verify(&mut sim), Err(TransactionError::Concurrent));
    sim.write_markers();
    assert_eq!(verify(&mut sim), of(false, false));
}

#[test]
fn ids_and_their_memory_are_limited() {
    let mut sim = Sim::with(V0, TransactionCoordinatorConfig { ids_max: 1, ..RULES });
    let producer = sim.init("a");
    assert_eq!(sim.init_from("b", None), Err(TransactionError::Limit));
    assert_eq!(sim.init_from("a", None), Ok((producer.producer_id, 1)));

    let mut sim = Sim::with(V0, TransactionCoordinatorConfig { bytes_max: 1000, ..RULES });
    let producer = sim.init("a");
    assert_eq!(sim.init_from("b", None), Err(TransactionError::Limit));
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    assert_eq!(sim.add(&producer, &"u".repeat(400)), Err(TransactionError::Limit));
    assert!(sim.end(&producer, TransactionResult::Commit, V0).is_ok());
    sim.write_markers();
    assert_eq!(sim.machine.usage(), (1, 514));

    let mut sim = Sim::new(V0);
    let producer = sim.init("a");
    let all = (0..200_000).collect();
    let partitions = vec![("t".to_owned(), all)];
    let add = AddPartitions { producer, partitions, client_version: V0 };
    assert_eq!(sim.ask(add), Err(TransactionError::TooLarge));
}
