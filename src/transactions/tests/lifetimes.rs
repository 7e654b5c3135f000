//! Transactions that time out, ids that expire, and lists of them.

use super::*;

use TransactionResult::Commit;

#[test]
fn a_transaction_that_is_open_too_long_is_aborted_and_its_producer_fenced() {
    for (level, is_restarted) in [(V0, false), (V2, false), (V2, true)] {
        let mut sim = Sim::new(level);
        let producer = sim.init("a");
        assert_eq!(sim.add(&producer, "t"), Ok(()));
        sim.pass(59_000);
        if is_restarted {
            sim.crash();
        }
        assert_eq!(sim.state("a"), TransactionState::Ongoing);
        sim.pass(11_000);
        assert_eq!(sim.state("a"), TransactionState::PrepareAbort);
        let markers = sim.write_markers();
        assert_eq!(markers[0].producer.epoch, producer.epoch + 1);
        assert_eq!(sim.add(&producer, "t"), Err(TransactionError::Fenced));
        sim.pass(10_000);
        assert_eq!(sim.machine.timeout_check_due_ms, None);
    }
}

#[test]
fn on_a_full_disk_timeouts_wait() {
    let mut sim = Sim::new(V2);
    let producer = sim.init("a");
    assert_eq!(sim.add(&producer, "t"), Ok(()));
    sim.is_full = true;
    sim.pass(80_000);
    assert_eq!(sim.state("a"), TransactionState::Ongoing);
    sim.is_full = false;
    sim.pass(10_000);
    assert_eq!(sim.state("a"), TransactionState::PrepareAbort);
}

#[test]
fn an_id_expires_after_it_was_last_used_unless_a_transaction_is_open() {
    let mut sim = Sim::new(V2);
    let [_, used, open] = ["unused", "used", "open"].map(|id| sim.init(id));
    sim.pass(600_000_000);
    assert_eq!(sim.add(&used, "t"), Ok(()));
    assert!(sim.end(&used, Commit, V2).is_ok());
    sim.write_markers();
    assert_eq!(sim.add(&open, "t"), Ok(()));
    sim.pass(3_600_000);
    sim.pass(3_600_000);
    let unused = DescribeTransaction { id: "unused".to_owned() };
    assert_eq!(sim.ask(unused), Err(TransactionError::NotFound));
    assert_eq!(sim.state("used"), TransactionState::CompleteCommit);
    assert_eq!(sim.log.len(), 2);
    sim.write_markers();
    for _ in 0..3 {
        sim.pass(604_800_000);
    }
    assert_eq!(sim.machine.usage(), (0, 0));
    assert!(sim.log.is_empty());
    assert_eq!(sim.machine.next_due_ms(), None);
}

#[test]
fn many_timeouts_take_several_steps() {
    let mut sim = Sim::new(V2);
    for id in 0..SLICE + 1 {
        let producer = sim.init(&format!("{id:05}"));
        assert_eq!(sim.add(&producer, "t"), Ok(()));
    }
    sim.pass(70_000);
    let open = |sim: &mut Sim| sim.machine.timeouts.len();
    assert_eq!(open(&mut sim), 1);
    sim.pass(100);
    assert_eq!(open(&mut sim), 0);
}

#[test]
fn a_list_has_all_ids_in_order() {
    let mut sim = Sim::new(V2);
    for id in 0..SLICE + 1 {
        sim.init(&format!("{id:05}"));
    }
    let (first, has_more) = sim.ask(ListTransactionalIds { after: None });
    assert_eq!((first.len(), has_more), (SLICE, true));
    assert!(first.is_sorted_by(|a, b| a.id < b.id));
    let after = Some(first[SLICE - 1].id.clone());
    let (rest, has_more) = sim.ask(ListTransactionalIds { after });
    assert_eq!((rest.len(), has_more), (1, false));
}
