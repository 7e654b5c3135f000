use super::*;
use crate::config::choices::TimestampType;
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::snapshot;

const DAY: i64 = 86_400_000;

/// Returns the header of a batch as stored in the log.
fn batch(id: i64, epoch: i16, sequence: i32, records: i32, offset: Offset) -> Header {
    let mut builder = BatchBuilder::new(offset, 100).producer(id, epoch, sequence);
    (0..records).for_each(|i| builder.push(None, None, &[], 100 + i64::from(i)));
    Header::read(&builder.finish()).unwrap()
}

fn in_transaction(id: i64, sequence: i32, offset: Offset) -> Header {
    let mut builder = BatchBuilder::new(offset, 100).producer(id, 0, sequence).transactional();
    builder.push(None, None, &[], 100);
    Header::read(&builder.finish()).unwrap()
}

/// Returns a request to end a transaction of a producer whose epochs are longer than one.
fn marker(id: i64, epoch: i16, committed: bool, coordinator_epoch: i32) -> EndTxn {
    let marker = EndTxnMarker { committed, coordinator_epoch };
    EndTxn { producer_id: id, producer_epoch: epoch, marker, bumps_epoch: false }
}

fn end(producers: &mut Producers, offset: Offset, end: EndTxn) -> Option<CompletedTxn> {
    producers.stage_marker(&end).unwrap();
    let header = Header::read(&end.batch(TimestampType::CreateTime, 100)).unwrap();
    producers.commit_marker(&Header { base_offset: offset, ..header }, end.marker, 1)
}

fn stage(producers: &Producers, header: &Header) -> Result<Staged, ProducerError> {
    producers.stage(header, TxnCheck::Unneeded, &Verifications::default())
}

fn out_of_order(staged: Result<Staged, ProducerError>) -> bool {
    matches!(staged, Err(ProducerError::OutOfOrder { .. }))
}

#[test]
fn a_batch_without_a_producer_is_no_business_of_ours() {
    let mut producers = Producers::default();
    let header = batch(-1, -1, -1, 2, 0);
    assert_eq!(stage(&producers, &header), Ok(Staged::NotIdempotent));
    producers.commit(&header, 5);
    assert!(producers.is_empty());
}

#[test]
fn an_unknown_producer_may_begin_anywhere_and_must_then_go_on_from_there() {
    let mut producers = Producers::default();
    let first = batch(7, 2, 900, 3, 50);
    assert_eq!(stage(&producers, &first), Ok(Staged::Append));
    producers.commit(&first, 5);
    assert_eq!(stage(&producers, &batch(7, 2, 903, 1, 0)), Ok(Staged::Append));
    for wrong in [899, 901, 902, 904, 0] {
        assert!(out_of_order(stage(&producers, &batch(7, 2, wrong, 1, 0))), "{wrong}");
    }
}

#[test]
fn staging_changes_nothing() {
    let mut producers = Producers::default();
    producers.commit(&batch(7, 0, 0, 1, 0), 5);
    let before = producers.to_entries();
    for sequence in [0, 1, 9] {
        let _ = stage(&producers, &batch(7, 0, sequence, 1, 0));
        let _ = stage(&producers, &batch(8, 0, sequence, 1, 0));
    }
    assert_eq!(producers.to_entries(), before);
}

#[test]
fn a_duplicate_is_answered_with_the_first_offset_as_long_as_it_is_among_the_last_five() {
    let mut producers = Producers::default();
    for i in 0..7 {
        producers.commit(&batch(7, 0, i * 3, 3, 100 + 10 * i64::from(i)), 5);
    }
    for i in 0..7 {
        let staged = stage(&producers, &batch(7, 0, i * 3, 3, 0));
        if i < 2 {
            assert!(out_of_order(staged), "{i}");
            continue;
        }
        let base_offset = 100 + 10 * i64::from(i);
        let last_offset = base_offset + 2;
        assert_eq!(staged, Ok(Staged::Duplicate { base_offset, last_offset, timestamp: 102 }));
    }
    // The same first sequence number with another length is not the same batch.
    assert!(out_of_order(stage(&producers, &batch(7, 0, 18, 2, 0))));
}

