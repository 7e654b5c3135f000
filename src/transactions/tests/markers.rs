//! Markers that fail, and crashes before, between and after them.

use super::*;

use TransactionResult::Commit;

/// Begins the end of a transaction; returns its producer.
fn ending(sim: &mut Sim, id: &str) -> TransactionalProducer {
    let producer = sim.init(id);
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    assert!(sim.end(&producer, Commit, V2).is_ok());
    producer
}

#[test]
fn markers_that_failed_are_written_again_later() {
    let mut sim = Sim::new(V2);
    ending(&mut sim, "a");
    let markers = sim.exchange(Vec::new());
    let failed = partitions("t", &[1]);
    assert_eq!(sim.exchange(vec![done(&markers[0], failed.clone())]), []);
    assert_eq!(sim.describe("a").partitions, failed);
    sim.pass(1000);
    let again = sim.exchange(Vec::new());
    assert_eq!(again[0].partitions, failed);
    assert_eq!(sim.exchange(vec![done(&again[0], Vec::new())]), []);
    assert_eq!(sim.state("a"), TransactionState::CompleteCommit);
}

#[test]
fn after_a_crash_all_markers_of_a_decided_transaction_are_written() {
    let mut sim = Sim::new(V2);
    ending(&mut sim, "a");
    let markers = sim.exchange(Vec::new());
    sim.crash();
    assert_eq!(sim.state("a"), TransactionState::PrepareCommit);
    assert_eq!(sim.write_markers(), markers);
    sim.crash();
    assert_eq!(sim.write_markers(), []);
    assert_eq!(sim.state("a"), TransactionState::CompleteCommit);
}

#[test]
fn after_a_crash_an_empty_abort_is_completed() {
    let mut sim = Sim::new(V2);
    let producer = sim.init("a");
    assert!(sim.end(&producer, TransactionResult::Abort, V2).is_ok());
    sim.crash();
    assert_eq!(sim.state("a"), TransactionState::PrepareAbort);
    sim.pass(0);
    assert_eq!(sim.state("a"), TransactionState::CompleteAbort);
}

#[test]
fn what_cannot_be_completed_on_a_full_disk_is_completed_later() {
    let mut sim = Sim::new(V2);
    ending(&mut sim, "a");
    let markers = sim.exchange(Vec::new());
    sim.is_full = true;
    assert_eq!(sim.exchange(vec![done(&markers[0], Vec::new())]), []);
    assert_eq!(sim.state("a"), TransactionState::PrepareCommit);
    sim.is_full = false;
    sim.pass(1000);
    assert_eq!(sim.state("a"), TransactionState::CompleteCommit);
}

#[test]
fn a_report_of_another_epoch_completes_nothing() {
    let mut sim = Sim::new(V2);
    ending(&mut sim, "a");
    let mut markers = sim.exchange(Vec::new());
    markers[0].producer.epoch -= 1;
    sim.exchange(vec![done(&markers[0], Vec::new())]);
    assert_eq!(sim.state("a"), TransactionState::PrepareCommit);
}

#[test]
fn one_answer_has_markers_of_a_bounded_number_of_partitions() {
    let mut sim = Sim::new(V2);
    let count = SLICE / 2 + 10;
    for id in 0..count {
        ending(&mut sim, &format!("{id:05}"));
    }
    // Two partitions each.
    let markers = sim.exchange(Vec::new());
    assert_eq!(markers.len(), SLICE / 2);
    let written = markers.iter().map(|markers| done(markers, Vec::new())).collect();
    assert_eq!(sim.exchange(written).len(), 10);
}

#[test]
fn markers_are_handed_out_while_others_are_retried() {
    let mut sim = Sim::new(V2);
    ending(&mut sim, "a");
    let markers = sim.exchange(Vec::new());
    sim.exchange(vec![done(&markers[0], partitions("t", &[0]))]);
    ending(&mut sim, "b");
    let markers = sim.exchange(Vec::new());
    assert_eq!(markers[0].producer.id, "b");
    sim.exchange(vec![done(&markers[0], Vec::new())]);
    assert_eq!(sim.state("b"), TransactionState::CompleteCommit);
    assert_eq!(sim.state("a"), TransactionState::PrepareCommit);
}