#[test]
fn sequences_wrap_from_the_largest_to_zero() {
    let mut producers = Producers::default();
    producers.commit(&batch(7, 0, i32::MAX - 1, 2, 0), 5);
    assert_eq!(stage(&producers, &batch(7, 0, 0, 1, 0)), Ok(Staged::Append));
    let mut producers = Producers::default();
    let over = batch(7, 0, i32::MAX - 1, 4, 0);
    producers.commit(&over, 5);
    assert_eq!(stage(&producers, &batch(7, 0, 2, 1, 0)), Ok(Staged::Append));
    assert!(matches!(stage(&producers, &over), Ok(Staged::Duplicate { base_offset: 0, .. })));
}

#[test]
fn a_new_epoch_begins_at_zero_and_shuts_the_old_one_out() {
    let mut producers = Producers::default();
    producers.commit(&batch(7, 3, 40, 1, 0), 5);
    assert!(out_of_order(stage(&producers, &batch(7, 4, 41, 1, 0))));
    let new = batch(7, 4, 0, 1, 1);
    assert_eq!(stage(&producers, &new), Ok(Staged::Append));
    producers.commit(&new, 5);
    let old = stage(&producers, &batch(7, 3, 41, 1, 0));
    assert_eq!(old, Err(ProducerError::StaleEpoch { producer_id: 7, sent: 3, current: 4 }));
    // The old epoch's batches are no longer duplicates.
    assert!(stage(&producers, &batch(7, 3, 40, 1, 0)).is_err());
    assert_eq!(stage(&producers, &batch(7, 4, 1, 1, 0)), Ok(Staged::Append));
}

#[test]
fn what_the_broker_writes_for_a_producer_is_held_to_its_epoch_alone() {
    let mut producers = Producers::default();
    producers.commit(&batch(7, 3, 40, 1, 0), 5);
    assert_eq!(stage(&producers, &batch(7, 3, -1, 1, 0)), Ok(Staged::Append));
    assert!(stage(&producers, &batch(7, 2, -1, 1, 0)).is_err());
}

/// A producer's state without a limit.
struct Model(Vec<Header>);

impl Model {
    fn stage(&self, header: &Header) -> &'static str {
        let mine: Vec<_> = self.0.iter().filter(|h| h.producer_id == header.producer_id).collect();
        let Some(last) = mine.last() else { return "append" };
        let same = |h: &&&Header| {
            (h.producer_epoch, h.base_sequence, h.records_count)
                == (header.producer_epoch, header.base_sequence, header.records_count)
        };
        let era = mine.iter().rev().take_while(|h| h.producer_epoch == last.producer_epoch);
        if era.take(5).any(|h| same(&h)) {
            return "duplicate";
        }
        let next = match header.producer_epoch.cmp(&last.producer_epoch) {
            std::cmp::Ordering::Less => return "stale",
            std::cmp::Ordering::Greater => 0,
            std::cmp::Ordering::Equal => {
                (i64::from(last.base_sequence) + i64::from(last.records_count)) % (1 << 31)
            }
        };
        if i64::from(header.base_sequence) == next { "append" } else { "order" }
    }
}

#[test]
fn the_window_agrees_with_a_model_that_remembers_everything() {
    let mut rng = fastrand::Rng::with_seed(21);
    for round in 0..60 {
        let (mut producers, mut model, mut offset) = (Producers::default(), Model(Vec::new()), 0);
        let mut seen = std::collections::HashMap::<_, usize>::new();
        for step in 0..400 {
            let id = rng.i64(0..3);
            let last = model.0.iter().rev().find(|h| h.producer_id == id).copied();
            let mut header = match last {
                Some(last) if rng.u8(..8) > 0 => {
                    let next = last.last_sequence().checked_add(1).unwrap_or(0);
                    batch(id, last.producer_epoch, next, rng.i32(1..4), offset)
                }
                _ => {
                    let near_the_end = i32::MAX - rng.i32(0..8);
                    let sequence = if rng.bool() { 0 } else { near_the_end };
                    batch(id, rng.i16(0..6), sequence, rng.i32(1..4), offset)
                }
            };
            if rng.u8(..3) == 0 && !model.0.is_empty() {
                let back = rng.usize(..model.0.len().min(20));
                header = Header { base_offset: offset, ..model.0[model.0.len() - 1 - back] };
            }
            let staged = match stage(&producers, &header) {
                Ok(Staged::Append) => "append",
                Ok(Staged::Duplicate { .. }) => "duplicate",
                Err(ProducerError::StaleEpoch { .. }) => "stale",
                Err(ProducerError::OutOfOrder { .. }) => "order",
                other => panic!("{other:?}"),
            };
            assert_eq!(staged, model.stage(&header), "round {round}, step {step}");
            *seen.entry(staged).or_default() += 1;
            if staged == "append" {
                producers.commit(&header, 5);
                offset = header.end_offset();
                model.0.push(header);
            }
            if rng.u8(..50) == 0 {
                // A restart from the log loses nothing, as long as the log exists.
                let mut again = Producers::default();
                for header in &model.0 {
                    assert_eq!(again.replay(header, None, 5), None);
                }
                assert_eq!(again.to_entries(), producers.to_entries());
                producers = again;
            }
        }
        assert_eq!(seen.len(), 4, "round {round} saw only {seen:?}");
    }
}

#[test]
fn a_snapshot_keeps_the_newest_batch_of_each() {
    let mut producers = Producers::default();
    producers.commit(&batch(9, 1, 0, 2, 0), 5);
    producers.commit(&batch(9, 1, 2, 2, 2), 5);
    producers.commit(&in_transaction(8, 0, 4), 5);
    let entries = snapshot::decode(&snapshot::encode(&producers.to_entries())).unwrap();
    assert_eq!(entries.iter().map(|e| e.producer_id).collect::<Vec<_>>(), [8, 9]);
    let again = Producers::from_entries(entries.clone());
    assert_eq!(again.to_entries(), entries);
    assert_eq!(again.first_unstable_offset(), Some(4));
    assert!(matches!(
        stage(&again, &batch(9, 1, 2, 2, 0)),
        Ok(Staged::Duplicate { base_offset: 2, .. })
    ));
    assert!(out_of_order(stage(&again, &batch(9, 1, 0, 2, 0))));
    assert_eq!(stage(&again, &batch(9, 1, 4, 1, 0)), Ok(Staged::Append));
}

#[test]
fn a_producer_is_forgotten_a_day_after_its_last_append_whatever_its_timestamps() {
    let mut producers = Producers::default();
    producers.commit(&batch(7, 0, 0, 1, 0), 1_000_000);
    producers.commit(&batch(8, 0, 0, 1, 1), 2_000_000);
    assert_eq!(producers.expire(1_000_000 + DAY - 1, DAY), 0);
    assert_eq!(producers.expire(1_000_000 + DAY, DAY), 1);
    assert_eq!(stage(&producers, &batch(7, 0, 33, 1, 0)), Ok(Staged::Append));
}

#[test]
fn a_timestamp_from_the_future_keeps_no_producer_for_ever() {
    let mut entry = {
        let mut producers = Producers::default();
        producers.commit(&batch(7, 0, 0, 1, 0), 5);
        producers.to_entries()[0]
    };
    entry.timestamp = i64::MAX;
    let mut producers = Producers::from_entries([entry]);
    assert_eq!(producers.expire(1_000, DAY), 0);
    assert_eq!(producers.expire(1_000 + DAY, DAY), 1);
}

#[test]
fn an_open_transaction_holds_the_stable_offset_back_until_its_marker() {
    let mut producers = Producers::default();
    producers.commit(&in_transaction(1, 0, 10), 5);
    producers.commit(&in_transaction(2, 0, 11), 5);
    producers.commit(&in_transaction(1, 1, 12), 5);
    assert_eq!(producers.first_unstable_offset(), Some(10));
    let outside = stage(&producers, &batch(1, 0, 2, 1, 0));
    assert_eq!(outside, Err(ProducerError::InTransaction { producer_id: 1 }));
    // A producer with an open transaction does not expire.
    assert_eq!(producers.expire(i64::MAX, 1), 0);
    let completed = end(&mut producers, 13, marker(1, 0, false, 4)).unwrap();
    let expected = CompletedTxn {
        producer_id: 1,
        first_offset: 10,
        last_offset: 13,
        aborted: true,
        last_stable_offset: 11,
    };
    assert_eq!(completed, expected);
    assert_eq!(producers.first_unstable_offset(), Some(11));
    let completed = end(&mut producers, 14, marker(2, 0, true, 4)).unwrap();
    assert_eq!((completed.aborted, completed.last_stable_offset), (false, 15));
    assert_eq!(producers.first_unstable_offset(), None);
    // The sequence numbers of the same epoch continue; an empty transaction ends without a trace.
    assert_eq!(stage(&producers, &batch(1, 0, 2, 1, 0)), Ok(Staged::Append));
    assert_eq!(end(&mut producers, 15, marker(1, 0, true, 4)), None);
}

#[test]
fn a_marker_with_a_bumped_epoch_ends_the_old_one() {
    let mut producers = Producers::default();
    producers.commit(&in_transaction(1, 0, 10), 5);
    end(&mut producers, 11, marker(1, 1, true, 4)).unwrap();
    assert!(matches!(
        stage(&producers, &in_transaction(1, 1, 0)),
        Err(ProducerError::StaleEpoch { sent: 0, current: 1, .. })
    ));
    assert!(out_of_order(stage(&producers, &batch(1, 1, 1, 1, 0))));
    assert_eq!(stage(&producers, &batch(1, 1, 0, 1, 0)), Ok(Staged::Append));
    let entry = producers.to_entries()[0];
    assert_eq!((entry.last_offset, entry.last_sequence, entry.coordinator_epoch), (-1, -1, 4));
}

#[test]
fn a_batch_that_begins_a_transaction_must_have_been_verified() {
    let mut producers = Producers::default();
    let mut verifications = Verifications::default();
    let first = in_transaction(1, 0, 0);
    let refused = Err(ProducerError::NotInTransaction { producer_id: 1 });
    let unverified = TxnCheck::Unverified;
    assert_eq!(producers.stage(&first, unverified, &verifications), refused);
    assert_eq!(producers.needs_verification(&first), Ok(true));
    let guard = TxnCheck::Verified(verifications.begin(&first, true, 0, 10));
    assert_eq!(producers.stage(&first, unverified, &verifications), refused);
    assert_eq!(producers.stage(&first, guard, &verifications), Ok(Staged::Append));
    producers.commit(&first, 5);
    verifications.appended(&first);
    let second = in_transaction(1, 1, 1);
    assert_eq!(producers.needs_verification(&second), Ok(false));
    assert_eq!(producers.stage(&second, unverified, &verifications), Ok(Staged::Append));
    // Another transaction needs another verification, and a duplicate none.
    end(&mut producers, 1, marker(1, 0, true, 0));
    assert_eq!(producers.stage(&second, guard, &verifications), refused);
    let again = producers.stage(&first, unverified, &verifications);
    assert!(matches!(again, Ok(Staged::Duplicate { base_offset: 0, .. })));
    // Without a transaction there is nothing to verify.
    let plain = producers.stage(&batch(1, 0, 1, 1, 0), unverified, &verifications);
    assert_eq!(plain, Ok(Staged::Append));
}

#[test]
fn a_newer_epoch_is_another_error_than_a_transaction_that_is_not_known() {
    let mut producers = Producers::default();
    end(&mut producers, 0, marker(1, 3, true, 0));
    let stale = ProducerError::StaleEpoch { producer_id: 1, sent: 0, current: 3 };
    let late = in_transaction(1, 0, 1);
    assert_eq!(producers.needs_verification(&late), Err(stale));
    let staged = producers.stage(&late, TxnCheck::Unverified, &Verifications::default());
    assert_eq!(staged, Err(stale));
}

#[test]
fn a_producer_with_an_epoch_for_each_transaction_begins_at_zero() {
    let producers = Producers::default();
    let mut verifications = Verifications::default();
    let later = in_transaction(1, 4, 0);
    let guard = TxnCheck::Verified(verifications.begin(&later, true, 0, 10));
    assert!(out_of_order(producers.stage(&later, guard, &verifications)));
    let first = in_transaction(1, 0, 0);
    assert_eq!(producers.stage(&first, guard, &verifications), Ok(Staged::Append));
    let later = in_transaction(2, 4, 0);
    let guard = TxnCheck::Verified(verifications.begin(&later, false, 0, 10));
    assert_eq!(producers.stage(&later, guard, &verifications), Ok(Staged::Append));
}

#[test]
fn an_old_coordinators_marker_is_refused() {
    let mut producers = Producers::default();
    end(&mut producers, 0, marker(1, 3, true, 9));
    let staged = producers.stage_marker(&marker(1, 3, true, 8));
    assert_eq!(staged, Err(ProducerError::StaleCoordinator { sent: 8, current: 9 }));
    let staged = producers.stage_marker(&marker(1, 2, true, 9));
    assert!(matches!(staged, Err(ProducerError::StaleEpoch { .. })));
}

#[test]
fn a_marker_that_begins_an_epoch_is_newer_than_its_transaction_unless_it_is_repeated() {
    let of = |epoch| EndTxn { bumps_epoch: true, ..marker(1, epoch, true, 4) };
    let mut producers = Producers::default();
    assert_eq!(producers.stage_marker(&of(0)), Ok(()), "an unknown producer");
    producers.commit(&in_transaction(1, 0, 10), 5);
    assert_eq!(producers.stage_marker(&marker(1, 0, true, 4)), Ok(()), "epochs that last");
    let stale = ProducerError::StaleEpoch { producer_id: 1, sent: 0, current: 0 };
    assert_eq!(producers.stage_marker(&of(0)), Err(stale));
    assert!(end(&mut producers, 11, of(1)).is_some());
    assert_eq!(end(&mut producers, 12, of(1)), None, "again");
    let stale = ProducerError::StaleEpoch { producer_id: 1, sent: 0, current: 1 };
    assert_eq!(producers.stage_marker(&of(0)), Err(stale));
}

#[test]
fn the_last_epoch_of_all_may_end_its_own_transaction() {
    let mut producers = Producers::default();
    let header = Header { producer_epoch: i16::MAX, ..in_transaction(1, 0, 10) };
    producers.commit(&header, 5);
    let end = EndTxn { bumps_epoch: true, ..marker(1, i16::MAX, true, 4) };
    assert_eq!(producers.stage_marker(&end), Ok(()));
}

#[test]
fn of_a_million_invented_ids_the_last_ones_are_remembered() {
    const MOST: usize = 10_000;
    let mut producers = Producers::default();
    let (open, heard) = (7_000_000, 7_000_001);
    // One with an open transaction, inactive longest; and one that is active occasionally.
    producers.commit(&in_transaction(open, 0, 0), 0);
    for id in 0..1_000_000 {
        producers.commit(&batch(id, 0, 0, 1, id), id);
        if id % 5_000 == 0 {
            producers.commit(&batch(heard, 0, (id / 5_000) as i32, 1, id), id);
        }
        producers.forget_beyond(MOST);
        assert!(producers.len() <= MOST);
    }
    assert!(producers.len() >= MOST - MOST / 8);
    let known = producers.last_written();
    assert!(known.contains_key(&open) && known.contains_key(&heard));
    let recent = (1_000_000 - (MOST - MOST / 8) as i64 + 2)..1_000_000;
    assert!(recent.clone().all(|id| known.contains_key(&id)));
    // It is as unknown as after its expiration.
    assert_eq!(stage(&producers, &batch(1, 0, 77, 1, 0)), Ok(Staged::Append));
    assert!(producers.to_entries().len() <= MOST);
}
